/**
 * Ports and ICMP identifiers out of packets: bpf/lib/l4.h, the extract functions of conntrack.h and ipfrag.h.
 *
 * Ports are taken as one word, source port in the low half, as the four bytes stand in the transport header. Put into a
 * tuple as they are, they make the reverse layout (dport receives the packet's source port).
 */

import { htons, IPV4_WORDS } from "../maps/address.js";
import { TUPLE_F_RELATED } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import type { DatapathContext } from "./context.js";
import { DROP_CT_UNKNOWN_PROTO, DROP_FRAG_NOSUPPORT, DROP_FRAG_NOT_FOUND, DROP_UNKNOWN_L4, DROP_UNSUPP_SERVICE_PROTO } from "./drop-reasons.js";
import { METRIC_EGRESS, METRIC_INGRESS } from "./events.js";
import { updateMetrics } from "./notify.js";
import { OP_FRAGMENTS_LOOKUP, OP_FRAGMENTS_UPDATE } from "./ops.js";
import {
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_PARAMETERPROB,
  ICMP_TIME_EXCEEDED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./packet.js";
import type { Packet } from "./packet.js";

/** Metrics reason of a fragment seen, and of a failed insert into the fragment map. */
const REASON_FRAG_PACKET = 9;
const REASON_FRAG_PACKET_UPDATE = 10;
/** Call site for `cilium_metrics`. */
const SITE_FRAGMENT = 20;

/** Whether a protocol carries ports that the datapath handles. */
export function hasPorts(dp: DatapathContext, protocol: number): boolean {
  return protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || (protocol === IPPROTO_SCTP && dp.config.sctp);
}

/** Source and destination port as they stand in the header: source in the low half, network order. */
export function portsWord(sport: number, dport: number): number {
  return htons(sport) | (htons(dport) << 16);
}

/** `ipv4_load_l4_ports`: sets `tuple.ports` to the ports as they stand. `egress` only chooses the metric. 0 or a drop reason. */
export function loadL4Ports(dp: DatapathContext, tuple: Tuple, egress: boolean): number {
  const { packet } = dp;
  if (packet.isFragment) return loadFragmentPorts(dp, tuple, egress);
  tuple.ports = portsWord(packet.sport, packet.dport);
  return 0;
}

/** `ipv4_handle_fragmentation`: the first fragment records its ports for the others. */
function loadFragmentPorts(dp: DatapathContext, tuple: Tuple, egress: boolean): number {
  const { packet } = dp;
  if (!dp.config.fragmentTracking || packet.addressWords !== IPV4_WORDS) return DROP_FRAG_NOSUPPORT;
  const direction = egress ? METRIC_EGRESS : METRIC_INGRESS;
  updateMetrics(dp, REASON_FRAG_PACKET, direction, SITE_FRAGMENT);
  const { fragments } = dp.family;
  fragments.setKey(packet.row, packet.daddrAt, packet.row, packet.saddrAt, packet.identification, packet.protocol);
  if (!packet.hasL4Header) {
    const slot = dp.lookupLru(OP_FRAGMENTS_LOOKUP, fragments.map, fragments.key);
    if (slot < 0) return DROP_FRAG_NOT_FOUND;
    tuple.ports = fragments.ports(slot);
    return 0;
  }
  tuple.ports = portsWord(packet.sport, packet.dport);
  const slot = dp.update(OP_FRAGMENTS_UPDATE, fragments.map, fragments.key);
  if (slot >= 0) fragments.setPorts(slot, tuple.ports);
  else updateMetrics(dp, REASON_FRAG_PACKET_UPDATE, direction, SITE_FRAGMENT);
  return 0;
}

/** `ct_extract_ports4`: ports of any trackable protocol in reverse layout; sets RELATED for an ICMP error. 0 or a drop reason. */
export function extractTuplePorts(dp: DatapathContext, tuple: Tuple, dir: number): number {
  const protocol = tuple.protocol;
  if (protocol === IPPROTO_ICMP) {
    extractIcmp(dp.packet, tuple);
    return 0;
  }
  if (protocol === IPPROTO_ICMPV6) {
    extractIcmp6(dp.packet, tuple);
    return 0;
  }
  if (!hasPorts(dp, protocol)) return DROP_CT_UNKNOWN_PROTO;
  return loadL4Ports(dp, tuple, dir === 0);
}

/** The identifier of an echo takes the place of the initiator's port. */
function extractIcmp(packet: Packet, tuple: Tuple): void {
  tuple.ports = 0;
  switch (packet.icmpType) {
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
      tuple.flags |= TUPLE_F_RELATED;
      break;
    case ICMP_ECHOREPLY:
      tuple.sport = packet.icmpId;
      break;
    case ICMP_ECHO:
      tuple.dport = packet.icmpId;
      break;
    default:
      break;
  }
}

function extractIcmp6(packet: Packet, tuple: Tuple): void {
  tuple.ports = 0;
  switch (packet.icmpType) {
    case ICMPV6_DEST_UNREACH:
    case ICMPV6_PKT_TOOBIG:
    case ICMPV6_TIME_EXCEED:
    case ICMPV6_PARAMPROB:
      tuple.flags |= TUPLE_F_RELATED;
      break;
    case ICMPV6_ECHO_REPLY:
      tuple.sport = packet.icmpId;
      break;
    case ICMPV6_ECHO_REQUEST:
      tuple.dport = packet.icmpId;
      break;
    default:
      break;
  }
}

/** Protocol and addresses of the packet into a tuple, in packet order. */
export function tupleFromPacket(dp: DatapathContext, tuple: Tuple): void {
  const { packet } = dp;
  tuple.addressWords = packet.addressWords;
  tuple.setDaddr(packet.row, packet.daddrAt);
  tuple.setSaddr(packet.row, packet.saddrAt);
  tuple.setProtocolAndFlags(packet.protocol, 0);
}

/** `lb4_extract_tuple`: reverse layout for protocols that services have. 0, or a (possibly internal) drop reason. */
export function lbExtractTuple(dp: DatapathContext, tuple: Tuple): number {
  tupleFromPacket(dp, tuple);
  const { protocol } = dp.packet;
  if (hasPorts(dp, protocol)) return loadL4Ports(dp, tuple, true);
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) return DROP_UNSUPP_SERVICE_PROTO;
  return DROP_UNKNOWN_L4;
}
