import { describe, expect, it } from "vitest";
import { MapFlag, MapType } from "../bpf/spec.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "./maps.js";
import { IPV4_WORDS } from "./maps/address.js";
import { CILIUM_MAPS, mapSpec } from "./maps/definitions.js";
import type { CiliumMapName } from "./maps/definitions.js";

const HOST = { possibleCpus: 2, refill: "scaled" } as const;
const SMALL = Object.fromEntries(Object.keys(CILIUM_MAPS).map((name) => [name, { maxEntries: 128 }]));
const LAZY = { preallocate: false, distributedLru: false };

/** Kind, key and value bytes, default limit: section 1 of Cilium's map tables (v1.17.1). */
const TABLE: readonly (readonly [CiliumMapName, MapType, number, number, number])[] = [
  ["ct4_global", MapType.lruHash, 14, 56, 524288],
  ["ct_any4_global", MapType.lruHash, 14, 56, 262144],
  ["ct6_global", MapType.lruHash, 38, 56, 524288],
  ["snat_v4_external", MapType.lruHash, 14, 40, 524288],
  ["snat_v6_external", MapType.lruHash, 38, 56, 524288],
  ["lb4_services_v2", MapType.hash, 12, 12, 65536],
  ["lb4_backends_v3", MapType.hash, 4, 12, 65536],
  ["lb4_reverse_nat", MapType.hash, 2, 6, 65536],
  ["lb4_maglev", MapType.hashOfMaps, 2, 4, 65536],
  ["lb4_affinity", MapType.lruHash, 16, 16, 65536],
  ["lb_affinity_match", MapType.hash, 8, 1, 65536],
  ["lb4_source_range", MapType.lpmTrie, 12, 1, 65536],
  ["lb4_reverse_sk", MapType.lruHash, 16, 8, 262144],
  ["lb6_reverse_sk", MapType.lruHash, 32, 20, 262144],
  ["ipcache", MapType.lpmTrie, 24, 12, 512000],
  ["lxc", MapType.hash, 20, 48, 65535],
  ["nodeport_neigh4", MapType.lruHash, 4, 8, 524288],
  ["ipv4_frag_datagrams", MapType.lruHash, 12, 4, 8192],
];

describe("Cilium's maps", () => {
  it.each(TABLE)("%s", (name, type, keySize, valueSize, maxEntries) => {
    expect(CILIUM_MAPS[name]).toMatchObject({ type, keySize, valueSize, maxEntries, pinnedName: `cilium_${name}` });
  });

  it("flags follow the agent's settings", () => {
    expect(mapSpec("lb4_services_v2", LAZY).flags).toBe(MapFlag.noPrealloc);
    expect(mapSpec("lb4_services_v2", { ...LAZY, preallocate: true }).flags).toBe(0);
    expect(mapSpec("ipcache", { ...LAZY, preallocate: true }).flags).toBe(MapFlag.noPrealloc);
    expect(mapSpec("ct4_global", LAZY).flags).toBe(0);
    expect(mapSpec("ct4_global", { ...LAZY, distributedLru: true }).flags).toBe(MapFlag.noCommonLru);
  });

  it("a node has the maps of the families that are on", () => {
    const names = (options: object): string[] => {
      const maps = new CiliumMaps({ ...DEFAULT_MAP_OPTIONS, overrides: SMALL, ...options }, HOST);
      return [...maps.all()].map(([name]) => name);
    };
    // The metrics map is no table here: datapath/metrics.ts.
    const of = (...families: number[]): string[] =>
      Object.entries(CILIUM_MAPS).flatMap(([name, { family }]) => (families.includes(family) && name !== "metrics" ? [name] : []));
    expect(names({})).toEqual(of(0, 4));
    expect(names({ ipv6: true })).toEqual(of(0, 4, 6));
    expect(names({ ipv4: false, ipv6: true })).toEqual(expect.arrayContaining(of(0, 6)));
    expect(names({ ipv4: false, ipv6: true })).not.toContain("ct4_global");
  });

  it.each([false, true])("an entry of ct4_global takes at most 72 bytes in a run, with room for a DSR address: %s", (ctNatAddress) => {
    const maps = new CiliumMaps({ ...DEFAULT_MAP_OPTIONS, ipv6: false, ctCounters: "none", ctNatAddress }, HOST);
    const { map } = maps.family(IPV4_WORDS).ctGlobal;
    expect(map.modelBytes / map.maxEntries).toBeLessThanOrEqual(72);
  });

  it("ct4_global as a plain hash refuses when it is full", () => {
    const overrides = { ...SMALL, ct4_global: { maxEntries: 2, type: MapType.hash, flags: 0 } };
    const { map } = new CiliumMaps({ ...DEFAULT_MAP_OPTIONS, overrides }, HOST).ct4Global;
    const insert = (client: number): number => map.update(Int32Array.of(client, 0, 0, 6), 0, 0, 0);
    expect([insert(1) > 0, insert(2) > 0, insert(3)]).toEqual([true, true, -7]);
  });

  it.each(["ct4_global", "ct_any4_global", "snat_v4_external"] as const)("%s made anew at another size is empty, under the same view", (name) => {
    const maps = new CiliumMaps({ ...DEFAULT_MAP_OPTIONS, overrides: SMALL }, HOST);
    const view = { ct4_global: maps.ct4Global, ct_any4_global: maps.ctAny4Global, snat_v4_external: maps.snatV4External }[name];
    const key = Int32Array.of(1, 0, 0, 6);
    view.map.update(key, 0, 0, 0);
    maps.recreate(name, 256);
    expect([view.map.count, view.map.maxEntries, maps.get(name)]).toEqual([0, 256, view.map]);
    const slot = view.map.update(key, 0, 0, 0);
    view.map.setWord(slot, 0, 0);
    if ("setLifetime" in view) {
      view.setLifetime(slot, 77);
      expect(view.map.word(slot, 8)).toBe(77);
    } else {
      view.setToPort(slot, 40000);
      expect(view.toPort(slot)).toBe(40000);
    }
  });
});
