/**
 * The conntrack maps as `cilium bpf ct list global` of a release prints them: pkg/maps/ctmap/types.go, `CtKey4Global.Dump`
 * and `CtEntry.StringWithTimeDiff`; cilium-dbg/cmd/bpf_ct_list.go.
 *
 * Simplified: runs keep no counters of packets and bytes, so these are 0, as they are by default from 1.16 on. Up to 1.15 the
 * number of a service's backend stands in place of the received bytes, and is printed there.
 */
import type { CiliumMaps, FamilyMaps } from "../../cilium/maps.js";
import { formatAddress, IPV4_WORDS, IPV6_WORDS, type AddressWords } from "../../cilium/maps/address.js";
import { CT_DSR_INTERNAL, CT_FROM_L7LB, CT_FROM_TUNNEL, CT_LB_LOOPBACK, CT_NODE_PORT, CT_PROXY_REDIRECT, CT_RX_CLOSING } from "../../cilium/maps/ct-flags.js";
import { CT_SEEN_NON_SYN, CT_TX_CLOSING } from "../../cilium/maps/ct-flags.js";
import type { CtMap } from "../../cilium/maps/ct-map.js";
import { TUPLE_F_IN, TUPLE_F_RELATED, TUPLE_F_SERVICE, Tuple } from "../../cilium/maps/tuple.js";
import type { ConntrackFacts } from "../../cilium/profile/cilium-profile.js";
import { slotsOf } from "./walk.js";

/** What of a release decides the layout. */
export interface ConntrackLayout extends Pick<ConntrackFacts, "valueLayout" | "dsrFlagName"> {
  /** `SVC client -> frontend`; else `OUT frontend -> client service`, as the key is stored. */
  readonly namesServices: boolean;
}

/** Minor release from which on services are named: PR 28913. */
const SERVICES_NAMED_FROM = 15;

export function conntrackLayout(minor: string, { valueLayout, dsrFlagName }: ConntrackFacts): ConntrackLayout {
  return { valueLayout, dsrFlagName, namesServices: Number(minor.split(".")[1]) >= SERVICES_NAMED_FROM };
}

/** Names of protocols as pkg/u8proto prints them. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };

export function protocolText(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? String(protocol);
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [CT_RX_CLOSING, "RxClosing"],
  [CT_TX_CLOSING, "TxClosing"],
  [CT_LB_LOOPBACK, "LBLoopback"],
  [CT_SEEN_NON_SYN, "SeenNonSyn"],
  [CT_NODE_PORT, "NodePort"],
  [CT_PROXY_REDIRECT, "ProxyRedirect"],
  [CT_DSR_INTERNAL, "DSRInternal"],
  [CT_FROM_L7LB, "FromL7LB"],
  [CT_FROM_TUNNEL, "FromTunnel"],
];

/** Lines with their ends; an empty one after each map. */
export function* conntrackText(maps: CiliumMaps, layout: ConntrackLayout): Iterable<string> {
  for (const words of [IPV4_WORDS, IPV6_WORDS] as const) {
    if (!maps.hasFamily(words)) continue;
    const family: FamilyMaps = maps.family(words);
    for (const ct of [family.ctGlobal, family.ctAnyGlobal]) yield* mapText(ct, words, layout, maps.options.ctNatAddress);
  }
}

function* mapText(ct: CtMap, words: AddressWords, layout: ConntrackLayout, hasNatAddress: boolean): Iterable<string> {
  const tuple = new Tuple();
  tuple.addressWords = words;
  for (const slot of slotsOf(ct.map)) {
    ct.map.copyKey(slot, tuple.words, 0);
    yield `${keyText(tuple, layout)}${valueText(ct, slot, (tuple.flags & TUPLE_F_SERVICE) !== 0, layout, hasNatAddress ? words : 0)} \n`;
  }
  yield "\n";
}

/** Keys hold the destination with the source's port and the other way round; the text has them in the packet's order. */
function keyText(tuple: Tuple, layout: ConntrackLayout): string {
  const { words, addressWords: n } = tuple;
  const [first, second] = [formatAddress(words, 0, n), formatAddress(words, n, n)];
  if (!layout.namesServices || (tuple.flags & TUPLE_F_SERVICE) === 0) return tupleText(tuple, first, second);
  return `${protocolText(tuple.protocol)} SVC ${second}:${tuple.dport} -> ${first}:${tuple.sport} `;
}

/** `TCP OUT a:p -> b:q [related ][service ]`. */
export function tupleText(tuple: Tuple, source: string, destination: string): string {
  const { flags } = tuple;
  const direction = (flags & TUPLE_F_IN) !== 0 ? "IN" : "OUT";
  const kinds = `${(flags & TUPLE_F_RELATED) !== 0 ? "related " : ""}${(flags & TUPLE_F_SERVICE) !== 0 ? "service " : ""}`;
  return `${protocolText(tuple.protocol)} ${direction} ${source}:${tuple.sport} -> ${destination}:${tuple.dport} ${kinds}`;
}

function valueText(ct: CtMap, slot: number, isService: boolean, layout: ConntrackLayout, natAddressWords: AddressWords | 0): string {
  const seen = (received: boolean): string =>
    received
      ? `RxFlagsSeen=${hex(ct.rxFlagsSeen(slot), 2)} LastRxReport=${ct.lastRxReport(slot) >>> 0}`
      : `TxFlagsSeen=${hex(ct.txFlagsSeen(slot), 2)} LastTxReport=${ct.lastTxReport(slot) >>> 0}`;
  const identity = `RevNAT=${ct.revNatIndex(slot)} SourceSecurityID=${ct.srcSecId(slot) >>> 0}`;
  const flags = flagsText(ct.flags(slot), layout.dsrFlagName);
  const expires = `expires=${ct.lifetime(slot) >>> 0}`;
  if (layout.valueLayout === "rx-tx-stats") {
    const rxBytes = isService ? ct.backendId(slot) >>> 0 : 0;
    return `${expires} RxPackets=0 RxBytes=${rxBytes} ${seen(true)} TxPackets=0 TxBytes=0 ${seen(false)} ${flags} ${identity} IfIndex=0`;
  }
  const tail = layout.valueLayout === "nat-in-ct" ? ` NatPort=${natAddressWords === 0 ? 0 : ct.natPort(slot)}` : "";
  return `${expires} Packets=0 Bytes=0 ${seen(true)} ${seen(false)} ${flags} ${identity} BackendID=${backendText(ct, slot, isService, natAddressWords)}${tail}`;
}

/** 1.19: the second half of the address that DSR translates to stands in the same eight bytes, and is printed as a number. */
function backendText(ct: CtMap, slot: number, isService: boolean, natAddressWords: AddressWords | 0): string {
  if (isService) return String(ct.backendId(slot) >>> 0);
  if (natAddressWords === 0 || ct.natPort(slot) === 0) return "0";
  const words = new Int32Array(natAddressWords);
  ct.copyNatAddress(slot, words, 0, natAddressWords);
  const high = BigInt(words[natAddressWords - 1]! >>> 0) << 32n;
  return String(natAddressWords === IPV4_WORDS ? high : high | BigInt(words[natAddressWords - 2]! >>> 0));
}

function flagsText(flags: number, dsrFlagName: ConntrackFacts["dsrFlagName"]): string {
  const names = FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([bit, name]) => `${bit === CT_DSR_INTERNAL && dsrFlagName === "dsr" ? "DSR" : name} `);
  return `Flags=${hex(flags, 4)} [ ${names.join("")}]`;
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}
