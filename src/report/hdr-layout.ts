/**
 * HdrHistogram's bucket layout for any lowest discernible value and 0 … 5 significant digits, with the arithmetic of
 * the Java implementation (AbstractHistogram: countsArrayIndex, valueFromIndex). `core/log-linear.ts` is the same for
 * lowest value 1 and 2 or 3 digits, made for speed.
 *
 * Values below S · unit (S = the power of two at or above 2 · 10^digits, unit = the power of two at or below the lowest
 * discernible value) have buckets of one unit; above, every doubling has S / 2 buckets of equal width.
 */

const WORD_BITS = 32;
const TWO_POW_32 = 2 ** 32;
const DIGITS_MAX = 5;

export class HdrLayout {
  readonly #unitBits: number;
  readonly #subBits: number;

  /** Throws a `RangeError` for parameters that HdrHistogram refuses. */
  constructor(lowestDiscernible: number, significantDigits: number) {
    if (!Number.isSafeInteger(lowestDiscernible) || lowestDiscernible < 1) {
      throw new RangeError(`lowest discernible value ${lowestDiscernible} is not a whole number ≥ 1`);
    }
    if (!Number.isInteger(significantDigits) || significantDigits < 0 || significantDigits > DIGITS_MAX) {
      throw new RangeError(`${significantDigits} significant digits: only 0 … ${DIGITS_MAX} are possible`);
    }
    this.#unitBits = bitLength(lowestDiscernible) - 1;
    this.#subBits = bitLength(2 * 10 ** significantDigits - 1);
  }

  /** The bucket of a value, a whole number 0 … 2^53 - 1. */
  indexOf(value: number): number {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number in 0 … 2^53-1`);
    const shift = Math.max(0, bitLength(value) - this.#unitBits - this.#subBits);
    return shift * this.#half + Math.floor(value / 2 ** (shift + this.#unitBits));
  }

  lowestAt(index: number): number {
    const shift = this.#shiftAt(index);
    return (index - shift * this.#half) * 2 ** (shift + this.#unitBits);
  }

  /** Inclusive. */
  highestAt(index: number): number {
    return this.lowestAt(index) + this.#widthAt(index) - 1;
  }

  /** The value that stands for the bucket in mean and deviation: its middle, rounded up. */
  middleAt(index: number): number {
    return this.lowestAt(index) + Math.floor(this.#widthAt(index) / 2);
  }

  /** The largest value that a histogram made for `highest` can hold: the end of its last doubling. */
  coveredBy(highest: number): number {
    let covered = 2 ** (this.#subBits + this.#unitBits);
    while (covered <= highest) covered *= 2;
    return covered - 1;
  }

  get #half(): number {
    return 2 ** (this.#subBits - 1);
  }

  #shiftAt(index: number): number {
    return Math.max(0, Math.floor(index / this.#half) - 1);
  }

  #widthAt(index: number): number {
    return 2 ** (this.#shiftAt(index) + this.#unitBits);
  }
}

/** Bits needed for a whole number below 2^53; 0 for 0. */
function bitLength(value: number): number {
  const high = Math.floor(value / TWO_POW_32);
  return high === 0 ? WORD_BITS - Math.clz32(value) : 2 * WORD_BITS - Math.clz32(high);
}
