/**
 * NodePort at the network: requests from outside to services, and replies of remote backends. bpf/lib/nodeport.h; the
 * same code runs in bpf_host (TC ingress), bpf_overlay and bpf_xdp. DSR is in dsr.ts, to-netdev in nodeport-egress.ts.
 */

import { IPV4_WORDS } from "../maps/address.js";
import { SVC_FLAG_FWD_MODE_DSR, SVC_FLAG_HOSTPORT, SVC_FLAG_L7_LOADBALANCER, SVC_FLAG_ROUTABLE } from "../maps/service-maps.js";
import { TUPLE_F_OUT } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import {
  CT_EGRESS,
  CT_ENTRY_NODEPORT,
  CT_INGRESS,
  ctCreate,
  ctLazyLookup,
  SCOPE_FORWARD,
  SCOPE_REVERSE,
  TRACE_PAYLOAD_LEN,
} from "./conntrack.js";
import {
  CT_ESTABLISHED,
  CT_NEW,
  CT_REPLY,
  CTX_ACT_OK,
  CTX_ACT_REDIRECT,
  PROGRAM_HOST,
  PROGRAM_OVERLAY,
  PROGRAM_XDP,
  PUNT_TO_STACK,
  RECIRCULATE,
  TC_ACT_SHOT,
} from "./context.js";
import type { DatapathContext } from "./context.js";
import {
  DROP_INVALID,
  DROP_IS_CLUSTER_IP,
  DROP_NAT_NO_MAPPING,
  DROP_NO_SERVICE,
  DROP_NOT_IN_SRC_RANGE,
  DROP_UNKNOWN_CT,
  DROP_UNKNOWN_L4,
  DROP_UNSUPP_SERVICE_PROTO,
  NAT_PUNT_TO_STACK,
} from "./drop-reasons.js";
import { dsrIngress, dsrRequest } from "./dsr.js";
import { replyNeedsRedirect } from "./egress-gateway.js";
import { lookupEndpoint, lookupRemoteEndpoint, WORLD_ID } from "./eps.js";
import { METRIC_EGRESS, METRIC_INGRESS, TRACE_REASON_UNKNOWN, TRACE_TO_OVERLAY, TRACE_TO_PROXY } from "./events.js";
import { decrementTtl, encapsulate, fibRedirect, redirect } from "./l3.js";
import { hasPorts, lbExtractTuple } from "./l4.js";
import { lbLocal, lbLookupService, lbSourceRangeOk, lookupReverseNat, reverseNatSource } from "./lb.js";
import { snatReverse, snatTranslate } from "./nat.js";
import { noServiceReply } from "./no-service.js";
import { NO_ORIG_ADDRESS, sendDropNotify, sendTraceNotify, UNKNOWN } from "./notify.js";
import { OP_NEIGH_LOOKUP, OP_NEIGH_UPDATE, OP_TAIL_CALL } from "./ops.js";
import { IPPROTO_TCP, MARK_SNAT_DONE, MARK_TO_PROXY, XFER_PKT_NO_SVC, XFER_PKT_SNAT_DONE } from "./packet.js";

/** `nodeport_uses_dsr4` for a protocol; `service` is a frontend's slot or negative. */
export function usesDsr(dp: DatapathContext, protocol: number, service: number): boolean {
  const { mode, perServiceMode } = dp.config.loadBalancer;
  if (perServiceMode && service >= 0) return (dp.family.services.flags2(service) & SVC_FLAG_FWD_MODE_DSR) !== 0;
  return mode === "dsr" || (mode === "hybrid" && protocol === IPPROTO_TCP);
}

/** Whether DSR is compiled in. */
export function dsrEnabled(dp: DatapathContext): boolean {
  return dp.config.loadBalancer.mode !== "snat" || dp.config.loadBalancer.perServiceMode;
}

function masquerades(dp: DatapathContext): boolean {
  return dp.packet.addressWords === IPV4_WORDS ? dp.config.bpfMasquerade4 : dp.config.bpfMasquerade6;
}

/** `ctx_snat_done_set`. */
export function setSnatDone(dp: DatapathContext): void {
  if (dp.program === PROGRAM_XDP) dp.packet.xfer |= XFER_PKT_SNAT_DONE;
  else dp.packet.mark = MARK_SNAT_DONE;
}

/** A drop inside a tail call of NodePort: announced there, without knowledge of the peers. */
function drop(dp: DatapathContext, error: number, srcLabel: number, direction: number): number {
  sendDropNotify(dp, dp.eventSource(), srcLabel, UNKNOWN, UNKNOWN, error, direction);
  return TC_ACT_SHOT;
}

/**
 * `nodeport_lb4`: what a packet from the network is to the load balancer. CTX_ACT_OK: goes on to its destination on
 * this node; CTX_ACT_REDIRECT: leaves again; RECIRCULATE; PUNT_TO_STACK; TC_ACT_SHOT; or a drop reason.
 */
export function nodeportLb(dp: DatapathContext, srcIdentity: number): number {
  const { packet, tuple } = dp;
  const ret = lbExtractTuple(dp, tuple);
  let isServiceProtocol = true;
  if (ret < 0) {
    if (ret === DROP_UNKNOWN_L4) {
      packet.xfer |= XFER_PKT_NO_SVC;
      return CTX_ACT_OK;
    }
    if (ret !== DROP_UNSUPP_SERVICE_PROTO) return ret;
    isServiceProtocol = false;
  }
  if (isServiceProtocol) {
    const service = lbLookupService(dp, tuple, false);
    if (service >= 0) return nodeportService(dp, tuple, service, srcIdentity);
  }

  packet.xfer |= XFER_PKT_NO_SVC;
  if (isServiceProtocol && dsrEnabled(dp) && seesDsr(dp)) {
    const dsr = dsrIngress(dp, tuple);
    if (dsr !== RECIRCULATE) return dsr;
  }
  if (!masquerades(dp) && (!isServiceProtocol || usesDsr(dp, packet.protocol, -1))) return CTX_ACT_OK;
  dp.count(OP_TAIL_CALL);
  return natIngress(dp);
}

/** DSR information arrives in an IP option at the device, or with Geneve at the tunnel. */
function seesDsr(dp: DatapathContext): boolean {
  const { mode, dsrDispatch, perServiceMode } = dp.config.loadBalancer;
  if (!perServiceMode && mode === "hybrid" && dp.packet.protocol !== IPPROTO_TCP) return false;
  return (dp.program === PROGRAM_OVERLAY) === (dsrDispatch === "geneve");
}

/** `nodeport_svc_lb4`: a request to the service at `service`. */
function nodeportService(dp: DatapathContext, tuple: Tuple, service: number, srcIdentity: number): number {
  const { services } = dp.family;
  const { packet, ctState, ctStateNew } = dp;
  if (!lbSourceRangeOk(dp, service)) return DROP_NOT_IN_SRC_RANGE;
  if ((services.flags2(service) & SVC_FLAG_L7_LOADBALANCER) !== 0 && services.l7ProxyPort(service) > 0) {
    return toL7Proxy(dp, services.l7ProxyPort(service), srcIdentity);
  }
  if ((services.flags(service) & SVC_FLAG_ROUTABLE) === 0) return DROP_IS_CLUSTER_IP;

  const hostPort = (services.flags(service) & SVC_FLAG_HOSTPORT) !== 0;
  const dsr = usesDsr(dp, packet.protocol, service);
  dp.rememberService(packet);
  ctStateNew.reset();
  const ct = dp.ctMap(packet.protocol === IPPROTO_TCP);
  const ret = lbLocal(dp, ct, tuple, service, ctStateNew, false);
  if (ret === DROP_NO_SERVICE && dp.config.loadBalancer.noBackendResponse === "reject") {
    dp.count(OP_TAIL_CALL);
    noServiceReply(dp);
    return redirect(dp, packet.ifindex);
  }
  if (ret < 0) return ret;

  const backendLocal = lookupEndpoint(dp, tuple.words, 0) >= 0;
  if (!backendLocal && hostPort) return DROP_INVALID;
  if (backendLocal || !dsr) {
    const tracked = trackNodePort(dp, tuple, ctStateNew.revNatIndex);
    if (tracked < 0) return tracked;
    recordNeighbour(dp);
    if (backendLocal) {
      packet.xfer |= XFER_PKT_NO_SVC;
      return CTX_ACT_OK;
    }
  }
  ctState.reset();
  packet.aggregate = 0;
  dp.count(OP_TAIL_CALL);
  const sent = dsr ? dsrRequest(dp, srcIdentity) : natEgress(dp, tuple);
  return sent < 0 ? drop(dp, sent, UNKNOWN, METRIC_EGRESS) : sent;
}

/** Entry OUT(node_port) of a request, looked up or made; `tuple` is left in forward layout. 0 or a drop reason. */
function trackNodePort(dp: DatapathContext, tuple: Tuple, revNatIndex: number): number {
  const { ctState, ctStateNew } = dp;
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  tuple.reverse();
  ctState.reset();
  ctState.revNatIndex = revNatIndex;
  switch (ctLazyLookup(dp, ct, tuple, CT_EGRESS, SCOPE_FORWARD, CT_ENTRY_NODEPORT, ctState)) {
    case CT_NEW:
      ctStateNew.reset();
      ctStateNew.revNatIndex = revNatIndex;
      ctStateNew.srcSecId = WORLD_ID;
      ctStateNew.nodePort = true;
      return ctCreate(dp, ct, null, tuple, CT_EGRESS, ctStateNew);
    case CT_ESTABLISHED:
      return 0;
    default:
      return DROP_UNKNOWN_CT;
  }
}

/** `neigh_record_ip4`: the client's MAC address, for replies on nodes that cannot resolve it. */
function recordNeighbour(dp: DatapathContext): void {
  const { neighbours } = dp.family;
  neighbours.setKey(dp.packet.row, dp.packet.saddrAt);
  if (dp.lookupLru(OP_NEIGH_LOOKUP, neighbours.map, neighbours.key) >= 0) return;
  dp.update(OP_NEIGH_UPDATE, neighbours.map, neighbours.key);
}

/** A service of the L7 load balancer: TC hands it to the proxy, XDP passes it up. */
function toL7Proxy(dp: DatapathContext, port: number, srcIdentity: number): number {
  if (dp.program === PROGRAM_XDP) return CTX_ACT_OK;
  sendTraceNotify(
    dp,
    TRACE_TO_PROXY,
    dp.eventSource(),
    srcIdentity,
    UNKNOWN,
    port,
    UNKNOWN,
    TRACE_REASON_UNKNOWN,
    TRACE_PAYLOAD_LEN,
    NO_ORIG_ADDRESS,
  );
  dp.packet.mark = MARK_TO_PROXY;
  return PUNT_TO_STACK;
}

/** Sets the SNAT target of NodePort requests: direct-routing address, or the router's into a tunnel. */
function nodePortTarget(dp: DatapathContext, intoTunnel: boolean): void {
  const { natTarget } = dp;
  const { node, nat } = dp.config;
  const v4 = dp.packet.addressWords === IPV4_WORDS;
  const own = v4 ? node.address4 : node.address6;
  const router = v4 ? node.router4 : node.router6;
  const address = intoTunnel ? router : own;
  if (address !== null) for (let i = 0; i < address.length; i++) natTarget.address[i] = address[i]!;
  natTarget.portMin = nat.portMin;
  natTarget.portMax = nat.portMax;
  natTarget.needsCt = false;
  natTarget.fromLocalEndpoint = false;
  natTarget.egressGateway = false;
}

/** `tail_nodeport_nat_egress_ipv4`: SNAT towards a remote backend. CTX_ACT_REDIRECT or a drop reason. */
function natEgress(dp: DatapathContext, tuple: Tuple): number {
  const { packet, natTuple } = dp;
  const { ipcache } = dp.maps;
  let tunnelEndpoint = 0;
  let dstIdentity = 0;
  if (dp.config.tunnel) {
    const remote = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
    if (remote >= 0 && ipcache.tunnelEndpoint(remote) !== 0) {
      tunnelEndpoint = ipcache.tunnelEndpoint(remote);
      dstIdentity = ipcache.identity(remote);
    }
  }
  nodePortTarget(dp, tunnelEndpoint !== 0);
  const routed = decrementTtl(dp);
  if (routed < 0) return routed;

  // The conntrack key has the addresses of the packet swapped and its ports straight: a packet-order key, reversed.
  natTuple.copyFrom(tuple);
  natTuple.swapAddresses();
  natTuple.flags = TUPLE_F_OUT;
  const ret = snatTranslate(dp, natTuple, dp.natTarget);
  if (ret < 0) return ret;
  setSnatDone(dp);
  if (tunnelEndpoint !== 0) {
    const { tunnelIfindex } = dp.config.node;
    traceTunnel(dp, WORLD_ID, dstIdentity, tunnelIfindex, CT_NEW, TRACE_PAYLOAD_LEN);
    return encapsulate(dp, tunnelEndpoint, WORLD_ID);
  }
  return fibRedirect(dp);
}

function traceTunnel(dp: DatapathContext, srcLabel: number, dstLabel: number, ifindex: number, reason: number, monitor: number): void {
  sendTraceNotify(dp, TRACE_TO_OVERLAY, dp.eventSource(), srcLabel, dstLabel, UNKNOWN, ifindex, reason, monitor, NO_ORIG_ADDRESS);
}

/**
 * `tail_nodeport_nat_ingress_ipv4`: reverse SNAT of what may be a reply to a masqueraded pod or from a remote backend.
 * RECIRCULATE when it is no such reply or the pod is here, CTX_ACT_REDIRECT when it goes back to an outside client.
 */
function natIngress(dp: DatapathContext): number {
  const ret = snatReverse(dp);
  if (ret < 0) {
    if (ret !== NAT_PUNT_TO_STACK && ret !== DROP_NAT_NO_MAPPING) return drop(dp, ret, UNKNOWN, METRIC_INGRESS);
    dp.packet.skipNodeport = true;
    return RECIRCULATE;
  }
  setSnatDone(dp);
  dp.count(OP_TAIL_CALL);
  if (dp.config.loadBalancer.mode !== "dsr" || dp.config.egressGateway) {
    const sent = reverseDnatIngress(dp);
    if (sent < 0) return drop(dp, sent, UNKNOWN, METRIC_EGRESS);
    if (sent === CTX_ACT_REDIRECT) return sent;
  }
  dp.packet.skipNodeport = true;
  return RECIRCULATE;
}

/** `nodeport_rev_dnat_ingress_ipv4`: the reply of a remote backend gets the service's address and goes to the client. */
function reverseDnatIngress(dp: DatapathContext): number {
  const { packet, tuple, ctState } = dp;
  const ret = lbExtractTuple(dp, tuple);
  const canBeService = ret !== DROP_UNSUPP_SERVICE_PROTO && ret !== DROP_UNKNOWN_L4;
  if (ret < 0 && canBeService) return ret;
  if (dp.config.egressGateway && dp.program === PROGRAM_HOST && !dp.config.tunnel && packet.addressWords === IPV4_WORDS) {
    const remote = replyNeedsRedirect(dp);
    if (remote >= 0) return intoTunnel(dp, remote);
  }
  if (!canBeService) return CTX_ACT_OK;
  ctState.reset();
  dp.monitor = TRACE_PAYLOAD_LEN;
  const ct = dp.ctMap(packet.protocol === IPPROTO_TCP);
  const status = ctLazyLookup(dp, ct, tuple, CT_INGRESS, SCOPE_REVERSE, CT_ENTRY_NODEPORT, ctState);
  if (status !== CT_REPLY) return CTX_ACT_OK;
  if (lookupReverseNat(dp, ctState.revNatIndex)) reverseNatSource(dp, false, hasPorts(dp, packet.protocol));
  setSnatDone(dp);

  if (dp.config.tunnel) {
    const remote = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
    if (remote >= 0 && dp.maps.ipcache.tunnelEndpoint(remote) !== 0) return intoTunnel(dp, remote);
  }
  const routed = decrementTtl(dp);
  return routed < 0 ? routed : fibRedirect(dp);
}

/** A translated reply to the node of the pod at `remote` of the ipcache. CTX_ACT_REDIRECT or a drop reason. */
function intoTunnel(dp: DatapathContext, remote: number): number {
  const { ipcache } = dp.maps;
  const routed = decrementTtl(dp);
  if (routed < 0) return routed;
  traceTunnel(dp, UNKNOWN, ipcache.identity(remote), dp.config.node.tunnelIfindex, CT_REPLY, dp.monitor);
  return encapsulate(dp, ipcache.tunnelEndpoint(remote), UNKNOWN);
}
