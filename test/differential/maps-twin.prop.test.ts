/** Every kind of map against a plain twin, over random histories. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TraceOp, describeHistory, mapHistories, mapSpecs, modelOf, performAll, traceOf, type MapHistory } from "../../src/arbitraries.js";
import { jhash } from "../../src/bpf/jhash.js";
import { MapFlag, MapType } from "../../src/bpf/spec.js";
import { INNER_MAPS } from "../../src/lab/verify/map-model.js";
import { TwinDriver, type TwinMap } from "../twins/driver.twin.js";
import { PlainHash } from "../twins/hash.twin.js";
import { plainJhash } from "../twins/jhash.twin.js";
import { PlainLru } from "../twins/lru.twin.js";
import { PlainArray, PlainTrie } from "../twins/others.twin.js";

const RUNS = 150;

function twinOf({ spec, host }: MapHistory): TwinMap {
  switch (spec.type) {
    case MapType.hash:
      return new PlainHash(spec, 1, false);
    case MapType.percpuHash:
      return new PlainHash(spec, host.possibleCpus, true);
    case MapType.hashOfMaps:
      return new PlainHash(spec, 1, true);
    case MapType.lruHash:
      return new PlainLru(spec, host, 1, false);
    case MapType.lruPercpuHash:
      return new PlainLru(spec, host, host.possibleCpus, true);
    case MapType.array:
      return new PlainArray(spec, false);
    case MapType.arrayOfMaps:
      return new PlainArray(spec, true);
    case MapType.lpmTrie:
      return new PlainTrie(spec);
  }
}

/** Maps of maps show the number of the inner map that an operation chose; programs only see that one is there. */
function asModel({ spec }: MapHistory, twin: TwinDriver): Pick<TwinDriver, "run"> {
  if (spec.type !== MapType.arrayOfMaps && spec.type !== MapType.hashOfMaps) return twin;
  return {
    run(code, argument, number) {
      const result = twin.run(code, argument, (number % INNER_MAPS) + 1);
      return code === 12 && result !== 0 ? 1 : result;
    },
  };
}

function compare(history: MapHistory): void {
  const expected = performAll(asModel(history, new TwinDriver(twinOf(history), history.spec)), history);
  const actual = performAll(modelOf(history), history);
  const at = expected.findIndex((result, i) => JSON.stringify(result) !== JSON.stringify(actual[i]));
  if (at === -1) return;
  const replay = JSON.stringify(traceOf(history, expected, "6.18.44"));
  expect.fail(
    `operation ${at + 1}: twin ${JSON.stringify(expected[at])}, model ${JSON.stringify(actual[at])}\n` +
      `${describeHistory(history)}\nreplay: echo '${replay}' | npx ctlab verify maps -`,
  );
}

describe("a map and its plain twin give the same results", () => {
  it.each(Object.entries(MapType))("%s", (_name, type) => {
    fc.assert(fc.property(mapHistories({ types: [type] }), compare), { numRuns: RUNS });
  });

  it.each([
    ["lru hash", MapType.lruHash],
    ["lru per-CPU hash", MapType.lruPercpuHash],
  ])("%s above the kernel's scan limit of 128", (_name, type) => {
    const arbitrary = mapHistories({ types: [type], maxEntries: 400, maxOperations: 1500 });
    fc.assert(fc.property(arbitrary, compare), { numRuns: 15 });
  });

  it("LRU hash with fewer entries than one CPU asks for: nodes are taken from other CPUs", () => {
    const host = { possibleCpus: 3, refill: "fixed" } as const;
    const operation = fc.oneof(
      fc.record({ code: fc.constant(TraceOp.setCpu), argument: fc.nat({ max: host.possibleCpus - 1 }) }),
      fc.record({ code: fc.constantFrom(TraceOp.programUpdate, TraceOp.programLookup), argument: fc.nat({ max: 11 }) }),
      fc.record({ code: fc.constant(TraceOp.checkpoint), argument: fc.constant(0) }),
    );
    const histories = fc
      .tuple(mapSpecs([MapType.lruHash], 8), fc.array(operation, { maxLength: 120, size: "max" }))
      .map(([spec, operations]) => ({ spec: { ...spec, flags: MapFlag.zeroSeed }, host, operations }));
    fc.assert(fc.property(histories, compare), { numRuns: 2 * RUNS });
  });
});

describe("evicted keys", () => {
  it("are the twin's, in its order", () => {
    fc.assert(
      fc.property(mapHistories({ types: [MapType.lruHash, MapType.lruPercpuHash] }), (history) => {
        const model = modelOf(history);
        performAll(model, history);
        const lru = twinOf(history) as PlainLru;
        performAll(new TwinDriver(lru, history.spec), history);
        expect(model.evicted.flatMap(([, ...keys]) => keys)).toEqual(lru.evictedKeys.map((key) => key.id));
      }),
      { numRuns: RUNS },
    );
  });
});

describe("key hash", () => {
  it("is lookup3 for every length, offset and seed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.nat(0xffffffff), fc.nat(3), (bytes, seed, at) => {
        const words = new Int32Array(at + Math.ceil(bytes.length / 4));
        new Uint8Array(words.buffer).set(bytes, 4 * at);
        expect(jhash(words, at, bytes.length, seed) >>> 0).toBe(plainJhash(bytes, seed));
      }),
    );
  });
});
