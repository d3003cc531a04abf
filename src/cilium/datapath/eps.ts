/** Who is behind an address: bpf/lib/eps.h, identity.h. Slots of the endpoint map and of the ipcache, or negative. */

import { IPV4_WORDS } from "../maps/address.js";
import type { DatapathContext } from "./context.js";
import { OP_ENDPOINTS_LOOKUP, OP_IPCACHE_LOOKUP } from "./ops.js";

/** Reserved identities (pkg/identity/numericidentity.go). */
export const HOST_ID = 1;
export const WORLD_ID = 2;
export const HEALTH_ID = 4;
export const REMOTE_NODE_ID = 6;
export const KUBE_APISERVER_ID = 7;
export const WORLD_IPV4_ID = 9;
export const WORLD_IPV6_ID = 10;

/** Top byte of an identity: 0x02 marks remote nodes of a scope of their own. */
const SCOPE_SHIFT = 24;
const SCOPE_REMOTE_NODE = 2;
/** Reserved identities are below this one. */
const RESERVED_MAX = 100;

/** `lookup_ip4_endpoint`: the local endpoint with that address. */
export function lookupEndpoint(dp: DatapathContext, address: Int32Array, at: number): number {
  const { endpoints } = dp.maps;
  endpoints.setKey(address, at, dp.packet.addressWords);
  return dp.lookupHash(OP_ENDPOINTS_LOOKUP, endpoints.map, endpoints.key);
}

/** `lookup_ip4_remote_endpoint`: what the ipcache knows of that address. */
export function lookupRemoteEndpoint(dp: DatapathContext, address: Int32Array, at: number): number {
  const { ipcache } = dp.maps;
  const { addressWords } = dp.packet;
  ipcache.setKey(address, at, addressWords, 32 * addressWords);
  return dp.lookupLpm(OP_IPCACHE_LOOKUP, ipcache.map, ipcache.key);
}

/** Identity of an address that nobody knows: world, told apart by family in dual stack. */
export function worldIdentity(dp: DatapathContext): number {
  if (!dp.config.dualStackWorldIdentities) return WORLD_ID;
  return dp.packet.addressWords === IPV4_WORDS ? WORLD_IPV4_ID : WORLD_IPV6_ID;
}

/** `identity_is_reserved`. */
export function isReservedIdentity(identity: number): boolean {
  return identity < RESERVED_MAX;
}

/** `identity_is_remote_node`. */
export function isRemoteNode(identity: number): boolean {
  return identity === REMOTE_NODE_ID || identity === KUBE_APISERVER_ID || identity >>> SCOPE_SHIFT === SCOPE_REMOTE_NODE;
}

/** Top byte of an identity of a CIDR outside the cluster. */
const SCOPE_CIDR = 1;

/** `identity_is_cluster`: not of the world, neither by the reserved identities nor by a CIDR. */
export function isCluster(dp: DatapathContext, identity: number): boolean {
  if (identity === WORLD_ID || identity === worldIdentity(dp)) return false;
  return identity >>> SCOPE_SHIFT !== SCOPE_CIDR;
}

/** `resolve_srcid_ipv4`: the ipcache's answer, except that nothing from outside is taken for the host itself. */
export function sourceIdentity(dp: DatapathContext, given: number): number {
  if (!isReservedIdentity(given)) return given;
  const { packet } = dp;
  const slot = lookupRemoteEndpoint(dp, packet.row, packet.saddrAt);
  if (slot < 0) return given;
  const identity = dp.maps.ipcache.identity(slot);
  return identity === 0 || identity === HOST_ID ? given : identity;
}
