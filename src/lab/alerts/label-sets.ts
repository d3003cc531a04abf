/** The label sets that a run's metrics have or could have, and which of them a selector takes. */
import type { LabelMatcher, Selector } from "../../scenario/promql.js";
import type { Domain } from "./domains.js";

/** Labels of one series, without its name. */
export type LabelSet = Readonly<Record<string, string>>;

export class LabelSets {
  /** By name of the series as Prometheus stores it: `…_total`, `…_bucket`. */
  readonly #byName = new Map<string, LabelSet[]>();
  readonly #domains: ReadonlyMap<string, Domain>;

  /** `domains`: series that could be there, though this run had no reason for them. */
  constructor(domains: ReadonlyMap<string, Domain>) {
    this.#domains = domains;
  }

  add(name: string, labels: LabelSet): void {
    const sets = this.#byName.get(name);
    if (sets === undefined) this.#byName.set(name, [labels]);
    else sets.push(labels);
  }

  names(): readonly string[] {
    return [...new Set([...this.#domains.keys(), ...this.#byName.keys()])];
  }

  /** Whether any series fits, or could. */
  matches({ name, matchers }: Selector): boolean {
    const candidates = name === "" ? this.names() : [name];
    return candidates.some((each) => {
      const named = matchers.map((matcher) => [matcher, this.values(each, matcher.label)] as const);
      if (this.#byName.get(each)?.some((labels) => matchers.every((matcher) => fits(matcher, { ...labels, __name__: each }))) === true) return true;
      return this.#domains.has(each) && named.every(([matcher, values]) => values === null || values.some((value) => fitsValue(matcher, value)));
    });
  }

  has(name: string): boolean {
    return this.#domains.has(name) || this.#byName.has(name);
  }

  /** What a label of these series can be; "" where it is not there at all, null for anything. */
  values(name: string, label: string): readonly string[] | null {
    const domain = this.#domains.get(name);
    if (label === "__name__") return [name];
    const known = domain === undefined ? [] : label in domain ? domain[label]! : [""];
    if (known === null) return null;
    const seen = (this.#byName.get(name) ?? []).map((labels) => labels[label] ?? "");
    return [...new Set([...known, ...seen])];
  }
}

/** Reads the label sets of OpenMetrics text with time stamps, as `report/open-metrics.ts` writes it. */
export function labelSetsOf(text: string, domains: ReadonlyMap<string, Domain>): LabelSets {
  const sets = new LabelSets(domains);
  let before = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const series = line.slice(0, line.lastIndexOf(" ", line.lastIndexOf(" ") - 1));
    if (series === before) continue;
    before = series;
    const brace = series.indexOf("{");
    if (brace === -1) sets.add(series, {});
    else sets.add(series.slice(0, brace), labelsOf(series.slice(brace + 1, -1)));
  }
  return sets;
}

function labelsOf(text: string): LabelSet {
  const pairs = [...text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!.replace(/\\(.)/g, (_, mark: string) => (mark === "n" ? "\n" : mark))]));
}

/** A label that is not there is empty. */
function fits(matcher: LabelMatcher, labels: LabelSet): boolean {
  return fitsValue(matcher, labels[matcher.label] ?? "");
}

/** Expressions that this machine can't read are taken to fit. */
export function fitsValue({ operator, value }: LabelMatcher, actual: string): boolean {
  if (operator === "=") return actual === value;
  if (operator === "!=") return actual !== value;
  try {
    return new RegExp(`^(?:${value})$`, "su").test(actual) === (operator === "=~");
  } catch {
    return true;
  }
}
