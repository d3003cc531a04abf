/**
 * `cilium_lb4_maglev`, `cilium_lb6_maglev`: a hash of maps, from rev_nat_index to an array with one element, the whole
 * table of backend ids.
 *
 * The outer map counts and refuses as the kernel's does; a table is kept as one typed array beside it, which is what
 * the inner map is to a program that has looked up its only element.
 */

import type { BpfMap } from "../../bpf/map.js";

export class MaglevMap {
  readonly map: BpfMap;
  readonly #key = new Int32Array(1);
  readonly #tables: (Int32Array | undefined)[] = [];

  constructor(map: BpfMap) {
    this.map = map;
  }

  /** The service's table, or null when it has none. */
  table(revNatIndex: number): Int32Array | null {
    this.#key[0] = revNatIndex;
    const slot = this.map.lookup(this.#key, 0);
    return slot < 0 ? null : this.#tables[slot]!;
  }

  /** Installs a table of backend ids. Returns 0 or a negated error number. */
  setTable(revNatIndex: number, backendIds: ArrayLike<number>): number {
    this.#key[0] = revNatIndex;
    const slot = this.map.update(this.#key, 0, 0, 0);
    if (slot < 0) return slot;
    this.#tables[slot] = Int32Array.from(backendIds);
    return 0;
  }

  removeTable(revNatIndex: number): number {
    this.#key[0] = revNatIndex;
    return this.map.remove(this.#key, 0, 0);
  }
}
