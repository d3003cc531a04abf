/**
 * TCP peers as Linux behaves: the two ends of many connections, between an application and a network.
 *
 * The engine knows neither: `Network` takes segments and later calls `deliver`; `Application` is told what its sockets
 * see and calls `connect`, `write`, `close` and so on. The parts follow the kernel's files: tcp-output.ts, tcp-input.ts,
 * tcp-timers.ts, tcp-rtt.ts, timer-wheel.ts. What is exact and what is simplified: README.md beside this file.
 *
 * Nothing is allocated per segment. Timers cost a list operation, not an event (see timer-wheel.ts), so a world need
 * not say which segments are lost.
 */
import type { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import { tcpHost } from "./tcp-host.js";
import { receive } from "./tcp-input.js";
import type { ListenerSettings, Listeners } from "./tcp-listener.js";
import { push, sendReset, transmit } from "./tcp-output.js";
import type { TcpProfile } from "./tcp-profile.js";
import { TcpFlag } from "./tcp-segment.js";
import { TcpStack, type Application, type Network } from "./tcp-stack.js";
import { Flag, Moment, Pending, Side, State, Word } from "./tcp-table.js";
import { fail, fireTimer, forgetRequest } from "./tcp-timers.js";

export { Errno, type Application, type Network } from "./tcp-stack.js";
export { Sent, TcpFlag } from "./tcp-segment.js";
export { Side, State } from "./tcp-table.js";

export class TcpPeers {
  readonly #stack: TcpStack;

  constructor(simulation: Simulation, network: Network, application: Application) {
    const stack: TcpStack = new TcpStack(simulation, network, application, (connection, side, timer) => {
      fireTimer(stack, connection, side, timer);
    });
    this.#stack = stack;
  }

  /** A host (network namespace) with its settings and the moment of its boot before time zero, ns. Returns its number. */
  addHost(profile: TcpProfile, bootedNs: number): number {
    this.#stack.hosts.push(tcpHost(profile));
    return this.#stack.wheels.addHost(profile.hz, bootedNs);
  }

  /** Connections that are not released yet. */
  get open(): number {
    return this.#stack.table.open;
  }

  /** Connection numbers are below this; it grows by doubling. */
  get capacity(): number {
    return this.#stack.table.capacity;
  }

  /** Segments that senders' own devices refused, and resets sent, so far. */
  get refusals(): number {
    return this.#stack.refusals;
  }

  get resets(): number {
    return this.#stack.resets;
  }

  /** A new connection: the client closed, the server listening. Its number is free again after `released`. */
  allocate(clientHost: number, serverHost: number): number {
    return this.#stack.allocate(clientHost, serverHost);
  }

  /** A listening socket with queues. Returns its number, for `listen`. */
  addListener(settings: ListenerSettings): number {
    return this.#stack.listeners.add(settings);
  }

  /** Queues and counters of the listeners; `accept` there for each connection that a server with a listener was told of. */
  get listeners(): Listeners {
    return this.#stack.listeners;
  }

  /** The connection's server side belongs to this listener. Before `connect`. */
  listen(connection: number, listener: number): void {
    const { table } = this.#stack;
    table.set(table.row(connection, Side.server), Word.listener, listener);
  }

  /** A SYN from an address where nobody is: sent once, never answered. */
  spoof(connection: number): void {
    const stack = this.#stack;
    const row = stack.table.row(connection, Side.client);
    stack.table.set(row, Word.state, State.vanished);
    // Looks again when the SYN must have arrived, whether a request was made of it or not.
    stack.armIdle(connection, Side.client, stack.host(row).profile.hz);
    transmit(stack, connection, Side.client, TcpFlag.syn, 0, 0);
  }

  /** Nobody listens: a SYN will be answered with a reset. */
  refuse(connection: number): void {
    const { table } = this.#stack;
    table.set(table.row(connection, Side.server), Word.state, State.closed);
  }

  /** The half-open server end forgets its client: another server answers the client's next SYN. */
  relisten(connection: number): void {
    forgetRequest(this.#stack, connection, Side.server, this.#stack.table.row(connection, Side.server));
  }

  /** connect(): sends the SYN. */
  connect(connection: number): void {
    const stack = this.#stack;
    const { table } = stack;
    const row = table.row(connection, Side.client);
    const { initialRto } = stack.host(row);
    table.set(row, Word.state, State.synSent);
    table.set(row, Word.sendNext, 1);
    table.set(row, Word.rto, initialRto);
    table.stampOpening(connection);
    table.stamp(row, Moment.retransmitStamp);
    table.stamp(row, Moment.timedAt);
    stack.armRetransmit(connection, Side.client, Pending.retransmit, initialRto);
    transmit(stack, connection, Side.client, TcpFlag.syn, 0, 0);
  }

  /** A segment that `Network.send` took arrives at `toSide`. */
  deliver(connection: number, toSide: number, tcpFlags: number, payloadBytes: number, tag: number): void {
    receive(this.#stack, connection, toSide, tcpFlags, payloadBytes, tag);
  }

  /** Hands data to a socket that is open for writing; elsewhere they are swallowed. */
  write(connection: number, side: number, bytes: number): void {
    const { table } = this.#stack;
    const row = table.row(connection, side);
    const state = table.get(row, Word.state);
    if ((state !== State.established && state !== State.closeWait) || bytes <= 0) return;
    table.set(row, Word.queuedBytes, table.get(row, Word.queuedBytes) + bytes);
    push(this.#stack, connection, side);
  }

  /** shutdown(SHUT_WR): a FIN after what is written; the side goes on reading. */
  shutdown(connection: number, side: number): void {
    const { table } = this.#stack;
    const row = table.row(connection, side);
    const state = table.get(row, Word.state);
    if (state === State.established) table.set(row, Word.state, State.finWait1);
    else if (state === State.closeWait) table.set(row, Word.state, State.lastAck);
    else return;
    table.raise(row, Flag.finQueued);
    push(this.#stack, connection, side);
  }

  /** close(): as `shutdown`, and data that still arrive are answered with a reset. A SYN under way is dropped silently. */
  close(connection: number, side: number): void {
    const stack = this.#stack;
    const { table } = stack;
    const row = table.row(connection, side);
    const state = table.get(row, Word.state);
    if (state === State.synSent) {
      stack.close(connection, side);
      return;
    }
    table.raise(row, Flag.orphan);
    if (state === State.finWait2) stack.armIdle(connection, side, stack.host(row).finTimeout);
    else this.shutdown(connection, side);
  }

  /** close() with SO_LINGER 0, or a killed process with unread data: a reset. */
  abort(connection: number, side: number): void {
    const stack = this.#stack;
    const state = stack.table.get(stack.table.row(connection, side), Word.state);
    if (state === State.closed || state === State.listen || state === State.vanished || state === State.timeWait) return;
    stack.table.set(stack.table.row(connection, side), Word.state, State.closed);
    if (state !== State.synSent) sendReset(stack, connection, side);
    stack.close(connection, side);
  }

  /** The host is gone without a word: from now on nothing answers there. */
  vanish(connection: number, side: number): void {
    this.#stack.close(connection, side, State.vanished);
  }

  /** The host of a vanished end is back and remembers nothing: from now on it answers with resets. */
  returnWithoutMemory(connection: number, side: number): void {
    const { table } = this.#stack;
    const row = table.row(connection, side);
    if (table.get(row, Word.state) === State.vanished) table.set(row, Word.state, State.closed);
  }

  /** An ICMP error for the side's last segment: ends a connection attempt, is ignored afterwards (tcp_v4_err). */
  unreachable(connection: number, side: number, errno: number): void {
    const { table } = this.#stack;
    if (table.get(table.row(connection, side), Word.state) === State.synSent) fail(this.#stack, connection, side, errno);
  }

  /** SO_KEEPALIVE on an open socket, with the times of its host's profile. */
  keepAlive(connection: number, side: number): void {
    const stack = this.#stack;
    const { profile } = stack.host(stack.table.row(connection, side));
    stack.armIdle(connection, side, profile.keepAliveTimeS * profile.hz);
  }

  /** The number stands for a connection of which at least one end is not over. */
  isOpen(connection: number): boolean {
    return isUnderWay(this.state(connection, Side.client)) || isUnderWay(this.state(connection, Side.server));
  }

  /** A `State` of the side. */
  state(connection: number, side: number): number {
    const { table } = this.#stack;
    return table.get(table.row(connection, side), Word.state);
  }

  /** When the client called connect(), ns. */
  openedAt(connection: number): number {
    return this.#stack.table.openedAt(connection);
  }

  /** Segments that the side has sent again so far, of all kinds; for a client at `established`: its SYNs. */
  retransmissions(connection: number, side: number): number {
    const { table } = this.#stack;
    return table.get(table.row(connection, side), Word.retransmissions);
  }

  /** The side's smoothed round trip, ns; 0 before the first sample. */
  smoothedRtt(connection: number, side: number): number {
    const { table } = this.#stack;
    return ((table.get(table.row(connection, side), Word.smoothedRtt) >> 3) * NS_PER_S) / 1e6;
  }
}

/** State of a number that no connection has had yet. */
const NEVER_USED = 0;

function isUnderWay(state: number): boolean {
  return state !== NEVER_USED && state !== State.closed && state !== State.listen && state !== State.timeWait && state !== State.vanished;
}
