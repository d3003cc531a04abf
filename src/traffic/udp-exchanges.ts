/**
 * Applications that ask by UDP: one datagram, one answer, a time-out and a few tries. Each exchange has a socket of its
 * own, so that its source port is new; UDP itself repeats nothing and hears of nothing.
 *
 * Also one-way traffic (no answer expected) and anything else that is a datagram and perhaps one back, once or several times
 * in a row (sctp.ts). DNS with its two questions from one socket is in resolver.ts.
 */
import type { Simulation } from "../core/simulation.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { Side } from "./tcp-table.js";

/** A question and its answer; an exchange has one, or several one after the other. */
export interface Leg {
  readonly requestBytes: number;
  /** 0: one way, no answer expected. */
  readonly answerBytes: number;
  /** How long the client waits for the answer to each try, ns. */
  readonly timeoutsNs: readonly number[];
  /** The server's protocol answers by itself; else its application is asked. */
  readonly immediate: boolean;
  /** What the server says at once, before its application answers; 0: nothing. */
  readonly acknowledgeBytes: number;
  /** What the client says when it has the answer; 0: nothing. */
  readonly thanksBytes: number;
}

/** How an application asks. */
export type ExchangeProfile = readonly Leg[];

/** One datagram and its answer: UDP, or an ICMP echo. `timeoutNs`: of each of the tries. */
export function datagramProfile(requestBytes: number, answerBytes: number, timeoutNs: number, tries: number): ExchangeProfile {
  const timeoutsNs = new Array<number>(tries).fill(timeoutNs);
  return [{ requestBytes, answerBytes, timeoutsNs, immediate: false, acknowledgeBytes: 0, thanksBytes: 0 }];
}

/** The world that carries datagrams. What is taken arrives by `UdpExchanges.deliver`, or is lost without a word. */
export interface DatagramNetwork {
  send(exchange: number, fromSide: number, payloadBytes: number, tag: number): void;
}

/** What uses the exchanges. */
export interface ExchangeUser {
  /** The server has got the question: answer with `answer(exchange, tag)`, now or later, or not at all. */
  asked(exchange: number, tag: number): void;
  /** The answer came, or for one-way traffic the datagram is off. Then the number is free again. */
  answered(exchange: number): void;
  /** No try was answered in time. Then the number is free again. */
  timedOut(exchange: number): void;
}

const INITIAL_CAPACITY = 256;
const SERIAL_MASK = 0x7fffffff;
/** Tag of a datagram that nobody answers. */
const NO_QUESTION = -1;

export class UdpExchanges {
  readonly #simulation: Simulation;
  readonly #network: DatagramNetwork;
  readonly #user: ExchangeUser;
  readonly #profiles: ExchangeProfile[] = [];
  /** By profile, one for each span that occurs in it. */
  readonly #deadlines: ReadonlyMap<number, DeadlineQueue>[] = [];
  /** Exchanges under way. */
  open = 0;
  #profile = new Int32Array(INITIAL_CAPACITY);
  /** Raised at every try and at the end: what carries another serial is late. */
  #serial = new Int32Array(INITIAL_CAPACITY);
  #triesLeft = new Int32Array(INITIAL_CAPACITY);
  #leg = new Uint8Array(INITIAL_CAPACITY);
  #startedAt = new Float64Array(INITIAL_CAPACITY);
  #free = Int32Array.from({ length: INITIAL_CAPACITY }, (_, i) => INITIAL_CAPACITY - 1 - i);

  constructor(simulation: Simulation, network: DatagramNetwork, user: ExchangeUser) {
    this.#simulation = simulation;
    this.#network = network;
    this.#user = user;
  }

  addProfile(profile: ExchangeProfile): number {
    const spans = new Set(profile.flatMap(({ timeoutsNs }) => timeoutsNs));
    const expire = (exchange: number, serial: number): void => this.#expire(exchange, serial);
    this.#deadlines.push(new Map([...spans].map((span) => [span, new DeadlineQueue(this.#simulation, span, expire)])));
    return this.#profiles.push(profile) - 1;
  }

  /** Numbers of exchanges are below this; it grows by doubling. */
  get capacity(): number {
    return this.#profile.length;
  }

  /** Makes an exchange; its first datagram goes out with `begin`. */
  allocate(profile: number): number {
    if (this.open === this.capacity) this.#grow();
    const exchange = this.#free[this.capacity - 1 - this.open++]!;
    this.#profile[exchange] = profile;
    this.#leg[exchange] = 0;
    this.#triesLeft[exchange] = this.#legOf(exchange).timeoutsNs.length;
    this.#startedAt[exchange] = this.#simulation.now;
    return exchange;
  }

  begin(exchange: number): void {
    this.#try(exchange);
  }

  /** The server's answer to the datagram with this tag. */
  answer(exchange: number, tag: number): void {
    this.#network.send(exchange, Side.server, this.#legOf(exchange).answerBytes, tag);
  }

  /** A datagram arrives. False when the client's socket is closed: then the host answers with ICMP port unreachable. */
  deliver(exchange: number, toSide: number, tag: number): boolean {
    if (toSide === Side.server) this.#ask(exchange, tag);
    else if (tag !== this.#serial[exchange]) return false;
    else this.#answered(exchange);
    return true;
  }

  #ask(exchange: number, tag: number): void {
    const { immediate, acknowledgeBytes } = this.#legOf(exchange);
    if (tag === NO_QUESTION) return;
    if (acknowledgeBytes > 0) this.#network.send(exchange, Side.server, acknowledgeBytes, NO_QUESTION);
    if (immediate) this.answer(exchange, tag);
    else this.#user.asked(exchange, tag);
  }

  #answered(exchange: number): void {
    const { thanksBytes } = this.#legOf(exchange);
    if (thanksBytes > 0) this.#network.send(exchange, Side.client, thanksBytes, NO_QUESTION);
    if (this.#leg[exchange]! + 1 < this.#profiles[this.#profile[exchange]!]!.length) {
      this.#leg[exchange]!++;
      this.#triesLeft[exchange] = this.#legOf(exchange).timeoutsNs.length;
      this.#try(exchange);
      return;
    }
    this.#end(exchange);
    this.#user.answered(exchange);
  }

  /** An ICMP error, or the failed call, says that nobody takes the datagram with this tag: the socket reports it, the application gives up. */
  refused(exchange: number, tag: number): void {
    if (tag !== this.#serial[exchange]) return;
    this.#end(exchange);
    this.#user.timedOut(exchange);
  }

  /** When the exchange was made, ns. */
  startedAt(exchange: number): number {
    return this.#startedAt[exchange]!;
  }

  /** Tries of the present leg that were not needed so far. */
  triesLeft(exchange: number): number {
    return this.#triesLeft[exchange]!;
  }

  #legOf(exchange: number): Leg {
    return this.#profiles[this.#profile[exchange]!]![this.#leg[exchange]!]!;
  }

  #try(exchange: number): void {
    const { requestBytes, answerBytes, timeoutsNs } = this.#legOf(exchange);
    const timeoutNs = timeoutsNs[timeoutsNs.length - this.#triesLeft[exchange]!]!;
    const serial = (this.#serial[exchange]! + 1) & SERIAL_MASK;
    this.#serial[exchange] = serial;
    this.#triesLeft[exchange]!--;
    if (answerBytes > 0) this.#deadlines[this.#profile[exchange]!]!.get(timeoutNs)!.add(exchange, serial);
    this.#network.send(exchange, Side.client, requestBytes, serial);
    if (answerBytes > 0) return;
    this.#end(exchange);
    this.#user.answered(exchange);
  }

  #expire(exchange: number, serial: number): void {
    if (serial !== this.#serial[exchange]) return;
    if (this.#triesLeft[exchange]! > 0) {
      this.#try(exchange);
      return;
    }
    this.#end(exchange);
    this.#user.timedOut(exchange);
  }

  #end(exchange: number): void {
    this.#serial[exchange] = (this.#serial[exchange]! + 1) & SERIAL_MASK;
    this.open--;
    this.#free[this.capacity - 1 - this.open] = exchange;
  }

  #grow(): void {
    const before = this.capacity;
    const widen = <Column extends Int32Array | Float64Array>(from: Column, to: Column): Column => {
      to.set(from);
      return to;
    };
    this.#profile = widen(this.#profile, new Int32Array(2 * before));
    this.#serial = widen(this.#serial, new Int32Array(2 * before));
    this.#triesLeft = widen(this.#triesLeft, new Int32Array(2 * before));
    const legs = new Uint8Array(2 * before);
    legs.set(this.#leg);
    this.#leg = legs;
    this.#startedAt = widen(this.#startedAt, new Float64Array(2 * before));
    // All old numbers are in use; the new ones wait at the places that `allocate` takes from next.
    this.#free = Int32Array.from({ length: 2 * before }, (_, i) => (2 * before - 1 - i));
  }
}
