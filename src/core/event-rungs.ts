/**
 * The rungs of the event queue's ladder: which bucket a time belongs to. Rung 0 is one bucket for everything late;
 * each rung after it slices one bucket of the rung before into equal widths.
 */

import type { EventBuckets } from "./event-buckets.js";

/** Rungs at most, rung 0 included. A rung divides its range by 16 or more, so 53-bit times need 14. */
export const MAX_RUNGS = 24;

/** Buckets of a rung at least, unless its range has fewer nanoseconds. */
export const MIN_BUCKETS = 16;

export class EventRungs {
  /** Rungs in use. */
  count = 1;
  /** Where each rung's first untaken bucket starts. Falling; one place beyond the finest rung is -Infinity. */
  readonly #start = new Float64Array(MAX_RUNGS + 1).fill(-Infinity);
  readonly #base = new Float64Array(MAX_RUNGS);
  /** Width of a bucket, a power of two, and its inverse: so all bucket arithmetic is exact. */
  readonly #width = new Float64Array(MAX_RUNGS);
  readonly #perWidth = new Float64Array(MAX_RUNGS);
  /** Number of a rung's first bucket, how many it has, and how many are taken. */
  readonly #firstBucket = new Int32Array(MAX_RUNGS);
  readonly #buckets = new Int32Array(MAX_RUNGS);
  readonly #taken = new Int32Array(MAX_RUNGS);

  /** The store's `due`: the time that is looked up. */
  readonly #due: Float64Array;

  /** Rung 0 is the bucket `farBucket` of the store; those of the other rungs are numbered from `firstBucket`. */
  constructor(store: EventBuckets, farBucket: number, firstBucket: number) {
    this.#due = store.due;
    this.#firstBucket[0] = farBucket;
    this.#buckets[0] = firstBucket - farBucket;
  }

  /** The coarsest rung that the time `due` belongs to; `count` when it is earlier than all that is left in rungs. */
  rungOfDue(): number {
    const time = this.#due[0]!;
    let rung = 0;
    while (time < this.#start[rung]!) rung++;
    return rung;
  }

  /** The bucket of a rung for the time `due`; what lies outside the rung's range goes to its ends. */
  bucketOfDue(rung: number): number {
    if (rung === 0) return this.#firstBucket[0]!;
    const slice = (this.#due[0]! - this.#base[rung]!) * this.#perWidth[rung]!;
    const buckets = this.#buckets[rung]!;
    return this.#firstBucket[rung]! + (slice < buckets ? (slice > 0 ? slice | 0 : 0) : buckets - 1);
  }

  /** From which time on events belong to rung 0. */
  get farStart(): number {
    return this.#start[0]!;
  }

  set farStart(time: number) {
    this.#start[0] = time;
  }

  /** Adds a rung of `buckets` slices of that width (a power of two) from `base` on. Returns one beyond its last bucket. */
  begin(base: number, width: number, buckets: number): number {
    const rung = this.count++;
    const first = this.#firstBucket[rung - 1]! + this.#buckets[rung - 1]!;
    this.#base[rung] = base;
    this.#width[rung] = width;
    this.#perWidth[rung] = 1 / width;
    this.#firstBucket[rung] = first;
    this.#buckets[rung] = buckets;
    this.#taken[rung] = 0;
    this.#start[rung] = -Infinity;
    return first + buckets;
  }

  /** Adds a rung of about `wanted` slices over low … high. Returns one beyond its last bucket. */
  beginOver(low: number, high: number, wanted: number): number {
    const buckets = Math.max(MIN_BUCKETS, wanted);
    const range = high - low + 1;
    let width = 1;
    while (width * buckets < range) width *= 2;
    return this.begin(low, width, Math.ceil(range / width));
  }

  /** Number of the finest rung's first untaken bucket, and one beyond its last. */
  get nextBucket(): number {
    const rung = this.count - 1;
    return this.#firstBucket[rung]! + this.#taken[rung]!;
  }

  get endBucket(): number {
    const rung = this.count - 1;
    return this.#firstBucket[rung]! + this.#buckets[rung]!;
  }

  /** Marks the buckets of the finest rung up to and including this one as taken; a rung used up is dropped. */
  takeThrough(bucket: number): void {
    const rung = this.count - 1;
    const taken = bucket + 1 - this.#firstBucket[rung]!;
    if (taken >= this.#buckets[rung]!) {
      this.count = rung;
      this.#start[rung] = -Infinity;
    } else {
      this.#taken[rung] = taken;
      this.#start[rung] = this.#base[rung]! + taken * this.#width[rung]!;
    }
  }
}
