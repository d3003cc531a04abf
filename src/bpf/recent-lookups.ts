/**
 * What recent lookups of a map came to, direct-mapped by the whole key. Not in the kernel: a short cut of the simulator,
 * with the same results; whoever changes the map calls `forget`. It grows while most of what is asked for finds no room.
 */

/** Odd multipliers that mix a key's words: 2^32 over the golden ratio, and MurmurHash3's first constant. */
const GOLDEN = 0x9e3779b1;
const MURMUR_C1 = 0xcc9e2d51;

/** Rows at first, and at most; with the keys of `cilium_lxc` they take 12 and 192 KiB. */
const ROWS_MIN = 512;
const ROWS_MAX = 8192;
/** It is looked at after so many lookups for each row: more rows when half of them were not remembered. */
const ASKED_PER_ROW = 16;

/** No lookup of this key is remembered. Neither a slot (from 1 on) nor an error (below 0). */
export const NOT_REMEMBERED = 0;

export class RecentLookups {
  private declare readonly keyWords: number;
  private declare readonly stride: number;
  /** Bits of a hash that don't choose the row. */
  private shift = Math.clz32(ROWS_MIN) + 1;
  /** The result, then the key's words, of each row. */
  private rows: Int32Array;
  private isEmpty = true;
  /** Lookups since the size was last looked at, and those of them that were not remembered. */
  private asked = 0;
  private kept = 0;

  constructor(keyWords: number) {
    this.keyWords = keyWords;
    this.stride = keyWords + 1;
    this.rows = new Int32Array(ROWS_MIN * this.stride);
  }

  get modelBytes(): number {
    return this.rows.byteLength;
  }

  /** Slot or negative errno that the lookup of this key gave, or `NOT_REMEMBERED`. */
  find(key: Int32Array, at: number): number {
    const { rows, keyWords } = this;
    this.asked++;
    const row = this.rowOf(key, at);
    for (let i = 0; i < keyWords; i++) if (rows[row + 1 + i] !== key[at + i]) return NOT_REMEMBERED;
    return rows[row]!;
  }

  keep(key: Int32Array, at: number, result: number): void {
    this.kept++;
    if (this.asked * this.stride > ASKED_PER_ROW * this.rows.length) this.resize();
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

  private resize(): void {
    const suffices = 2 * this.kept < this.asked;
    this.asked = 0;
    this.kept = 0;
    if (suffices || this.rows.length >= ROWS_MAX * this.stride) return;
    this.rows = new Int32Array(2 * this.rows.length);
    this.shift--;
  }

  private rowOf(key: Int32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < this.keyWords; i++) hash = Math.imul(hash ^ key[at + i]!, GOLDEN);
    hash = Math.imul(hash ^ (hash >>> 15), MURMUR_C1);
    return (hash >>> this.shift) * this.stride;
  }
}
