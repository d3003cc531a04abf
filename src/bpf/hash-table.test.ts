/** What no recorded trace shows: held bucket locks, injected faults, held value words, handles, maps of 16 Mi entries. */
import { describe, expect, it } from "vitest";

import { createMap } from "./create.js";
import { Errno } from "./errno.js";
import { HashMap } from "./hash-map.js";
import { LruHashMap } from "./lru-hash-map.js";
import { MapFlag, MapType, UpdateFlag } from "./spec.js";
import type { MapSpec } from "./spec.js";

const HOST = { possibleCpus: 2, refill: "scaled" } as const;
const KEY_WORDS = 4;
/** The words of a conntrack entry that are ever written, without accounting. */
const CT_WORDS = [2, 8, 9, 10, 11, 12, 13];
const { any, exist, noExist } = UpdateFlag;

function specOf(type: MapType, maxEntries: number, more: Partial<MapSpec> = {}): MapSpec {
  return { name: "ct4_global", type, keySize: 14, valueSize: 56, maxEntries, flags: MapFlag.zeroSeed, ...more };
}

function keyOf(id: number): Int32Array {
  return Int32Array.from({ length: KEY_WORDS }, (_, i) => (i === KEY_WORDS - 1 ? 6 : Math.imul(id + i, 0x9e3779b1)));
}

describe.each([
  ["hash", () => new HashMap(specOf(MapType.hash, 64))],
  ["LRU hash", () => new LruHashMap(specOf(MapType.lruHash, 64), HOST)],
])("a bucket lock of a %s held on a CPU", (_name, make) => {
  /** A key whose bucket is, or is not, in the same of the eight lock groups as that of key 0. */
  const keyIn = (map: HashMap | LruHashMap, same: boolean): Int32Array => {
    const group = map.hash(keyOf(0), 0) & 7;
    for (let id = 1; ; id++) if (((map.hash(keyOf(id), 0) & 7) === group) === same) return keyOf(id);
  };

  it("refuses updates and deletions on that CPU, of keys in its lock group, until it is released", () => {
    const map = make();
    const [held, same, other] = [keyOf(0), keyIn(map, true), keyIn(map, false)];
    map.update(same, 0, any, 0);
    map.holdBucketLock(map.hash(held, 0) & (map.buckets - 1), 0);
    expect(map.update(held, 0, any, 0)).toBe(-Errno.EBUSY);
    expect(map.update(same, 0, exist, 0)).toBe(-Errno.EBUSY);
    expect(map.remove(same, 0, 0)).toBe(-Errno.EBUSY);
    expect(map.lookup(same, 0)).toBeGreaterThan(0);
    expect(map.update(other, 0, any, 0)).toBeGreaterThan(0);
    expect(map.update(held, 0, any, 1)).toBeGreaterThan(0);
    expect(map.remove(held, 0, 1)).toBe(0);
    map.releaseBucketLock();
    expect(map.update(held, 0, noExist, 0)).toBeGreaterThan(0);
    expect(map.remove(same, 0, 0)).toBe(0);
    expect(map.count).toBe(2);
  });
});

it("a refused update of an LRU map gives its node back", () => {
  const map = new LruHashMap(specOf(MapType.lruHash, 64), HOST);
  map.holdBucketLock(map.hash(keyOf(0), 0) & (map.buckets - 1), 0);
  for (let i = 0; i < 1000; i++) expect(map.update(keyOf(0), 0, any, 0)).toBe(-Errno.EBUSY);
  map.releaseBucketLock();
  for (let id = 0; id < 64; id++) expect(map.update(keyOf(id), 0, noExist, 0)).toBeGreaterThan(0);
  expect([map.count, map.evictions]).toEqual([64, 0]);
});

it("injected allocation failures refuse as many updates as were asked for, and change nothing", () => {
  const map = new HashMap(specOf(MapType.hash, 4, { flags: MapFlag.noPrealloc }));
  map.failAllocations = 2;
  expect([1, 2, 3].map((id) => map.update(keyOf(id), 0, any, 0))).toEqual([-Errno.ENOMEM, -Errno.ENOMEM, expect.any(Number)]);
  expect(map.count).toBe(1);
});

it("only held value words keep what is written, and an update begins with zeros", () => {
  const map = new HashMap(specOf(MapType.hash, 4, { storedWords: [2, 8] }));
  const write = (): number => {
    const slot = map.update(keyOf(1), 0, any, 0);
    expect(Array.from({ length: 14 }, (_, word) => map.word(slot, word))).toEqual(Array(14).fill(0));
    for (let word = 0; word < 14; word++) map.setWord(slot, word, word + 100);
    return slot;
  };
  write();
  const slot = write();
  expect(Array.from({ length: 14 }, (_, word) => map.word(slot, word))).toEqual([0, 0, 102, 0, 0, 0, 0, 0, 108, 0, 0, 0, 0, 0]);
});

it("a slot kept from an earlier lookup is told from one that was freed or given to another key", () => {
  const map = new LruHashMap(specOf(MapType.lruHash, 8), HOST);
  const slot = map.update(keyOf(1), 0, any, 0);
  expect(map.holds(slot, keyOf(1), 0)).toBe(true);
  expect(map.holds(slot, keyOf(2), 0)).toBe(false);
  map.remove(keyOf(1), 0, 0);
  expect(map.holds(slot, keyOf(1), 0)).toBe(false);
});

describe("a conntrack map of 16,777,216 entries", () => {
  it("takes at most 72 bytes an entry and works", () => {
    const maxEntries = 16_777_216;
    const map = createMap(specOf(MapType.lruHash, maxEntries, { storedWords: CT_WORDS }), HOST) as LruHashMap;
    expect(map.modelBytes / maxEntries).toBeLessThanOrEqual(72);
    // Few entries: filling it touches a gigabyte of memory, see bench/maps.mjs.
    const ids = Array.from({ length: 10_000 }, (_, id) => id);
    for (const id of ids) map.setWord(map.update(keyOf(id), 0, any, id & 1), 8, id);
    expect(map.count).toBe(ids.length);
    expect(ids.every((id) => map.word(map.lookup(keyOf(id), 0), 8) === id)).toBe(true);
    let walked = 0;
    for (let bucket = map.nextOccupied(0, map.buckets); bucket < map.buckets; bucket = map.nextOccupied(bucket + 1, map.buckets)) {
      for (let slot = map.firstOfBucket(bucket); slot !== 0; slot = map.nextInBucket(slot)) walked++;
    }
    expect(walked).toBe(ids.length);
    for (const id of ids) expect(map.remove(keyOf(id), 0, 0)).toBe(0);
    expect([map.count, map.evictions]).toEqual([0, 0]);
  });
});
