/** What a conntrack dump is made of: entries by class, and who holds most of them. */
import { CT_DIRECTION, CT_STATE, directionOf, isExpired, stateOf, type ConntrackTable, type CtDirection, type CtState, type DumpClock } from "./conntrack-table.js";
import { CounterTable, largest } from "./counter-table.js";
import { PROTOCOL, protocolName, TUPLE_RELATED } from "./tuple-table.js";

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

export interface ConntrackSummary {
  readonly entries: number;
  readonly clock: DumpClock | undefined;
  /** Entries of each map, and those of them past their time. */
  readonly maps: readonly { readonly map: CtMapName; readonly entries: number; readonly expired: number }[];
  /** Largest first. */
  readonly classes: readonly ConntrackClass[];
  /** Sources of outgoing and incoming entries with most of them. */
  readonly clients: readonly AddressCount[];
  /** Frontends of service entries with most of them. */
  readonly services: readonly PortCount[];
  /** Destinations of outgoing and incoming entries with most of them. */
  readonly destinations: readonly PortCount[];
}

/** Rows of the lists of the largest. */
const LISTED = 10;

export function summarizeConntrack(table: ConntrackTable, listed = LISTED): ConntrackSummary {
  const classes = new ClassCounts();
  const clients = new CounterTable(1);
  const services = new CounterTable(2);
  const destinations = new CounterTable(2);
  for (let i = 0; i < table.size; i++) {
    const direction = directionOf(table, i);
    classes.add(table, i, direction);
    const port = (table.protocol[i]! << 16) | table.destinationPort[i]!;
    if (direction === CT_DIRECTION.service) services.add(table.destination[i]!, port);
    if (direction !== CT_DIRECTION.in && direction !== CT_DIRECTION.out) continue;
    clients.add(table.source[i]!);
    destinations.add(table.destination[i]!, port);
  }
  const ports = (counter: CounterTable): readonly PortCount[] =>
    largest(counter, listed).map(({ key: [address, port], count }) => ({
      protocol: protocolName(port! >> 16),
      address: table.addresses.text(address!),
      port: port! & 0xffff,
      entries: count,
    }));
  const found = classes.all();
  return {
    entries: table.size,
    clock: table.clock,
    maps: mapTotals(found),
    classes: found,
    clients: largest(clients, listed).map(({ key: [address], count }) => ({ address: table.addresses.text(address!), entries: count })),
    services: ports(services),
    destinations: ports(destinations),
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
  const isTcp = table.protocol[i] === PROTOCOL.tcp && (table.tupleFlags[i]! & TUPLE_RELATED) === 0;
  return (table.addresses.isIPv6(table.destination[i]!) ? 2 : 0) + (isTcp ? 0 : 1);
}

function mapTotals(classes: readonly ConntrackClass[]): ConntrackSummary["maps"] {
  return MAP_ORDER.flatMap((map) => {
    const own = classes.filter((each) => each.map === map);
    const sum = (of: (each: ConntrackClass) => number): number => own.reduce((total, each) => total + of(each), 0);
    return own.length === 0 ? [] : [{ map, entries: sum((each) => each.entries), expired: sum((each) => each.expired) }];
  });
}
