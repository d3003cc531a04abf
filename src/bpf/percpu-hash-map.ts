/**
 * `BPF_MAP_TYPE_PERCPU_HASH`, with and without preallocation: `__htab_percpu_map_update_elem()` in
 * kernel/bpf/hashtab.c. Each element has a copy of its value for every possible CPU.
 *
 * An update of a present key writes in place: the element keeps its position in the chain.
 */

import { Errno } from "./errno.js";
import { HashTable } from "./hash-table.js";
import { MapFlag, UpdateFlag } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

export class PercpuHashMap extends HashTable {
  private declare readonly preallocated: boolean;
  /** Stack of used and freed slots, threaded through the chain column; 0 is its end. */
  private free = 0;
  /** Slots that were never used follow this one. */
  private fresh = 0;

  constructor(spec: MapSpec, host: MapHost) {
    super(spec, { maxEntries: spec.maxEntries, slots: spec.maxEntries, valueCopies: host.possibleCpus });
    this.preallocated = (spec.flags & MapFlag.noPrealloc) === 0;
  }

  lookup(key: Int32Array, at: number): number {
    return this.peek(key, at);
  }

  /** Update from a program: the copy of `cpu` becomes zero for the caller to write; others keep their content. */
  update(key: Int32Array, at: number, flags: number, cpu: number): number {
    return this.updateCopies(key, at, flags, cpu, cpu, 1);
  }

  /** Update from user space: all copies become zero for the caller to write. */
  updateAllCopies(key: Int32Array, at: number, flags: number, cpu: number): number {
    return this.updateCopies(key, at, flags, cpu, 0, this.valueCopies);
  }

  protected release(slot: number): void {
    this.links[slot << 1] = this.free;
    this.free = slot;
  }

  private updateCopies(
    key: Int32Array,
    at: number,
    flags: number,
    cpu: number,
    firstCopy: number,
    copies: number,
  ): number {
    if (flags < 0 || flags > UpdateFlag.exist) return -Errno.EINVAL;
    const hash = this.hash(key, at);
    const old = this.find(key, at, hash);
    if (this.isBusy(hash, cpu)) return -Errno.EBUSY;
    const refused = this.presenceError(old !== 0, flags);
    if (refused !== 0) return refused;
    if (old !== 0) {
      this.clearCopies(old, firstCopy, copies);
      return old;
    }
    if (this.count === this.maxEntries) return -Errno.E2BIG;
    if (!this.preallocated && this.refusesAllocation()) return -Errno.ENOMEM;
    const slot = this.take();
    this.link(slot, hash, key, at);
    return slot;
  }

  private take(): number {
    const slot = this.free;
    if (slot === 0) return ++this.fresh;
    this.free = this.links[slot << 1]!;
    return slot;
  }
}
