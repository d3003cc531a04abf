/**
 * HdrHistogram's V2 compressed encoding, in base64 as logs carry it (HdrHistogram wiki and Java's AbstractHistogram:
 * encodeIntoCompressedByteBuffer).
 *
 * Written here instead of by hdr-histogram-js for two reasons. That library compresses with the zlib of the Node that
 * runs it, whose output differs between releases and processors; pako is plain JavaScript, so the same histogram gives
 * the same bytes anywhere. And it writes normalising offset 1 and ratio bits 0x…01 where Java writes 0 and 1.0, which
 * strict readers (Rust's hdrhistogram) refuse. The uncompressed bytes here equal Java's.
 */
import { createRequire } from "node:module";
import { inflateSync } from "node:zlib";
import { HdrSnapshot, type HdrShape } from "./hdr-snapshot.js";

/** pako has no types of its own; this is the one function used. */
interface Deflater {
  deflate(data: Uint8Array): Uint8Array;
}
const { deflate } = createRequire(import.meta.url)("pako") as Deflater;

/** Cookies of V2: format number, with the bit that says "counts as ZigZag LEB128". */
const COOKIE = 0x1c849313;
const COMPRESSED_COOKIE = 0x1c849314;
/** cookie, length of what follows. */
const COMPRESSED_HEADER_BYTES = 8;
/** cookie, payload length, normalising offset, digits (4 each), lowest, highest, ratio (8 each). */
const HEADER_BYTES = 40;
/** A 64-bit number takes at most 9 bytes in this variant of LEB128: the ninth holds 8 bits. */
const LEB_BYTES_MAX = 9;

/** The bytes are not an encoded histogram; the message says why. */
export class HdrFormatError extends Error {
  override readonly name = "HdrFormatError";
}

/** Encodes a histogram: V2, compressed, base64. */
export function encodeHdr(snapshot: HdrSnapshot): string {
  const content = Buffer.from(deflate(encodeHdrPlain(snapshot)));
  const header = Buffer.alloc(COMPRESSED_HEADER_BYTES);
  header.writeInt32BE(COMPRESSED_COOKIE, 0);
  header.writeInt32BE(content.length, 4);
  return Buffer.concat([header, content]).toString("base64");
}

/** The same before compression; equal to Java's byte for byte. */
export function encodeHdrPlain(snapshot: HdrSnapshot): Buffer {
  const payload = encodeCounts(snapshot);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32BE(COOKIE, 0);
  header.writeInt32BE(payload.length, 4);
  header.writeInt32BE(0, 8);
  header.writeInt32BE(snapshot.shape.significantDigits, 12);
  header.writeBigInt64BE(BigInt(snapshot.shape.lowestDiscernible), 16);
  header.writeBigInt64BE(BigInt(snapshot.shape.highestTrackable), 24);
  header.writeDoubleBE(1, 32);
  return Buffer.concat([header, payload]);
}

/** Counts up to the last used bucket; a run of two or more empty buckets becomes one negative number. */
function encodeCounts(snapshot: HdrSnapshot): Buffer {
  const bytes: number[] = [];
  let next = 0;
  for (const [index, count] of snapshot.buckets) {
    const empty = index - next;
    if (empty > 0) writeZigZag(bytes, empty === 1 ? 0n : BigInt(-empty));
    writeZigZag(bytes, BigInt(count));
    next = index + 1;
  }
  if (next === 0) writeZigZag(bytes, 0n);
  return Buffer.from(bytes);
}

function writeZigZag(bytes: number[], value: bigint): void {
  let rest = value < 0n ? -2n * value - 1n : 2n * value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}

/** Reads an encoded histogram. Throws `HdrFormatError` for anything that is not exactly one. */
export function decodeHdr(base64: string): HdrSnapshot {
  return decodeHdrPlain(inflateHdr(base64));
}

/** Undoes base64 and compression. */
export function inflateHdr(base64: string): Buffer {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) throw new HdrFormatError("is not base64");
  if (bytes.length < COMPRESSED_HEADER_BYTES) throw new HdrFormatError("ends inside its header");
  const cookie = bytes.readInt32BE(0);
  if (cookie !== COMPRESSED_COOKIE) throw new HdrFormatError(`has cookie 0x${(cookie >>> 0).toString(16)}, not that of V2`);
  const length = bytes.readInt32BE(4);
  const content = bytes.subarray(COMPRESSED_HEADER_BYTES);
  if (length !== content.length) throw new HdrFormatError(`announces ${length} bytes and has ${content.length}`);
  try {
    return inflateSync(content);
  } catch (error) {
    throw new HdrFormatError(`can't be decompressed: ${(error as Error).message}`);
  }
}

function decodeHdrPlain(bytes: Buffer): HdrSnapshot {
  if (bytes.length < HEADER_BYTES) throw new HdrFormatError("ends inside its inner header");
  const cookie = bytes.readInt32BE(0);
  if (cookie !== COOKIE) throw new HdrFormatError(`has inner cookie 0x${(cookie >>> 0).toString(16)}, not that of V2`);
  const length = bytes.readInt32BE(4);
  const payload = bytes.subarray(HEADER_BYTES);
  if (length !== payload.length) throw new HdrFormatError(`announces ${length} bytes of counts and has ${payload.length}`);
  const shape: HdrShape = {
    significantDigits: bytes.readInt32BE(12),
    lowestDiscernible: safe(bytes.readBigInt64BE(16), "lowest discernible value"),
    highestTrackable: safe(bytes.readBigInt64BE(24), "highest trackable value"),
  };
  try {
    return new HdrSnapshot(shape, decodeCounts(payload));
  } catch (error) {
    if (error instanceof RangeError) throw new HdrFormatError(error.message);
    throw error;
  }
}

function decodeCounts(payload: Buffer): [number, number][] {
  const counts: [number, number][] = [];
  let index = 0;
  let at = 0;
  while (at < payload.length) {
    let raw = 0n;
    for (let byte = 0; ; byte++) {
      const bits = payload[at++];
      if (bits === undefined) throw new HdrFormatError("ends inside a count");
      const last = byte === LEB_BYTES_MAX - 1;
      raw |= BigInt(last ? bits : bits & 0x7f) << BigInt(7 * byte);
      if (last || bits < 0x80) break;
    }
    const value = (raw & 1n) === 0n ? raw >> 1n : -((raw + 1n) >> 1n);
    if (value < 0n) index += safe(-value, "run of empty buckets");
    else counts.push([index++, safe(value, "count")]);
  }
  return counts;
}

function safe(value: bigint, what: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new HdrFormatError(`has a ${what} of ${value}; only numbers below 2^53 are kept exactly`);
  return number;
}
