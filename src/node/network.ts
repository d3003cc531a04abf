/**
 * The way of a packet from one end of a flow to the other:
 *
 *   pod's socket → from-container (veth, TC ingress) → to-netdev (NIC, TC egress) → network → other node, or the world
 *   network → XDP, from-netdev (NIC, TC ingress) → pod's policy program → pod's socket
 *
 * A packet that an end on this node sends is processed on the CPU of its socket; one that arrives, on the CPU that the
 * NIC's receive hashing chooses. Each CPU works in order of arrival. A dropped packet is simply gone: the programs run at
 * the far end of the pod's veth or at the NIC, where the sender's TCP does not hear of it.
 *
 * What arrives is compared with what the other end expects. A first packet tells the server who its client is; a packet
 * that no socket knows (another backend, a changed source port) is answered with a reset, as by any host.
 */
import { DROP_CT_CREATE_FAILED } from "../cilium/datapath/drop-reasons.js";
import { IPPROTO_TCP, IPPROTO_UDP, MARK_PROXY_EGRESS, MARK_PROXY_INGRESS } from "../cilium/datapath/packet.js";
import type { Simulation } from "../core/simulation.js";
import { Side, TcpFlag } from "../traffic/tcp-peers.js";
import { DatapathClock } from "./datapath-clock.js";
import { flowName, FlowTable, Place, rowOf } from "./flow-table.js";
import { HeaderWriter } from "./headers.js";
import { Outcome } from "./hooks.js";
import type { Ends, NetworkParts } from "./network-parts.js";
import { IFINDEX } from "./populate.js";
import { Prefilter, PREFILTER_NS } from "./prefilter.js";
import { Reassembly } from "./reassembly.js";
import { ReceiveQueues } from "./receive-queues.js";
import { fragmentNumber, PacketsInFlight, Special } from "./segments.js";
import { concerns, echoPorts } from "./special-packets.js";
import { Wrapping } from "./wrapping.js";

const OPENING = TcpFlag.syn | TcpFlag.ack;

export type { Ends } from "./network-parts.js";

export class NodeNetwork {
  readonly tcp = new FlowTable(IPPROTO_TCP);
  readonly udp = new FlowTable(IPPROTO_UDP);
  readonly #parts: NetworkParts;
  readonly #simulation: Simulation;
  readonly #prefilter: Prefilter;
  readonly #flying = new PacketsInFlight();
  readonly #headers: HeaderWriter;
  readonly #atEnd: number;
  readonly #atNic: number;
  readonly #atStranger: number;
  readonly #told: number;
  readonly #clock: DatapathClock;
  readonly #reassembly = new Reassembly();
  /** Nobody is at home: what comes to the node, or from it, is lost. */
  down = false;
  readonly #queues: ReceiveQueues;
  #tcpEnds!: Ends;
  #udpEnds!: Ends;

  constructor(parts: NetworkParts) {
    const { simulation } = parts;
    this.#parts = parts;
    this.#simulation = simulation;
    this.#headers = new HeaderWriter(parts.hooks, this.#flying, parts.underlay);
    this.#clock = new DatapathClock(parts.hooks.datapath, simulation, parts.clock);
    this.#prefilter = new Prefilter(parts.prefilter);
    this.#queues = new ReceiveQueues(parts.cpus.count);
    this.#atEnd = simulation.on((row) => this.#arrive(row));
    this.#atNic = simulation.on((row) => (this.down ? this.#flying.release(row) : this.#arriveAtNic(row)));
    this.#atStranger = simulation.on((row, place) => this.#resetFrom(row, place));
    this.#told = simulation.on((row) => this.#tell(row));
  }

  /** Set once the sockets exist. */
  attach(tcp: Ends, udp: Ends): void {
    this.#tcpEnds = tcp;
    this.#udpEnds = udp;
  }

  /** Takes a packet from a socket: of an end on this node through the programs, of another one onto the network. */
  send(table: FlowTable, flow: number, fromSide: number, tcpFlags: number, payloadBytes: number, tag: number, special: number = Special.none): void {
    const datagram = table === this.udp ? 1 : 0;
    const row = this.#flying.put(datagram, flow, fromSide ^ 1, tcpFlags, payloadBytes, tag);
    if (special !== Special.none) this.#flying.special[row] = special;
    const from = rowOf(flow, fromSide);
    if (table.place[from] === Place.offNode) this.#sendFromElsewhere(row, table.towardNode[from] === 1);
    else if (this.down) this.#flying.release(row);
    else {
      this.#headers.write(table, from, row);
      this.#sendFromHere(row, table.place[from]!, table.cpu[from]!);
    }
  }

  /** The address is one of a pod on another node. */
  isPodElsewhere(address: number): boolean {
    return this.#parts.directory.isPod(address) && !this.#parts.directory.isHere(address);
  }

  /** The address is one of a pod of this node. */
  isPodHere(address: number): boolean {
    return this.#parts.directory.endpoints.has(address);
  }

  /** The datapath's clock and CPU, as of now. */
  setClock(cpu: number): void {
    this.#clock.set(cpu);
  }

  /** Whether packets that this end sends come to the simulated node, and which CPU takes them there or sends them here. */
  place(table: FlowTable, row: number): void {
    const { directory, underlay } = this.#parts;
    const source = table.wireSource[row]!;
    const target = table.wireTarget[row]!;
    const toward = table.place[row] === Place.offNode && (directory.isHere(target) || underlay.leavesHere(source, target));
    table.towardNode[row] = toward ? 1 : 0;
    table.wrapping[row] = toward ? underlay.find(source, target, table.ipv6[row >> 1] === 1) : Wrapping.none;
    table.wrappedBy[row] = underlay.wrappedBy;
    table.tunnelKey[row] = underlay.tunnelKey;
    if (table.place[row] !== Place.offNode && (row & 1) === Side.client) return;
    const ports = (table.wireSourcePort[row]! << 16) | table.wireTargetPort[row]!;
    table.cpu[row] = this.#queues.cpuOf(table.wireSource[row]!, table.wireTarget[row]!, ports);
  }

  #table(row: number): FlowTable {
    return this.#flying.datagram[row] === 1 ? this.udp : this.tcp;
  }

  #bytes(row: number): number {
    return this.#headers.bytes(row, this.#table(row).ipv6[this.#flying.flow[row]!] === 1);
  }

  /** Row of the sending end. */
  #sender(row: number): number {
    return rowOf(this.#flying.flow[row]!, this.#flying.side[row]! ^ 1);
  }

  #sendFromElsewhere(row: number, towardNode: boolean): void {
    const { link } = this.#parts;
    if (link.loses()) {
      this.#flying.release(row);
      return;
    }
    const own = this.#flying.special[row]! > 0 ? this.#parts.mtu : this.#bytes(row);
    const bytes = own + (towardNode ? this.#headers.wrapBytes(this.#table(row), this.#sender(row)) : 0);
    this.#simulation.at(this.#simulation.now + link.delayNs(bytes), towardNode ? this.#atNic : this.#atEnd, row, 0);
  }

  #sendFromHere(row: number, place: number, socketCpu: number): void {
    const { hooks, topology, recorder, cpus } = this.#parts;
    const cpu = this.#socketCpu(socketCpu);
    this.setClock(cpu);
    if (place < 0) this.#sendFromStack(row);
    else hooks.sendFromPod(topology.localPods[place]!.endpointId, IFINDEX.firstPod + place);
    recorder.packets++;
    if (hooks.datapath.audited !== 0) this.#audited();
    const { now } = this.#simulation;
    if (place >= 0) {
      const ingressDone = cpus.work(cpu, now, hooks.ingressNs);
      recorder.hooks.from_container.record(ingressDone - now);
    }
    this.#carry(row, cpu, true);
  }

  /** A packet of a process: of the L7 proxy when its socket has a mark. */
  #sendFromStack(row: number): void {
    const { hooks } = this.#parts;
    const from = this.#sender(row);
    const table = this.#table(row);
    const mark = this.#flying.stray[row] === 1 ? 0 : table.mark[from]!;
    if (mark === 0) hooks.sendFromHost();
    else hooks.sendFromProxy(mark, table.markIdentity[from]!);
  }

  /** The scheduler runs the application elsewhere while a walk of the collector occupies its CPU. */
  #socketCpu(cpu: number): number {
    const { collector, cpus } = this.#parts;
    return cpu === collector.cpu && collector.busy ? (cpu + 1) % cpus.count : cpu;
  }

  #arriveAtNic(row: number): void {
    const { hooks, recorder, cpus } = this.#parts;
    const flying = this.#flying;
    const table = this.#table(row);
    const flow = flying.flow[row]!;
    const from = this.#sender(row);
    let cpu = table.cpu[from]!;
    if (flying.stray[row] === 1) {
      this.#headers.writeStray(this.#table(row), row);
      cpu = this.#queues.cpuOf(flying.saddr[row]!, flying.daddr[row]!, (flying.sport[row]! << 16) | flying.dport[row]!);
    } else this.#headers.write(table, from, row);
    // Fragments bear no ports, or not all of them: NICs hash their addresses alone.
    if (flying.special[row]! > 0) cpu = this.#queues.cpuOf(table.wireSource[from]!, table.wireTarget[from]!, 0);
    if (this.#prefilter.blocks(hooks.header)) {
      cpus.work(cpu, this.#simulation.now, PREFILTER_NS);
      recorder.prefilteredPacket();
      flying.release(row);
      return;
    }
    this.setClock(cpu);
    const opens = (flying.tcpFlags[row]! & OPENING) === TcpFlag.syn || flying.datagram[row] === 1;
    if (table.dsrOption[flow] === 1 && opens) hooks.receiveWithDsrOption(table.remoteAddress, from, table.remotePort[from]!);
    else hooks.receiveFromNetwork();
    recorder.packets++;
    if (hooks.datapath.audited !== 0) this.#audited();
    const { now } = this.#simulation;
    const done = cpus.work(cpu, now, hooks.ingressNs);
    recorder.hooks.from_netdev.record(done - now);
    this.#carry(row, cpu, false);
  }

  /** The programs have run: takes the packet on to where they sent it. */
  #carry(row: number, cpu: number, egress: boolean): void {
    const { hooks, recorder, cpus, link } = this.#parts;
    const { now } = this.#simulation;
    const leaves = hooks.egressNs >= 0;
    if (leaves) recorder.hooks.to_netdev.record(hooks.egressNs);
    const done = cpus.work(cpu, now, leaves ? hooks.egressNs : 0);
    switch (hooks.outcome) {
      case Outcome.pod:
        this.#reach(row, this.#parts.directory.placeOf(hooks.endpoint), done);
        return;
      case Outcome.wire:
        if (link.loses()) this.#flying.release(row);
        else this.#reach(row, Place.offNode, Math.max(done, hooks.departureNs) + link.delayNs(this.#wireBytes()));
        return;
      case Outcome.host:
        this.#reach(row, Place.host, done);
        return;
      case Outcome.proxy:
        this.#reach(row, Place.proxy, done);
        return;
      case Outcome.answered:
        this.#simulation.at(egress ? done : done + link.delayNs(0), this.#told, row, 0);
        return;
      case Outcome.dropped:
        this.#recordDrop(row, egress);
    }
    this.#flying.release(row);
  }

  /** The packet, as the programs left it, comes to `place` at time `at`. */
  #reach(row: number, place: number, at: number): void {
    const flying = this.#flying;
    const { packet } = this.#parts.hooks.datapath;
    const table = this.#table(row);
    const to = rowOf(flying.flow[row]!, flying.side[row]!);
    const special = flying.special[row]!;
    if (special !== Special.none && this.#reachSpecial(row, place, at, special)) return;
    const expected =
      table.place[to] === place &&
      table.address[to] === packet.daddrEnd &&
      table.port[to] === packet.dport &&
      table.remoteAddress[to] === packet.saddrEnd &&
      table.remotePort[to] === packet.sport;
    if (expected || this.#opens(row, table, place)) this.#simulation.at(at, this.#atEnd, row, 0);
    else this.#misdirected(row, place, at);
  }

  /** Bytes on the wire. A fragment takes as long as a full packet, so that the last of a datagram does not overtake the others. */
  #wireBytes(): number {
    const { header, wrapBytes } = this.#parts.hooks;
    return (header.special > 0 ? this.#parts.mtu : header.length) + wrapBytes;
  }

  /** Fragments after the first have no ports to be known by, ICMP errors are known by what they carry. False: as any packet. */
  #reachSpecial(row: number, place: number, at: number, special: number): boolean {
    const { packet } = this.#parts.hooks.datapath;
    const table = this.#table(row);
    const to = rowOf(this.#flying.flow[row]!, this.#flying.side[row]!);
    const known = table.place[to] === place && table.address[to] === packet.daddrEnd;
    if (special === Special.echo) echoPorts(packet);
    else if (special === Special.portUnreachable) {
      // Whoever is told is the other end of the packet that the row is about.
      this.#flying.side[row] = this.#flying.side[row]! ^ 1;
      if (known && concerns(packet, table, to)) this.#simulation.at(at, this.#told, row, 0);
      else this.#flying.release(row);
    } else if (fragmentNumber(special) > 1) {
      if (known && table.remoteAddress[to] === packet.saddrEnd) this.#simulation.at(at, this.#atEnd, row, 0);
      else this.#flying.release(row);
    } else return false;
    return special !== Special.echo;
  }

  /** Whether the packet opens its flow at a server that did not have it so far; then the server knows its client from now on. */
  #opens(row: number, table: FlowTable, place: number): boolean {
    const flying = this.#flying;
    const flow = flying.flow[row]!;
    if (flying.side[row] !== Side.server || flying.stray[row] === 1) return false;
    const datagram = flying.datagram[row] === 1;
    if (!datagram && (flying.tcpFlags[row]! & OPENING) !== TcpFlag.syn) return false;
    const { packet } = this.#parts.hooks.datapath;
    const { directory } = this.#parts;
    if (place !== Place.proxy && !directory.exists(packet.daddrEnd)) return false;
    const ends = datagram ? this.#udpEnds : this.#tcpEnds;
    if (table.place[rowOf(flow, Side.server)] !== Place.unbound && !ends.reopen(flow)) return false;
    this.#bindServer(table, flow, place);
    const heard = place === Place.proxy || flying.special[row] === Special.echo || directory.listens(packet.daddrEnd, packet.dport);
    if (!heard) ends.refuse(flow);
    return true;
  }

  #bindServer(table: FlowTable, flow: number, place: number): void {
    const { packet, proxyIngress, proxySource } = this.#parts.hooks.datapath;
    const row = rowOf(flow, Side.server);
    table.receiveFirst(row, place, packet);
    if (place === Place.proxy) table.belongToProxy(row, proxyIngress ? MARK_PROXY_INGRESS : MARK_PROXY_EGRESS, proxySource);
    else this.#parts.added.reached(table.workload[flow]!, packet.daddr);
    if (place === Place.offNode && packet.hasDsrOption) {
      // The backend's node answers in the service's name.
      table.wireSource[row] = packet.row[packet.dsrAddrAt + packet.addressWords - 1]!;
      table.wireSourcePort[row] = packet.dsrPort;
    }
    this.place(table, row);
  }

  /** A socket that the packet's addresses don't belong to: TCP answers with a reset, UDP is left alone. */
  #misdirected(row: number, place: number, at: number): void {
    const flying = this.#flying;
    const { packet } = this.#parts.hooks.datapath;
    const mute = flying.datagram[row] === 1 || (flying.tcpFlags[row]! & TcpFlag.rst) !== 0 || flying.stray[row] === 1;
    if (mute || !this.#parts.directory.exists(packet.daddrEnd)) {
      flying.release(row);
      return;
    }
    flying.stray[row] = 1;
    flying.saddr[row] = packet.daddrEnd;
    flying.daddr[row] = packet.saddrEnd;
    flying.sport[row] = packet.dport;
    flying.dport[row] = packet.sport;
    flying.side[row] = flying.side[row]! ^ 1;
    flying.tcpFlags[row] = TcpFlag.rst | TcpFlag.ack;
    flying.payloadBytes[row] = 0;
    this.#simulation.at(at, this.#atStranger, row, place);
  }

  /** The reset of a host that did not know a packet leaves. */
  #resetFrom(row: number, place: number): void {
    const { directory } = this.#parts;
    this.#parts.recorder.strayReset();
    if (place !== Place.offNode) {
      this.#headers.writeStray(this.#table(row), row);
      this.#sendFromHere(row, place, this.#parts.hooks.datapath.cpu);
      return;
    }
    if (directory.isHere(this.#flying.daddr[row]!)) {
      this.#sendFromElsewhere(row, true);
      return;
    }
    // Between two ends elsewhere: it arrives when it bears the addresses that the other end knows.
    const table = this.#table(row);
    const to = rowOf(this.#flying.flow[row]!, this.#flying.side[row]!);
    const known = table.address[to] === this.#flying.daddr[row] && table.remoteAddress[to] === this.#flying.saddr[row];
    if (known) this.#sendFromElsewhere(row, false);
    else this.#flying.release(row);
  }

  #arrive(row: number): void {
    const flying = this.#flying;
    const ends = flying.datagram[row] === 1 ? this.#udpEnds : this.#tcpEnds;
    const flow = flying.flow[row]!;
    const side = flying.side[row]!;
    const tcpFlags = flying.tcpFlags[row]!;
    const payloadBytes = flying.payloadBytes[row]!;
    const tag = flying.tag[row]!;
    const special = flying.special[row]!;
    flying.release(row);
    if (special > 0 && !this.#reassembly.completes(rowOf(flow, side), special)) return;
    ends.deliver(flow, side, tcpFlags, payloadBytes, tag);
  }

  /** The sender learns from an ICMP error that its packet went nowhere. */
  #tell(row: number): void {
    const flying = this.#flying;
    const ends = flying.datagram[row] === 1 ? this.#udpEnds : this.#tcpEnds;
    const flow = flying.flow[row]!;
    const side = flying.side[row]! ^ 1;
    const tag = flying.tag[row]!;
    flying.release(row);
    ends.unreachable(flow, side, tag);
  }

  /** The packet would have been denied but for audit mode. */
  #audited(): void {
    this.#parts.hooks.datapath.audited = 0;
    this.#parts.recorder.auditedPacket();
  }

  #recordDrop(row: number, egress: boolean): void {
    const { hooks, recorder, watch } = this.#parts;
    const { dropReason, extError } = hooks.datapath;
    if (dropReason === -DROP_CT_CREATE_FAILED) watch.insertRefused(extError, hooks.header.ipv6);
    const table = this.#table(row);
    const flow = this.#flying.flow[row]!;
    recorder.drop(dropReason, extError, egress, table.where[flow]!, table.established[flow] === 1, table.workload[flow]!);
    if (table.nth[flow] === 0 || !recorder.counting || !recorder.notable.wantsDropped(dropReason, extError)) return;
    recorder.notable.dropped(flowName(table, flow), dropReason, extError, this.#simulation.now);
  }
}
