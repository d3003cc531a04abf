/**
 * Metrics as Prometheus scrapes them: its text exposition format or OpenMetrics, one scrape or several in a row, values with
 * times (milliseconds in the one format, seconds in the other) or without.
 */
import type { MetricsDump } from "./metrics-table.js";
import { SeriesCollector } from "./series-collector.js";
import { SkipLog } from "./skipped.js";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|(?=\}))/y;
const MS_PER_S = 1000;
/** Whole numbers from here on are milliseconds: as seconds they would lie past the year 5000. */
const MILLISECONDS_FROM = 1e11;
/** Values that are no plain numbers. */
const SPECIAL: Readonly<Record<string, number>> = { "+Inf": Infinity, Inf: Infinity, "-Inf": -Infinity, NaN: Number.NaN };

export class MetricsText {
  readonly #series = new SeriesCollector();
  readonly #skips = new SkipLog();
  #line = 0;

  add(line: string): void {
    this.#line++;
    const text = line.trim();
    if (text === "" || text.startsWith("#")) return;
    const problem = this.#sample(text);
    if (problem !== undefined) this.#skips.note(this.#line, problem);
  }

  finish(): MetricsDump {
    return { form: "exposition", series: this.#series.finish(), skipped: this.#skips.result() };
  }

  #sample(text: string): string | undefined {
    const name = NAME.exec(text)?.[0];
    if (name === undefined) return "begins with no metric's name";
    const labels: Record<string, string> = {};
    let at = name.length;
    if (text[at] === "{") {
      const end = readLabels(text, at + 1, labels);
      if (end < 0) return "has labels that can't be read";
      at = end;
    }
    // OpenMetrics puts an exemplar after a hash.
    const [value, time] = text.slice(at).split(" # ", 1)[0]!.trim().split(/\s+/);
    const number = value === undefined || value === "" ? undefined : numberOf(value);
    if (number === undefined) return "has no value";
    const seconds = time === undefined ? Number.NaN : timeOf(time);
    if (seconds === undefined) return "has a time that is no number";
    this.#series.add(name, labels, number, seconds);
    return undefined;
  }
}

/** Reads labels up to the closing brace; returns the place behind it, or -1. */
function readLabels(text: string, from: number, labels: Record<string, string>): number {
  let at = from;
  for (;;) {
    if (text[at] === "}") return at + 1;
    LABEL.lastIndex = at;
    const found = LABEL.exec(text);
    if (found === null) return -1;
    labels[found[1]!] = found[2]!.includes("\\") ? found[2]!.replace(/\\(.)/g, (_, each: string) => (each === "n" ? "\n" : each)) : found[2]!;
    at = LABEL.lastIndex;
  }
}

function numberOf(text: string): number | undefined {
  const special = SPECIAL[text];
  if (special !== undefined) return special;
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function timeOf(text: string): number | undefined {
  const time = numberOf(text);
  if (time === undefined || !Number.isFinite(time)) return undefined;
  return Math.abs(time) >= MILLISECONDS_FROM ? time / MS_PER_S : time;
}

/** Reads a whole exposition. */
export function parseMetricsText(lines: Iterable<string>): MetricsDump {
  const reader = new MetricsText();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
