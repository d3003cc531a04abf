/** IPv4 addresses and prefixes as numbers in host order, just enough to check a scenario's own. */

export interface Prefix {
  readonly first: number;
  readonly last: number;
  readonly bits: number;
}

const OCTET_MAX = 255;
const ADDRESS_BITS = 32;

/** Undefined when it is none. */
export function parseIpv4(text: string): number | undefined {
  const octets = text.split(".").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN));
  if (octets.length !== 4 || !octets.every((octet) => octet <= OCTET_MAX)) return undefined;
  return octets.reduce((address, octet) => address * 256 + octet, 0);
}

/** Undefined when it is none, or when bits behind the prefix are set. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address, length] = text.split("/");
  const first = parseIpv4(address ?? "");
  const bits = /^\d{1,2}$/.test(length ?? "") ? Number(length) : Number.NaN;
  if (first === undefined || !(bits <= ADDRESS_BITS)) return undefined;
  const size = 2 ** (ADDRESS_BITS - bits);
  return first % size === 0 ? { first, last: first + size - 1, bits } : undefined;
}

export function contains({ first, last }: Prefix, address: number): boolean {
  return first <= address && address <= last;
}
