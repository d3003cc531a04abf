/**
 * Tuples of conntrack and NAT dumps in columns: row i of each belongs to entry i. Addresses are in the order of the text
 * form, that is of the packets that the entry describes; a service entry leads from the client to the service.
 */
import type { Addresses } from "./address-pool.js";

/** IP protocol numbers. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

/** Names as pkg/u8proto prints them; others are printed as numbers. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };
const PROTOCOL_NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(PROTOCOL_NAMES).map(([number, name]) => [name, Number(number)]));
const PROTOCOL_MAX = 255;

export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? String(protocol);
}

/** Undefined when the text names no protocol. */
export function protocolNumber(text: string): number | undefined {
  const known = PROTOCOL_NUMBERS.get(text);
  if (known !== undefined) return known;
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= PROTOCOL_MAX ? number : undefined;
}

export interface TupleTable {
  readonly size: number;
  readonly addresses: Addresses;
  readonly protocol: Uint8Array;
  /** `TUPLE_F_*` bits. */
  readonly tupleFlags: Uint8Array;
  /** Numbers of addresses. */
  readonly source: Int32Array;
  readonly sourcePort: Uint16Array;
  readonly destination: Int32Array;
  readonly destinationPort: Uint16Array;
}

/** Arrays that a reader fills row by row. */
export type Columns = Readonly<Record<string, Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array>>;

/** Columns of twice the length with what was in them. */
export function doubled<T extends Columns>(columns: T): T {
  const grown = Object.entries(columns).map(([name, column]) => {
    const larger = new (column.constructor as Uint8ArrayConstructor)(column.length * 2);
    larger.set(column as Uint8Array);
    return [name, larger];
  });
  return Object.fromEntries(grown) as T;
}

/** The first `size` rows. */
export function cutTo<T extends Columns>(columns: T, size: number): T {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(0, size)])) as T;
}
