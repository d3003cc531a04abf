/** The kernel memory of a plan of maps. */

import { kernelMemory } from "../bpf/memory.js";
import { MapFlag, MapType } from "../bpf/spec.js";
import type { MapHost, MapSpec } from "../bpf/spec.js";
import type { EntriesOrigin, MapPlan, PlannedMap } from "../cilium/agent/map-plan.js";
import { reportedMaxEntries } from "../cilium/agent/map-recreation.js";

/** Bytes of kernel memory. */
export interface MemoryTotals {
  /** Taken when the map is created. */
  readonly created: number;
  /** Taken when it is full; more than `created` for maps that allocate as they fill. */
  readonly full: number;
}

export interface ResolvedMap {
  readonly label: string;
  readonly pinnedName: string;
  readonly type: MapType;
  /** `LRU hash`, `LRU hash, a list for each CPU`, `hash`, … */
  readonly kind: string;
  /** `max_entries` as the kernel will report it. */
  readonly entries: number;
  /** What the agent asks for; differs where the kernel rounds. */
  readonly requestedEntries: number;
  readonly origin: EntriesOrigin;
  readonly roundedToCpus: number | null;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly flags: number;
  /** Of one map. */
  readonly memory: MemoryTotals;
  /** Maps of this kind on a node: 1, or one for each endpoint. */
  readonly copies: number;
}

const KINDS: Readonly<Record<MapType, string>> = {
  [MapType.hash]: "hash",
  [MapType.array]: "array",
  [MapType.percpuHash]: "per-CPU hash",
  [MapType.lruHash]: "LRU hash",
  [MapType.lruPercpuHash]: "per-CPU LRU hash",
  [MapType.lpmTrie]: "LPM trie",
  [MapType.arrayOfMaps]: "array of maps",
  [MapType.hashOfMaps]: "hash of maps",
};

export function mapCosts(plan: MapPlan, host: MapHost, endpoints: number): readonly ResolvedMap[] {
  return plan.maps.map((map) => mapCost(map, host, map.per === "endpoint" ? endpoints : 1));
}

function mapCost(map: PlannedMap, host: MapHost, copies: number): ResolvedMap {
  const entries = reportedMaxEntries(map.spec, host);
  const spec = { ...map.spec, maxEntries: entries };
  const perCpuLists = (spec.flags & MapFlag.noCommonLru) !== 0;
  return {
    label: map.label,
    pinnedName: map.pinnedName,
    type: spec.type,
    kind: KINDS[spec.type] + (perCpuLists ? ", a list for each CPU" : ""),
    entries,
    requestedEntries: map.spec.maxEntries,
    origin: map.origin,
    roundedToCpus: map.roundedToCpus,
    keyBytes: spec.keySize,
    valueBytes: spec.valueSize,
    flags: spec.flags,
    memory: { created: kernelMemory(spec, host, 0), full: kernelMemory(spec, host, entries) },
    copies,
  };
}

/** The specification that the agent would create the map with. */
export function specOf(map: ResolvedMap): MapSpec {
  const { label: name, type, keyBytes: keySize, valueBytes: valueSize, requestedEntries: maxEntries, flags } = map;
  return { name, type, keySize, valueSize, maxEntries, flags };
}

/** A sum, each part so many times. */
export function totalsOf(parts: readonly { readonly memory: MemoryTotals; readonly times: number }[]): MemoryTotals {
  return {
    created: parts.reduce((sum, { memory, times }) => sum + memory.created * times, 0),
    full: parts.reduce((sum, { memory, times }) => sum + memory.full * times, 0),
  };
}
