/** The interface of every map, in terms of slots: numbers that stand for an element while it is in the map. */

import type { MapSpec } from "./spec.js";

/**
 * A map as a program and the agent use it.
 *
 * Keys are rows of little-endian 32-bit words, `at` being the index of the first one; the bytes of the last word past
 * the key size must be zero. Methods return a slot (0 or more) or zero on success and a negated `Errno` on
 * failure. A slot is good until the element leaves the map or is replaced.
 */
export interface BpfMap {
  readonly spec: MapSpec;
  /** Limit as the kernel reports it; rounded up to a multiple of the CPUs for LRU maps without common list. */
  readonly maxEntries: number;
  /** Elements in the map now. */
  readonly count: number;
  /** Bytes that this model of the map takes, not the kernel's (see memory.ts). */
  readonly modelBytes: number;
  /** Lookup from a program: marks an LRU element as referenced. Slot or -ENOENT. */
  lookup(key: Int32Array, at: number): number;
  /** Lookup from user space: leaves no mark. Slot or -ENOENT. */
  peek(key: Int32Array, at: number): number;
  /** Inserts or replaces on CPU `cpu`. Returns the slot, whose value words are all zero and for the caller to write. */
  update(key: Int32Array, at: number, flags: number, cpu: number): number;
  /** Deletes on CPU `cpu`. 0 or negated error number. */
  remove(key: Int32Array, at: number, cpu: number): number;
  /** Value word `w` (byte offset / 4) as int32. */
  word(slot: number, w: number): number;
  setWord(slot: number, w: number, value: number): void;
  /** Writes the key of a slot to `out` from index `at`. */
  copyKey(slot: number, out: Int32Array, at: number): void;
  /**
   * Key after `key` in iteration order, or the first one when `key` is null or not there. Writes it to `out` from
   * `outAt` and returns 0, or -ENOENT at the end.
   */
  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number;
}
