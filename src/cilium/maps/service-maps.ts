/**
 * The load balancer's maps: services, backends, reverse NAT, affinity, source ranges, socket reverse NAT and Maglev.
 * Layouts: bpf/lib/common.h and bpf/lib/lb.h (`struct lb4_key`, `lb4_service`, `lb4_backend` and so on).
 *
 * Each class keeps one row for the key that is being built; a program builds it and passes it to the map. IPv6 keys
 * and values only have longer addresses, so one class serves both families. rev_nat_index is in host order here.
 */

import type { BpfMap } from "../../bpf/map.js";
import { htons } from "./address.js";
import type { AddressWords } from "./address.js";

/** `flags` of a frontend (bpf/lib/common.h SVC_FLAG_*). */
export const SVC_FLAG_EXTERNAL_IP = 1;
export const SVC_FLAG_NODEPORT = 2;
export const SVC_FLAG_EXT_LOCAL = 4;
export const SVC_FLAG_HOSTPORT = 8;
export const SVC_FLAG_AFFINITY = 16;
export const SVC_FLAG_LOADBALANCER = 32;
export const SVC_FLAG_ROUTABLE = 64;
export const SVC_FLAG_SOURCE_RANGE = 128;
/** `flags2` of a frontend. */
export const SVC_FLAG_LOCAL_REDIRECT = 1;
export const SVC_FLAG_NAT_46X64 = 2;
export const SVC_FLAG_L7_LOADBALANCER = 4;
export const SVC_FLAG_LOOPBACK = 8;
export const SVC_FLAG_INT_LOCAL = 16;
export const SVC_FLAG_TWO_SCOPES = 32;
/** On a frontend with source ranges: the ranges are denied instead of allowed. */
export const SVC_FLAG_SOURCE_RANGE_DENY = 64;
export const SVC_FLAG_FWD_MODE_DSR = 128;

/** Lookup scopes of a frontend. */
export const LB_SCOPE_EXTERNAL = 0;
export const LB_SCOPE_INTERNAL = 1;

/** Algorithm of a service, top 8 bits of the first word; 0 = the node's default. */
export const LB_SELECTION_RANDOM = 1;
export const LB_SELECTION_MAGLEV = 2;

/** States of a backend. */
export const BACKEND_ACTIVE = 0;
export const BACKEND_TERMINATING = 1;
export const BACKEND_QUARANTINED = 2;
export const BACKEND_MAINTENANCE = 3;

/** `cilium_lb4_services_v2`, `cilium_lb6_services_v2`. */
export class ServiceMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  /** address, dport and slot, protocol and scope. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(addressWords + 2);
  }

  /** Key of a frontend (slot 0), external scope. */
  setFrontend(address: Int32Array, at: number, port: number, protocol: number): void {
    const n = this.addressWords;
    for (let i = 0; i < n; i++) this.key[i] = address[at + i]!;
    this.key[n] = htons(port);
    this.key[n + 1] = protocol;
  }
  get keyProtocol(): number {
    return this.key[this.addressWords + 1]! & 0xff;
  }
  set keyProtocol(protocol: number) {
    const at = this.addressWords + 1;
    this.key[at] = (this.key[at]! & ~0xff) | protocol;
  }
  get keyScope(): number {
    return (this.key[this.addressWords + 1]! >>> 8) & 0xff;
  }
  set keyScope(scope: number) {
    const at = this.addressWords + 1;
    this.key[at] = (this.key[at]! & ~0xff00) | (scope << 8);
  }
  /** 0 = the frontend, 1 … count = its backends. */
  set keySlot(slot: number) {
    const at = this.addressWords;
    this.key[at] = (this.key[at]! & 0xffff) | (slot << 16);
  }
  /** Destination port of the key, host order. */
  get keyPort(): number {
    return htons(this.key[this.addressWords]! & 0xffff);
  }

  /** Backend id of a backend slot. */
  backendId(slot: number): number {
    return this.map.word(slot, 0);
  }
  /** Seconds of a frontend with affinity. */
  affinityTimeout(slot: number): number {
    return this.map.word(slot, 0) & 0xffffff;
  }
  /** `LB_SELECTION_*` of a frontend; 0 = default. */
  algorithm(slot: number): number {
    return this.map.word(slot, 0) >>> 24;
  }
  /** L7 proxy port of a frontend with `SVC_FLAG_L7_LOADBALANCER`, host order. */
  l7ProxyPort(slot: number): number {
    return htons(this.map.word(slot, 0) & 0xffff);
  }
  count(slot: number): number {
    return this.map.word(slot, 1) & 0xffff;
  }
  revNatIndex(slot: number): number {
    return this.map.word(slot, 1) >>> 16;
  }
  flags(slot: number): number {
    return this.map.word(slot, 2) & 0xff;
  }
  flags2(slot: number): number {
    return (this.map.word(slot, 2) >>> 8) & 0xff;
  }
  /** Writes a whole value: first word, count, index, flags, flags2, quarantined count. */
  setValue(slot: number, first: number, count: number, revNat: number, flags: number, flags2: number, quarantined: number): void {
    this.map.setWord(slot, 0, first);
    this.map.setWord(slot, 1, count | (revNat << 16));
    this.map.setWord(slot, 2, flags | (flags2 << 8) | (quarantined << 16));
  }
}

/** `cilium_lb4_backends_v3`, `cilium_lb6_backends_v3`. */
export class BackendMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  readonly key: Int32Array = new Int32Array(1);

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
  }

  address(slot: number, i = 0): number {
    return this.map.word(slot, i);
  }
  copyAddress(slot: number, out: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) out[at + i] = this.map.word(slot, i);
  }
  addressIs(slot: number, from: Int32Array, at: number): boolean {
    for (let i = 0; i < this.addressWords; i++) if (this.map.word(slot, i) !== from[at + i]) return false;
    return true;
  }
  /** Host order. */
  port(slot: number): number {
    return htons(this.map.word(slot, this.addressWords) & 0xffff);
  }
  protocol(slot: number): number {
    return (this.map.word(slot, this.addressWords) >>> 16) & 0xff;
  }
  /** `BACKEND_*` state. */
  state(slot: number): number {
    return this.map.word(slot, this.addressWords) >>> 24;
  }
  setValue(slot: number, address: ArrayLike<number>, port: number, protocol: number, state: number): void {
    for (let i = 0; i < this.addressWords; i++) this.map.setWord(slot, i, address[i]!);
    this.map.setWord(slot, this.addressWords, htons(port) | (protocol << 16) | (state << 24));
  }
}

/** `cilium_lb4_reverse_nat`, `cilium_lb6_reverse_nat`: index to service address and port. */
export class ReverseNatMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  readonly key: Int32Array = new Int32Array(1);

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
  }

  copyAddress(slot: number, out: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) out[at + i] = this.map.word(slot, i);
  }
  /** Host order. */
  port(slot: number): number {
    return htons(this.map.word(slot, this.addressWords) & 0xffff);
  }
  setValue(slot: number, address: ArrayLike<number>, port: number): void {
    for (let i = 0; i < this.addressWords; i++) this.map.setWord(slot, i, address[i]!);
    this.map.setWord(slot, this.addressWords, htons(port));
  }
}

/** Words of the client part of an affinity key: 8 bytes for IPv4 (address or cookie), 16 for IPv6. */
const AFFINITY_CLIENT_WORDS = { 1: 2, 4: 4 } as const;

/** `cilium_lb4_affinity`, `cilium_lb6_affinity`: which backend a client had last. */
export class AffinityMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  declare readonly clientWords: number;
  /** client id, rev_nat_index and cookie bit, padding. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.clientWords = AFFINITY_CLIENT_WORDS[addressWords];
    this.key = new Int32Array(this.clientWords + 2);
  }

  setAddressClient(address: Int32Array, at: number, revNatIndex: number): void {
    this.key.fill(0);
    for (let i = 0; i < this.addressWords; i++) this.key[i] = address[at + i]!;
    this.key[this.clientWords] = revNatIndex;
  }
  /** Client of socket LB: the cookie of its network namespace. */
  setCookieClient(cookie: number, revNatIndex: number): void {
    this.key.fill(0);
    this.key[0] = cookie;
    this.key[this.clientWords] = revNatIndex | (1 << 16);
  }

  /** Datapath clock of the last packet (low word of a u64). */
  lastUsed(slot: number): number {
    return this.map.word(slot, 0);
  }
  backendId(slot: number): number {
    return this.map.word(slot, 2);
  }
  setValue(slot: number, lastUsed: number, backendId: number): void {
    this.map.setWord(slot, 0, lastUsed);
    this.map.setWord(slot, 2, backendId);
  }
}

/** `cilium_lb_affinity_match`: the backends that belong to a service with affinity; presence is all. */
export class AffinityMatchMap {
  declare readonly map: BpfMap;
  readonly key: Int32Array = new Int32Array(2);

  constructor(map: BpfMap) {
    this.map = map;
  }
  setKey(backendId: number, revNatIndex: number): void {
    this.key[0] = backendId;
    this.key[1] = revNatIndex;
  }
}

/** `cilium_lb4_source_range`, `cilium_lb6_source_range`: LPM over (rev_nat_index, client); presence is all. */
export class SourceRangeMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  /** prefix length, rev_nat_index, address. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(2 + addressWords);
  }
  /** `prefix` counts address bits; a lookup asks with all of them. */
  setKey(revNatIndex: number, address: ArrayLike<number>, at: number, prefix: number): void {
    this.key[0] = 32 + prefix;
    this.key[1] = revNatIndex;
    for (let i = 0; i < this.addressWords; i++) this.key[2 + i] = address[at + i]!;
  }
}

/** `cilium_lb4_reverse_sk`, `cilium_lb6_reverse_sk`: what a socket connected to, by (socket cookie, backend). */
export class ReverseSkMap {
  declare readonly map: BpfMap;
  declare readonly addressWords: AddressWords;
  /** cookie (two words), backend address, port, padding. */
  declare readonly key: Int32Array;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
    this.key = new Int32Array(map.spec.keySize >>> 2);
  }

  setKey(cookie: number, address: Int32Array, at: number, port: number): void {
    this.key[0] = cookie;
    for (let i = 0; i < this.addressWords; i++) this.key[2 + i] = address[at + i]!;
    this.key[2 + this.addressWords] = htons(port);
  }
  copyAddress(slot: number, out: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) out[at + i] = this.map.word(slot, i);
  }
  addressIs(slot: number, from: Int32Array, at: number): boolean {
    for (let i = 0; i < this.addressWords; i++) if (this.map.word(slot, i) !== from[at + i]) return false;
    return true;
  }
  /** Host order. */
  port(slot: number): number {
    return htons(this.map.word(slot, this.addressWords) & 0xffff);
  }
  revNatIndex(slot: number): number {
    return this.map.word(slot, this.addressWords) >>> 16;
  }
  setValue(slot: number, address: Int32Array, at: number, port: number, revNatIndex: number): void {
    for (let i = 0; i < this.addressWords; i++) this.map.setWord(slot, i, address[at + i]!);
    this.map.setWord(slot, this.addressWords, htons(port) | (revNatIndex << 16));
  }
}
