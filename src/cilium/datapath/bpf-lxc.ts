/**
 * bpf_lxc, the sending half: packets that leave a pod. bpf/bpf_lxc.c: `cil_from_container`, `handle_ipv4_from_lxc`,
 * `__per_packet_lb_svc_xlate_4`; and `cil_to_container` for per-endpoint routes.
 */

import { htons, IPV4_WORDS } from "../maps/address.js";
import { ENDPOINT_MASK_HOST_DELIVERY } from "../maps/identity-maps.js";
import { handlePolicy } from "./bpf-lxc-policy.js";
import { CT_EGRESS, ctCreate, ctLookup, SCOPE_BIDIR, SCOPE_FORWARD, TRACE_PAYLOAD_LEN } from "./conntrack.js";
import { CT_ESTABLISHED, CT_NEW, CT_RELATED, CT_REPLY, CTX_ACT_OK, CTX_ACT_REDIRECT, PROGRAM_LXC, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext, EndpointProgram } from "./context.js";
import {
  DROP_ENCAP_PROHIBITED,
  DROP_INVALID_SIP,
  DROP_NO_SERVICE,
  DROP_UNKNOWN_L3,
  DROP_UNKNOWN_L4,
  DROP_UNSUPP_SERVICE_PROTO,
} from "./drop-reasons.js";
import { EGRESS_GATEWAY_MATCH, requestNeedsRedirect } from "./egress-gateway.js";
import { lookupEndpoint, lookupRemoteEndpoint, sourceIdentity, worldIdentity } from "./eps.js";
import {
  METRIC_EGRESS,
  TRACE_FROM_LXC,
  TRACE_FROM_PROXY,
  TRACE_FROM_STACK,
  TRACE_REASON_UNKNOWN,
  TRACE_TO_NETWORK,
  TRACE_TO_OVERLAY,
  TRACE_TO_PROXY,
  TRACE_TO_STACK,
} from "./events.js";
import { decrementTtl, encapsulate, fibRedirectRouted, redirectToEndpoint } from "./l3.js";
import { lbExtractTuple, tupleFromPacket } from "./l4.js";
import { lbLocal, lbLookupService } from "./lb.js";
import { localDelivery } from "./local-delivery.js";
import { noServiceReply } from "./no-service.js";
import { NO_ORIG_ADDRESS, sendDropNotify, sendPolicyVerdictNotify, sendTraceNotify, UNKNOWN } from "./notify.js";
import { OP_RUN_LXC, OP_SCRATCH_LOOKUP, OP_SCRATCH_UPDATE, OP_TAIL_CALL } from "./ops.js";
import { IPPROTO_TCP, IPPROTO_UDP, MARK_IDENTITY, MARK_PROXY_EGRESS, MARK_PROXY_INGRESS, MARK_TO_PROXY } from "./packet.js";
import { policyVerdict } from "./policy.js";

/** `cil_from_container`: TC ingress of the pod's device on the host side. A program's return value. */
export function cilFromContainer(dp: DatapathContext, program: EndpointProgram): number {
  const { packet } = dp;
  dp.count(OP_RUN_LXC);
  dp.enter(PROGRAM_LXC, "cil_from_container", true);
  sendTraceNotify(
    dp,
    TRACE_FROM_LXC,
    program.lxcId,
    program.identity,
    UNKNOWN,
    UNKNOWN,
    UNKNOWN,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  if (dp.config.bandwidthManager) packet.aggregate = program.lxcId;
  const ret = tailHandleFromLxc(dp, program);
  if (ret >= 0) return ret;
  sendDropNotify(dp, program.lxcId, program.identity, dp.dstIdentity, UNKNOWN, ret, METRIC_EGRESS);
  return TC_ACT_SHOT;
}

/** `tail_handle_ipv4`: source check, then service translation, then conntrack and policy. */
function tailHandleFromLxc(dp: DatapathContext, program: EndpointProgram): number {
  const { packet, ctStateNew } = dp;
  if (!dp.maps.hasFamily(packet.addressWords)) return DROP_UNKNOWN_L3;
  dp.useFamily(packet.addressWords);
  dp.count(OP_TAIL_CALL);
  if (dp.config.sourceAddressVerification && !isOwnAddress(dp, program)) return DROP_INVALID_SIP;

  ctStateNew.reset();
  if (dp.config.loadBalancer.perPacketLb) {
    const ret = translateService(dp, program);
    if (ret !== CTX_ACT_OK) return ret;
  }
  dp.count(OP_TAIL_CALL);
  return ctEgress(dp, program);
}

/** `is_valid_lxc_src_ipv4`. */
function isOwnAddress(dp: DatapathContext, program: EndpointProgram): boolean {
  const { packet } = dp;
  const own = packet.addressWords === IPV4_WORDS ? program.address4 : program.address6;
  if (own === null) return false;
  for (let i = 0; i < packet.addressWords; i++) if (packet.row[packet.saddrAt + i] !== own[i]) return false;
  return true;
}

/** `__per_packet_lb_svc_xlate_4`. CTX_ACT_OK to go on, CTX_ACT_REDIRECT with an ICMP answer, or a drop reason. */
function translateService(dp: DatapathContext, program: EndpointProgram): number {
  const { tuple, ctStateNew } = dp;
  let ret = lbExtractTuple(dp, tuple);
  if (ret < 0) return ret === DROP_UNSUPP_SERVICE_PROTO || ret === DROP_UNKNOWN_L4 ? CTX_ACT_OK : ret;
  const service = lbLookupService(dp, tuple, dp.config.loadBalancer.nodePort);
  if (service < 0) return CTX_ACT_OK;
  ret = lbLocal(dp, dp.ctMap(tuple.protocol === IPPROTO_TCP), tuple, service, ctStateNew, true);
  if (ret === DROP_NO_SERVICE && dp.config.loadBalancer.noBackendResponse === "reject") {
    dp.count(OP_TAIL_CALL);
    noServiceReply(dp);
    return redirectToEndpoint(dp, program);
  }
  return ret;
}

/** `tail_ipv4_ct_egress`, then `handle_ipv4_from_lxc`. */
function ctEgress(dp: DatapathContext, program: EndpointProgram): number {
  const { tuple, ctState, ctStateNew } = dp;
  tupleFromPacket(dp, tuple);
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  const scope = ctStateNew.revNatIndex !== 0 || ctStateNew.fromL7lb ? SCOPE_FORWARD : SCOPE_BIDIR;
  dp.monitor = 0;
  ctState.reset();
  const status = ctLookup(dp, ct, tuple, CT_EGRESS, scope, ctState);
  if (status < 0) return status;
  dp.count(OP_SCRATCH_UPDATE);
  dp.count(OP_TAIL_CALL);
  const remote = lookupRemoteEndpoint(dp, dp.packet.row, dp.packet.daddrAt);
  dp.count(OP_SCRATCH_LOOKUP);
  const { ipcache } = dp.maps;
  dp.dstIdentity = remote < 0 ? worldIdentity(dp) : ipcache.identity(remote);
  const tunnelEndpoint = remote < 0 || ipcache.skipTunnel(remote) ? 0 : ipcache.tunnelEndpoint(remote);

  // What the control block carries from load balancing: index and loopback, nothing else of its state.
  const { revNatIndex, loopback } = ctStateNew;
  ctStateNew.reset();
  ctStateNew.revNatIndex = revNatIndex;
  ctStateNew.loopback = loopback;
  return handleFromLxc(dp, program, status, tunnelEndpoint);
}

/** `handle_ipv4_from_lxc` from policy on. */
function handleFromLxc(dp: DatapathContext, program: EndpointProgram, status: number, tunnelEndpoint: number): number {
  const { tuple, ctState, ctStateNew, monitor } = dp;
  const isReply = status === CT_REPLY || status === CT_RELATED;
  if (isReply && ctState.proxyRedirect) return toProxy(dp, program, status, monitor, 0);

  let proxyPort = 0;
  if (!isReply && !ctStateNew.loopback) {
    const verdict = isProhibitedTunnel(dp) ? DROP_ENCAP_PROHIBITED : policyVerdict(dp, program, dp.dstIdentity, true, tuple.dport);
    proxyPort = verdict < 0 ? 0 : dp.proxyPort;
    if (verdict !== CTX_ACT_OK || status !== CT_ESTABLISHED) {
      sendPolicyVerdictNotify(dp, program, dp.dstIdentity, verdict < 0 ? verdict : htons(proxyPort), tuple.dport, true);
    }
    if (verdict < 0) return verdict;
  }

  const stale =
    status === CT_ESTABLISHED &&
    (ctState.revNatIndex !== ctStateNew.revNatIndex || ctState.proxyRedirect !== proxyPort > 0);
  if (status === CT_NEW || stale) {
    ctStateNew.srcSecId = program.identity;
    ctStateNew.proxyRedirect = proxyPort > 0;
    const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
    const ret = ctCreate(dp, ct, dp.family.ctAnyGlobal, tuple, CT_EGRESS, ctStateNew);
    if (ret < 0) return ret;
  }
  if (proxyPort > 0) return toProxy(dp, program, status, monitor, proxyPort);
  const hairpinReply = isReply && ctState.loopback;
  return forwardFromLxc(dp, program, status, monitor, tunnelEndpoint, hairpinReply);
}

/** UDP to the tunnel port would let a pod forge encapsulated traffic. */
function isProhibitedTunnel(dp: DatapathContext): boolean {
  const { packet, config } = dp;
  return config.tunnel && packet.protocol === IPPROTO_UDP && packet.dport === config.node.tunnelPort;
}

/** To the L7 proxy: `ctx_redirect_to_proxy4`. */
function toProxy(dp: DatapathContext, program: EndpointProgram, status: number, monitor: number, proxyPort: number): number {
  sendTraceNotify(
    dp,
    TRACE_TO_PROXY,
    program.lxcId,
    program.identity,
    UNKNOWN,
    proxyPort,
    UNKNOWN,
    status,
    monitor,
    NO_ORIG_ADDRESS,
  );
  dp.packet.mark = MARK_TO_PROXY;
  dp.proxyIngress = false;
  dp.proxySource = program.identity;
  return CTX_ACT_OK;
}

/** Where the packet goes: another pod of the node, the node itself, the tunnel, the network, or the stack. */
function forwardFromLxc(
  dp: DatapathContext,
  program: EndpointProgram,
  status: number,
  monitor: number,
  tunnelEndpoint: number,
  hairpinReply: boolean,
): number {
  const { packet, config } = dp;
  // A hairpin reply is addressed to the loopback address; its pod is the sender itself.
  const endpoint = lookupEndpoint(dp, packet.row, hairpinReply ? packet.saddrAt : packet.daddrAt);
  if (endpoint >= 0 && (dp.maps.endpoints.flags(endpoint) & ENDPOINT_MASK_HOST_DELIVERY) === 0) {
    return localDelivery(dp, endpoint, program.identity, METRIC_EGRESS, false);
  }
  if (endpoint < 0) {
    if (config.egressGateway && packet.addressWords === IPV4_WORDS && (status === CT_NEW || status === CT_ESTABLISHED)) {
      const gateway = requestNeedsRedirect(dp, dp.dstIdentity);
      if (gateway < 0) return gateway;
      if (gateway === EGRESS_GATEWAY_MATCH) {
        traceTo(dp, TRACE_TO_OVERLAY, program, config.node.tunnelIfindex, status, monitor);
        return encapsulate(dp, dp.address[0]!, program.identity);
      }
    }
    if (config.tunnel && tunnelEndpoint !== 0) {
      const { tunnelIfindex } = config.node;
      traceTo(dp, TRACE_TO_OVERLAY, program, tunnelIfindex, status, monitor);
      return encapsulate(dp, tunnelEndpoint, program.identity);
    }
    if (config.hostRouting) {
      const ret = fibRedirectRouted(dp);
      if (ret === CTX_ACT_REDIRECT) traceTo(dp, TRACE_TO_NETWORK, program, dp.redirectIfindex, status, monitor);
      return ret;
    }
  }
  const ret = decrementTtl(dp);
  if (ret < 0) return ret;
  packet.mark = MARK_IDENTITY;
  packet.identity = program.identity;
  traceTo(dp, TRACE_TO_STACK, program, UNKNOWN, status, monitor);
  return CTX_ACT_OK;
}

function traceTo(dp: DatapathContext, point: number, program: EndpointProgram, ifindex: number, status: number, monitor: number): void {
  sendTraceNotify(dp, point, program.lxcId, program.identity, dp.dstIdentity, UNKNOWN, ifindex, status, monitor, NO_ORIG_ADDRESS);
}

/** `cil_to_container`: TC egress of the pod's device, with per-endpoint routes. The packet comes from the stack. */
export function cilToContainer(dp: DatapathContext, program: EndpointProgram): number {
  const { packet } = dp;
  dp.count(OP_RUN_LXC);
  dp.enter(PROGRAM_LXC, "cil_to_container", false);
  dp.useFamily(packet.addressWords);
  const fromProxy = packet.mark === MARK_PROXY_INGRESS || packet.mark === MARK_PROXY_EGRESS;
  const srcLabel = fromProxy || packet.mark === MARK_IDENTITY ? packet.identity : worldIdentity(dp);
  sendTraceNotify(
    dp,
    fromProxy ? TRACE_FROM_PROXY : TRACE_FROM_STACK,
    program.lxcId,
    srcLabel,
    program.identity,
    program.lxcId,
    packet.ifindex,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  dp.count(OP_TAIL_CALL);
  // `tail_ipv4_to_endpoint`: what came through the stack has lost its identity on the way.
  return handlePolicy(dp, program, sourceIdentity(dp, srcLabel), false, false);
}
