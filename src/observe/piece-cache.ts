/** Rendered pieces of lines by the numbers that they depend on. Old ones give way to new ones: what is asked for may have to be rendered again. */
import { piece, type Piece } from "./line-bytes.js";

/** Odd constants that spread a key over the slots: 2^32 over the golden ratio, and MurmurHash3's second one. */
const SPREAD = 0x9e3779b1;
const MIX = 0xc2b2ae35;

export class PieceCache {
  /** The key of the next `find`, filled in by the caller. */
  readonly key: Int32Array;
  readonly #mask: number;
  readonly #keys: Int32Array;
  readonly #pieces: (Piece | undefined)[];
  /** Where the key of the last `find` belongs. */
  #slot = 0;
  /** Which of a key's two slots is given up next. */
  #turn = 0;

  /** `slots`: a power of two from 2 on. */
  constructor(words: number, slots: number) {
    if (slots < 2 || (slots & (slots - 1)) !== 0) throw new RangeError(`the number of slots is a power of two, not ${slots}`);
    this.key = new Int32Array(words);
    this.#mask = slots - 1;
    this.#keys = new Int32Array(words * slots);
    this.#pieces = new Array<Piece | undefined>(slots).fill(undefined);
  }

  /** The piece that was kept for `key`, if it is still there. */
  find(): Piece | undefined {
    const { key } = this;
    let hash = 0;
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ key[i]!, SPREAD);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, MIX);
    const slot = (hash ^ (hash >>> 16)) & this.#mask;
    this.#slot = slot;
    if (this.#holds(slot)) return this.#pieces[slot];
    return this.#holds(slot ^ 1) ? this.#pieces[slot ^ 1] : undefined;
  }

  /** Keeps the text under the key of the last `find`, which found nothing. */
  keep(text: string): Piece {
    const slot = this.#pieces[this.#slot] === undefined ? this.#slot : this.#slot ^ (this.#turn ^= 1);
    const rendered = piece(text);
    this.#keys.set(this.key, slot * this.key.length);
    this.#pieces[slot] = rendered;
    return rendered;
  }

  #holds(slot: number): boolean {
    if (this.#pieces[slot] === undefined) return false;
    const { key } = this;
    const at = slot * key.length;
    for (let i = 0; i < key.length; i++) if (this.#keys[at + i] !== key[i]) return false;
    return true;
  }
}
