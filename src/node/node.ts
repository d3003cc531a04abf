/**
 * One simulated node: pods with TCP sockets, CPUs, the hooks that their packets walk, Cilium's maps and agent, and the
 * network to the other nodes, which are peers without maps of their own.
 *
 *   pod's socket → from-container (veth, TC ingress) → to-netdev (NIC, TC egress) → network → peer
 *   peer → network → XDP, from-netdev (NIC, TC ingress) → pod's policy program → pod's socket
 *
 * A packet that a pod sends is processed on the CPU of its socket; one that arrives, on the CPU that the NIC's receive
 * hashing chooses. Each CPU works in order of arrival. A dropped packet is simply gone: the programs run at the far end
 * of the pod's veth or at the NIC, where the sender's TCP does not hear of it.
 */
import type { Simulation } from "../core/simulation.js";
import { clockSeconds, NS_PER_S, type Nanoseconds, type Seconds } from "../core/units.js";
import { jhash } from "../bpf/jhash.js";
import { DROP_CT_CREATE_FAILED } from "../cilium/datapath/drop-reasons.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { Scenario } from "../scenario/types.js";
import { Sent, Side, TcpFlag, TcpPeers, type Application, type Network } from "../traffic/tcp-peers.js";
import type { Collector } from "./collector.js";
import { Connections } from "./connections.js";
import { CpuQueues } from "./cpu.js";
import type { NodeHooks } from "./hooks.js";
import type { MapWatch } from "./map-watch.js";
import { IFINDEX } from "./populate.js";
import type { PortSpace } from "./ports.js";
import { SegmentsInFlight } from "./segments.js";
import type { Topology } from "./topology.js";
import type { Sockets } from "./workloads.js";

/** Bytes of IPv4 and TCP headers with the time stamp option. */
const HEADER_BYTES = 52;
const BITS_PER_BYTE = 8;
const NO_BACKEND = 0;
/** Bytes of a 4-tuple. */
const TUPLE_BYTES = 12;

export interface NodeParts {
  readonly simulation: Simulation;
  readonly scenario: Scenario;
  readonly topology: Topology;
  readonly hooks: NodeHooks;
  readonly collector: Collector;
  readonly recorder: RunRecorder;
  readonly watch: MapWatch;
  readonly ports: PortSpace;
  /** TIME_WAIT of the pods' kernel, ns. */
  readonly timeWaitNs: number;
  /** Datapath clock at simulated time 0. */
  readonly bootS: Seconds;
  readonly application: Application;
}

export class Node implements Sockets, Network {
  readonly connections = new Connections();
  readonly peers: TcpPeers;
  readonly cpus: CpuQueues;
  /** Hosts of the TCP engine; set once both exist. */
  clientHost = 0;
  serverHost = 0;
  readonly #parts: NodeParts;
  readonly #simulation: Simulation;
  readonly #flying = new SegmentsInFlight();
  readonly #oneWayNs: number;
  readonly #nsPerByte: number;
  readonly #atPeer: number;
  readonly #atNic: number;
  readonly #atPod: number;
  readonly #received = new Int32Array(TUPLE_BYTES / 4);
  /** Number of each backend, over all services, by its address; 0 is a service address that was not translated. */
  readonly #backendOf: ReadonlyMap<number, number>;
  /** Cookie of the next socket; the kernel counts them from 1. */
  #cookie = 1;

  constructor(parts: NodeParts) {
    const { simulation, scenario } = parts;
    this.#parts = parts;
    this.#simulation = simulation;
    const backends = parts.topology.services.flatMap((service) => service.backends);
    this.#backendOf = new Map(backends.map(({ address }, index) => [address, index + 1]));
    this.peers = new TcpPeers(simulation, this, parts.application);
    this.cpus = new CpuQueues(scenario.cluster.cpus);
    this.#oneWayNs = Math.round(scenario.cluster.rttNs / 2);
    this.#nsPerByte = (BITS_PER_BYTE * NS_PER_S) / scenario.cluster.linkBitsPerSecond;
    this.#atPeer = simulation.on((row) => this.#arrive(Side.server, row));
    this.#atNic = simulation.on((row) => this.#arriveAtNic(row));
    this.#atPod = simulation.on((row) => this.#arrive(Side.client, row));
  }

  connect(workload: number, pod: number, cpu: number, where: number): number {
    const { topology, scenario, hooks, ports } = this.#parts;
    const service = topology.services[scenario.workloads[workload]!.service]!;
    const { header } = hooks;
    header.saddr = topology.localPods[pod]!.address;
    header.daddr = service.address;
    header.dport = service.port;
    header.sport = 0;
    this.#setClock(cpu);
    if (hooks.datapath.config.loadBalancer.socketLb && !hooks.connectSocket(this.#cookie++)) return -1;
    const backend = this.#backendOf.get(header.daddr) ?? NO_BACKEND;
    const pair = this.#pairOf(pod, backend);
    const port = ports.take(pair, this.#simulation.now);
    if (port < 0) return -1;
    const connection = this.peers.allocate(this.clientHost, this.serverHost);
    const { connections } = this;
    connections.grow(this.peers.capacity);
    connections.workload[connection] = workload;
    connections.pod[connection] = pod;
    connections.cpu[connection] = cpu;
    connections.backend[connection] = backend;
    connections.serverAddress[connection] = header.daddr;
    connections.serverPort[connection] = header.dport;
    connections.clientPort[connection] = port;
    connections.receiveCpu[connection] = this.#receiveCpu(header.daddr, header.saddr, (header.dport << 16) | port);
    connections.where[connection] = where;
    connections.established[connection] = 0;
    connections.openedAt[connection] = this.#simulation.now;
    return connection;
  }

  release(connection: number, timeWait: boolean): void {
    const { connections } = this;
    const pair = this.#pairOf(connections.pod[connection]!, connections.backend[connection]!);
    const freeFrom = timeWait ? this.#simulation.now + this.#parts.timeWaitNs : this.#simulation.now;
    this.#parts.ports.release(pair, connections.clientPort[connection]!, freeFrom);
  }

  /** One number for a pod and a remote address and port. */
  #pairOf(pod: number, backend: number): number {
    return backend * this.#parts.topology.localPods.length + pod;
  }

  /** Takes a segment from a socket: of a pod through the programs, of a peer onto the network. */
  send(connection: number, fromSide: number, tcpFlags: number, payloadBytes: number, tag: number): number {
    const row = this.#flying.put(connection, tcpFlags, payloadBytes, tag);
    const onWire = this.#oneWayNs + Math.round((HEADER_BYTES + payloadBytes) * this.#nsPerByte);
    if (fromSide === Side.server) {
      this.#simulation.at(this.#simulation.now + onWire, this.#atNic, row, 0);
      return Sent.away;
    }
    const done = this.#sendFromPod(connection, tcpFlags, payloadBytes);
    if (done < 0) this.#flying.release(row);
    else this.#simulation.at(done + onWire, this.#atPeer, row, 0);
    return Sent.away;
  }

  /** When the packet has left the node, or -1 when it was dropped. */
  #sendFromPod(connection: number, tcpFlags: number, payloadBytes: number): number {
    const { hooks, topology, recorder } = this.#parts;
    const { connections } = this;
    const pod = connections.pod[connection]!;
    const cpu = this.#socketCpu(connections.cpu[connection]!);
    if ((tcpFlags & TcpFlag.syn) !== 0) recorder.synOut(this.peers.retransmissions(connection, Side.client) > 0);
    const { header } = hooks;
    header.saddr = topology.localPods[pod]!.address;
    header.daddr = connections.serverAddress[connection]!;
    header.sport = connections.clientPort[connection]!;
    header.dport = connections.serverPort[connection]!;
    header.tcpFlags = tcpFlags;
    header.length = HEADER_BYTES + payloadBytes;
    this.#setClock(cpu);
    const forwarded = hooks.sendFromPod(topology.localPods[pod]!.endpointId, IFINDEX.firstPod + pod);
    recorder.packets++;
    const { now } = this.#simulation;
    const ingressDone = this.cpus.work(cpu, now, hooks.ingressNs);
    recorder.hooks.from_container.record(ingressDone - now);
    recorder.hooks.tc_ingress.record(ingressDone - now);
    if (hooks.dropped) this.#recordDrop(connection, true);
    if (!forwarded) return -1;
    recorder.hooks.to_netdev.record(hooks.egressNs);
    return this.cpus.work(cpu, now, hooks.egressNs);
  }

  /** The scheduler runs the application elsewhere while a walk of the collector occupies its CPU. */
  #socketCpu(cpu: number): number {
    const { collector } = this.#parts;
    return cpu === collector.cpu && collector.busy ? (cpu + 1) % this.cpus.count : cpu;
  }

  #arriveAtNic(row: number): void {
    const { hooks, topology, recorder } = this.#parts;
    const { connections } = this;
    const connection = this.#flying.connection[row]!;
    const cpu = connections.receiveCpu[connection]!;
    const pod = topology.localPods[connections.pod[connection]!]!;
    const { header } = hooks;
    header.saddr = connections.serverAddress[connection]!;
    header.daddr = pod.address;
    header.sport = connections.serverPort[connection]!;
    header.dport = connections.clientPort[connection]!;
    header.tcpFlags = this.#flying.tcpFlags[row]!;
    header.length = HEADER_BYTES + this.#flying.payloadBytes[row]!;
    this.#setClock(cpu);
    const delivered = hooks.receiveFromNetwork(pod.endpointId);
    recorder.packets++;
    const { now } = this.#simulation;
    const done = this.cpus.work(cpu, now, hooks.ingressNs);
    recorder.hooks.from_netdev.record(done - now);
    recorder.hooks.tc_ingress.record(done - now);
    if (hooks.dropped) this.#recordDrop(connection, false);
    if (delivered) this.#simulation.at(done, this.#atPod, row, 0);
    else this.#flying.release(row);
  }

  #arrive(side: number, row: number): void {
    const flying = this.#flying;
    const connection = flying.connection[row]!;
    const tcpFlags = flying.tcpFlags[row]!;
    const payloadBytes = flying.payloadBytes[row]!;
    const tag = flying.tag[row]!;
    flying.release(row);
    this.peers.deliver(connection, side, tcpFlags, payloadBytes, tag);
  }

  #recordDrop(connection: number, egress: boolean): void {
    const { hooks, recorder, watch } = this.#parts;
    const { dropReason, extError } = hooks.datapath;
    if (dropReason === -DROP_CT_CREATE_FAILED) watch.insertRefused(extError);
    const { where, established } = this.connections;
    recorder.drop(dropReason, extError, egress, where[connection]!, established[connection] === 1);
  }

  #setClock(cpu: number): void {
    const { datapath } = this.#parts.hooks;
    datapath.cpu = cpu;
    datapath.nowNs = this.#simulation.now;
    datapath.now = this.#parts.bootS + clockSeconds(this.#simulation.now as Nanoseconds);
  }

  /** Stands in for the NIC's Toeplitz hash: any good hash of the 4-tuple spreads flows over the queues alike. */
  #receiveCpu(saddr: number, daddr: number, ports: number): number {
    this.#received[0] = saddr;
    this.#received[1] = daddr;
    this.#received[2] = ports;
    return (jhash(this.#received, 0, TUPLE_BYTES, 0) >>> 0) % this.cpus.count;
  }
}
