/** Makes a map from its specification. */

import { HashMap } from "./hash-map.js";
import { LruHashMap } from "./lru-hash-map.js";
import type { BpfMap } from "./map.js";
import { MapType } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

/** Creates an empty map. */
export function createMap(spec: MapSpec, host: MapHost): BpfMap {
  switch (spec.type) {
    case MapType.hash:
      return new HashMap(spec);
    case MapType.lruHash:
      return new LruHashMap(spec, host);
    default:
      throw new RangeError(`${spec.name}: map type ${spec.type} is not modelled`);
  }
}
