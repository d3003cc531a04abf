/**
 * The connection key: `struct ipv4_ct_tuple` (14 bytes) and `struct ipv6_ct_tuple` (38 bytes), bpf/lib/common.h.
 *
 * One key shape serves conntrack and NAT. For IPv4 the row is daddr, saddr, ports, protocol and flags (four words);
 * for IPv6 the addresses take four words each (ten words). The ports word holds dport in its low and sport in its
 * high half, both in network byte order, exactly as the four bytes lie in the key.
 */

import { htons, IPV4_WORDS } from "./address.js";
import type { AddressWords } from "./address.js";

/** Tuple flags (bpf/lib/common.h): seen leaving the initiator. */
export const TUPLE_F_OUT = 0;
/** Seen arriving at the target. */
export const TUPLE_F_IN = 1;
/** An ICMP error about the address pair; or-ed to the direction. */
export const TUPLE_F_RELATED = 2;
/** Load balancer's choice for a service. */
export const TUPLE_F_SERVICE = 4;

/** What an entry stands for by its key's flags, as `cilium bpf ct list` and `bpf nat list` print them: OUT, IN, SVC, and errors. */
export const TUPLE_KIND_OUT = 0;
export const TUPLE_KIND_IN = 1;
export const TUPLE_KIND_SERVICE = 2;
export const TUPLE_KIND_RELATED = 3;

/** `TUPLE_KIND_*`: service before related before the direction. */
export function tupleKindOf(flags: number): number {
  if ((flags & TUPLE_F_SERVICE) !== 0) return TUPLE_KIND_SERVICE;
  if ((flags & TUPLE_F_RELATED) !== 0) return TUPLE_KIND_RELATED;
  return (flags & TUPLE_F_IN) !== 0 ? TUPLE_KIND_IN : TUPLE_KIND_OUT;
}

/** Words of the longest key (IPv6). */
export const TUPLE_WORDS_MAX = 10;
/** Flags sit in the second byte of the last word, above the protocol. */
const FLAGS_SHIFT = 8;

/** Words of a key of that family: two addresses, ports, protocol and flags. */
export function tupleWords(addressWords: AddressWords): number {
  return 2 * addressWords + 2;
}

/** Bytes of a key of that family: 14 or 38. */
export function tupleBytes(addressWords: AddressWords): number {
  return 4 * tupleWords(addressWords) - 2;
}

/** A key under construction. `words` is the row that map operations take. */
export class Tuple {
  readonly words: Int32Array = new Int32Array(TUPLE_WORDS_MAX);
  /** 1 for IPv4, 4 for IPv6. */
  addressWords: AddressWords = IPV4_WORDS;

  get daddr(): number {
    return this.words[0]!;
  }
  /** First (IPv4: only) word of the source address. */
  get saddr(): number {
    return this.words[this.addressWords]!;
  }
  /** dport in the low half, sport in the high half, network byte order. */
  get ports(): number {
    return this.words[2 * this.addressWords]!;
  }
  set ports(value: number) {
    this.words[2 * this.addressWords] = value;
  }
  /** Host order. */
  get dport(): number {
    return htons(this.ports & 0xffff);
  }
  /** Host order. */
  get sport(): number {
    return htons(this.ports >>> 16);
  }
  set dport(port: number) {
    this.ports = (this.ports & ~0xffff) | htons(port);
  }
  set sport(port: number) {
    this.ports = (this.ports & 0xffff) | (htons(port) << 16);
  }
  get protocol(): number {
    return this.words[2 * this.addressWords + 1]! & 0xff;
  }
  get flags(): number {
    return this.words[2 * this.addressWords + 1]! >>> FLAGS_SHIFT;
  }
  set flags(flags: number) {
    const at = 2 * this.addressWords + 1;
    this.words[at] = (this.words[at]! & 0xff) | (flags << FLAGS_SHIFT);
  }

  setProtocolAndFlags(protocol: number, flags: number): void {
    this.words[2 * this.addressWords + 1] = protocol | (flags << FLAGS_SHIFT);
  }

  setPorts(dport: number, sport: number): void {
    this.words[2 * this.addressWords] = htons(dport) | (htons(sport) << 16);
  }

  /** Copies the destination address from `from[at…]`. */
  setDaddr(from: Int32Array, at: number): void {
    this.words[0] = from[at]!;
    for (let i = 1; i < this.addressWords; i++) this.words[i] = from[at + i]!;
  }

  /** Copies the source address from `from[at…]`. */
  setSaddr(from: Int32Array, at: number): void {
    const n = this.addressWords;
    this.words[n] = from[at]!;
    for (let i = 1; i < n; i++) this.words[n + i] = from[at + i]!;
  }

  /** `ipv4_ct_tuple_swap_addrs`. */
  swapAddresses(): void {
    const { words, addressWords: n } = this;
    for (let i = 0; i < n; i++) {
      const daddr = words[i]!;
      words[i] = words[n + i]!;
      words[n + i] = daddr;
    }
  }

  /** `ipv4_ct_tuple_swap_ports`. */
  swapPorts(): void {
    const at = 2 * this.addressWords;
    const ports = this.words[at]!;
    this.words[at] = (ports << 16) | (ports >>> 16);
  }

  /** `ipv4_ct_tuple_reverse`: both swaps and the other direction flag. */
  reverse(): void {
    this.swapAddresses();
    this.swapPorts();
    this.words[2 * this.addressWords + 1]! ^= TUPLE_F_IN << FLAGS_SHIFT;
  }

  copyFrom(other: Tuple): void {
    this.addressWords = other.addressWords;
    const n = tupleWords(other.addressWords);
    for (let i = 0; i < n; i++) this.words[i] = other.words[i]!;
  }
}
