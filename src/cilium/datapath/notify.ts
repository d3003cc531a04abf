/**
 * Events and metrics: bpf/lib/trace.h, drop.h, policy_log.h, metrics.h. Aggregation is applied here; every to-* point
 * counts in the metrics whether its event is suppressed or not.
 */

import { AGGREGATION } from "./config.js";
import type { DatapathContext, EndpointProgram } from "./context.js";
import {
  METRIC_EGRESS,
  METRIC_INGRESS,
  TRACE_FROM_HOST,
  TRACE_FROM_LXC,
  TRACE_FROM_NETWORK,
  TRACE_FROM_OVERLAY,
  TRACE_FROM_PROXY,
  TRACE_FROM_STACK,
  TRACE_REASON_ENCRYPTED,
  TRACE_TO_HOST,
  TRACE_TO_LXC,
  TRACE_TO_NETWORK,
  TRACE_TO_OVERLAY,
  TRACE_TO_PROXY,
  TRACE_TO_STACK,
} from "./events.js";
import { OP_EVENT_DROP, OP_EVENT_TRACE, OP_EVENT_VERDICT, OP_METRICS_LOOKUP, OP_METRICS_UPDATE } from "./ops.js";

/** Metrics reasons that are no drops. */
export const REASON_FORWARDED = 0;
const REASON_PLAINTEXT = 3;
const REASON_DECRYPT = 4;

/** Call sites of `cilium_metrics` beside the trace points, which are their own. */
export const SITE_LOCAL_DELIVERY = 16;
const SITE_DROP = 17;
export const SITE_SNAT_FORWARD = 19;

/** Call sites of different programs are different keys: the map's key has the source file. */
const SITES_OF_PROGRAM = 32;

/** No address or device in an event. */
export const NO_ORIG_ADDRESS = -1;
/** TRACE_EP_ID_UNKNOWN, TRACE_IFINDEX_UNKNOWN, UNKNOWN_ID. */
export const UNKNOWN = 0;

/** `update_metrics`. */
export function updateMetrics(dp: DatapathContext, reason: number, direction: number, site: number): void {
  dp.count(OP_METRICS_LOOKUP);
  const callSite = site + dp.program * SITES_OF_PROGRAM;
  const fresh = dp.metrics.count(reason, direction, callSite, dp.packet.length);
  if (fresh) {
    dp.count(OP_METRICS_UPDATE);
    dp.unrepeatable();
  } else if (dp.walks !== null) {
    dp.walks.counted(reason, direction, callSite);
  }
}

/** `update_trace_metrics`: which counter a trace point moves. */
function updateTraceMetrics(dp: DatapathContext, site: number, point: number, reason: number): void {
  switch (point) {
    case TRACE_TO_LXC:
      updateMetrics(dp, REASON_FORWARDED, METRIC_INGRESS, site);
      break;
    case TRACE_TO_HOST:
    case TRACE_TO_STACK:
    case TRACE_TO_OVERLAY:
    case TRACE_TO_NETWORK:
      updateMetrics(dp, REASON_FORWARDED, METRIC_EGRESS, site);
      break;
    case TRACE_FROM_HOST:
    case TRACE_FROM_STACK:
    case TRACE_FROM_OVERLAY:
    case TRACE_FROM_NETWORK:
      updateMetrics(dp, (reason & TRACE_REASON_ENCRYPTED) !== 0 ? REASON_DECRYPT : REASON_PLAINTEXT, METRIC_INGRESS, site);
      break;
    case TRACE_TO_PROXY:
    case TRACE_FROM_LXC:
    case TRACE_FROM_PROXY:
    default:
      break;
  }
}

/** `emit_trace_notify`: whether the aggregation level lets an event of that point through. */
function passesAggregation(dp: DatapathContext, point: number, monitor: number): boolean {
  const level = dp.config.aggregation;
  if (level >= AGGREGATION.lowest && point >= TRACE_FROM_LXC && point <= TRACE_FROM_NETWORK) return false;
  return level < AGGREGATION.medium || monitor > 0;
}

/** `send_trace_notify`: counts, and tells listeners when nothing suppresses it. */
export function sendTraceNotify(
  dp: DatapathContext,
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
  sendTraceNotifyAt(dp, point, point, source, srcLabel, dstLabel, dstId, ifindex, reason, monitor, origAddrAt);
}

/** The same from a call site of its own: metrics tell source lines apart. */
export function sendTraceNotifyAt(
  dp: DatapathContext,
  site: number,
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
  updateTraceMetrics(dp, site, point, reason);
  const emitted = dp.config.traceEvents && passesAggregation(dp, point, monitor);
  if (dp.observer !== null) dp.observer.traced(point, reason, monitor, emitted);
  if (!emitted) return;
  dp.unrepeatable();
  dp.count(OP_EVENT_TRACE);
  dp.events.trace(dp.packet, point, source, srcLabel, dstLabel, dstId, ifindex, reason, monitor, origAddrAt);
}

/** `send_drop_notify_error`: counts and tells; `error` is the negative drop reason. */
export function sendDropNotify(
  dp: DatapathContext,
  source: number,
  srcLabel: number,
  dstLabel: number,
  dstId: number,
  error: number,
  direction: number,
): void {
  const reason = -error;
  dp.unrepeatable();
  dp.dropReason = reason;
  updateMetrics(dp, reason, direction, SITE_DROP);
  if (dp.observer !== null) dp.observer.dropped(reason, dp.extError);
  if (!dp.config.dropEvents) return;
  dp.count(OP_EVENT_DROP);
  dp.events.drop(dp.packet, source, srcLabel, dstLabel, dstId, reason, dp.extError, direction);
}

/** `send_policy_verdict_notify`, subject to the endpoint's filter for that direction. */
export function sendPolicyVerdictNotify(
  dp: DatapathContext,
  program: EndpointProgram,
  remoteLabel: number,
  verdict: number,
  dstPort: number,
  egress: boolean,
): void {
  if (!dp.config.verdictEvents || !(egress ? program.verdictEgress : program.verdictIngress)) return;
  dp.unrepeatable();
  dp.count(OP_EVENT_VERDICT);
  if (dp.observer !== null) dp.observer.verdictEvent(egress, verdict);
  const audited = dp.policyAudited ? 1 : 0;
  dp.events.policyVerdict(dp.packet, program.lxcId, remoteLabel, verdict, dstPort, egress ? 1 : 0, dp.policyMatch, audited);
}
