/**
 * How many runs are enough. Looking at an interval after every run and stopping when it pleases makes it too sure of itself; so the looks are
 * few, fixed beforehand, and share the doubt (Bonferroni): all of them together are as sure as was asked for.
 */
import { CONFIDENCE, type Estimate } from "./interval.js";

export interface Look {
  /** Runs after which to look. */
  readonly runs: number;
  /** Confidence of the interval at this look, so that the one at which it ends is as sure as asked for. */
  readonly confidence: number;
}

/** Looks after `runsMin` runs, twice as many, and so on to `runsMax`; equal numbers: a single look at full confidence. */
export function looks(runsMin: number, runsMax: number, confidence = CONFIDENCE): readonly Look[] {
  if (!(runsMin >= 1 && runsMax >= runsMin)) throw new RangeError(`from ${runsMin} to ${runsMax} runs there is nothing to look at`);
  const numbers: number[] = [];
  for (let runs = runsMin; runs < runsMax; runs *= 2) numbers.push(runs);
  numbers.push(runsMax);
  return numbers.map((runs) => ({ runs, confidence: 1 - (1 - confidence) / numbers.length }));
}

/** Half the interval's width in terms of its value: 0.05 reads "± 5 %". Infinity around 0. */
export function relativeWidth({ value, low, high }: Pick<Estimate, "value" | "low" | "high">): number {
  if (low === high) return 0;
  return value === 0 ? Infinity : (high - low) / 2 / Math.abs(value);
}

/** Whether the true value is known to the wanted relative error (Law: Simulation Modeling and Analysis, 9.4.1: γ / (1 + γ)). */
export function isPrecise(estimate: Pick<Estimate, "value" | "low" | "high">, wanted: number): boolean {
  return relativeWidth(estimate) <= wanted / (1 + wanted);
}

/** `none`: any difference is smaller than the tolerance. `undecided`: the interval holds both zero and differences that matter. */
export type Direction = "higher" | "lower" | "none" | "undecided";

/** What an interval of a difference says, when differences up to `tolerance` (≥ 0, same unit) don't matter. */
export function directionOf({ low, high }: Estimate, tolerance: number): Direction {
  if (low >= -tolerance && high <= tolerance) return "none";
  if (low > 0) return "higher";
  return high < 0 ? "lower" : "undecided";
}

/** The same for a threshold: `undecided` while the interval straddles it. */
export function sideOf({ low, high }: Estimate, threshold: number): "above" | "below" | "undecided" {
  if (low > threshold) return "above";
  return high < threshold ? "below" : "undecided";
}
