/** What a collection walks and by which rule it deletes: `GCFilter` and the map list of pkg/maps/ctmap. */

import { HashTable } from "../../bpf/hash-table.js";
import type { BpfMap } from "../../bpf/map.js";
import type { CiliumMaps } from "../maps.js";
import { IPV4_WORDS, IPV6_WORDS } from "../maps/address.js";
import type { AddressWords } from "../maps/address.js";
import type { CtMap } from "../maps/ct-map.js";
import type { NatMap } from "../maps/nat-map.js";

/** Bits of a family set. */
export const FAMILY_V4 = 1;
export const FAMILY_V6 = 2;

/** A conntrack map, and the NAT map whose entries go with it. */
export interface ConntrackTarget {
  /** As in metrics: `ct4_global`. */
  readonly name: string;
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "any";
  readonly addressWords: AddressWords;
  readonly ct: CtMap;
  /** Null when the node translates nothing. */
  readonly nat: NatMap | null;
}

/** The TCP map and the map of everything else of one family, with their NAT map. */
export interface ConntrackPair {
  readonly tcp: ConntrackTarget;
  readonly any: ConntrackTarget;
}

/** The pairs of a node in the agent's order; `translates`: NAT maps exist (node port or BPF masquerading). */
export function conntrackPairs(maps: CiliumMaps, translates: boolean): readonly ConntrackPair[] {
  const pairs: ConntrackPair[] = [];
  for (const addressWords of [IPV4_WORDS, IPV6_WORDS] as const) {
    if (!maps.hasFamily(addressWords)) continue;
    const { ctGlobal, ctAnyGlobal, snatExternal } = maps.family(addressWords);
    const family = addressWords === IPV4_WORDS ? 4 : 6;
    const nat = translates ? snatExternal : null;
    const target = (ct: CtMap, protocol: "tcp" | "any"): ConntrackTarget => ({
      name: ct.map.spec.name,
      family,
      protocol,
      addressWords,
      ct,
      nat,
    });
    pairs.push({ tcp: target(ctGlobal, "tcp"), any: target(ctAnyGlobal, "any") });
  }
  return pairs;
}

/** A set of addresses of one family, each `addressWords` words as keys hold them. */
export class AddressSet {
  readonly addressWords: AddressWords;
  /** By last word, which differs most between addresses of a node. */
  readonly #rows = new Map<number, Int32Array[]>();
  size = 0;

  constructor(addressWords: AddressWords) {
    this.addressWords = addressWords;
  }

  add(address: Int32Array, at = 0): this {
    if (this.has(address, at)) return this;
    const row = address.slice(at, at + this.addressWords);
    const last = row[this.addressWords - 1]!;
    const rows = this.#rows.get(last);
    if (rows === undefined) this.#rows.set(last, [row]);
    else rows.push(row);
    this.size++;
    return this;
  }

  has(words: Int32Array, at: number): boolean {
    const n = this.addressWords;
    const rows = this.#rows.get(words[at + n - 1]!);
    if (rows === undefined) return false;
    return rows.some((row) => row.every((word, i) => word === words[at + i]!));
  }
}

/** Reference time that expires every entry: `bpf ct flush`. */
export const FLUSH_REFERENCE = 2 ** 32 - 1;
/** No entry is old enough. */
export const NOTHING_EXPIRES = 0;

/** Which entries a walk deletes; any rule that applies is enough. */
export interface DeletionRule {
  /** Entries with a lifetime below this, in the datapath's clock. */
  readonly expireBefore: number;
  /** Entries from or to one of these (endpoint scrub); null = no such rule. */
  readonly scrub: AddressSet | null;
  /** Entries neither from nor to one of these (first scan up to 1.15.1); null = no such rule. */
  readonly known: AddressSet | null;
}

/** Expiry alone. */
export function expiryRule(reference: number): DeletionRule {
  return { expireBefore: reference, scrub: null, known: null };
}

/** Whether the entry at `slot` is to go, now. */
export function isDoomed(target: ConntrackTarget, table: HashTable, slot: number, rule: DeletionRule): boolean {
  if (target.ct.lifetime(slot) >>> 0 < rule.expireBefore) return true;
  const { scrub, known } = rule;
  if (scrub === null && known === null) return false;
  const daddr = slot * table.stride;
  const saddr = daddr + target.addressWords;
  if (scrub !== null && (scrub.has(table.rows, daddr) || scrub.has(table.rows, saddr))) return true;
  return known !== null && !known.has(table.rows, daddr) && !known.has(table.rows, saddr);
}

/** A hash map as GC needs it: with chains and batches. Throws for any other kind. */
export function tableOf(map: BpfMap): HashTable {
  if (map instanceof HashTable) return map;
  throw new TypeError(`${map.spec.name}: only hash maps are collected`);
}
