/** A finished histogram in HdrHistogram's terms: what was counted, and the statistics as the Java implementation gives them. */
import type { LogLinearCounter } from "../core/log-linear.js";
import { unitInLastPlace } from "../core/portable-math.js";
import { HdrLayout } from "./hdr-layout.js";

export interface HdrShape {
  /** Values are kept apart down to the power of two at or below this; whole number ≥ 1. */
  readonly lowestDiscernible: number;
  /** As the header of the encoded form states it; whole number. */
  readonly highestTrackable: number;
  /** 0 … 5. */
  readonly significantDigits: number;
}

export class HdrSnapshot {
  readonly shape: HdrShape;
  /** Used buckets: number and count, numbers rising, counts > 0. */
  readonly buckets: readonly (readonly [index: number, count: number])[];
  /** How many values were counted. */
  readonly total: number;
  readonly #layout: HdrLayout;

  /** `counts`: bucket number → count; zeros are dropped. Throws a `RangeError` where the sum is no longer exact. */
  constructor(shape: HdrShape, counts: Iterable<readonly [index: number, count: number]>) {
    this.shape = shape;
    this.#layout = new HdrLayout(shape.lowestDiscernible, shape.significantDigits);
    this.buckets = [...counts].filter(([, count]) => count > 0).sort(([left], [right]) => left - right);
    this.total = this.buckets.reduce((sum, [, count]) => sum + count, 0);
    if (!Number.isSafeInteger(this.total)) throw new RangeError(`${this.total} records: counts are exact only below 2^53`);
  }

  static fromCounter(counter: LogLinearCounter): HdrSnapshot {
    const shape = {
      lowestDiscernible: 1,
      // HdrHistogram refuses less than twice the lowest discernible value.
      highestTrackable: Math.max(2, counter.highest),
      significantDigits: counter.significantDigits,
    };
    const layout = new HdrLayout(1, counter.significantDigits);
    const counts: [number, number][] = [];
    counter.forEach((lowest, _highest, count) => counts.push([layout.indexOf(lowest), count]));
    return new HdrSnapshot(shape, counts);
  }

  /** The lowest recorded value, down to its bucket; 0 when empty. */
  get min(): number {
    const first = this.buckets[0];
    return first === undefined ? 0 : this.#layout.lowestAt(first[0]);
  }

  /** As `min`, without the bucket that holds 0; undefined when there is nothing else. */
  get minNonZero(): number | undefined {
    const first = this.buckets.find(([index]) => index > 0);
    return first === undefined ? undefined : this.#layout.lowestAt(first[0]);
  }

  /** The highest recorded value, up to its bucket; 0 when empty. */
  get max(): number {
    const last = this.buckets.at(-1);
    return last === undefined ? 0 : this.#layout.highestAt(last[0]);
  }

  /** 0 when empty. */
  get mean(): number {
    let sum = 0;
    for (const [index, count] of this.buckets) sum += this.#layout.middleAt(index) * count;
    return this.total === 0 ? 0 : sum / this.total;
  }

  /** Of the population; 0 when empty. */
  get stdDeviation(): number {
    const mean = this.mean;
    let sum = 0;
    for (const [index, count] of this.buckets) {
      const deviation = this.#layout.middleAt(index) - mean;
      sum += deviation * deviation * count;
    }
    return this.total === 0 ? 0 : Math.sqrt(sum / this.total);
  }

  /** The highest value of the bucket in which that percentile (0 … 100) lies; its lowest value for 0. 0 when empty. */
  valueAtPercentile(percentile: number): number {
    const exactRank = (Math.min(percentile, 100) / 100) * this.total;
    const rank = Math.max(1, Math.ceil(exactRank - unitInLastPlace(exactRank)));
    let seen = 0;
    for (const [index, count] of this.buckets) {
      seen += count;
      if (seen >= rank) return percentile === 0 ? this.#layout.lowestAt(index) : this.#layout.highestAt(index);
    }
    return 0;
  }
}
