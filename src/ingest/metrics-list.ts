/**
 * The table of `cilium metrics list` (pkg/metrics/cmd.go from 1.17 on, cilium/cmd/metrics_list.go before): columns Metric, Labels
 * and Value, padded with blanks. Labels stand as `k=v k=v`, values unquoted and with blanks (`k="v"` before 1.17). Histograms are
 * `p50 / p90 / p99` from 1.17 on, their sum before.
 */
import type { MetricsDump } from "./metrics-table.js";
import { SeriesCollector } from "./series-collector.js";
import { SkipLog } from "./skipped.js";

const HEAD = /^Metric\s+Labels\s+Value\s*$/;
const ROW = /^([a-zA-Z_:][\w:]*)(?:\s+(.*?))?\s+(\S+(?: \/ \S+ \/ \S+)?)\s*$/;
/** A label, whose value runs to the next one. */
const LABEL = /(?:^| )([a-zA-Z_]\w*)=/g;
const QUANTILES = ["0.5", "0.9", "0.99"];
/** SI prefixes of quantiles, powers of ten; a unit can follow. */
const PREFIXES: Readonly<Record<string, number>> = { n: -9, u: -6, µ: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12 };
const SCALED = /^([-+]?(?:\d+\.?\d*|\.\d+))(?:[eE]([-+]?\d+))?([nuµmkMGT]?)s?$/;

export class MetricsList {
  readonly #series = new SeriesCollector();
  readonly #skips = new SkipLog();
  #line = 0;

  add(line: string): void {
    this.#line++;
    if (line.trim() === "" || HEAD.test(line)) return;
    const problem = this.#row(line);
    if (problem !== undefined) this.#skips.note(this.#line, problem);
  }

  finish(): MetricsDump {
    return { form: "list", series: this.#series.finish(), skipped: this.#skips.result() };
  }

  #row(line: string): string | undefined {
    const found = ROW.exec(line);
    if (found === null) return "is no metric with labels and value";
    const [, name, text = "", value] = found;
    const labels = labelsOf(text.trim());
    const numbers = value!.split(" / ").map(numberOf);
    if (numbers.some((number) => number === undefined)) return "has a value that is no number";
    if (numbers.length === 1) this.#series.add(name!, labels, numbers[0]!, Number.NaN);
    else numbers.forEach((number, index) => this.#series.add(name!, { ...labels, quantile: QUANTILES[index]! }, number!, Number.NaN));
    return undefined;
  }
}

function labelsOf(text: string): Record<string, string> {
  const found = [...text.matchAll(LABEL)];
  return Object.fromEntries(
    found.map((match, index) => {
      const value = text.slice(match.index + match[0].length, found[index + 1]?.index ?? text.length).trim();
      return [match[1]!, value.replace(/^"(.*)"$/, "$1")];
    }),
  );
}

function numberOf(text: string): number | undefined {
  if (text === "NaN") return Number.NaN;
  if (/^[-+]?Inf$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  const found = SCALED.exec(text);
  return found === null ? undefined : Number(`${found[1]}e${Number(found[2] ?? 0) + PREFIXES[found[3]!]!}`);
}

/** Reads a whole table. */
export function parseMetricsList(lines: Iterable<string>): MetricsDump {
  const reader = new MetricsList();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
