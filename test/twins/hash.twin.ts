/** Plain hash maps: a new element for every update, or in place for per-CPU values and maps of maps. */
import type { MapSpec } from "../../src/bpf/spec.js";
import { newValues, overwrite, PlainBuckets, presence } from "./buckets.twin.js";
import type { TwinElement, TwinKey, TwinMap } from "./driver.twin.js";

export class PlainHash implements TwinMap {
  readonly copies: number;
  readonly #buckets: PlainBuckets<TwinElement>;
  readonly #maxEntries: number;
  readonly #inPlace: boolean;

  constructor(spec: MapSpec, copies: number, inPlace: boolean) {
    this.copies = copies;
    this.#buckets = new PlainBuckets(spec.maxEntries, spec.keySize);
    this.#maxEntries = spec.maxEntries;
    this.#inPlace = inPlace;
  }

  update(key: TwinKey, flags: number, _cpu: number, copy: number | null, value: number): number {
    if (flags > 2) return -22;
    const old = this.#buckets.find(key);
    const refused = presence(old !== undefined, flags);
    if (refused !== 0) return refused;
    if (old !== undefined && this.#inPlace) {
      overwrite(old, copy, value);
      return 0;
    }
    if (old !== undefined) this.#buckets.drop(old);
    else if (this.#buckets.count === this.#maxEntries) return -7;
    this.#buckets.add({ key, values: newValues(this.copies, copy, value) });
    return 0;
  }

  find(key: TwinKey): TwinElement | undefined {
    return this.#buckets.find(key);
  }

  remove(key: TwinKey): number {
    const found = this.#buckets.find(key);
    if (found === undefined) return -2;
    this.#buckets.drop(found);
    return 0;
  }

  groups(): readonly (readonly TwinElement[])[] {
    return this.#buckets.lists;
  }
}
