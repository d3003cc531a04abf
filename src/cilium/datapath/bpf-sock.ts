/**
 * bpf_sock: load balancing in the socket layer. bpf/bpf_sock.c, `cil_sock4_connect` and its relatives; IPv4 and IPv6 in
 * one function each. A socket's destination is rewritten once, so that its packets never carry the service's address.
 *
 * `dp.packet` stands for the socket address: protocol, daddr and dport on the way out; saddr and sport on the way back.
 */

import { Errno } from "../../bpf/errno.js";
import {
  SVC_FLAG_AFFINITY,
  SVC_FLAG_EXTERNAL_IP,
  SVC_FLAG_L7_LOADBALANCER,
  SVC_FLAG_LOADBALANCER,
  SVC_FLAG_NODEPORT,
} from "../maps/service-maps.js";
import { AGGREGATION } from "./config.js";
import { CTX_ACT_OK } from "./context.js";
import type { DatapathContext } from "./context.js";
import { HOST_ID, isRemoteNode, lookupRemoteEndpoint } from "./eps.js";
import {
  METRIC_EGRESS,
  XLATE_POST_DIRECTION_FWD,
  XLATE_POST_DIRECTION_REV,
  XLATE_PRE_DIRECTION_FWD,
  XLATE_PRE_DIRECTION_REV,
} from "./events.js";
import { affinityBackend, lbLookupBackend, lookupBackendSlot, lookupServiceKey, updateAffinity } from "./lb.js";
import { updateMetrics } from "./notify.js";
import { OP_REVERSE_SK_DELETE, OP_REVERSE_SK_LOOKUP, OP_REVERSE_SK_UPDATE, OP_RUN_SOCK } from "./ops.js";
import { IPPROTO_TCP } from "./packet.js";

/** Error numbers that applications see (include/uapi/asm-generic/errno.h). */
const EADDRINUSE = 98;
const EHOSTUNREACH = 113;

/** The destination was no service: the socket stays as it is. */
export const SOCK_NOT_TRANSLATED = 0;
/** The destination is a backend's now. */
export const SOCK_TRANSLATED = 1;

/** Metrics reasons of the socket programs. */
const REASON_LB_NO_BACKEND_SLOT = 5;
const REASON_LB_NO_BACKEND = 6;
const REASON_LB_REVNAT_UPDATE = 7;
const REASON_LB_REVNAT_STALE = 8;
const SITE_SOCK = 18;

/** Who asks: the socket, and where it lives. */
export interface SocketIdentity {
  /** Socket cookie; unique for the life of the node. */
  readonly cookie: number;
  /** Cookie of the network namespace, the client of session affinity. */
  readonly netnsCookie: number;
  readonly inHostNamespace: boolean;
}

function enter(dp: DatapathContext, hook: string): void {
  dp.count(OP_RUN_SOCK);
  dp.extError = 0;
  dp.useFamily(dp.packet.addressWords);
  if (dp.observer !== null) dp.observer.hook(hook);
}

/** `send_trace_sock_notify4`. */
function traceSock(dp: DatapathContext, point: number, socket: SocketIdentity, isConnect: boolean): void {
  const { config } = dp;
  if (!config.socketTraces) return;
  if (config.socketTraceIntervalNs > 0 && config.aggregation > AGGREGATION.none && !passesAggregation(dp, point, isConnect)) return;
  if (dp.observer !== null) dp.observer.sockEvent(point);
  dp.events.traceSock(dp.packet, point, socket.cookie, socket.inHostNamespace);
}

/**
 * `emit_trace_sock_notify` and `ratelimit_check_and_take`: aggregation hides what is received, from medium on all but
 * connect(); of the rest one passes in the interval, whichever socket of the node comes first. So the report before a
 * translation takes the token and the one after it is hidden.
 */
function passesAggregation(dp: DatapathContext, point: number, isConnect: boolean): boolean {
  if (point === XLATE_PRE_DIRECTION_REV || point === XLATE_POST_DIRECTION_REV) return false;
  if (dp.config.aggregation >= AGGREGATION.medium && !isConnect) return false;
  const interval = dp.config.socketTraceIntervalNs;
  if (dp.socketTraceFilledNs < 0) {
    dp.socketTraceFilledNs = dp.nowNs;
    return true;
  }
  const since = dp.nowNs - dp.socketTraceFilledNs;
  if (since > interval) {
    dp.socketTraceTokens = 1;
    dp.socketTraceFilledNs = dp.nowNs - (since % interval);
  }
  if (dp.socketTraceTokens === 0) return false;
  dp.socketTraceTokens = 0;
  return true;
}

function countFailure(dp: DatapathContext, reason: number): void {
  updateMetrics(dp, reason, METRIC_EGRESS, SITE_SOCK);
}

/** The frontend of the socket's destination, or of the wildcard NodePort and hostPort when it is a node. Slot or negative. */
function lookupSocketService(dp: DatapathContext, atRow: number, port: number, includeRemote: boolean): number {
  const { packet } = dp;
  const { services } = dp.family;
  const { protocolDifferentiation } = dp.config.loadBalancer;
  const protocol = protocolDifferentiation ? packet.protocol : 0;
  services.setFrontend(packet.row, atRow, port, protocol);
  const slot = lookupServiceKey(dp, true);
  if (slot >= 0) return slot;
  if (!isNodeAddress(dp, atRow, includeRemote && isNodePort(dp, port))) return slot;
  dp.address.fill(0);
  services.setFrontend(dp.address, 0, port, protocol);
  return lookupServiceKey(dp, true);
}

/** NodePorts lie below the NAT range; lower and higher ports can only be hostPorts, which exist on their own node alone. */
function isNodePort(dp: DatapathContext, port: number): boolean {
  return port >= dp.config.nodePortMin && port < dp.config.nat.portMin;
}

function isNodeAddress(dp: DatapathContext, atRow: number, includeRemote: boolean): boolean {
  const slot = lookupRemoteEndpoint(dp, dp.packet.row, atRow);
  if (slot < 0) return false;
  const identity = dp.maps.ipcache.identity(slot);
  return identity === HOST_ID || (includeRemote && isRemoteNode(identity));
}

/**
 * `__sock4_xlate_fwd`: connect, and sendmsg of UDP. SOCK_TRANSLATED with destination rewritten, SOCK_NOT_TRANSLATED, or
 * a negated error number for the application.
 */
export function sockForward(dp: DatapathContext, socket: SocketIdentity, hook: string, isConnect: boolean): number {
  enter(dp, hook);
  const { packet } = dp;
  const { services, backends, affinity } = dp.family;
  const service = lookupSocketService(dp, packet.daddrAt, packet.dport, true);
  if (service < 0) return SOCK_NOT_TRANSLATED;
  const count = services.count(service);
  const revNatIndex = services.revNatIndex(service);
  if (count === 0 && (services.flags2(service) & SVC_FLAG_L7_LOADBALANCER) === 0) return -EHOSTUNREACH;
  traceSock(dp, XLATE_PRE_DIRECTION_FWD, socket, isConnect);

  const sticky = dp.config.loadBalancer.sessionAffinity && (services.flags(service) & SVC_FLAG_AFFINITY) !== 0;
  let id = 0;
  let backend = -1;
  if (sticky) {
    affinity.setCookieClient(socket.netnsCookie, revNatIndex);
    id = affinityBackend(dp, services.affinityTimeout(service), revNatIndex);
    if (id !== 0) backend = lbLookupBackend(dp, id);
  }
  if (backend < 0) {
    const draw = packet.protocol === IPPROTO_TCP ? dp.random() >>> 0 : socket.cookie;
    id = lookupBackendSlot(dp, (draw % count) + 1);
    if (id === 0) {
      countFailure(dp, REASON_LB_NO_BACKEND_SLOT);
      return -EHOSTUNREACH;
    }
    backend = lbLookupBackend(dp, id);
    if (backend < 0) {
      countFailure(dp, REASON_LB_NO_BACKEND);
      return -EHOSTUNREACH;
    }
    if (sticky) updateAffinity(dp, id);
  }
  if (dp.observer !== null) dp.observer.backend(revNatIndex, id);
  dp.rememberService(packet);
  backends.copyAddress(backend, dp.address, 0);
  const port = backends.port(backend);
  packet.setDaddr(dp.address, 0);
  packet.dport = port;
  traceSock(dp, XLATE_POST_DIRECTION_FWD, socket, isConnect);
  if (rememberSocket(dp, socket.cookie, port, revNatIndex) < 0) {
    countFailure(dp, REASON_LB_REVNAT_UPDATE);
    packet.setDaddr(dp.serviceAddress, 0);
    packet.dport = dp.servicePort;
    return -Errno.ENOMEM;
  }
  return SOCK_TRANSLATED;
}

/** `sock4_update_revnat`: notes what the socket asked for, unless that is noted already. */
function rememberSocket(dp: DatapathContext, cookie: number, port: number, revNatIndex: number): number {
  const { reverseSk } = dp.family;
  reverseSk.setKey(cookie, dp.address, 0, port);
  const slot = dp.lookupLru(OP_REVERSE_SK_LOOKUP, reverseSk.map, reverseSk.key);
  if (slot >= 0 && reverseSk.addressIs(slot, dp.serviceAddress, 0)) {
    if (reverseSk.port(slot) === dp.servicePort && reverseSk.revNatIndex(slot) === revNatIndex) return CTX_ACT_OK;
  }
  const fresh = dp.update(OP_REVERSE_SK_UPDATE, reverseSk.map, reverseSk.key);
  if (fresh < 0) return fresh;
  reverseSk.setValue(fresh, dp.serviceAddress, 0, dp.servicePort, revNatIndex);
  return CTX_ACT_OK;
}

/**
 * `__sock4_xlate_rev`: recvmsg and getpeername. The source (a backend) becomes the service that the socket asked for;
 * an entry whose service has changed is deleted. SOCK_TRANSLATED, SOCK_NOT_TRANSLATED or -ENOENT for a stale entry.
 */
export function sockReverse(dp: DatapathContext, socket: SocketIdentity, hook: string): number {
  enter(dp, hook);
  const { packet } = dp;
  const { reverseSk, services } = dp.family;
  reverseSk.setKey(socket.cookie, packet.row, packet.saddrAt, packet.sport);
  traceSock(dp, XLATE_PRE_DIRECTION_REV, socket, false);
  const slot = dp.lookupLru(OP_REVERSE_SK_LOOKUP, reverseSk.map, reverseSk.key);
  if (slot < 0) return SOCK_NOT_TRANSLATED;
  reverseSk.copyAddress(slot, dp.serviceAddress, 0);
  const port = reverseSk.port(slot);
  const index = reverseSk.revNatIndex(slot);
  packet.setDaddr(dp.serviceAddress, 0);
  const service = lookupSocketService(dp, packet.daddrAt, port, true);
  if (service < 0 || services.revNatIndex(service) !== index || services.count(service) === 0) {
    dp.remove(OP_REVERSE_SK_DELETE, reverseSk.map, reverseSk.key);
    countFailure(dp, REASON_LB_REVNAT_STALE);
    return -Errno.ENOENT;
  }
  packet.setSaddr(dp.serviceAddress, 0);
  packet.sport = port;
  traceSock(dp, XLATE_POST_DIRECTION_REV, socket, false);
  return SOCK_TRANSLATED;
}

/** `__sock4_post_bind`: a process of the node may not take a service's port. 0 or -EADDRINUSE. */
export function sockPostBind(dp: DatapathContext, socket: SocketIdentity): number {
  enter(dp, "cil_sock4_post_bind");
  if (!socket.inHostNamespace) return CTX_ACT_OK;
  const { packet } = dp;
  const { services } = dp.family;
  const service = lookupSocketService(dp, packet.saddrAt, packet.sport, false);
  if (service < 0) return CTX_ACT_OK;
  const reserved = SVC_FLAG_NODEPORT | SVC_FLAG_EXTERNAL_IP | SVC_FLAG_LOADBALANCER;
  return (services.flags(service) & reserved) === 0 ? CTX_ACT_OK : -EADDRINUSE;
}
