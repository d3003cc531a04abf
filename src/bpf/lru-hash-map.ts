/**
 * `BPF_MAP_TYPE_LRU_HASH`: a hash map that forgets instead of refusing. `htab_lru_map_update_elem()` in
 * kernel/bpf/hashtab.c on top of bpf_lru_list.c.
 *
 * An update takes a node before it looks whether the key exists, so every update can evict, even one that then fails.
 */

import { Errno } from "./errno.js";
import { HashTable } from "./hash-table.js";
import { CommonLru } from "./lru-common.js";
import { IN_USE, REFERENCED } from "./lru-list.js";
import type { VictimTable } from "./lru-list.js";
import { PerCpuLru } from "./lru-per-cpu.js";
import { MapFlag, UpdateFlag } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

/** What a lookup of an absent key gives. */
const ABSENT = -Errno.ENOENT;
/** State of an element that a program has looked up. */
const MARKED = IN_USE | REFERENCED;
/** Largest u32, the kernel's bound when it rounds the limit up. */
const U32_MAX = 2 ** 32 - 1;

/**
 * Limit that the kernel makes of the one asked for: without common list a multiple of the CPUs, rounded up (down where
 * rounding up leaves 32 bits).
 */
export function effectiveMaxEntries(spec: MapSpec, host: MapHost): number {
  if ((spec.flags & MapFlag.noCommonLru) === 0) return spec.maxEntries;
  const up = Math.ceil(spec.maxEntries / host.possibleCpus) * host.possibleCpus;
  return up <= U32_MAX ? up : up - host.possibleCpus;
}

export class LruHashMap extends HashTable implements VictimTable {
  /** Elements evicted so far. */
  evictions = 0;
  /** Called with the slot of each element about to be evicted. */
  onEvict: ((slot: number) => void) | undefined = undefined;
  declare protected readonly lru: CommonLru | PerCpuLru;
  /** State of each node: whether it carries an element, and whether that is referenced. */
  declare protected readonly state: Uint8Array;

  constructor(spec: MapSpec, host: MapHost, valueCopies = 1) {
    const maxEntries = effectiveMaxEntries(spec, host);
    super(spec, { maxEntries, slots: maxEntries, valueCopies });
    const common = (spec.flags & MapFlag.noCommonLru) === 0;
    this.lru = common ? new CommonLru(maxEntries, host, this) : new PerCpuLru(maxEntries, host, this);
    this.state = this.lru.nodes.state;
  }

  override get modelBytes(): number {
    return super.modelBytes + this.lru.bytes;
  }

  lookup(key: Int32Array, at: number): number {
    const slot = this.find(key, at, this.hash(key, at));
    if (slot === 0) return ABSENT;
    this.state[slot] = MARKED;
    return slot;
  }

  update(key: Int32Array, at: number, flags: number, cpu: number): number {
    if (flags < 0 || flags > UpdateFlag.exist) return -Errno.EINVAL;
    if (this.refusesAllocation()) return -Errno.ENOMEM;
    const slot = this.lru.take(cpu);
    if (slot === 0) return -Errno.ENOMEM;
    const hash = this.hash(key, at);
    const old = this.find(key, at, hash);
    if (this.isBusy(hash, cpu)) return this.refuse(slot, -Errno.EBUSY);
    const refused = this.presenceError(old !== 0, flags);
    if (refused !== 0) return this.refuse(slot, refused);
    this.link(slot, hash, key, at);
    if (old !== 0) {
      this.state[slot] = MARKED;
      this.unlink(old, hash);
      this.lru.giveBack(old);
    }
    return slot;
  }

  /** Whether the element at `slot` is in the map and has this key: validates a slot kept from an earlier lookup. */
  holds(slot: number, key: Int32Array, at: number): boolean {
    return this.state[slot] !== 0 && this.sameKey(slot, key, at);
  }

  override isUnchanged(slot: number, row: Int32Array, at: number, mask: Int32Array): boolean {
    return this.state[slot] !== 0 && this.hasRow(slot, row, at, mask);
  }

  override stillHolds(slot: number, words: Int32Array, at: number, spans: Int32Array): boolean {
    return this.state[slot] !== 0 && this.hasWords(slot, words, at, spans);
  }

  override mark(slot: number): void {
    this.state[slot] = MARKED;
  }

  override readRows(slots: Int32Array, count: number): void {
    super.readRows(slots, count);
    const { state } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= state[slots[i]!]!;
    this.readSum = sum;
  }

  evict(slot: number, cpu: number): boolean {
    const hash = this.hashOf(slot);
    if (this.isBusy(hash, cpu)) return false;
    this.evictions++;
    this.onEvict?.(slot);
    this.unlink(slot, hash);
    return true;
  }

  foresee(slots: Int32Array, count: number): void {
    this.readAhead(slots, count);
  }

  protected release(slot: number): void {
    this.lru.giveBack(slot);
  }

  /** Gives a taken node back; what was evicted to get it stays evicted. */
  protected refuse(slot: number, error: number): number {
    this.lru.giveBack(slot);
    return error;
  }
}
