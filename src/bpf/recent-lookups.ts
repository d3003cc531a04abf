/**
 * What recent lookups of a map came to, direct-mapped by the whole key. Not in the kernel: a short cut of the simulator,
 * with the same results; whoever changes the map calls `forget`.
 */

/** Odd multipliers that mix a key's words: 2^32 over the golden ratio, and MurmurHash3's first constant. */
const GOLDEN = 0x9e3779b1;
const MURMUR_C1 = 0xcc9e2d51;

/** No lookup of this key is remembered. Neither a slot (from 1 on) nor an error (below 0). */
export const NOT_REMEMBERED = 0;

export class RecentLookups {
  private declare readonly keyWords: number;
  private declare readonly stride: number;
  /** Bits of a hash that don't choose the row. */
  private declare readonly shift: number;
  /** The result, then the key's words, of each row. */
  private declare readonly rows: Int32Array;
  private isEmpty = true;

  /** `rows`: how many lookups at most; a power of two. */
  constructor(keyWords: number, rows: number) {
    this.keyWords = keyWords;
    this.stride = keyWords + 1;
    this.shift = Math.clz32(rows) + 1;
    this.rows = new Int32Array(rows * this.stride);
  }

  get modelBytes(): number {
    return this.rows.byteLength;
  }

  /** Slot or negative errno that the lookup of this key gave, or `NOT_REMEMBERED`. */
  find(key: Int32Array, at: number): number {
    const { rows, keyWords } = this;
    const row = this.rowOf(key, at);
    for (let i = 0; i < keyWords; i++) if (rows[row + 1 + i] !== key[at + i]) return NOT_REMEMBERED;
    return rows[row]!;
  }

  keep(key: Int32Array, at: number, result: number): void {
    const { rows, keyWords } = this;
    const row = this.rowOf(key, at);
    rows[row] = result;
    for (let i = 0; i < keyWords; i++) rows[row + 1 + i] = key[at + i]!;
    this.isEmpty = false;
  }

  forget(): void {
    if (this.isEmpty) return;
    this.rows.fill(0);
    this.isEmpty = true;
  }

  private rowOf(key: Int32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < this.keyWords; i++) hash = Math.imul(hash ^ key[at + i]!, GOLDEN);
    hash = Math.imul(hash ^ (hash >>> 15), MURMUR_C1);
    return (hash >>> this.shift) * this.stride;
  }
}
