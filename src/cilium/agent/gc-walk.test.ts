import { describe, expect, it } from "vitest";
import { addEntry, pair4 } from "../../../test/support/conntrack-maps.js";
import { BATCH_NO_CURSOR, MapBatch } from "../../bpf/batch.js";
import { HashTable } from "../../bpf/hash-table.js";
import { MEASURED_GC_COSTS } from "./gc-costs.js";
import { batchChunk } from "./gc-plain.js";
import { expiryRule, tableOf } from "./gc-targets.js";
import type { ConntrackPair } from "./gc-targets.js";
import { BatchWalk, KeyWalk, WalkMemory } from "./gc-walk.js";

/** Entries 0 … count - 1; those of `expired` have lifetime 1. */
function filled(count: number, size: number, expired: (i: number) => boolean): ConntrackPair {
  const pair = pair4(size, 64, 64);
  for (let i = 0; i < count; i++) {
    addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i & 0xffff, dport: 80, lifetime: expired(i) ? 1 : 1000 });
  }
  return pair;
}

const cost = { cpuNs: 0, heldNs: 0 };
/** A budget that is spent with the first entry or chunk. */
const LEAST = 1;

describe("batchChunk", () => {
  it("is the smallest power of two from sqrt(2 × entries) on", () => {
    expect([524_288, 262_144, 131_072, 8, 1].map(batchChunk)).toEqual([1024, 1024, 512, 4, 2]);
  });
});

describe("BatchWalk", () => {
  it("reads the chunks that the kernel returns", () => {
    const pair = filled(900, 1000, () => false);
    const table = tableOf(pair.tcp.ct.map);
    const kernel: number[] = [];
    const batch = new MapBatch(batchChunk(table.maxEntries), table.stride);
    for (let cursor = BATCH_NO_CURSOR, status = 0; status === 0; cursor = batch.cursor) {
      status = table.lookupBatch(cursor, batch);
      kernel.push(batch.count);
    }
    const walk = new BatchWalk(pair.tcp, expiryRule(500), MEASURED_GC_COSTS, new WalkMemory(table), 0, undefined);
    const ours: number[] = [];
    while (!walk.done) {
      const from = walk.bucket;
      walk.step(LEAST, { cpuNs: 0, heldNs: 0 });
      if (walk.bucket > from) ours.push(table.countBetween(from, walk.bucket));
    }
    expect(ours.filter((entries) => entries > 0)).toEqual(kernel.filter((entries) => entries > 0));
    expect(kernel.length).toBeGreaterThan(10);
  });

  it("gives up when a bucket outgrows every chunk", () => {
    const pair = filled(0, 4, () => false);
    const table = tableOf(pair.tcp.ct.map);
    const walk = new BatchWalk(pair.tcp, expiryRule(500), MEASURED_GC_COSTS, new WalkMemory(table), 0, undefined);
    walk.chunk = 0;
    addEntry(pair.tcp.ct, { source: 1, destination: 7, sport: 1, dport: 80, lifetime: 1000 });
    walk.step(1e6, cost);
    expect(walk.done).toBe(true);
    expect(walk.counts.completed).toBe(false);
  });
});

describe("KeyWalk between two slices", () => {
  /** A walk that has passed at least half of the entries, in slices of one bucket. */
  function halfWay(expired: (i: number) => boolean): { walk: KeyWalk; table: HashTable } {
    const pair = filled(100, 128, expired);
    const table = tableOf(pair.tcp.ct.map);
    const walk = new KeyWalk(pair.tcp, expiryRule(500), MEASURED_GC_COSTS, new WalkMemory(table), 0, undefined);
    while (walk.counts.alive + walk.counts.deleted < 50) walk.step(LEAST, cost);
    return { walk, table };
  }

  /** Number of the entry that such a walk passes last: keys and so their order are the same in every map. */
  function lastPassed(): number {
    const { walk, table } = halfWay(() => false);
    let last = 0;
    for (let bucket = 0; bucket < walk.bucket; bucket++) {
      for (let slot = table.firstOfBucket(bucket); slot !== 0; slot = table.nextInBucket(slot)) last = slot;
    }
    return table.rows[last * table.stride]!;
  }

  /** Half way, the key on which the walk stands is removed; then it goes on to the end. */
  function afterLosingItsKey(expired: (i: number) => boolean): KeyWalk {
    const { walk, table } = halfWay(expired);
    const key = new Int32Array(4);
    for (let bucket = walk.bucket; ; bucket++) {
      const slot = table.firstOfBucket(bucket);
      if (slot === 0) continue;
      table.copyKey(slot, key, 0);
      table.remove(key, 0, 1);
      break;
    }
    while (!walk.done) walk.step(LEAST, cost);
    return walk;
  }

  it("goes back to the previous key when its own is gone", () => {
    const { counts } = afterLosingItsKey(() => false);
    expect(counts).toMatchObject({ keyFallbacks: 1, interrupted: 0, completed: true, alive: 100 });
  });

  it("starts over when the previous key is gone too, because the walk deleted it", () => {
    expect(afterLosingItsKey(() => true).counts).toMatchObject({ keyFallbacks: 0, interrupted: 1, alive: 0, deleted: 99 });
    const last = lastPassed();
    const { counts } = afterLosingItsKey((i) => i === last);
    expect(counts).toMatchObject({ keyFallbacks: 0, interrupted: 1, completed: true, deleted: 1 });
    expect(counts.alive).toBeGreaterThan(140);
  });

  it("counts survivors again after starting over", () => {
    const pair = filled(100, 128, () => false);
    const table = tableOf(pair.tcp.ct.map);
    const walk = new KeyWalk(pair.tcp, expiryRule(500), MEASURED_GC_COSTS, new WalkMemory(table), 0, undefined);
    for (let i = 0; i < 30; i++) walk.step(LEAST, cost);
    const visited = walk.counts.alive;
    const key = new Int32Array(4);
    // both the key it stands on and all before it vanish
    while (table.nextKey(null, 0, key, 0) === 0) table.remove(key, 0, 1);
    for (let i = 0; i < 40; i++) addEntry(pair.tcp.ct, { source: i, destination: 9, sport: i, dport: 80, lifetime: 1000 });
    while (!walk.done) walk.step(LEAST, cost);
    expect(walk.counts).toMatchObject({ interrupted: 1, alive: visited + 40, completed: true });
  });
});
