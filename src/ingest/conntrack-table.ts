/**
 * Conntrack entries as `cilium bpf ct list global` shows them (pkg/maps/ctmap/types.go, `CtEntry`), in columns: two million
 * of them take about 100 MB.
 */
import { ctStateOf } from "../cilium/maps/ct-flags.js";
import { tupleKindOf } from "../cilium/maps/tuple.js";
import type { Skipped } from "./skipped.js";
import { PROTOCOL, type TupleTable } from "./tuple-table.js";

export interface ConntrackTable extends TupleTable {
  /** When the entry runs out, in the unit of the datapath's clock (seconds since boot unless it counts jiffies). */
  readonly expires: Uint32Array;
  /** Bits as in `ct-flags.ts`. */
  readonly entryFlags: Uint16Array;
  readonly revNat: Uint16Array;
  /** Identity of the source; 0 when unknown. */
  readonly identity: Uint32Array;
  /** Number of a service entry's backend, else 0. */
  readonly backend: Uint32Array;
  /** Packets of both directions; 0 without accounting (the default from 1.16 on). */
  readonly packets: Float64Array;
  /** TCP flags seen from the far and from the near side. */
  readonly rxFlags: Uint8Array;
  readonly txFlags: Uint8Array;
  /** When an event last told of the connection, 0 when none did; clock as in `expires`. */
  readonly lastRx: Uint32Array;
  readonly lastTx: Uint32Array;
  /** The datapath's clock when the dump was taken; undefined when nothing tells. */
  readonly clock: DumpClock | undefined;
}

export interface DumpClock {
  readonly now: number;
  /** `remaining`: printed with every entry (`ct list -d`). `last-report`: not before the latest event, an estimate. */
  readonly source: "remaining" | "last-report";
}

/** What was read from one dump. */
export interface ConntrackDump {
  readonly table: ConntrackTable;
  readonly skipped: Skipped;
}

export const CT_DIRECTION = { out: "out", in: "in", related: "related", service: "service" } as const;
export type CtDirection = (typeof CT_DIRECTION)[keyof typeof CT_DIRECTION];

/** `syn-only`: nothing but SYNs passed. `closing`: closed by both sides, or reset. `stateless`: no TCP. */
export const CT_STATE = { synOnly: "syn-only", established: "established", closing: "closing", stateless: "stateless" } as const;
export type CtState = (typeof CT_STATE)[keyof typeof CT_STATE];

/** By `tupleKindOf`. */
const DIRECTIONS = [CT_DIRECTION.out, CT_DIRECTION.in, CT_DIRECTION.service, CT_DIRECTION.related] as const;
/** By `ctStateOf`. */
const STATES = [CT_STATE.synOnly, CT_STATE.established, CT_STATE.closing, CT_STATE.stateless] as const;

/** The kind of row `i`: service before related before the direction. */
export function directionOf(table: TupleTable, i: number): CtDirection {
  return DIRECTIONS[tupleKindOf(table.tupleFlags[i]!)]!;
}

export function stateOf(table: ConntrackTable, i: number): CtState {
  return STATES[ctStateOf(table.entryFlags[i]!, table.protocol[i] === PROTOCOL.tcp)]!;
}

/** Has run out by the dump's clock; false when the clock is unknown. */
export function isExpired(table: ConntrackTable, i: number): boolean {
  return table.clock !== undefined && table.expires[i]! < table.clock.now;
}
