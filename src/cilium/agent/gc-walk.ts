/**
 * The walk of one conntrack map in slices of simulated time, key by key or in batches (gc-plain.ts does the same in one
 * go). Between slices the datapath may refresh, add, evict: the races M5 and the key fall-backs come from that.
 *
 * Simplified: inside a slice nothing interleaves. A key walk reads and deletes an entry at the same instant (in reality a
 * microsecond apart). A batch is read at the start of a slice and its deletions happen from the next slice on, by key
 * and without looking again, as the agent does. In tables of more than 131,072 buckets a chunk is a whole number of
 * 1024-bucket blocks, so it can hold a few per cent more or fewer entries than the agent's.
 */

import type { HashTable } from "../../bpf/hash-table.js";
import { BucketSet, EXACT_BUCKETS, KeyCursor, sliceEnd } from "./gc-buckets.js";
import type { GcCosts, SliceCost } from "./gc-costs.js";
import { BATCH_DOUBLINGS_MAX, LOOKUPS_PER_ENTRY_MAX, batchChunk, noCounts, removeEntry } from "./gc-plain.js";
import type { DeletionListener, WalkCounts } from "./gc-plain.js";
import { NOTHING_EXPIRES, isDoomed, tableOf } from "./gc-targets.js";
import type { ConntrackTarget, DeletionRule } from "./gc-targets.js";

/** Buckets that are read ahead together: few enough that they are still in the cache when their turn comes. */
const BUCKETS_AHEAD = 32;

/** Memory that the walks of one map reuse. */
export class WalkMemory {
  readonly buckets: BucketSet;
  readonly cursor: KeyCursor;
  /** Keys of a batch that are to be deleted, each followed by the entry's flags. */
  pending: Int32Array;
  readonly #ahead = new Int32Array(BUCKETS_AHEAD);

  constructor(table: HashTable) {
    this.buckets = new BucketSet(table.buckets);
    this.cursor = new KeyCursor(table);
    this.pending = new Int32Array(64 * (table.keyWords + 1));
  }

  /** Has the next buckets to visit, from `bucket` on, read together. Returns the bucket after the last of them. */
  readAhead(table: HashTable, bucket: number): number {
    let count = 0;
    let next = bucket;
    while (count < BUCKETS_AHEAD && next < table.buckets) {
      this.#ahead[count++] = next;
      next = this.buckets.next(next + 1, table.buckets);
    }
    table.readFronts(this.#ahead, count);
    return next;
  }
}

/** What every walk offers to the one who gives it time. */
export interface SlicedWalk {
  readonly done: boolean;
  /** Works for about `budget` ns from now on and says what it took. */
  step(budget: number, cost: SliceCost): void;
  /** The bucket that the walk has just left, whose lock it may be seen to hold. */
  readonly bucket: number;
  readonly table: HashTable;
}

abstract class ConntrackWalk implements SlicedWalk {
  readonly target: ConntrackTarget;
  readonly table: HashTable;
  readonly counts: WalkCounts = noCounts();
  done = false;
  bucket = 0;
  /** Deletions of entries that were no longer doomed: refreshed between read and delete (M5). */
  refreshedDeletions = 0;
  protected readonly rule: DeletionRule;
  protected readonly costs: GcCosts;
  protected readonly memory: WalkMemory;
  protected readonly cpu: number;
  protected readonly onDeleted: DeletionListener | undefined;

  constructor(
    target: ConntrackTarget,
    rule: DeletionRule,
    costs: GcCosts,
    memory: WalkMemory,
    cpu: number,
    onDeleted: DeletionListener | undefined,
  ) {
    this.target = target;
    this.table = tableOf(target.ct.map);
    this.rule = rule;
    this.costs = costs;
    this.memory = memory;
    this.cpu = cpu;
    this.onDeleted = onDeleted;
    if (rule.scrub !== null || rule.known !== null) memory.buckets.setAll();
    else if (rule.expireBefore === NOTHING_EXPIRES) memory.buckets.setNone();
    else memory.buckets.setExpiring(target.ct, rule.expireBefore);
  }

  abstract step(budget: number, cost: SliceCost): void;

  protected finish(completed: boolean): void {
    this.counts.completed = completed;
    this.done = true;
  }
}

/** Per-entry walk: `DumpReliablyWithCallback`. */
export class KeyWalk extends ConntrackWalk {
  #lookups = 0;
  #begun = false;
  /** Buckets up to here have been read ahead. */
  #readUntil = 0;

  step(budget: number, cost: SliceCost): void {
    if (this.#begun) this.#reread(cost);
    this.#begun = true;
    const { table, costs } = this;
    const from = this.bucket;
    const to = sliceEnd(table, from, Math.max(1, Math.floor(budget / costs.keyWalkEntryNs)));
    const entries = table.countBetween(from, to);
    this.#lookups += entries;
    const deletedTail = this.#visit(from, to, cost);
    cost.cpuNs += entries * costs.keyWalkEntryNs;
    this.counts.alive += entries;
    this.bucket = to;
    if (to >= table.buckets) this.finish(true);
    else if (this.#lookups > LOOKUPS_PER_ENTRY_MAX * table.maxEntries) this.finish(false);
    else this.memory.cursor.hold(to, deletedTail);
  }

  /** Deletes what is doomed; returns the last bucket whose last element went, -1 for none. */
  #visit(from: number, to: number, cost: SliceCost): number {
    const { table, target, rule, counts, costs } = this;
    const { buckets } = this.memory;
    const key = this.memory.pending;
    let deletedTail = -1;
    for (let bucket = buckets.next(from, to); bucket < to; bucket = buckets.next(bucket + 1, to)) {
      if (bucket >= this.#readUntil) this.#readUntil = this.memory.readAhead(table, bucket);
      for (let slot = table.firstOfBucket(bucket); slot !== 0; ) {
        const next = table.nextInBucket(slot);
        if (isDoomed(target, table, slot, rule)) {
          table.copyKey(slot, key, 0);
          const before = counts.deleted;
          const calls = removeEntry(target, key, 0, target.ct.flags(slot), this.cpu, counts, this.onDeleted);
          if (counts.deleted > before) target.ct.retire(slot);
          counts.alive--;
          cost.cpuNs += calls * costs.deleteNs;
          cost.heldNs += costs.deleteLockHeldNs;
          if (next === 0) deletedTail = bucket;
        }
        slot = next;
      }
    }
    return deletedTail;
  }

  /** Reads the key on which the walk stood; when it is gone, goes back or starts over. */
  #reread(cost: SliceCost): void {
    const found = this.memory.cursor.check();
    if (found === "there") return;
    cost.cpuNs += this.costs.keyWalkEntryNs;
    this.#lookups++;
    if (found === "previous") {
      this.counts.keyFallbacks++;
      this.counts.alive++;
    } else {
      this.counts.interrupted++;
      this.bucket = 0;
    }
  }
}

/** Batch walk: `BatchIterator` of pkg/bpf/map_linux.go. */
export class BatchWalk extends ConntrackWalk {
  /** Entries of a chunk. */
  chunk = batchChunk(this.table.maxEntries);
  #doublings = 0;
  #pendingCount = 0;
  #pendingDone = 0;

  step(budget: number, cost: SliceCost): void {
    while (cost.cpuNs < budget && !this.done) {
      if (this.#pendingDone < this.#pendingCount) {
        this.#deleteNext(cost);
      } else if (this.bucket >= this.table.buckets) {
        this.finish(true);
      } else {
        this.#read(cost);
        if (this.#pendingCount > 0) return; // deletions come after the read's time has passed
      }
    }
    if (this.#pendingDone === this.#pendingCount && this.bucket >= this.table.buckets && !this.done) this.finish(true);
  }

  #read(cost: SliceCost): void {
    const { table, costs, counts } = this;
    const from = this.bucket;
    const to = this.#chunkEnd(from);
    if (to === from) {
      this.finish(false);
      return;
    }
    const entries = table.countBetween(from, to);
    counts.alive += entries;
    cost.cpuNs += Math.max(costs.batchCallNs, entries * costs.batchEntryNs);
    cost.heldNs += entries * costs.batchLockHeldNs;
    this.#collect(from, to);
    this.bucket = to;
  }

  /** Where the chunk from `from` ends; `from` itself when a bucket fits no chunk. */
  #chunkEnd(from: number): number {
    const { table } = this;
    for (;;) {
      const to = sliceEnd(table, from, this.chunk);
      if (table.buckets > EXACT_BUCKETS || table.countBetween(from, to) <= this.chunk) return to;
      if (to - 1 > from) return to - 1;
      if (this.#doublings === BATCH_DOUBLINGS_MAX) return from;
      this.#doublings++;
      this.chunk *= 2;
    }
  }

  #collect(from: number, to: number): void {
    const { table, target, rule, memory } = this;
    const width = table.keyWords + 1;
    this.#pendingCount = 0;
    this.#pendingDone = 0;
    for (let bucket = memory.buckets.next(from, to); bucket < to; bucket = memory.buckets.next(bucket + 1, to)) {
      for (let slot = table.firstOfBucket(bucket); slot !== 0; slot = table.nextInBucket(slot)) {
        if (!isDoomed(target, table, slot, rule)) continue;
        const at = this.#pendingCount * width;
        if (at + width > memory.pending.length) memory.pending = grown(memory.pending);
        table.copyKey(slot, memory.pending, at);
        memory.pending[at + width - 1] = target.ct.flags(slot);
        this.#pendingCount++;
      }
    }
  }

  #deleteNext(cost: SliceCost): void {
    const { table, target, memory, counts, costs } = this;
    const width = table.keyWords + 1;
    const at = this.#pendingDone++ * width;
    const slot = table.peek(memory.pending, at);
    if (slot >= 0 && !isDoomed(target, table, slot, this.rule)) this.refreshedDeletions++;
    const flags = memory.pending[at + width - 1]!;
    const before = counts.deleted;
    const calls = removeEntry(target, memory.pending, at, flags, this.cpu, counts, this.onDeleted);
    if (counts.deleted > before) target.ct.retire(slot);
    counts.alive--;
    cost.cpuNs += calls * costs.deleteNs;
    cost.heldNs += costs.deleteLockHeldNs;
  }
}

function grown(words: Int32Array): Int32Array {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}
