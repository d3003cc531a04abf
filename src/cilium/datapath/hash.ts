/**
 * The tuple hashes of Maglev: bpf/lib/hash.h and jhash.h (lookup3's final mix over three words, and a mix before it for
 * IPv6). Not the hash of the maps, which is bpf/jhash.ts.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { Tuple } from "../maps/tuple.js";

/** JHASH_INITVAL. */
const INITIAL = 0xdeadbeef;
/** Bytes of three words, part of the initial value. */
const THREE_WORDS = 12;

function rol(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** `__jhash_final`: the hash is what becomes of c, as int32. */
function final(a0: number, b0: number, c0: number): number {
  let a = a0;
  let b = b0;
  let c = ((c0 ^ b) - rol(b, 14)) | 0;
  a = ((a ^ c) - rol(c, 11)) | 0;
  b = ((b ^ a) - rol(a, 25)) | 0;
  c = ((c ^ b) - rol(b, 16)) | 0;
  a = ((a ^ c) - rol(c, 4)) | 0;
  b = ((b ^ a) - rol(a, 14)) | 0;
  return ((c ^ b) - rol(b, 24)) | 0;
}

/** `jhash_3words`: hash of three words with a seed, as int32. */
export function jhash3(a: number, b: number, c: number, seed: number): number {
  const initial = (INITIAL + THREE_WORDS + seed) | 0;
  return final((a + initial) | 0, (b + initial) | 0, (c + initial) | 0);
}

/**
 * `hash_from_tuple_v4`, `hash_from_tuple_v6` over a service tuple (reverse layout): client, both ports, protocol; never
 * the service address. With session affinity the client's port counts as 0.
 */
export function hashServiceTuple(tuple: Tuple, affinity: boolean, seed: number): number {
  const clientPort = affinity ? 0 : tuple.ports & 0xffff;
  const ports = (tuple.ports & 0xffff0000) | clientPort;
  const { words, addressWords: n } = tuple;
  if (n === IPV4_WORDS) return jhash3(words[n]!, ports, tuple.protocol, seed);
  return hashIpv6(words[n]!, words[n + 1]!, words[n + 2]!, words[n + 3]!, ports, tuple.protocol, seed);
}

function hashIpv6(p1: number, p2: number, p3: number, p4: number, ports: number, protocol: number, seed: number): number {
  let a = p1;
  let b = p2;
  let c = p3;
  for (let round = 0; round < 2; round++) {
    a = ((a - c) | 0) ^ rol(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rol(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rol(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rol(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rol(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rol(b, 4);
    b = (b + a) | 0;
    if (round === 0) {
      a = (a + p4) | 0;
      b = (b + ports) | 0;
      c = (c + protocol) | 0;
    }
  }
  return final((a + seed) | 0, b, c);
}
