/**
 * One simulated node: its sockets (pods' and processes'), CPUs, the hooks that packets walk, Cilium's maps and agent, and
 * the network to the other nodes, which are peers without maps of their own.
 */
import {
  IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, MARK_PROXY_INGRESS,
} from "../cilium/datapath/packet.js";
import type { RandomStreams } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { Scenario, Workload } from "../scenario/types.js";
import { IcmpRateLimit } from "../traffic/icmp-rate-limit.js";
import type { ListenerSettings } from "../traffic/tcp-listener.js";
import { Errno, Sent, Side, State, TcpFlag, TcpPeers, type Application, type Network } from "../traffic/tcp-peers.js";
import { Connections } from "./connections.js";
import type { CpuQueues } from "./cpu.js";
import type { DatagramPorts } from "./datagram-ports.js";
import { Place, rowOf, type FlowTable } from "./flow-table.js";
import { Fragmenter } from "./fragmenter.js";
import type { NodeHooks } from "./hooks.js";
import type { Ends, NodeNetwork } from "./network.js";
import type { TcpPorts } from "./ports.js";
import { Special } from "./segments.js";
import { destinations, type Destination, type DrawDestination } from "./targets.js";
import { ENTRY_NODE, nodeAddress, routerAddress, type ClientTopology, type Topology } from "./topology.js";
import type { Sockets } from "./workloads/sockets.js";

const PORTS = 65_536;
/** Keys of IPv6 remotes lie above those of IPv4. */
const IPV6_KEYS = 2 ** 32 * PORTS;
const NO_LISTENER = 0;
/** Payload of an ICMP error: IP header and eight bytes of the datagram that it is about. */
const ERROR_BYTES = 28;

export interface NodeParts {
  readonly simulation: Simulation;
  readonly scenario: Scenario;
  readonly topology: Topology;
  readonly hooks: NodeHooks;
  readonly network: NodeNetwork;
  readonly cpus: CpuQueues;
  readonly recorder: RunRecorder;
  readonly streams: RandomStreams;
  readonly tcpPorts: TcpPorts;
  /** MTU of pods' routes. */
  readonly routeMtu: number;
  readonly udpPorts: DatagramPorts;
  readonly sctpPorts: DatagramPorts;
  readonly echoIdentifiers: DatagramPorts;
  /** `socketLB.hostNamespaceOnly`: pods' sockets are left alone. */
  readonly socketLbForHostOnly: boolean;
  /** Queues of a listening socket. */
  readonly listener: ListenerSettings;
  readonly application: Application;
  /** Whether the L7 proxy speaks with its client's address; `other`: address of the end that the rule's policy does not select. */
  readonly keepsSource: (other: number, ingress: boolean) => boolean;
  /** Whether the DNS proxy asks a server at this address in its client's name. */
  readonly dnsKeepsSource: (server: number) => boolean;
}

export class Node implements Sockets, Network, Ends {
  readonly connections = new Connections();
  readonly peers: TcpPeers;
  readonly flows: FlowTable;
  readonly datagrams: FlowTable;
  readonly cpus: CpuQueues;
  /** Hosts of the TCP engine; set once both exist. */
  clientHost = 0;
  serverHost = 0;
  readonly #parts: NodeParts;
  readonly #destinations: readonly DrawDestination[];
  /** Which workloads speak IPv6. */
  readonly #ipv6: readonly boolean[];
  /** IP protocol number of each workload's flows. */
  readonly #protocols: readonly number[];
  readonly #errors = new IcmpRateLimit();
  readonly #fragmenter: Fragmenter;
  /** Number of each remote address and port that local sockets have connected to. */
  readonly #remotes = new Map<number, number>();
  /** Ports of clients elsewhere, taken in turn: by workload and client. */
  readonly #turns: readonly Int32Array[];
  /** For each workload, the listening socket of its service's pods here; one for all of them. */
  readonly #listeners: readonly number[];
  /** Connections that each workload has opened or tried to. */
  readonly #openings: Int32Array;
  /** Cookie of the next socket; the kernel counts them from 1. */
  #cookie = 1;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { scenario, topology, simulation, network, streams } = parts;
    this.peers = new TcpPeers(simulation, this, parts.application);
    this.flows = network.tcp;
    this.datagrams = network.udp;
    this.cpus = parts.cpus;
    const { loadBalancer: { mode }, tunnel } = parts.hooks.datapath.config;
    const entry = tunnel ? routerAddress(topology.podCidr, ENTRY_NODE) : nodeAddress(ENTRY_NODE);
    this.#destinations = scenario.workloads.map((workload) => {
      const passer = mode === "dsr" || (mode === "hybrid" && workload.kind !== "queries") ? null : entry;
      return destinations(scenario, topology, workload, passer, streams.stream(`targets/${workload.name}`));
    });
    this.#ipv6 = scenario.workloads.map(({ family }) => family === "IPv6");
    this.#fragmenter = new Fragmenter(network, parts.routeMtu);
    this.#protocols = scenario.workloads.map((workload) => protocolOf(workload));
    this.#listeners = this.#makeListeners();
    this.#openings = new Int32Array(scenario.workloads.length);
    this.#turns = topology.clients.map((clients) => new Int32Array(clients.length));
  }

  connect(workload: number, client: number, cpu: number, where: number): number {
    this.#openings[workload]!++;
    const destination = this.#destinations[workload]!();
    const who = this.#parts.topology.clients[workload]![client]!;
    const local = who.place !== Place.offNode;
    if (!this.#resolve(workload, who, destination, this.flows.protocol, cpu)) return -1;
    const { header } = this.#parts.hooks;
    const pair = local ? this.#pairOf(who.place, header.daddr, header.dport) : -1;
    const port = local ? this.#parts.tcpPorts.take(pair, this.#parts.simulation.now) : this.#nextPort(workload, client);
    if (port < 0) return -1;
    const connection = this.peers.allocate(this.clientHost, this.serverHost);
    this.connections.grow(this.peers.capacity);
    this.flows.grow(this.peers.capacity);
    this.flows.portPair[connection] = pair;
    this.#open(this.flows, connection, workload, who, destination, port, cpu, where);
    const listener = this.#listeners[workload]!;
    if (listener !== NO_LISTENER) this.peers.listen(connection, listener);
    this.connections.openedAt[connection] = this.#parts.simulation.now;
    return connection;
  }

  /**
   * A socket of the L7 proxy for a request that has reached it on `downstream`, ready for `peers.connect`; -1 without a port.
   * Towards other nodes and the world it bears the client's own address and port, so that the server sees its client and
   * conntrack's entry of the client serves both connections; towards pods of this node, or for clients of this node, it is
   * the node's. cilium/proxy, bpf_metadata.cc: `use_original_source_address`.
   */
  connectFromProxy(downstream: number): number {
    const { flows } = this;
    const { tcpPorts, simulation } = this.#parts;
    const { header } = this.#parts.hooks;
    const accepted = rowOf(downstream, Side.server);
    const target = flows.address[accepted]!;
    const targetPort = flows.port[accepted]!;
    const client = flows.remoteAddress[accepted]!;
    const ingress = flows.mark[accepted] === MARK_PROXY_INGRESS;
    const own = !this.#parts.keepsSource(ingress ? client : target, ingress);
    header.ipv6 = flows.ipv6[downstream] === 1;
    const pair = own ? this.#pairOf(Place.host, target, targetPort) : -1;
    const port = own ? tcpPorts.take(pair, simulation.now) : flows.remotePort[accepted]!;
    if (port < 0) return -1;
    const upstream = this.peers.allocate(this.clientHost, this.serverHost);
    this.connections.grow(this.peers.capacity);
    flows.grow(this.peers.capacity);
    this.#openForClient(flows, downstream, upstream, own ? { pair, port } : null);
    const listener = this.#listeners[flows.workload[upstream]!]!;
    if (listener !== NO_LISTENER) this.peers.listen(upstream, listener);
    this.connections.openedAt[upstream] = simulation.now;
    return upstream;
  }

  /** The same for a datagram that has reached the DNS proxy on `served`; `flow`: the number that its socket gets. False: no port. */
  connectDatagramFromProxy(served: number, flow: number): boolean {
    const { datagrams } = this;
    const pair = this.#ownerOf(Place.host);
    const own = !this.#parts.dnsKeepsSource(datagrams.address[rowOf(served, Side.server)]!);
    const port = own ? this.#parts.udpPorts.take(pair) : -1;
    if (own && port < 0) return false;
    this.#openForClient(datagrams, served, flow, own ? { pair, port } : null);
    return true;
  }

  /** A socket of a proxy for what came on `served`, with the client's address and port, or the node's and this port. */
  #openForClient(table: FlowTable, served: number, flow: number, own: { readonly pair: number; readonly port: number } | null): void {
    const accepted = rowOf(served, Side.server);
    const row = rowOf(flow, Side.client);
    table.portPair[flow] = own === null ? -1 : own.pair;
    table.place[row] = own === null ? Place.proxy : Place.host;
    table.remoteAddress[row] = table.address[accepted]!;
    table.remotePort[row] = table.port[accepted]!;
    table.address[row] = own === null ? table.remoteAddress[accepted]! : this.#addressTowards(table.address[accepted]!);
    table.port[row] = own === null ? table.remotePort[accepted]! : own.port;
    table.speakPlainly(row);
    table.mark[row] = table.mark[accepted]!;
    table.markIdentity[row] = table.clientIdentity[served]!;
    table.cpu[row] = table.cpu[rowOf(served, Side.client)]!;
    table.place[rowOf(flow, Side.server)] = Place.unbound;
    table.serve(flow, served);
  }

  /** The node's routes: its own pods are reached with the address of `cilium_host`. */
  #addressTowards(target: number): number {
    const { topology, network } = this.#parts;
    if (network.isPodHere(target)) return topology.routerAddress;
    return this.#ownAddress({ place: Place.host, address: topology.nodeAddress }, target);
  }

  accept(connection: number): void {
    const listener = this.#listeners[this.flows.workload[connection]!]!;
    if (listener !== NO_LISTENER) this.peers.listeners.accept(listener);
  }

  openDatagramSocket(flow: number, workload: number, client: number, cpu: number, where: number): boolean {
    this.#openings[workload]!++;
    const destination = this.#destinations[workload]!();
    const who = this.#parts.topology.clients[workload]![client]!;
    const local = who.place !== Place.offNode;
    if (!this.#resolve(workload, who, destination, this.#protocols[workload]!, cpu)) return false;
    // A UDP port belongs to its socket whatever it is connected to.
    const pair = local ? this.#ownerOf(who.place) : -1;
    const port = local ? this.#datagramPorts(this.#protocols[workload]!).take(pair) : this.#nextPort(workload, client);
    if (port < 0) return false;
    this.datagrams.portPair[flow] = pair;
    this.#open(this.datagrams, flow, workload, who, destination, port, cpu, where);
    return true;
  }

  closeDatagramSocket(flow: number): void {
    const pair = this.datagrams.portPair[flow]!;
    const ports = this.#datagramPorts(this.datagrams.protocolOf[flow]!);
    if (pair >= 0) ports.release(pair, this.datagrams.port[rowOf(flow, Side.client)]!);
  }

  #datagramPorts(protocol: number): DatagramPorts {
    const { udpPorts, sctpPorts, echoIdentifiers } = this.#parts;
    if (protocol === IPPROTO_UDP) return udpPorts;
    return protocol === IPPROTO_SCTP ? sctpPorts : echoIdentifiers;
  }

  sendDatagram(flow: number, fromSide: number, bytes: number, tag: number): void {
    const { network } = this.#parts;
    if (isEcho(this.datagrams.protocolOf[flow]!)) network.send(this.datagrams, flow, fromSide, 0, bytes, tag, Special.echo);
    else this.#fragmenter.send(this.datagrams, flow, fromSide, bytes, tag);
  }

  sendPortUnreachable(flow: number, tag: number): void {
    const { network, simulation } = this.#parts;
    const { address, remoteAddress } = this.datagrams;
    const row = rowOf(flow, Side.server);
    if (!this.#errors.allows(address[row]!, remoteAddress[row]!, simulation.now)) return;
    network.send(this.datagrams, flow, Side.server, 0, ERROR_BYTES, tag, Special.portUnreachable);
  }

  release(connection: number, timeWait: boolean): void {
    const { simulation, tcpPorts } = this.#parts;
    const pair = this.flows.portPair[connection]!;
    if (pair < 0) return;
    const port = this.flows.port[rowOf(connection, Side.client)]!;
    if (timeWait) tcpPorts.wait(pair, port, simulation.now);
    else tcpPorts.release(pair, port);
  }

  /** Takes a segment from a socket of the TCP engine. */
  send(connection: number, fromSide: number, tcpFlags: number, payloadBytes: number, tag: number): number {
    if (fromSide === Side.client && (tcpFlags & TcpFlag.syn) !== 0 && this.peers.state(connection, Side.client) !== State.vanished) {
      this.connections.synSentAt[connection] = this.#parts.simulation.now;
      this.#parts.recorder.synOut(this.peers.retransmissions(connection, Side.client) > 0);
    }
    this.#parts.network.send(this.flows, connection, fromSide, tcpFlags, payloadBytes, tag);
    return Sent.away;
  }

  deliver(connection: number, side: number, tcpFlags: number, payloadBytes: number, tag: number): void {
    this.peers.deliver(connection, side, tcpFlags, payloadBytes, tag);
  }

  unreachable(connection: number, side: number): void {
    this.peers.unreachable(connection, side, Errno.ECONNREFUSED);
  }

  reopen(connection: number): boolean {
    const server = this.peers.state(connection, Side.server);
    if (this.peers.state(connection, Side.client) !== State.synSent) return false;
    if (server === State.synReceived) this.peers.relisten(connection);
    return server === State.synReceived || server === State.listen || server === State.closed;
  }

  refuse(connection: number): void {
    this.peers.refuse(connection);
  }

  /** Servers elsewhere take every connection at once. */
  #makeListeners(): readonly number[] {
    const { scenario, topology, listener } = this.#parts;
    const byService = topology.services.map(({ backends }) => {
      return backends.some(({ node }) => node === 0) ? this.peers.addListener(listener) : NO_LISTENER;
    });
    return scenario.workloads.map(({ to }) => (to.kind === "world" ? NO_LISTENER : byService[to.service]!));
  }

  /** Leaves in the header where the socket's packets go: the destination, or with socket LB a backend. False: the call fails. */
  #resolve(workload: number, who: ClientTopology, { address, port }: Destination, protocol: number, cpu: number): boolean {
    const { hooks, network } = this.#parts;
    const { header } = hooks;
    header.ipv6 = this.#ipv6[workload]!;
    header.saddr = who.address;
    header.daddr = address;
    header.dport = isEcho(protocol) ? 0 : port;
    header.sport = 0;
    header.protocol = protocol;
    if (who.place === Place.offNode || !hooks.datapath.config.loadBalancer.socketLb) return true;
    if (who.place !== Place.host && this.#parts.socketLbForHostOnly) return true;
    // The programs at connect() know TCP and UDP alone (`sock_proto_enabled`).
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return true;
    network.setClock(cpu);
    return hooks.connectSocket(this.#cookie++, who.place === Place.host);
  }

  /** Fills in the two ends of a new flow; the server's is known once a packet has reached one. */
  #open(
    table: FlowTable,
    flow: number,
    workload: number,
    who: ClientTopology,
    { passedOn }: Destination,
    port: number,
    cpu: number,
    where: number,
  ): void {
    const { header } = this.#parts.hooks;
    const row = rowOf(flow, Side.client);
    const source = passedOn?.source ?? null;
    table.place[row] = who.place;
    table.mark[row] = 0;
    table.address[row] = source ?? this.#ownAddress(who, header.daddr);
    table.port[row] = port;
    table.remoteAddress[row] = passedOn !== null && source !== null ? passedOn.pod.address : header.daddr;
    table.remotePort[row] = passedOn !== null && source !== null ? passedOn.port : header.dport;
    table.speakPlainly(row);
    table.dsrOption[flow] = passedOn !== null && source === null ? 1 : 0;
    if (passedOn !== null) {
      table.wireTarget[row] = passedOn.pod.address;
      table.wireTargetPort[row] = passedOn.port;
    }
    table.cpu[row] = cpu;
    table.protocolOf[flow] = header.protocol;
    table.ipv6[flow] = header.ipv6 ? 1 : 0;
    this.#parts.network.place(table, row);
    table.place[rowOf(flow, Side.server)] = Place.unbound;
    table.workload[flow] = workload;
    table.nth[flow] = this.#parts.scenario.workloads[workload]!.kind === "flood" ? 0 : this.#openings[workload]!;
    table.where[flow] = where;
    table.established[flow] = 0;
  }

  /** The route to other nodes' pods through a tunnel makes processes of the node speak as `cilium_host`. */
  #ownAddress({ place, address }: ClientTopology, peer: number): number {
    const { topology, network, hooks } = this.#parts;
    return place === Place.host && hooks.datapath.config.tunnel && network.isPodElsewhere(peer) ? topology.routerAddress : address;
  }

  /** One number for whoever owns ports on this node. */
  #ownerOf(place: number): number {
    return place === Place.host ? this.#parts.topology.localPods.length : place;
  }

  /** One number for an owner of ports and a remote address and port. */
  #pairOf(place: number, address: number, port: number): number {
    const key = (address >>> 0) * PORTS + port + (this.#parts.hooks.header.ipv6 ? IPV6_KEYS : 0);
    let remote = this.#remotes.get(key);
    if (remote === undefined) {
      remote = this.#remotes.size;
      this.#remotes.set(key, remote);
    }
    return remote * (this.#parts.topology.localPods.length + 1) + this.#ownerOf(place);
  }

  #nextPort(workload: number, client: number): number {
    const { from } = this.#parts.scenario.workloads[workload]!;
    const [first, last] = from.kind === "world" ? from.ports : this.#parts.udpPorts.range;
    const turns = this.#turns[workload]!;
    return first + (turns[client]!++ % (last - first + 1));
  }
}

function isEcho(protocol: number): boolean {
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
}

function protocolOf(workload: Workload): number {
  if (workload.kind !== "queries") return IPPROTO_TCP;
  const { protocol } = workload.query;
  if (protocol === "ICMP") return workload.family === "IPv6" ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  return protocol === "SCTP" ? IPPROTO_SCTP : IPPROTO_UDP;
}
