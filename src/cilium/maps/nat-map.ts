/**
 * NAT entries: `struct ipv4_nat_entry` (40 bytes) and `struct ipv6_nat_entry` (56 bytes), bpf/lib/nat.h, behind names.
 * Keys are those of conntrack in packet order (tuple.ts). A forward entry gives the new source, a reverse entry the
 * new destination.
 */

import type { BpfMap } from "../../bpf/map.js";
import { htons } from "./address.js";
import type { AddressWords } from "./address.js";

/** Word numbers in the value. `created` is a u64 whose high word stays zero for 136 years of uptime. */
const CREATED = 0;
const NEEDS_CT = 2;
const TO_ADDR = 8;

/** Bytes of a value. */
export const NAT4_VALUE_BYTES = 40;
export const NAT6_VALUE_BYTES = 56;

/** The value words that can be non-zero. */
export function natStoredWords(addressWords: AddressWords): readonly number[] {
  const words = [CREATED, NEEDS_CT];
  for (let i = 0; i <= addressWords; i++) words.push(TO_ADDR + i);
  return words;
}

/** `cilium_snat_v4_external` or `cilium_snat_v6_external`. */
export class NatMap {
  declare map: BpfMap;
  declare readonly addressWords: AddressWords;

  constructor(map: BpfMap, addressWords: AddressWords) {
    this.map = map;
    this.addressWords = addressWords;
  }

  /** From now on this is the view of another map of the same layout. */
  attach(map: BpfMap): void {
    this.map = map;
  }

  /** Datapath clock at creation. */
  created(slot: number): number {
    return this.map.word(slot, CREATED);
  }
  setCreated(slot: number, at: number): void {
    this.map.setWord(slot, CREATED, at);
  }
  /** Whether packets of this mapping are tracked too. */
  needsCt(slot: number): boolean {
    return this.map.word(slot, NEEDS_CT) !== 0;
  }
  setNeedsCt(slot: number, needed: boolean): void {
    this.map.setWord(slot, NEEDS_CT, needed ? 1 : 0);
  }

  /** Word `i` of the address to translate to. */
  toAddr(slot: number, i = 0): number {
    return this.map.word(slot, TO_ADDR + i);
  }
  setToAddr(slot: number, from: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.map.setWord(slot, TO_ADDR + i, from[at + i]!);
  }
  copyToAddr(slot: number, out: Int32Array, at: number): void {
    for (let i = 0; i < this.addressWords; i++) out[at + i] = this.map.word(slot, TO_ADDR + i);
  }
  /** Whether the address to translate to is the one at `from[at…]`. */
  toAddrIs(slot: number, from: Int32Array, at: number): boolean {
    for (let i = 0; i < this.addressWords; i++) {
      if (this.map.word(slot, TO_ADDR + i) !== from[at + i]) return false;
    }
    return true;
  }

  /** Port to translate to, host order. */
  toPort(slot: number): number {
    return htons(this.map.word(slot, TO_ADDR + this.addressWords) & 0xffff);
  }
  setToPort(slot: number, port: number): void {
    this.map.setWord(slot, TO_ADDR + this.addressWords, htons(port));
  }
}
