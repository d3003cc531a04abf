/** Keys and values of Cilium's maps in words, as `cilium bpf … list` would put them. For traces; not for hot code. */

import { Errno, errnoName } from "../../../bpf/errno.js";
import type { BpfMap } from "../../../bpf/map.js";
import type { CiliumMaps, FamilyMaps } from "../../maps.js";
import { formatAddress, formatIpv4, htons, IPV4_WORDS, IPV6_WORDS } from "../../maps/address.js";
import type { AddressWords } from "../../maps/address.js";
import { CT_DSR_INTERNAL, CT_FROM_TUNNEL, CT_LB_LOOPBACK, CT_NODE_PORT, CT_PROXY_REDIRECT, CT_RX_CLOSING, CT_SEEN_NON_SYN, CT_TX_CLOSING } from "../../maps/ct-flags.js";
import type { CtMap } from "../../maps/ct-map.js";
import { TUPLE_F_IN, TUPLE_F_RELATED, TUPLE_F_SERVICE } from "../../maps/tuple.js";

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 0: "ANY", 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };

export function protocolText(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
}

/** Address and port; IPv6 in brackets. */
export function placeText(row: ArrayLike<number>, at: number, addressWords: AddressWords, port: number): string {
  const address = formatAddress(row, at, addressWords);
  return addressWords === IPV4_WORDS ? `${address}:${port}` : `[${address}]:${port}`;
}

/**
 * A conntrack key as `cilium bpf ct list` shows it: from whom to whom the connection goes. OUT and IN keys store the
 * addresses swapped and the ports straight, SERVICE keys the addresses straight and the ports swapped.
 */
function ctKeyText(key: Int32Array, n: AddressWords): string {
  const { protocol, flags, dport, sport } = tupleEnd(key, n);
  if ((flags & TUPLE_F_SERVICE) !== 0) {
    return `${protocol} SERVICE ${placeText(key, n, n, dport)} -> ${placeText(key, 0, n, sport)}`;
  }
  const direction = (flags & TUPLE_F_IN) !== 0 ? "IN" : "OUT";
  const related = (flags & TUPLE_F_RELATED) !== 0 ? " RELATED" : "";
  return `${protocol} ${direction}${related} ${placeText(key, 0, n, sport)} -> ${placeText(key, n, n, dport)}`;
}

/** A NAT key, which stores everything as in the packet: forward entries those sent (OUT), reverse ones the replies (IN). */
function natKeyText(key: Int32Array, n: AddressWords): string {
  const { protocol, flags, dport, sport } = tupleEnd(key, n);
  const direction = (flags & TUPLE_F_IN) !== 0 ? "IN" : "OUT";
  return `${protocol} ${direction} ${placeText(key, n, n, sport)} -> ${placeText(key, 0, n, dport)}`;
}

/** Ports, protocol and flags of a key. */
function tupleEnd(key: Int32Array, n: AddressWords): { protocol: string; flags: number; dport: number; sport: number } {
  const ports = key[2 * n]!;
  const last = key[2 * n + 1]!;
  return { protocol: protocolText(last & 0xff), flags: last >>> 8, dport: htons(ports & 0xffff), sport: htons(ports >>> 16) };
}

const CT_FLAG_NAMES = [
  [CT_RX_CLOSING, "RxClosing"],
  [CT_TX_CLOSING, "TxClosing"],
  [CT_LB_LOOPBACK, "LBLoopback"],
  [CT_SEEN_NON_SYN, "SeenNonSyn"],
  [CT_NODE_PORT, "NodePort"],
  [CT_PROXY_REDIRECT, "ProxyRedirect"],
  [CT_DSR_INTERNAL, "DSRInternal"],
  [CT_FROM_TUNNEL, "FromTunnel"],
] as const;

function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** A conntrack entry: what `cilium bpf ct list` shows of it. */
export function ctEntryText(ct: CtMap, slot: number): string {
  return ctFields(ct, slot).join(" ");
}

/** What of an entry has changed: `expires=864060 becomes 872000`. */
export function ctChangeText(before: readonly string[], after: readonly string[]): string {
  const changed = after.filter((field, i) => field !== before[i]);
  const old = before.filter((field, i) => field !== after[i]);
  return changed.map((field, i) => `${old[i]} becomes ${field.slice(field.indexOf("=") + 1)}`).join(", ");
}

/** The fields of an entry, each as `name=value`, always the same ones for the same entry. */
export function ctFields(ct: CtMap, slot: number): readonly string[] {
  const flags = ct.flags(slot);
  const names = CT_FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  const backend = ct.backendId(slot);
  return [
    `expires=${ct.lifetime(slot)}`,
    `flags=[${names.join(" ")}]`,
    `rx=${hexByte(ct.rxFlagsSeen(slot))}@${ct.lastRxReport(slot)}`,
    `tx=${hexByte(ct.txFlagsSeen(slot))}@${ct.lastTxReport(slot)}`,
    `revnat=${ct.revNatIndex(slot)}`,
    `src_sec_id=${ct.srcSecId(slot)}`,
    ...(backend === 0 ? [] : [`backend=${backend}`]),
  ];
}

/** How keys and values of one map read. */
interface Wording {
  readonly key: (key: Int32Array) => string;
  readonly value: (slot: number) => string;
}

/** Puts one node's maps into words. */
export class MapText {
  readonly #maps: CiliumMaps;
  readonly #byMap = new Map<BpfMap, Wording>();

  constructor(maps: CiliumMaps) {
    this.#maps = maps;
    this.#learn();
  }

  /** Maps are made anew at another size, and endpoints bring policies of their own. */
  #learn(): void {
    const maps = this.#maps;
    this.#byMap.clear();
    for (const addressWords of [IPV4_WORDS, IPV6_WORDS] as const) {
      if (maps.hasFamily(addressWords)) this.#addFamily(maps.family(addressWords));
    }
    const { ipcache, endpoints, affinityMatch, egressGateway, throttle } = maps;
    this.#byMap.set(ipcache.map, {
      key: (key) => addressOf(key, 2, key[1]! >>> 24),
      value: (slot) => `identity=${ipcache.identity(slot)} tunnelendpoint=${formatIpv4(ipcache.tunnelEndpoint(slot))}`,
    });
    this.#byMap.set(endpoints.map, {
      key: (key) => addressOf(key, 0, key[4]! & 0xff),
      value: (slot) => `id=${endpoints.lxcId(slot)} ifindex=${endpoints.ifindex(slot)} identity=${endpoints.identity(slot)}`,
    });
    this.#byMap.set(affinityMatch.map, { key: (key) => `backend ${key[0]} revnat ${key[1]}`, value: () => "member" });
    this.#byMap.set(egressGateway.map, {
      key: (key) => `${formatIpv4(key[1]!)} -> ${formatIpv4(key[2]!)}`,
      value: (slot) => `egress=${formatIpv4(egressGateway.egressAddress(slot))} gateway=${formatIpv4(egressGateway.gatewayAddress(slot))}`,
    });
    this.#byMap.set(throttle.map, { key: (key) => `endpoint ${key[0]}`, value: () => "rate limit" });
    for (const [id, policy] of maps.policies()) {
      this.#byMap.set(policy.map, {
        key: (key) =>
          `endpoint ${id} ${(key[2]! & 0xff) === 0 ? "ingress" : "egress"} identity ${key[1]} ${protocolText((key[2]! >>> 8) & 0xff)} port ${htons(key[2]! >>> 16)}`,
        value: (slot) => `${policy.deny(slot) ? "deny" : "allow"} prefix ${policy.prefixLength(slot)} proxy ${policy.proxyPort(slot)}`,
      });
    }
  }

  #wording(map: BpfMap): Wording | undefined {
    if (!this.#byMap.has(map)) this.#learn();
    return this.#byMap.get(map);
  }

  key(map: BpfMap, key: Int32Array): string {
    return this.#wording(map)?.key(key) ?? Array.from(key).join(" ");
  }

  /** The element at a slot, or what a negative result says. */
  value(map: BpfMap, slot: number): string {
    if (slot < 0) return slot === -Errno.ENOENT ? "miss" : `-${errnoName(slot)}`;
    return this.#wording(map)?.value(slot) ?? "hit";
  }

  #addFamily(family: FamilyMaps): void {
    const { addressWords: n, ctGlobal, ctAnyGlobal, snatExternal: nat, services, backends, reverseNat } = family;
    for (const ct of [ctGlobal, ctAnyGlobal]) {
      this.#byMap.set(ct.map, { key: (row) => ctKeyText(row, n), value: (slot) => ctEntryText(ct, slot) });
    }
    const address = new Int32Array(IPV6_WORDS);
    this.#byMap.set(nat.map, {
      key: (row) => natKeyText(row, n),
      value: (slot) => {
        nat.copyToAddr(slot, address, 0);
        return `to=${placeText(address, 0, n, nat.toPort(slot))} created=${nat.created(slot)} needs_ct=${nat.needsCt(slot) ? 1 : 0}`;
      },
    });
    this.#byMap.set(services.map, {
      key: (row) => {
        const slot = row[n]! >>> 16;
        const frontend = placeText(row, 0, n, htons(row[n]! & 0xffff));
        return `${protocolText(row[n + 1]! & 0xff)} ${frontend} ${slot === 0 ? "frontend" : `slot ${slot}`}`;
      },
      value: (slot) => `backend=${services.backendId(slot)} count=${services.count(slot)} revnat=${services.revNatIndex(slot)}`,
    });
    this.#byMap.set(backends.map, {
      key: (row) => `id ${row[0]}`,
      value: (slot) => {
        backends.copyAddress(slot, address, 0);
        return `${placeText(address, 0, n, backends.port(slot))} state=${backends.state(slot)}`;
      },
    });
    this.#byMap.set(reverseNat.map, {
      key: (row) => `revnat ${row[0]}`,
      value: (slot) => {
        reverseNat.copyAddress(slot, address, 0);
        return placeText(address, 0, n, reverseNat.port(slot));
      },
    });
    this.#byMap.set(family.maglev.map, { key: (row) => `revnat ${row[0]}`, value: () => "table" });
    this.#byMap.set(family.neighbours.map, { key: (row) => formatAddress(row, 0, n), value: () => "known" });
    this.#byMap.set(family.affinity.map, {
      key: (row) => `client ${formatAddress(row, 0, n)} revnat ${row[family.affinity.clientWords]! & 0xffff}`,
      value: (slot) => `backend=${family.affinity.backendId(slot)} last_used=${family.affinity.lastUsed(slot)}`,
    });
    this.#byMap.set(family.reverseSk.map, {
      key: (row) => `cookie ${row[0]} ${placeText(row, 2, n, htons(row[2 + n]! & 0xffff))}`,
      value: (slot) => `revnat=${family.reverseSk.revNatIndex(slot)} port=${family.reverseSk.port(slot)}`,
    });
  }
}

/** Family byte of ipcache and endpoint keys for IPv6. */
const KEY_IPV6 = 2;

function addressOf(key: Int32Array, at: number, family: number): string {
  return formatAddress(key, at, family === KEY_IPV6 ? IPV6_WORDS : IPV4_WORDS);
}
