/**
 * ICMP errors about translated packets: the `nat_icmp` and `rev_nat_icmp` parts of bpf/lib/nat.h.
 *
 * An error embeds the packet it is about. The mapping of that packet is found, and the embedded packet and the outer
 * address are translated together. Only destination-unreachable codes 0 to 4 (IPv6: destination-unreachable and
 * packet-too-big) are handled; "time exceeded" passes untranslated and so never reaches a masqueraded pod.
 */

import { IPV4_WORDS } from "../maps/address.js";
import { TUPLE_F_IN, TUPLE_F_OUT } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import type { DatapathContext } from "./context.js";
import { DROP_CSUM_L4, DROP_INVALID, DROP_UNKNOWN_L4, NAT_PUNT_TO_STACK } from "./drop-reasons.js";
import { hasPorts } from "./l4.js";
import {
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PKT_TOOBIG,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
} from "./packet.js";
import type { Packet } from "./packet.js";

/** Bytes up to and including the TCP checksum, which a changed address makes the program rewrite. */
const TCP_CHECKSUM_END = 18;
/** Bytes of a UDP or ICMP header, which every error embeds. */
const SHORT_HEADER = 8;

/** Whether NAT looks into this packet for an embedded one. */
export function isTranslatedIcmpError(packet: Packet): boolean {
  if (packet.addressWords === IPV4_WORDS) return packet.icmpType === ICMP_DEST_UNREACH && packet.icmpCode <= ICMP_FRAG_NEEDED;
  return packet.icmpType === ICMPV6_DEST_UNREACH || packet.icmpType === ICMPV6_PKT_TOOBIG;
}

/** Protocol and addresses of the embedded packet, seen from the other side; flags as given. */
function innerTuple(dp: DatapathContext, tuple: Tuple, flags: number): void {
  const { packet } = dp;
  tuple.addressWords = packet.addressWords;
  tuple.setSaddr(packet.row, packet.innerDaddrAt);
  tuple.setDaddr(packet.row, packet.innerSaddrAt);
  tuple.setProtocolAndFlags(packet.innerProtocol, flags);
  tuple.ports = 0;
}

/** Whether the error embeds enough of the transport header to correct its checksum. */
function innerTooShort(packet: Packet): boolean {
  return packet.innerL4Bytes < (packet.innerProtocol === IPPROTO_TCP ? TCP_CHECKSUM_END : SHORT_HEADER);
}

function isInnerIcmp(packet: Packet): boolean {
  return packet.innerProtocol === IPPROTO_ICMP || packet.innerProtocol === IPPROTO_ICMPV6;
}

/** `snat_v4_nat_handle_icmp_error`: a pod (or the node) reports on a packet that came to it through a mapping. */
export function natIcmpErrorForward(dp: DatapathContext): number {
  const { packet } = dp;
  const tuple = dp.natTuple;
  innerTuple(dp, tuple, TUPLE_F_OUT);
  if (hasPorts(dp, packet.innerProtocol)) {
    tuple.setPorts(packet.innerSport, packet.innerDport);
  } else if (isInnerIcmp(packet)) {
    const v4 = packet.addressWords === IPV4_WORDS;
    if (packet.innerIcmpType === (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST)) return NAT_PUNT_TO_STACK;
    if (packet.innerIcmpType !== (v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY)) return DROP_INVALID;
    tuple.sport = packet.innerIcmpId;
  } else {
    return DROP_UNKNOWN_L4;
  }
  const nat = dp.family.snatExternal;
  const slot = dp.natLookup(nat, tuple);
  if (slot < 0) return NAT_PUNT_TO_STACK;
  if (innerTooShort(packet)) return DROP_CSUM_L4;
  nat.copyToAddr(slot, dp.address, 0);
  const port = nat.toPort(slot);
  packet.setInnerDaddr(dp.address, 0);
  packet.setSaddr(dp.address, 0);
  if (isInnerIcmp(packet)) packet.innerIcmpId = port;
  else if (packet.innerDport !== port) {
    if (packet.innerProtocol === IPPROTO_SCTP) return DROP_CSUM_L4;
    packet.innerDport = port;
  }
  return 0;
}

/** `snat_v4_rev_nat_handle_icmp_error`: a router or remote reports on a packet that left through a mapping. */
export function natIcmpErrorReverse(dp: DatapathContext): number {
  const { packet } = dp;
  const tuple = dp.natTuple;
  innerTuple(dp, tuple, TUPLE_F_IN);
  if (hasPorts(dp, packet.innerProtocol)) {
    tuple.setPorts(packet.innerSport, packet.innerDport);
  } else if (isInnerIcmp(packet)) {
    const request = packet.addressWords === IPV4_WORDS ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
    if (packet.innerIcmpType !== request) return NAT_PUNT_TO_STACK;
    tuple.dport = packet.innerIcmpId;
  } else {
    return NAT_PUNT_TO_STACK;
  }
  const nat = dp.family.snatExternal;
  const slot = dp.natLookup(nat, tuple);
  if (slot < 0) return NAT_PUNT_TO_STACK;
  if (innerTooShort(packet)) return DROP_CSUM_L4;
  nat.copyToAddr(slot, dp.address, 0);
  const port = nat.toPort(slot);
  packet.setInnerSaddr(dp.address, 0);
  packet.setDaddr(dp.address, 0);
  if (isInnerIcmp(packet)) packet.innerIcmpId = port;
  else if (packet.innerSport !== port) {
    if (packet.innerProtocol === IPPROTO_SCTP) return DROP_CSUM_L4;
    packet.innerSport = port;
  }
  return 0;
}
