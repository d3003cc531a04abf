/**
 * Quantiles of independent observations with order-statistic intervals, which assume nothing about the distribution
 * (David, Nagaraja: Order Statistics, 3rd edition, 7.1). Observations of one run are seldom independent: with several runs, take the
 * quantile of each and `meanInterval`.
 */
import { binomialProbability } from "./beta.js";
import { assertConfidence, CONFIDENCE } from "./interval.js";

/** Between which ranks (1 = lowest, n = highest) the quantile lies; null where even the outermost observation is no bound. */
export interface QuantileRanks {
  readonly low: number | null;
  readonly high: number | null;
  /** What the two ranks really give: at least the confidence asked for; less only where a bound is null. */
  readonly coverage: number;
}

/** Ranks for quantile `q` (0 < q < 1) of n observations, each tail at most (1 - confidence) / 2. */
export function quantileRanks(n: number, q: number, confidence = CONFIDENCE): QuantileRanks {
  assertConfidence(confidence);
  if (!(q > 0 && q < 1)) throw new RangeError(`a quantile of ${q} is outside 0 … 1`);
  if (!(Number.isSafeInteger(n) && n > 0)) throw new RangeError(`${n} observations have no quantiles`);
  const tail = (1 - confidence) / 2;
  // P(B < rank) grows with the rank; B counts the observations below the quantile.
  const below = (rank: number): number => binomialProbability(rank - 1, n, q);
  const low = lowestRank(n, (rank) => below(rank) > tail) - 1;
  const high = lowestRank(n, (rank) => below(rank) >= 1 - tail);
  return {
    low: low < 1 ? null : low,
    high: high > n ? null : high,
    coverage: below(high > n ? n + 1 : high) - (low < 1 ? 0 : below(low)),
  };
}

/** The lowest rank, 1 … n, for which the test is true; n + 1 when it never is. The test stays true once it is. */
function lowestRank(n: number, test: (rank: number) => boolean): number {
  let [low, high] = [1, n + 1];
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface QuantileEstimate {
  /** The observation of rank ⌈n·q⌉. */
  readonly value: number;
  /** Null: too few observations for a bound on this side. */
  readonly low: number | null;
  readonly high: number | null;
  readonly confidence: number;
  readonly n: number;
}

/** Quantile of observations in any order. */
export function quantileInterval(values: readonly number[], q: number, confidence = CONFIDENCE): QuantileEstimate {
  const sorted = [...values].sort((a, b) => a - b);
  return estimate(sorted.length, q, confidence, (rank) => [sorted[rank - 1]!, sorted[rank - 1]!]);
}

/** A bucket of counted values, both ends included. Ascending, disjoint. */
export type CountedBucket = readonly [low: number, high: number, count: number];

/** The same of a histogram; bounds take the outer edge of their bucket, the value its upper edge as HdrHistogram does. */
export function bucketQuantileInterval(buckets: readonly CountedBucket[], q: number, confidence = CONFIDENCE): QuantileEstimate {
  const n = buckets.reduce((sum, [, , count]) => sum + count, 0);
  return estimate(n, q, confidence, (rank) => {
    let seen = 0;
    const holder = buckets.find(([, , count]) => (seen += count) >= rank)!;
    return [holder[0], holder[1]];
  });
}

function estimate(n: number, q: number, confidence: number, at: (rank: number) => readonly [low: number, high: number]): QuantileEstimate {
  const ranks = quantileRanks(n, q, confidence);
  return {
    value: at(Math.min(n, Math.max(1, Math.ceil(n * q))))[1],
    low: ranks.low === null ? null : at(ranks.low)[0],
    high: ranks.high === null ? null : at(ranks.high)[1],
    confidence,
    n,
  };
}
