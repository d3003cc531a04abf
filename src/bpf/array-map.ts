/**
 * `BPF_MAP_TYPE_ARRAY`: all elements exist from the start and can't be deleted. kernel/bpf/arraymap.c. A slot is the
 * index itself.
 */

import { Errno } from "./errno.js";
import type { BpfMap } from "./map.js";
import { UpdateFlag } from "./spec.js";
import type { MapSpec } from "./spec.js";
import { heldPositions, heldWordCount } from "./value-words.js";

export class ArrayMap implements BpfMap {
  declare readonly spec: MapSpec;
  declare readonly maxEntries: number;
  /** Position of each value word, or null when all are held: a Maglev table is one value of thousands. */
  private declare readonly positions: Int32Array | null;
  private declare readonly stride: number;
  private declare readonly values: Int32Array;

  constructor(spec: MapSpec) {
    this.spec = spec;
    this.maxEntries = spec.maxEntries;
    this.positions = spec.storedWords === undefined ? null : heldPositions(spec);
    this.stride = heldWordCount(spec);
    this.values = new Int32Array(spec.maxEntries * this.stride);
  }

  get count(): number {
    return this.maxEntries;
  }

  get modelBytes(): number {
    return this.values.byteLength;
  }

  lookup(key: Int32Array, at: number): number {
    return this.peek(key, at);
  }

  peek(key: Int32Array, at: number): number {
    const index = key[at]! >>> 0;
    return index < this.maxEntries ? index : -Errno.ENOENT;
  }

  /** Never inserts: every element is present. */
  update(key: Int32Array, at: number, flags: number, _cpu: number): number {
    if (flags < 0 || flags > UpdateFlag.exist) return -Errno.EINVAL;
    const index = key[at]! >>> 0;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if (flags === UpdateFlag.noExist) return -Errno.EEXIST;
    this.values.fill(0, index * this.stride, (index + 1) * this.stride);
    return index;
  }

  remove(_key: Int32Array, _at: number, _cpu: number): number {
    return -Errno.EINVAL;
  }

  word(slot: number, w: number): number {
    const position = this.positions === null ? w : this.positions[w]!;
    return position < 0 ? 0 : this.values[slot * this.stride + position]!;
  }

  setWord(slot: number, w: number, value: number): void {
    const position = this.positions === null ? w : this.positions[w]!;
    if (position >= 0) this.values[slot * this.stride + position] = value;
  }

  copyKey(slot: number, out: Int32Array, at: number): void {
    out[at] = slot;
  }

  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number {
    return nextIndex(key, at, out, outAt, this.maxEntries);
  }
}

/** `array_map_get_next_key()`: the next index; 0 after no key or one outside the array; -ENOENT after the last. */
export function nextIndex(
  key: Int32Array | null,
  at: number,
  out: Int32Array,
  outAt: number,
  maxEntries: number,
): number {
  const index = key === null ? maxEntries : key[at]! >>> 0;
  if (index === maxEntries - 1) return -Errno.ENOENT;
  out[outAt] = index >= maxEntries ? 0 : index + 1;
  return 0;
}
