/**
 * The answer of a service without backends: an ICMP port-unreachable in the packet's place. bpf/lib/nodeport.h and
 * lb.h, `generate_icmp4_reply`. No conntrack entry, no event, no metric.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { DatapathContext } from "./context.js";
import {
  ICMP_DEST_UNREACH,
  ICMP_PORT_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PORT_UNREACH,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPV4_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
} from "./packet.js";

/** TTL of the node's own packets (IPDEFTTL). */
const DEFAULT_TTL = 64;
/** Bytes of the ICMP header. */
const ICMP_HEADER_BYTES = 8;

/** Turns the packet into the error about itself: from the service's address, back to the sender. */
export function noServiceReply(dp: DatapathContext): void {
  const { packet } = dp;
  const { row } = packet;
  packet.setInnerSaddr(row, packet.saddrAt);
  packet.setInnerDaddr(row, packet.daddrAt);
  packet.innerProtocol = packet.protocol;
  packet.innerSport = packet.sport;
  packet.innerDport = packet.dport;
  packet.innerL4Bytes = packet.protocol === IPPROTO_TCP ? TCP_HEADER_BYTES : UDP_HEADER_BYTES;
  packet.setSaddr(row, packet.innerDaddrAt);
  packet.setDaddr(row, packet.innerSaddrAt);
  const v4 = packet.addressWords === IPV4_WORDS;
  packet.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  packet.icmpType = v4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
  packet.icmpCode = v4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH;
  packet.icmpId = 0;
  packet.sport = 0;
  packet.dport = 0;
  packet.ttl = DEFAULT_TTL;
  packet.fragment = 0;
  const header = v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  packet.length = 2 * header + ICMP_HEADER_BYTES + packet.innerL4Bytes;
}
