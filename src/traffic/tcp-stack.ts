/** What the parts of the TCP engine share: the table, the hosts with their timers, and the two neighbours. */
import type { Simulation } from "../core/simulation.js";
import type { TcpHost } from "./tcp-host.js";
import { Listeners } from "./tcp-listener.js";
import { Pending, State, TcpTable, Word } from "./tcp-table.js";
import { TimerWheels } from "./timer-wheel.js";

/** The world that carries segments. */
export interface Network {
  /**
   * Takes one segment at the current simulated time and answers `Sent.away` or `Sent.refused`. What is away either
   * arrives, by `TcpPeers.deliver` with the same flags, payload and tag, now or later; or is lost, and nothing more
   * is said. `fromSide` is a `Side`, `tcpFlags` bits of `TcpFlag`.
   */
  send(connection: number, fromSide: number, tcpFlags: number, payloadBytes: number, tag: number): number;
}

/** What uses the sockets. Calls come at the current simulated time; the peer may be called back from within. */
export interface Application {
  /** Client: connect() has succeeded. Server: a connection was accepted. */
  established(connection: number, side: number): void;
  /** `bytes` more bytes came in order. */
  received(connection: number, side: number, bytes: number): void;
  /** End of file: the other side sends no more. */
  peerClosed(connection: number, side: number): void;
  /** The side's socket has ended in good order. */
  closed(connection: number, side: number): void;
  /** The side's socket has failed: `errno` as a positive number (`Errno`). */
  failed(connection: number, side: number, errno: number): void;
  /** Both ends are gone and the number may be used again; `timeWaitSide` holds its port on, -1 when neither does. */
  released(connection: number, timeWaitSide: number): void;
}

/** Error numbers that sockets report (include/uapi/asm-generic/errno.h). */
export const Errno = { ECONNRESET: 104, ETIMEDOUT: 110, ECONNREFUSED: 111, EHOSTUNREACH: 113 } as const;

/** The timers of a side. `connection` is the retransmission timer, `idle` serves keep-alive, FIN_WAIT2 and TIME_WAIT. */
export const Timer = { retransmit: 0, delayedAck: 1, idle: 2 } as const;
const TIMER_SHIFT = 2;
const TIMER_MASK = (1 << TIMER_SHIFT) - 1;
const TIMERS_PER_CONNECTION = 2 << TIMER_SHIFT;

export class TcpStack {
  readonly simulation: Simulation;
  readonly network: Network;
  readonly application: Application;
  readonly table: TcpTable;
  readonly hosts: TcpHost[] = [];
  readonly wheels: TimerWheels;
  readonly listeners = new Listeners();
  /** Segments that the sender's own device refused. */
  refusals = 0;
  /** Resets sent. */
  resets = 0;

  constructor(
    simulation: Simulation,
    network: Network,
    application: Application,
    fire: (connection: number, side: number, timer: number) => void,
  ) {
    this.simulation = simulation;
    this.table = new TcpTable(simulation);
    this.network = network;
    this.application = application;
    this.wheels = new TimerWheels(simulation, this.table.capacity * TIMERS_PER_CONNECTION, (timer) => {
      const side = timer >> TIMER_SHIFT;
      fire(side >> 1, side & 1, timer & TIMER_MASK);
    });
  }

  allocate(clientHost: number, serverHost: number): number {
    const before = this.table.capacity;
    const connection = this.table.allocate();
    if (this.table.capacity !== before) this.wheels.grow(this.table.capacity * TIMERS_PER_CONNECTION);
    this.#openRow(this.table.row(connection, 0), clientHost, State.closed);
    this.#openRow(this.table.row(connection, 1), serverHost, State.listen);
    return connection;
  }

  #openRow(row: number, host: number, state: number): void {
    this.table.set(row, Word.host, host);
    this.table.set(row, Word.state, state);
    this.table.set(row, Word.timedSegment, -1);
    this.table.set(row, Word.sendEnd, 1);
    this.table.set(row, Word.window, this.hosts[host]!.profile.initialWindow);
    this.table.set(row, Word.threshold, 0x7fffffff);
  }

  host(row: number): TcpHost {
    return this.hosts[this.table.get(row, Word.host)]!;
  }

  /** Starts the side's retransmission timer for `pending`, `delay` jiffies from now. */
  armRetransmit(connection: number, side: number, pending: number, delay: number): void {
    this.table.set(this.table.row(connection, side), Word.pending, pending);
    this.#arm(connection, side, Timer.retransmit, delay);
  }

  cancelRetransmit(connection: number, side: number): void {
    this.table.set(this.table.row(connection, side), Word.pending, Pending.none);
    this.wheels.cancel(timerId(connection, side, Timer.retransmit));
  }

  armDelayedAck(connection: number, side: number, delay: number): void {
    const timer = timerId(connection, side, Timer.delayedAck);
    if (!this.wheels.armed(timer)) this.#arm(connection, side, Timer.delayedAck, delay);
  }

  cancelDelayedAck(connection: number, side: number): void {
    this.wheels.cancel(timerId(connection, side, Timer.delayedAck));
  }

  armIdle(connection: number, side: number, delay: number): void {
    this.#arm(connection, side, Timer.idle, delay);
  }

  /** Ends a side; when the other end is over as well, the connection is given back. */
  close(connection: number, side: number, state: number = State.closed): void {
    this.cancelRetransmit(connection, side);
    this.cancelDelayedAck(connection, side);
    if (state !== State.timeWait) this.wheels.cancel(timerId(connection, side, Timer.idle));
    this.table.set(this.table.row(connection, side), Word.state, state);
    this.releaseIfOver(connection);
  }

  releaseIfOver(connection: number): void {
    const { table } = this;
    const client = table.get(table.row(connection, 0), Word.state);
    const server = table.get(table.row(connection, 1), Word.state);
    if (!isOver(client) || !isOver(server)) return;
    this.wheels.cancel(timerId(connection, 0, Timer.idle));
    this.wheels.cancel(timerId(connection, 1, Timer.idle));
    table.release(connection);
    const waiting = client === State.timeWait ? 0 : server === State.timeWait ? 1 : -1;
    this.application.released(connection, waiting);
  }

  #arm(connection: number, side: number, which: number, delay: number): void {
    const host = this.table.get(this.table.row(connection, side), Word.host);
    this.wheels.arm(host, timerId(connection, side, which), delay);
  }
}

function timerId(connection: number, side: number, which: number): number {
  return (((connection << 1) | side) << TIMER_SHIFT) | which;
}

/** True when the end has nothing more to send, so that the connection may go once the other end is over too. */
function isOver(state: number): boolean {
  return state === State.closed || state === State.timeWait || state === State.listen || state === State.vanished;
}
