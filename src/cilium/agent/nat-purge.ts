/**
 * NAT entries that go because of conntrack: with a deleted entry (`NatMap.DeleteMapping4`, pkg/maps/ctmap), and as orphans
 * (`PurgeOrphanNATEntries`).
 *
 * Keys: conntrack OUT keys store addresses swapped and ports straight, NAT keys are in packet order. Hence the swaps.
 */

import type { HashTable } from "../../bpf/hash-table.js";
import { CT_DSR_INTERNAL } from "../maps/ct-flags.js";
import type { NatMap } from "../maps/nat-map.js";
import { TUPLE_F_IN, TUPLE_F_OUT, TUPLE_WORDS_MAX, Tuple } from "../maps/tuple.js";
import type { ConntrackPair } from "./gc-targets.js";
import { tableOf } from "./gc-targets.js";

const IPPROTO_TCP = 6;

const scratch = new Tuple();
const reverse = new Tuple();

/** What removing a deleted entry's mapping took. */
export interface MappingRemoval {
  /** NAT entries deleted: 0 to 2. */
  deleted: number;
  /** System calls made. */
  calls: number;
}

/**
 * Deletes the mapping of a conntrack entry that has been deleted. Entries other than OUT have none.
 * `key[at…]` is the entry's key, `flags` its flag word as read by the walk. Missing NAT entries are no matter.
 */
export function removeMappingOf(
  nat: NatMap,
  key: Int32Array,
  at: number,
  flags: number,
  cpu: number,
  result: MappingRemoval,
): void {
  result.deleted = 0;
  result.calls = 0;
  load(scratch, nat, key, at);
  if (scratch.flags !== TUPLE_F_OUT) return;
  if ((flags & CT_DSR_INTERNAL) !== 0) {
    scratch.swapPorts();
    result.calls = 1;
    if (nat.map.remove(scratch.words, 0, cpu) === 0) result.deleted = 1;
    return;
  }
  scratch.swapAddresses();
  result.calls = 1;
  const slot = nat.map.peek(scratch.words, 0);
  if (slot < 0) return;
  reverse.addressWords = nat.addressWords;
  nat.copyToAddr(slot, reverse.words, 0);
  reverse.setSaddr(scratch.words, 0);
  reverse.setPorts(nat.toPort(slot), scratch.dport);
  reverse.setProtocolAndFlags(scratch.protocol, TUPLE_F_IN);
  result.calls = 3;
  if (nat.map.remove(scratch.words, 0, cpu) === 0) result.deleted++;
  if (nat.map.remove(reverse.words, 0, cpu) === 0) result.deleted++;
}

/** Counts of an orphan scan, as `cilium_datapath_nat_gc_entries` shows them. */
export interface OrphanCounts {
  ingressAlive: number;
  ingressDeleted: number;
  egressAlive: number;
  egressDeleted: number;
}

export function noOrphans(): OrphanCounts {
  return { ingressAlive: 0, ingressDeleted: 0, egressAlive: 0, egressDeleted: 0 };
}

/** Whether the NAT entry at `slot` has lost its conntrack entry. `calls.count` grows by the look-ups made. */
export function isOrphan(pair: ConntrackPair, nat: NatMap, slot: number, calls: { count: number }): boolean {
  const table = tableOf(nat.map);
  load(scratch, nat, table.rows, slot * table.stride);
  const owner = (scratch.protocol === IPPROTO_TCP ? pair.tcp : pair.any).ct;
  calls.count++;
  if (scratch.flags === TUPLE_F_IN) {
    reverse.addressWords = nat.addressWords;
    nat.copyToAddr(slot, reverse.words, 0);
    reverse.setSaddr(scratch.words, nat.addressWords);
    reverse.setPorts(scratch.sport, nat.toPort(slot));
    reverse.setProtocolAndFlags(scratch.protocol, TUPLE_F_OUT);
    return owner.map.peek(reverse.words, 0) < 0;
  }
  reverse.copyFrom(scratch);
  reverse.swapAddresses();
  if (owner.map.peek(reverse.words, 0) >= 0) return false;
  calls.count++;
  scratch.swapPorts();
  const dsr = owner.map.peek(scratch.words, 0);
  return dsr < 0 || (owner.flags(dsr) & CT_DSR_INTERNAL) === 0;
}

/** Whether the NAT key at `rows[at…]` is a forward one. */
export function isForwardKey(nat: NatMap, rows: Int32Array, at: number): boolean {
  load(scratch, nat, rows, at);
  return scratch.flags !== TUPLE_F_IN;
}

/** Counts one NAT entry that was looked at. */
export function countOrphan(counts: OrphanCounts, forward: boolean, deleted: boolean): void {
  if (forward) {
    if (deleted) counts.egressDeleted++;
    else counts.egressAlive++;
  } else if (deleted) {
    counts.ingressDeleted++;
  } else {
    counts.ingressAlive++;
  }
}

/**
 * The orphan scan of one TCP/any pair in one go, key by key in the kernel's order.
 * `afterWalk`: collect first, then delete forward keys, then reverse ones (1.18); otherwise delete while walking, so
 * that a look-up that finds the key gone can throw the walk back.
 */
export function purgeOrphans(pair: ConntrackPair, afterWalk: boolean, cpu: number): OrphanCounts {
  const counts = noOrphans();
  const nat = pair.tcp.nat;
  if (nat === null) return counts;
  const table = tableOf(nat.map);
  const calls = { count: 0 };
  const forward: Int32Array[] = [];
  const backward: Int32Array[] = [];
  for (const key of keysOf(table)) {
    const slot = nat.map.peek(key, 0);
    if (slot < 0) continue;
    const isForward = isForwardKey(nat, key, 0);
    const orphan = isOrphan(pair, nat, slot, calls);
    countOrphan(counts, isForward, orphan);
    if (!orphan) continue;
    if (afterWalk) (isForward ? forward : backward).push(key);
    else nat.map.remove(key, 0, cpu);
  }
  for (const key of [...forward, ...backward]) nat.map.remove(key, 0, cpu);
  return counts;
}

/** All keys in the kernel's order; the key handed out may be deleted before the next one is asked for. */
function* keysOf(table: HashTable): Generator<Int32Array> {
  let current = new Int32Array(TUPLE_WORDS_MAX);
  if (table.nextKey(null, 0, current, 0) < 0) return;
  for (;;) {
    const next = new Int32Array(TUPLE_WORDS_MAX);
    const end = table.nextKey(current, 0, next, 0) < 0;
    yield current;
    if (end) return;
    current = next;
  }
}

function load(tuple: Tuple, nat: NatMap, key: Int32Array, at: number): void {
  tuple.addressWords = nat.addressWords;
  const words = 2 * nat.addressWords + 2;
  for (let i = 0; i < words; i++) tuple.words[i] = key[at + i]!;
}
