import { ipv4 } from "../cilium/maps/address.js";

const ADDRESS_BITS = 32;

/** The address `offset` places after `base` (`10.96.0.0` + 10 → 10.96.0.10), as a word in network byte order. */
export function addressAfter(base: string, offset: number): number {
  return wordAfter(ipv4(base), offset);
}

/** The same for an address that is a word already. */
export function wordAfter(word: number, offset: number): number {
  return swapBytes(swapBytes(word) + offset);
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | ((word >>> 24) & 0xff);
}

export interface PrefixWord {
  contains(address: number): boolean;
}

/** `10.244.0.0/16`, asked about words in network byte order. */
export function parsePrefixWord(text: string): PrefixWord {
  const [base, bits] = text.split("/") as [string, string];
  const shift = ADDRESS_BITS - Number(bits);
  const top = (word: number): number => (shift === ADDRESS_BITS ? 0 : swapBytes(word) >>> shift);
  const wanted = top(ipv4(base));
  return { contains: (address) => top(address) === wanted };
}
