/**
 * `BPF_MAP_TYPE_ARRAY_OF_MAPS` and `BPF_MAP_TYPE_HASH_OF_MAPS`: values are other maps. kernel/bpf/map_in_map.c and the
 * `fd_array_map_*`, `fd_htab_map_*` functions of arraymap.c and hashtab.c.
 *
 * Programs only look up. User space puts maps in with `updateMap` and reads back their ids: value word 0 is an id that
 * the caller chose, as the kernel numbers its maps.
 */

import { nextIndex } from "./array-map.js";
import { Errno } from "./errno.js";
import { HashMap } from "./hash-map.js";
import type { BpfMap } from "./map.js";
import { MapFlag, MapType, UpdateFlag } from "./spec.js";
import type { MapSpec } from "./spec.js";

/** An inner map with the id under which user space sees it. */
export interface InnerMap {
  readonly id: number;
  readonly map: BpfMap;
}

/** Whether a map may stand in an outer map made for maps like `template`: `bpf_map_meta_equal()` and its array variant. */
export function fitsTemplate(template: MapSpec, inner: MapSpec): boolean {
  if (template.type !== inner.type || template.flags !== inner.flags) return false;
  if (template.keySize !== inner.keySize || template.valueSize !== inner.valueSize) return false;
  const anySize = template.type !== MapType.array || (template.flags & MapFlag.innerMap) !== 0;
  return anySize || template.maxEntries === inner.maxEntries;
}

/** The template of an outer map's specification. Throws a `RangeError` when it has none. */
function templateOf(spec: MapSpec): MapSpec {
  if (spec.inner === undefined) throw new RangeError(`${spec.name}: a map of maps needs a template for its inner maps`);
  return spec.inner;
}

export class ArrayOfMaps implements BpfMap {
  declare readonly spec: MapSpec;
  declare readonly maxEntries: number;
  count = 0;
  private declare readonly template: MapSpec;
  private declare readonly inner: (InnerMap | undefined)[];

  constructor(spec: MapSpec) {
    this.spec = spec;
    this.maxEntries = spec.maxEntries;
    this.template = templateOf(spec);
    this.inner = new Array<InnerMap | undefined>(spec.maxEntries).fill(undefined);
  }

  get modelBytes(): number {
    return this.inner.length * Float64Array.BYTES_PER_ELEMENT;
  }

  /** The map at a slot that a lookup gave. */
  mapAt(slot: number): BpfMap {
    return this.inner[slot]!.map;
  }

  lookup(key: Int32Array, at: number): number {
    return this.peek(key, at);
  }

  peek(key: Int32Array, at: number): number {
    const index = key[at]! >>> 0;
    return index < this.maxEntries && this.inner[index] !== undefined ? index : -Errno.ENOENT;
  }

  /** Programs can't store maps; the verifier rejects one that tries. */
  update(_key: Int32Array, _at: number, _flags: number, _cpu: number): number {
    return -Errno.EINVAL;
  }

  /** Puts a map in. Takes no presence flag. */
  updateMap(key: Int32Array, at: number, inner: InnerMap, flags: number): number {
    if (flags !== UpdateFlag.any) return -Errno.EINVAL;
    const index = key[at]! >>> 0;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if (!fitsTemplate(this.template, inner.map.spec)) return -Errno.EINVAL;
    if (this.inner[index] === undefined) this.count++;
    this.inner[index] = inner;
    return index;
  }

  remove(key: Int32Array, at: number, _cpu: number): number {
    const index = key[at]! >>> 0;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if (this.inner[index] === undefined) return -Errno.ENOENT;
    this.inner[index] = undefined;
    this.count--;
    return 0;
  }

  word(slot: number, w: number): number {
    return w === 0 ? (this.inner[slot]?.id ?? 0) : 0;
  }

  /** Values are written by `updateMap` only. */
  setWord(): void {}

  copyKey(slot: number, out: Int32Array, at: number): void {
    out[at] = slot;
  }

  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number {
    return nextIndex(key, at, out, outAt, this.maxEntries);
  }
}

export class HashOfMaps extends HashMap {
  private declare readonly template: MapSpec;
  private declare readonly inner: (InnerMap | undefined)[];

  constructor(spec: MapSpec) {
    super(spec);
    this.template = templateOf(spec);
    this.inner = [];
  }

  /** The map at a slot that a lookup gave. */
  mapAt(slot: number): BpfMap {
    return this.inner[slot]!.map;
  }

  /** Programs can't store maps; the verifier rejects one that tries. */
  override update(_key: Int32Array, _at: number, _flags: number, _cpu: number): number {
    return -Errno.EINVAL;
  }

  /**
   * Puts a map in, with the rules of a hash map's update, except that a present key keeps its element and its place in
   * the chain. (Since Linux 6.15; before, it took a new element. Only the order of a dump tells.)
   */
  updateMap(key: Int32Array, at: number, inner: InnerMap, flags: number, cpu: number): number {
    if (!fitsTemplate(this.template, inner.map.spec)) return -Errno.EINVAL;
    const old = this.peek(key, at);
    const replaces = old >= 0 && (flags === UpdateFlag.any || flags === UpdateFlag.exist);
    const slot = replaces ? old : super.update(key, at, flags, cpu);
    if (slot < 0) return slot;
    this.inner[slot] = inner;
    this.setWord(slot, 0, inner.id);
    return slot;
  }

  protected override release(slot: number): void {
    this.inner[slot] = undefined;
    super.release(slot);
  }
}
