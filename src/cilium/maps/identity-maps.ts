/**
 * Who is behind an address: the ipcache (`cilium_ipcache`, LPM; bpf/lib/common.h `struct ipcache_key`) and the node's
 * own endpoints (`cilium_lxc`, `struct endpoint_key`).
 */

import type { BpfMap } from "../../bpf/map.js";
import { IPV4_WORDS } from "./address.js";
import type { AddressWords } from "./address.js";

/** Family byte of ipcache and endpoint keys (ENDPOINT_KEY_IPV4, ENDPOINT_KEY_IPV6). */
const KEY_IPV4 = 1;
const KEY_IPV6 = 2;

function familyKey(addressWords: AddressWords): number {
  return addressWords === IPV4_WORDS ? KEY_IPV4 : KEY_IPV6;
}

/** Bits of an ipcache key before the address: cluster id, padding, family. */
const IPCACHE_STATIC_PREFIX = 32;
/** Last byte of an ipcache value, bit 0: the address is reached without the tunnel. */
const SKIP_TUNNEL = 1 << 24;

/** What the agent knows of a prefix. */
export interface IpcacheEntry {
  readonly identity: number;
  /** Node to tunnel to, an IPv4 word; 0 = none. */
  readonly tunnelEndpoint?: number;
  readonly skipTunnel?: boolean;
  /** Encryption key index; 0 = not encrypted. */
  readonly encryptKey?: number;
}

export class IpcacheMap {
  declare readonly map: BpfMap;
  /** prefix length, cluster id | family, four address words. */
  readonly key: Int32Array = new Int32Array(6);

  constructor(map: BpfMap) {
    this.map = map;
  }

  /** `prefix` counts address bits. */
  setKey(address: ArrayLike<number>, at: number, addressWords: AddressWords, prefix: number): void {
    this.key[0] = IPCACHE_STATIC_PREFIX + prefix;
    this.key[1] = familyKey(addressWords) << 24;
    this.key[2] = address[at]!;
    for (let i = 1; i < 4; i++) this.key[2 + i] = i < addressWords ? address[at + i]! : 0;
  }

  identity(slot: number): number {
    return this.map.word(slot, 0);
  }
  tunnelEndpoint(slot: number): number {
    return this.map.word(slot, 1);
  }
  encryptKey(slot: number): number {
    return (this.map.word(slot, 2) >>> 16) & 0xff;
  }
  skipTunnel(slot: number): boolean {
    return (this.map.word(slot, 2) & SKIP_TUNNEL) !== 0;
  }

  /** Writes one prefix. Returns 0 or a negated error number. */
  insert(address: readonly number[], prefix: number, entry: IpcacheEntry): number {
    this.setKey(address, 0, address.length as AddressWords, prefix);
    const slot = this.map.update(this.key, 0, 0, 0);
    if (slot < 0) return slot;
    this.map.setWord(slot, 0, entry.identity);
    this.map.setWord(slot, 1, entry.tunnelEndpoint ?? 0);
    this.map.setWord(slot, 2, ((entry.encryptKey ?? 0) << 16) | (entry.skipTunnel === true ? SKIP_TUNNEL : 0));
    return 0;
  }

  remove(address: readonly number[], prefix: number): number {
    this.setKey(address, 0, address.length as AddressWords, prefix);
    return this.map.remove(this.key, 0, 0);
  }
}

/** `flags` of an endpoint: traffic to it goes to the node's stack. */
export const ENDPOINT_F_HOST = 1;
export const ENDPOINT_F_ATHOSTNS = 2;
/** Either of the two above (ENDPOINT_MASK_HOST_DELIVERY). */
export const ENDPOINT_MASK_HOST_DELIVERY = ENDPOINT_F_HOST | ENDPOINT_F_ATHOSTNS;

/** One local endpoint address. */
export interface EndpointEntry {
  readonly ifindex: number;
  readonly lxcId: number;
  readonly identity: number;
  readonly flags?: number;
  /** Native device of the endpoint's own network (cloud ENI); 0 = none. */
  readonly parentIfindex?: number;
}

/** Value words that can be non-zero: MAC addresses are not modelled. */
export const ENDPOINT_STORED_WORDS: readonly number[] = [0, 1, 2, 8, 9];

export class EndpointMap {
  declare readonly map: BpfMap;
  /** four address words, family | key | cluster id. */
  readonly key: Int32Array = new Int32Array(5);

  constructor(map: BpfMap) {
    this.map = map;
  }

  setKey(address: ArrayLike<number>, at: number, addressWords: AddressWords): void {
    this.key[0] = address[at]!;
    for (let i = 1; i < 4; i++) this.key[i] = i < addressWords ? address[at + i]! : 0;
    this.key[4] = familyKey(addressWords);
  }

  ifindex(slot: number): number {
    return this.map.word(slot, 0);
  }
  lxcId(slot: number): number {
    return this.map.word(slot, 1) >>> 16;
  }
  flags(slot: number): number {
    return this.map.word(slot, 2);
  }
  identity(slot: number): number {
    return this.map.word(slot, 8);
  }
  parentIfindex(slot: number): number {
    return this.map.word(slot, 9);
  }

  /** Writes one address. Returns 0 or a negated error number. */
  insert(address: readonly number[], entry: EndpointEntry): number {
    this.setKey(address, 0, address.length as AddressWords);
    const slot = this.map.update(this.key, 0, 0, 0);
    if (slot < 0) return slot;
    this.map.setWord(slot, 0, entry.ifindex);
    this.map.setWord(slot, 1, entry.lxcId << 16);
    this.map.setWord(slot, 2, entry.flags ?? 0);
    this.map.setWord(slot, 8, entry.identity);
    this.map.setWord(slot, 9, entry.parentIfindex ?? 0);
    return 0;
  }

  remove(address: readonly number[]): number {
    this.setKey(address, 0, address.length as AddressWords);
    return this.map.remove(this.key, 0, 0);
  }
}
