/** MurmurHash3 x64 128-bit of a text, as pkg/murmur3 computes it for Maglev: little-endian blocks, one 32-bit seed for both halves. */

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;
const MASK = (1n << 64n) - 1n;
const BLOCK_BYTES = 16;

export interface Hash128 {
  readonly h1: bigint;
  readonly h2: bigint;
}

const encoder = new TextEncoder();

/** Hash of the text's UTF-8 bytes. `seed` is a u32. */
export function murmur3(text: string, seed: number): Hash128 {
  const bytes = encoder.encode(text);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let h1 = BigInt(seed >>> 0);
  let h2 = h1;
  const blocks = Math.floor(bytes.length / BLOCK_BYTES);
  for (let i = 0; i < blocks; i++) {
    h1 ^= mixFirst(view.getBigUint64(i * BLOCK_BYTES, true));
    h1 = (((rotate(h1, 27n) + h2) & MASK) * 5n + 0x52dce729n) & MASK;
    h2 ^= mixSecond(view.getBigUint64(i * BLOCK_BYTES + 8, true));
    h2 = (((rotate(h2, 31n) + h1) & MASK) * 5n + 0x38495ab5n) & MASK;
  }
  const tail = bytes.subarray(blocks * BLOCK_BYTES);
  if (tail.length > 8) h2 ^= mixSecond(littleEndian(tail.subarray(8)));
  if (tail.length > 0) h1 ^= mixFirst(littleEndian(tail.subarray(0, 8)));
  const length = BigInt(bytes.length);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = finalize(h1);
  h2 = finalize(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return { h1, h2 };
}

function mixFirst(k: bigint): bigint {
  return (rotate((k * C1) & MASK, 31n) * C2) & MASK;
}

function mixSecond(k: bigint): bigint {
  return (rotate((k * C2) & MASK, 33n) * C1) & MASK;
}

function finalize(h: bigint): bigint {
  let k = h;
  k = ((k ^ (k >> 33n)) * 0xff51afd7ed558ccdn) & MASK;
  k = ((k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n) & MASK;
  return k ^ (k >> 33n);
}

function rotate(k: bigint, bits: bigint): bigint {
  return ((k << bits) | (k >> (64n - bits))) & MASK;
}

function littleEndian(bytes: Uint8Array): bigint {
  let word = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) word = (word << 8n) | BigInt(bytes[i]!);
  return word;
}
