/** What is in the maps is what comes back from their dumps, in the layout of every release. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../../cilium/maps.js";
import { formatAddress, IPV4_WORDS, IPV6_WORDS, type AddressWords } from "../../cilium/maps/address.js";
import { CILIUM_MAPS } from "../../cilium/maps/definitions.js";
import { TUPLE_F_IN, TUPLE_F_OUT, TUPLE_F_RELATED, TUPLE_F_SERVICE, Tuple } from "../../cilium/maps/tuple.js";
import { settled } from "../../cilium/profile/assumptions.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { parseConntrackText } from "../../ingest/conntrack-text.js";
import { parseNatRetriesText } from "../../ingest/nat-retries-text.js";
import { parseNatText } from "../../ingest/nat-text.js";
import type { TupleTable } from "../../ingest/tuple-table.js";
import { conntrackLayout, conntrackText } from "./conntrack.js";
import { natText, retriesText } from "./nat.js";

const RELEASES = ["1.14", "1.15", "1.16", "1.17", "1.18", "1.19"] as const;
/** More than entries, so that nothing is evicted. */
const MAX_ENTRIES = 512;
const [TCP, UDP, ICMP] = [6, 17, 1];
/** Every flag that has a name, and bit 9, which has none. */
const FLAG_BITS = 0x7ff;

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const endpoint = fc.record({ words: fc.tuple(u32, u32, u32, u32), port: u16 });
const key = fc.record({
  words: fc.constantFrom(IPV4_WORDS, IPV6_WORDS),
  protocol: fc.constantFrom(TCP, UDP, ICMP, 132, 47),
  from: endpoint,
  to: endpoint,
});
const entry = fc.record({
  key,
  kind: fc.constantFrom(TUPLE_F_OUT, TUPLE_F_IN, TUPLE_F_OUT | TUPLE_F_RELATED, TUPLE_F_IN | TUPLE_F_RELATED, TUPLE_F_SERVICE),
  expires: u32, flags: fc.integer({ min: 0, max: FLAG_BITS }), revNat: u16, identity: u32, backend: u32, rxFlags: u8, txFlags: u8, lastRx: u32, lastTx: u32,
});
const mapping = fc.record({ key, isReverse: fc.boolean(), to: endpoint, created: fc.integer({ min: 0, max: 1000 }), needsCt: fc.boolean() });
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;
type Mapping = typeof mapping extends fc.Arbitrary<infer T> ? T : never;

function mapsOf(release: string): CiliumMaps {
  const overrides = Object.fromEntries(Object.keys(CILIUM_MAPS).map((name) => [name, { maxEntries: MAX_ENTRIES }]));
  const ctNatAddress = settled(ciliumProfile(release)).conntrack.valueLayout === "nat-in-ct";
  return new CiliumMaps({ ...DEFAULT_MAP_OPTIONS, ipv6: true, ctNatAddress, overrides }, { possibleCpus: 2, refill: "fixed" });
}

function setKey(tuple: Tuple, words: AddressWords, daddr: readonly number[], saddr: readonly number[], dport: number, sport: number): void {
  tuple.addressWords = words;
  tuple.setDaddr(Int32Array.from(daddr), 0);
  tuple.setSaddr(Int32Array.from(saddr), 0);
  tuple.setPorts(dport, sport);
}

/** Writes an entry as the programs do: addresses as in a reply with ports the other way round, services' turned once more. */
function putEntry(maps: CiliumMaps, { key: { words, protocol, from, to }, kind, ...value }: Entry): void {
  const tuple = new Tuple();
  if (kind === TUPLE_F_SERVICE) setKey(tuple, words, to.words, from.words, from.port, to.port);
  else setKey(tuple, words, from.words, to.words, to.port, from.port);
  tuple.setProtocolAndFlags(protocol, kind);
  const family = maps.family(words);
  const ct = protocol === TCP && (kind & TUPLE_F_RELATED) === 0 ? family.ctGlobal : family.ctAnyGlobal;
  const slot = ct.map.update(tuple.words, 0, 0, 0);
  ct.setLifetime(slot, value.expires);
  ct.setFlagsAndRevNat(slot, value.flags, value.revNat);
  ct.setSrcSecId(slot, value.identity);
  if (kind === TUPLE_F_SERVICE) ct.setBackendId(slot, value.backend);
  ct.setRxFlagsSeen(slot, value.rxFlags);
  ct.setTxFlagsSeen(slot, value.txFlags);
  ct.setLastRxReport(slot, value.lastRx);
  ct.setLastTxReport(slot, value.lastTx);
}

function putMapping(maps: CiliumMaps, { key: { words, protocol, from, to: remote }, isReverse, to, created, needsCt }: Mapping): void {
  const tuple = new Tuple();
  setKey(tuple, words, remote.words, from.words, remote.port, from.port);
  tuple.setProtocolAndFlags(protocol, isReverse ? TUPLE_F_IN : TUPLE_F_OUT);
  const nat = maps.family(words).snatExternal;
  const slot = nat.map.update(tuple.words, 0, 0, 0);
  nat.setToAddr(slot, Int32Array.from(to.words), 0);
  nat.setToPort(slot, to.port);
  nat.setCreated(slot, created);
  nat.setNeedsCt(slot, needsCt);
}

function tupleAt(table: TupleTable, i: number): string {
  const { addresses, source, sourcePort, destination, destinationPort } = table;
  const [from, to] = [addresses.text(source[i]!), addresses.text(destination[i]!)];
  return `${table.protocol[i]} ${table.tupleFlags[i]} ${from} ${sourcePort[i]} ${to} ${destinationPort[i]}`;
}

function tupleOf({ words, protocol, from, to }: Entry["key"], flags: number): string {
  return `${protocol} ${flags} ${formatAddress(from.words, 0, words)} ${from.port} ${formatAddress(to.words, 0, words)} ${to.port}`;
}

const linesOf = (text: Iterable<string>): string[] => [...text].join("").split("\n");

describe.each(RELEASES)("dumps of %s", (release) => {
  const profile = settled(ciliumProfile(release));
  const layout = conntrackLayout(profile.minor, profile.conntrack);

  it("give conntrack's entries back", () => {
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (each) => tupleOf(each.key, each.kind), maxLength: 30 }), (entries) => {
        const maps = mapsOf(release);
        for (const each of entries) putEntry(maps, each);
        const { table, skipped } = parseConntrackText(linesOf(conntrackText(maps, layout)));
        expect(skipped.count).toBe(0);
        const rows = Array.from({ length: table.size }, (_, i) => [
          tupleAt(table, i), table.expires[i], table.entryFlags[i], table.revNat[i], table.identity[i], table.backend[i],
          table.rxFlags[i], table.txFlags[i], table.lastRx[i], table.lastTx[i],
        ]);
        const wanted = entries.map(({ key: tuple, kind, ...value }) => [
          tupleOf(tuple, kind), value.expires, value.flags, value.revNat, value.identity, kind === TUPLE_F_SERVICE ? value.backend : 0,
          value.rxFlags, value.txFlags, value.lastRx, value.lastTx,
        ]);
        expect(rows.sort()).toEqual(wanted.sort());
      }),
      { numRuns: 15 },
    );
  });
});

const differentMappings = fc.uniqueArray(mapping, { selector: (each) => tupleOf(each.key, each.isReverse ? 1 : 0), maxLength: 30 });

it("dumps give NAT's entries back, with their age", () => {
  fc.assert(
    fc.property(differentMappings, fc.constantFrom(1, 1.024), (mappings, unitSeconds) => {
      const maps = mapsOf("1.17");
      for (const each of mappings) putMapping(maps, each);
      const { table, skipped } = parseNatText(linesOf(natText(maps, { now: 1000, unitSeconds })));
      expect(skipped.count).toBe(0);
      const rows = Array.from({ length: table.size }, (_, i) => [
        tupleAt(table, i), table.addresses.text(table.toAddress[i]!), table.toPort[i], table.age[i], table.needsCt[i],
      ]);
      const wanted = mappings.map(({ key: tuple, isReverse, to, created, needsCt }) => [
        tupleOf(tuple, isReverse ? 1 : 0), formatAddress(to.words, 0, tuple.words), to.port, Math.floor((1000 - created) * unitSeconds), needsCt ? 1 : 0,
      ]);
      expect(rows.sort()).toEqual(wanted.sort());
    }),
    { numRuns: 30 },
  );
});

it("the histogram of retries comes back whole, with one family or two", () => {
  const counts = [900, 12, 0, 5];
  for (const families of [1, 2]) expect(parseNatRetriesText(linesOf([retriesText(counts, 3, families)]))).toEqual({ counts, skipped: { count: 0, first: [] } });
});
