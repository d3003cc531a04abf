/**
 * Applications that ask by UDP: one datagram, one answer, a time-out and a few tries. Each exchange has a socket of its
 * own, so that its source port is new; UDP itself repeats nothing and hears of nothing.
 *
 * Also one-way traffic (no answer expected) and anything else that is a datagram and perhaps one back. DNS with its two
 * questions from one socket is in resolver.ts.
 */
import type { Simulation } from "../core/simulation.js";
import { Side } from "./tcp-table.js";
import { DeadlineQueue } from "./deadline-queue.js";

/** How an application asks. */
export interface ExchangeProfile {
  readonly requestBytes: number;
  /** 0: one way, no answer expected. */
  readonly answerBytes: number;
  /** How long an application waits for the answer to one try, ns. */
  readonly timeoutNs: number;
  readonly tries: number;
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

export class UdpExchanges {
  readonly #simulation: Simulation;
  readonly #network: DatagramNetwork;
  readonly #user: ExchangeUser;
  readonly #profiles: ExchangeProfile[] = [];
  readonly #deadlines: DeadlineQueue[] = [];
  /** Exchanges under way. */
  open = 0;
  #profile = new Int32Array(INITIAL_CAPACITY);
  /** Raised at every try and at the end: what carries another serial is late. */
  #serial = new Int32Array(INITIAL_CAPACITY);
  #triesLeft = new Int32Array(INITIAL_CAPACITY);
  #startedAt = new Float64Array(INITIAL_CAPACITY);
  #free = Int32Array.from({ length: INITIAL_CAPACITY }, (_, i) => INITIAL_CAPACITY - 1 - i);

  constructor(simulation: Simulation, network: DatagramNetwork, user: ExchangeUser) {
    this.#simulation = simulation;
    this.#network = network;
    this.#user = user;
  }

  addProfile(profile: ExchangeProfile): number {
    this.#deadlines.push(new DeadlineQueue(this.#simulation, profile.timeoutNs, (exchange, serial) => this.#expire(exchange, serial)));
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
    this.#triesLeft[exchange] = this.#profiles[profile]!.tries;
    this.#startedAt[exchange] = this.#simulation.now;
    return exchange;
  }

  begin(exchange: number): void {
    this.#try(exchange);
  }

  /** The server's answer to the datagram with this tag. */
  answer(exchange: number, tag: number): void {
    const { answerBytes } = this.#profiles[this.#profile[exchange]!]!;
    this.#network.send(exchange, Side.server, answerBytes, tag);
  }

  /** A datagram arrives. False when the client's socket is closed: then the host answers with ICMP port unreachable. */
  deliver(exchange: number, toSide: number, tag: number): boolean {
    if (toSide === Side.server) {
      this.#user.asked(exchange, tag);
      return true;
    }
    if (tag !== this.#serial[exchange]) return false;
    this.#end(exchange);
    this.#user.answered(exchange);
    return true;
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

  /** Tries that were not needed so far. */
  triesLeft(exchange: number): number {
    return this.#triesLeft[exchange]!;
  }

  #try(exchange: number): void {
    const profile = this.#profile[exchange]!;
    const { requestBytes, answerBytes } = this.#profiles[profile]!;
    const serial = (this.#serial[exchange]! + 1) & SERIAL_MASK;
    this.#serial[exchange] = serial;
    this.#triesLeft[exchange]!--;
    if (answerBytes > 0) this.#deadlines[profile]!.add(exchange, serial);
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
    this.#startedAt = widen(this.#startedAt, new Float64Array(2 * before));
    // All old numbers are in use; the new ones wait at the places that `allocate` takes from next.
    this.#free = Int32Array.from({ length: 2 * before }, (_, i) => (2 * before - 1 - i));
  }
}
