/**
 * Conntrack entries: `struct ct_entry` (56 bytes, bpf/lib/common.h) behind names.
 *
 * Words from byte 32 on are the same in Cilium 1.14 to 1.19. Below them 1.14 and 1.15 keep separate packet and byte
 * counters for each direction (a service entry's backend id takes the place of its received bytes), later releases one
 * pair; 1.19 may put a 16-byte service address for DSR at the start.
 * Numbers that the real entry holds in network order (rev_nat_index) are in host order here.
 */

import type { BpfMap } from "../../bpf/map.js";
import { IPV4_WORDS, IPV6_WORDS, htons } from "./address.js";
import type { AddressWords } from "./address.js";
import { CT_SEEN_NON_SYN } from "./ct-flags.js";
import { LifetimeFloors } from "./lifetime-floors.js";
import { tableOf } from "./table.js";

/** Word numbers in the value (byte offset / 4). */
const BACKEND_ID = 2;
const LIFETIME = 8;
/** Flags in the low half, rev_nat_index in the high one. */
const FLAGS = 9;
/** ifindex (1.19: NAT port) 16 bits, tx_flags_seen 8 bits, rx_flags_seen 8 bits. */
const SEEN = 10;
const SRC_SEC_ID = 11;
const LAST_TX_REPORT = 12;
const LAST_RX_REPORT = 13;

/** Bytes of a value. */
export const CT_VALUE_BYTES = 56;
/** A lifetime (u32) that no clock passes. */
const NEVER = -1;

/** Where the counters are: one pair (1.16 on) or one for each direction (1.14, 1.15). */
export type CtCounters = "none" | "single" | "rx-tx";

/** Packets (u64), then bytes, of the initiator's packets or of all; 1.14 and 1.15: of the others' packets. */
const TX_COUNTERS = 4;
const RX_COUNTERS = 0;
/** Words of a u64. */
const U64_WORDS = 2;

const WORDS_ALWAYS = [BACKEND_ID, LIFETIME, FLAGS, SEEN, SRC_SEC_ID, LAST_TX_REPORT, LAST_RX_REPORT];
const COUNTERS_HELD: Readonly<Record<CtCounters, readonly number[]>> = {
  none: [],
  single: [4, 5, 6, 7],
  "rx-tx": [0, 1, 3, 4, 5, 6, 7],
};
/**
 * 1.19 keeps the address that DSR translates to in the first 16 bytes, over the backend id: only service entries have
 * the one, and only others the other. An IPv4 address is held in the backend id's own word here, which costs no room.
 */
const NAT_ADDRESS_WORDS = { [IPV4_WORDS]: [BACKEND_ID], [IPV6_WORDS]: [0, 1, 2, 3] } as const;

/** The value words that can ever be non-zero, DSR addresses being of so many words (0: none held); the others need no room. */
export function ctStoredWords(counters: CtCounters, natAddressWords: AddressWords | 0): readonly number[] {
  const words = new Set([...WORDS_ALWAYS, ...COUNTERS_HELD[counters]]);
  if (natAddressWords !== 0) for (const word of NAT_ADDRESS_WORDS[natAddressWords]) words.add(word);
  return [...words].sort((a, b) => a - b);
}

/** A conntrack map: `cilium_ct4_global`, `cilium_ct_any4_global` and their IPv6 twins. */
export class CtMap {
  declare map: BpfMap;
  declare readonly counters: CtCounters;
  // The table's rows, and where the words of an entry stand in a row: every packet reads and writes a dozen of them.
  declare private rows: Int32Array;
  declare private readonly stride: number;
  declare private readonly backendIdAt: number;
  declare private readonly lifetimeAt: number;
  declare private readonly flagsAt: number;
  declare private readonly seenAt: number;
  declare private readonly srcSecIdAt: number;
  declare private readonly lastTxReportAt: number;
  declare private readonly lastRxReportAt: number;
  declare private readonly txCountersAt: number;
  declare private readonly rxCountersAt: number;
  declare private floors: LifetimeFloors;
  /** Spans of a row, from and to one after the other: what makes the next packet of a kind go another way when it differs. */
  declare readonly steadySpans: Int32Array;
  /** Words in them. */
  declare readonly steadyWords: number;
  /** Mask over the words of a row, -1 where a word counts: that, and when it was last reported, but not `CT_SEEN_NON_SYN`. */
  declare readonly recordMask: Int32Array;
  /** That without what conntrack notes to decide about events. */
  declare readonly silentMask: Int32Array;

  constructor(map: BpfMap, counters: CtCounters) {
    const table = tableOf(map);
    const column = (word: number): number => table.keyWords + table.positions[word]!;
    this.map = map;
    this.counters = counters;
    this.rows = table.rows;
    this.stride = table.stride;
    this.backendIdAt = column(BACKEND_ID);
    this.lifetimeAt = column(LIFETIME);
    this.flagsAt = column(FLAGS);
    this.seenAt = column(SEEN);
    this.srcSecIdAt = column(SRC_SEC_ID);
    this.lastTxReportAt = column(LAST_TX_REPORT);
    this.lastRxReportAt = column(LAST_RX_REPORT);
    this.txCountersAt = column(TX_COUNTERS);
    this.rxCountersAt = column(counters === "rx-tx" ? RX_COUNTERS : TX_COUNTERS);
    this.floors = new LifetimeFloors(table, this.lifetimeAt);
    this.recordMask = new Int32Array(table.stride).fill(-1);
    this.recordMask[this.lifetimeAt] = 0;
    if (counters !== "none") for (const word of COUNTERS_HELD[counters]) this.recordMask[column(word)] = 0;
    this.steadySpans = spansOf(this.recordMask, [this.lastTxReportAt, this.lastRxReportAt]);
    this.steadyWords = this.steadySpans.reduce((sum, place, i) => (i % 2 === 0 ? sum - place : sum + place), 0);
    this.recordMask[this.flagsAt] = ~CT_SEEN_NON_SYN;
    this.silentMask = this.recordMask.slice();
    for (const at of [this.seenAt, this.lastTxReportAt, this.lastRxReportAt]) this.silentMask[at] = 0;
  }

  /** From now on this is the view of another map of the same layout. */
  attach(map: BpfMap): void {
    this.map = map;
    const table = tableOf(map);
    this.rows = table.rows;
    this.floors = new LifetimeFloors(table, this.lifetimeAt);
  }

  /** Datapath clock at which GC may delete the entry. */
  lifetime(slot: number): number {
    return this.rows[slot * this.stride + this.lifetimeAt]!;
  }
  setLifetime(slot: number, at: number): void {
    const word = slot * this.stride + this.lifetimeAt;
    const before = this.rows[word]!;
    this.rows[word] = at;
    // A bound for what was there is one for what lies above it. Not positive: an element that has just come.
    if (before <= 0 || at < before) this.floors.lower(slot, at);
  }
  /** The element has left the map: until its row is written anew, no search for expired entries stops at it. */
  retire(slot: number): void {
    this.rows[slot * this.stride + this.lifetimeAt] = NEVER;
  }
  /** Sets the bit of every bucket that holds, or lately held, an entry that expires before `reference`. */
  markExpiring(reference: number, bits: Int32Array): void {
    this.floors.markBuckets(reference, bits);
  }

  /** Flags (`CT_*`) in the low half, rev_nat_index in the high one. */
  flagsAndRevNat(slot: number): number {
    return this.rows[slot * this.stride + this.flagsAt]!;
  }
  setFlagsAndRevNat(slot: number, flags: number, revNatIndex: number): void {
    this.rows[slot * this.stride + this.flagsAt] = flags | (revNatIndex << 16);
  }

  /** Bits `CT_*`. */
  flags(slot: number): number {
    return this.flagsAndRevNat(slot) & 0xffff;
  }
  setFlags(slot: number, flags: number): void {
    const at = slot * this.stride + this.flagsAt;
    this.rows[at] = (this.rows[at]! & ~0xffff) | flags;
  }

  /** Service that replies are translated back to; 0 = none. */
  revNatIndex(slot: number): number {
    return this.flagsAndRevNat(slot) >>> 16;
  }
  setRevNatIndex(slot: number, index: number): void {
    const at = slot * this.stride + this.flagsAt;
    this.rows[at] = (this.rows[at]! & 0xffff) | (index << 16);
  }

  /** Chosen backend of a SERVICE entry. */
  backendId(slot: number): number {
    return this.rows[slot * this.stride + this.backendIdAt]!;
  }
  setBackendId(slot: number, id: number): void {
    this.rows[slot * this.stride + this.backendIdAt] = id;
  }

  /** TCP flags seen leaving (all protocols but TCP: 0), after the report mask. */
  txFlagsSeen(slot: number): number {
    return (this.rows[slot * this.stride + this.seenAt]! >>> 16) & 0xff;
  }
  setTxFlagsSeen(slot: number, flags: number): void {
    const at = slot * this.stride + this.seenAt;
    this.rows[at] = (this.rows[at]! & ~0xff0000) | (flags << 16);
  }
  rxFlagsSeen(slot: number): number {
    return this.rows[slot * this.stride + this.seenAt]! >>> 24;
  }
  setRxFlagsSeen(slot: number, flags: number): void {
    const at = slot * this.stride + this.seenAt;
    this.rows[at] = (this.rows[at]! & 0xffffff) | (flags << 24);
  }
  clearFlagsSeen(slot: number): void {
    this.rows[slot * this.stride + this.seenAt]! &= 0xffff;
  }

  /** Identity of the side that opened the connection. */
  srcSecId(slot: number): number {
    return this.rows[slot * this.stride + this.srcSecIdAt]!;
  }
  setSrcSecId(slot: number, identity: number): void {
    this.rows[slot * this.stride + this.srcSecIdAt] = identity;
  }

  /** Datapath clock of the last event for packets of the initiator. */
  lastTxReport(slot: number): number {
    return this.rows[slot * this.stride + this.lastTxReportAt]!;
  }
  setLastTxReport(slot: number, at: number): void {
    this.rows[slot * this.stride + this.lastTxReportAt] = at;
  }
  lastRxReport(slot: number): number {
    return this.rows[slot * this.stride + this.lastRxReportAt]!;
  }
  setLastRxReport(slot: number, at: number): void {
    this.rows[slot * this.stride + this.lastRxReportAt] = at;
  }

  /** v1.19, DSR: the service's address and port (host order; 0 = none). Held only when the map was made for it. */
  copyNatAddress(slot: number, out: Int32Array, at: number, addressWords: AddressWords): void {
    const words = NAT_ADDRESS_WORDS[addressWords];
    for (let i = 0; i < addressWords; i++) out[at + i] = this.map.word(slot, words[i]!);
  }
  natPort(slot: number): number {
    return htons(this.rows[slot * this.stride + this.seenAt]! & 0xffff);
  }
  setNat(slot: number, address: Int32Array, at: number, addressWords: AddressWords, port: number): void {
    const words = NAT_ADDRESS_WORDS[addressWords];
    for (let i = 0; i < addressWords; i++) this.map.setWord(slot, words[i]!, address[at + i]!);
    this.rows[slot * this.stride + this.seenAt]! |= htons(port);
  }

  /** Packets counted, both directions together; 0 without accounting. */
  packets(slot: number): number {
    if (this.counters === "none") return 0;
    const total = this.counter(slot * this.stride + this.txCountersAt);
    return this.counters === "single" ? total : total + this.counter(slot * this.stride + this.rxCountersAt);
  }
  /** Bytes counted, both directions together. A service entry of 1.14 and 1.15 has its backend id in place of a part. */
  bytes(slot: number): number {
    if (this.counters === "none") return 0;
    const total = this.counter(slot * this.stride + this.txCountersAt + U64_WORDS);
    return this.counters === "single" ? total : total + this.counter(slot * this.stride + this.rxCountersAt + U64_WORDS);
  }
  /** `ct_lookup`'s accounting: one packet of `bytes` for the sending (`received` false) or receiving side. */
  addPacket(slot: number, received: boolean, bytes: number): void {
    if (this.counters === "none") return;
    const at = slot * this.stride + (received ? this.rxCountersAt : this.txCountersAt);
    this.add(at, 1);
    this.add(at + U64_WORDS, bytes);
  }

  /** A u64 in two words, as a double (exact to 2^53). */
  private counter(at: number): number {
    return (this.rows[at]! >>> 0) + (this.rows[at + 1]! >>> 0) * 2 ** 32;
  }
  private add(at: number, amount: number): void {
    const { rows } = this;
    const low = rows[at]!;
    const sum = (low + amount) | 0;
    rows[at] = sum;
    if (sum >>> 0 < low >>> 0) rows[at + 1] = (rows[at + 1]! + 1) | 0;
  }
}

/** Where a mask is set, but for some words: spans, from and to one after the other. */
function spansOf(mask: Int32Array, without: readonly number[]): Int32Array {
  const counts = (word: number): boolean => word >= 0 && word < mask.length && mask[word] !== 0 && !without.includes(word);
  // A span begins or ends where a word counts and its neighbour does not.
  return Int32Array.from([...mask.keys(), mask.length].filter((word) => counts(word) !== counts(word - 1)));
}
