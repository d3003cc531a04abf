/** Maps that remember lookups find what they would find without: programs look up (`lookup`), user space (`peek`) is never remembered. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createMap } from "./create.js";
import { NOT_REMEMBERED, RecentLookups } from "./recent-lookups.js";
import { MapFlag, MapType, UpdateFlag } from "./spec.js";
import type { MapSpec } from "./spec.js";

const HOST = { possibleCpus: 2, refill: "scaled" } as const;
/** Some keys share a row of what is remembered, most have one for themselves; so many lookups that they are remembered. */
const KEYS = 300;
const ROUNDS = 3;

/** Changes between which every key is looked up: an update, or a deletion. */
const changes = fc.array(fc.record({ key: fc.nat(KEYS - 1), remove: fc.boolean() }), { minLength: 1, maxLength: 4 });

const endpoints: MapSpec = { name: "cilium_lxc", type: MapType.hash, keySize: 20, valueSize: 48, maxEntries: KEYS, flags: MapFlag.zeroSeed };
const prefixes: MapSpec = { name: "cilium_ipcache", type: MapType.lpmTrie, keySize: 8, valueSize: 4, maxEntries: KEYS, flags: MapFlag.noPrealloc };

/** The words of a key; of the trie's, a prefix of all 32 bits comes first. */
function keyOf({ type, keySize }: MapSpec, number: number): Int32Array {
  return Int32Array.from({ length: keySize / 4 }, (_, i) => (type === MapType.lpmTrie && i === 0 ? 32 : Math.imul(number + 1, 0x9e3779b1) >> i));
}

describe.each([endpoints, prefixes])("$name", (spec) => {
  it("finds the same whatever has been looked up before", () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 4 }), (history) => {
        const map = createMap(spec, HOST);
        for (let number = 0; number < KEYS; number += 2) map.update(keyOf(spec, number), 0, UpdateFlag.any, 0);
        for (const step of history) {
          for (let round = 0; round < ROUNDS; round++) {
            for (let number = 0; number < KEYS; number++) {
              const key = keyOf(spec, number);
              if (map.lookup(key, 0) !== map.peek(key, 0)) expect.fail(`key ${number}: ${map.lookup(key, 0)}, not ${map.peek(key, 0)}`);
            }
          }
          for (const { key, remove } of step) {
            if (remove) map.remove(keyOf(spec, key), 0, 0);
            else map.update(keyOf(spec, key), 0, UpdateFlag.any, 0);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("RecentLookups", () => {
  it("grows until most of the keys that are asked for find room, and forgets", () => {
    const recent = new RecentLookups(2);
    const before = recent.modelBytes;
    const key = new Int32Array(2);
    const remembered = (keys: number): number => {
      let found = 0;
      for (let number = 1; number <= keys; number++) {
        key[0] = number;
        key[1] = -number;
        const result = recent.find(key, 0);
        if (result === number) found++;
        else if (result !== NOT_REMEMBERED) expect.fail(`key ${number}: ${result}`);
        recent.keep(key, 0, number);
      }
      return found;
    };
    for (let round = 0; round < 60; round++) remembered(3000);
    expect(remembered(3000)).toBeGreaterThan(2000);
    const grown = recent.modelBytes;
    expect(grown).toBeGreaterThan(before);
    for (let round = 0; round < 30; round++) remembered(20_000);
    expect(recent.modelBytes).toBe(16 * before);
    recent.forget();
    expect(remembered(3000)).toBe(0);
  });
});
