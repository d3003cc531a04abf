/** Hash buckets as lists of elements, newest first. */
import { plainJhash } from "./jhash.twin.js";
import type { TwinElement, TwinKey } from "./driver.twin.js";

export class PlainBuckets<Element extends TwinElement> {
  readonly lists: Element[][];
  readonly #keySize: number;

  constructor(maxEntries: number, keySize: number) {
    this.lists = Array.from({ length: 2 ** Math.ceil(Math.log2(maxEntries)) }, () => []);
    this.#keySize = keySize;
  }

  get count(): number {
    return this.lists.flat().length;
  }

  list(key: TwinKey): Element[] {
    const bytes = new Uint8Array(key.words.buffer).subarray(0, this.#keySize);
    return this.lists[plainJhash(bytes, 0) % this.lists.length]!;
  }

  find(key: TwinKey): Element | undefined {
    return this.list(key).find((each) => each.key.text === key.text);
  }

  add(element: Element): void {
    this.list(element.key).unshift(element);
  }

  drop(element: Element): void {
    const list = this.list(element.key);
    list.splice(list.indexOf(element), 1);
  }
}

/** A new element's values: `value` in one copy or all, the others zero. */
export function newValues(copies: number, copy: number | null, value: number): number[] {
  return Array.from({ length: copies }, (_, c) => (copy === null || copy === c ? value : 0));
}

/** Writes in place. */
export function overwrite(element: TwinElement, copy: number | null, value: number): void {
  if (copy === null) element.values.fill(value);
  else element.values[copy] = value;
}

/** -EEXIST or -ENOENT by the presence flags, else 0. */
export function presence(found: boolean, flags: number): number {
  if (found && flags === 1) return -17;
  return !found && flags === 2 ? -2 : 0;
}
