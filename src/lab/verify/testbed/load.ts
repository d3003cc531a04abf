/**
 * The recorded load generator and echo server: an open loop that replays arrival times, holds and leaks.
 *
 * Each connection sends one request at once and then one per interval until its hold is over; the server echoes it and
 * closes when the client does. Rules: the recording's README ("Load generator").
 */
import type { Simulation } from "../../../core/simulation.js";
import { NS_PER_MS, NS_PER_S, NS_PER_US } from "../../../core/units.js";
import { Side, type Application, type TcpPeers } from "../../../traffic/tcp-peers.js";

/** The offered load, one element per connection. */
export interface OfferedLoad {
  /** In rising order. */
  readonly startUs: readonly number[];
  /** How late the generator was with each start: its process was woken late, or busy. */
  readonly lagUs: readonly number[];
  readonly holdMs: readonly number[];
  readonly leak: readonly number[];
}

export interface LoadSettings {
  readonly requestIntervalS: number;
  readonly connectTimeoutS: number;
  readonly ioTimeoutS: number;
}

/** What became of a connection; numbers as in the recording's `outcome_codes`. */
export const Outcome = {
  closed: 0,
  connectTimeout: 1,
  connectError: 2,
  reset: 3,
  ioTimeout: 4,
  leaked: 5,
  censored: 6,
  connectCensored: 7,
  notStarted: 255,
} as const;

const REQUEST_BYTES = 32;
const NEVER = -1;

export class Load implements Application {
  /** Per connection: outcome, latency of connect() in ns or -1, SYN retransmissions, requests and responses. */
  readonly outcome: Uint8Array;
  readonly connectNs: Float64Array;
  readonly synRetransmissions: Int32Array;
  readonly requests: Int32Array;
  readonly responses: Int32Array;
  /** Error with which the kernel ended a connection, 0 when it did not, and when that was, ns. */
  readonly errno: Int32Array;
  readonly failedAt: Float64Array;
  readonly #simulation: Simulation;
  readonly #load: OfferedLoad;
  readonly #settings: LoadSettings;
  readonly #establishedAt: Float64Array;
  /** When the unanswered request was sent, or -1. */
  readonly #requestAt: Float64Array;
  /** Socket of each connection, and connection of each socket. */
  readonly #socket: Int32Array;
  readonly #owner: number[] = [];
  /** How late the generator's process is when nothing holds it up, ns. */
  readonly #wakeUpNs: number;
  /** Until when the generator is known to have been held up, by the last start that was due. */
  readonly #heldUpUntil: Float64Array;
  readonly #kinds: Readonly<Record<"start" | "connectTimeout" | "tick" | "endOfHold" | "ioTimeout", number>>;
  #peers: TcpPeers | undefined;

  constructor(simulation: Simulation, load: OfferedLoad, settings: LoadSettings) {
    const count = load.startUs.length;
    this.#simulation = simulation;
    this.#load = load;
    this.#settings = settings;
    this.outcome = new Uint8Array(count).fill(Outcome.notStarted);
    this.connectNs = new Float64Array(count).fill(NEVER);
    this.synRetransmissions = new Int32Array(count);
    this.requests = new Int32Array(count);
    this.responses = new Int32Array(count);
    this.errno = new Int32Array(count);
    this.failedAt = new Float64Array(count).fill(NEVER);
    this.#establishedAt = new Float64Array(count).fill(NEVER);
    this.#requestAt = new Float64Array(count).fill(NEVER);
    this.#socket = new Int32Array(count).fill(NEVER);
    const lags = load.lagUs.toSorted((a, b) => a - b);
    this.#wakeUpNs = (lags[lags.length >> 1] ?? 0) * NS_PER_US;
    let heldUpUntil = 0;
    this.#heldUpUntil = Float64Array.from(load.startUs, (us, i) => (heldUpUntil = Math.max(heldUpUntil, (us + load.lagUs[i]!) * NS_PER_US)));
    this.#kinds = {
      start: simulation.on((i) => this.#start(i)),
      connectTimeout: simulation.on((i) => this.#connectTimedOut(i)),
      tick: simulation.on((i) => this.#tick(i)),
      endOfHold: simulation.on((i) => this.#endOfHold(i)),
      ioTimeout: simulation.on((i, request) => this.#ioTimedOut(i, request)),
    };
  }

  /** Schedules every connection on these sockets: client host 0, server host 1. */
  begin(peers: TcpPeers): void {
    this.#peers = peers;
    const { startUs, lagUs } = this.#load;
    for (let i = 0; i < startUs.length; i++) this.#simulation.at((startUs[i]! + lagUs[i]!) * NS_PER_US, this.#kinds.start, i, 0);
  }

  /** The connection that a socket belongs to. */
  ownerOf(socket: number): number {
    return this.#owner[socket]!;
  }

  established(socket: number, side: number): void {
    if (side !== Side.client) return;
    const i = this.ownerOf(socket);
    const { now } = this.#simulation;
    this.connectNs[i] = now - this.#sockets.openedAt(socket);
    this.synRetransmissions[i] = this.#sockets.retransmissions(socket, Side.client);
    this.outcome[i] = Outcome.censored;
    this.#establishedAt[i] = now;
    this.#simulation.at(this.#wokenAt(this.#holdEnd(i)), this.#kinds.endOfHold, i, 0);
    this.#tick(i);
  }

  received(socket: number, side: number, bytes: number): void {
    if (side === Side.server) {
      this.#sockets.write(socket, Side.server, bytes);
      return;
    }
    const i = this.ownerOf(socket);
    this.#requestAt[i] = NEVER;
    this.responses[i]!++;
    if (this.#simulation.now >= this.#holdEnd(i)) this.#finish(i);
  }

  peerClosed(socket: number, side: number): void {
    this.#sockets.close(socket, side);
  }

  closed(): void {}

  failed(socket: number, side: number, errno: number): void {
    if (side !== Side.client) return;
    const i = this.ownerOf(socket);
    this.errno[i] = errno;
    this.failedAt[i] = this.#simulation.now;
    if (this.connectNs[i]! < 0) {
      this.outcome[i] = Outcome.connectError;
      this.synRetransmissions[i] = this.#sockets.retransmissions(socket, Side.client);
    } else if (this.outcome[i] === Outcome.censored) {
      this.outcome[i] = Outcome.reset;
    }
    this.#socket[i] = NEVER;
  }

  released(socket: number): void {
    this.#socket[this.ownerOf(socket)] = NEVER;
  }

  get #sockets(): TcpPeers {
    return this.#peers!;
  }

  #holdEnd(i: number): number {
    return this.#establishedAt[i]! + Math.round(this.#load.holdMs[i]! * NS_PER_MS);
  }

  #start(i: number): void {
    const socket = this.#sockets.allocate(0, 1);
    this.#owner[socket] = i;
    this.#socket[i] = socket;
    this.outcome[i] = Outcome.connectCensored;
    const giveUpAt = this.#simulation.now + this.#settings.connectTimeoutS * NS_PER_S;
    this.#simulation.at(this.#wokenAt(giveUpAt), this.#kinds.connectTimeout, i, 0);
    this.#sockets.connect(socket);
  }

  #connectTimedOut(i: number): void {
    if (this.outcome[i] !== Outcome.connectCensored) return;
    this.outcome[i] = Outcome.connectTimeout;
    this.synRetransmissions[i] = this.#sockets.retransmissions(this.#socket[i]!, Side.client);
    this.#sockets.close(this.#socket[i]!, Side.client);
  }

  /** One request, unless one is outstanding; then the next tick while the hold lasts. */
  #tick(i: number): void {
    if (this.outcome[i] !== Outcome.censored) return;
    const { now } = this.#simulation;
    if (this.#requestAt[i]! < 0) {
      this.#requestAt[i] = now;
      this.requests[i]!++;
      this.#simulation.at(this.#wokenAt(now + this.#settings.ioTimeoutS * NS_PER_S), this.#kinds.ioTimeout, i, this.requests[i]!);
      this.#sockets.write(this.#socket[i]!, Side.client, REQUEST_BYTES);
    }
    const next = now + Math.round(this.#settings.requestIntervalS * NS_PER_S);
    if (next < this.#holdEnd(i)) this.#simulation.at(this.#wokenAt(next), this.#kinds.tick, i, 0);
  }

  #endOfHold(i: number): void {
    if (this.outcome[i] === Outcome.censored && this.#requestAt[i]! < 0) this.#finish(i);
  }

  #finish(i: number): void {
    if (this.#load.leak[i] === 1) {
      this.outcome[i] = Outcome.leaked;
      return;
    }
    this.outcome[i] = Outcome.closed;
    this.#sockets.close(this.#socket[i]!, Side.client);
  }

  #ioTimedOut(i: number, request: number): void {
    if (this.outcome[i] !== Outcome.censored || this.#requestAt[i]! < 0 || this.requests[i] !== request) return;
    this.outcome[i] = Outcome.ioTimeout;
    this.#sockets.close(this.#socket[i]!, Side.client);
  }

  /** When the generator gets to what is due at a moment. */
  #wokenAt(dueNs: number): number {
    const started = lastAtMost(this.#load.startUs, dueNs / NS_PER_US);
    return Math.max(dueNs + this.#wakeUpNs, this.#heldUpUntil[started] ?? 0);
  }
}

/** Index of the last of the rising numbers that is not larger, or -1. */
function lastAtMost(rising: readonly number[], most: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
