/**
 * The 5-tuples of open flows as each of the two ends knows them, by flow and side. One table for each protocol.
 *
 * An end has its own address and what it takes for the other's; translation on the way makes the two views differ. It
 * puts a pair of addresses on the wire, which is its own view unless another node translates for it (direct server
 * return). Columns that grow together.
 */
import type { Packet } from "../cilium/datapath/packet.js";
import type { FlowName } from "../observe/notable.js";

/** Where an end is, when it is no pod of the simulated node (those have their index, 0 and up). */
export const Place = {
  /** Another node, or outside the cluster. */
  offNode: -1,
  /** A process of the simulated node itself. */
  host: -2,
  /** Not known yet: the server before the first packet has reached one. */
  unbound: -3,
  /** The node's L7 proxy, under an address that is another's: the client's or the server's (IP_TRANSPARENT). */
  proxy: -4,
} as const;

/** Row of the client's end; the server's follows. */
export function rowOf(flow: number, side: number): number {
  return (flow << 1) | side;
}

export class FlowTable {
  /** IP protocol number that its flows have unless told otherwise. */
  readonly protocol: number;
  #capacity = 0;

  // By row.
  /** `Place`, or the index of a pod. */
  place = new Int32Array(0);
  address = new Int32Array(0);
  port = new Int32Array(0);
  remoteAddress = new Int32Array(0);
  remotePort = new Int32Array(0);
  wireSource = new Int32Array(0);
  wireSourcePort = new Int32Array(0);
  wireTarget = new Int32Array(0);
  wireTargetPort = new Int32Array(0);
  /** CPU of the socket, for ends on the simulated node; for others the one that the NIC's hashing gives their packets. */
  cpu = new Int32Array(0);
  /** 1: packets of this end, which is elsewhere, come to the simulated node. */
  towardNode = new Uint8Array(0);
  /** `Wrapping` of those packets, the node that has wrapped them, and the identity in a tunnel's key. */
  wrapping = new Uint8Array(0);
  wrappedBy = new Int32Array(0);
  tunnelKey = new Int32Array(0);
  /** Mark of the end's socket (packet.ts, MARK_PROXY_*) when the L7 proxy owns it, and the identity in the mark. */
  mark = new Uint8Array(0);
  markIdentity = new Int32Array(0);

  // By flow.
  /** IP protocol number: the table's, or one of those that go with UDP in one table (echo of ICMP, SCTP). */
  protocolOf = new Uint8Array(0);
  workload = new Int32Array(0);
  /** Which connection of its workload this is, from 1; 0 for those of a flood. */
  nth = new Int32Array(0);
  /** Whom the client's port was taken for, -1 when it belongs to nobody here. */
  portPair = new Int32Array(0);
  /** `WHERE` the flow was opened: outside or inside a burst. */
  where = new Uint8Array(0);
  /** Identity of the client of a flow that ends at the L7 proxy. */
  clientIdentity = new Int32Array(0);
  /** 1 once the client has heard of the server. */
  established = new Uint8Array(0);
  /** 1: another node passes the client's requests on with a DSR option that names `remoteAddress`. */
  dsrOption = new Uint8Array(0);
  /** 1: both ends speak IPv6. */
  ipv6 = new Uint8Array(0);

  constructor(protocol: number) {
    this.protocol = protocol;
  }

  /** Makes room for flows below `capacity`. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    const rows = capacity * 2;
    for (const column of ROW_COLUMNS) this[column] = widened(new Int32Array(rows), this[column]);
    this.towardNode = widened(new Uint8Array(rows), this.towardNode);
    this.wrapping = widened(new Uint8Array(rows), this.wrapping);
    this.mark = widened(new Uint8Array(rows), this.mark);
    this.workload = widened(new Int32Array(capacity), this.workload);
    this.nth = widened(new Int32Array(capacity), this.nth);
    this.clientIdentity = widened(new Int32Array(capacity), this.clientIdentity);
    this.portPair = widened(new Int32Array(capacity), this.portPair);
    for (const column of FLOW_COLUMNS) this[column] = widened(new Uint8Array(capacity), this[column]);
  }

  /** A flow of the proxy for the one that it serves. It is none that a workload has opened. */
  serve(flow: number, served: number): void {
    this.protocolOf[flow] = this.protocolOf[served]!;
    this.ipv6[flow] = this.ipv6[served]!;
    this.dsrOption[flow] = 0;
    this.workload[flow] = this.workload[served]!;
    this.nth[flow] = 0;
    this.where[flow] = this.where[served]!;
    this.established[flow] = 0;
  }

  /** The packet opens the flow for the end at `row`: from now on it knows itself and its client as the packet does. */
  receiveFirst(row: number, place: number, packet: Packet): void {
    this.place[row] = place;
    this.address[row] = packet.daddrEnd;
    this.port[row] = packet.dport;
    this.remoteAddress[row] = packet.saddrEnd;
    this.remotePort[row] = packet.sport;
    this.mark[row] = 0;
    this.speakPlainly(row);
  }

  /** A listener of the L7 proxy takes the end: its sockets bear the mark alone; the flow notes whom its client is. */
  belongToProxy(row: number, mark: number, clientIdentity: number): void {
    this.mark[row] = mark;
    this.markIdentity[row] = 0;
    this.clientIdentity[row >> 1] = clientIdentity;
  }

  /** The end at `row` puts its own view on the wire. */
  speakPlainly(row: number): void {
    this.wireSource[row] = this.address[row]!;
    this.wireSourcePort[row] = this.port[row]!;
    this.wireTarget[row] = this.remoteAddress[row]!;
    this.wireTargetPort[row] = this.remotePort[row]!;
  }
}

/** The client's end of a flow by name, for people who ask about it later. */
export function flowName(table: FlowTable, flow: number): FlowName {
  const row = rowOf(flow, 0);
  return {
    workload: table.workload[flow]!,
    nth: table.nth[flow]!,
    protocol: table.protocolOf[flow]!,
    ipv6: table.ipv6[flow] === 1,
    source: table.address[row]!,
    sourcePort: table.port[row]!,
    target: table.remoteAddress[row]!,
    targetPort: table.remotePort[row]!,
  };
}

const ROW_COLUMNS = [
  "place", "address", "port", "remoteAddress", "remotePort", "wireSource", "wireSourcePort", "wireTarget", "wireTargetPort", "cpu",
  "wrappedBy", "tunnelKey", "markIdentity",
] as const;
const FLOW_COLUMNS = ["protocolOf", "where", "established", "dsrOption", "ipv6"] as const;

function widened<Column extends { set(from: ArrayLike<number>): void }>(wider: Column, column: ArrayLike<number>): Column {
  wider.set(column);
  return wider;
}
