/**
 * `BPF_MAP_TYPE_HASH`, with and without preallocation, and the outer table of `BPF_MAP_TYPE_HASH_OF_MAPS`:
 * `htab_map_update_elem()` in kernel/bpf/hashtab.c.
 *
 * An update of a present key takes a new element, puts it at the front of its chain and frees the old one; it succeeds
 * on a full map too, because the kernel sets elements aside for it. Free elements change CPUs as needed, so the limit
 * is exact and a counter models it.
 *
 * Simplified: without preallocation the kernel can fail with -ENOMEM below the limit when its element cache runs dry;
 * here that happens only as an injected fault (`failAllocations`).
 */

import { Errno } from "./errno.js";
import { HashTable } from "./hash-table.js";
import { NOT_REMEMBERED, RecentLookups } from "./recent-lookups.js";
import { MapFlag, UpdateFlag } from "./spec.js";
import type { MapSpec } from "./spec.js";

/** Elements beyond the limit: one, for the replacement that is in the map before its predecessor leaves. */
const SPARE_ELEMENTS = 1;
/** A map that has not changed during so many lookups is one that the agent fills: the next ones are remembered. */
const STEADY_LOOKUPS = 256;

export class HashMap extends HashTable {
  declare private readonly preallocated: boolean;
  /** Stack of used and freed slots, threaded through the chain column; 0 is its end. */
  private free = 0;
  /** Slots that were never used follow this one. */
  private fresh = 0;
  /** Lookups since the map last changed, up to `STEADY_LOOKUPS`. */
  private unchangedFor = 0;
  private recent: RecentLookups | null = null;

  constructor(spec: MapSpec) {
    super(spec, { maxEntries: spec.maxEntries, slots: spec.maxEntries + SPARE_ELEMENTS, valueCopies: 1 });
    this.preallocated = (spec.flags & MapFlag.noPrealloc) === 0;
  }

  lookup(key: Int32Array, at: number): number {
    return this.hasFourWords ? this.peek(key, at) : this.lookupOther(key, at);
  }

  override get modelBytes(): number {
    return super.modelBytes + (this.recent?.modelBytes ?? 0);
  }

  update(key: Int32Array, at: number, flags: number, cpu: number): number {
    if (flags < 0 || flags > UpdateFlag.exist) return -Errno.EINVAL;
    const hash = this.hash(key, at);
    const old = this.find(key, at, hash);
    if (this.isBusy(hash, cpu)) return -Errno.EBUSY;
    const refused = this.presenceError(old !== 0, flags);
    if (refused !== 0) return refused;
    if (old === 0 && this.count === this.maxEntries) return -Errno.E2BIG;
    if (!this.preallocated && this.refusesAllocation()) return -Errno.ENOMEM;
    const slot = this.take();
    this.link(slot, hash, key, at);
    this.changed();
    if (old !== 0) {
      this.unlink(old, hash);
      this.release(old);
    }
    return slot;
  }

  protected release(slot: number): void {
    this.changed();
    this.links[slot << 1] = this.free;
    this.free = slot;
  }

  /** Keys of other lengths take longer to hash, and stand in maps that seldom change: services, endpoints. */
  private lookupOther(key: Int32Array, at: number): number {
    if (this.unchangedFor < STEADY_LOOKUPS) {
      this.unchangedFor++;
      return this.peek(key, at);
    }
    this.recent ??= new RecentLookups(this.keyWords);
    const known = this.recent.find(key, at);
    if (known !== NOT_REMEMBERED) return known;
    const found = this.peek(key, at);
    this.recent.keep(key, at, found);
    return found;
  }

  private changed(): void {
    this.unchangedFor = 0;
    this.recent?.forget();
  }

  private take(): number {
    const slot = this.free;
    if (slot === 0) return ++this.fresh;
    this.free = this.links[slot << 1]!;
    return slot;
  }
}
