/** Correlated observations of one long run: where its warm-up ends, and an interval for its mean by batches. */
import { CONFIDENCE, type Estimate } from "./interval.js";
import { meanInterval, moments } from "./mean.js";

/** Observations that MSER-5 averages before it looks. */
const MSER_BATCH = 5;
/** MSER-5 trusts no cut in the second half: the run is too short then. */
const TRUSTED_SHARE = 0.5;

export interface WarmUp {
  /** Observations to leave out at the start. */
  readonly length: number;
  /** False: no cut in the first half is best, the run is too short to tell; `length` is then all of it. */
  readonly settled: boolean;
}

/**
 * MSER-5 (White, Cobb, Spratt: "A comparison of five steady-state truncation heuristics for simulation", WSC 2000): of all
 * cuts after a multiple of five observations, the one that leaves the mean of the rest with the smallest standard error.
 */
export function warmUp(values: readonly number[]): WarmUp {
  const batches = batchesOf(values, MSER_BATCH);
  const n = batches.length;
  let best = Infinity;
  let cut = n;
  let sum = 0;
  let squares = 0;
  // Around the mean, so that squares of large values do not cancel.
  const { mean } = moments(batches);
  for (let from = n - 1; from >= 0; from--) {
    const deviation = batches[from]! - mean;
    sum += deviation;
    squares += deviation * deviation;
    const rest = n - from;
    const error = Math.max(0, squares - (sum * sum) / rest) / (rest * rest);
    // The shortest remainders have no spread to speak of.
    if (rest >= MSER_BATCH && error <= best) {
      best = error;
      cut = from;
    }
  }
  return cut > n * TRUSTED_SHARE || n < 2 * MSER_BATCH ? { length: values.length, settled: false } : { length: cut * MSER_BATCH, settled: true };
}

/** Batches that interval and independence are judged by; Schmeiser (1982): 10 to 30, more gains little. */
export const BATCHES = 20;

export interface BatchMeans extends Estimate {
  /** Correlation of neighbouring batches, -1 … 1; far from 0, the batches are too short and the interval too narrow. */
  readonly correlation: number;
  /** Whether that correlation is within what independent batches show in 95 of 100 runs. */
  readonly independent: boolean;
}

/** 97.5 % point of the standard normal distribution. */
const NORMAL_975 = 1.959963984540054;

/** Mean of a run's observations without its first ones that don't fill a batch. Throws a `RangeError` with fewer values than batches. */
export function batchMeans(values: readonly number[], batches = BATCHES, confidence = CONFIDENCE): BatchMeans {
  if (!(batches >= 2 && values.length >= batches)) throw new RangeError(`${values.length} values don't fill ${batches} batches`);
  const size = Math.floor(values.length / batches);
  const means = batchesOf(values.slice(values.length - size * batches), size);
  const correlation = neighbourCorrelation(means);
  // Of independent values: mean -1/n, standard deviation about √((n - 2) / (n² - 1)), von Neumann's ratio (1941).
  const spread = Math.sqrt((batches - 2) / (batches * batches - 1));
  return { ...meanInterval(means, confidence), correlation, independent: Math.abs(correlation) <= NORMAL_975 * spread };
}

function batchesOf(values: readonly number[], size: number): readonly number[] {
  return Array.from({ length: Math.floor(values.length / size) }, (_, batch) => {
    let sum = 0;
    for (let i = batch * size; i < (batch + 1) * size; i++) sum += values[i]!;
    return sum / size;
  });
}

/** 1 - half of von Neumann's ratio: the lag-1 correlation with the ends treated fairly. */
function neighbourCorrelation(values: readonly number[]): number {
  const { mean } = moments(values);
  let squares = 0;
  let steps = 0;
  values.forEach((value, i) => {
    squares += (value - mean) ** 2;
    if (i > 0) steps += (value - values[i - 1]!) ** 2;
  });
  return squares === 0 ? 0 : 1 - steps / (2 * squares);
}
