/** The hash table behind a map, for views that read its rows directly. */

import { HashTable } from "../../bpf/hash-table.js";
import type { BpfMap } from "../../bpf/map.js";

/** The map as a hash table. Throws a `TypeError` for any other kind. */
export function tableOf(map: BpfMap): HashTable {
  if (map instanceof HashTable) return map;
  throw new TypeError(`${map.spec.name} is no hash table`);
}
