/** Means of independent observations, Student's interval around them, and paired differences. */
import { betaQuantile } from "./beta.js";
import { assertConfidence, CONFIDENCE, type Estimate } from "./interval.js";

/** The t with P(T ≤ t) = p for `freedom` ≥ 1 degrees of freedom. */
export function studentQuantile(p: number, freedom: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`a probability of ${p} is outside 0 … 1`);
  if (p < 0.5) return -studentQuantile(1 - p, freedom);
  // T² / (freedom + T²) has a beta distribution. The smaller of it and its complement keeps all digits.
  const share = betaQuantile(2 * p - 1, 0.5, freedom / 2);
  if (share <= 0.5) return Math.sqrt((freedom * share) / (1 - share));
  const rest = betaQuantile(2 * (1 - p), freedom / 2, 0.5);
  return Math.sqrt((freedom * (1 - rest)) / rest);
}

export interface Moments {
  readonly n: number;
  readonly mean: number;
  /** Sum of squared deviations over n - 1; NaN below two values. */
  readonly variance: number;
}

/** Mean and variance in two passes, in the order of the values. */
export function moments(values: readonly number[]): Moments {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { n, mean, variance: n < 2 ? NaN : squares / (n - 1) };
}

/**
 * Mean of independent observations (one per run, or one per batch) with Student's interval. With one value the interval is the whole
 * line. Throws a `RangeError` without values.
 */
export function meanInterval(values: readonly number[], confidence = CONFIDENCE): Estimate {
  assertConfidence(confidence);
  if (values.length === 0) throw new RangeError("a mean needs at least one value");
  const first = values[0]!;
  // Equal values have no spread, whatever rounding does to their sum.
  if (values.length > 1 && values.every((value) => value === first)) return { value: first, low: first, high: first, confidence, n: values.length };
  const { n, mean, variance } = moments(values);
  const half = n < 2 ? Infinity : studentQuantile((1 + confidence) / 2, n - 1) * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half, confidence, n };
}

/** Mean of `second - first`, observation by observation: run i of both sides drew the same random numbers. */
export function pairedDifference(first: readonly number[], second: readonly number[], confidence = CONFIDENCE): Estimate {
  if (first.length !== second.length) throw new RangeError(`${first.length} and ${second.length} observations can't be paired`);
  return meanInterval(
    second.map((value, i) => value - first[i]!),
    confidence,
  );
}
