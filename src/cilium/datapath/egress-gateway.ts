/**
 * Egress gateway: bpf/lib/egress_gateway.h. Traffic of chosen pods leaves the cluster by one node, with one address of
 * that node. IPv4 only.
 */

import { ENDPOINT_MASK_HOST_DELIVERY } from "../maps/identity-maps.js";
import { CTX_ACT_OK } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_NO_EGRESS_GATEWAY, DROP_NO_EGRESS_IP } from "./drop-reasons.js";
import { isCluster, lookupEndpoint, lookupRemoteEndpoint } from "./eps.js";
import { OP_EGRESS_GATEWAY_LOOKUP } from "./ops.js";

/** Gateway addresses with a meaning of their own, network order. */
const EGRESS_GATEWAY_NO_GATEWAY = 0;
const EGRESS_GATEWAY_EXCLUDED_CIDR = 0x01000000;
/** A policy is for this node's SNAT. */
export const EGRESS_GATEWAY_MATCH = 1;

/** `lookup_ip4_egress_gw_policy`: slot or negative. */
function lookupPolicy(dp: DatapathContext, source: number, destination: number): number {
  const { egressGateway } = dp.maps;
  egressGateway.setKey(source, destination, 32);
  return dp.lookupLpm(OP_EGRESS_GATEWAY_LOOKUP, egressGateway.map, egressGateway.key);
}

/**
 * `egress_gw_request_needs_redirect`, on the pod's node: the address of the gateway node to tunnel to, 0 when the packet
 * goes its ordinary way (this node may be the gateway), or DROP_NO_EGRESS_GATEWAY. Addresses above 127.255.255.255
 * would be negative words, hence the answer in `dp.address[0]` and CTX_ACT_OK or EGRESS_GATEWAY_MATCH as result.
 */
export function requestNeedsRedirect(dp: DatapathContext, dstIdentity: number): number {
  if (isCluster(dp, dstIdentity)) return CTX_ACT_OK;
  const { packet } = dp;
  const slot = lookupPolicy(dp, packet.saddr, packet.daddr);
  if (slot < 0) return CTX_ACT_OK;
  const gateway = dp.maps.egressGateway.gatewayAddress(slot);
  if (gateway === EGRESS_GATEWAY_EXCLUDED_CIDR) return CTX_ACT_OK;
  if (gateway === EGRESS_GATEWAY_NO_GATEWAY) return DROP_NO_EGRESS_GATEWAY;
  dp.address[0] = gateway;
  const local = lookupEndpoint(dp, dp.address, 0);
  if (local >= 0 && (dp.maps.endpoints.flags(local) & ENDPOINT_MASK_HOST_DELIVERY) !== 0) return CTX_ACT_OK;
  return EGRESS_GATEWAY_MATCH;
}

/**
 * `egress_gw_snat_needed_hook`, on the gateway: EGRESS_GATEWAY_MATCH with the source address to use in `dp.address`,
 * CTX_ACT_OK when no policy matches, or a drop reason.
 */
export function snatNeeded(dp: DatapathContext): number {
  const { packet } = dp;
  const { egressGateway } = dp.maps;
  const slot = lookupPolicy(dp, packet.saddr, packet.daddr);
  if (slot < 0) return CTX_ACT_OK;
  const gateway = egressGateway.gatewayAddress(slot);
  if (gateway === EGRESS_GATEWAY_EXCLUDED_CIDR || gateway === EGRESS_GATEWAY_NO_GATEWAY) return CTX_ACT_OK;
  const address = egressGateway.egressAddress(slot);
  if (address === 0) return DROP_NO_EGRESS_IP;
  dp.address[0] = address;
  return EGRESS_GATEWAY_MATCH;
}

/**
 * `egress_gw_reply_needs_redirect_hook`: slot of the ipcache entry of a remote pod whose reply the gateway must put into
 * the tunnel itself, or negative.
 */
export function replyNeedsRedirect(dp: DatapathContext): number {
  const { packet } = dp;
  const slot = lookupPolicy(dp, packet.daddr, packet.saddr);
  if (slot < 0) return slot;
  const gateway = dp.maps.egressGateway.gatewayAddress(slot);
  if (gateway === EGRESS_GATEWAY_EXCLUDED_CIDR || gateway === EGRESS_GATEWAY_NO_GATEWAY) return -1;
  const remote = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
  return remote >= 0 && dp.maps.ipcache.tunnelEndpoint(remote) !== 0 ? remote : -1;
}
