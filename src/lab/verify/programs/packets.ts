/** Packets as the recorded files write them, into the simulator's packet and back. */

import { Packet } from "../../../cilium/datapath/packet.js";
import { formatAddress, ipv4 } from "../../../cilium/maps/address.js";
import { PROTOCOLS, protocolName, tcpFlagBits, tcpFlagNames } from "../map-entries.js";
import type { OutHeaders, PacketHeaders } from "./vectors.js";

/** TTL of a packet that has not been routed yet. */
const INITIAL_TTL = 64;
const IP_HEADER_BYTES = 20;
const L4_BYTES: Readonly<Record<string, number>> = { tcp: 20, udp: 8, icmp: 8, sctp: 12 };

/** Bytes of the embedded transport header when the file does not say. */
function defaultInnerBytes(proto: string): number {
  return proto === "tcp" ? 20 : 8;
}

function protocolOf(headers: { readonly proto: string; readonly protonum?: number | undefined }): number {
  return headers.proto === "other" ? headers.protonum! : PROTOCOLS[headers.proto]!;
}

/** Fills `packet` as if it had just been sent. */
export function fillPacket(packet: Packet, headers: PacketHeaders): void {
  packet.reset();
  packet.saddr = ipv4(headers.src);
  packet.daddr = ipv4(headers.dst);
  packet.protocol = protocolOf(headers);
  packet.sport = headers.sport ?? 0;
  packet.dport = headers.dport ?? 0;
  packet.tcpFlags = tcpFlagBits(headers.flags ?? []);
  packet.icmpType = headers.type ?? 0;
  packet.icmpCode = headers.code ?? 0;
  packet.icmpId = headers.id ?? 0;
  packet.fragment = headers.frag ?? 0;
  packet.identification = headers.ipid ?? 0;
  packet.ttl = headers.ttl ?? INITIAL_TTL;
  packet.length = IP_HEADER_BYTES + (L4_BYTES[headers.proto] ?? 0) + (headers.payload ?? 0);
  if (headers.inner !== undefined) {
    const { inner } = headers;
    packet.innerProtocol = PROTOCOLS[inner.proto]!;
    packet.row[packet.innerSaddrAt] = ipv4(inner.src);
    packet.row[packet.innerDaddrAt] = ipv4(inner.dst);
    packet.innerSport = inner.sport ?? 0;
    packet.innerDport = inner.dport ?? 0;
    packet.innerIcmpType = inner.type ?? 0;
    packet.innerIcmpId = inner.id ?? 0;
    packet.innerL4Bytes = headers.innerL4Bytes ?? defaultInnerBytes(inner.proto);
    packet.length += IP_HEADER_BYTES + packet.innerL4Bytes;
  }
  packet.tunnelKey = headers.tunnelId ?? 0;
  packet.tunnelRemote = headers.tunnelRemote === undefined ? 0 : ipv4(headers.tunnelRemote);
  if (headers.dsrOption !== undefined) {
    packet.hasDsrOption = true;
    packet.row[packet.dsrAddrAt] = ipv4(headers.dsrOption.addr);
    packet.dsrPort = headers.dsrOption.port;
  }
}

/** The headers as they leave, in the fields that the recorded ones have. */
export function packetHeaders(packet: Packet, recorded: OutHeaders, sent: PacketHeaders): Record<string, unknown> {
  const address = (at: number): string => formatAddress(packet.row, at, packet.addressWords);
  const headers: Record<string, unknown> = {
    proto: protocolName(packet.protocol),
    src: address(packet.saddrAt),
    dst: address(packet.daddrAt),
    ttl: packet.ttl,
  };
  const isTcp = packet.protocol === PROTOCOLS["tcp"];
  const isIcmp = packet.protocol === PROTOCOLS["icmp"];
  if (recorded.sport !== undefined || recorded.dport !== undefined) {
    headers["sport"] = packet.sport;
    headers["dport"] = packet.dport;
  }
  if (isTcp && recorded.flags !== undefined) headers["flags"] = tcpFlagNames(packet.tcpFlags);
  if (isIcmp) {
    headers["type"] = packet.icmpType;
    headers["code"] = packet.icmpCode;
    if (recorded.id !== undefined) headers["id"] = packet.icmpId;
    // The sequence number of an echo is payload to the programs.
    if (recorded.seq !== undefined) headers["seq"] = sent.seq;
  }
  if (recorded.frag !== undefined) headers["frag"] = packet.fragment;
  if (recorded.ipid !== undefined) headers["ipid"] = packet.identification;
  if (recorded.protonum !== undefined) headers["protonum"] = packet.protocol;
  if (packet.innerProtocol !== 0) headers["inner"] = innerHeaders(packet, recorded, sent);
  if (packet.hasDsrOption) headers["dsrOption"] = { addr: address(packet.dsrAddrAt), port: packet.dsrPort };
  return headers;
}

/** The embedded packet; TCP flags, code and sequence number are payload that nothing rewrites. */
function innerHeaders(packet: Packet, recorded: OutHeaders, sent: PacketHeaders): Record<string, unknown> {
  const address = (at: number): string => formatAddress(packet.row, at, packet.addressWords);
  const original = sent.inner ?? sent;
  const inner: Record<string, unknown> = {
    proto: protocolName(packet.innerProtocol),
    src: address(packet.innerSaddrAt),
    dst: address(packet.innerDaddrAt),
  };
  if (packet.innerProtocol === PROTOCOLS["icmp"]) {
    inner["type"] = packet.innerIcmpType;
    inner["id"] = packet.innerIcmpId;
    if (recorded.inner?.code !== undefined) inner["code"] = original.code ?? 0;
    if (recorded.inner?.seq !== undefined) inner["seq"] = original.seq;
  } else {
    inner["sport"] = packet.innerSport;
    inner["dport"] = packet.innerDport;
  }
  if (recorded.inner?.flags !== undefined) inner["flags"] = tcpFlagNames(tcpFlagBits(original.flags ?? []));
  return inner;
}
