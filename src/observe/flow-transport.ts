/** What a flow's line says of the packet's transport, and which numbers each of these texts depends on. */
import { IPV4_WORDS } from "../cilium/maps/address.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from "../cilium/datapath/packet.js";
import { FLOW_EVENT, type FlowRow } from "./flow-row.js";
import { icmpSummary, TCP_FLAGS_JSON, TCP_SUMMARIES } from "./flow-text.js";
import { type LineBytes, piece } from "./line-bytes.js";

const SOURCE_PORT = piece('"source_port":');
const DESTINATION_PORT = piece('"destination_port":');
const COMMA = piece(",");

const TRANSPORTS: ReadonlyMap<number, string> = new Map([
  [IPPROTO_TCP, "TCP"],
  [IPPROTO_UDP, "UDP"],
  [IPPROTO_SCTP, "SCTP"],
]);

/** What a program reports of a packet; proxies and sockets know less of it. */
export function isPacket(row: FlowRow): boolean {
  return row.layer7 === null && row.eventType !== FLOW_EVENT.traceSock;
}

/** What the texts about a packet's transport depend on, beside flags, types and codes. */
export function transportKey(row: FlowRow): number {
  const ports = (row.sport === 0 ? 0 : 1) | (row.dport === 0 ? 0 : 2);
  return row.protocol | (row.hasPorts << 8) | (row.encrypted << 9) | (ports << 10) | ((isPacket(row) ? 1 : 0) << 12) | (row.family << 13);
}

export function icmpKey(row: FlowRow): number {
  return row.protocol === IPPROTO_ICMP || row.protocol === IPPROTO_ICMPV6 ? (row.icmpType & 0xff) | ((row.icmpCode & 0xff) << 8) : 0;
}

/** Fragments after the first have none. */
export function hasPorts(row: FlowRow): boolean {
  return !isPacket(row) || (row.hasPorts === 1 && TRANSPORTS.has(row.protocol));
}

/** From the destination's address to the ports, or to the end of a transport without ports. */
export function upToPortsText(row: FlowRow): string {
  const version = row.family === IPV4_WORDS ? "IPv4" : "IPv6";
  return `","ipVersion":"${version}"${row.encrypted === 1 ? ',"encrypted":true' : ""}}${transportBegin(row)}`;
}

function transportBegin(row: FlowRow): string {
  if (!isPacket(row)) return `,"l4":{"${row.protocol === IPPROTO_TCP ? "TCP" : "UDP"}":{`;
  if (row.hasPorts === 0) return "";
  if (row.protocol === IPPROTO_ICMP) return `,"l4":{"ICMPv4":{${typeAndCode(row)}}}`;
  if (row.protocol === IPPROTO_ICMPV6) return `,"l4":{"ICMPv6":{${typeAndCode(row)}}}`;
  const transport = TRANSPORTS.get(row.protocol);
  return transport === undefined ? "" : `,"l4":{"${transport}":{`;
}

export function behindPortsText(row: FlowRow): string {
  const flags = isPacket(row) && row.protocol === IPPROTO_TCP ? TCP_FLAGS_JSON[row.tcpFlags & 0xff]! : "";
  const comma = flags === "" || (row.sport === 0 && row.dport === 0) ? "" : ",";
  return `${hasPorts(row) ? `${comma}${flags}}}` : ""},"source":`;
}

export function putPorts({ sport, dport }: FlowRow, line: LineBytes): void {
  if (sport !== 0) {
    line.put(SOURCE_PORT);
    line.putDecimal(sport);
    if (dport !== 0) line.put(COMMA);
  }
  if (dport !== 0) {
    line.put(DESTINATION_PORT);
    line.putDecimal(dport);
  }
}

function typeAndCode({ icmpType, icmpCode }: FlowRow): string {
  if (icmpType === 0) return icmpCode === 0 ? "" : `"code":${icmpCode}`;
  return icmpCode === 0 ? `"type":${icmpType}` : `"type":${icmpType},"code":${icmpCode}`;
}

/** Text of the last layer that could be read. */
export function summaryOf(row: FlowRow): string {
  if (row.hasPorts === 1) {
    switch (row.protocol) {
      case IPPROTO_TCP:
        return TCP_SUMMARIES[row.tcpFlags & 0xff]!;
      case IPPROTO_UDP:
        return "UDP";
      case IPPROTO_SCTP:
        return "SCTP";
      case IPPROTO_ICMP:
        return icmpSummary(4, row.icmpType, row.icmpCode);
      case IPPROTO_ICMPV6:
        return icmpSummary(6, row.icmpType, row.icmpCode);
      default:
        break;
    }
  }
  return row.family === IPV4_WORDS ? "IPv4" : "IPv6";
}
