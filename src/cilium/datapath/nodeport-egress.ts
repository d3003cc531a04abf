/**
 * NAT on the way out of the node: `handle_nat_fwd` of bpf/lib/nodeport.h and nodeport_egress.h, called at to-netdev and
 * to-overlay. First replies of local backends get their service's address back; then what leaves the node is
 * masqueraded, or its port is reserved.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { AddressWords } from "../maps/address.js";
import { CT_DSR_INTERNAL, CT_NODE_PORT } from "../maps/ct-flags.js";
import { ENDPOINT_F_HOST } from "../maps/identity-maps.js";
import { TUPLE_F_OUT } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import type { Cidr } from "./config.js";
import { CT_ENTRY_DSR, CT_ENTRY_NODEPORT, CT_INGRESS, ctIsReply, ctLazyLookup, SCOPE_REVERSE } from "./conntrack.js";
import { CT_REPLY, CTX_ACT_OK, PROGRAM_HOST, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_CT_UNKNOWN_PROTO, DROP_UNKNOWN_L4, DROP_UNSUPP_SERVICE_PROTO, NAT_PUNT_TO_STACK } from "./drop-reasons.js";
import { EGRESS_GATEWAY_MATCH, snatNeeded } from "./egress-gateway.js";
import { isRemoteNode, lookupEndpoint, lookupRemoteEndpoint } from "./eps.js";
import { METRIC_EGRESS, TRACE_REASON_UNKNOWN, TRACE_TO_NETWORK, TRACE_TO_OVERLAY } from "./events.js";
import { fibLookup, redirect } from "./l3.js";
import { extractTuplePorts, hasPorts, lbExtractTuple, tupleFromPacket } from "./l4.js";
import { lookupReverseNat, reverseNatSource } from "./lb.js";
import { snatEgress } from "./nat.js";
import { dsrEnabled, setSnatDone } from "./nodeport.js";
import { sendDropNotify, sendTraceNotifyAt, SITE_SNAT_FORWARD, UNKNOWN } from "./notify.js";
import { OP_IPMASQ_LOOKUP, OP_TAIL_CALL } from "./ops.js";
import { IPPROTO_TCP } from "./packet.js";

/** SNAT is needed: the target says how. */
const NAT_NEEDED = 1;
/** The tail call has announced the packet itself; nothing is left to do. */
export const NAT_FWD_DONE = 102;

/**
 * `handle_nat_fwd`: NAT_FWD_DONE, CTX_ACT_OK when the caller announces the packet (`dp.reason` and `dp.monitor` set),
 * CTX_ACT_REDIRECT, TC_ACT_SHOT, or a drop reason.
 */
export function handleNatForward(dp: DatapathContext, srcIdentity: number): number {
  dp.reason = TRACE_REASON_UNKNOWN;
  dp.monitor = 0;
  const ret = reverseDnatForward(dp);
  if (ret !== CTX_ACT_OK) return ret === NAT_FWD_DONE ? CTX_ACT_OK : ret;
  if (dp.config.loadBalancer.mode === "dsr" && !masquerades(dp)) return CTX_ACT_OK;
  dp.count(OP_TAIL_CALL);
  return tailSnatForward(dp, srcIdentity);
}

function masquerades(dp: DatapathContext): boolean {
  return dp.packet.addressWords === IPV4_WORDS ? dp.config.bpfMasquerade4 : dp.config.bpfMasquerade6;
}

/**
 * `nodeport_rev_dnat_fwd_ipv4`: a local backend's reply to a NodePort or DSR request. NAT_FWD_DONE when translated,
 * CTX_ACT_OK when it is none, CTX_ACT_REDIRECT to another device, or a drop reason.
 */
function reverseDnatForward(dp: DatapathContext): number {
  const { packet, tuple } = dp;
  const ret = lbExtractTuple(dp, tuple);
  if (ret < 0) return ret === DROP_UNSUPP_SERVICE_PROTO || ret === DROP_UNKNOWN_L4 ? CTX_ACT_OK : ret;
  if (!reverseDnatInfo(dp, tuple)) return CTX_ACT_OK;
  if (dp.program === PROGRAM_HOST && !dp.config.node.hostSkipsFib) {
    const oif = fibLookup(dp);
    if (oif < 0) return oif;
    if (oif !== packet.ifindex) return redirect(dp, oif);
  }
  const ct = dp.ctMap(packet.protocol === IPPROTO_TCP);
  dp.ctState.reset();
  const status = ctLazyLookup(dp, ct, tuple, CT_INGRESS, SCOPE_REVERSE, CT_ENTRY_NODEPORT | CT_ENTRY_DSR, dp.ctState);
  if (status !== CT_REPLY) return CTX_ACT_OK;
  dp.reason = CT_REPLY;
  reverseNatSource(dp, false, hasPorts(dp, packet.protocol));
  if (dp.program === PROGRAM_HOST) setSnatDone(dp);
  return NAT_FWD_DONE;
}

/** `nodeport_rev_dnat_get_info_ipv4`: the service behind a reply, from its OUT entry, or for DSR from the NAT map. */
function reverseDnatInfo(dp: DatapathContext, tuple: Tuple): boolean {
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  tuple.flags = TUPLE_F_OUT;
  const slot = dp.ctLookup(ct, tuple);
  if (slot < 0) return false;
  const flags = ct.flags(slot);
  const revNatIndex = ct.revNatIndex(slot);
  if ((flags & CT_NODE_PORT) !== 0 && revNatIndex !== 0) return lookupReverseNat(dp, revNatIndex);
  if (!dsrEnabled(dp) || (flags & CT_DSR_INTERNAL) === 0) return false;
  if (dp.config.nat.dsrInfoInConntrack === true && ct.natPort(slot) !== 0) {
    ct.copyNatAddress(slot, dp.serviceAddress, 0, tuple.addressWords);
    dp.servicePort = ct.natPort(slot);
    return true;
  }

  const nat = dp.family.snatExternal;
  const key = dp.natTuple;
  key.copyFrom(tuple);
  key.swapPorts();
  key.flags = TUPLE_F_OUT;
  const entry = dp.natLookup(nat, key);
  if (entry < 0) return false;
  nat.copyToAddr(entry, dp.serviceAddress, 0);
  dp.servicePort = nat.toPort(entry);
  return true;
}

/** `tail_handle_snat_fwd_ipv4`: SNAT where it applies, and the packet's to-network (or to-overlay) event. */
function tailSnatForward(dp: DatapathContext, srcIdentity: number): number {
  const { packet } = dp;
  packet.keepOrigSaddr();
  dp.reason = TRACE_REASON_UNKNOWN;
  dp.monitor = 0;
  let translated = false;
  let ret = needsMasquerade(dp);
  if (ret === NAT_NEEDED) {
    translated = true;
    ret = snatEgress(dp, dp.natTarget);
    if (ret === CTX_ACT_OK && dp.program === PROGRAM_HOST) setSnatDone(dp);
  }
  if (ret === NAT_PUNT_TO_STACK) ret = CTX_ACT_OK;
  if (ret < 0) {
    sendDropNotify(dp, dp.eventSource(), srcIdentity, UNKNOWN, UNKNOWN, ret, METRIC_EGRESS);
    return TC_ACT_SHOT;
  }
  if (ret !== CTX_ACT_OK) return ret;
  const point = dp.program === PROGRAM_HOST ? TRACE_TO_NETWORK : TRACE_TO_OVERLAY;
  const orig = translated ? packet.origSaddrAt : -1;
  sendTraceNotifyAt(dp, SITE_SNAT_FORWARD, point, dp.eventSource(), srcIdentity, UNKNOWN, UNKNOWN, packet.ifindex, dp.reason, dp.monitor, orig);
  return NAT_FWD_DONE;
}

/** Fills the SNAT target with one of the node's addresses. */
function setTarget(dp: DatapathContext, address: readonly number[], needsCt: boolean): number {
  const { natTarget } = dp;
  for (let i = 0; i < address.length; i++) natTarget.address[i] = address[i]!;
  natTarget.needsCt = needsCt;
  return NAT_NEEDED;
}

function isAddress(row: Int32Array, at: number, address: readonly number[] | null): boolean {
  if (address === null) return false;
  for (let i = 0; i < address.length; i++) if (row[at + i] !== address[i]) return false;
  return true;
}

/** Whether an address is in a prefix; words in network order, so the leading bits are in the low bytes. */
function inCidr(row: Int32Array, at: number, cidr: Cidr | null): boolean {
  if (cidr === null) return false;
  let bits = cidr.prefix;
  for (let i = 0; i < cidr.address.length && bits > 0; i++, bits -= 32) {
    const mask = bits >= 32 ? -1 : ~(0xffffffff >>> bits);
    const swapped = (swap32(row[at + i]!) ^ swap32(cidr.address[i]!)) & mask;
    if (swapped !== 0) return false;
  }
  return true;
}

function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/**
 * Which SNAT applies: the conflict check of `nodeport_snat_fwd_ipv4`, then `snat_v4_needs_masquerade`. NAT_NEEDED with
 * `dp.natTarget` set, NAT_PUNT_TO_STACK, CTX_ACT_REDIRECT, or a drop reason.
 */
function needsMasquerade(dp: DatapathContext): number {
  const { packet, natTarget, config } = dp;
  const { node, nat } = config;
  const v4 = packet.addressWords === IPV4_WORDS;
  const own = v4 ? node.address4 : node.address6;
  natTarget.portMin = nat.portMin;
  natTarget.portMax = nat.portMax;
  natTarget.fromLocalEndpoint = false;
  natTarget.egressGateway = false;
  natTarget.needsCt = false;

  const onHost = dp.program === PROGRAM_HOST;
  let endpoint = -1;
  if (onHost && masquerades(dp)) {
    endpoint = lookupEndpoint(dp, packet.row, packet.saddrAt);
    const parent = parentRedirect(dp, endpoint);
    if (parent !== CTX_ACT_OK) return parent;
  } else if (onHost) {
    endpoint = lookupEndpoint(dp, packet.row, packet.saddrAt);
  }
  if (hasPorts(dp, packet.protocol)) {
    if (onHost && packet.ifindex === node.nativeIfindex && isAddress(packet.row, packet.saddrAt, own)) {
      return setTarget(dp, own!, true);
    }
    const router = v4 ? node.router4 : node.router6;
    if (!onHost && config.tunnel && isAddress(packet.row, packet.saddrAt, router)) return setTarget(dp, router!, true);
  }
  if (!onHost || !masquerades(dp)) return NAT_PUNT_TO_STACK;
  if (isAddress(packet.row, packet.saddrAt, own)) return setTarget(dp, own!, true);
  return podNeedsMasquerade(dp, own);
}

/** The part of `snat_v4_needs_masquerade` after the node's own addresses. */
function podNeedsMasquerade(dp: DatapathContext, own: readonly number[] | null): number {
  const { packet, natTarget, config } = dp;
  const v4 = packet.addressWords === IPV4_WORDS;
  const endpoint = lookupEndpoint(dp, packet.row, packet.saddrAt);
  if (endpoint >= 0) {
    natTarget.fromLocalEndpoint = true;
    const reply = isReply(dp);
    if (reply !== CTX_ACT_OK) return reply;
  }
  if (config.egressGateway && v4) {
    const gateway = snatNeeded(dp);
    if (gateway < 0) return gateway;
    if (gateway === EGRESS_GATEWAY_MATCH) {
      natTarget.egressGateway = true;
      natTarget.address[0] = dp.address[0]!;
      natTarget.needsCt = endpoint < 0;
      return NAT_NEEDED;
    }
  }
  if (inCidr(packet.row, packet.daddrAt, v4 ? config.node.nativeRoutingCidr4 : config.node.nativeRoutingCidr6)) return NAT_PUNT_TO_STACK;
  if (endpoint >= 0 && (dp.maps.endpoints.flags(endpoint) & ENDPOINT_F_HOST) !== 0) return NAT_PUNT_TO_STACK;
  if (config.ipMasqAgent && isExcludedByAgent(dp)) return NAT_PUNT_TO_STACK;

  const remote = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
  if (remote >= 0 && isRemoteNode(dp.maps.ipcache.identity(remote))) {
    if (!config.tunnel || dp.maps.ipcache.skipTunnel(remote)) return NAT_PUNT_TO_STACK;
  }
  return endpoint >= 0 && own !== null ? setTarget(dp, own, false) : NAT_PUNT_TO_STACK;
}

/** NAT_PUNT_TO_STACK for a reply to a connection that came in, CTX_ACT_OK for others, or a drop reason. */
function isReply(dp: DatapathContext): number {
  const { tuple } = dp;
  tupleFromPacket(dp, tuple);
  const ret = extractTuplePorts(dp, tuple, 0);
  if (ret < 0) return ret === DROP_CT_UNKNOWN_PROTO ? CTX_ACT_OK : ret;
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  return ctIsReply(dp, ct, tuple) ? NAT_PUNT_TO_STACK : CTX_ACT_OK;
}

/** A reply of an endpoint with a network device of its own leaves by that device. */
function parentRedirect(dp: DatapathContext, endpoint: number): number {
  if (endpoint < 0) return CTX_ACT_OK;
  const parent = dp.maps.endpoints.parentIfindex(endpoint);
  if (parent === 0 || parent === dp.packet.ifindex) return CTX_ACT_OK;
  const ret = isReply(dp);
  return ret === NAT_PUNT_TO_STACK ? redirect(dp, parent) : ret;
}

function isExcludedByAgent(dp: DatapathContext): boolean {
  const { ipMasq } = dp.family;
  const { packet } = dp;
  ipMasq.setKey(packet.row, packet.daddrAt, 32 * (packet.addressWords as AddressWords));
  return dp.lookupLpm(OP_IPMASQ_LOOKUP, ipMasq.map, ipMasq.key) >= 0;
}
