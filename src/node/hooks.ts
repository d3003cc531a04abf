/**
 * The hooks of the node's devices: hands a packet to the programs in the order in which the kernel would, and keeps what
 * came of it. Decisions only; when they take effect is the node's business.
 *
 * Between the programs stands the node's own stack, as far as it decides where a packet goes: its own addresses to its
 * processes, pods by their devices, everything else to the native device. Netfilter is not modelled.
 */
import { cilFromHost, cilFromNetdev, cilToHost, cilToNetdev } from "../cilium/datapath/bpf-host.js";
import { cilFromContainer, cilToContainer } from "../cilium/datapath/bpf-lxc.js";
import { cilFromOverlay, cilToOverlay } from "../cilium/datapath/bpf-overlay.js";
import { sockForward } from "../cilium/datapath/bpf-sock.js";
import { cilXdpEntry } from "../cilium/datapath/bpf-xdp.js";
import { CTX_ACT_OK, CTX_ACT_REDIRECT, TC_ACT_SHOT, type DatapathContext } from "../cilium/datapath/context.js";
import {
  IPPROTO_ESP, IPPROTO_UDP, MARK_DECRYPT, MARK_ENCRYPT, MARK_HOST,
  MARK_OVERLAY, MARK_TO_PROXY, Packet,
} from "../cilium/datapath/packet.js";
import { IPV6_WORDS } from "../cilium/maps/address.js";
import { writeAddress6 } from "./ipv6.js";
import { PacketHeader } from "./packet-header.js";
import { IFINDEX } from "./populate.js";
import { Special } from "./segments.js";
import { describeSpecial, isIcmp } from "./special-packets.js";
import { cipherNs, TUNNEL_BYTES, WIREGUARD_PORT, Wrapping } from "./wrapping.js";

/** Hooks whose times are reported, in order of a packet's way. */
export const RESULT_HOOKS = ["tc_ingress", "from_container", "to_netdev", "from_netdev"] as const;

/** What came of a packet. */
export const Outcome = {
  /** A program dropped it, with `datapath.dropReason` and `extError`. */
  dropped: 0,
  /** Delivered to the pod whose endpoint is `endpoint`. */
  pod: 1,
  /** Left by the NIC. */
  wire: 2,
  /** To a process of the node. */
  host: 3,
  /** An ICMP error went back to the sender instead. */
  answered: 4,
  /** The stack has no route for it. */
  lost: 5,
  /** To the L7 proxy, by the stack (TPROXY). */
  proxy: 6,
} as const;

/** Hops that a packet may take; Linux's default. */
const TTL = 64;
/** Hops left when a packet of another node arrives: one router on the way. */
const TTL_ARRIVING = 63;

const WORD_BITS = 32;

export class NodeHooks {
  readonly datapath: DatapathContext;
  readonly header = new PacketHeader();
  /** What the network sees of a packet in a tunnel, or of an encrypted one. */
  readonly #outer = new Packet();
  /** Service of a DSR option at hand. */
  readonly #service = new Int32Array(IPV6_WORDS);
  /** Rewritten for each connect(). Pods do not share a network namespace with the node. */
  readonly #socket = { cookie: 0, netnsCookie: 0, inHostNamespace: false };
  /** Endpoint id of each local pod's address. */
  readonly #endpoints: ReadonlyMap<number, number>;
  /** Addresses of the node itself. */
  readonly #own: readonly number[];
  /** Cost of the programs that ran for the last packet, ns; -1 for a device that it did not pass. */
  ingressNs = 0;
  egressNs = 0;
  /** Bytes that the last packet is longer on the wire, and the earliest time at which it may leave, ns (0 = now). */
  wrapBytes = 0;
  departureNs = 0;
  /** `Outcome` of the last packet, and the endpoint that it was delivered to. */
  outcome: number = Outcome.dropped;
  endpoint = 0;

  /** `endpoints`: endpoint id of each local pod's address; kept up to date by whoever owns it. */
  constructor(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>) {
    this.datapath = datapath;
    this.#own = own;
    this.#endpoints = endpoints;
  }

  /** from-container of the endpoint, then wherever the packet goes. */
  sendFromPod(endpointId: number, ifindex: number): void {
    const { datapath: dp } = this;
    this.#fill(TTL);
    dp.packet.ifindex = ifindex;
    const program = dp.programs[endpointId];
    if (program === undefined) this.outcome = Outcome.lost;
    else this.#afterIngress(cilFromContainer(dp, program));
  }

  /** A packet of a process of the node. */
  sendFromHost(): void {
    const { datapath: dp } = this;
    this.#fill(TTL);
    dp.packet.mark = MARK_HOST;
    this.ingressNs = -1;
    this.#routeInStack();
  }

  /** A packet of the L7 proxy: its sockets bear a mark and, towards servers, the client's identity. */
  sendFromProxy(mark: number, identity: number): void {
    const { datapath: dp } = this;
    this.#fill(TTL);
    dp.packet.mark = mark;
    dp.packet.identity = identity;
    this.ingressNs = -1;
    this.#routeInStack();
  }

  /** XDP when the node accelerates, then from-netdev with the pod's policy program. */
  receiveFromNetwork(): void {
    this.#fill(TTL_ARRIVING);
    if (this.header.wrapping === Wrapping.none) this.#receive();
    else this.#receiveWrapped();
  }

  /** The same for a request that another node passes on, with a DSR option for this service. */
  receiveWithDsrOption(service: Int32Array, at: number, port: number): void {
    const { packet } = this.datapath;
    this.#fill(TTL_ARRIVING);
    packet.hasDsrOption = true;
    if (this.header.ipv6) {
      writeAddress6(this.#service, 0, service[at]!);
      packet.setDsrAddr(this.#service, 0);
    } else packet.setDsrAddr(service, at);
    packet.dsrPort = port;
    if (this.header.wrapping === Wrapping.none) this.#receive();
    else this.#receiveWrapped();
  }

  /** connect() of a socket: the service in `header` becomes a backend. False: no backend, the call fails. */
  connectSocket(cookie: number, inHostNamespace: boolean): boolean {
    const { datapath: dp } = this;
    this.#fill(TTL);
    this.#socket.cookie = cookie;
    this.#socket.inHostNamespace = inHostNamespace;
    const connected = sockForward(dp, this.#socket, this.header.ipv6 ? "cil_sock6_connect" : "cil_sock4_connect", true) >= 0;
    dp.takeCost(); // the application's CPU pays
    this.header.daddr = dp.packet.daddrEnd;
    this.header.dport = dp.packet.dport;
    return connected;
  }

  #receive(): void {
    const { datapath: dp } = this;
    dp.packet.ifindex = IFINDEX.native;
    if (dp.config.loadBalancer.xdp) {
      const verdict = cilXdpEntry(dp);
      if (verdict !== CTX_ACT_OK) {
        this.ingressNs = dp.takeCost();
        this.egressNs = -1;
        this.outcome = verdict === TC_ACT_SHOT ? Outcome.dropped : Outcome.wire;
        return;
      }
    }
    this.#afterIngress(cilFromNetdev(dp));
  }

  /** The native device's programs see the outer packet first; the stack takes it for the node's own and unwraps it. */
  #receiveWrapped(): void {
    const { datapath: dp, header } = this;
    const inner = dp.packet;
    const tunnelled = header.wrapping === Wrapping.tunnel;
    this.#fillOuter(header.wrappedBy, this.#own[0]!, tunnelled, inner.length + header.wrapBytes);
    this.#receive();
    dp.packet = inner;
    if (this.outcome !== Outcome.host) return;
    const outerNs = this.ingressNs;
    dp.deliveredTo = 0;
    if (tunnelled) {
      inner.tunnelKey = header.tunnelKey;
      inner.ifindex = IFINDEX.tunnel;
      this.#afterIngress(cilFromOverlay(dp));
    } else {
      inner.mark = MARK_DECRYPT;
      inner.ifindex = IFINDEX.native;
      this.#afterIngress(cilFromNetdev(dp));
      this.ingressNs += cipherNs(dp.config.encryption, inner.length);
    }
    this.ingressNs += outerNs;
  }

  /** What follows a program at a device's ingress. */
  #afterIngress(verdict: number): void {
    const { datapath: dp } = this;
    this.ingressNs = dp.takeCost();
    this.egressNs = -1;
    if (verdict === CTX_ACT_REDIRECT) this.#redirected();
    else if (verdict === TC_ACT_SHOT) this.outcome = Outcome.dropped;
    else if (dp.packet.mark === MARK_TO_PROXY) this.outcome = Outcome.proxy;
    else this.#routeInStack();
  }

  #redirected(): void {
    const { datapath: dp } = this;
    if (dp.deliveredTo !== 0) {
      this.endpoint = dp.deliveredTo;
      this.outcome = this.#isAnswer() ? Outcome.answered : Outcome.pod;
    } else if (dp.redirectIfindex === IFINDEX.tunnel) {
      this.#leaveByTunnel();
    } else if (dp.redirectIfindex === IFINDEX.ciliumHost) {
      cilToHost(dp);
      this.#routeInStack();
    } else if (dp.redirectIfindex >= IFINDEX.firstPod) {
      // Per-endpoint routes: the pod's own device has the receiving half.
      this.#intoPod(this.#endpoints.get(dp.packet.daddrEnd));
    } else {
      this.#leave();
    }
  }

  /** to-netdev, on the way out. */
  #leave(): void {
    const { datapath: dp } = this;
    const { packet } = dp;
    packet.ifindex = IFINDEX.native;
    const verdict = cilToNetdev(dp);
    this.departureNs = packet.departure;
    if (packet.mark === MARK_ENCRYPT && verdict === CTX_ACT_OK) {
      this.#leaveEncrypted();
      return;
    }
    this.egressNs = dp.takeCost();
    this.#left(verdict);
  }

  /** The cipher, and to-netdev with the outcome. */
  #leaveEncrypted(): void {
    const { datapath: dp } = this;
    const { length } = dp.packet;
    this.wrapBytes = length - this.header.length;
    const verdict = this.#leaveOuter(this.#nodeBehind(), false, length);
    this.egressNs = dp.takeCost() + cipherNs(dp.config.encryption, length);
    this.#left(verdict);
  }

  /** to-overlay; then the tunnel device puts its headers around the packet, and to-netdev sees the outcome. */
  #leaveByTunnel(): void {
    const { datapath: dp } = this;
    const { packet } = dp;
    packet.ifindex = IFINDEX.tunnel;
    let verdict = cilToOverlay(dp);
    if (verdict === CTX_ACT_OK) {
      this.wrapBytes = TUNNEL_BYTES;
      verdict = this.#leaveOuter(packet.tunnelRemote, true, packet.length + TUNNEL_BYTES);
    }
    this.egressNs = dp.takeCost();
    this.#left(verdict);
  }

  /** to-netdev for the packet around the present one. */
  #leaveOuter(node: number, tunnelled: boolean, length: number): number {
    const { datapath: dp } = this;
    const inner = dp.packet;
    this.#fillOuter(this.#own[0]!, node, tunnelled, length);
    dp.packet.mark = tunnelled ? MARK_OVERLAY : MARK_ENCRYPT;
    dp.packet.aggregate = inner.aggregate;
    const verdict = cilToNetdev(dp);
    this.departureNs = Math.max(this.departureNs, dp.packet.departure);
    dp.packet = inner;
    return verdict;
  }

  #left(verdict: number): void {
    if (verdict === TC_ACT_SHOT) this.outcome = Outcome.dropped;
    else this.outcome = this.#isAnswer() ? Outcome.answered : Outcome.wire;
  }

  /** A program has put an ICMP error in the packet's place. */
  #isAnswer(): boolean {
    const { packet } = this.datapath;
    return isIcmp(packet) && this.header.protocol !== packet.protocol && this.header.special !== Special.portUnreachable;
  }

  #routeInStack(): void {
    const { datapath: dp } = this;
    const daddr = dp.packet.daddrEnd;
    if (this.#own.includes(daddr)) {
      this.outcome = Outcome.host;
      this.egressNs = -1;
      return;
    }
    const endpoint = this.#endpoints.get(daddr);
    if (endpoint === undefined) {
      if (dp.config.tunnel && this.#nodeBehind() !== 0) this.#afterHost(cilFromHost(dp));
      else this.#leave();
      return;
    }
    if (dp.config.endpointRoutes) this.#intoPod(endpoint);
    else this.#delivered(cilFromHost(dp));
  }

  #intoPod(endpoint: number | undefined): void {
    const { datapath: dp } = this;
    const program = endpoint === undefined ? undefined : dp.programs[endpoint];
    if (program === undefined) this.outcome = Outcome.lost;
    else this.#delivered(cilToContainer(dp, program));
  }

  #delivered(verdict: number): void {
    const { datapath: dp } = this;
    const delivered = dp.deliveredTo !== 0 && verdict !== TC_ACT_SHOT;
    this.egressNs = dp.takeCost();
    this.endpoint = dp.deliveredTo;
    const elsewhere = dp.packet.mark === MARK_TO_PROXY ? Outcome.proxy : Outcome.lost;
    this.outcome = delivered ? Outcome.pod : verdict === TC_ACT_SHOT ? Outcome.dropped : elsewhere;
  }

  /** The node's routes to other nodes' pods lead to cilium_host, whose program takes them into the tunnel. */
  #afterHost(verdict: number): void {
    const { datapath: dp } = this;
    if (verdict === CTX_ACT_REDIRECT && dp.redirectIfindex === IFINDEX.tunnel) {
      this.#leaveByTunnel();
      return;
    }
    this.egressNs = dp.takeCost();
    this.outcome = verdict === TC_ACT_SHOT ? Outcome.dropped : Outcome.lost;
  }

  /** Node of the packet's destination, when that is a pod elsewhere, as the agent has told the kernel; else 0. */
  #nodeBehind(): number {
    const { packet, maps: { ipcache } } = this.datapath;
    ipcache.setKey(packet.row, packet.daddrAt, packet.addressWords, packet.addressWords * WORD_BITS);
    const slot = ipcache.map.peek(ipcache.key, 0);
    return slot < 0 ? 0 : ipcache.tunnelEndpoint(slot);
  }

  /** The packet around another one; from now on it is the programs' packet. */
  #fillOuter(saddr: number, daddr: number, tunnelled: boolean, length: number): void {
    const outer = this.#outer;
    const { node, encryption } = this.datapath.config;
    const port = tunnelled ? node.tunnelPort : WIREGUARD_PORT;
    outer.reset();
    outer.saddr = saddr;
    outer.daddr = daddr;
    outer.sport = port;
    outer.dport = port;
    outer.protocol = tunnelled || encryption === "wireguard" ? IPPROTO_UDP : IPPROTO_ESP;
    outer.length = length;
    outer.ttl = TTL;
    this.datapath.packet = outer;
    this.datapath.deliveredTo = 0;
  }

  #fillIpv6(): void {
    const { packet } = this.datapath;
    packet.addressWords = IPV6_WORDS;
    writeAddress6(packet.row, packet.saddrAt, this.header.saddr);
    writeAddress6(packet.row, packet.daddrAt, this.header.daddr);
  }

  #fill(ttl: number): void {
    const { header, datapath } = this;
    const { packet } = datapath;
    packet.reset();
    packet.saddr = header.saddr;
    packet.daddr = header.daddr;
    if (header.ipv6) this.#fillIpv6();
    packet.sport = header.sport;
    packet.dport = header.dport;
    packet.protocol = header.protocol;
    packet.tcpFlags = header.tcpFlags;
    packet.length = header.length;
    packet.ttl = ttl;
    if (header.special !== Special.none) describeSpecial(packet, header);
    datapath.deliveredTo = 0;
    this.wrapBytes = 0;
    this.departureNs = 0;
  }
}
