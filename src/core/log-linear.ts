/**
 * Counts of values in log-linear buckets: HdrHistogram's layout (lowest discernible value 1), reduced to what a
 * simulation needs while it runs. Recording costs a few nanoseconds; everything that a report wants (encoding, logs,
 * percentile tables) is done by hdr-histogram-js on a snapshot, see `report/hlog.ts`.
 *
 * Layout for d significant digits: sub-buckets S = the power of two at or above 2·10^d (256 or 2048). Values below S
 * have a bucket each; above, every doubling of the value has S/2 buckets of equal width, so a value is known within
 * one part in 10^d. Index = shift · S/2 + (value >> shift), where shift is how far the value must be shifted right to
 * fit S.
 */
import { unitInLastPlace } from "./portable-math.js";

const TWO_POW_31 = 2 ** 31;
const TWO_POW_32 = 2 ** 32;
const WORD_BITS = 32;
/** 2^-n; a product with one of them is exact. */
const INVERSE_POWERS = Float64Array.from({ length: 64 }, (_, n) => 1 / 2 ** n);
/** log2 of the number of sub-buckets for 2 and 3 significant digits. */
const SUB_BUCKET_BITS = { 2: 8, 3: 11 } as const;

export type SignificantDigits = keyof typeof SUB_BUCKET_BITS;

/** The largest value that can be recorded: integers are exact in a double up to here. */
export const HIGHEST_RECORDABLE = Number.MAX_SAFE_INTEGER;

export class LogLinearCounter {
  readonly significantDigits: SignificantDigits;
  /** The largest value that is sure to be accepted, as asked for. */
  readonly highest: number;
  /** Buckets; a double counts exactly to 2^53, and an increment costs the same as in 32 bits. */
  readonly #counts: Float64Array;
  readonly #subBits: number;
  readonly #halfBits: number;
  readonly #subMask: number;
  #count = 0;

  /** `highest`: whole number, 1 … 2^53 - 1. Larger values are refused, up to rounding to the next power of two. */
  constructor(significantDigits: SignificantDigits, highest: number) {
    if (!Number.isSafeInteger(highest) || highest < 1) {
      throw new RangeError(`highest value ${highest} is not a whole number in 1 … 2^53-1`);
    }
    this.significantDigits = significantDigits;
    this.highest = highest;
    this.#subBits = SUB_BUCKET_BITS[significantDigits];
    this.#halfBits = this.#subBits - 1;
    this.#subMask = 2 ** this.#subBits - 1;
    let doublings = 1;
    for (let covered = 2 ** this.#subBits; covered <= highest; covered *= 2) doublings++;
    this.#counts = new Float64Array((doublings + 1) << this.#halfBits);
  }

  /** How many values have been recorded. */
  get count(): number {
    return this.#count;
  }

  /** Adds a value (whole number ≥ 0) `count` times. Throws a `RangeError` for what the layout can't hold. */
  record(value: number, count = 1): void {
    const index = value >= 0 && value < TWO_POW_31 ? this.#indexOfInt(value | 0) : this.#indexOfWide(value);
    if (index >= this.#counts.length) refuseAbove(value, this.highest);
    this.#counts[index]! += count;
    this.#count += count;
  }

  /**
   * The value below or at which a share `q` (0 … 1) of all records lies: the highest value of the bucket that holds
   * that rank, as HdrHistogram's getValueAtPercentile(100 q). For q = 0 the lowest value of the first used bucket.
   * 0 when nothing was recorded.
   */
  quantile(q: number): number {
    return this.valueAtPercentile(100 * q);
  }

  /** As `quantile`, with the percentile (0 … 100) that HdrHistogram's interface takes. */
  valueAtPercentile(percentile: number): number {
    // One unit in the last place is taken off, as HdrHistogram does, so that the rounding of percentile / 100 · count
    // never lifts the rank past a whole number.
    const exactRank = (Math.min(percentile, 100) / 100) * this.#count;
    const rank = Math.max(1, Math.ceil(exactRank - unitInLastPlace(exactRank)));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index]!;
      if (seen >= rank) return percentile === 0 ? this.#lowestAt(index) : this.#highestAt(index);
    }
    return 0;
  }

  /** The lowest value of the first used bucket, 0 when empty. */
  get min(): number {
    return this.valueAtPercentile(0);
  }

  /** The highest value of the last used bucket, 0 when empty. */
  get max(): number {
    return this.valueAtPercentile(100);
  }

  /** Mean with every value at the middle of its bucket, as HdrHistogram. 0 when empty. */
  get mean(): number {
    let sum = 0;
    this.forEach((lowest, highest, count) => {
      sum += (lowest + Math.floor((highest - lowest + 1) / 2)) * count;
    });
    return this.#count === 0 ? 0 : sum / this.#count;
  }

  /** Calls `visit` for every used bucket in rising order; `highest` is inclusive. */
  forEach(visit: (lowest: number, highest: number, count: number) => void): void {
    for (let index = 0; index < this.#counts.length; index++) {
      const count = this.#counts[index]!;
      if (count > 0) visit(this.#lowestAt(index), this.#highestAt(index), count);
    }
  }

  /** Adds another counter's records. Throws a `RangeError` when digits differ or a record does not fit. */
  merge(other: LogLinearCounter): void {
    if (other.significantDigits !== this.significantDigits) {
      throw new RangeError(`can't merge ${other.significantDigits} digits into ${this.significantDigits}`);
    }
    const mine = this.#counts;
    const theirs = other.#counts;
    for (let index = mine.length; index < theirs.length; index++) {
      if (theirs[index]! > 0) throw new RangeError(`merged values exceed the highest value ${this.highest}`);
    }
    const common = Math.min(mine.length, theirs.length);
    for (let index = 0; index < common; index++) mine[index]! += theirs[index]!;
    this.#count += other.#count;
  }

  /** Forgets all records. */
  reset(): void {
    this.#counts.fill(0);
    this.#count = 0;
  }

  /** Values below 2^31 stay in 32-bit integers. */
  #indexOfInt(value: number): number {
    const shift = WORD_BITS - this.#subBits - Math.clz32(value | this.#subMask);
    return (shift << this.#halfBits) + (value >>> shift);
  }

  #indexOfWide(value: number): number {
    if (!(value >= 0 && value <= HIGHEST_RECORDABLE)) refuse(value);
    const high = Math.floor(value / TWO_POW_32);
    const bits = high === 0 ? WORD_BITS : 2 * WORD_BITS - Math.clz32(high);
    const shift = bits - this.#subBits;
    return (shift << this.#halfBits) + Math.floor(value * INVERSE_POWERS[shift]!);
  }

  #shiftAt(index: number): number {
    return Math.max(0, (index >>> this.#halfBits) - 1);
  }

  #lowestAt(index: number): number {
    const shift = this.#shiftAt(index);
    return (index - (shift << this.#halfBits)) * 2 ** shift;
  }

  #highestAt(index: number): number {
    return this.#lowestAt(index) + 2 ** this.#shiftAt(index) - 1;
  }
}

// Apart from the hot path on purpose: with the messages in place, large values cost 70 ns instead of 4.

function refuse(value: number): never {
  throw new RangeError(`${value} can't be recorded: only whole numbers in 0 … 2^53-1`);
}

function refuseAbove(value: number, highest: number): never {
  throw new RangeError(`${value} is above the highest value ${highest}`);
}
