/**
 * Walking a table in slices without looking at every entry: which buckets may hold something to delete, how far a slice
 * reaches, and where the walk stands between slices.
 *
 * A walk's reference time is fixed when it begins, and no later write brings an entry below it (the datapath writes
 * lifetimes after its own clock). So one search of the lifetimes finds every bucket that can matter; the rest of the
 * walk is counting.
 */

import type { HashTable, SlotWatcher } from "../../bpf/hash-table.js";
import type { CtMap } from "../maps/ct-map.js";

/** `HashTable` counts elements in blocks of this many buckets; slices of large tables end between blocks. */
const BLOCK_BUCKETS = 1024;
/** Tables up to this many buckets are cut exactly where the budget ends. */
export const EXACT_BUCKETS = 131_072;

/** A set of buckets, as bits. */
export class BucketSet {
  readonly #bits: Int32Array;
  /** Every bucket belongs. */
  #all = false;

  constructor(buckets: number) {
    this.#bits = new Int32Array(Math.ceil(buckets / 32));
  }

  /** All buckets of the table. */
  setAll(): void {
    this.#all = true;
  }

  /** No bucket. */
  setNone(): void {
    this.#all = false;
    this.#bits.fill(0);
  }

  /** The buckets that hold, or lately held, an entry with a lifetime below `reference`. */
  setExpiring(ct: CtMap, reference: number): void {
    this.setNone();
    ct.markExpiring(reference, this.#bits);
  }

  /** First bucket of the set in `from` … `to` - 1, or `to`. */
  next(from: number, to: number): number {
    if (this.#all || from >= to) return from;
    const bits = this.#bits;
    let word = from >>> 5;
    let left = bits[word]! & (-1 << (from & 31));
    const last = (to - 1) >>> 5;
    while (left === 0) {
      if (++word > last) return to;
      left = bits[word]!;
    }
    return Math.min(to, word * 32 + 31 - Math.clz32(left & -left));
  }
}

/** First bucket that a slice of about `entries` elements from `from` leaves to the next one. */
export function sliceEnd(table: HashTable, from: number, entries: number): number {
  const buckets = table.buckets;
  if (buckets <= EXACT_BUCKETS) return Math.max(from + 1, table.bucketAfter(from, entries));
  let to = from;
  let passed = 0;
  do {
    const next = Math.min(buckets, (Math.floor(to / BLOCK_BUCKETS) + 1) * BLOCK_BUCKETS);
    passed += table.countBetween(to, next);
    to = next;
  } while (passed < entries && to < buckets);
  return to;
}

/**
 * Where a walk key by key stands between two slices: on a key that may be gone when it is read. The key is copied only
 * when its element leaves the table.
 */
export class KeyCursor implements SlotWatcher {
  readonly #table: HashTable;
  readonly #current: HeldKey;
  readonly #previous: HeldKey;

  constructor(table: HashTable) {
    this.#table = table;
    this.#current = { slot: 0, left: false, key: new Int32Array(table.keyWords) };
    this.#previous = { slot: 0, left: false, key: new Int32Array(table.keyWords) };
  }

  /**
   * The walk has passed the buckets below `to` and stands on the first key after them.
   * `deletedTail`: bucket whose last element the walk itself deleted, -1 for none: then the previous key is gone.
   */
  hold(to: number, deletedTail: number): void {
    const table = this.#table;
    const next = table.nextOccupied(to, table.buckets);
    const current = next < table.buckets ? table.firstOfBucket(next) : 0;
    const last = lastSlot(table, to);
    const previous = deletedTail >= 0 && last !== 0 && table.bucketOf(last) <= deletedTail ? 0 : last;
    this.#current.slot = current;
    this.#current.left = false;
    this.#previous.slot = previous;
    this.#previous.left = false;
    table.watch(this, current, previous);
  }

  leaves(slot: number): void {
    for (const held of [this.#current, this.#previous]) {
      if (held.slot !== slot || held.left) continue;
      held.left = true;
      this.#table.copyKey(slot, held.key, 0);
    }
  }

  /** What reading the held key finds. */
  check(): "there" | "previous" | "restart" {
    if (this.#current.slot === 0 || this.#isThere(this.#current)) return "there";
    if (this.#previous.slot !== 0 && this.#isThere(this.#previous)) return "previous";
    return "restart";
  }

  #isThere(held: HeldKey): boolean {
    return !held.left || this.#table.peek(held.key, 0) >= 0;
  }
}

interface HeldKey {
  slot: number;
  /** The element has left the table since; `key` is its. */
  left: boolean;
  readonly key: Int32Array;
}

/** Last element before a bucket, or 0. */
function lastSlot(table: HashTable, before: number): number {
  for (let bucket = before - 1; bucket >= 0; bucket--) {
    let slot = table.firstOfBucket(bucket);
    if (slot === 0) continue;
    for (let next = table.nextInBucket(slot); next !== 0; next = table.nextInBucket(slot)) slot = next;
    return slot;
  }
  return 0;
}
