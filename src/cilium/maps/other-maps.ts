/**
 * The remaining maps of the datapath: neighbours, fragments, masquerading exceptions, egress gateway
 * policies and rate limits. Layouts: bpf/lib/{lb,neigh,ipfrag,nat,egress_gateway,edt}.h.
 */

import type { BpfMap } from "../../bpf/map.js";
import { htons, IPV4_WORDS } from "./address.js";
import type { AddressWords } from "./address.js";

/** `cilium_nodeport_neigh4`, `cilium_nodeport_neigh6`: the MAC address a client was seen with. The address itself is not modelled. */
export class NeighbourMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(addressWords);
  }
  setKey(address: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.key[i] = address[at + i]!;
  }
}

/** `cilium_ipv4_frag_datagrams`, `cilium_ipv6_frag_datagrams`: the ports of a datagram's first fragment. */
export class FragmentMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  /** daddr, saddr, then IPv4: identification and protocol in one word; IPv6: a word each. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(addressWords === IPV4_WORDS ? 3 : 10);
  }
  setKey(daddr: Int32Array, daddrAt: number, saddr: Int32Array, saddrAt: number, identification: number, protocol: number): void {
    const n = this.addressWords;
    for (let i = 0; i < n; i++) {
      this.key[i] = daddr[daddrAt + i]!;
      this.key[n + i] = saddr[saddrAt + i]!;
    }
    if (n === IPV4_WORDS) {
      this.key[2 * n] = htons(identification) | (protocol << 16);
    } else {
      this.key[2 * n] = identification;
      this.key[2 * n + 1] = protocol;
    }
  }
  /** sport in the low half, dport in the high one, network order: the first four bytes of the transport header. */
  ports(slot: number): number {
    return this.map.word(slot, 0);
  }
  setPorts(slot: number, ports: number): void {
    this.map.setWord(slot, 0, ports);
  }
}

/** `cilium_ipmasq_v4`, `cilium_ipmasq_v6`: destinations that the ip-masq-agent does not masquerade; presence is all. */
export class IpMasqMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  /** prefix length, address. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(1 + addressWords);
  }
  setKey(address: ArrayLike<number>, at: number, prefix: number): void {
    this.key[0] = prefix;
    for (let i = 0; i < this.addressWords; i++) this.key[1 + i] = address[at + i]!;
  }
}

/** Bits of an egress gateway key before the destination prefix: the source address. */
const EGRESS_STATIC_PREFIX = 32;

/** `cilium_egress_gw_policy_v4`: (source, destination prefix) to egress address and gateway node. IPv4 only. */
export class EgressGatewayMap {
  declare readonly map: BpfMap;
  /** prefix length, source, destination. */
  readonly key: Int32Array = new Int32Array(3);

  constructor(map: BpfMap) {
    this.map = map;
  }
  setKey(source: number, destination: number, prefix: number): void {
    this.key[0] = EGRESS_STATIC_PREFIX + prefix;
    this.key[1] = source;
    this.key[2] = destination;
  }
  /** 0 on nodes that are not the gateway. */
  egressAddress(slot: number): number {
    return this.map.word(slot, 0);
  }
  /** Node address of the gateway; 0 = excluded CIDR, 1 in network order = no gateway (dropped). */
  gatewayAddress(slot: number): number {
    return this.map.word(slot, 1);
  }
  insert(source: number, destination: number, prefix: number, egressAddress: number, gatewayAddress: number): number {
    this.setKey(source, destination, prefix);
    const slot = this.map.update(this.key, 0, 0, 0);
    if (slot < 0) return slot;
    this.map.setWord(slot, 0, egressAddress);
    this.map.setWord(slot, 1, gatewayAddress);
    return 0;
  }
}

/** Nanoseconds in a second, for `bytesPerSecond`. */
const NS_PER_S = 1e9;

/**
 * `cilium_throttle`: egress rate of an endpoint and the departure time of its last packet. The two are doubles beside
 * the map, since a u64 of nanoseconds does not fit a word; the map holds which endpoints are limited.
 */
export class ThrottleMap {
  declare readonly map: BpfMap;
  readonly key: Int32Array = new Int32Array(2);
  readonly #nsPerByte: Float64Array;
  readonly #last: Float64Array;

  constructor(map: BpfMap) {
    this.map = map;
    this.#nsPerByte = new Float64Array(map.maxEntries + 2);
    this.#last = new Float64Array(map.maxEntries + 2);
  }
  setKey(endpointId: number): void {
    this.key[0] = endpointId;
  }
  /** Limits an endpoint; 0 lifts the limit. */
  setRate(endpointId: number, bytesPerSecond: number): void {
    this.setKey(endpointId);
    if (bytesPerSecond === 0) {
      this.map.remove(this.key, 0, 0);
      return;
    }
    const slot = this.map.update(this.key, 0, 0, 0);
    if (slot < 0) throw new RangeError(`throttle map refuses endpoint ${endpointId}: ${slot}`);
    this.#nsPerByte[slot] = NS_PER_S / bytesPerSecond;
    this.#last[slot] = 0;
  }
  /** Time that a packet of `bytes` takes at the endpoint's rate, nanoseconds. */
  delay(slot: number, bytes: number): number {
    return Math.floor(bytes * this.#nsPerByte[slot]!);
  }
  last(slot: number): number {
    return this.#last[slot]!;
  }
  setLast(slot: number, at: number): void {
    this.#last[slot] = at;
  }
}
