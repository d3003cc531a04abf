import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMap } from "../../bpf/create.js";
import { MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { IPV4_WORDS } from "./address.js";
import { CT_VALUE_BYTES, CtMap, ctStoredWords } from "./ct-map.js";
import type { CtCounters } from "./ct-map.js";

const HOST = { possibleCpus: 1, refill: "scaled" } as const;
const COUNTERS: readonly CtCounters[] = ["none", "single", "rx-tx"];

function ctMap(counters: CtCounters, natAddress = false, maxEntries = 8): CtMap {
  const spec: MapSpec = { name: "ct4_global", type: MapType.lruHash, keySize: 14, valueSize: CT_VALUE_BYTES, maxEntries, flags: 0 };
  return new CtMap(createMap({ ...spec, storedWords: ctStoredWords(counters, natAddress ? IPV4_WORDS : 0) }, HOST), counters);
}

const u16 = fc.nat(0xffff);
const u8 = fc.nat(0xff);
const clock = fc.nat(2 ** 31 - 1);
/** What a caller may write, and the value that must be read back. */
const write = fc.oneof(
  fc.record({ field: fc.constant("lifetime" as const), value: clock }),
  fc.record({ field: fc.constant("flags" as const), value: u16 }),
  fc.record({ field: fc.constant("revNatIndex" as const), value: u16 }),
  fc.record({ field: fc.constant("backendId" as const), value: clock }),
  fc.record({ field: fc.constant("txFlagsSeen" as const), value: u8 }),
  fc.record({ field: fc.constant("rxFlagsSeen" as const), value: u8 }),
  fc.record({ field: fc.constant("srcSecId" as const), value: clock }),
  fc.record({ field: fc.constant("lastTxReport" as const), value: clock }),
  fc.record({ field: fc.constant("lastRxReport" as const), value: clock }),
);
type Field = (typeof write extends fc.Arbitrary<infer T> ? T : never)["field"];

function set(ct: CtMap, slot: number, field: Field, value: number): void {
  switch (field) {
    case "lifetime":
      return ct.setLifetime(slot, value);
    case "flags":
      return ct.setFlags(slot, value);
    case "revNatIndex":
      return ct.setRevNatIndex(slot, value);
    case "backendId":
      return ct.setBackendId(slot, value);
    case "txFlagsSeen":
      return ct.setTxFlagsSeen(slot, value);
    case "rxFlagsSeen":
      return ct.setRxFlagsSeen(slot, value);
    case "srcSecId":
      return ct.setSrcSecId(slot, value);
    case "lastTxReport":
      return ct.setLastTxReport(slot, value);
    case "lastRxReport":
      return ct.setLastRxReport(slot, value);
  }
}

describe("CtMap", () => {
  it("fields of an entry do not touch one another, nor other entries", () => {
    fc.assert(
      fc.property(fc.constantFrom(...COUNTERS), fc.array(fc.tuple(fc.nat(1), write), { maxLength: 30 }), (counters, writes) => {
        const ct = ctMap(counters);
        const slots = [1, 2].map((client) => ct.map.update(Int32Array.of(client, 0, 0, 6), 0, 0, 0));
        const plain = [new Map<Field, number>(), new Map<Field, number>()];
        for (const [entry, { field, value }] of writes) {
          set(ct, slots[entry]!, field, value);
          plain[entry]!.set(field, value);
        }
        const fields: readonly Field[] = [
          ...(["lifetime", "flags", "revNatIndex", "backendId", "txFlagsSeen"] as const),
          ...(["rxFlagsSeen", "srcSecId", "lastTxReport", "lastRxReport"] as const),
        ];
        for (const entry of [0, 1]) {
          for (const field of fields) expect([field, ct[field](slots[entry]!)]).toEqual([field, plain[entry]!.get(field) ?? 0]);
        }
      }),
    );
  });

  it("counters are exact beyond 32 bits, both directions together, and absent without accounting", () => {
    const big = 2 ** 31 - 1;
    for (const [counters, received] of [["single", false], ["single", true], ["rx-tx", false], ["rx-tx", true], ["none", false]] as const) {
      const ct = ctMap(counters);
      const slot = ct.map.update(Int32Array.of(1, 0, 0, 6), 0, 0, 0);
      for (let i = 0; i < 5; i++) ct.addPacket(slot, received, big);
      ct.addPacket(slot, !received, 100);
      expect([ct.packets(slot), ct.bytes(slot)]).toEqual(counters === "none" ? [0, 0] : [6, 5 * big + 100]);
    }
  });

  it("a DSR service's address and port", () => {
    const ct = ctMap("none", true);
    const slot = ct.map.update(Int32Array.of(1, 0, 0, 6), 0, 0, 0);
    ct.setTxFlagsSeen(slot, 2);
    ct.setNat(slot, Int32Array.of(0, 0x0100000a), 1, IPV4_WORDS, 80);
    const out = new Int32Array(1);
    ct.copyNatAddress(slot, out, 0, IPV4_WORDS);
    expect([out[0], ct.natPort(slot), ct.txFlagsSeen(slot)]).toEqual([0x0100000a, 80, 2]);
  });

  it("shows the map that it was attached to last", () => {
    const ct = ctMap("none");
    const larger = ctMap("none", false, 64).map;
    ct.setLifetime(ct.map.update(Int32Array.of(1, 0, 0, 6), 0, 0, 0), 10);
    ct.attach(larger);
    const slot = ct.map.update(Int32Array.of(2, 0, 0, 6), 0, 0, 0);
    expect(ct.lifetime(slot)).toBe(0);
    ct.setLifetime(slot, 20);
    expect([ct.lifetime(slot), ct.map.maxEntries, larger.word(slot, 8)]).toEqual([20, 64, 20]);
  });
});
