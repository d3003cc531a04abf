/**
 * Hubble's ring of decoded events: pkg/hubble/container/ring.go. Writers never wait; a position counts all events ever
 * written, its slot is the position modulo capacity + 1. The newest event can't be read until the next one is there, since a
 * reader can't tell whether it is written out.
 */
import { NO_SLOT } from "./event-store.js";

/** pkg/hubble/container/ring.go `NewCapacity`: one less than a power of two, up to 2^16 - 1. */
export const RING_CAPACITY_MAX = 65_535;

/** What a position is to a reader. */
export const POSITION = { readable: 0, overwritten: 1, ahead: 2 } as const;

export class HubbleRing {
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Events written so far: the position of the next one. */
  written = 0;
  /** The first position since the ring was emptied. */
  #begin = 0;

  /** Throws a `RangeError` when the capacity is not 2^n - 1. */
  constructor(capacity: number) {
    if (capacity < 1 || capacity > RING_CAPACITY_MAX || (capacity & (capacity + 1)) !== 0) {
      throw new RangeError(`a capacity of ${capacity} is not one less than a power of two, up to ${RING_CAPACITY_MAX}`);
    }
    this.#slots = new Int32Array(capacity + 1).fill(NO_SLOT);
    this.#mask = capacity;
  }

  /** Largest number of events that can be read. */
  get capacity(): number {
    return this.#mask;
  }

  /** What `ServerStatus` calls `num_flows`. */
  get length(): number {
    return Math.min(this.written - this.#begin, this.#mask);
  }

  /** First position that can still be read. */
  get oldest(): number {
    return Math.max(this.#begin, this.written - this.#mask - 1);
  }

  /** Last position that can be read; below `oldest` when there is none. */
  get newest(): number {
    return this.written - 2;
  }

  /** Writes an event; gives back the one that it takes the place of, or NO_SLOT. */
  write(slot: number): number {
    const at = this.written++ & this.#mask;
    const overwritten = this.#slots[at]!;
    this.#slots[at] = slot;
    return overwritten;
  }

  /** Whether a position can be read: POSITION. */
  state(position: number): number {
    if (position > this.newest) return POSITION.ahead;
    return position < this.oldest ? POSITION.overwritten : POSITION.readable;
  }

  /** Begins anew, empty; what stands in the slots is given back as they are written again. */
  empty(): void {
    this.#begin = this.written;
  }

  /** What stands at a readable position. */
  at(position: number): number {
    return this.#slots[position & this.#mask]!;
  }
}
