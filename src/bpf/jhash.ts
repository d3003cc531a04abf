/**
 * Bob Jenkins' lookup3 as the kernel hashes map keys: `jhash()` in include/linux/jhash.h.
 *
 * Since Linux 6.4 key sizes divisible by four go through the word-wise `jhash2()`; on little-endian machines both give
 * the same number, and ctlab models little-endian machines only.
 */

/** JHASH_INITVAL, include/linux/jhash.h. */
const INITIAL = 0xdeadbeef;

/** Words that one mixing step consumes. */
const BLOCK_WORDS = 3;
const BLOCK_BYTES = 12;

/**
 * Hash of `byteLength` bytes that stand as little-endian words in `words` from index `at`; the last word is
 * zero-padded. The result is an int32 (the kernel's u32 with the same bits).
 */
export function jhash(words: Int32Array, at: number, byteLength: number, seed: number): number {
  let a = jhashStart(byteLength, seed);
  let b = a;
  let c = a;
  let left = byteLength;
  let i = at;
  while (left > BLOCK_BYTES) {
    a = (a + words[i]!) | 0;
    b = (b + words[i + 1]!) | 0;
    c = (c + words[i + 2]!) | 0;
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
    left -= BLOCK_BYTES;
    i += BLOCK_WORDS;
  }
  a = (a + words[i]!) | 0;
  if (left > 4) b = (b + words[i + 1]!) | 0;
  if (left > 8) c = (c + words[i + 2]!) | 0;
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
  return ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
}

/**
 * Hash of a key of four words, 13 to 16 bytes long; `start` is `jhashStart` of its true length. The same as `jhash`,
 * without its loop and without rounding sums to 32 bits before something else does: short enough for V8 to inline it
 * into a table's lookup. (Sums of a few 32-bit numbers are exact, and bit operations take their low 32 bits.)
 */
export function jhashFour(start: number, k0: number, k1: number, k2: number, k3: number): number {
  let a = start + k0;
  let b = start + k1;
  let c = start + k2;
  a = (a - c) ^ ((c << 4) | (c >>> 28));
  c = c + b;
  b = (b - a) ^ ((a << 6) | (a >>> 26));
  a = a + c;
  c = (c - b) ^ ((b << 8) | (b >>> 24));
  b = b + a;
  a = (a - c) ^ ((c << 16) | (c >>> 16));
  c = c + b;
  b = (b - a) ^ ((a << 19) | (a >>> 13));
  a = a + c;
  c = (c - b) ^ ((b << 4) | (b >>> 28));
  b = b + a;
  a = a + k3;
  c = (c ^ b) - ((b << 14) | (b >>> 18));
  a = (a ^ c) - ((c << 11) | (c >>> 21));
  b = (b ^ a) - ((a << 25) | (a >>> 7));
  c = (c ^ b) - ((b << 16) | (b >>> 16));
  a = (a ^ c) - ((c << 4) | (c >>> 28));
  b = (b ^ a) - ((a << 14) | (a >>> 18));
  return ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
}

/** What hashing begins with for a key size and seed. */
export function jhashStart(byteLength: number, seed: number): number {
  return (INITIAL + byteLength + seed) | 0;
}
