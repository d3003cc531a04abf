/** What stands between sockets, applications and the network while a connection is followed: each hands everything on. */
import { IPPROTO_TCP, IPPROTO_UDP } from "../../cilium/datapath/packet.js";
import { tcpFlagsText } from "../../cilium/datapath/trace/walk-trace.js";
import { formatDuration } from "../../core/units.js";
import type { FlowTable } from "../../node/flow-table.js";
import type { Ends } from "../../node/network.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import { Errno, Side, type Application } from "../../traffic/tcp-peers.js";
import type { ConnectionTracer } from "./tracer.js";

/** The followed connections. */
export interface Following {
  /** Who follows the connection or exchange; undefined: nobody. */
  find(protocol: number, flow: number): ConnectionTracer | undefined;
  /** A workload is about to open its next connection. */
  opens(workload: number): void;
  /** It has been opened under the number `flow`, or (negative) could not be. */
  opened(protocol: number, workload: number, flow: number, table: FlowTable): void;
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Errno).map(([name, number]) => [number, name]));

function sideName(side: number): string {
  return side === Side.client ? "client" : "server";
}

/** Applications' sockets: sees connections open and datagram sockets close. */
export function followedSockets(following: Following, inner: Sockets): Sockets {
  return {
    peers: inner.peers,
    connections: inner.connections,
    flows: inner.flows,
    datagrams: inner.datagrams,
    connect(workload, client, cpu, where) {
      following.opens(workload);
      const connection = inner.connect(workload, client, cpu, where);
      following.opened(IPPROTO_TCP, workload, connection, inner.flows);
      return connection;
    },
    release: (connection, timeWait) => inner.release(connection, timeWait),
    accept: (connection) => inner.accept(connection),
    openDatagramSocket(flow, workload, client, cpu, where) {
      following.opens(workload);
      const opened = inner.openDatagramSocket(flow, workload, client, cpu, where);
      following.opened(IPPROTO_UDP, workload, opened ? flow : -1, inner.datagrams);
      return opened;
    },
    closeDatagramSocket(flow) {
      following.find(IPPROTO_UDP, flow)?.record("socket", "client closes the socket");
      inner.closeDatagramSocket(flow);
    },
    sendPortUnreachable: (flow, tag) => inner.sendPortUnreachable(flow, tag),
    sendDatagram: (flow, fromSide, bytes, tag) => inner.sendDatagram(flow, fromSide, bytes, tag),
  };
}

/** What TCP tells applications. */
export function followedApplication(following: Following, inner: Application): Application {
  const tell = (connection: number, text: (tracer: ConnectionTracer) => string): void => {
    const tracer = following.find(IPPROTO_TCP, connection);
    tracer?.record("socket", text(tracer));
  };
  return {
    established(connection, side) {
      tell(connection, (tracer) => {
        if (side !== Side.client) return "server accepts the connection";
        tracer.established = true;
        const again = tracer.retransmissions(side);
        const syns = again === 0 ? "" : `, its SYN sent again ${again === 1 ? "once" : `${again} times`}`;
        return `client's connect() succeeds after ${formatDuration(tracer.ageNs)}${syns}`;
      });
      inner.established(connection, side);
    },
    received: (connection, side, bytes) => inner.received(connection, side, bytes),
    peerClosed(connection, side) {
      tell(connection, () => `${sideName(side)} reads the end of the stream`);
      inner.peerClosed(connection, side);
    },
    closed(connection, side) {
      tell(connection, () => `${sideName(side)}'s socket has ended in good order`);
      inner.closed(connection, side);
    },
    failed(connection, side, errno) {
      tell(connection, (tracer) => `${sideName(side)}'s socket fails: ${ERRNO_NAMES.get(errno) ?? `errno ${errno}`} after ${formatDuration(tracer.ageNs)}`);
      inner.failed(connection, side, errno);
    },
    released(connection, timeWaitSide) {
      tell(connection, (tracer) => {
        const port = timeWaitSide < 0 ? "" : `, ${sideName(timeWaitSide)}'s port in TIME_WAIT`;
        return `both ends are gone${port}${tracer.established ? "" : "; the client's connect() never succeeded"}`;
      });
      inner.released(connection, timeWaitSide);
    },
  };
}

/** What the network hands to sockets. */
export function followedEnds(following: Following, inner: Ends, protocol: number): Ends {
  const tell = (flow: number, text: () => string): void => void following.find(protocol, flow)?.record("socket", text());
  return {
    deliver(flow, side, tcpFlags, payloadBytes, tag) {
      tell(flow, () => [`${sideName(side)} receives`, tcpFlagsText(tcpFlags), `${payloadBytes} bytes`].filter((text) => text !== "").join(" "));
      inner.deliver(flow, side, tcpFlags, payloadBytes, tag);
    },
    unreachable(flow, side, tag) {
      tell(flow, () => `${sideName(side)} learns by ICMP that nobody takes its packets`);
      inner.unreachable(flow, side, tag);
    },
    reopen(flow) {
      const taken = inner.reopen(flow);
      tell(flow, () => (taken ? "another server than before takes the first packet" : "the packet comes to a server that does not know the connection"));
      return taken;
    },
    refuse(flow) {
      tell(flow, () => "nobody listens where the packet went");
      inner.refuse(flow);
    },
  };
}
