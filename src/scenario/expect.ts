/** Expectations of a scenario: `name{label="value",…} OP quantity`. */

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
