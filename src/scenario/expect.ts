/**
 * Expectations of a scenario: `name{label="value",…} OP quantity`, or `name{…} in A..B`.
 *
 *     syn_latency_p99{window="outside"} < 10ms
 *     map_pressure_before{map="ct4_global"} in 0.9..0.98
 *
 * Only the form and the names are checked here; `lab/` measures.
 */

import { COUNT_FORM, DURATION_FORM, parseCount, parseDuration } from "../core/units.js";
import { mapLabel, MAP_NAMES } from "./map-names.js";
import { EXPECT_LOST_SOURCES, EXPECT_WINDOWS, METRICS, type LabelDomain, type Metric, type MetricUnit } from "./metrics.js";

export const COMPARISONS = ["<", "<=", ">", ">=", "==", "!=", "in"] as const;
export type Comparison = (typeof COMPARISONS)[number];

export interface Expectation {
  /** The line as written. */
  readonly text: string;
  readonly file: string;
  readonly line: number;
  /** One of the names of `metrics.ts`. */
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly comparison: Comparison;
  /** In the metric's base unit: nanoseconds, ratio, count. The lower bound with `in`. */
  readonly value: number;
  /** Upper bound with `in`, otherwise equal to `value`. Both bounds belong to the range. */
  readonly upper: number;
}

export type ParsedExpectation = Omit<Expectation, "file" | "line">;

/** A mistake in an expectation: offsets into its text, and what to say. */
export class ExpectationError extends Error {
  readonly start: number;
  readonly end: number;
  readonly expected: string | undefined;
  readonly names: { readonly written: string; readonly valid: readonly string[] } | undefined;

  constructor(span: Span, message: string, expected?: string, valid?: readonly string[]) {
    super(message);
    this.start = span.start;
    this.end = span.end;
    this.expected = expected;
    this.names = valid === undefined ? undefined : { written: span.text, valid };
  }
}

interface Span {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Names that depend on more than the grammar; a missing list is not checked. */
export interface ExpectationNames {
  /** Cilium's texts of drop reasons. */
  readonly dropReasons?: readonly string[] | undefined;
}

/** Reads one line. Throws an `ExpectationError` that points at the first mistake. */
export function parseExpectation(text: string, names: ExpectationNames = {}): ParsedExpectation {
  const cursor = new Cursor(text);
  const name = cursor.take(/[A-Za-z_][A-Za-z0-9_]*/y);
  if (name === undefined) throw cursor.unexpected('a figure such as syn_latency_p99{window="inside"} < 10ms');
  const metric = Object.hasOwn(METRICS, name.text) ? METRICS[name.text] : undefined;
  if (metric === undefined) {
    throw new ExpectationError(name, `there is no figure "${name.text}"`, undefined, Object.keys(METRICS));
  }
  const labels = readLabels(cursor, name, metric, names);
  const comparison = cursor.take(/<=|>=|==|!=|<|>|in\b/y);
  if (comparison === undefined) throw cursor.unexpected(`one of ${COMPARISONS.join(" ")}`);
  const operator = comparison.text as Comparison;
  const [value, upper] = operator === "in" ? readRange(cursor, metric.unit) : readSingle(cursor, metric.unit);
  return { text, metric: name.text, labels, comparison: operator, value, upper };
}

function readLabels(cursor: Cursor, name: Span, metric: Metric, names: ExpectationNames): Record<string, string> {
  const labels: Record<string, string> = {};
  const known = Object.keys(metric.labels);
  if (cursor.take(/\{/y) !== undefined) {
    while (cursor.take(/\}/y) === undefined) {
      const label = cursor.take(/[A-Za-z_][A-Za-z0-9_]*/y);
      if (label === undefined) throw cursor.unexpected('a label such as window="inside", or }');
      const domain = Object.hasOwn(metric.labels, label.text) ? metric.labels[label.text]!.domain : undefined;
      if (domain === undefined) {
        const expected = known.length === 0 ? "no label" : `one of ${known.join(", ")}`;
        throw new ExpectationError(label, `${name.text} has no label "${label.text}"`, expected, known);
      }
      if (Object.hasOwn(labels, label.text)) throw new ExpectationError(label, `the label "${label.text}" stands twice`);
      if (cursor.take(/=/y) === undefined) throw cursor.unexpected('="value"');
      const value = cursor.take(/"[^"]*"/y);
      if (value === undefined) throw cursor.unexpected('a value in quotes, such as "inside"');
      labels[label.text] = labelValue(domain, inner(value), names);
      if (cursor.take(/,/y) === undefined && !cursor.sees(/\}/y)) throw cursor.unexpected(", or }");
    }
  }
  for (const label of known) {
    if (metric.labels[label]!.required && !Object.hasOwn(labels, label)) {
      throw new ExpectationError(name, `${name.text} needs the label "${label}"`, `${name.text}{${label}="…"}`);
    }
  }
  return labels;
}

/** A quoted span without its quotes. */
function inner({ text, start, end }: Span): Span {
  return { text: text.slice(1, -1), start: start + 1, end: end - 1 };
}

const FIXED_LABELS = { window: EXPECT_WINDOWS, lost: EXPECT_LOST_SOURCES } as const;
const LABEL_WORDS = { window: "window", reason: "drop reason", lost: "source of losses" } as const;

function labelValue(domain: LabelDomain, value: Span, { dropReasons }: ExpectationNames): string {
  if (domain === "map") {
    const label = mapLabel(value.text);
    if (label === undefined) throw new ExpectationError(value, `there is no map "${value.text}"`, undefined, MAP_NAMES);
    return label;
  }
  const valid = domain === "reason" ? dropReasons : FIXED_LABELS[domain];
  if (valid !== undefined && !valid.some((each) => each === value.text)) {
    const expected = domain === "reason" ? "a drop reason in Cilium's words" : `one of ${valid.join(", ")}`;
    throw new ExpectationError(value, `there is no ${LABEL_WORDS[domain]} "${value.text}"`, expected, valid);
  }
  return value.text;
}

function readSingle(cursor: Cursor, unit: MetricUnit): readonly [number, number] {
  const quantity = cursor.take(/\S+/y);
  if (quantity === undefined) throw cursor.unexpected(FORMS[unit]);
  const value = readQuantity(quantity, unit);
  cursor.end();
  return [value, value];
}

function readRange(cursor: Cursor, unit: MetricUnit): readonly [number, number] {
  const range = cursor.take(/\S+/y);
  const dots = range === undefined ? -1 : range.text.indexOf("..");
  if (range === undefined || dots === -1) {
    if (range !== undefined) throw new ExpectationError(range, `"${range.text}" is no range`, "two bounds such as 0.9..0.98");
    throw cursor.unexpected("two bounds such as 0.9..0.98");
  }
  const low = readQuantity({ text: range.text.slice(0, dots), start: range.start, end: range.start + dots }, unit);
  const high = readQuantity({ text: range.text.slice(dots + 2), start: range.start + dots + 2, end: range.end }, unit);
  if (low > high) throw new ExpectationError(range, "the range ends before it begins");
  cursor.end();
  return [low, high];
}

const FORMS: Readonly<Record<MetricUnit, string>> = {
  ns: DURATION_FORM,
  ratio: "a share such as 0.98 or 98%",
  count: COUNT_FORM,
};

function readQuantity(span: Span, unit: MetricUnit): number {
  const value = unit === "ns" ? parseDuration(span.text) : unit === "count" ? parseCount(span.text) : readRatio(span.text);
  if (value !== undefined && Number.isFinite(value)) return value;
  throw new ExpectationError(span, `"${span.text}" does not fit this figure`, FORMS[unit]);
}

/** A share may be above one: pressure can be. */
function readRatio(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  return match === null ? undefined : match[2] === "%" ? Number(match[1]) / 100 : Number(match[1]);
}

/** Reads a line from left to right, blanks skipped. */
class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): Span | undefined {
    this.#skipBlanks();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return { text: match[0], start: match.index, end: pattern.lastIndex };
  }

  sees(pattern: RegExp): boolean {
    const before = this.#at;
    const found = this.take(pattern) !== undefined;
    this.#at = before;
    return found;
  }

  end(): void {
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.unexpected("nothing more");
  }

  unexpected(expected: string): ExpectationError {
    this.#skipBlanks();
    const rest = /\S*/y;
    rest.lastIndex = this.#at;
    const text = rest.exec(this.#text)?.[0] ?? "";
    const span = { text, start: this.#at, end: this.#at + Math.max(1, text.length) };
    return new ExpectationError(span, text === "" ? "the line ends here" : `"${text}" does not fit here`, expected);
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && /\s/.test(this.#text[this.#at]!)) this.#at++;
  }
}
