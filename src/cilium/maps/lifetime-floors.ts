/**
 * For each block of slots a bound below which no lifetime in it lies, so that a search for expired conntrack entries
 * reads the few blocks that can hold one instead of the whole table. Not part of the real maps.
 *
 * A bound sinks with every write and rises to the true minimum when a search has read its block. Rows of elements that
 * have left the map count until they are written anew, as the search's caller expects.
 */

import type { HashTable } from "../../bpf/hash-table.js";

/** Slots of a block, as a shift: 64. */
const BLOCK_SHIFT = 6;
const BLOCK_SLOTS = 1 << BLOCK_SHIFT;
/** Above every lifetime. */
const NONE = 2 ** 32 - 1;

export class LifetimeFloors {
  readonly #table: HashTable;
  /** Word of a row with the lifetime. */
  readonly #column: number;
  readonly #slots: number;
  /** By block; 0 until it has been searched. */
  readonly #floors: Uint32Array;

  constructor(table: HashTable, column: number) {
    this.#table = table;
    this.#column = column;
    this.#slots = table.rows.length / table.stride - 1; // slot 0 is no element's
    this.#floors = new Uint32Array((this.#slots >>> BLOCK_SHIFT) + 1);
  }

  /** A slot's lifetime is now `at`. */
  lower(slot: number, at: number): void {
    const block = slot >>> BLOCK_SHIFT;
    if (at < this.#floors[block]!) this.#floors[block] = at;
  }

  /** Sets the bit of every bucket that holds, or lately held, an element with a lifetime below `reference`. */
  markBuckets(reference: number, bits: Int32Array): void {
    const floors = this.#floors;
    for (let block = 0; block < floors.length; block++) {
      if (floors[block]! < reference) floors[block] = this.#search(block, reference, bits);
    }
  }

  /** Lowest lifetime in a block. */
  #search(block: number, reference: number, bits: Int32Array): number {
    const table = this.#table;
    const { rows, stride } = table;
    const last = Math.min(this.#slots, (block << BLOCK_SHIFT) + BLOCK_SLOTS - 1);
    let floor = NONE;
    for (let slot = Math.max(1, block << BLOCK_SHIFT); slot <= last; slot++) {
      const lifetime = rows[slot * stride + this.#column]! >>> 0;
      if (lifetime === 0 && this.#neverUsed(slot)) continue;
      if (lifetime < floor) floor = lifetime;
      if (lifetime < reference) {
        const bucket = table.bucketOf(slot);
        bits[bucket >>> 5]! |= 1 << (bucket & 31);
      }
    }
    return floor;
  }

  /** No conntrack key is all zero. */
  #neverUsed(slot: number): boolean {
    const { rows, stride, keyWords } = this.#table;
    for (let at = slot * stride; at < slot * stride + keyWords; at++) if (rows[at] !== 0) return false;
    return true;
  }
}
