/** Keeps an eye on the maps that a report speaks of: highest fill, refused inserts, evictions and how many were live. */
import { Errno } from "../bpf/errno.js";
import { LruHashMap } from "../bpf/lru-hash-map.js";
import type { BpfMap } from "../bpf/map.js";
import { kernelMemory } from "../bpf/memory.js";
import { MapType } from "../bpf/spec.js";
import type { ConntrackConfig } from "../cilium/datapath/config.js";
import type { CiliumMaps } from "../cilium/maps.js";
import type { CtMap } from "../cilium/maps/ct-map.js";
import type { CiliumMapName } from "../cilium/maps/definitions.js";
import type { NatMap } from "../cilium/maps/nat-map.js";
import type { LogLinearCounter } from "../core/log-linear.js";
import { NS_PER_S } from "../core/units.js";
import { spanCounter } from "../observe/latency.js";
import type { MapResult } from "../observe/result.js";
import { ageUnits, idleUnits } from "./eviction-age.js";

/** Maps of a node that can bind, in the order of reports. */
export const WATCHED_MAPS = [
  "ct4_global",
  "ct_any4_global",
  "snat_v4_external",
  "ct6_global",
  "ct_any6_global",
  "snat_v6_external",
  "lb4_reverse_sk",
  "lb4_services_v2",
  "lb4_backends_v3",
] as const satisfies readonly CiliumMapName[];

/** Nobody deletes the entries of closed sockets. */
const FILLS_BY_DESIGN: readonly CiliumMapName[] = ["lb4_reverse_sk"];

/** As `bpftool map` names them. */
const TYPE_NAMES: Readonly<Record<MapType, string>> = {
  [MapType.hash]: "hash",
  [MapType.array]: "array",
  [MapType.percpuHash]: "percpu_hash",
  [MapType.lruHash]: "lru_hash",
  [MapType.lruPercpuHash]: "lru_percpu_hash",
  [MapType.lpmTrie]: "lpm_trie",
  [MapType.arrayOfMaps]: "array_of_maps",
  [MapType.hashOfMaps]: "hash_of_maps",
};

interface Watched {
  readonly name: CiliumMapName;
  map: BpfMap;
  entriesMax: number;
  entriesMaxAtNs: number;
  refused: number;
  evictions: number;
  evictionsLive: number;
  /** Ages of the evicted entries, whole seconds: the datapath's clock knows no less. */
  readonly ages: LogLinearCounter;
}

/** Ages of the entries that a map has evicted, whole seconds. */
export interface EvictionAges {
  readonly name: CiliumMapName;
  /** Since the last packet, or since they were made. */
  readonly age: "idle" | "age";
  readonly counter: LogLinearCounter;
}

/** The datapath's clock: now, the length of its unit in ns, and the lifetimes that it measures. */
export interface WatchClock {
  readonly now: () => number;
  readonly unitNs: number;
  readonly times: ConntrackConfig;
}

/** A map at one moment: its fill, and what was counted so far. */
export interface MapCounts extends Pick<MapResult, "name" | "maxEntries" | "insertsRefused" | "evictions" | "evictionsLive"> {
  readonly entries: number;
}

export class MapWatch {
  readonly #watched: readonly Watched[];
  readonly #origins: ReadonlyMap<CiliumMapName, string>;
  readonly #maps: CiliumMaps;
  readonly #clock: WatchClock;

  constructor(maps: CiliumMaps, origins: ReadonlyMap<CiliumMapName, string>, clock: WatchClock) {
    this.#maps = maps;
    this.#origins = origins;
    this.#watched = WATCHED_MAPS.flatMap((name) => {
      const map = maps.get(name);
      const fresh = { name, entriesMax: 0, entriesMaxAtNs: 0, refused: 0, evictions: 0, evictionsLive: 0, ages: spanCounter() };
      return map === undefined ? [] : [{ ...fresh, map }];
    });
    this.#clock = clock;
    for (const watched of this.#watched) this.#watchEvictions(watched);
  }

  /** A map was created anew. */
  renew(name: CiliumMapName): void {
    const watched = this.#watched.find((each) => each.name === name);
    const map = this.#maps.get(name);
    if (watched === undefined || map === undefined) return;
    watched.map = map;
    this.#watchEvictions(watched);
  }

  /** Conntrack entries are live while their lifetime has not passed; of entries of other maps nobody can tell. */
  #watchEvictions(watched: Watched): void {
    if (!(watched.map instanceof LruHashMap)) return;
    const { now, unitNs, times } = this.#clock;
    const unitS = unitNs / NS_PER_S;
    const { map, name, ages } = watched;
    const ct = conntrackView(this.#maps, name);
    const nat = ct === null ? natView(this.#maps, name) : null;
    const isTcp = name === "ct4_global" || name === "ct6_global";
    map.onEvict = (slot) => {
      watched.evictions++;
      if (ct !== null) {
        const at = now();
        if (ct.lifetime(slot) >= at) watched.evictionsLive++;
        const idle = idleUnits(ct, map, slot, isTcp, times, at);
        if (idle >= 0) ages.record(Math.floor(idle * unitS));
      } else if (nat !== null) ages.record(Math.floor(ageUnits(nat, slot, now()) * unitS));
    };
  }

  /** Of maps that have evicted anything whose age is known. */
  evictionAges(): readonly EvictionAges[] {
    return this.#watched
      .filter(({ ages }) => ages.count > 0)
      .map(({ name, ages }) => ({ name, age: conntrackView(this.#maps, name) === null ? "age" : "idle", counter: ages }));
  }

  /** A packet was dropped because conntrack could not take its entry. */
  insertRefused(extError: number, ipv6: boolean): void {
    const named = (wanted: CiliumMapName): Watched | undefined => this.#watched.find(({ name }) => name === wanted);
    // The RELATED entry goes first, into the map of the other protocols; when that one has room it was the TCP map.
    const any = named(ipv6 ? "ct_any6_global" : "ct_any4_global");
    const anyIsFull = any !== undefined && any.map.count >= any.map.maxEntries;
    const refusing = extError === -Errno.E2BIG && anyIsFull ? any : named(ipv6 ? "ct6_global" : "ct4_global");
    if (refusing !== undefined) refusing.refused++;
  }

  /** Notes the fill; called at every sample and at the end. */
  sample(atNs: number): void {
    for (const watched of this.#watched) {
      if (watched.map.count <= watched.entriesMax) continue;
      watched.entriesMax = watched.map.count;
      watched.entriesMaxAtNs = atNs;
    }
  }

  /** The maps as they are now. */
  counts(): readonly MapCounts[] {
    return this.#watched.map(({ name, map, refused, evictions, evictionsLive }) => {
      return { name, entries: map.count, maxEntries: map.maxEntries, insertsRefused: refused, evictions, evictionsLive };
    });
  }

  results(): readonly MapResult[] {
    return this.#watched.map(({ name, map, entriesMax, entriesMaxAtNs, refused, evictions, evictionsLive }) => ({
      name,
      type: TYPE_NAMES[map.spec.type],
      maxEntries: map.maxEntries,
      origin: this.#origins.get(name) ?? "default",
      fillsByDesign: FILLS_BY_DESIGN.includes(name),
      entriesAtEnd: map.count,
      entriesMax,
      entriesMaxAtNs,
      memoryBytes: kernelMemory(map.spec, this.#maps.host, map.count),
      insertsRefused: refused,
      evictions,
      evictionsLive,
    }));
  }
}

/** The NAT view of a map; null for maps of other kinds. */
function natView(maps: CiliumMaps, name: CiliumMapName): NatMap | null {
  if (name === "snat_v4_external") return maps.snatV4External;
  return name === "snat_v6_external" ? maps.snatV6External : null;
}

/** The conntrack view of a map; null for maps of other kinds. */
function conntrackView(maps: CiliumMaps, name: CiliumMapName): CtMap | null {
  switch (name) {
    case "ct4_global":
      return maps.ct4Global;
    case "ct_any4_global":
      return maps.ctAny4Global;
    case "ct6_global":
      return maps.ct6Global;
    case "ct_any6_global":
      return maps.ctAny6Global;
    default:
      return null;
  }
}
