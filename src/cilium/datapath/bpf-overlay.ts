/** bpf_overlay: the tunnel device (`cil_from_overlay`, `cil_to_overlay`). bpf/bpf_overlay.c. */

import { ENDPOINT_MASK_HOST_DELIVERY } from "../maps/identity-maps.js";
import { TRACE_PAYLOAD_LEN } from "./conntrack.js";
import { CTX_ACT_OK, CTX_ACT_REDIRECT, PROGRAM_OVERLAY, PUNT_TO_STACK, RECIRCULATE, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_INVALID_IDENTITY, DROP_UNKNOWN_L3 } from "./drop-reasons.js";
import { HOST_ID, lookupEndpoint, lookupRemoteEndpoint } from "./eps.js";
import { METRIC_EGRESS, METRIC_INGRESS, TRACE_FROM_OVERLAY, TRACE_REASON_UNKNOWN, TRACE_TO_OVERLAY } from "./events.js";
import { redirect } from "./l3.js";
import { localDelivery } from "./local-delivery.js";
import { nodeportLb } from "./nodeport.js";
import { handleNatForward, NAT_FWD_DONE } from "./nodeport-egress.js";
import { NO_ORIG_ADDRESS, sendDropNotify, sendTraceNotify, UNKNOWN } from "./notify.js";
import { OP_RUN_OVERLAY, OP_TAIL_CALL } from "./ops.js";
import { MARK_SNAT_DONE } from "./packet.js";

function dropped(dp: DatapathContext, error: number, srcLabel: number, direction: number): number {
  sendDropNotify(dp, dp.eventSource(), srcLabel, UNKNOWN, UNKNOWN, error, direction);
  return TC_ACT_SHOT;
}

/** `cil_from_overlay`: TC ingress of the tunnel device; the packet is decapsulated, its identity is the tunnel key. */
export function cilFromOverlay(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_OVERLAY);
  dp.enter(PROGRAM_OVERLAY, "cil_from_overlay", true);
  if (!dp.maps.hasFamily(packet.addressWords)) return dropped(dp, DROP_UNKNOWN_L3, UNKNOWN, METRIC_INGRESS);
  dp.useFamily(packet.addressWords);
  const identity = packet.tunnelKey;
  sendTraceNotify(
    dp,
    TRACE_FROM_OVERLAY,
    dp.eventSource(),
    identity,
    UNKNOWN,
    UNKNOWN,
    packet.ifindex,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  dp.count(OP_TAIL_CALL);
  const ret = handleFromOverlay(dp, identity);
  return ret < 0 ? dropped(dp, ret, identity, METRIC_INGRESS) : ret;
}

function handleFromOverlay(dp: DatapathContext, keyIdentity: number): number {
  const { packet } = dp;
  const { ipcache } = dp.maps;
  if (keyIdentity === HOST_ID) return DROP_INVALID_IDENTITY;
  let identity = keyIdentity;
  const remote = lookupRemoteEndpoint(dp, packet.row, packet.saddrAt);
  if (remote >= 0 && ipcache.identity(remote) !== 0 && keyIdentity === 0) identity = ipcache.identity(remote);
  if (dp.config.loadBalancer.nodePort && !packet.skipNodeport) {
    const ret = nodeportLb(dp, identity);
    if (ret === RECIRCULATE) dp.count(OP_TAIL_CALL);
    else if (ret === PUNT_TO_STACK) return CTX_ACT_OK;
    else if (ret !== CTX_ACT_OK) return ret;
  }
  const endpoint = lookupEndpoint(dp, packet.row, packet.daddrAt);
  if (endpoint >= 0 && (dp.maps.endpoints.flags(endpoint) & ENDPOINT_MASK_HOST_DELIVERY) === 0) {
    return localDelivery(dp, endpoint, identity, METRIC_INGRESS, true);
  }
  packet.identity = identity;
  return redirect(dp, dp.config.node.hostIfindex);
}

/** `cil_to_overlay`: TC egress of the tunnel device. CTX_ACT_OK encapsulates the packet. */
export function cilToOverlay(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_OVERLAY);
  dp.enter(PROGRAM_OVERLAY, "cil_to_overlay", false);
  dp.useFamily(packet.addressWords);
  let reason = TRACE_REASON_UNKNOWN;
  let monitor = 0;
  if (dp.config.loadBalancer.nodePort && packet.mark !== MARK_SNAT_DONE) {
    const ret = handleNatForward(dp, packet.tunnelKey);
    if (ret === NAT_FWD_DONE) return CTX_ACT_OK;
    if (ret === CTX_ACT_REDIRECT || ret === TC_ACT_SHOT) return ret;
    if (ret < 0) return dropped(dp, ret, packet.tunnelKey, METRIC_EGRESS);
    reason = dp.reason;
    monitor = dp.monitor;
  }
  sendTraceNotify(
    dp,
    TRACE_TO_OVERLAY,
    dp.eventSource(),
    packet.tunnelKey,
    UNKNOWN,
    UNKNOWN,
    packet.ifindex,
    reason,
    monitor,
    NO_ORIG_ADDRESS,
  );
  return CTX_ACT_OK;
}
