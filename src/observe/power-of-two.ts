/** Counts by power of two, as bpftrace's `hist()` keeps them: [0], [1], [2, 4), [4, 8) … */
import type { LogLinearCounter } from "../core/log-linear.js";

/** Bucket 0 holds 0, bucket k holds [2^(k-1), 2^k); 64 reach 2^63. */
const BUCKETS = 64;

/**
 * [low bound, count] from the first to the last bucket that is not empty, empty ones between included. Exact: no bucket of
 * the counter reaches over a power of two.
 */
export function powerOfTwoBuckets(counter: LogLinearCounter): (readonly [low: number, count: number])[] {
  const counts = new Float64Array(BUCKETS);
  counter.forEach((low, _high, count) => (counts[bucketOf(low)]! += count));
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const bucket = first + index;
    return [bucket === 0 ? 0 : 2 ** (bucket - 1), counts[bucket]!] as const;
  });
}

function bucketOf(value: number): number {
  if (value < 0x80000000) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / 0x100000000));
}
