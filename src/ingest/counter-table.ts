/** Counts by keys of a few whole numbers: open addressing over typed arrays, for dumps with millions of different keys. */

const FIRST_SIZE = 1 << 10;
/** Mixing constants of Fibonacci hashing and of MurmurHash3's finalizer. */
const GOLDEN = 0x9e3779b1;
const FINAL = 0x85ebca6b;

export class CounterTable {
  readonly #words: number;
  #keys: Int32Array;
  #counts: Int32Array;
  #capacity = FIRST_SIZE;
  #size = 0;

  /** `words`: whole numbers of 32 bits in a key, 1 to 5. */
  constructor(words: number) {
    this.#words = words;
    this.#keys = new Int32Array(FIRST_SIZE * words);
    this.#counts = new Int32Array(FIRST_SIZE);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds one to the count of a key; words beyond the table's are ignored. */
  add(a: number, b = 0, c = 0, d = 0, e = 0): void {
    const at = this.#find(a | 0, b | 0, c | 0, d | 0, e | 0);
    if (this.#counts[at]!++ !== 0) return;
    this.#store(at, a, b, c, d, e);
    if (++this.#size * 2 > this.#capacity) this.#grow();
  }

  count(a: number, b = 0, c = 0, d = 0, e = 0): number {
    return this.#counts[this.#find(a | 0, b | 0, c | 0, d | 0, e | 0)]!;
  }

  /** Every key with its count; the key is valid during the call only. */
  forEach(visit: (key: Int32Array, count: number) => void): void {
    for (let at = 0; at < this.#capacity; at++) {
      if (this.#counts[at] !== 0) visit(this.#keys.subarray(at * this.#words, (at + 1) * this.#words), this.#counts[at]!);
    }
  }

  /** The place of a key, or the free one where it belongs. */
  #find(a: number, b: number, c: number, d: number, e: number): number {
    const words = this.#words;
    const mask = this.#capacity - 1;
    let hash = Math.imul(a, GOLDEN);
    if (words > 1) hash = Math.imul((hash ^ (hash >>> 15)) + b, GOLDEN);
    if (words > 2) hash = Math.imul((hash ^ (hash >>> 15)) + c, GOLDEN);
    if (words > 3) hash = Math.imul((hash ^ (hash >>> 15)) + d, GOLDEN);
    if (words > 4) hash = Math.imul((hash ^ (hash >>> 15)) + e, GOLDEN);
    hash = Math.imul(hash ^ (hash >>> 16), FINAL);
    for (let at = (hash ^ (hash >>> 13)) & mask; ; at = (at + 1) & mask) {
      if (this.#counts[at] === 0) return at;
      const k = at * words;
      const keys = this.#keys;
      if (keys[k] !== a) continue;
      if (words > 1 && keys[k + 1] !== b) continue;
      if (words > 2 && keys[k + 2] !== c) continue;
      if (words > 3 && keys[k + 3] !== d) continue;
      if (words > 4 && keys[k + 4] !== e) continue;
      return at;
    }
  }

  #store(at: number, a: number, b: number, c: number, d: number, e: number): void {
    const words = this.#words;
    const k = at * words;
    this.#keys[k] = a;
    if (words > 1) this.#keys[k + 1] = b;
    if (words > 2) this.#keys[k + 2] = c;
    if (words > 3) this.#keys[k + 3] = d;
    if (words > 4) this.#keys[k + 4] = e;
  }

  #grow(): void {
    const [keys, counts, words] = [this.#keys, this.#counts, this.#words];
    const old = this.#capacity;
    this.#capacity = old * 2;
    this.#keys = new Int32Array(this.#capacity * words);
    this.#counts = new Int32Array(this.#capacity);
    for (let from = 0; from < old; from++) {
      if (counts[from] === 0) continue;
      const k = from * words;
      const [a, b, c, d, e] = [keys[k]!, keys[k + 1] ?? 0, keys[k + 2] ?? 0, keys[k + 3] ?? 0, keys[k + 4] ?? 0];
      const at = this.#find(a, b, c, d, e);
      this.#store(at, a, b, c, d, e);
      this.#counts[at] = counts[from]!;
    }
  }
}

/** The keys with the largest counts, largest first; equal ones in the order of their words. */
export function largest(table: CounterTable, listed: number): readonly { readonly key: readonly number[]; readonly count: number }[] {
  const top: { key: readonly number[]; count: number }[] = [];
  table.forEach((key, count) => {
    if (top.length === listed && count < top[listed - 1]!.count) return;
    top.push({ key: [...key], count });
    top.sort((a, b) => b.count - a.count || compareWords(a.key, b.key));
    if (top.length > listed) top.pop();
  });
  return top;
}

function compareWords(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((word, index) => word !== b[index]);
  return differs === -1 ? 0 : a[differs]! - b[differs]!;
}
