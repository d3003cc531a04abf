/**
 * Connection tracking: bpf/lib/conntrack.h. `ct_lookup4` and `ct_lookup6` are one function here, and so on.
 *
 * Quirks of the original that are kept: lifetime is never checked here (only GC deletes by it); any packet that misses
 * creates an entry; every RST closes at once, because the source compares a flag byte with a 32-bit mask in network
 * order and so always finds its condition true; a SYN on a closing entry resets that entry before policy runs.
 */

import { Errno } from "../../bpf/errno.js";
import {
  CT_CLOSING,
  CT_DSR_INTERNAL,
  CT_FROM_L7LB,
  CT_FROM_TUNNEL,
  CT_LB_LOOPBACK,
  CT_NODE_PORT,
  CT_PROXY_REDIRECT,
  CT_RX_CLOSING,
  CT_SEEN_NON_SYN,
  CT_TX_CLOSING,
  ctIsAlive,
} from "../maps/ct-flags.js";
import type { CtMap } from "../maps/ct-map.js";
import { TUPLE_F_IN, TUPLE_F_OUT, TUPLE_F_RELATED, TUPLE_F_SERVICE } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import { CT_ESTABLISHED, CT_NEW, CT_RELATED, CT_REPLY } from "./context.js";
import type { CtState, DatapathContext } from "./context.js";
import { DROP_CT_CREATE_FAILED } from "./drop-reasons.js";
import { SIGNAL_CT_FILL_UP } from "./events.js";
import { extractTuplePorts } from "./l4.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./packet.js";

/** Directions. */
export const CT_EGRESS = 0;
export const CT_INGRESS = 1;
export const CT_SERVICE = 2;

/** Which keys a lookup tries. */
export const SCOPE_FORWARD = 0;
export const SCOPE_REVERSE = 1;
export const SCOPE_BIDIR = 2;

/** Which entries a lookup accepts; bits. */
export const CT_ENTRY_ANY = 0;
export const CT_ENTRY_NODEPORT = 1;
export const CT_ENTRY_DSR = 2;
export const CT_ENTRY_SVC = 4;

/** What a TCP packet does to an entry. */
const ACTION_UNSPEC = 0;
const ACTION_CREATE = 1;
const ACTION_CLOSE = 2;

/** Bytes of a packet that an event carries: the monitor value of a reported packet (TRACE_PAYLOAD_LEN). */
export const TRACE_PAYLOAD_LEN = 128;

function tcpAction(dp: DatapathContext, flags: number): number {
  if ((flags & (TCP_RST | TCP_FIN)) !== 0) return ACTION_CLOSE;
  if ((flags & TCP_SYN) === 0) return ACTION_UNSPEC;
  if ((flags & TCP_ACK) !== 0 && dp.config.conntrack.createAction === "syn-without-ack") return ACTION_UNSPEC;
  return ACTION_CREATE;
}

/** `__ct_update_timeout`: sets the lifetime, notes flags, and says whether this packet is reported. */
export function ctUpdateTimeout(dp: DatapathContext, ct: CtMap, slot: number, lifetime: number, dir: number, flags: number, mask: number): number {
  const { now } = dp;
  ct.setLifetime(slot, now + lifetime);
  const received = dir === CT_INGRESS;
  if (dp.walks !== null && dp.walks.recording) dp.walks.refreshed(ct, slot, lifetime, received);
  const before = received ? ct.rxFlagsSeen(slot) : ct.txFlagsSeen(slot);
  const last = received ? ct.lastRxReport(slot) : ct.lastTxReport(slot);
  const seen = before | (flags & mask);
  if (last + dp.config.conntrack.reportInterval >= now && seen === before) return 0;
  if (received) {
    ct.setRxFlagsSeen(slot, seen);
    ct.setLastRxReport(slot, now);
  } else {
    ct.setTxFlagsSeen(slot, seen);
    ct.setLastTxReport(slot, now);
  }
  return TRACE_PAYLOAD_LEN;
}

/** `ct_update_timeout`: the lifetime of a live entry by protocol, direction and what it has seen. */
function refresh(dp: DatapathContext, ct: CtMap, slot: number, isTcp: boolean, dir: number, flags: number): number {
  const times = dp.config.conntrack;
  let lifetime = dir === CT_SERVICE ? times.serviceAny : times.any;
  if (isTcp) {
    let bits = ct.flags(slot);
    if ((flags & TCP_SYN) === 0 && (bits & CT_SEEN_NON_SYN) === 0) {
      bits |= CT_SEEN_NON_SYN;
      ct.setFlags(slot, bits);
    }
    if ((bits & CT_SEEN_NON_SYN) === 0) lifetime = times.syn;
    else lifetime = dir === CT_SERVICE ? times.serviceTcp : times.tcp;
  }
  return ctUpdateTimeout(dp, ct, slot, lifetime, dir, flags, times.reportFlags);
}

/** `ct_entry_matches_types`. */
function matchesTypes(bits: number, revNatIndex: number, types: number, state: CtState | null): boolean {
  if (types === CT_ENTRY_ANY) return true;
  if ((types & CT_ENTRY_NODEPORT) !== 0 && (bits & CT_NODE_PORT) !== 0 && revNatIndex !== 0) {
    if (state === null || state.revNatIndex === 0 || state.revNatIndex === revNatIndex) return true;
  }
  if ((types & CT_ENTRY_DSR) !== 0 && (bits & CT_DSR_INTERNAL) !== 0) return true;
  return (types & CT_ENTRY_SVC) !== 0 && state !== null && state.revNatIndex === revNatIndex;
}

/** `__ct_lookup`: one key. CT_NEW or CT_ESTABLISHED; `dp.monitor` says whether the packet is reported. */
function lookupOne(
  dp: DatapathContext,
  ct: CtMap,
  tuple: Tuple,
  action: number,
  dir: number,
  types: number,
  state: CtState | null,
  isTcp: boolean,
  flags: number,
): number {
  const slot = dp.ctLookup(ct, tuple);
  if (slot < 0) {
    dp.monitor = TRACE_PAYLOAD_LEN;
    return CT_NEW;
  }
  let bits = ct.flags(slot);
  let revNatIndex = ct.revNatIndex(slot);
  if (!matchesTypes(bits, revNatIndex, types, state)) {
    dp.monitor = TRACE_PAYLOAD_LEN;
    return CT_NEW;
  }

  if (dir === CT_SERVICE && action === ACTION_CREATE && (bits & CT_CLOSING) !== 0) {
    if (ct.lastTxReport(slot) + dp.config.conntrack.serviceGrace <= dp.now) {
      dp.monitor = TRACE_PAYLOAD_LEN;
      return CT_NEW;
    }
  }
  if (ctIsAlive(bits)) {
    dp.monitor = refresh(dp, ct, slot, isTcp, dir, flags);
    bits = ct.flags(slot);
  }
  if (dir === CT_SERVICE && revNatIndex === 0 && state !== null && state.revNatIndex !== 0) {
    revNatIndex = state.revNatIndex;
    ct.setRevNatIndex(slot, revNatIndex);
  }
  ct.addPacket(slot, dir === CT_INGRESS, dp.packet.length);

  if (action === ACTION_CREATE && (bits & CT_CLOSING) !== 0) {
    ct.setFlags(slot, bits & ~(CT_CLOSING | CT_SEEN_NON_SYN));
    ct.clearFlagsSeen(slot);
    dp.monitor = refresh(dp, ct, slot, isTcp, dir, flags);
    return CT_NEW;
  }
  if (action === ACTION_CLOSE) {
    bits |= closingBits(dir, flags);
    ct.setFlags(slot, bits);
    dp.monitor = TRACE_PAYLOAD_LEN;
    if (state !== null) state.closing = true;
    if (!ctIsAlive(bits)) ctUpdateTimeout(dp, ct, slot, dp.config.conntrack.close, dir, flags, dp.config.conntrack.reportFlags);
  }
  if (state !== null) loadState(ct, slot, bits, revNatIndex, dir, state);
  return CT_ESTABLISHED;
}

/** Which sides a FIN or RST closes. An RST closes both, whatever has been seen (see above). */
function closingBits(dir: number, flags: number): number {
  if (dir === CT_SERVICE || (flags & TCP_RST) !== 0) return CT_CLOSING;
  return dir === CT_INGRESS ? CT_RX_CLOSING : CT_TX_CLOSING;
}

function loadState(ct: CtMap, slot: number, bits: number, revNatIndex: number, dir: number, state: CtState): void {
  state.revNatIndex = revNatIndex;
  state.loopback = (bits & CT_LB_LOOPBACK) !== 0;
  state.nodePort = (bits & CT_NODE_PORT) !== 0;
  state.dsr = (bits & CT_DSR_INTERNAL) !== 0;
  state.proxyRedirect = (bits & CT_PROXY_REDIRECT) !== 0;
  state.fromL7lb = (bits & CT_FROM_L7LB) !== 0;
  state.fromTunnel = (bits & CT_FROM_TUNNEL) !== 0;
  if (dir === CT_SERVICE) state.backendId = ct.backendId(slot);
}

/** `ct_lookup_select_tuple_type`: flags of the key that is tried first. */
function tupleFlags(dir: number, scope: number): number {
  if (dir === CT_SERVICE) return TUPLE_F_SERVICE;
  const reverse = scope !== SCOPE_FORWARD;
  return (dir === CT_EGRESS) === reverse ? TUPLE_F_IN : TUPLE_F_OUT;
}

/**
 * `ct_lazy_lookup4`: lookup with a tuple that already has its ports. A reverse (or bidirectional) scope takes the tuple
 * in reverse layout, a forward one in forward layout; bidirectional leaves it as the key that was tried last.
 */
export function ctLazyLookup(
  dp: DatapathContext,
  ct: CtMap,
  tuple: Tuple,
  dir: number,
  scope: number,
  types: number,
  state: CtState | null,
): number {
  tuple.flags = (tuple.flags & TUPLE_F_RELATED) | tupleFlags(dir, scope);
  const isTcp = tuple.protocol === IPPROTO_TCP;
  let flags = 0;
  let action = ACTION_UNSPEC;
  if (isTcp && dp.packet.hasL4Header) {
    flags = dp.packet.tcpFlags;
    action = tcpAction(dp, flags);
  }
  let status = lookupOne(dp, ct, tuple, action, dir, types, state, isTcp, flags);
  if (scope === SCOPE_FORWARD) return observed(dp, dir, status);
  if (status !== CT_NEW) {
    return observed(dp, dir, (tuple.flags & TUPLE_F_RELATED) !== 0 ? CT_RELATED : CT_REPLY);
  }
  if (scope === SCOPE_REVERSE) return observed(dp, dir, CT_NEW);
  tuple.reverse();
  status = lookupOne(dp, ct, tuple, action, dir, types, state, isTcp, flags);
  return observed(dp, dir, status);
}

function observed(dp: DatapathContext, dir: number, status: number): number {
  if (dp.observer !== null) dp.observer.conntrack(dir, status, dp.monitor);
  return status;
}

/**
 * `ct_lookup4`: takes the ports from the packet, then looks up. `dp.tuple` holds protocol and addresses in packet order.
 * A status, or a negative drop reason.
 */
export function ctLookup(dp: DatapathContext, ct: CtMap, tuple: Tuple, dir: number, scope: number, state: CtState | null): number {
  tuple.flags = 0;
  const ret = extractTuplePorts(dp, tuple, dir);
  if (ret < 0) return ret;
  if (scope === SCOPE_FORWARD) {
    tuple.swapAddresses();
    tuple.swapPorts();
  }
  return ctLazyLookup(dp, ct, tuple, dir, scope, CT_ENTRY_ANY, state);
}

/** `ct_create4`: RELATED entry first when `related` is given, then the entry itself. 0 or DROP_CT_CREATE_FAILED. */
export function ctCreate(dp: DatapathContext, ct: CtMap, related: CtMap | null, tuple: Tuple, dir: number, state: CtState): number {
  if (related !== null) {
    const key = dp.reverseTuple;
    key.copyFrom(tuple);
    key.ports = 0;
    const protocol = tuple.addressWords === 1 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    key.setProtocolAndFlags(protocol, tuple.flags | TUPLE_F_RELATED);
    const slot = dp.ctUpdate(related, key);
    if (slot < 0) return createFailed(dp, slot);
    writeEntry(dp, related, slot, tuple, dir, state);
  }
  const slot = dp.ctUpdate(ct, tuple);
  if (slot < 0) return createFailed(dp, slot);
  dp.createdSlot = slot;
  writeEntry(dp, ct, slot, tuple, dir, state);
  return 0;
}

/** Fills a new (all-zero) entry. The flags recorded are SYN for TCP, whatever the packet carries. */
function writeEntry(dp: DatapathContext, ct: CtMap, slot: number, tuple: Tuple, dir: number, state: CtState): void {
  let bits = 0;
  if (dir === CT_SERVICE) {
    ct.setBackendId(slot, state.backendId);
  } else {
    if (state.loopback) bits |= CT_LB_LOOPBACK;
    if (state.nodePort) bits |= CT_NODE_PORT;
    if (state.dsr) bits |= CT_DSR_INTERNAL;
    if (state.proxyRedirect) bits |= CT_PROXY_REDIRECT;
    if (state.fromL7lb) bits |= CT_FROM_L7LB;
    if (state.fromTunnel) bits |= CT_FROM_TUNNEL;
  }
  ct.setFlagsAndRevNat(slot, bits, state.revNatIndex);
  ct.setSrcSecId(slot, state.srcSecId);
  const isTcp = tuple.protocol === IPPROTO_TCP;
  refresh(dp, ct, slot, isTcp, dir, isTcp ? TCP_SYN : 0);
  ct.addPacket(slot, dir === CT_INGRESS, dp.packet.length);
}

function createFailed(dp: DatapathContext, error: number): number {
  dp.setExtError(error);
  const { fillUpSignal } = dp.config.conntrack;
  if (fillUpSignal === "any-error" || (fillUpSignal === "enomem-only" && error === -Errno.ENOMEM)) {
    dp.signal(SIGNAL_CT_FILL_UP);
  }
  return DROP_CT_CREATE_FAILED;
}

/** `ct_is_reply4`: whether a packet with this (reverse-layout) tuple answers a connection that came in: raw IN entry. */
export function ctIsReply(dp: DatapathContext, ct: CtMap, tuple: Tuple): boolean {
  tuple.flags = TUPLE_F_IN;
  return dp.ctLookup(ct, tuple) >= 0;
}

/** `ct_update_svc_backend`: repoints a SERVICE entry in place. */
export function ctUpdateServiceBackend(dp: DatapathContext, ct: CtMap, tuple: Tuple, backendId: number): void {
  const slot = dp.ctLookup(ct, tuple);
  if (slot >= 0) ct.setBackendId(slot, backendId);
}
