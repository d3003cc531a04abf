/**
 * The NAT engine: bpf/lib/nat.h. SNAT mappings are pairs: forward (packet order, gives the new source) and reverse
 * (reply order, gives the new destination). Nothing here waits: a port is found within a few dozen tries or the packet
 * is dropped with DROP_NAT_NO_MAPPING.
 *
 * What differs between releases (probing order, number of tries, which half is restored) comes from `config.nat`.
 * Where the original leaves a wrong checksum in a rewritten ICMP error, nothing is wrong here: checksums are not modelled.
 */

import { UpdateFlag } from "../../bpf/spec.js";
import { IPV4_WORDS } from "../maps/address.js";
import type { NatMap } from "../maps/nat-map.js";
import { TUPLE_F_IN, TUPLE_F_OUT } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import type { NatConfig } from "./config.js";
import { CT_EGRESS, CT_ENTRY_ANY, CT_INGRESS, ctCreate, ctLazyLookup, SCOPE_FORWARD, SCOPE_REVERSE } from "./conntrack.js";
import { CT_NEW, CTX_ACT_OK } from "./context.js";
import type { DatapathContext, NatTarget } from "./context.js";
import { DROP_CSUM_L4, DROP_NAT_NO_MAPPING, DROP_NAT_UNSUPP_PROTO, NAT_PUNT_TO_STACK } from "./drop-reasons.js";
import { SIGNAL_NAT_FILL_UP } from "./events.js";
import { hasPorts, loadL4Ports } from "./l4.js";
import { isTranslatedIcmpError, natIcmpErrorForward, natIcmpErrorReverse } from "./nat-icmp.js";
import {
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
} from "./packet.js";

/** Highest port that exists, and the span of a random 16-bit number. */
const PORT_MASK = 0xffff;
const PORT_SPAN = 0x10000;

/** `__snat_clamp_port_range`: a 16-bit number becomes a port of the range, by scaling (v1.17 on) or by remainder. */
export function clampPort(nat: NatConfig, portMin: number, portMax: number, value: number): number {
  if (nat.clamp === "modulo") return (value % (portMax - portMin)) + portMin;
  return portMin + Math.floor((value * (portMax - portMin + 1)) / PORT_SPAN);
}

function randomPort(dp: DatapathContext, target: NatTarget): number {
  return clampPort(dp.config.nat, target.portMin, target.portMax, dp.random() & PORT_MASK);
}

/** `set_v4_rtuple`: the key that replies will have, its destination port still to be chosen. */
function setReverseTuple(reverse: Tuple, forward: Tuple, target: Int32Array): void {
  reverse.addressWords = forward.addressWords;
  reverse.setDaddr(target, 0);
  reverse.setSaddr(forward.words, 0);
  reverse.ports = (forward.ports & PORT_MASK) << 16;
  reverse.setProtocolAndFlags(forward.protocol, TUPLE_F_IN);
}

/** Fills a new reverse entry: replies go back to the packet's own source. */
function writeReverse(dp: DatapathContext, nat: NatMap, slot: number, forward: Tuple, needsCt: boolean): void {
  nat.setCreated(slot, dp.now);
  nat.setNeedsCt(slot, needsCt);
  nat.setToAddr(slot, forward.words, forward.addressWords);
  nat.setToPort(slot, forward.sport);
}

/** Inserts the forward entry for the chosen port. 0 or the map's error number. */
function insertForward(dp: DatapathContext, nat: NatMap, forward: Tuple, target: NatTarget, port: number): number {
  const flag = dp.config.nat.forwardInsert === "overwrite" ? UpdateFlag.any : UpdateFlag.noExist;
  const slot = dp.natUpdate(nat, forward, flag);
  if (slot < 0) return slot;
  nat.setCreated(slot, dp.now);
  nat.setNeedsCt(slot, target.needsCt);
  nat.setToAddr(slot, target.address, 0);
  nat.setToPort(slot, port);
  return 0;
}

/** One try of `reverse` with its destination port set; whether the port is this connection's now. */
function tryReverse(dp: DatapathContext, nat: NatMap, forward: Tuple, reverse: Tuple, needsCt: boolean): boolean {
  if (dp.config.nat.reverseInsert !== "insert-per-try" && dp.natLookup(nat, reverse) >= 0) return false;
  if (dp.config.nat.reverseInsert === "lookup-per-try-insert-once") return true;
  const slot = dp.natUpdate(nat, reverse, UpdateFlag.noExist);
  if (slot < 0) return false;
  writeReverse(dp, nat, slot, forward, needsCt);
  return true;
}

/**
 * `snat_v4_new_mapping`: finds a port for `forward` and inserts both entries. The chosen port, or DROP_NAT_NO_MAPPING.
 * The packet's own port is kept when it is free; then comes one random port, then the release's walk from there.
 */
export function snatNewMapping(dp: DatapathContext, nat: NatMap, forward: Tuple, target: NatTarget): number {
  const { nat: config } = dp.config;
  const reverse = dp.reverseTuple;
  setReverseTuple(reverse, forward, target.address);
  const { sport } = forward;
  let port = sport >= target.portMin && sport <= target.portMax ? sport : randomPort(dp, target);

  let result = DROP_NAT_NO_MAPPING;
  let tries = 0;
  for (; tries < config.tries; tries++) {
    reverse.dport = port;
    if (tryReverse(dp, nat, forward, reverse, target.needsCt)) {
      const inserted = insertPair(dp, nat, forward, reverse, target, port);
      if (inserted >= 0) {
        result = port;
        break;
      }
      if (config.reverseInsert !== "lookup-then-insert-per-try") {
        dp.setExtError(inserted);
        break;
      }
    }
    port = tries === 0 ? randomPort(dp, target) : clampPort(config, target.portMin, target.portMax, (port + 1) & PORT_MASK);
  }
  dp.natTries[tries]!++;
  if (tries > config.signalAboveTryIndex) dp.signal(SIGNAL_NAT_FILL_UP);
  if (dp.observer !== null) dp.observer.natPort(result, tries);
  return result;
}

/** After a free port was found: what is still missing of the pair. On failure the reverse entry is taken back. */
function insertPair(dp: DatapathContext, nat: NatMap, forward: Tuple, reverse: Tuple, target: NatTarget, port: number): number {
  if (dp.config.nat.reverseInsert === "lookup-per-try-insert-once") {
    const slot = dp.natUpdate(nat, reverse, UpdateFlag.noExist);
    if (slot < 0) return slot;
    writeReverse(dp, nat, slot, forward, target.needsCt);
  }
  const ret = insertForward(dp, nat, forward, target, port);
  if (ret < 0) dp.natDelete(nat, reverse);
  return ret;
}

/** Tracks a connection that only NAT knows (host's own traffic, egress gateway). 0 or a drop reason. */
function trackForward(dp: DatapathContext, forward: Tuple): number {
  const tuple = dp.trackTuple;
  tuple.copyFrom(forward);
  tuple.swapAddresses();
  const ct = dp.ctMap(dp.packet.protocol === IPPROTO_TCP);
  const status = ctLazyLookup(dp, ct, tuple, CT_EGRESS, SCOPE_FORWARD, CT_ENTRY_ANY, null);
  if (status < 0) return status;
  dp.reason = status;
  if (status !== CT_NEW) return 0;
  dp.ctStateNew.reset();
  return ctCreate(dp, ct, null, tuple, CT_EGRESS, dp.ctStateNew);
}

/**
 * `snat_v4_nat_handle_mapping`: the mapping of `forward`, found, repaired or made. The new source port, or a drop
 * reason; the new address is in `dp.address`.
 */
function snatHandleMapping(dp: DatapathContext, forward: Tuple, target: NatTarget): number {
  const nat = dp.family.snatExternal;
  const { nat: config } = dp.config;
  const slot = dp.natLookup(nat, forward);
  let foundPort = -1;
  let fits = false;
  if (slot >= 0) {
    foundPort = nat.toPort(slot);
    nat.copyToAddr(slot, dp.address, 0);
    fits = nat.toAddrIs(slot, target.address, 0) && nat.needsCt(slot) === target.needsCt;
  }
  if (target.needsCt) {
    const ret = trackForward(dp, forward);
    if (ret < 0) return ret;
  }

  if (slot >= 0) {
    if (fits || !config.recreateOnStaleAddress) return restoreReverse(dp, nat, forward, target, foundPort);
    const reverse = dp.reverseTuple;
    setReverseTuple(reverse, forward, dp.address);
    reverse.dport = foundPort;
    dp.natDelete(nat, forward);
    if (dp.natLookup(nat, reverse) >= 0) dp.natDelete(nat, reverse);
  }
  for (let i = 0; i < forward.addressWords; i++) dp.address[i] = target.address[i]!;
  return snatNewMapping(dp, nat, forward, target);
}

/** v1.17 on: puts a lost reverse entry back before the mapping is used. */
function restoreReverse(dp: DatapathContext, nat: NatMap, forward: Tuple, target: NatTarget, port: number): number {
  if (!dp.config.nat.restoreReverseOnForward) return port;
  const reverse = dp.reverseTuple;
  setReverseTuple(reverse, forward, dp.address);
  reverse.dport = port;
  if (dp.natLookup(nat, reverse) >= 0) return port;
  const slot = dp.natUpdate(nat, reverse, UpdateFlag.noExist);
  if (slot < 0) {
    dp.setExtError(slot);
    return DROP_NAT_NO_MAPPING;
  }
  writeReverse(dp, nat, slot, forward, target.needsCt);
  return port;
}

/** Rewrites source address (from `dp.address`) and port or echo identifier. 0 or DROP_CSUM_L4 for SCTP. */
function rewriteSource(dp: DatapathContext, port: number): number {
  const { packet } = dp;
  packet.setSaddr(dp.address, 0);
  if (!packet.hasL4Header) return 0;
  if (isEcho(packet.protocol)) {
    packet.icmpId = port;
  } else if (packet.sport !== port) {
    if (packet.protocol === IPPROTO_SCTP) return DROP_CSUM_L4;
    packet.sport = port;
  }
  return 0;
}

function rewriteDestination(dp: DatapathContext, port: number): number {
  const { packet } = dp;
  packet.setDaddr(dp.address, 0);
  if (!packet.hasL4Header) return 0;
  if (isEcho(packet.protocol)) {
    packet.icmpId = port;
  } else if (packet.dport !== port) {
    if (packet.protocol === IPPROTO_SCTP) return DROP_CSUM_L4;
    packet.dport = port;
  }
  return 0;
}

function isEcho(protocol: number): boolean {
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
}

/** `__snat_v4_nat`: translates with a tuple in packet order. 0 or a drop reason. */
export function snatTranslate(dp: DatapathContext, forward: Tuple, target: NatTarget): number {
  const port = snatHandleMapping(dp, forward, target);
  if (port < 0) return port;
  return rewriteSource(dp, port);
}

/** `snat_v4_nat`: translates the source of an outgoing packet. 0, NAT_PUNT_TO_STACK, or a drop reason. */
export function snatEgress(dp: DatapathContext, target: NatTarget): number {
  const { packet } = dp;
  const forward = dp.natTuple;
  initTuple(dp, forward, TUPLE_F_OUT);
  if (hasPorts(dp, packet.protocol)) {
    const ret = loadL4Ports(dp, forward, true);
    if (ret < 0) return ret;
    forward.swapPorts();
  } else if (packet.protocol === IPPROTO_ICMP || packet.protocol === IPPROTO_ICMPV6) {
    if (isTranslatedIcmpError(packet)) return natIcmpErrorForward(dp);
    const { icmpType } = packet;
    const v4 = packet.addressWords === IPV4_WORDS;
    if (icmpType === (v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY)) return NAT_PUNT_TO_STACK;
    if (icmpType !== (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST)) return DROP_NAT_UNSUPP_PROTO;
    forward.ports = 0;
    forward.sport = packet.icmpId;
  } else {
    return NAT_PUNT_TO_STACK;
  }
  if (!target.fromLocalEndpoint && !target.egressGateway && forward.sport < dp.config.nat.portMin) return NAT_PUNT_TO_STACK;
  return snatTranslate(dp, forward, target);
}

/** `snat_v4_init_tuple`. */
function initTuple(dp: DatapathContext, tuple: Tuple, flags: number): void {
  const { packet } = dp;
  tuple.addressWords = packet.addressWords;
  tuple.setDaddr(packet.row, packet.daddrAt);
  tuple.setSaddr(packet.row, packet.saddrAt);
  tuple.setProtocolAndFlags(packet.protocol, flags);
  tuple.ports = 0;
}

/**
 * `snat_v4_rev_nat`: translates the destination of an incoming packet back. 0, or NAT_PUNT_TO_STACK or
 * DROP_NAT_NO_MAPPING, after which the packet goes on as it is.
 */
export function snatReverse(dp: DatapathContext): number {
  const { packet } = dp;
  const tuple = dp.natTuple;
  initTuple(dp, tuple, TUPLE_F_IN);
  if (hasPorts(dp, packet.protocol)) {
    const ret = loadL4Ports(dp, tuple, false);
    if (ret < 0) return ret;
    tuple.swapPorts();
  } else if (packet.protocol === IPPROTO_ICMP || packet.protocol === IPPROTO_ICMPV6) {
    if (isTranslatedIcmpError(packet)) return natIcmpErrorReverse(dp);
    const reply = packet.addressWords === IPV4_WORDS ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
    if (packet.icmpType !== reply) return NAT_PUNT_TO_STACK;
    tuple.dport = packet.icmpId;
  } else {
    return NAT_PUNT_TO_STACK;
  }
  const { dport } = tuple;
  if (dport < dp.config.nat.portMin || dport > dp.config.nat.portMax) return NAT_PUNT_TO_STACK;

  const nat = dp.family.snatExternal;
  const slot = dp.natLookup(nat, tuple);
  if (slot < 0) return DROP_NAT_NO_MAPPING;
  nat.copyToAddr(slot, dp.address, 0);
  const port = nat.toPort(slot);
  const needsCt = nat.needsCt(slot);
  if (needsCt) {
    const status = trackReverse(dp, tuple, port);
    if (status < 0) return status;
    dp.reason = status;
  }
  if (dp.config.nat.restoreForwardOnReply) {
    const ret = restoreForward(dp, nat, tuple, port, needsCt);
    if (ret < 0) return ret;
  }
  return rewriteDestination(dp, port);
}

/** The conntrack lookup of a reply whose mapping asks for it. */
function trackReverse(dp: DatapathContext, reverse: Tuple, port: number): number {
  const tuple = dp.trackTuple;
  tuple.copyFrom(reverse);
  tuple.setDaddr(dp.address, 0);
  tuple.dport = port;
  tuple.swapPorts();
  const ct = dp.ctMap(dp.packet.protocol === IPPROTO_TCP);
  return ctLazyLookup(dp, ct, tuple, CT_INGRESS, SCOPE_REVERSE, CT_ENTRY_ANY, null);
}

/** v1.18 on: a reply puts its lost forward entry back, so that the next packet out keeps its port. */
function restoreForward(dp: DatapathContext, nat: NatMap, reverse: Tuple, port: number, needsCt: boolean): number {
  const forward = dp.reverseTuple;
  forward.addressWords = reverse.addressWords;
  forward.setDaddr(reverse.words, reverse.addressWords);
  forward.setSaddr(dp.address, 0);
  forward.setPorts(reverse.sport, port);
  forward.setProtocolAndFlags(reverse.protocol, TUPLE_F_OUT);
  if (dp.natLookup(nat, forward) >= 0) return CTX_ACT_OK;
  const slot = dp.natUpdate(nat, forward, UpdateFlag.noExist);
  if (slot < 0) {
    dp.setExtError(slot);
    return DROP_NAT_NO_MAPPING;
  }
  nat.setCreated(slot, dp.now);
  nat.setNeedsCt(slot, needsCt);
  nat.setToAddr(slot, reverse.words, 0);
  nat.setToPort(slot, reverse.dport);
  return CTX_ACT_OK;
}

