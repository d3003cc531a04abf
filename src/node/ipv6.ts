/**
 * The IPv6 side of a node: every end that has an IPv4 address has an IPv6 address too, fd00::/96 with the IPv4 address in its
 * low bits. So the node's tables keep one word for an end of either family, and only what programs and maps see has four.
 */
import type { Cidr } from "../cilium/datapath/config.js";
import { ipv6, IPV4_WORDS, type AddressWords } from "../cilium/maps/address.js";

/** fd00:: (RFC 4193), as words in network byte order; the last word is the end's. */
const PREFIX = ipv6("fd00::");
const PREFIX_BITS = 96;

/** The address of an end in the family of so many words. */
export function addressOf(word: number, addressWords: AddressWords): readonly number[] {
  return addressWords === IPV4_WORDS ? [word] : [PREFIX[0]!, PREFIX[1]!, PREFIX[2]!, word];
}

/** Writes the same to a row. */
export function writeAddress6(row: Int32Array, at: number, word: number): void {
  row[at] = PREFIX[0]!;
  row[at + 1] = PREFIX[1]!;
  row[at + 2] = PREFIX[2]!;
  row[at + 3] = word;
}

/** The IPv6 prefix of the ends in an IPv4 prefix. */
export function prefix6Of({ address, prefix }: Cidr): Cidr {
  return { address: addressOf(address[0]!, 4), prefix: PREFIX_BITS + prefix };
}
