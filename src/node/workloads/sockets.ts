/** What applications need from the node: sockets of TCP and UDP. */
import type { TcpPeers } from "../../traffic/tcp-peers.js";
import type { Connections } from "../connections.js";
import type { FlowTable } from "../flow-table.js";

export interface Sockets {
  readonly peers: TcpPeers;
  readonly connections: Connections;
  readonly flows: FlowTable;
  readonly datagrams: FlowTable;
  /**
   * A TCP socket of a client (index into the workload's clients) with destination and port chosen, ready for
   * `peers.connect`. Returns the connection, or -1 (the call failed).
   */
  connect(workload: number, client: number, cpu: number, where: number): number;
  /** The number is free again; `timeWait`: the client's port is not. */
  release(connection: number, timeWait: boolean): void;
  /** The server's application takes an established connection from its queue. */
  accept(connection: number): void;
  /** A connected UDP socket under the number `flow`, for which the tables have room. False: the call failed. */
  openDatagramSocket(flow: number, workload: number, client: number, cpu: number, where: number): boolean;
  closeDatagramSocket(flow: number): void;
  /** The server's host has no socket for the flow's datagram with this tag, and says so to its client. */
  sendPortUnreachable(flow: number, tag: number): void;
  /** `tag` comes back at delivery. */
  sendDatagram(flow: number, fromSide: number, bytes: number, tag: number): void;
}
