/**
 * Lines of JSON as UTF-8, gathered in one block that is used again and again: what is in every line, or in many, is encoded once
 * (a `Piece`) and copied. A run may write millions of lines, each of near a thousand bytes.
 */

/** Encoded text that is copied as it is. */
export type Piece = Uint8Array;

const UTF8 = new TextEncoder();
/** Up to this length copying byte by byte takes less time than a call of `set`; measured. */
const SHORT_BYTES = 24;
/** A character takes at most 3 bytes per UTF-16 unit. */
const UTF8_PER_UNIT = 3;
const ZERO = 0x30;
/** Decimal digits of 2^53. */
const DIGITS_MAX = 16;

export function piece(text: string): Piece {
  return UTF8.encode(text);
}

export class LineBytes {
  /** Where the bytes lie; another one after it has grown. */
  block: Uint8Array;
  #length = 0;
  readonly #digits = new Uint8Array(DIGITS_MAX);

  /** `capacity`: bytes that fit before it grows. */
  constructor(capacity: number) {
    this.block = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What is gathered; good until the next change. */
  bytes(): Uint8Array {
    return this.block.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Makes room for so many bytes, which the caller writes into `block` from the returned place on. */
  take(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.block.length) this.#grow(at + bytes);
    this.#length = at + bytes;
    return at;
  }

  put(text: Piece): void {
    const { length } = text;
    const at = this.take(length);
    const { block } = this;
    if (length > SHORT_BYTES) block.set(text, at);
    else for (let i = 0; i < length; i++) block[at + i] = text[i]!;
  }

  /** Text that comes once. */
  putText(text: string): void {
    const room = text.length * UTF8_PER_UNIT;
    const at = this.take(room);
    this.#length = at + UTF8.encodeInto(text, this.block.subarray(at, at + room)).written;
  }

  /** A whole number from 0 to 2^53 − 1. */
  putDecimal(value: number): void {
    const digits = this.#digits;
    let first = DIGITS_MAX;
    let rest = value;
    do {
      const tens = Math.floor(rest / 10);
      digits[--first] = ZERO + (rest - tens * 10);
      rest = tens;
    } while (rest > 0);
    const at = this.take(DIGITS_MAX - first);
    for (let i = first; i < DIGITS_MAX; i++) this.block[at + i - first] = digits[i]!;
  }

  #grow(needed: number): void {
    const block = new Uint8Array(Math.max(needed, this.block.length * 2));
    block.set(this.bytes());
    this.block = block;
  }
}
