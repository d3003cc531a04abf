/**
 * `cilium_lb4_maglev`, `cilium_lb6_maglev`: a hash of maps, from rev_nat_index to an array with one element, the whole
 * table of backend ids. pkg/maps/lbmap/maglev*.go; bpf/lib/lb.h `lb4_select_backend_id_maglev`.
 */

import { ArrayMap } from "../../bpf/array-map.js";
import { Errno } from "../../bpf/errno.js";
import type { BpfMap } from "../../bpf/map.js";
import { HashOfMaps } from "../../bpf/map-of-maps.js";
import { MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";

/** Bytes of a backend id. */
const ID_BYTES = 4;

/** Template of the inner maps: one element, a table of `tableSize` backend ids. */
export function maglevInnerSpec(tableSize: number): MapSpec {
  return { name: "maglev_inner", type: MapType.array, keySize: 4, valueSize: ID_BYTES * tableSize, maxEntries: 1, flags: 0 };
}

export class MaglevMap {
  declare readonly map: HashOfMaps;
  /** rev_nat_index. */
  readonly key: Int32Array = new Int32Array(1);
  readonly #tableSize: number;
  readonly #onlyElement = new Int32Array(1);

  constructor(map: BpfMap) {
    if (!(map instanceof HashOfMaps)) throw new TypeError(`${map.spec.name} is no hash of maps`);
    this.map = map;
    this.#tableSize = map.spec.inner!.valueSize / ID_BYTES;
  }

  /** Backend id at a place of the table at `slot`, 0 = none. */
  backendId(slot: number, place: number): number {
    return this.map.mapAt(slot).word(0, place);
  }

  /** A copy of the service's table, or null when it has none. */
  table(revNatIndex: number): Int32Array | null {
    this.key[0] = revNatIndex;
    const slot = this.map.peek(this.key, 0);
    return slot < 0 ? null : Int32Array.from({ length: this.#tableSize }, (_, place) => this.backendId(slot, place));
  }

  /** Installs a table of backend ids. Returns 0 or a negated error number: -EINVAL for a table of another length. */
  setTable(revNatIndex: number, backendIds: ArrayLike<number>): number {
    if (backendIds.length !== this.#tableSize) return -Errno.EINVAL;
    const inner = new ArrayMap(this.map.spec.inner!);
    inner.update(this.#onlyElement, 0, 0, 0);
    for (let place = 0; place < backendIds.length; place++) inner.setWord(0, place, backendIds[place]!);
    this.key[0] = revNatIndex;
    const slot = this.map.updateMap(this.key, 0, { id: revNatIndex, map: inner }, 0, 0);
    return slot < 0 ? slot : 0;
  }

  removeTable(revNatIndex: number): number {
    this.key[0] = revNatIndex;
    return this.map.remove(this.key, 0, 0);
  }
}
