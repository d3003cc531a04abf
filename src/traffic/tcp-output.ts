/** Sending (net/ipv4/tcp_output.c): segments, what the window lets out, retransmissions, acknowledgements, resets. */
import { NS_PER_S } from "../core/units.js";
import { lossProbeDelay } from "./tcp-rtt.js";
import { Sent, TcpFlag, tagOf } from "./tcp-segment.js";
import type { TcpStack } from "./tcp-stack.js";
import { Flag, Moment, Pending, Word } from "./tcp-table.js";

/** Data sent within this time of data received count as a reply. TCP_ATO_MIN (HZ/25), ns. */
const REPLY_WITHIN_NS = NS_PER_S / 25;

/** Hands one segment to the network. Any segment with ACK acknowledges everything received so far. */
export function transmit(
  stack: TcpStack,
  connection: number,
  side: number,
  flags: number,
  payloadBytes: number,
  segment: number,
): number {
  const { table } = stack;
  const row = table.row(connection, side);
  if ((flags & TcpFlag.ack) !== 0) {
    if (table.has(row, Flag.ackPending)) {
      table.clear(row, Flag.ackPending);
      stack.cancelDelayedAck(connection, side);
    }
    table.set(row, Word.unackedSegments, 0);
    const quick = table.get(row, Word.quickAcks);
    if (quick > 0) table.set(row, Word.quickAcks, quick - 1);
  }
  const tag = tagOf(table.generation(connection), segment, table.get(row, Word.receiveNext));
  const result = stack.network.send(connection, side, flags, payloadBytes, tag);
  if (result === Sent.refused) stack.refusals++;
  return result;
}

/** A bare acknowledgement; when the own device refuses it, it is lost. */
export function sendAck(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  transmit(stack, connection, side, TcpFlag.ack, 0, table.get(table.row(connection, side), Word.sendNext));
}

export function sendReset(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  stack.resets++;
  transmit(stack, connection, side, TcpFlag.rst | TcpFlag.ack, 0, table.get(table.row(connection, side), Word.sendNext));
}

/** Payload of a segment of the message under way, bytes; 0 for SYN and FIN. */
export function payloadOf(stack: TcpStack, row: number, segment: number): number {
  const end = stack.table.get(row, Word.sendEnd);
  if (segment >= end || segment === 0) return 0;
  return segment === end - 1 ? stack.table.get(row, Word.tailBytes) : stack.host(row).profile.segmentBytes;
}

/** Sends what is written and not yet sent, as far as the window allows, and the FIN after it (tcp_write_xmit). */
export function push(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  for (;;) {
    const next = table.get(row, Word.sendNext);
    const una = table.get(row, Word.sendUna);
    if (next - una >= table.get(row, Word.window)) return;
    if (next >= table.get(row, Word.sendEnd)) {
      if (table.get(row, Word.queuedBytes) > 0) {
        if (una !== next) return;
        startMessage(stack, row);
      } else if (!table.has(row, Flag.finQueued) || table.has(row, Flag.finSent)) {
        return;
      }
    }
    if (!sendNew(stack, connection, side)) {
      armWindowProbe(stack, connection, side);
      return;
    }
  }
}

/** Cuts everything queued into segments: the next message. */
function startMessage(stack: TcpStack, row: number): void {
  const { table } = stack;
  const bytes = table.get(row, Word.queuedBytes);
  const full = stack.host(row).profile.segmentBytes;
  const segments = Math.ceil(bytes / full);
  table.set(row, Word.queuedBytes, 0);
  table.set(row, Word.sendEnd, table.get(row, Word.sendEnd) + segments);
  table.set(row, Word.tailBytes, bytes - (segments - 1) * full);
}

/** Sends the next new segment, data or FIN. False when the own device refused it: then it counts as not sent. */
export function sendNew(stack: TcpStack, connection: number, side: number): boolean {
  const { table } = stack;
  const row = table.row(connection, side);
  const next = table.get(row, Word.sendNext);
  const isFin = next === table.get(row, Word.sendEnd);
  const lastOfMessage = next === table.get(row, Word.sendEnd) - 1;
  if (isFin) table.raise(row, Flag.finSent);
  else countReply(stack, row);
  const timing = table.get(row, Word.timedSegment) < 0;
  if (timing) {
    table.set(row, Word.timedSegment, next);
    table.stamp(row, Moment.timedAt);
    table.clear(row, Flag.timedAgain);
  }
  table.set(row, Word.sendNext, next + 1);
  const flags = isFin ? TcpFlag.fin | TcpFlag.ack : lastOfMessage ? TcpFlag.psh | TcpFlag.ack : TcpFlag.ack;
  if (transmit(stack, connection, side, flags, payloadOf(stack, row, next), next) === Sent.refused) {
    table.set(row, Word.sendNext, next);
    if (timing) table.set(row, Word.timedSegment, -1);
    if (isFin) table.clear(row, Flag.finSent);
    return false;
  }
  if (table.get(row, Word.sendUna) < table.get(row, Word.sendNext)) armAfterSending(stack, connection, side);
  return true;
}

/** A side that answers data within the shortest delayed-ACK time is interactive (tcp_event_data_sent). */
function countReply(stack: TcpStack, row: number): void {
  const { table } = stack;
  if (!table.isStamped(row, Moment.dataReceivedAt) || table.since(row, Moment.dataReceivedAt) >= REPLY_WITHIN_NS) return;
  const replies = table.get(row, Word.replies);
  if (replies < stack.host(row).profile.pingPongThreshold) table.set(row, Word.replies, replies + 1);
}

/** Sends a segment again. True when it left; the round trip is then timed from now. */
export function retransmit(stack: TcpStack, connection: number, side: number, segment: number): boolean {
  const { table } = stack;
  const row = table.row(connection, side);
  const end = table.get(row, Word.sendEnd);
  const flags = segment === end ? TcpFlag.fin | TcpFlag.ack : segment === end - 1 ? TcpFlag.psh | TcpFlag.ack : TcpFlag.ack;
  table.set(row, Word.retransmissions, table.get(row, Word.retransmissions) + 1);
  table.set(row, Word.timedSegment, segment);
  table.stamp(row, Moment.timedAt);
  table.raise(row, Flag.timedAgain);
  return transmit(stack, connection, side, flags, payloadOf(stack, row, segment), segment) === Sent.away;
}

/** Sends the segments again that are taken for lost, as far as the window allows (tcp_xmit_retransmit_queue). */
export function retransmitLost(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const peer = table.row(connection, side ^ 1);
  for (;;) {
    const una = table.get(row, Word.sendUna);
    const segment = Math.max(table.get(row, Word.retransmitNext), una);
    if (segment >= table.get(row, Word.recoveryEnd) || segment - una >= table.get(row, Word.window)) return;
    table.set(row, Word.retransmitNext, segment + 1);
    if (isHeld(stack, peer, segment)) continue;
    if (!retransmit(stack, connection, side, segment)) return;
  }
}

/** Whether the receiver holds a segment out of order: what its selective acknowledgements would say. */
function isHeld(stack: TcpStack, receiver: number, segment: number): boolean {
  const ahead = segment - stack.table.get(receiver, Word.receiveNext) - 1;
  return ahead >= 0 && ahead < 32 && (stack.table.get(receiver, Word.outOfOrder) & (1 << ahead)) !== 0;
}

/** After new data have left or some were acknowledged: loss probe if one may be sent, time-out otherwise. */
export function armAfterSending(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  const host = stack.host(row);
  if (host.profile.tailLossProbe && !table.has(row, Flag.loss | Flag.recovery)) {
    stack.armRetransmit(connection, side, Pending.lossProbe, lossProbeDelay(table, row, host));
  } else if (table.get(row, Word.pending) !== Pending.retransmit) {
    stack.armRetransmit(connection, side, Pending.retransmit, table.get(row, Word.rto));
  }
}

/** With nothing outstanding no acknowledgement will wake the sender up, so a probe timer must (tcp_check_probe_timer). */
function armWindowProbe(stack: TcpStack, connection: number, side: number): void {
  const { table } = stack;
  const row = table.row(connection, side);
  if (table.get(row, Word.pending) !== Pending.none) return;
  const host = stack.host(row);
  const delay = Math.max(table.get(row, Word.rto), host.probeFloor);
  stack.armRetransmit(connection, side, Pending.windowProbe, delay);
}
