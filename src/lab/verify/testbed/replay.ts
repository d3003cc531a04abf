/**
 * A recorded load's packets, once, and what an LRU map makes of them, many times: the search for a CPU history
 * (history-search.ts) runs hundreds of copies of the map side by side.
 *
 * An LRU map never refuses, so what connections send depends on the map in one case only: with policy `drop` a connection
 * whose entry is gone sends in vain from then on, and touches the map no more. One run without evictions therefore gives
 * every packet of every other run.
 */
import { CommonLru } from "../../../bpf/lru-common.js";
import { IN_USE, REFERENCED, type VictimTable } from "../../../bpf/lru-list.js";
import { NS_PER_MS, NS_PER_US } from "../../../core/units.js";
import { TcpFlag } from "../../../traffic/tcp-peers.js";
import { hostOf } from "./classifier.js";
import type { OfferedLoad } from "./load.js";
import { EventCode, type RecordedEvents } from "./recording.js";
import { simulateExperiment, type ExperimentSettings } from "./simulate.js";

/** Packets of one connection that follow each other within this time are one exchange: round trips take 40 µs. */
const EXCHANGE_NS = NS_PER_MS;
/** A recorded packet belongs to the exchange of its connection that is nearest, and nearer than this. */
const SAME_EXCHANGE_NS = 200 * NS_PER_MS;
/** What an exchange holds. */
const Part = { syn: 1, clientFin: 2, serverFin: 4, answer: 8 } as const;
const CLOSED = Part.clientFin | Part.serverFin;
/** The parts that an exchange's first packet holds are repeated this many bits higher up. */
const FIRST_SHIFT = 4;
const U16_MAX = 0xffff;
/** State of a node that a program has looked up. */
const MARKED = IN_USE | REFERENCED;

/** Exchanges (a handshake with the first request, a request, a close) in order of time, and the GC passes. */
export interface PacketLog {
  readonly atNs: Float64Array;
  /** When the packet that decides the entry's lifetime passed: the closing one, or else the last; ms. */
  readonly lastMs: Int32Array;
  readonly parts: Uint8Array;
  /** A number that no other connection has between this one's first and last exchange. */
  readonly seat: Int32Array;
  readonly seats: number;
  /** The same connection's next exchange, or 0; always 0 in a log without recorded events. */
  readonly next: Int32Array;
  /** 1 where the recording found no entry. */
  readonly wasAbsent: Uint8Array;
  readonly gcNs: readonly number[];
}

/** `events` are what tells which entries the recorded map had lost; without them only occupancy judges a replay. */
export function packetLog(settings: ExperimentSettings, offered: OfferedLoad, bootedNs: number, events?: RecordedEvents): PacketLog {
  const exchanges: { atNs: number; lastMs: number; parts: number; connection: number }[] = [];
  const unbounded = { ...settings.classifier, mapType: "hash", maxEntries: 2 * offered.startUs.length, nonSynMode: "recreate" } as const;
  simulateExperiment({ ...settings, classifier: unbounded, gcStartUs: [] }, offered, {
    bootedNs,
    cpuOf: () => 0,
    onPacket: (connection, fromClient, tcpFlags, now) => {
      let exchange = exchanges.at(-1);
      if (exchange?.connection !== connection || now - exchange.atNs > EXCHANGE_NS) {
        exchange = { atNs: now, lastMs: 0, parts: partOf(fromClient, tcpFlags) << FIRST_SHIFT, connection };
        exchanges.push(exchange);
      } else {
        exchange.parts |= Part.answer;
      }
      if ((exchange.parts & CLOSED) !== CLOSED) exchange.lastMs = Math.floor(now / NS_PER_MS);
      exchange.parts |= partOf(fromClient, tcpFlags);
    },
  });
  const { seat, seats } = seatsOf(exchanges.map(({ connection }) => connection), offered.startUs.length);
  return {
    atNs: Float64Array.from(exchanges, ({ atNs }) => atNs),
    lastMs: Int32Array.from(exchanges, ({ lastMs }) => lastMs),
    parts: Uint8Array.from(exchanges, ({ parts }) => parts),
    seat,
    seats,
    ...evidenceOf(exchanges, offered.startUs.length, settings.classifier.nonSynMode, events),
    gcNs: settings.gcStartUs.map((us) => us * NS_PER_US),
  };
}

/** For each exchange the same connection's next one, and whether the recording found no entry then. */
function evidenceOf(
  exchanges: readonly { readonly atNs: number; readonly connection: number }[],
  connections: number,
  nonSynMode: "recreate" | "drop",
  events: RecordedEvents | undefined,
): Pick<PacketLog, "next" | "wasAbsent"> {
  const next = new Int32Array(exchanges.length);
  const wasAbsent = new Uint8Array(exchanges.length);
  if (events === undefined) return { next, wasAbsent };
  const parts: number[][] = Array.from({ length: connections }, () => []);
  const firsts: number[][] = Array.from({ length: connections }, () => []);
  exchanges.forEach(({ connection, atNs }, index) => {
    const earlier = parts[connection]!;
    // Packets of another connection may have come in between.
    if (earlier.length === 0 || atNs - exchanges[earlier.at(-1)!]!.atNs > EXCHANGE_NS) {
      for (let i = earlier.length - 1; i >= 0 && next[earlier[i]!] === 0; i--) next[earlier[i]!] = index;
      firsts[connection]!.push(index);
    }
    earlier.push(index);
  });
  const isDropping = nonSynMode === "drop";
  events.code.forEach((code, i) => {
    if (code !== EventCode.recreated && code !== EventCode.dropped) return;
    const atNs = events.atUs[i]! * NS_PER_US;
    const away = (index: number): number => Math.abs(exchanges[index]!.atNs - atNs);
    const later = firsts[events.connection[i]!]!.slice(1);
    const nearest = later.reduce((best, index) => (away(index) < away(best) ? index : best), later[0] ?? -1);
    if (nearest === -1 || away(nearest) > SAME_EXCHANGE_NS) return;
    wasAbsent[nearest] = 1;
    if (isDropping) for (const index of later) if (index > nearest) wasAbsent[index] = 1;
  });
  return { next, wasAbsent };
}

/** Moments of the exchanges that make an entry: SYNs, and what the recording found no entry for. */
export function insertsOf({ atNs, parts, wasAbsent }: PacketLog, nonSynMode: "recreate" | "drop"): number[] {
  const inserts: number[] = [];
  atNs.forEach((ns, i) => {
    if ((parts[i]! & Part.syn) !== 0 || (nonSynMode === "recreate" && wasAbsent[i] === 1)) inserts.push(ns);
  });
  return inserts;
}

function partOf(fromClient: boolean, tcpFlags: number): number {
  if ((tcpFlags & (TcpFlag.fin | TcpFlag.rst)) !== 0) return fromClient ? Part.clientFin : Part.serverFin;
  return (tcpFlags & TcpFlag.syn) !== 0 && (tcpFlags & TcpFlag.ack) === 0 ? Part.syn : 0;
}

/** Seats are handed on after a connection's last exchange, so that copies of a map have few of them to copy. */
function seatsOf(connections: readonly number[], count: number): { seat: Int32Array; seats: number } {
  const last = new Int32Array(count);
  connections.forEach((connection, index) => (last[connection] = index));
  const seatOf = new Int32Array(count).fill(-1);
  const vacant: number[] = [];
  let seats = 0;
  const seat = Int32Array.from(connections, (connection, index) => {
    if (seatOf[connection] === -1) seatOf[connection] = vacant.pop() ?? seats++;
    if (last[connection] === index) vacant.push(seatOf[connection]!);
    return seatOf[connection]!;
  });
  return { seat, seats };
}

/** A column for numbers up to `largest`, as short as can be: it is copied often. */
function numbers(length: number, largest: number): Uint16Array | Int32Array {
  return largest <= U16_MAX ? new Uint16Array(length) : new Int32Array(length);
}

/** The experiment's LRU map under a log of packets, with the classifier's rules reduced to what occupancy depends on. */
export class ReplayedMap implements VictimTable {
  /** Entries in the map. */
  count = 0;
  /** Entries evicted so far. */
  evicted = 0;
  /** Entries evicted that the recording still found, and entries found that it had lost. */
  wrong = 0;
  readonly #log: PacketLog;
  readonly #settings: ExperimentSettings["classifier"];
  readonly #lru: CommonLru;
  /** Node of each seat's entry, or 0. */
  readonly #nodeOf: Uint16Array | Int32Array;
  /** Per node: the exchange that its lifetime counts from, which sides have closed. */
  readonly #last: Int32Array;
  readonly #closing: Uint8Array;
  #next = 0;
  #nextGc = 0;

  constructor(log: PacketLog, settings: ExperimentSettings["classifier"]) {
    this.#log = log;
    this.#settings = settings;
    this.#lru = new CommonLru(settings.maxEntries, hostOf(settings), this);
    this.#nodeOf = numbers(log.seats, settings.maxEntries);
    this.#last = new Int32Array(settings.maxEntries + 1);
    this.#closing = new Uint8Array(settings.maxEntries + 1);
  }

  /** Becomes like another replay of the same log. */
  assign(from: ReplayedMap): void {
    this.count = from.count;
    this.evicted = from.evicted;
    this.#lru.assign(from.#lru);
    this.#nodeOf.set(from.#nodeOf);
    this.#last.set(from.#last);
    this.wrong = from.wrong;
    this.#closing.set(from.#closing);
    this.#next = from.#next;
    this.#nextGc = from.#nextGc;
  }

  /** Free nodes on a CPU's own list. */
  freeOn(cpu: number): number {
    return this.#lru.freeOn(cpu);
  }

  /** Everything before the moment `untilNs`, with new entries made on `cpu`. */
  advance(untilNs: number, cpu: number): void {
    const { gcNs } = this.#log;
    while (this.#nextGc < gcNs.length && gcNs[this.#nextGc]! < untilNs) {
      const gcAt = gcNs[this.#nextGc++]!;
      this.#exchanges(gcAt, cpu);
      this.#collect(Math.floor(gcAt / NS_PER_MS));
    }
    this.#exchanges(untilNs, cpu);
  }

  evict(node: number): boolean {
    this.count--;
    this.evicted++;
    const next = this.#log.next[this.#last[node]!]!;
    if (next !== 0 && this.#log.wasAbsent[next] === 0) this.wrong++;
    this.#leave(node);
    return true;
  }

  foresee(): void {}

  #exchanges(untilNs: number, cpu: number): void {
    const { atNs } = this.#log;
    let next = this.#next;
    while (next < atNs.length && atNs[next]! < untilNs) this.#exchange(next++, cpu);
    this.#next = next;
  }

  #exchange(index: number, cpu: number): void {
    const { parts, seat } = this.#log;
    const part = parts[index]!;
    const isNew = (part & Part.syn) !== 0;
    let closing = part & CLOSED;
    let node = isNew ? 0 : this.#nodeOf[seat[index]!]!;
    if (node !== 0) {
      this.#lru.nodes.state[node] = MARKED;
      if (this.#log.wasAbsent[index] === 1) this.wrong++;
    } else {
      if (!isNew && this.#settings.nonSynMode === "drop") return;
      node = this.#enter(seat[index]!, cpu);
      // The packet that makes an entry is not asked whether it closes.
      closing &= ~(part >> FIRST_SHIFT);
      if ((part & Part.answer) !== 0) this.#lru.nodes.state[node] = MARKED;
    }
    if (this.#closing[node] === CLOSED) return;
    this.#closing[node]! |= closing;
    this.#last[node] = index;
  }

  #enter(seat: number, cpu: number): number {
    const node = this.#lru.take(cpu);
    this.count++;
    this.#nodeOf[seat] = node;
    this.#closing[node] = 0;
    return node;
  }

  /** A seat that has been handed on has another node by now. */
  #leave(node: number): void {
    const seat = this.#log.seat[this.#last[node]!]!;
    if (this.#nodeOf[seat] === node) this.#nodeOf[seat] = 0;
  }

  #collect(nowMs: number): void {
    const { state } = this.#lru.nodes;
    const { closeTimeoutMs, estTimeoutMs } = this.#settings;
    const { lastMs } = this.#log;
    for (let node = 1; node <= this.#settings.maxEntries; node++) {
      if (state[node] === 0) continue;
      const timeout = this.#closing[node] === CLOSED ? closeTimeoutMs : estTimeoutMs;
      if (lastMs[this.#last[node]!]! + timeout >= nowMs) continue;
      this.count--;
      this.#leave(node);
      this.#lru.giveBack(node);
    }
  }
}
