/**
 * What the programs announce: trace, drop and policy-verdict events, signals to the agent.
 *
 * Stands for the perf events of bpf/lib/{trace,drop,policy_log,trace_sock,signal}.h. Everything is a number; the packet
 * is passed as it is at that moment, and is only good during the call. Aggregation has already been applied: what
 * arrives here would be in the ring.
 */

import type { Packet } from "./packet.js";

/** Observation points of trace events (TRACE_*). */
export const TRACE_TO_LXC = 0;
export const TRACE_TO_PROXY = 1;
export const TRACE_TO_HOST = 2;
export const TRACE_TO_STACK = 3;
export const TRACE_TO_OVERLAY = 4;
export const TRACE_FROM_LXC = 5;
export const TRACE_FROM_PROXY = 6;
export const TRACE_FROM_HOST = 7;
export const TRACE_FROM_STACK = 8;
export const TRACE_FROM_OVERLAY = 9;
export const TRACE_FROM_NETWORK = 10;
export const TRACE_TO_NETWORK = 11;

/** Name of each observation point, by number. */
export const TRACE_POINT_NAMES: readonly string[] = [
  "to-endpoint",
  "to-proxy",
  "to-host",
  "to-stack",
  "to-overlay",
  "from-endpoint",
  "from-proxy",
  "from-host",
  "from-stack",
  "from-overlay",
  "from-network",
  "to-network",
];

/** Reasons of trace events: the conntrack statuses, then what is none of them. */
export const TRACE_REASON_UNKNOWN = 5;
/** Or-ed to a reason: the packet came or goes encrypted. */
export const TRACE_REASON_ENCRYPTED = 0x80;
/** Name of each reason, by number. */
export const TRACE_REASON_NAMES: readonly string[] = ["new", "established", "reply", "related", "reopened", "unknown"];

/** How a policy verdict came about. */
export const POLICY_MATCH_NONE = 0;
export const POLICY_MATCH_L3_ONLY = 1;
export const POLICY_MATCH_L3_L4 = 2;
export const POLICY_MATCH_L4_ONLY = 3;
export const POLICY_MATCH_ALL = 4;
export const POLICY_MATCH_L3_PROTO = 5;
export const POLICY_MATCH_PROTO_ONLY = 6;
/** Name of each match type, by number. */
export const POLICY_MATCH_NAMES: readonly string[] = ["none", "l3-only", "l3-l4", "l4-only", "all", "l3-proto", "proto-only"];

/** Signals to the agent (bpf/lib/signal.h). */
export const SIGNAL_NAT_FILL_UP = 0;
export const SIGNAL_CT_FILL_UP = 1;

/** Direction of metrics and verdicts. */
export const METRIC_INGRESS = 1;
export const METRIC_EGRESS = 2;
export const METRIC_SERVICE = 3;

/** Points of socket load balancing (bpf/lib/trace_sock.h XLATE_*). */
export const XLATE_PRE_DIRECTION_FWD = 1;
export const XLATE_POST_DIRECTION_FWD = 2;
export const XLATE_PRE_DIRECTION_REV = 3;
export const XLATE_POST_DIRECTION_REV = 4;

/** Source of events from programs that belong to no endpoint; the host endpoint is 1 in the recorded programs. */
export const SOURCE_NONE = 0;

/** Who listens to a datapath. */
export interface DatapathEvents {
  /**
   * A trace event. `source` is the endpoint (or host program) that saw it, `dstId` and `ifindex` are 0 when not known;
   * `reason` is a TRACE_REASON or conntrack status, `monitor` the bytes of the packet that the event carries.
   * `origAddrAt` is the index in `packet.row` of the source address before translation, or -1 when the event has none.
   */
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
  ): void;
  /** A drop: `reason` is the positive code, `extError` signed, `direction` METRIC_INGRESS or METRIC_EGRESS. */
  drop(
    packet: Packet,
    source: number,
    srcLabel: number,
    dstLabel: number,
    dstId: number,
    reason: number,
    extError: number,
    direction: number,
  ): void;
  /**
   * A policy verdict. `verdict` is 0 (allowed), a negative drop code, or the proxy port as read from network order;
   * `dstPort` in host order; `egress` 1 or 0; `match` POLICY_MATCH_*; `audited` 1 when audit mode let a denial pass.
   */
  policyVerdict(
    packet: Packet,
    source: number,
    remoteLabel: number,
    verdict: number,
    dstPort: number,
    egress: number,
    match: number,
    audited: number,
  ): void;
  /** A socket translation at `point` (XLATE_*): cookie, whether a process of the node has it, and address and port before or after it (in `packet`). */
  traceSock(packet: Packet, point: number, cookie: number, inHostNamespace: boolean): void;
}

/** Nobody listens. */
export const NO_EVENTS: DatapathEvents = {
  trace() {},
  drop() {},
  policyVerdict() {},
  traceSock() {},
};
