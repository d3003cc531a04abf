/** Conntrack and NAT maps filled by hand, for tests of the agent. */

import { HashMap } from "../../src/bpf/hash-map.js";
import { LruHashMap } from "../../src/bpf/lru-hash-map.js";
import type { HashTable } from "../../src/bpf/hash-table.js";
import { MapFlag } from "../../src/bpf/spec.js";
import type { ConntrackPair, ConntrackTarget } from "../../src/cilium/agent/gc-targets.js";
import { IPV4_WORDS, IPV6_WORDS } from "../../src/cilium/maps/address.js";
import { CtMap, ctStoredWords } from "../../src/cilium/maps/ct-map.js";
import { mapSpec } from "../../src/cilium/maps/definitions.js";
import type { CiliumMapName } from "../../src/cilium/maps/definitions.js";
import { NatMap } from "../../src/cilium/maps/nat-map.js";
import { Tuple } from "../../src/cilium/maps/tuple.js";

const HOST = { possibleCpus: 2, refill: "scaled" } as const;
const FLAVOUR = { preallocate: true, distributedLru: false };

export function ctMap(name: CiliumMapName, maxEntries: number, lru = true): CtMap {
  const override = { maxEntries, storedWords: ctStoredWords("none", 0), flags: MapFlag.zeroSeed };
  const spec = mapSpec(name, FLAVOUR, override);
  return new CtMap(lru ? new LruHashMap(spec, HOST) : new HashMap(spec), "none");
}

export function natMap(name: CiliumMapName, maxEntries: number): NatMap {
  const spec = mapSpec(name, FLAVOUR, { maxEntries, flags: MapFlag.zeroSeed });
  return new NatMap(new LruHashMap(spec, HOST), name === "snat_v4_external" ? IPV4_WORDS : IPV6_WORDS);
}

/** A TCP/any pair of IPv4 with its NAT map. */
export function pair4(tcpEntries: number, anyEntries: number, natEntries: number, lru = true): ConntrackPair {
  const nat = natMap("snat_v4_external", natEntries);
  const target = (name: CiliumMapName, protocol: "tcp" | "any", entries: number): ConntrackTarget => ({
    name,
    family: 4,
    protocol,
    addressWords: IPV4_WORDS,
    ct: ctMap(name, entries, lru),
    nat,
  });
  return { tcp: target("ct4_global", "tcp", tcpEntries), any: target("ct_any4_global", "any", anyEntries) };
}

/** The IPv6 twin. */
export function pair6(tcpEntries: number, anyEntries: number, natEntries: number): ConntrackPair {
  const nat = natMap("snat_v6_external", natEntries);
  const target = (name: CiliumMapName, protocol: "tcp" | "any", entries: number): ConntrackTarget => ({
    name,
    family: 6,
    protocol,
    addressWords: IPV6_WORDS,
    ct: ctMap(name, entries),
    nat,
  });
  return { tcp: target("ct6_global", "tcp", tcpEntries), any: target("ct_any6_global", "any", anyEntries) };
}

const tuple = new Tuple();

/** A conntrack entry of a connection source:sport -> destination:dport; returns its slot. */
export function addEntry(
  ct: CtMap,
  entry: {
    source: number;
    destination: number;
    sport: number;
    dport: number;
    protocol?: number;
    flags?: number;
    lifetime: number;
    ctFlags?: number;
  },
  cpu = 0,
): number {
  tuple.addressWords = IPV4_WORDS;
  tuple.words[0] = entry.source;
  tuple.words[1] = entry.destination;
  tuple.setPorts(entry.dport, entry.sport);
  tuple.setProtocolAndFlags(entry.protocol ?? 6, entry.flags ?? 0);
  const slot = ct.map.update(tuple.words, 0, 0, cpu);
  if (slot < 0) return slot;
  ct.setLifetime(slot, entry.lifetime);
  ct.setFlags(slot, entry.ctFlags ?? 0);
  return slot;
}

/** The two NAT entries of source:sport -> destination:dport, translated to address:port. */
export function addMapping(
  nat: NatMap,
  flow: { source: number; destination: number; sport: number; dport: number; protocol?: number; address: number; port: number },
  halves: "both" | "forward" | "reverse" = "both",
): void {
  tuple.addressWords = IPV4_WORDS;
  const to = new Int32Array(1);
  if (halves !== "reverse") {
    tuple.words[0] = flow.destination;
    tuple.words[1] = flow.source;
    tuple.setPorts(flow.dport, flow.sport);
    tuple.setProtocolAndFlags(flow.protocol ?? 6, 0);
    const slot = nat.map.update(tuple.words, 0, 0, 0);
    to[0] = flow.address;
    nat.setToAddr(slot, to, 0);
    nat.setToPort(slot, flow.port);
  }
  if (halves !== "forward") {
    tuple.words[0] = flow.address;
    tuple.words[1] = flow.destination;
    tuple.setPorts(flow.port, flow.dport);
    tuple.setProtocolAndFlags(flow.protocol ?? 6, 1);
    const slot = nat.map.update(tuple.words, 0, 0, 0);
    to[0] = flow.source;
    nat.setToAddr(slot, to, 0);
    nat.setToPort(slot, flow.sport);
  }
}

/** All keys of a table in the kernel's order, as text. */
export function keysOf(table: HashTable): string[] {
  const keys: string[] = [];
  const key = new Int32Array(table.keyWords);
  for (let bucket = 0; bucket < table.buckets; bucket++) {
    for (let slot = table.firstOfBucket(bucket); slot !== 0; slot = table.nextInBucket(slot)) {
      table.copyKey(slot, key, 0);
      keys.push(key.join(","));
    }
  }
  return keys;
}
