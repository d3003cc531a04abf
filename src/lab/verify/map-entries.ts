/** Map contents as the recorded files write them: keys as stored, flags by name, zero-valued optional fields left out. */

import type { BpfMap } from "../../bpf/map.js";
import { formatAddress, formatIpv4, htons, parseAddress } from "../../cilium/maps/address.js";
import type { AddressWords } from "../../cilium/maps/address.js";
import { CT_DSR_INTERNAL, CT_FROM_L7LB, CT_FROM_TUNNEL, CT_LB_LOOPBACK, CT_NODE_PORT, CT_PROXY_REDIRECT, CT_RX_CLOSING, CT_SEEN_NON_SYN, CT_TX_CLOSING } from "../../cilium/maps/ct-flags.js";
import type { CtMap } from "../../cilium/maps/ct-map.js";
import type { NatMap } from "../../cilium/maps/nat-map.js";
import type { AffinityMap } from "../../cilium/maps/service-maps.js";
import { Tuple, TUPLE_F_IN, TUPLE_F_OUT, TUPLE_F_RELATED, TUPLE_F_SERVICE, TUPLE_WORDS_MAX } from "../../cilium/maps/tuple.js";

/** Protocol numbers by the names in the files. */
export const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, gre: 47, icmpv6: 58, sctp: 132 };
const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

/** TCP flags in the order of their bits. */
const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"] as const;
export type TcpFlagName = (typeof TCP_FLAGS)[number];

export function tcpFlagBits(names: readonly string[]): number {
  let bits = 0;
  for (const name of names) bits |= 1 << TCP_FLAGS.indexOf(name as TcpFlagName);
  return bits;
}

export function tcpFlagNames(bits: number): TcpFlagName[] {
  return TCP_FLAGS.filter((_, i) => (bits & (1 << i)) !== 0);
}

export function protocolName(number: number): string {
  return PROTOCOL_NAMES.get(number) ?? String(number);
}

const KEY_TYPES: Readonly<Record<string, number>> = {
  OUT: TUPLE_F_OUT,
  IN: TUPLE_F_IN,
  RELATED_OUT: TUPLE_F_OUT | TUPLE_F_RELATED,
  RELATED_IN: TUPLE_F_IN | TUPLE_F_RELATED,
  SERVICE: TUPLE_F_SERVICE,
};
const KEY_TYPE_NAMES = new Map(Object.entries(KEY_TYPES).map(([name, flags]) => [flags, name]));

/** A conntrack or NAT key in words. */
export interface TupleKey {
  readonly daddr: string;
  readonly saddr: string;
  readonly dport: number;
  readonly sport: number;
  readonly proto: string;
  readonly type: string;
}

/** The key as a row for map operations. */
export function tupleOf(key: TupleKey): Tuple {
  const tuple = new Tuple();
  const daddr = parseAddress(key.daddr);
  const saddr = parseAddress(key.saddr);
  const protocol = PROTOCOLS[key.proto];
  const flags = KEY_TYPES[key.type];
  if (daddr === undefined || saddr === undefined || protocol === undefined || flags === undefined) {
    throw new RangeError(`not a key: ${JSON.stringify(key)}`);
  }
  tuple.addressWords = daddr.length as AddressWords;
  tuple.setDaddr(Int32Array.from(daddr), 0);
  tuple.setSaddr(Int32Array.from(saddr), 0);
  tuple.setPorts(key.dport, key.sport);
  tuple.setProtocolAndFlags(protocol, flags);
  return tuple;
}

/** The key in a row, in words. */
export function keyOf(row: Int32Array, addressWords: AddressWords): TupleKey {
  const ports = row[2 * addressWords]!;
  const last = row[2 * addressWords + 1]!;
  return {
    daddr: formatAddress(row, 0, addressWords),
    saddr: formatAddress(row, addressWords, addressWords),
    dport: htons(ports & 0xffff),
    sport: htons(ports >>> 16),
    proto: protocolName(last & 0xff),
    type: KEY_TYPE_NAMES.get(last >>> 8) ?? `flags ${last >>> 8}`,
  };
}

/** The bytes of an IPv4 key in hexadecimal, as they lie in the map. */
export function rawHex(key: TupleKey): string {
  const { words, addressWords } = tupleOf(key);
  const bytes = new Uint8Array(words.buffer, words.byteOffset, 8 * addressWords + 6);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const OPTIONAL_CT_FLAGS = [
  ["lb_loopback", CT_LB_LOOPBACK],
  ["node_port", CT_NODE_PORT],
  ["proxy_redirect", CT_PROXY_REDIRECT],
  ["dsr_internal", CT_DSR_INTERNAL],
  ["from_l7lb", CT_FROM_L7LB],
  ["from_tunnel", CT_FROM_TUNNEL],
] as const;

/** A value in words: numbers, and flags by name. */
export type EntryFields = Readonly<Record<string, number | readonly string[]>>;

/** A conntrack entry in words. */
export function ctEntryFields(ct: CtMap, slot: number): EntryFields {
  const flags = ct.flags(slot);
  const fields: Record<string, number | readonly string[]> = {
    lifetime: ct.lifetime(slot),
    rx_closing: flags & CT_RX_CLOSING ? 1 : 0,
    tx_closing: flags & CT_TX_CLOSING ? 1 : 0,
    seen_non_syn: flags & CT_SEEN_NON_SYN ? 1 : 0,
    rx_flags_seen: tcpFlagNames(ct.rxFlagsSeen(slot)),
    tx_flags_seen: tcpFlagNames(ct.txFlagsSeen(slot)),
    last_rx_report: ct.lastRxReport(slot),
    last_tx_report: ct.lastTxReport(slot),
  };
  const optional: [string, number][] = [
    ["rev_nat_index", ct.revNatIndex(slot)],
    ["src_sec_id", ct.srcSecId(slot)],
    ["backend_id", ct.backendId(slot)],
    ["packets", ct.packets(slot)],
    ["bytes", ct.bytes(slot)],
    ...OPTIONAL_CT_FLAGS.map(([name, bit]): [string, number] => [name, flags & bit ? 1 : 0]),
  ];
  for (const [name, value] of optional) if (value !== 0) fields[name] = value;
  return fields;
}

/** A NAT entry in words. */
export function natEntryFields(nat: NatMap, slot: number): { to_addr: string; to_port: number; needs_ct: number; created: number } {
  const address = new Int32Array(TUPLE_WORDS_MAX);
  nat.copyToAddr(slot, address, 0);
  return {
    to_addr: formatAddress(address, 0, nat.addressWords),
    to_port: nat.toPort(slot),
    needs_ct: nat.needsCt(slot) ? 1 : 0,
    created: nat.created(slot),
  };
}

/** Calls `visit` with the key's row and the slot of every element, without marking any. */
export function forEachElement(map: BpfMap, keyWords: number, visit: (key: Int32Array, slot: number) => void): void {
  const key = new Int32Array(keyWords);
  const next = new Int32Array(keyWords);
  let found = map.nextKey(null, 0, next, 0);
  while (found === 0) {
    key.set(next);
    visit(key, map.peek(key, 0));
    found = map.nextKey(key, 0, next, 0);
  }
}

/** An affinity entry in words: key and value. */
export function affinityFields(affinity: AffinityMap, key: Int32Array, slot: number): { key: object; entry: EntryFields } {
  const last = key[affinity.clientWords]!;
  return {
    key: { client: formatIpv4(key[0]!), rev_nat_index: last & 0xffff, netns_cookie: (last >>> 16) & 1 },
    entry: { last_used: affinity.lastUsed(slot), backend_id: affinity.backendId(slot) },
  };
}
