/** What every estimate of this room looks like: a value, and between which bounds the true one lies, how surely. */

/** Confidence of an interval when none is asked for. */
export const CONFIDENCE = 0.95;

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Share of repeated experiments whose interval holds the true value, 0 … 1. */
  readonly confidence: number;
}

export interface Estimate extends Interval {
  readonly value: number;
  /** Independent observations behind it. */
  readonly n: number;
}

/** Throws a `RangeError` unless 0 < confidence < 1. */
export function assertConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`a confidence of ${confidence} is outside 0 … 1`);
}
