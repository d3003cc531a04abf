/** What happens when a timer fires (net/ipv4/tcp_timer.c; SYN-ACK: inet_connection_sock.c, reqsk_timer_handler). */
import { NS_PER_S } from "../core/units.js";
import { push, retransmit, sendAck, sendNew, sendReset, transmit } from "./tcp-output.js";
import { Sent, TcpFlag } from "./tcp-segment.js";
import { Errno, Timer, type TcpStack } from "./tcp-stack.js";
import { Flag, Moment, Pending, State, Word, isOpen } from "./tcp-table.js";

/** The smallest congestion window and slow start threshold, segments. */
const WINDOW_AFTER_LOSS = 1;
const THRESHOLD_MIN = 2;

export function fireTimer(stack: TcpStack, connection: number, side: number, timer: number): void {
  if (timer === Timer.delayedAck) delayedAckTimer(stack, connection, side);
  else if (timer === Timer.idle) idleTimer(stack, connection, side);
  else retransmissionTimer(stack, connection, side);
}

function retransmissionTimer(stack: TcpStack, connection: number, side: number): void {
  const row = stack.table.row(connection, side);
  const pending = stack.table.get(row, Word.pending);
  stack.table.set(row, Word.pending, Pending.none);
  if (pending === Pending.synAck) synAckTimer(stack, connection, side);
  else if (pending === Pending.lossProbe) lossProbeTimer(stack, connection, side);
  else if (pending === Pending.windowProbe) windowProbeTimer(stack, connection, side);
  else if (stack.table.get(row, Word.state) === State.synSent) synTimer(stack, connection);
  else timeoutTimer(stack, connection, side);
}

/** SYN: a fixed number of linear steps first, then doubling; gives up by count or by time (tcp_write_timeout). */
function synTimer(stack: TcpStack, connection: number): void {
  const { table } = stack;
  const row = table.row(connection, 0);
  const host = stack.host(row);
  const { synRetries, synLinearTimeouts } = host.profile;
  const retransmits = table.get(row, Word.retransmits);
  const elapsed = table.since(row, Moment.retransmitStamp);
  if (retransmits >= synRetries + synLinearTimeouts || (retransmits > 0 && elapsed >= host.synPatience)) {
    fail(stack, connection, 0, Errno.ETIMEDOUT);
    return;
  }
  const timeouts = table.get(row, Word.timeouts) + 1;
  table.set(row, Word.retransmits, retransmits + 1);
  table.set(row, Word.timeouts, timeouts);
  table.set(row, Word.retransmissions, table.get(row, Word.retransmissions) + 1);
  table.stamp(row, Moment.timedAt);
  const result = transmit(stack, connection, 0, TcpFlag.syn, 0, 0);
  if (table.get(row, Word.state) !== State.synSent) return;
  if (result === Sent.refused) {
    stack.armRetransmit(connection, 0, Pending.retransmit, host.resourceProbe);
    return;
  }
  if (timeouts > synLinearTimeouts) table.set(row, Word.rto, Math.min(table.get(row, Word.rto) * 2, host.rtoMax));
  stack.armRetransmit(connection, 0, Pending.retransmit, table.get(row, Word.rto));
}

/** SYN-ACK: exponential, then the request is forgotten; so it is when the own device refuses the retransmission. */
function synAckTimer(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const host = stack.host(row);
  const timeouts = table.get(row, Word.retransmits);
  if (timeouts >= host.profile.synAckRetries || !sendSynAckAgain(stack, connection, side)) {
    if (table.get(row, Word.state) === State.synReceived) forgetRequest(stack, connection, side, row);
    return;
  }
  if (table.get(row, Word.state) !== State.synReceived) return;
  table.set(row, Word.retransmits, timeouts + 1);
  stack.armRetransmit(connection, side, Pending.synAck, synAckTimeout(stack, row));
}

/** The half-open connection is gone; a later SYN begins anew. */
export function forgetRequest(stack: TcpStack, connection: number, side: number, row: number): void {
  const listener = stack.table.get(row, Word.listener);
  if (listener !== 0) stack.listeners.forget(listener);
  stack.close(connection, side, State.listen);
}

/** Sends the SYN-ACK once more; false when the own device refused it. */
export function sendSynAckAgain(stack: TcpStack, connection: number, side: number): boolean {
  const { table } = stack;
  const row = table.row(connection, side);
  table.set(row, Word.retransmissions, table.get(row, Word.retransmissions) + 1);
  table.stamp(row, Moment.timedAt);
  return transmit(stack, connection, side, TcpFlag.syn | TcpFlag.ack, 0, 0) === Sent.away;
}

/** Jiffies to the next SYN-ACK time-out. */
export function synAckTimeout(stack: TcpStack, row: number): number {
  const host = stack.host(row);
  return Math.min(host.initialRto * 2 ** stack.table.get(row, Word.retransmits), host.rtoMax);
}

/** Data or FIN not acknowledged in time (tcp_retransmit_timer). */
function timeoutTimer(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const una = table.get(row, Word.sendUna);
  if (una === table.get(row, Word.sendNext)) return;
  const host = stack.host(row);
  const stamped = table.isStamped(row, Moment.retransmitStamp);
  const patience = table.has(row, Flag.orphan) ? host.orphanPatience : host.dataPatience;
  if (stamped && table.get(row, Word.retransmits) > 0 && table.since(row, Moment.retransmitStamp) >= patience) {
    fail(stack, connection, side, Errno.ETIMEDOUT);
    return;
  }
  enterLoss(stack, row, una);
  table.set(row, Word.retransmits, table.get(row, Word.retransmits) + 1);
  table.set(row, Word.timeouts, table.get(row, Word.timeouts) + 1);
  if (!stamped) table.stamp(row, Moment.retransmitStamp);
  const away = retransmit(stack, connection, side, una);
  if (table.get(row, Word.sendUna) !== una || !isOpen(table.get(row, Word.state))) return;
  if (!away) {
    stack.armRetransmit(connection, side, Pending.retransmit, host.resourceProbe);
    return;
  }
  table.set(row, Word.rto, Math.min(table.get(row, Word.rto) * 2, host.rtoMax));
  stack.armRetransmit(connection, side, Pending.retransmit, table.get(row, Word.rto));
}

/** Everything outstanding counts as lost; the first segment goes out alone (tcp_enter_loss). */
function enterLoss(stack: TcpStack, row: number, una: number): void {
  const { table } = stack;
  if (!table.has(row, Flag.loss)) {
    const half = table.get(row, Word.window) >> 1;
    table.set(row, Word.threshold, Math.max(half, THRESHOLD_MIN));
    table.set(row, Word.recoveryEnd, table.get(row, Word.sendNext));
  }
  table.clear(row, Flag.recovery | Flag.probed);
  table.raise(row, Flag.loss);
  table.set(row, Word.window, WINDOW_AFTER_LOSS);
  table.set(row, Word.retransmitNext, una + 1);
  table.set(row, Word.duplicateAcks, 0);
}

/** Tail loss probe: new data if there are any, else the last segment again; then the real time-out (tcp_send_loss_probe). */
function lossProbeTimer(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const una = table.get(row, Word.sendUna);
  const next = table.get(row, Word.sendNext);
  if (una === next) return;
  let delay = table.get(row, Word.rto);
  if (!table.has(row, Flag.probed)) {
    table.raise(row, Flag.probed);
    table.set(row, Word.recoveryEnd, next);
    const newData = next < table.get(row, Word.sendEnd) && next - una <= table.get(row, Word.window);
    const away = newData ? sendNew(stack, connection, side) : retransmit(stack, connection, side, next - 1);
    if (!isOpen(table.get(row, Word.state)) || table.get(row, Word.sendUna) === table.get(row, Word.sendNext)) return;
    // Refused: the time-out counts from the first transmission and is due.
    if (!away) delay = 1;
  }
  stack.armRetransmit(connection, side, Pending.retransmit, delay);
}

/** Nothing is outstanding because the own device refused it: tries again, without back-off (tcp_send_probe0). */
function windowProbeTimer(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const host = stack.host(row);
  const limit = table.has(row, Flag.orphan) ? host.profile.orphanRetries : host.profile.retries2;
  const probes = table.get(row, Word.probesOut);
  if (probes >= limit) {
    fail(stack, connection, side, Errno.ETIMEDOUT);
    return;
  }
  if (sendNew(stack, connection, side)) {
    table.set(row, Word.probesOut, 0);
    if (isOpen(table.get(row, Word.state))) push(stack, connection, side);
    return;
  }
  table.set(row, Word.retransmissions, table.get(row, Word.retransmissions) + 1);
  table.set(row, Word.probesOut, probes + 1);
  stack.armRetransmit(connection, side, Pending.windowProbe, host.resourceProbe);
}

/** The acknowledgement waited in vain for data to travel with; the side is not interactive after all. */
function delayedAckTimer(stack: TcpStack, connection: number, side: number): void {
  const row = stack.table.row(connection, side);
  if (!stack.table.has(row, Flag.ackPending)) return;
  stack.table.set(row, Word.replies, 0);
  sendAck(stack, connection, side);
}

/** End of TIME_WAIT or FIN_WAIT2, or time for a keep-alive probe (tcp_keepalive_timer). */
function idleTimer(stack: TcpStack, connection: number, side: number): void {
  const state = stack.table.get(stack.table.row(connection, side), Word.state);
  if (state === State.timeWait) {
    stack.close(connection, side);
  } else if (state === State.vanished) {
    stack.releaseIfOver(connection);
  } else if (state === State.finWait2 && stack.table.has(stack.table.row(connection, side), Flag.orphan)) {
    stack.application.closed(connection, side);
    stack.close(connection, side);
  } else if (state === State.established || state === State.closeWait || state === State.finWait2) {
    keepAliveTimer(stack, connection, side);
  }
}

function keepAliveTimer(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const { hz, keepAliveTimeS, keepAliveIntervalS, keepAliveProbes } = stack.host(row).profile;
  const outstanding = table.get(row, Word.sendUna) !== table.get(row, Word.sendNext);
  const idle = table.since(row, Moment.heardAt);
  const left = keepAliveTimeS * NS_PER_S - idle;
  if (outstanding || left > 0) {
    const wait = outstanding ? keepAliveTimeS : left / NS_PER_S;
    stack.armIdle(connection, side, Math.ceil(wait * hz));
    return;
  }
  const probes = table.get(row, Word.keepAliveProbes);
  if (probes >= keepAliveProbes) {
    sendReset(stack, connection, side);
    fail(stack, connection, side, Errno.ETIMEDOUT);
    return;
  }
  table.set(row, Word.keepAliveProbes, probes + 1);
  stack.armIdle(connection, side, keepAliveIntervalS * hz);
  // One before the next number: outside the window, so that the other side must answer.
  transmit(stack, connection, side, TcpFlag.ack, 0, table.get(row, Word.sendNext) - 1);
}

/** Ends a side with an error and tells its application, unless that has closed already. */
export function fail(stack: TcpStack, connection: number, side: number, errno: number): void {
  const row = stack.table.row(connection, side);
  const orphan = stack.table.has(row, Flag.orphan);
  stack.table.set(row, Word.state, State.closed);
  if (orphan) stack.application.closed(connection, side);
  else stack.application.failed(connection, side, errno);
  stack.close(connection, side);
}
