/**
 * The orphan NAT scan of one TCP/any pair in slices: `PurgeOrphanNATEntries` of pkg/maps/ctmap. Always key by key, with
 * one or two conntrack look-ups for each NAT entry. `purgeOrphans` in nat-purge.ts does the same in one go.
 */

import type { HashTable } from "../../bpf/hash-table.js";
import type { NatMap } from "../maps/nat-map.js";
import { KeyCursor, sliceEnd } from "./gc-buckets.js";
import type { GcCosts, SliceCost } from "./gc-costs.js";
import { LOOKUPS_PER_ENTRY_MAX } from "./gc-plain.js";
import type { ConntrackPair } from "./gc-targets.js";
import { tableOf } from "./gc-targets.js";
import type { SlicedWalk } from "./gc-walk.js";
import { countOrphan, isForwardKey, isOrphan, noOrphans } from "./nat-purge.js";
import type { OrphanCounts } from "./nat-purge.js";

export class OrphanWalk implements SlicedWalk {
  readonly table: HashTable;
  readonly counts: OrphanCounts = noOrphans();
  done = false;
  bucket = 0;
  keyFallbacks = 0;
  interrupted = 0;
  completed = false;
  readonly #pair: ConntrackPair;
  readonly #nat: NatMap;
  readonly #afterWalk: boolean;
  readonly #costs: GcCosts;
  readonly #cpu: number;
  readonly #cursor: KeyCursor;
  readonly #forward: Int32Array[] = [];
  readonly #backward: Int32Array[] = [];
  readonly #calls = { count: 0 };
  #lookups = 0;
  #begun = false;
  #deleting = 0;

  /** `afterWalk`: 1.18's way, deletions follow a complete walk (none after a failed one). */
  constructor(pair: ConntrackPair, nat: NatMap, afterWalk: boolean, costs: GcCosts, cpu: number) {
    this.#pair = pair;
    this.#nat = nat;
    this.table = tableOf(nat.map);
    this.#afterWalk = afterWalk;
    this.#costs = costs;
    this.#cpu = cpu;
    this.#cursor = new KeyCursor(this.table);
  }

  step(budget: number, cost: SliceCost): void {
    if (this.bucket < this.table.buckets) this.#walk(budget, cost);
    else this.#deleteCollected(budget, cost);
  }

  #walk(budget: number, cost: SliceCost): void {
    if (this.#begun) this.#reread(cost);
    this.#begun = true;
    const perEntry = this.#costs.keyWalkEntryNs + this.#costs.lookupNs;
    const from = this.bucket;
    const to = sliceEnd(this.table, from, Math.max(1, Math.floor(budget / perEntry)));
    this.#lookups += this.table.countBetween(from, to);
    const deletedTail = this.#visit(from, to, cost);
    this.bucket = to;
    if (to >= this.table.buckets) {
      this.completed = true;
      this.done = this.#forward.length + this.#backward.length === 0;
    } else if (this.#lookups > LOOKUPS_PER_ENTRY_MAX * this.table.maxEntries) {
      this.done = true;
    } else {
      this.#cursor.hold(to, deletedTail);
    }
  }

  #visit(from: number, to: number, cost: SliceCost): number {
    const { table } = this;
    let deletedTail = -1;
    for (let bucket = table.nextOccupied(from, to); bucket < to; bucket = table.nextOccupied(bucket + 1, to)) {
      for (let slot = table.firstOfBucket(bucket); slot !== 0; ) {
        const next = table.nextInBucket(slot);
        if (this.#handle(slot, cost) && next === 0) deletedTail = bucket;
        slot = next;
      }
    }
    return deletedTail;
  }

  /** Looks at one NAT entry; true when it was deleted at once. */
  #handle(slot: number, cost: SliceCost): boolean {
    const { table } = this;
    this.#calls.count = 0;
    const orphan = isOrphan(this.#pair, this.#nat, slot, this.#calls);
    cost.cpuNs += this.#costs.keyWalkEntryNs + this.#calls.count * this.#costs.lookupNs;
    const forward = isForwardKey(this.#nat, table.rows, slot * table.stride);
    countOrphan(this.counts, forward, orphan);
    if (!orphan) return false;
    const key = new Int32Array(table.keyWords);
    table.copyKey(slot, key, 0);
    if (this.#afterWalk) {
      (forward ? this.#forward : this.#backward).push(key);
      return false;
    }
    this.#remove(key, cost);
    return true;
  }

  #remove(key: Int32Array, cost: SliceCost): void {
    this.#nat.map.remove(key, 0, this.#cpu);
    cost.cpuNs += this.#costs.deleteNs;
    cost.heldNs += this.#costs.deleteLockHeldNs;
  }

  #deleteCollected(budget: number, cost: SliceCost): void {
    const total = this.#forward.length + this.#backward.length;
    while (this.#deleting < total && cost.cpuNs < budget) {
      const at = this.#deleting++;
      this.#remove((this.#forward[at] ?? this.#backward[at - this.#forward.length])!, cost);
    }
    this.done = this.#deleting >= total;
  }

  #reread(cost: SliceCost): void {
    const found = this.#cursor.check();
    if (found === "there") return;
    cost.cpuNs += this.#costs.keyWalkEntryNs;
    this.#lookups++;
    if (found === "previous") {
      this.keyFallbacks++;
    } else {
      this.interrupted++;
      this.bucket = 0;
    }
  }
}
