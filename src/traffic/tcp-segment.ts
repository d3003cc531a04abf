/** What travels: flags of a TCP segment, and the tag that carries its numbers through the network. */
import { GENERATION_BITS } from "./tcp-table.js";

/** Bits of the TCP header's flag byte. */
export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** What became of a segment that was handed to the network. */
export const Sent = {
  /** It left the sender's device; whether it arrives is another matter. */
  away: 0,
  /** The sender's own device refused it and the sender's TCP is told (NET_XMIT_DROP). */
  refused: 1,
} as const;

/** Bits of a sequence or acknowledgement number in a tag; far more than the segments that a window holds. */
const NUMBER_BITS = 13;
const NUMBER_RANGE = 1 << NUMBER_BITS;
const NUMBER_MASK = NUMBER_RANGE - 1;
const HALF_RANGE = NUMBER_RANGE / 2;
const GENERATION_MASK = (1 << GENERATION_BITS) - 1;

/** Packs generation, segment number and acknowledgement into one int32, which the network hands back at delivery. */
export function tagOf(generation: number, segment: number, acknowledged: number): number {
  return (generation << (2 * NUMBER_BITS)) | ((segment & NUMBER_MASK) << NUMBER_BITS) | (acknowledged & NUMBER_MASK);
}

export function generationOf(tag: number): number {
  return (tag >>> (2 * NUMBER_BITS)) & GENERATION_MASK;
}

/** The segment number in the tag, as the one nearest to `expected`. */
export function segmentOf(tag: number, expected: number): number {
  return nearest((tag >>> NUMBER_BITS) & NUMBER_MASK, expected);
}

/** The acknowledgement in the tag, as the number nearest to `expected`. */
export function acknowledgementOf(tag: number, expected: number): number {
  return nearest(tag & NUMBER_MASK, expected);
}

function nearest(low: number, expected: number): number {
  return expected + (((low - expected + HALF_RANGE) & NUMBER_MASK) - HALF_RANGE);
}
