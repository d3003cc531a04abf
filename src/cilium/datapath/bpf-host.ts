/**
 * bpf_host: the native device (`cil_from_netdev`, `cil_to_netdev`) and cilium_host (`cil_from_host`, `cil_to_host`).
 * bpf/bpf_host.c.
 */

import { ENDPOINT_MASK_HOST_DELIVERY } from "../maps/identity-maps.js";
import { TRACE_PAYLOAD_LEN } from "./conntrack.js";
import { CTX_ACT_OK, CTX_ACT_REDIRECT, PROGRAM_HOST, PUNT_TO_STACK, RECIRCULATE, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_FRAG_NOSUPPORT, DROP_UNKNOWN_L3, DROP_UNROUTABLE } from "./drop-reasons.js";
import { departure } from "./edt.js";
import { encryptForWire, isDecrypted, isEncrypted } from "./encrypt.js";
import { HOST_ID, lookupEndpoint, lookupRemoteEndpoint, sourceIdentity, WORLD_ID, worldIdentity } from "./eps.js";
import {
  METRIC_EGRESS,
  METRIC_INGRESS,
  TRACE_FROM_HOST,
  TRACE_FROM_NETWORK,
  TRACE_FROM_PROXY,
  TRACE_REASON_ENCRYPTED,
  TRACE_REASON_UNKNOWN,
  TRACE_TO_HOST,
  TRACE_TO_NETWORK,
  TRACE_TO_OVERLAY,
} from "./events.js";
import { hostPolicyEgress, hostPolicyIngress } from "./host-firewall.js";
import { encapsulate } from "./l3.js";
import { localDelivery } from "./local-delivery.js";
import { nodeportLb } from "./nodeport.js";
import { handleNatForward, NAT_FWD_DONE } from "./nodeport-egress.js";
import { NO_ORIG_ADDRESS, sendDropNotify, sendTraceNotify, UNKNOWN } from "./notify.js";
import { OP_RUN_HOST, OP_RUN_NETDEV_EGRESS, OP_RUN_NETDEV_INGRESS, OP_TAIL_CALL } from "./ops.js";
import {
  MARK_ENCRYPT,
  MARK_HOST,
  MARK_IDENTITY,
  MARK_OVERLAY,
  MARK_PROXY_EGRESS,
  MARK_PROXY_INGRESS,
  MARK_SNAT_DONE,
  XFER_PKT_NO_SVC,
  XFER_PKT_SNAT_DONE,
} from "./packet.js";

/** `cil_from_netdev`: TC ingress of the native device. */
export function cilFromNetdev(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_NETDEV_INGRESS);
  dp.enter(PROGRAM_HOST, "cil_from_netdev", true);
  if ((packet.xfer & XFER_PKT_NO_SVC) !== 0) packet.skipNodeport = true;
  if ((packet.xfer & XFER_PKT_SNAT_DONE) !== 0) packet.mark = MARK_SNAT_DONE;
  packet.xfer = 0;
  if (!dp.maps.hasFamily(packet.addressWords)) return dropped(dp, DROP_UNKNOWN_L3, UNKNOWN, METRIC_INGRESS);
  dp.useFamily(packet.addressWords);
  if (isEncrypted(dp)) return CTX_ACT_OK;
  const identity = sourceIdentity(dp, worldIdentity(dp));
  const decrypted = isDecrypted(dp);
  sendTraceNotify(
    dp,
    TRACE_FROM_NETWORK,
    dp.eventSource(),
    identity,
    UNKNOWN,
    UNKNOWN,
    packet.ifindex,
    decrypted ? TRACE_REASON_UNKNOWN | TRACE_REASON_ENCRYPTED : TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  dp.count(OP_TAIL_CALL);
  const ret = handleFromNetdev(dp, identity);
  return ret < 0 ? dropped(dp, ret, identity, METRIC_INGRESS) : ret;
}

function dropped(dp: DatapathContext, error: number, srcLabel: number, direction: number): number {
  sendDropNotify(dp, dp.eventSource(), srcLabel, UNKNOWN, UNKNOWN, error, direction);
  return TC_ACT_SHOT;
}

/** `tail_handle_ipv4_from_netdev`: load balancer first, then local delivery or the stack. */
function handleFromNetdev(dp: DatapathContext, identity: number): number {
  const { packet, config } = dp;
  if (packet.isFragment && !config.fragmentTracking) return DROP_FRAG_NOSUPPORT;
  if (config.loadBalancer.nodePort && !packet.skipNodeport) {
    const ret = nodeportLb(dp, identity);
    if (ret === RECIRCULATE) dp.count(OP_TAIL_CALL);
    else if (ret === PUNT_TO_STACK) return CTX_ACT_OK;
    else if (ret !== CTX_ACT_OK) return ret;
  }
  const firewall = hostPolicyIngress(dp, identity);
  if (firewall < 0) return firewall;
  dp.count(OP_TAIL_CALL);
  const endpoint = lookupEndpoint(dp, packet.row, packet.daddrAt);
  if (endpoint < 0 || (dp.maps.endpoints.flags(endpoint) & ENDPOINT_MASK_HOST_DELIVERY) !== 0) return CTX_ACT_OK;
  if (!config.hostRouting) return CTX_ACT_OK;
  return localDelivery(dp, endpoint, identity, METRIC_INGRESS, false);
}

/** `cil_to_netdev`: TC egress of the native device. CTX_ACT_OK puts the packet on the wire. */
export function cilToNetdev(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_NETDEV_EGRESS);
  dp.enter(PROGRAM_HOST, "cil_to_netdev", false);
  if (!dp.maps.hasFamily(packet.addressWords)) return CTX_ACT_OK;
  dp.useFamily(packet.addressWords);
  const firewall = hostPolicyEgress(dp);
  if (firewall < 0) return dropped(dp, firewall, UNKNOWN, METRIC_EGRESS);
  if (dp.config.bandwidthManager) {
    const ret = departure(dp);
    if (ret < 0) return dropped(dp, ret, UNKNOWN, METRIC_EGRESS);
  }
  let reason = TRACE_REASON_UNKNOWN;
  let monitor = 0;
  if (dp.config.loadBalancer.nodePort && isUntranslated(packet.mark)) {
    const ret = handleNatForward(dp, UNKNOWN);
    if (ret === NAT_FWD_DONE) {
      encryptForWire(dp);
      return CTX_ACT_OK;
    }
    if (ret === CTX_ACT_REDIRECT || ret === TC_ACT_SHOT) return ret;
    if (ret < 0) return dropped(dp, ret, UNKNOWN, METRIC_EGRESS);
    reason = dp.reason;
    monitor = dp.monitor;
  }
  encryptForWire(dp);
  sendTraceNotify(
    dp,
    TRACE_TO_NETWORK,
    dp.eventSource(),
    UNKNOWN,
    UNKNOWN,
    UNKNOWN,
    packet.ifindex,
    reason,
    monitor,
    NO_ORIG_ADDRESS,
  );
  return CTX_ACT_OK;
}

/** Neither translated already nor the outside of something that was. */
function isUntranslated(mark: number): boolean {
  return mark !== MARK_SNAT_DONE && mark !== MARK_OVERLAY && mark !== MARK_ENCRYPT;
}

/** `cil_from_host`: TC egress of cilium_host: packets of the node to pods, and into the tunnel. */
export function cilFromHost(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_HOST);
  dp.enter(PROGRAM_HOST, "cil_from_host", true);
  if (!dp.maps.hasFamily(packet.addressWords)) return dropped(dp, DROP_UNKNOWN_L3, HOST_ID, METRIC_INGRESS);
  dp.useFamily(packet.addressWords);
  const fromProxy = packet.mark === MARK_PROXY_INGRESS || packet.mark === MARK_PROXY_EGRESS;
  const given = packet.mark === MARK_HOST ? HOST_ID : fromProxy || packet.mark === MARK_IDENTITY ? packet.identity : WORLD_ID;
  const identity = sourceIdentity(dp, given);
  const point = fromProxy ? TRACE_FROM_PROXY : TRACE_FROM_HOST;
  sendTraceNotify(
    dp,
    point,
    dp.eventSource(),
    identity,
    UNKNOWN,
    UNKNOWN,
    packet.ifindex,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  dp.count(OP_TAIL_CALL, 2);
  const ret = handleFromHost(dp, identity);
  return ret < 0 ? dropped(dp, ret, identity, METRIC_INGRESS) : ret;
}

function handleFromHost(dp: DatapathContext, identity: number): number {
  const { packet, config } = dp;
  const endpoint = lookupEndpoint(dp, packet.row, packet.daddrAt);
  if (endpoint >= 0) {
    if ((dp.maps.endpoints.flags(endpoint) & ENDPOINT_MASK_HOST_DELIVERY) !== 0) return CTX_ACT_OK;
    return localDelivery(dp, endpoint, identity, METRIC_INGRESS, false);
  }
  const { ipcache } = dp.maps;
  const remote = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
  if (remote >= 0 && config.tunnel && ipcache.tunnelEndpoint(remote) !== 0) {
    const dstIdentity = ipcache.identity(remote);
    const { tunnelIfindex } = config.node;
    sendTraceNotify(
      dp,
      TRACE_TO_OVERLAY,
      dp.eventSource(),
      identity,
      dstIdentity,
      UNKNOWN,
      tunnelIfindex,
      TRACE_REASON_UNKNOWN,
      TRACE_PAYLOAD_LEN,
      NO_ORIG_ADDRESS,
    );
    return encapsulate(dp, ipcache.tunnelEndpoint(remote), identity);
  }
  if (remote < 0 || ipcache.identity(remote) === worldIdentity(dp)) return DROP_UNROUTABLE;
  return CTX_ACT_OK;
}

/** `cil_to_host`: TC ingress of cilium_host and cilium_net: packets for the node itself. */
export function cilToHost(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_HOST);
  dp.enter(PROGRAM_HOST, "cil_to_host", false);
  sendTraceNotify(
    dp,
    TRACE_TO_HOST,
    dp.eventSource(),
    packet.identity,
    HOST_ID,
    UNKNOWN,
    packet.ifindex,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  return CTX_ACT_OK;
}
