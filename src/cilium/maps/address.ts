/**
 * Addresses and ports as the maps hold them.
 *
 * The programs copy addresses and ports byte for byte from the packet, so a map key holds them in network byte order.
 * Seen by a little-endian CPU (x86-64, arm64) an IPv4 address a.b.c.d is the word a | b<<8 | c<<16 | d<<24, and a port
 * is byte-swapped. Everything below this module works on such words; text exists only at the edges.
 */

/** Words of an IPv4 address. */
export const IPV4_WORDS = 1;
/** Words of an IPv6 address. */
export const IPV6_WORDS = 4;
/** How many 32-bit words an address has; names the family throughout the datapath. */
export type AddressWords = typeof IPV4_WORDS | typeof IPV6_WORDS;

/** Host order to network order for 16 bits, and back: the two bytes change places. */
export function htons(port: number): number {
  return ((port & 0xff) << 8) | ((port >>> 8) & 0xff);
}

/** The IPv4 address a.b.c.d as one word in network byte order. */
export function ipv4(text: string): number {
  const words = parseAddress(text);
  if (words?.length !== IPV4_WORDS) throw new RangeError(`${text} is not an IPv4 address`);
  return words[0]!;
}

/** The IPv6 address as four words in network byte order. */
export function ipv6(text: string): readonly number[] {
  const words = parseAddress(text);
  if (words?.length !== IPV6_WORDS) throw new RangeError(`${text} is not an IPv6 address`);
  return words;
}

/** Reads an address of either family: one word for IPv4, four for IPv6, undefined when it is neither. */
export function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): readonly number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte <= 255) ? [wordOf(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!)] : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) {
    const high = groups[i]!;
    const low = groups[i + 1]!;
    words.push(wordOf(high >>> 8, high & 0xff, low >>> 8, low & 0xff));
  }
  return words;
}

/** The 16-bit groups of one side of `::`; an IPv4 tail (`::ffff:1.2.3.4`) counts as two. */
function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes(".")) {
      const word = parseIpv4(part)?.[0];
      if (word === undefined) return undefined;
      groups.push(htons(word & 0xffff), htons(word >>> 16));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function wordOf(a: number, b: number, c: number, d: number): number {
  return a | (b << 8) | (c << 16) | (d << 24);
}

/** An IPv4 word as text. */
export function formatIpv4(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}

/** An address of one or four words, beginning at `at`, as text (IPv6 in RFC 5952 form). */
export function formatAddress(words: ArrayLike<number>, at: number, addressWords: AddressWords): string {
  if (addressWords === IPV4_WORDS) return formatIpv4(words[at]!);
  const groups: number[] = [];
  for (let i = 0; i < IPV6_WORDS; i++) {
    const word = words[at + i]!;
    groups.push(htons(word & 0xffff), htons(word >>> 16));
  }
  return formatGroups(groups);
}

/** RFC 5952: the longest run of two or more zero groups, the first of equals, becomes `::`. */
function formatGroups(groups: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let run = 0;
    while (i + run < groups.length && groups[i + run] === 0) run++;
    if (run > length) {
      start = i;
      length = run;
    }
    if (run > 0) i += run - 1;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
