import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addEntry, addMapping, keysOf, pair4 } from "../../../test/support/conntrack-maps.js";
import { CT_DSR_INTERNAL } from "../maps/ct-flags.js";
import { MEASURED_GC_COSTS } from "./gc-costs.js";
import { OrphanWalk } from "./gc-orphans.js";
import { walkBatches, walkKeys } from "./gc-plain.js";
import type { WalkCounts } from "./gc-plain.js";
import { AddressSet, tableOf } from "./gc-targets.js";
import type { ConntrackPair, DeletionRule } from "./gc-targets.js";
import { BatchWalk, KeyWalk, WalkMemory } from "./gc-walk.js";
import { purgeOrphans } from "./nat-purge.js";

const NODE = 0x0a00000a;

interface Entry {
  readonly source: number;
  readonly destination: number;
  readonly sport: number;
  readonly lifetime: number;
  readonly flags: number;
  readonly nat: "none" | "both" | "forward" | "reverse";
  readonly dsr: boolean;
}

const entries = fc.array(
  fc.record<Entry>({
    source: fc.integer({ min: 1, max: 6 }),
    destination: fc.integer({ min: 100, max: 104 }),
    sport: fc.integer({ min: 1, max: 2000 }),
    lifetime: fc.integer({ min: 0, max: 40 }),
    flags: fc.constantFrom(0, 0, 0, 1, 4),
    nat: fc.constantFrom("none", "both", "both", "forward", "reverse"),
    dsr: fc.boolean(),
  }),
  { maxLength: 300 },
);

/** A pair with these entries; `size` may be too small for them, then the LRU forgets some. */
function filled(list: readonly Entry[], size: number): ConntrackPair {
  const pair = pair4(size, size, size * 2);
  for (const [i, entry] of list.entries()) {
    const protocol = i % 3 === 0 ? 17 : 6;
    const flow = { ...entry, dport: 80, protocol };
    const dsr = entry.dsr && entry.flags === 0;
    addEntry((protocol === 6 ? pair.tcp : pair.any).ct, { ...flow, ctFlags: dsr ? CT_DSR_INTERNAL : 0 }, i % 2);
    if (entry.nat !== "none") addMapping(pair.tcp.nat!, { ...flow, address: NODE, port: 40_000 + (i % 100) }, entry.nat);
  }
  return pair;
}

function rules(list: readonly Entry[]): fc.Arbitrary<DeletionRule> {
  const set = new AddressSet(1);
  for (const entry of list.slice(0, 2)) set.add(Int32Array.of(entry.source));
  return fc.record<DeletionRule>({
    expireBefore: fc.integer({ min: 0, max: 41 }),
    scrub: fc.constantFrom(null, null, set),
    known: fc.constantFrom(null, null, set),
  });
}

const cases = fc
  .record({ list: entries, size: fc.constantFrom(1, 8, 64, 200, 2048) })
  .chain((each) => rules(each.list).map((rule) => ({ ...each, rule })));

/** Contents, order of deletions and counts that a way of walking leaves. */
function after(
  pair: ConntrackPair,
  walk: (deleted: (key: Int32Array, at: number) => void) => WalkCounts,
): { deleted: string[]; counts: WalkCounts; left: string[]; nat: string[] } {
  const deleted: string[] = [];
  const counts = walk((key, at) => deleted.push(key.slice(at, at + 4).join(",")));
  return {
    deleted,
    counts,
    left: keysOf(tableOf(pair.tcp.ct.map)),
    nat: keysOf(tableOf(pair.tcp.nat!.map)),
  };
}

function sliced(Walk: typeof KeyWalk | typeof BatchWalk, pair: ConntrackPair, rule: DeletionRule, budget: number) {
  return after(pair, (deleted) => {
    const table = tableOf(pair.tcp.ct.map);
    const walk = new Walk(pair.tcp, rule, MEASURED_GC_COSTS, new WalkMemory(table), 0, deleted);
    const cost = { cpuNs: 0, heldNs: 0 };
    for (let steps = 0; !walk.done; steps++) {
      expect(steps).toBeLessThan(5000);
      cost.cpuNs = 0;
      walk.step(budget, cost);
    }
    return walk.counts;
  });
}

describe("a sliced walk when nothing else runs", () => {
  it("by key equals the plain walk: same deletions in the same order, same counts", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 200_000 }), ({ list, size, rule }, budget) => {
        const plainPair = filled(list, size);
        const plain = after(plainPair, (deleted) => walkKeys(plainPair.tcp, rule, 0, deleted));
        expect(sliced(KeyWalk, filled(list, size), rule, budget)).toEqual(plain);
        expect(plain.counts.completed).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("by batch equals the plain walk", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 200_000 }), ({ list, size, rule }, budget) => {
        const plainPair = filled(list, size);
        const plain = after(plainPair, (deleted) => walkBatches(plainPair.tcp, rule, 0, deleted));
        expect(sliced(BatchWalk, filled(list, size), rule, budget)).toEqual(plain);
      }),
      { numRuns: 150 },
    );
  });

  it("by key and by batch delete the same", () => {
    fc.assert(
      fc.property(cases, ({ list, size, rule }) => {
        const one = filled(list, size);
        const other = filled(list, size);
        const byKey = after(one, (deleted) => walkKeys(one.tcp, rule, 0, deleted));
        const byBatch = after(other, (deleted) => walkBatches(other.tcp, rule, 0, deleted));
        if (byBatch.counts.completed) expect(byBatch).toEqual(byKey);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a sliced orphan scan when nothing else runs", () => {
  it.each([true, false])("equals the plain scan (deletions after the walk: %s)", (afterWalk) => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 200_000 }), ({ list, size }, budget) => {
        const plainPair = filled(list, size);
        const plain = purgeOrphans(plainPair, afterWalk, 0);
        const pair = filled(list, size);
        const walk = new OrphanWalk(pair, pair.tcp.nat!, afterWalk, MEASURED_GC_COSTS, 0);
        const cost = { cpuNs: 0, heldNs: 0 };
        while (!walk.done) {
          cost.cpuNs = 0;
          walk.step(budget, cost);
        }
        expect(walk.counts).toEqual(plain);
        expect(walk.completed).toBe(true);
        expect(keysOf(tableOf(pair.tcp.nat!.map))).toEqual(keysOf(tableOf(plainPair.tcp.nat!.map)));
      }),
      { numRuns: 100 },
    );
  });
});
