/** Counts by power of two, as bpftrace's `hist()` keeps them: [0], [1], [2, 4), [4, 8) … */

/** Bucket 0 holds 0, bucket k holds [2^(k-1), 2^k); 64 reach 2^63. */
const BUCKETS = 64;

export class PowerOfTwoHistogram {
  readonly #counts = new Float64Array(BUCKETS);

  /** `value`: a whole number ≥ 0, below 2^53. */
  record(value: number): void {
    this.#counts[bucketOf(value)]!++;
  }

  /** [low bound, count] from the first to the last bucket that is not empty, empty ones between included. */
  buckets(): (readonly [number, number])[] {
    const first = this.#counts.findIndex((count) => count > 0);
    const last = this.#counts.findLastIndex((count) => count > 0);
    if (first < 0) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const bucket = first + index;
      return [bucket === 0 ? 0 : 2 ** (bucket - 1), this.#counts[bucket]!] as const;
    });
  }
}

function bucketOf(value: number): number {
  if (value < 0x80000000) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / 0x100000000));
}
