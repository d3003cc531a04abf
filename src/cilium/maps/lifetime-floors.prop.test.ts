import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HashMap } from "../../bpf/hash-map.js";
import { MapType } from "../../bpf/spec.js";
import { CT_VALUE_BYTES, CtMap, ctStoredWords } from "./ct-map.js";

const ENTRIES = 200;
const KEY_WORDS = 4;

const operation = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), id: fc.integer({ min: 1, max: 300 }), at: fc.integer({ min: 1, max: 1000 }) }),
  fc.record({ kind: fc.constant("remove" as const), id: fc.integer({ min: 1, max: 300 }), at: fc.constant(0) }),
  fc.record({ kind: fc.constant("search" as const), id: fc.constant(0), at: fc.integer({ min: 1, max: 1000 }) }),
);

describe("buckets with expiring entries", () => {
  test("cover every entry below the reference, after any writes and earlier searches", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), fc.integer({ min: 1, max: 1001 }), (operations, reference) => {
        const spec = { name: "ct4_global", type: MapType.hash, keySize: 14, valueSize: CT_VALUE_BYTES, maxEntries: ENTRIES, flags: 0 };
        const map = new HashMap({ ...spec, storedWords: ctStoredWords("none", 0) });
        const ct = new CtMap(map, "none");
        const key = new Int32Array(KEY_WORDS);
        const lifetimes = new Map<number, number>();
        const bits = (): Int32Array => new Int32Array(Math.ceil(map.buckets / 32));
        for (const { kind, id, at } of operations) {
          key[0] = id;
          if (kind === "search") ct.markExpiring(at, bits());
          else if (kind === "remove") {
            const slot = map.peek(key, 0);
            if (slot < 0) continue;
            map.remove(key, 0, 0);
            ct.retire(slot);
            lifetimes.delete(id);
          } else {
            const slot = lifetimes.has(id) ? map.peek(key, 0) : map.update(key, 0, 0, 0);
            if (slot < 0) continue;
            ct.setLifetime(slot, at);
            lifetimes.set(id, at);
          }
        }
        const marked = bits();
        ct.markExpiring(reference, marked);
        for (const [id, lifetime] of lifetimes) {
          key[0] = id;
          const bucket = map.bucketOf(map.peek(key, 0));
          if (lifetime < reference) expect((marked[bucket >>> 5]! >>> (bucket & 31)) & 1).toBe(1);
        }
        const expiring = [...lifetimes.values()].filter((lifetime) => lifetime < reference).length;
        const count = marked.reduce((sum, word) => sum + [...(word >>> 0).toString(2)].filter((bit) => bit === "1").length, 0);
        expect(count).toBeLessThanOrEqual(expiring);
      }),
    );
  });
});
