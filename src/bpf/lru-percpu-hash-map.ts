/**
 * `BPF_MAP_TYPE_LRU_PERCPU_HASH`: `__htab_lru_percpu_map_update_elem()` in kernel/bpf/hashtab.c. Evicts like an LRU
 * hash; an update of a present key writes in place and marks the element as referenced.
 */

import { Errno } from "./errno.js";
import { LruHashMap } from "./lru-hash-map.js";
import { REFERENCED } from "./lru-list.js";
import { UpdateFlag } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

export class LruPercpuHashMap extends LruHashMap {
  constructor(spec: MapSpec, host: MapHost) {
    super(spec, host, host.possibleCpus);
  }

  /** Update from a program: the copy of `cpu` becomes zero for the caller to write; others keep their content. */
  override update(key: Int32Array, at: number, flags: number, cpu: number): number {
    return this.updateCopies(key, at, flags, cpu, cpu, 1);
  }

  /** Update from user space: all copies become zero for the caller to write. */
  updateAllCopies(key: Int32Array, at: number, flags: number, cpu: number): number {
    return this.updateCopies(key, at, flags, cpu, 0, this.valueCopies);
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
    // Only an update that may insert takes a node, so one that must replace evicts nothing.
    let taken = 0;
    if (flags !== UpdateFlag.exist) {
      if (this.refusesAllocation()) return -Errno.ENOMEM;
      taken = this.lru.take(cpu);
      if (taken === 0) return -Errno.ENOMEM;
    }
    const hash = this.hash(key, at);
    const old = this.find(key, at, hash);
    const refused = this.isBusy(hash, cpu) ? -Errno.EBUSY : this.presenceError(old !== 0, flags);
    if (refused === 0 && old === 0) {
      this.link(taken, hash, key, at);
      return taken;
    }
    if (taken !== 0) this.lru.giveBack(taken);
    if (refused !== 0) return refused;
    this.state[old]! |= REFERENCED;
    this.clearCopies(old, firstCopy, copies);
    return old;
  }
}
