/** Makes maps from their specifications, or says why the kernel would not. */

import { ArrayMap } from "./array-map.js";
import { checkMap } from "./create-checks.js";
import { errnoName } from "./errno.js";
import { HashMap } from "./hash-map.js";
import { LpmTrieMap } from "./lpm-trie.js";
import { LruHashMap } from "./lru-hash-map.js";
import { LruPercpuHashMap } from "./lru-percpu-hash-map.js";
import type { BpfMap } from "./map.js";
import { ArrayOfMaps, HashOfMaps } from "./map-of-maps.js";
import { PercpuHashMap } from "./percpu-hash-map.js";
import { MapType } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

/** The kernel would refuse to create this map. */
export class MapCreateError extends Error {
  override readonly name = "MapCreateError";
  /** Negated error number. */
  readonly errno: number;

  constructor(spec: MapSpec, errno: number) {
    super(`map ${spec.name} can't be created: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/** Creates an empty map. Throws a `MapCreateError` for a specification that the kernel refuses. */
export function createMap(spec: MapSpec, host: MapHost): BpfMap {
  const refused = checkMap(spec, host);
  if (refused !== 0) throw new MapCreateError(spec, refused);
  switch (spec.type) {
    case MapType.hash:
      return new HashMap(spec);
    case MapType.percpuHash:
      return new PercpuHashMap(spec, host);
    case MapType.lruHash:
      return new LruHashMap(spec, host);
    case MapType.lruPercpuHash:
      return new LruPercpuHashMap(spec, host);
    case MapType.array:
      return new ArrayMap(spec);
    case MapType.lpmTrie:
      return new LpmTrieMap(spec);
    case MapType.arrayOfMaps:
      return new ArrayOfMaps(spec);
    case MapType.hashOfMaps:
      return new HashOfMaps(spec);
  }
}
