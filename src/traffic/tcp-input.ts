/** Receiving (net/ipv4/tcp_input.c, tcp_minisocks.c): what a side does with a segment, by its state. */
import { NS_PER_S } from "../core/units.js";
import { SynVerdict } from "./tcp-listener.js";
import { armAfterSending, push, retransmitLost, sendAck, sendReset, transmit } from "./tcp-output.js";
import { sampleRtt } from "./tcp-rtt.js";
import { TcpFlag, acknowledgementOf, generationOf, segmentOf } from "./tcp-segment.js";
import { Errno, type TcpStack } from "./tcp-stack.js";
import { Flag, Moment, Pending, State, Word, isOpen, isReceiving } from "./tcp-table.js";
import { fail, forgetRequest, sendSynAckAgain, synAckTimeout } from "./tcp-timers.js";

/** Immediate acknowledgements granted at the first data and after a pause. TCP_MAX_QUICKACKS. */
const QUICK_ACKS = 16;
/** Full segments that may wait for one acknowledgement. */
const SEGMENTS_PER_ACK = 2;
/** Duplicate acknowledgements that mean loss. */
const DUPLICATES_MEAN_LOSS = 3;
const THRESHOLD_MIN = 2;
/** Largest congestion window, segments: 1.4 MB, about the default limit of a send buffer (tcp_wmem, 4 MB, halved). */
const WINDOW_MAX = 1000;
/** Segments beyond the next one that a receiver can hold: the bits of a word. */
const HELD_MAX = 32;

/** A segment arrives at `side`. Segments of an earlier connection under the same number are ignored. */
export function receive(stack: TcpStack, connection: number, side: number, flags: number, bytes: number, tag: number): void {
  const { table } = stack;
  if (generationOf(tag) !== table.generation(connection)) return;
  const row = table.row(connection, side);
  switch (table.get(row, Word.state)) {
    case State.vanished:
      return;
    case State.closed:
      if ((flags & TcpFlag.rst) === 0) sendReset(stack, connection, side);
      return;
    case State.listen:
      receiveListening(stack, connection, side, flags, bytes, tag);
      return;
    case State.synSent:
      receiveSynSent(stack, connection, side, flags);
      return;
    case State.synReceived:
      receiveSynReceived(stack, connection, side, flags, bytes, tag);
      return;
    case State.timeWait:
      receiveTimeWait(stack, connection, side, flags, bytes);
      return;
    default:
      receiveOpen(stack, connection, side, flags, bytes, tag);
  }
}

function receiveListening(
  stack: TcpStack, connection: number, side: number, flags: number, bytes: number, tag: number,
): void {
  if ((flags & TcpFlag.rst) !== 0) return;
  const { table, listeners } = stack;
  const row = table.row(connection, side);
  const listener = table.get(row, Word.listener);
  if ((flags & TcpFlag.ack) !== 0) {
    if (!table.has(row, Flag.cookie)) sendReset(stack, connection, side);
    else if (listeners.finish(listener, true)) openServer(stack, connection, side, row, flags, bytes, tag);
    return;
  }
  if ((flags & TcpFlag.syn) === 0) return;
  const verdict = listener === 0 ? SynVerdict.queue : listeners.admit(listener);
  if (verdict === SynVerdict.drop) return;
  table.set(row, Word.receiveNext, 1);
  table.set(row, Word.sendUna, 0);
  table.set(row, Word.sendNext, 1);
  table.set(row, Word.retransmits, 0);
  table.set(row, Word.retransmissions, 0);
  table.set(row, Word.rto, stack.host(row).initialRto);
  table.stamp(row, Moment.timedAt);
  if (verdict === SynVerdict.cookie) {
    table.raise(row, Flag.cookie);
    transmit(stack, connection, side, TcpFlag.syn | TcpFlag.ack, 0, 0);
    return;
  }
  table.clear(row, Flag.cookie);
  table.set(row, Word.state, State.synReceived);
  stack.armRetransmit(connection, side, Pending.synAck, synAckTimeout(stack, row));
  transmit(stack, connection, side, TcpFlag.syn | TcpFlag.ack, 0, 0);
}

function receiveSynSent(stack: TcpStack, connection: number, side: number, flags: number): void {
  const { table } = stack;
  if ((flags & TcpFlag.rst) !== 0) {
    fail(stack, connection, side, Errno.ECONNREFUSED);
    return;
  }
  if ((flags & TcpFlag.syn) === 0 || (flags & TcpFlag.ack) === 0) return;
  const row = table.row(connection, side);
  stack.cancelRetransmit(connection, side);
  table.set(row, Word.state, State.established);
  table.set(row, Word.receiveNext, 1);
  const repeated = table.get(row, Word.retransmissions);
  openSending(stack, row);
  // The window starts anew when more than the first SYN was lost (tcp_init_transfer).
  if (repeated > 1) table.set(row, Word.window, 1);
  table.stamp(row, Moment.heardAt);
  sendAck(stack, connection, side);
  if (table.get(row, Word.state) !== State.established) return;
  stack.application.established(connection, side);
}

function receiveSynReceived(
  stack: TcpStack, connection: number, side: number, flags: number, bytes: number, tag: number,
): void {
  const { table } = stack;
  const row = table.row(connection, side);
  if ((flags & TcpFlag.rst) !== 0) {
    forgetRequest(stack, connection, side, row);
    return;
  }
  if ((flags & TcpFlag.ack) === 0) {
    // The client repeats its SYN: answer at once and put the timer off (tcp_check_req).
    if ((flags & TcpFlag.syn) !== 0 && sendSynAckAgain(stack, connection, side)) {
      if (table.get(row, Word.state) !== State.synReceived) return;
      stack.armRetransmit(connection, side, Pending.synAck, synAckTimeout(stack, row));
    }
    return;
  }
  const listener = table.get(row, Word.listener);
  // With a full accept queue the acknowledgement is as good as lost; the SYN-ACK will be repeated.
  if (listener !== 0 && !stack.listeners.finish(listener, false)) return;
  openServer(stack, connection, side, row, flags, bytes, tag);
}

/** The handshake is done; the segment that did it may carry data. */
function openServer(
  stack: TcpStack, connection: number, side: number, row: number, flags: number, bytes: number, tag: number,
): void {
  stack.cancelRetransmit(connection, side);
  stack.table.set(row, Word.state, State.established);
  openSending(stack, row);
  stack.application.established(connection, side);
  if (stack.table.get(row, Word.state) !== State.closed) receiveOpen(stack, connection, side, flags, bytes, tag);
}

/** The own SYN is acknowledged: data may follow. */
function openSending(stack: TcpStack, row: number): void {
  const { table } = stack;
  table.set(row, Word.sendUna, 1);
  table.set(row, Word.sendNext, 1);
  table.set(row, Word.retransmits, 0);
  const roundTrip = table.since(row, Moment.timedAt);
  sampleRtt(table, row, stack.host(row), roundTrip, table.get(row, Word.retransmissions) > 0);
  table.unstamp(row, Moment.retransmitStamp);
}

function receiveTimeWait(stack: TcpStack, connection: number, side: number, flags: number, bytes: number): void {
  if ((flags & TcpFlag.rst) !== 0) {
    stack.close(connection, side);
  } else if ((flags & TcpFlag.fin) !== 0 || bytes > 0) {
    stack.armIdle(connection, side, stack.host(stack.table.row(connection, side)).timeWait);
    sendAck(stack, connection, side);
  }
}

function receiveOpen(stack: TcpStack, connection: number, side: number, flags: number, bytes: number, tag: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  if ((flags & TcpFlag.rst) !== 0) {
    fail(stack, connection, side, Errno.ECONNRESET);
    return;
  }
  table.stamp(row, Moment.heardAt);
  table.set(row, Word.keepAliveProbes, 0);
  const expected = table.get(row, Word.receiveNext);
  const segment = segmentOf(tag, expected);
  const carries = bytes > 0 || (flags & TcpFlag.fin) !== 0;
  if ((flags & TcpFlag.syn) !== 0 || (!carries && segment < expected)) {
    sendAck(stack, connection, side);
    return;
  }
  receiveAck(stack, connection, side, row, acknowledgementOf(tag, table.get(row, Word.sendUna)), carries);
  if (carries && isReceiving(table.get(row, Word.state))) receiveSegment(stack, connection, side, row, segment, bytes);
}

/** Takes the acknowledgement number, then sends what it allows. */
function receiveAck(stack: TcpStack, connection: number, side: number, row: number, ack: number, carries: boolean): void {
  const { table } = stack;
  const una = table.get(row, Word.sendUna);
  const next = table.get(row, Word.sendNext);
  if (ack > next || ack < una) return;
  if (ack === una) {
    if (!carries && una < next) duplicateAck(stack, connection, side, row);
    return;
  }
  table.set(row, Word.sendUna, ack);
  table.set(row, Word.retransmits, 0);
  table.set(row, Word.probesOut, 0);
  table.set(row, Word.duplicateAcks, 0);
  timeRoundTrip(stack, row, ack);
  const recovering = table.has(row, Flag.loss | Flag.recovery);
  if (!recovering || table.has(row, Flag.loss)) growWindow(stack, row, ack - una);
  if (ack >= table.get(row, Word.recoveryEnd)) {
    table.clear(row, Flag.loss | Flag.recovery | Flag.probed);
    table.unstamp(row, Moment.retransmitStamp);
  }
  if (ack === next) stack.cancelRetransmit(connection, side);
  else rearm(stack, connection, side, row);
  if (table.has(row, Flag.finSent) && ack === table.get(row, Word.sendEnd) + 1) finAcknowledged(stack, connection, side, row);
  if (!isOpen(table.get(row, Word.state))) return;
  if (table.has(row, Flag.loss | Flag.recovery)) retransmitLost(stack, connection, side);
  push(stack, connection, side);
}

function timeRoundTrip(stack: TcpStack, row: number, ack: number): void {
  const { table } = stack;
  const timed = table.get(row, Word.timedSegment);
  if (timed < 0 || ack <= timed) return;
  const roundTrip = table.since(row, Moment.timedAt);
  table.set(row, Word.timedSegment, -1);
  sampleRtt(table, row, stack.host(row), roundTrip, table.has(row, Flag.timedAgain));
}

function rearm(stack: TcpStack, connection: number, side: number, row: number): void {
  // A time-out under way starts again from now (tcp_rearm_rto).
  stack.table.set(row, Word.pending, Pending.none);
  armAfterSending(stack, connection, side);
}

/** Slow start up to the threshold, then one segment a round trip (tcp_reno_cong_avoid). */
function growWindow(stack: TcpStack, row: number, acknowledged: number): void {
  const { table } = stack;
  const window = table.get(row, Word.window);
  if (window >= WINDOW_MAX) return;
  const threshold = table.get(row, Word.threshold);
  if (window < threshold) {
    table.set(row, Word.window, Math.min(window + acknowledged, threshold, WINDOW_MAX));
    return;
  }
  const credit = table.get(row, Word.windowCredit) + acknowledged;
  table.set(row, Word.windowCredit, credit >= window ? credit - window : credit);
  if (credit >= window) table.set(row, Word.window, window + 1);
}

/** The receiver holds later segments: after three of these, or one that answers a loss probe, the gap is lost. */
function duplicateAck(stack: TcpStack, connection: number, side: number, row: number): void {
  const { table } = stack;
  if (table.get(table.row(connection, side ^ 1), Word.outOfOrder) === 0) return;
  const duplicates = table.get(row, Word.duplicateAcks) + 1;
  table.set(row, Word.duplicateAcks, duplicates);
  if (!table.has(row, Flag.loss | Flag.recovery)) {
    if (duplicates < DUPLICATES_MEAN_LOSS && !table.has(row, Flag.probed)) return;
    const half = Math.max(table.get(row, Word.window) >> 1, THRESHOLD_MIN);
    table.set(row, Word.threshold, half);
    table.set(row, Word.window, half);
    table.set(row, Word.recoveryEnd, table.get(row, Word.sendNext));
    table.set(row, Word.retransmitNext, table.get(row, Word.sendUna));
    table.raise(row, Flag.recovery);
    table.clear(row, Flag.probed);
    rearm(stack, connection, side, row);
  }
  retransmitLost(stack, connection, side);
}

function finAcknowledged(stack: TcpStack, connection: number, side: number, row: number): void {
  const { table } = stack;
  const state = table.get(row, Word.state);
  if (state === State.finWait1) {
    table.set(row, Word.state, State.finWait2);
    if (table.has(row, Flag.orphan)) stack.armIdle(connection, side, stack.host(row).finTimeout);
  } else if (state === State.closing) {
    enterTimeWait(stack, connection, side);
  } else if (state === State.lastAck) {
    stack.application.closed(connection, side);
    stack.close(connection, side);
  }
}

function enterTimeWait(stack: TcpStack, connection: number, side: number): void {
  stack.application.closed(connection, side);
  stack.armIdle(connection, side, stack.host(stack.table.row(connection, side)).timeWait);
  stack.close(connection, side, State.timeWait);
}

/** A segment with payload or FIN: in order, ahead, or seen before. */
function receiveSegment(stack: TcpStack, connection: number, side: number, row: number, segment: number, bytes: number): void {
  const { table } = stack;
  const expected = table.get(row, Word.receiveNext);
  const ahead = segment - expected - 1;
  if (segment !== expected) {
    if (ahead >= 0 && ahead < HELD_MAX) table.set(row, Word.outOfOrder, table.get(row, Word.outOfOrder) | (1 << ahead));
    sendAck(stack, connection, side);
    return;
  }
  if (bytes > 0 && table.has(row, Flag.orphan)) {
    // Nobody will read this (TCP_ABORT_ON_DATA).
    sendReset(stack, connection, side);
    stack.application.closed(connection, side);
    stack.close(connection, side);
    return;
  }
  takeInOrder(stack, connection, side, row, bytes);
}

/** Moves `receiveNext` past this segment and those held behind it, acknowledges and tells the application. */
function takeInOrder(stack: TcpStack, connection: number, side: number, row: number, bytes: number): void {
  const { table } = stack;
  const peer = table.row(connection, side ^ 1);
  const first = table.get(row, Word.receiveNext);
  let end = first + 1;
  let held = table.get(row, Word.outOfOrder);
  const hadHeld = held !== 0;
  while ((held & 1) !== 0) {
    held >>>= 1;
    end++;
  }
  // The bit for `end` itself is gone: what is left counts from end + 1.
  table.set(row, Word.outOfOrder, held >>> 1);
  table.set(row, Word.receiveNext, end);
  const fin = table.has(peer, Flag.finSent) && end === table.get(peer, Word.sendEnd) + 1;
  const segments = end - first - (fin ? 1 : 0);
  const inOrderBytes = segments === 0 ? 0 : bytes + heldBytes(stack, peer, first + 1, first + segments);
  if (segments > 0) acknowledgeData(stack, connection, side, row, segments, hadHeld);
  if (fin) receiveFin(stack, connection, side, row);
  if (inOrderBytes > 0) stack.application.received(connection, side, inOrderBytes);
  if (fin && table.get(row, Word.receiveNext) === end) announceFin(stack, connection, side, row);
  // Whatever the application has sent meanwhile took the acknowledgement along.
  if (table.has(row, Flag.ackPending) && isOpen(table.get(row, Word.state))) {
    stack.armDelayedAck(connection, side, stack.host(row).delayedAck);
  }
}

/** Payload of segments first … end-1 of the sender's message under way. */
function heldBytes(stack: TcpStack, sender: number, first: number, end: number): number {
  const segments = end - first;
  if (segments <= 0) return 0;
  const full = stack.host(sender).profile.segmentBytes;
  const endsMessage = end === stack.table.get(sender, Word.sendEnd);
  return endsMessage ? (segments - 1) * full + stack.table.get(sender, Word.tailBytes) : segments * full;
}

/** At once, or later with data of the own (tcp_event_data_recv, __tcp_ack_snd_check). */
function acknowledgeData(
  stack: TcpStack, connection: number, side: number, row: number, segments: number, hadHeld: boolean,
): void {
  const { table } = stack;
  const host = stack.host(row);
  const pauseNs = (table.get(row, Word.rto) * NS_PER_S) / host.profile.hz;
  const first = !table.isStamped(row, Moment.dataReceivedAt);
  if (first || table.since(row, Moment.dataReceivedAt) > pauseNs) table.set(row, Word.quickAcks, QUICK_ACKS);
  table.stamp(row, Moment.dataReceivedAt);
  const waiting = table.get(row, Word.unackedSegments) + segments;
  table.set(row, Word.unackedSegments, waiting);
  const interactive = table.get(row, Word.replies) >= host.profile.pingPongThreshold;
  const quick = table.get(row, Word.quickAcks) > 0 && !interactive;
  if (waiting >= SEGMENTS_PER_ACK || quick || hadHeld) {
    sendAck(stack, connection, side);
    return;
  }
  table.raise(row, Flag.ackPending);
}

/** State change and acknowledgement of a FIN (tcp_fin). */
function receiveFin(stack: TcpStack, connection: number, side: number, row: number): void {
  const { table } = stack;
  const state = table.get(row, Word.state);
  if (state === State.established) {
    table.set(row, Word.state, State.closeWait);
    table.set(row, Word.replies, stack.host(row).profile.pingPongThreshold);
    table.raise(row, Flag.ackPending);
  } else if (state === State.finWait1) {
    table.set(row, Word.state, State.closing);
    sendAck(stack, connection, side);
  } else if (state === State.finWait2) {
    sendAck(stack, connection, side);
  }
}

function announceFin(stack: TcpStack, connection: number, side: number, row: number): void {
  const state = stack.table.get(row, Word.state);
  if (state === State.finWait2) {
    enterTimeWait(stack, connection, side);
  } else if (state === State.closeWait || state === State.closing) {
    if (!stack.table.has(row, Flag.orphan)) stack.application.peerClosed(connection, side);
  }
}
