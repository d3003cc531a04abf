/**
 * Listens to the datapath and turns its events into flows as the agent does: pkg/hubble/parser/threefour/parser.go
 * (`decodeVerdict`, `decodeIsReply`, `decodeTrafficDirection` and their kin).
 *
 * Simplified: no event is lost on the way unless a pipeline takes what is described here. Of sockets the node calls connect()
 * alone, so that what applications learn by recvmsg() and getpeername() makes no flows; traces of processes that are no pod's
 * take no room in Hubble's buffers.
 */
import {
  type DatapathEvents, TRACE_REASON_ENCRYPTED, TRACE_REASON_UNKNOWN, TRACE_TO_PROXY, XLATE_PRE_DIRECTION_FWD, XLATE_PRE_DIRECTION_REV,
} from "../cilium/datapath/events.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, type Packet } from "../cilium/datapath/packet.js";
import type { Ethernet } from "./ethernet.js";
import { type FlowTables, NOBODY } from "./flow-tables.js";
import { FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, FlowRow, ROW_DESTINATION, ROW_ORIGINAL, ROW_SOURCE } from "./flow-row.js";

/** `dropped`: flows with the verdict DROPPED only. `none`: they are counted, not written. A run that does neither has no recorder. */
export type RecordedFlows = "dropped" | "all" | "none";

/** Counts flows, whether they are written or not. The row is good during the call only. */
export interface FlowCounter {
  /** Whether it looks at a flow's ends: addresses, endpoints, identities, direction, reply. Without them a flow is described in a third of the time. */
  readonly needsEnds: boolean;
  count(row: FlowRow): void;
}

/** Where described events go: to a file at once, or into the way that they take through Hubble. */
export interface FlowOutlet {
  /** True while nothing is taken. */
  readonly full: boolean;
  /** Flows that have reached whoever reads them. */
  readonly written: number;
  /** `number`: which event of the run it is, from 0. */
  write(row: FlowRow, number: number): void;
}

/** Trace reasons that `is_reply` depends on: bpf/lib/common.h CT_REPLY, bpf/lib/trace.h TRACE_REASON_SRV6_*. */
const REASON_REPLY = 2;
const REASON_ENCAP = 6;
const REASON_DECAP = 7;
/** Bytes of a packet that drops and verdicts carry: bpf/lib/common.h TRACE_PAYLOAD_LEN. */
const CAPTURED_MAX = 128;
/** The event carries no address before translation. */
const NO_ORIGINAL = -1;

export class FlowRecorder implements DatapathEvents {
  readonly #writer: FlowOutlet;
  readonly #tables: FlowTables;
  /** Simulated time, ns. */
  readonly #clock: { readonly now: number };
  readonly #all: boolean;
  readonly #none: boolean;
  readonly #counter: FlowCounter | null;
  readonly #ethernet: Ethernet | null;
  readonly #row = new FlowRow();
  /** Of translations, which leave most fields as they are at first. */
  readonly #socketRow = new FlowRow();
  /** Events that would be a flow. */
  seen = 0;

  constructor(
    writer: FlowOutlet,
    tables: FlowTables,
    clock: { readonly now: number },
    which: RecordedFlows,
    counter: FlowCounter | null = null,
    ethernet: Ethernet | null = null,
  ) {
    this.#ethernet = ethernet;
    this.#writer = writer;
    this.#tables = tables;
    this.#clock = clock;
    this.#all = which === "all";
    this.#none = which === "none";
    this.#counter = counter;
  }

  /** Flows that went to the writer. */
  get written(): number {
    return this.#writer.written;
  }

  trace(
    packet: Packet,
    point: number,
    source: number,
    srcLabel: number,
    dstLabel: number,
    dstId: number,
    ifindex: number,
    reason: number,
    monitor: number,
    origAddrAt: number,
  ): void {
    const number = this.seen++;
    const written = this.#all && !this.#writer.full;
    if (!written) {
      if (this.#counter === null) return;
      if (!this.#counter.needsEnds) {
        this.#counter.count(this.#describeKind(packet, point));
        return;
      }
    }
    const row = this.#describe(packet, srcLabel, dstLabel, origAddrAt);
    row.captured = Math.min(monitor, packet.length);
    const status = reason & ~TRACE_REASON_ENCRYPTED;
    row.encrypted = (reason & TRACE_REASON_ENCRYPTED) === 0 ? 0 : 1;
    row.eventType = FLOW_EVENT.trace;
    row.subType = point;
    row.verdict = FLOW_VERDICT.forwarded;
    row.traceReason = status;
    row.reply = replyOf(status);
    row.direction = this.#traceDirection(row, source, status);
    row.ifindex = ifindex;
    row.proxyPort = point === TRACE_TO_PROXY ? dstId : 0;
    this.#counter?.count(row);
    if (!written) return;
    if (this.#ethernet !== null) this.#ethernet.ofTrace(row, packet, point, source);
    this.#write(row, number);
  }

  drop(
    packet: Packet,
    source: number,
    srcLabel: number,
    dstLabel: number,
    _dstId: number,
    reason: number,
    _extError: number,
    direction: number,
  ): void {
    const number = this.seen++;
    const written = !this.#none && !this.#writer.full;
    if (!written && this.#counter === null) return;
    const row = this.#describe(packet, srcLabel, dstLabel, NO_ORIGINAL);
    row.captured = Math.min(CAPTURED_MAX, packet.length);
    row.eventType = FLOW_EVENT.drop;
    row.subType = reason;
    row.verdict = FLOW_VERDICT.dropped;
    row.dropCode = reason;
    if (source !== 0) {
      const isSource = source === this.#tables.endpointId(row.sourceEndpoint);
      row.direction = isSource ? FLOW_DIRECTION.egress : FLOW_DIRECTION.ingress;
    }
    this.#counter?.count(row);
    if (!written) return;
    if (this.#ethernet !== null) this.#ethernet.ofDrop(row, packet, source, reason, direction);
    this.#write(row, number);
  }

  policyVerdict(
    packet: Packet,
    source: number,
    remoteLabel: number,
    verdict: number,
    _dstPort: number,
    egress: number,
    match: number,
    audited: number,
  ): void {
    const number = this.seen++;
    const written = !this.#none && !this.#writer.full && (this.#all || verdict < 0);
    if (!written && this.#counter === null) return;
    const row = this.#describe(packet, egress === 1 ? 0 : remoteLabel, egress === 1 ? remoteLabel : 0, NO_ORIGINAL);
    row.captured = Math.min(CAPTURED_MAX, packet.length);
    row.eventType = FLOW_EVENT.policyVerdict;
    row.verdict = policyVerdictOf(verdict, audited);
    row.dropCode = verdict < 0 ? -verdict : 0;
    row.reply = verdict < 0 ? FLOW_REPLY.absent : FLOW_REPLY.no;
    row.direction = egress === 1 ? FLOW_DIRECTION.egress : FLOW_DIRECTION.ingress;
    row.policyMatch = match;
    this.#counter?.count(row);
    if (!written) return;
    if (this.#ethernet !== null) this.#ethernet.ofVerdict(row, packet, source, egress);
    this.#write(row, number);
  }

  /** Of processes that are no pod's the agent knows nobody, and shows nothing (`hubble-skip-unknown-cgroup-ids`). */
  traceSock(packet: Packet, point: number, cookie: number, inHostNamespace: boolean): void {
    if (inHostNamespace) return;
    const number = this.seen++;
    const written = this.#all && !this.#writer.full;
    if (!written && this.#counter === null) return;
    const row = this.#socketRow;
    const tables = this.#tables;
    const family = packet.addressWords;
    for (let word = 0; word < family; word++) {
      row.addresses[ROW_SOURCE + word] = packet.row[packet.saddrAt + word]!;
      row.addresses[ROW_DESTINATION + word] = packet.row[packet.daddrAt + word]!;
    }
    row.family = family;
    row.timeNs = this.#clock.now;
    row.sourceEndpoint = tables.endpointAt(row.addresses, ROW_SOURCE, family);
    row.destinationEndpoint = tables.endpointAt(row.addresses, ROW_DESTINATION, family);
    // Addresses of services are in no cache: they count as the world's.
    row.destinationIdentity = row.destinationEndpoint === NOBODY ? tables.worldIdentity(family) : 0;
    row.eventType = FLOW_EVENT.traceSock;
    row.subType = point;
    row.verdict = point === XLATE_PRE_DIRECTION_FWD || point === XLATE_PRE_DIRECTION_REV ? FLOW_VERDICT.traced : FLOW_VERDICT.translated;
    row.protocol = packet.protocol;
    row.dport = packet.dport;
    row.cookie = cookie;
    this.#counter?.count(row);
    if (written) this.#write(row, number);
  }

  /** A proxy tells of a request or an answer. The row's ends, verdict and record are filled in. */
  accessLog(row: FlowRow): void {
    const number = this.seen++;
    const written = !this.#none && !this.#writer.full && (this.#all || row.verdict === FLOW_VERDICT.dropped);
    this.#counter?.count(row);
    if (written) this.#write(row, number);
  }

  /** Fills what every kind of event shares, and resets the rest. */
  #describe(packet: Packet, srcLabel: number, dstLabel: number, origAddrAt: number): FlowRow {
    const row = this.#row;
    const { addresses } = row;
    const tables = this.#tables;
    const family = packet.addressWords;
    row.timeNs = this.#clock.now;
    row.family = family;
    row.translated = origAddrAt === NO_ORIGINAL ? 0 : 1;
    for (let word = 0; word < family; word++) {
      addresses[ROW_SOURCE + word] = packet.row[packet.saddrAt + word]!;
      addresses[ROW_DESTINATION + word] = packet.row[packet.daddrAt + word]!;
      if (row.translated === 1) addresses[ROW_ORIGINAL + word] = packet.row[origAddrAt + word]!;
    }
    describeTransport(row, packet);
    // Endpoints and services are looked up by the address before translation.
    const sourceAt = row.translated === 1 ? ROW_ORIGINAL : ROW_SOURCE;
    row.sourceEndpoint = tables.endpointAt(addresses, sourceAt, family);
    row.destinationEndpoint = tables.endpointAt(addresses, ROW_DESTINATION, family);
    row.sourceIdentity = srcLabel;
    row.destinationIdentity = dstLabel;
    row.encrypted = 0;
    row.subType = 0;
    row.direction = FLOW_DIRECTION.unknown;
    row.reply = FLOW_REPLY.absent;
    row.dropCode = 0;
    row.policyMatch = 0;
    row.ifindex = 0;
    row.proxyPort = 0;
    return row;
  }

  /** A forwarded packet as far as it does not matter between whom it goes. */
  #describeKind(packet: Packet, point: number): FlowRow {
    const row = this.#row;
    row.family = packet.addressWords;
    describeTransport(row, packet);
    row.eventType = FLOW_EVENT.trace;
    row.subType = point;
    row.verdict = FLOW_VERDICT.forwarded;
    row.dropCode = 0;
    return row;
  }

  /** Services are looked up for flows that are written; nobody counts by them. */
  #write(row: FlowRow, number: number): void {
    const { addresses, family } = row;
    const sourceAt = row.translated === 1 ? ROW_ORIGINAL : ROW_SOURCE;
    row.sourceService = row.sport === 0 ? NOBODY : this.#tables.serviceAt(addresses, sourceAt, family, row.sport);
    row.destinationService = row.dport === 0 ? NOBODY : this.#tables.serviceAt(addresses, ROW_DESTINATION, family, row.dport);
    this.#writer.write(row, number);
  }

  /** The reporter is the source: egress; a reply turns it round; a translated source is always egress. */
  #traceDirection(row: FlowRow, source: number, status: number): number {
    if (source === 0 || status === TRACE_REASON_UNKNOWN) return FLOW_DIRECTION.unknown;
    const isSource = source === this.#tables.endpointId(row.sourceEndpoint);
    const isReply = status === REASON_REPLY;
    return isSource !== isReply || row.translated === 1 ? FLOW_DIRECTION.egress : FLOW_DIRECTION.ingress;
  }
}

function describeTransport(row: FlowRow, packet: Packet): void {
  const { protocol } = packet;
  row.protocol = protocol;
  row.hasPorts = packet.hasL4Header ? 1 : 0;
  const isIcmp = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
  row.sport = isIcmp || row.hasPorts === 0 ? 0 : packet.sport;
  row.dport = isIcmp || row.hasPorts === 0 ? 0 : packet.dport;
  row.tcpFlags = packet.tcpFlags;
  row.icmpType = packet.icmpType;
  row.icmpCode = packet.icmpCode;
}

function replyOf(status: number): number {
  if (status === TRACE_REASON_UNKNOWN || status === REASON_ENCAP || status === REASON_DECAP) return FLOW_REPLY.absent;
  return status === REASON_REPLY ? FLOW_REPLY.yes : FLOW_REPLY.no;
}

function policyVerdictOf(verdict: number, audited: number): number {
  if (verdict < 0) return FLOW_VERDICT.dropped;
  if (verdict > 0) return FLOW_VERDICT.redirected;
  return audited === 1 ? FLOW_VERDICT.audit : FLOW_VERDICT.forwarded;
}
