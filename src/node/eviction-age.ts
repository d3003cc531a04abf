/**
 * How long an evicted entry had been idle (conntrack), or how old its mapping was (NAT). An entry of conntrack has no time
 * of its own, but each packet sets its lifetime anew: `ctUpdateTimeout` backwards.
 */
import type { HashTable } from "../bpf/hash-table.js";
import type { ConntrackConfig } from "../cilium/datapath/config.js";
import { CT_SEEN_NON_SYN, ctIsAlive } from "../cilium/maps/ct-flags.js";
import type { CtMap } from "../cilium/maps/ct-map.js";
import type { NatMap } from "../cilium/maps/nat-map.js";
import { TUPLE_F_SERVICE } from "../cilium/maps/tuple.js";

/** Flags stand above the protocol in the last word of a key. */
const FLAGS_SHIFT = 8;

/**
 * Units of the datapath's clock since the last packet of the entry at `slot`. Negative: its lifetime was not set by a
 * packet of this run (entries that were there before it).
 */
export function idleUnits(ct: CtMap, table: HashTable, slot: number, isTcp: boolean, times: ConntrackConfig, now: number): number {
  return now - (ct.lifetime(slot) - lifetimeOf(ct.flags(slot), isTcp, isService(table, slot), times));
}

function lifetimeOf(flags: number, isTcp: boolean, service: boolean, times: ConntrackConfig): number {
  if (!ctIsAlive(flags)) return times.close;
  if (!isTcp) return service ? times.serviceAny : times.any;
  if ((flags & CT_SEEN_NON_SYN) === 0) return times.syn;
  return service ? times.serviceTcp : times.tcp;
}

function isService(table: HashTable, slot: number): boolean {
  return ((table.rows[slot * table.stride + table.keyWords - 1]! >>> FLAGS_SHIFT) & TUPLE_F_SERVICE) !== 0;
}

/** Units of the datapath's clock since the mapping was made. */
export function ageUnits(nat: NatMap, slot: number, now: number): number {
  return now - nat.created(slot);
}
