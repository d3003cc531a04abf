/**
 * Packets that are neither segments nor whole datagrams, as programs see them: echo requests and replies, ICMP errors,
 * fragments. A flow of echoes has the identifier in the place of the client's port and 0 in the server's.
 */
import {
  ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_PORT_UNREACH, ICMPV6_DEST_UNREACH, ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST,
  ICMPV6_PORT_UNREACH, IP_MF, IPPROTO_ICMP, IPPROTO_ICMPV6, UDP_HEADER_BYTES, type Packet,
} from "../cilium/datapath/packet.js";
import { IPV4_WORDS } from "../cilium/maps/address.js";
import type { FlowTable } from "./flow-table.js";
import type { PacketHeader } from "./packet-header.js";
import { fragmentBytes, fragmentCount, fragmentNumber, identificationOf, Special } from "./segments.js";

const SERVER_ROW = 1;
/** The offset in an IP header counts units of 8 bytes. */
const OFFSET_UNIT = 8;

export function isIcmp({ protocol }: Packet): boolean {
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
}

/** Writes what the header's `special` means into a packet that has everything else. */
export function describeSpecial(packet: Packet, header: PacketHeader): void {
  if (header.special === Special.echo) describeEcho(packet, header);
  else if (header.special === Special.portUnreachable) describeError(packet, header);
  else describeFragment(packet, header);
}

function describeEcho(packet: Packet, header: PacketHeader): void {
  const reply = (header.sender & 1) === SERVER_ROW;
  if (header.ipv6) packet.icmpType = reply ? ICMPV6_ECHO_REPLY : ICMPV6_ECHO_REQUEST;
  else packet.icmpType = reply ? ICMP_ECHOREPLY : ICMP_ECHO;
  packet.icmpId = reply ? header.dport : header.sport;
  packet.sport = 0;
  packet.dport = 0;
}

/** The sender, who has no socket for the datagram that came, sends its head back. */
function describeError(packet: Packet, header: PacketHeader): void {
  const { row } = packet;
  packet.setInnerSaddr(row, packet.daddrAt);
  packet.setInnerDaddr(row, packet.saddrAt);
  packet.innerProtocol = header.protocol;
  packet.innerSport = header.dport;
  packet.innerDport = header.sport;
  packet.innerL4Bytes = UDP_HEADER_BYTES;
  const v4 = packet.addressWords === IPV4_WORDS;
  packet.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  packet.icmpType = v4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
  packet.icmpCode = v4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH;
  packet.sport = 0;
  packet.dport = 0;
}

function describeFragment(packet: Packet, header: PacketHeader): void {
  const number = fragmentNumber(header.special);
  packet.identification = identificationOf(header.special);
  packet.fragment = (number < fragmentCount(header.special) ? IP_MF : 0) | (((number - 1) * fragmentBytes(header.routeMtu, header.ipv6)) / OFFSET_UNIT);
  if (number === 1) return;
  packet.sport = 0;
  packet.dport = 0;
}

/** Ports of an echo that has passed the programs, in the flow's terms. */
export function echoPorts(packet: Packet): void {
  const reply = packet.icmpType === ICMP_ECHOREPLY || packet.icmpType === ICMPV6_ECHO_REPLY;
  packet.sport = reply ? 0 : packet.icmpId;
  packet.dport = reply ? packet.icmpId : 0;
}

/** Whether an ICMP error carries a packet of the end at `row`, as that end knows it. */
export function concerns(packet: Packet, table: FlowTable, row: number): boolean {
  const last = packet.addressWords - 1;
  return (
    packet.row[packet.innerSaddrAt + last] === table.address[row] &&
    packet.row[packet.innerDaddrAt + last] === table.remoteAddress[row] &&
    packet.innerSport === table.port[row] &&
    packet.innerDport === table.remotePort[row]
  );
}
