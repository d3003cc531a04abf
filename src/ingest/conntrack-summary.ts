/** What a conntrack dump is made of: entries by class, and who holds most of them. */
import { TUPLE_F_RELATED } from "../cilium/maps/tuple.js";
import { CT_DIRECTION, CT_STATE, directionOf, isExpired, stateOf, type ConntrackTable, type CtDirection, type CtState, type DumpClock } from "./conntrack-table.js";
import { CounterTable, largest } from "./counter-table.js";
import { PROTOCOL, protocolName } from "./tuple-table.js";

/** A map that entries belong to (pkg/maps/ctmap: TCP and others, by family). */
export type CtMapName = "ct4_global" | "ct_any4_global" | "ct6_global" | "ct_any6_global";

export interface ConntrackClass {
  readonly map: CtMapName;
  readonly protocol: string;
  readonly direction: CtDirection;
  readonly state: CtState;
  readonly entries: number;
  /** Those past their time; 0 when the clock is unknown. */
  readonly expired: number;
}

export interface AddressCount {
  readonly address: string;
  readonly entries: number;
}

export interface PortCount {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly entries: number;
}

export interface ServiceCount extends PortCount {
  /** Entries by number of the backend they hold to, most first; empty when the dump names none. */
  readonly backends: readonly { readonly backend: number; readonly entries: number }[];
}

/** How long connections have been silent: clock less the last report of an event, over entries that have one and have not expired. */
export interface IdleTimes {
  readonly median: number;
  readonly p99: number;
  /** In a map that evicts, far less than its lifetimes. */
  readonly longest: number;
}

export interface MapEntries {
  readonly map: CtMapName;
  readonly entries: number;
  /** Those past their time; 0 when the clock is unknown. */
  readonly expired: number;
  /** In the clock's unit; undefined when no entry tells. */
  readonly idle: IdleTimes | undefined;
}

export interface ConntrackSummary {
  readonly entries: number;
  readonly clock: DumpClock | undefined;
  readonly maps: readonly MapEntries[];
  /** Largest first. */
  readonly classes: readonly ConntrackClass[];
  /** Sources of outgoing and incoming entries with most of them. */
  readonly clients: readonly AddressCount[];
  /** Frontends of service entries with most of them. */
  readonly services: readonly ServiceCount[];
  /** Destinations of outgoing and incoming entries with most of them. */
  readonly destinations: readonly PortCount[];
}

/** Rows of the lists of the largest. */
const LISTED = 10;

export function summarizeConntrack(table: ConntrackTable, listed = LISTED): ConntrackSummary {
  const classes = new ClassCounts();
  const clients = new CounterTable(1);
  const services = new CounterTable(2);
  const backends = new CounterTable(3);
  const destinations = new CounterTable(2);
  for (let i = 0; i < table.size; i++) {
    const direction = directionOf(table, i);
    classes.add(table, i, direction);
    const port = (table.protocol[i]! << 16) | table.destinationPort[i]!;
    if (direction === CT_DIRECTION.service) {
      services.add(table.destination[i]!, port);
      if (table.backend[i] !== 0) backends.add(table.destination[i]!, port, table.backend[i]!);
    }
    if (direction !== CT_DIRECTION.in && direction !== CT_DIRECTION.out) continue;
    clients.add(table.source[i]!);
    destinations.add(table.destination[i]!, port);
  }
  const portCount = (key: readonly number[], entries: number): PortCount => {
    const [address, port] = key as [number, number];
    return { protocol: protocolName(port >> 16), address: table.addresses.text(address), port: port & 0xffff, entries };
  };
  const found = classes.all();
  return {
    entries: table.size,
    clock: table.clock,
    maps: mapTotals(found, table),
    classes: found,
    clients: largest(clients, listed).map(({ key: [address], count }) => ({ address: table.addresses.text(address!), entries: count })),
    services: largest(services, listed).map(({ key, count }) => ({ ...portCount(key, count), backends: backendsOf(backends, key) })),
    destinations: largest(destinations, listed).map(({ key, count }) => portCount(key, count)),
  };
}

/** In the agent's order. */
const MAP_ORDER: readonly CtMapName[] = ["ct4_global", "ct_any4_global", "ct6_global", "ct_any6_global"];
const DIRECTIONS = Object.values(CT_DIRECTION);
const STATES = Object.values(CT_STATE);
const PROTOCOLS = 256;

/** Counts by map, direction, state and protocol, each class a place in an array. */
class ClassCounts {
  readonly #entries = new Int32Array(MAP_ORDER.length * DIRECTIONS.length * STATES.length * PROTOCOLS);
  readonly #expired = new Int32Array(this.#entries.length);

  add(table: ConntrackTable, i: number, direction: CtDirection): void {
    const kind = (mapOf(table, i) * DIRECTIONS.length + DIRECTIONS.indexOf(direction)) * STATES.length + STATES.indexOf(stateOf(table, i));
    const place = kind * PROTOCOLS + table.protocol[i]!;
    this.#entries[place]!++;
    if (isExpired(table, i)) this.#expired[place]!++;
  }

  /** Largest first. */
  all(): readonly ConntrackClass[] {
    const classes: ConntrackClass[] = [];
    this.#entries.forEach((entries, place) => {
      if (entries === 0) return;
      const kind = Math.floor(place / PROTOCOLS);
      classes.push({
        map: MAP_ORDER[Math.floor(kind / STATES.length / DIRECTIONS.length)]!,
        protocol: protocolName(place % PROTOCOLS),
        direction: DIRECTIONS[Math.floor(kind / STATES.length) % DIRECTIONS.length]!,
        state: STATES[kind % STATES.length]!,
        entries,
        expired: this.#expired[place]!,
      });
    });
    return classes.sort((a, b) => b.entries - a.entries);
  }
}

/** Place of an entry's map in `MAP_ORDER`; related entries are never in TCP's. */
function mapOf(table: ConntrackTable, i: number): number {
  const isTcp = table.protocol[i] === PROTOCOL.tcp && (table.tupleFlags[i]! & TUPLE_F_RELATED) === 0;
  return (table.addresses.isIPv6(table.destination[i]!) ? 2 : 0) + (isTcp ? 0 : 1);
}

function backendsOf(counts: CounterTable, [address, port]: readonly number[]): ServiceCount["backends"] {
  const own: { backend: number; entries: number }[] = [];
  counts.forEach((key, entries) => {
    if (key[0] === address && key[1] === port) own.push({ backend: key[2]! >>> 0, entries });
  });
  return own.sort((a, b) => b.entries - a.entries || a.backend - b.backend);
}

function mapTotals(classes: readonly ConntrackClass[], table: ConntrackTable): readonly MapEntries[] {
  return MAP_ORDER.flatMap((map, place) => {
    const own = classes.filter((each) => each.map === map);
    const sum = (of: (each: ConntrackClass) => number): number => own.reduce((total, each) => total + of(each), 0);
    return own.length === 0 ? [] : [{ map, entries: sum((each) => each.entries), expired: sum((each) => each.expired), idle: idleTimes(table, place) }];
  });
}

function idleTimes(table: ConntrackTable, place: number): IdleTimes | undefined {
  const { clock, lastRx, lastTx } = table;
  if (clock === undefined) return undefined;
  const times = new Float64Array(table.size);
  let count = 0;
  for (let i = 0; i < table.size; i++) {
    const last = Math.max(lastRx[i]!, lastTx[i]!);
    if (last !== 0 && mapOf(table, i) === place && !isExpired(table, i)) times[count++] = Math.max(0, clock.now - last);
  }
  if (count === 0) return undefined;
  const sorted = times.subarray(0, count).sort();
  const quantile = (share: number): number => sorted[Math.min(count - 1, Math.floor(share * count))]!;
  return { median: quantile(0.5), p99: quantile(0.99), longest: sorted[count - 1]! };
}
