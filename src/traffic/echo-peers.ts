/** ICMP echo: a pinger that asks at a fixed interval, whatever becomes of the answers (ping), and the host that answers. */
import type { Simulation } from "../core/simulation.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { Side } from "./tcp-table.js";

export interface EchoProfile {
  readonly intervalNs: number;
  /** Until an answer counts as lost, ns. */
  readonly timeoutNs: number;
  /** Requests to send; Infinity for as long as the run lasts. */
  readonly count: number;
  /** ICMP payload, bytes. */
  readonly payloadBytes: number;
}

/** The world that carries echo requests and replies; what is taken arrives by `EchoPeers.deliver`, or is lost. */
export interface EchoNetwork {
  /** `sequence`: the ICMP sequence number, 16 bits. The identifier is the pinger's, fixed for its life. */
  send(pinger: number, fromSide: number, payloadBytes: number, sequence: number): void;
}

export interface EchoUser {
  /** A reply in time. */
  replied(pinger: number, roundTripNs: number): void;
  lost(pinger: number): void;
}

/** Requests of a pinger that can be outstanding: interval times this is longer than any sensible time-out. */
const OUTSTANDING_MAX = 256;
const SEQUENCE_MASK = 0xffff;
const NONE = -1;

interface Pinger {
  readonly profile: EchoProfile;
  readonly deadlines: DeadlineQueue;
  /** By sequence number modulo OUTSTANDING_MAX: when it was sent, NONE when nothing is outstanding there. */
  readonly sentAt: Float64Array;
  sent: number;
}

export class EchoPeers {
  readonly #simulation: Simulation;
  readonly #network: EchoNetwork;
  readonly #user: EchoUser;
  readonly #pingers: Pinger[] = [];
  readonly #tick: number;

  constructor(simulation: Simulation, network: EchoNetwork, user: EchoUser) {
    this.#simulation = simulation;
    this.#network = network;
    this.#user = user;
    this.#tick = simulation.on((pinger) => this.#ask(pinger));
  }

  /** A pinger that begins at `atNs`. Returns its number. */
  add(profile: EchoProfile, atNs: number): number {
    if (profile.timeoutNs >= OUTSTANDING_MAX * profile.intervalNs) {
      throw new RangeError(`echo: a time-out of ${profile.timeoutNs} ns leaves more than ${OUTSTANDING_MAX} requests outstanding`);
    }
    const pinger = this.#pingers.length;
    const deadlines = new DeadlineQueue(this.#simulation, profile.timeoutNs, (_, sequence) => this.#expire(pinger, sequence));
    this.#pingers.push({ profile, deadlines, sentAt: new Float64Array(OUTSTANDING_MAX).fill(NONE), sent: 0 });
    this.#simulation.at(atNs, this.#tick, pinger, 0);
    return pinger;
  }

  /** An echo request (to the server) or reply (to the client) arrives. */
  deliver(pinger: number, toSide: number, payloadBytes: number, sequence: number): void {
    if (toSide === Side.server) {
      this.#network.send(pinger, Side.server, payloadBytes, sequence);
      return;
    }
    const { sentAt } = this.#pingers[pinger]!;
    const at = sentAt[sequence % OUTSTANDING_MAX]!;
    if (at === NONE) return;
    sentAt[sequence % OUTSTANDING_MAX] = NONE;
    this.#user.replied(pinger, this.#simulation.now - at);
  }

  #ask(number: number): void {
    const pinger = this.#pingers[number]!;
    const { intervalNs, count, payloadBytes } = pinger.profile;
    const sequence = pinger.sent++ & SEQUENCE_MASK;
    pinger.sentAt[sequence % OUTSTANDING_MAX] = this.#simulation.now;
    pinger.deadlines.add(number, sequence);
    if (pinger.sent < count) this.#simulation.at(this.#simulation.now + intervalNs, this.#tick, number, 0);
    this.#network.send(number, Side.client, payloadBytes, sequence);
  }

  #expire(number: number, sequence: number): void {
    const { sentAt } = this.#pingers[number]!;
    if (sentAt[sequence % OUTSTANDING_MAX] === NONE) return;
    sentAt[sequence % OUTSTANDING_MAX] = NONE;
    this.#user.lost(number);
  }
}
