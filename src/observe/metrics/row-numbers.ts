/** Numbers for rows of words: equal rows have the same number, counted from 0 in the order in which they came up. */

/** Places to begin with; a power of two. */
const PLACES_MIN = 1024;
const GOLDEN = 0x9e3779b1 | 0;
const NOBODY = -1;

export class RowNumbers {
  /** The row to ask for. */
  readonly key: Int32Array;
  /** Different rows so far. */
  count = 0;
  readonly #words: number;
  /** Words of each numbered row. */
  #rows: Int32Array;
  /** Number of the row at each place of the hash table, or `NOBODY`. */
  #places: Int32Array;

  constructor(words: number) {
    this.#words = words;
    this.key = new Int32Array(words);
    this.#rows = new Int32Array((PLACES_MIN / 2) * words);
    this.#places = new Int32Array(PLACES_MIN).fill(NOBODY);
  }

  /** Number of the row in `key`. It is new when it equals what `count` was before. */
  numberOfKey(): number {
    const places = this.#places;
    const mask = places.length - 1;
    let place = hash(this.key) & mask;
    for (let number = places[place]!; number !== NOBODY; number = places[place]!) {
      if (this.#isKey(number)) return number;
      place = (place + 1) & mask;
    }
    if (2 * (this.count + 1) > places.length) {
      this.#grow();
      return this.numberOfKey();
    }
    places[place] = this.count;
    this.#rows.set(this.key, this.count * this.#words);
    return this.count++;
  }

  clear(): void {
    this.count = 0;
    this.#places.fill(NOBODY);
  }

  #isKey(number: number): boolean {
    const base = number * this.#words;
    for (let i = 0; i < this.#words; i++) if (this.#rows[base + i] !== this.key[i]) return false;
    return true;
  }

  #grow(): void {
    const rows = new Int32Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
    this.#places = new Int32Array(2 * this.#places.length).fill(NOBODY);
    const mask = this.#places.length - 1;
    for (let number = 0; number < this.count; number++) {
      let place = hash(rows.subarray(number * this.#words, (number + 1) * this.#words)) & mask;
      while (this.#places[place] !== NOBODY) place = (place + 1) & mask;
      this.#places[place] = number;
    }
  }
}

function hash(words: Int32Array): number {
  let mixed = 0;
  for (let i = 0; i < words.length; i++) {
    mixed = Math.imul(mixed ^ words[i]!, GOLDEN);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}
