/** What a NAT dump is made of: mappings and lost halves of them, ports in use by remote end, and entries without conntrack. */
import { CT_DSR_INTERNAL, CT_SEEN_NON_SYN } from "../cilium/maps/ct-flags.js";
import { TUPLE_F_IN } from "../cilium/maps/tuple.js";
import type { ConntrackTable } from "./conntrack-table.js";
import { CounterTable, largest } from "./counter-table.js";
import type { NatTable } from "./nat-table.js";
import { TupleIndex } from "./tuple-index.js";
import { PROTOCOL, protocolName } from "./tuple-table.js";

/** Ports of one egress address that connections to one remote end hold: what a port search competes for. */
export interface PortsInUse {
  readonly protocol: string;
  readonly egressAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly ports: number;
}

export interface NatSummary {
  readonly entries: number;
  /** Entries that translate a source (`OUT`), and those that translate a destination (`IN`). */
  readonly forward: number;
  readonly reverse: number;
  /** Forward entries whose reverse entry is there. */
  readonly mappings: number;
  /** Forward entries whose reverse entry is missing: evicted, or an entry of DSR, which has none. */
  readonly forwardAlone: number;
  readonly reverseAlone: number;
  /** Reverse entries by egress address and remote end, largest first. */
  readonly portsInUse: readonly PortsInUse[];
  /** Seconds, of the oldest entry; undefined when the dump has no ages. */
  readonly oldest: number | undefined;
}

/** Rows of the lists of the largest. */
const LISTED = 10;

export function summarizeNat(table: NatTable, listed = LISTED): NatSummary {
  const index = new TupleIndex(table);
  const groups = new CounterTable(3);
  let [reverse, mappings, reverseAlone, oldest] = [0, 0, 0, -1];
  for (let i = 0; i < table.size; i++) {
    if (table.age[i]! > oldest) oldest = table.age[i]!;
    if ((table.tupleFlags[i]! & TUPLE_F_IN) === 0) {
      if (reverseOf(table, index, i) >= 0) mappings++;
      continue;
    }
    reverse++;
    groups.add(table.destination[i]!, table.source[i]!, (table.protocol[i]! << 16) | table.sourcePort[i]!);
    if (forwardOf(table, index, i) < 0) reverseAlone++;
  }
  const forward = table.size - reverse;
  return {
    entries: table.size,
    forward,
    reverse,
    mappings,
    forwardAlone: forward - mappings,
    reverseAlone,
    portsInUse: largest(groups, listed).map(({ key: [egress, remote, port], count }) => ({
      protocol: protocolName(port! >> 16),
      egressAddress: table.addresses.text(egress!),
      remoteAddress: table.addresses.text(remote!),
      remotePort: port! & 0xffff,
      ports: count,
    })),
    oldest: oldest < 0 ? undefined : oldest,
  };
}

/** Row of the reverse entry of forward entry `i`, or -1. */
export function reverseOf(table: NatTable, index: TupleIndex, i: number): number {
  const { protocol, destination, destinationPort, toAddress, toPort } = table;
  return index.find(protocol[i]!, TUPLE_F_IN, destination[i]!, destinationPort[i]!, toAddress[i]!, toPort[i]!);
}

/** Row of the forward entry of reverse entry `i`, or -1. */
export function forwardOf(table: NatTable, index: TupleIndex, i: number): number {
  const { protocol, source, sourcePort, toAddress, toPort } = table;
  return index.find(protocol[i]!, 0, toAddress[i]!, toPort[i]!, source[i]!, sourcePort[i]!);
}

export interface NatOrphans {
  /** NAT entries without the conntrack entry that keeps them, as the agent's own scan finds them. */
  readonly orphans: number;
  readonly forward: number;
  readonly reverse: number;
  /** Reverse ones by egress address and remote end, largest first: ports held by nobody. */
  readonly portsHeld: readonly PortsInUse[];
  /** Outgoing connections in conntrack, TCP's beyond their SYN, whose both addresses NAT knows from others, without a NAT entry. */
  readonly connectionsWithoutMapping: number;
}

/**
 * Joins both dumps by `PurgeOrphanNATEntries` of pkg/maps/ctmap: a reverse entry needs the outgoing conntrack entry of the
 * connection it gives back, a forward one that of its own tuple or, for DSR, of the turned tuple.
 */
export function natOrphans(conntrack: ConntrackTable, nat: NatTable, listed = LISTED): NatOrphans {
  const tracked = new TupleIndex(conntrack);
  const inConntrack = sharedNumbers(nat, conntrack);
  const held = new CounterTable(3);
  let [forward, reverse] = [0, 0];
  for (let i = 0; i < nat.size; i++) {
    if (isTracked(conntrack, tracked, nat, inConntrack, i)) continue;
    if ((nat.tupleFlags[i]! & TUPLE_F_IN) === 0) {
      forward++;
      continue;
    }
    reverse++;
    held.add(nat.destination[i]!, nat.source[i]!, (nat.protocol[i]! << 16) | nat.sourcePort[i]!);
  }
  return {
    orphans: forward + reverse,
    forward,
    reverse,
    portsHeld: largest(held, listed).map(({ key: [egress, remote, port], count }) => ({
      protocol: protocolName(port! >> 16),
      egressAddress: nat.addresses.text(egress!),
      remoteAddress: nat.addresses.text(remote!),
      remotePort: port! & 0xffff,
      ports: count,
    })),
    connectionsWithoutMapping: unmapped(conntrack, nat),
  };
}

function isTracked(conntrack: ConntrackTable, tracked: TupleIndex, nat: NatTable, shared: Int32Array, i: number): boolean {
  const protocol = nat.protocol[i]!;
  const [source, destination, to] = [shared[nat.source[i]!]!, shared[nat.destination[i]!]!, shared[nat.toAddress[i]!]!];
  const [sourcePort, destinationPort] = [nat.sourcePort[i]!, nat.destinationPort[i]!];
  if ((nat.tupleFlags[i]! & TUPLE_F_IN) !== 0) return tracked.find(protocol, 0, to, nat.toPort[i]!, source, sourcePort) >= 0;
  if (tracked.find(protocol, 0, source, sourcePort, destination, destinationPort) >= 0) return true;
  const turned = tracked.find(protocol, 0, destination, destinationPort, source, sourcePort);
  return turned >= 0 && (conntrack.entryFlags[turned]! & CT_DSR_INTERNAL) !== 0;
}

/** Connections from and to addresses that forward entries have, yet without one themselves: half a mapping or all of it is lost. */
function unmapped(conntrack: ConntrackTable, nat: NatTable): number {
  const index = new TupleIndex(nat);
  const inNat = sharedNumbers(conntrack, nat);
  const sources = new Set<number>();
  const remotes = new Set<number>();
  for (let i = 0; i < nat.size; i++) {
    if (nat.tupleFlags[i] !== 0) continue;
    sources.add(nat.source[i]!);
    remotes.add(nat.destination[i]!);
  }
  let count = 0;
  for (let i = 0; i < conntrack.size; i++) {
    const [source, destination] = [inNat[conntrack.source[i]!]!, inNat[conntrack.destination[i]!]!];
    if (conntrack.tupleFlags[i] !== 0 || !sources.has(source) || !remotes.has(destination)) continue;
    if (conntrack.protocol[i] === PROTOCOL.tcp && (conntrack.entryFlags[i]! & CT_SEEN_NON_SYN) === 0) continue;
    if (index.find(conntrack.protocol[i]!, 0, source, conntrack.sourcePort[i]!, destination, conntrack.destinationPort[i]!) < 0) count++;
  }
  return count;
}

/** For each address number of one table the number in the other one, or -1. */
function sharedNumbers(from: { readonly addresses: ConntrackTable["addresses"] }, to: { readonly addresses: ConntrackTable["addresses"] }): Int32Array {
  return Int32Array.from({ length: from.addresses.size }, (_, id) => to.addresses.idOf(from.addresses.text(id)) ?? -1);
}
