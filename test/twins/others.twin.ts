/** Plain arrays and tries. */
import { type MapSpec } from "../../src/bpf/spec.js";
import { presence } from "./buckets.twin.js";
import type { TwinElement, TwinKey, TwinMap } from "./driver.twin.js";

/** An array; the key's number is the index. As an array of maps it begins empty and forgets. */
export class PlainArray implements TwinMap {
  readonly copies = 1;
  readonly #elements: (TwinElement & { present: boolean })[];
  readonly #ofMaps: boolean;

  constructor(spec: MapSpec, ofMaps: boolean) {
    this.#ofMaps = ofMaps;
    this.#elements = Array.from({ length: spec.maxEntries }, (_, id) => ({
      key: { id, words: Int32Array.of(id), text: String(id) },
      values: [ofMaps ? -2 : 0],
      present: !ofMaps,
    }));
  }

  update(key: TwinKey, flags: number, _cpu: number, _copy: number | null, value: number): number {
    if (flags > (this.#ofMaps ? 0 : 2)) return -22;
    const element = this.#elements[key.words[0]!];
    if (element === undefined) return -7;
    if (flags === 1) return -17;
    element.values = [value];
    element.present = true;
    return 0;
  }

  find(key: TwinKey): TwinElement | undefined {
    const element = this.#elements[key.words[0]!];
    return element?.present === true ? element : undefined;
  }

  exact(key: TwinKey): TwinElement | undefined {
    return this.#elements[key.words[0]!];
  }

  remove(key: TwinKey): number {
    if (!this.#ofMaps) return -22;
    const element = this.#elements[key.words[0]!];
    if (element === undefined) return -7;
    if (!element.present) return -2;
    element.values = [-2];
    element.present = false;
    return 0;
  }

  groups(): readonly (readonly TwinElement[])[] {
    return [this.#elements];
  }
}

interface Prefix extends TwinElement {
  readonly key: TwinKey;
  values: number[];
  /** The bits of the prefix as 0s and 1s. */
  readonly bits: string;
}

/** A list of prefixes; the longest that fits wins. */
export class PlainTrie implements TwinMap {
  readonly copies = 1;
  #prefixes: Prefix[] = [];
  readonly #maxEntries: number;

  constructor(spec: MapSpec) {
    this.#maxEntries = spec.maxEntries;
  }

  update(key: TwinKey, flags: number, _cpu: number, _copy: number | null, value: number): number {
    if (flags > 2) return -22;
    const old = this.exact(key);
    const refused = presence(old !== undefined, flags);
    if (refused !== 0) return refused;
    if (old === undefined && this.#prefixes.length === this.#maxEntries) return -28;
    this.#prefixes = this.#prefixes.filter((each) => each !== old);
    this.#prefixes.push({ key, values: [value], bits: bitsOf(key) });
    return 0;
  }

  find(key: TwinKey): TwinElement | undefined {
    const fitting = this.#prefixes.filter(({ bits }) => bitsOf(key).startsWith(bits));
    return fitting.sort((a, b) => b.bits.length - a.bits.length)[0];
  }

  exact(key: TwinKey): Prefix | undefined {
    return this.#prefixes.find(({ bits }) => bits === bitsOf(key));
  }

  remove(key: TwinKey): number {
    const found = this.exact(key);
    if (found === undefined) return -2;
    this.#prefixes = this.#prefixes.filter((each) => each !== found);
    return 0;
  }

  /** More specific prefixes before the less specific ones that contain them, else by value. */
  groups(): readonly (readonly TwinElement[])[] {
    return [this.#prefixes.slice().sort((a, b) => (a.bits.startsWith(b.bits) ? -1 : b.bits.startsWith(a.bits) ? 1 : a.bits < b.bits ? -1 : 1))];
  }
}

function bitsOf({ words }: TwinKey): string {
  const data = [...new Uint8Array(words.buffer).subarray(4)];
  return data.map((byte) => byte.toString(2).padStart(8, "0")).join("").slice(0, words[0]);
}
