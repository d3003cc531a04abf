/**
 * Maps that an agent replaces at its start because their size or flags no longer fit (M11): `OpenOrCreate` of pkg/bpf
 * compares the pinned map with what it would create and makes a new one on any difference. All entries are lost, and
 * until the programs that hold the old map are replaced both take their memory.
 */

import { effectiveMaxEntries } from "../../bpf/lru-hash-map.js";
import { MapType } from "../../bpf/spec.js";
import type { MapHost, MapSpec } from "../../bpf/spec.js";

/** A property in which the pinned map and the wanted one differ. */
export interface MapDifference {
  readonly property: "type" | "key size" | "value size" | "max entries" | "flags" | "slots of a table";
  readonly pinned: number;
  readonly wanted: number;
}

/** `max_entries` as the kernel reports it once the map exists. */
export function reportedMaxEntries(spec: MapSpec, host: MapHost): number {
  const lru = spec.type === MapType.lruHash || spec.type === MapType.lruPercpuHash;
  return lru ? effectiveMaxEntries(spec, host) : spec.maxEntries;
}

/** What differs between a map pinned from `pinned` and a wanted specification; empty when the map is kept. */
export function recreationCauses(pinned: MapSpec, wanted: MapSpec, host: MapHost): readonly MapDifference[] {
  const pairs: readonly MapDifference[] = [
    { property: "type", pinned: pinned.type, wanted: wanted.type },
    { property: "key size", pinned: pinned.keySize, wanted: wanted.keySize },
    { property: "value size", pinned: pinned.valueSize, wanted: wanted.valueSize },
    { property: "max entries", pinned: reportedMaxEntries(pinned, host), wanted: wanted.maxEntries },
    { property: "flags", pinned: pinned.flags, wanted: wanted.flags },
  ];
  return pairs.filter((pair) => pair.pinned !== pair.wanted);
}

/** Maglev's outer map is replaced when tables get another size, which its own properties don't show. `deleteMapIfMNotMatch` */
export function maglevCauses(pinnedSlots: number, wantedSlots: number): readonly MapDifference[] {
  return pinnedSlots === wantedSlots ? [] : [{ property: "slots of a table", pinned: pinnedSlots, wanted: wantedSlots }];
}

/** A map that is replaced at every start, because the kernel rounds its size and the agent doesn't (1.17.2, 1.17.3). */
export function isRecreatedForEver(spec: MapSpec, host: MapHost): boolean {
  return recreationCauses(spec, spec, host).length > 0;
}
