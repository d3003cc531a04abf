/**
 * The hooks of the node's devices: hands a packet to the programs in the order in which the kernel would, and keeps what
 * came of it. Decisions only; when they take effect is the node's business.
 */
import { cilFromContainer } from "../cilium/datapath/bpf-lxc.js";
import { cilFromNetdev, cilToNetdev } from "../cilium/datapath/bpf-host.js";
import { sockForward } from "../cilium/datapath/bpf-sock.js";
import { cilXdpEntry } from "../cilium/datapath/bpf-xdp.js";
import { CTX_ACT_REDIRECT, TC_ACT_SHOT, type DatapathContext } from "../cilium/datapath/context.js";
import { IPPROTO_TCP } from "../cilium/datapath/packet.js";
import { IFINDEX } from "./populate.js";
import type { PacketCosts } from "./costs.js";

/** Hooks whose times are reported, in order of a packet's way. */
export const RESULT_HOOKS = ["tc_ingress", "from_container", "to_netdev", "from_netdev"] as const;

/** Hops that a packet may take; Linux's default. */
const TTL = 64;
/** Hops left when a packet of another node arrives: one router on the way. */
const TTL_ARRIVING = 63;

/** One packet as the node describes it. Addresses are words in network byte order. */
export class PacketHeader {
  saddr = 0;
  daddr = 0;
  sport = 0;
  dport = 0;
  tcpFlags = 0;
  /** Bytes from the IP header on. */
  length = 0;
}

export class NodeHooks {
  readonly datapath: DatapathContext;
  readonly costs: PacketCosts;
  readonly header = new PacketHeader();
  /** Rewritten for each connect(). Pods do not share a network namespace with the node. */
  readonly #socket = { cookie: 0, netnsCookie: 0, inHostNamespace: false };
  /** Cost of the programs that ran for the last packet, ns. */
  ingressNs = 0;
  egressNs = 0;
  /** The last packet was dropped, with `datapath.dropReason` and `extError`. */
  dropped = false;

  constructor(datapath: DatapathContext, costs: PacketCosts) {
    this.datapath = datapath;
    this.costs = costs;
  }

  /** from-container of the endpoint, then to-netdev when the packet leaves the node. False: dropped. */
  sendFromPod(endpointId: number, ifindex: number): boolean {
    const { datapath: dp } = this;
    this.#fill(TTL);
    dp.packet.ifindex = ifindex;
    this.egressNs = 0;
    const verdict = cilFromContainer(dp, dp.programs[endpointId]!);
    this.ingressNs = this.costs.take(dp.ops);
    this.dropped = verdict === TC_ACT_SHOT;
    if (!this.dropped && verdict === CTX_ACT_REDIRECT && dp.redirectIfindex === IFINDEX.native) {
      dp.packet.ifindex = IFINDEX.native;
      this.dropped = cilToNetdev(dp) === TC_ACT_SHOT;
      this.egressNs = this.costs.take(dp.ops);
    }
    return !this.dropped;
  }

  /** XDP when the node accelerates, then from-netdev with the pod's policy program. True: delivered to `endpointId`. */
  receiveFromNetwork(endpointId: number): boolean {
    const { datapath: dp } = this;
    this.#fill(TTL_ARRIVING);
    dp.packet.ifindex = IFINDEX.native;
    dp.deliveredTo = 0;
    this.egressNs = 0;
    this.dropped = dp.config.loadBalancer.xdp && cilXdpEntry(dp) === TC_ACT_SHOT;
    if (!this.dropped) this.dropped = cilFromNetdev(dp) === TC_ACT_SHOT;
    this.ingressNs = this.costs.take(dp.ops);
    return !this.dropped && dp.deliveredTo === endpointId;
  }

  /** connect() in the pod's socket: the service in `header` becomes a backend. False: no backend, the call fails. */
  connectSocket(cookie: number): boolean {
    const { datapath: dp } = this;
    this.#fill(TTL);
    this.#socket.cookie = cookie;
    const connected = sockForward(dp, this.#socket, "cil_sock4_connect") >= 0;
    dp.ops.fill(0);
    this.header.daddr = dp.packet.daddr;
    this.header.dport = dp.packet.dport;
    return connected;
  }

  #fill(ttl: number): void {
    const { header } = this;
    const { packet } = this.datapath;
    packet.reset();
    packet.saddr = header.saddr;
    packet.daddr = header.daddr;
    packet.sport = header.sport;
    packet.dport = header.dport;
    packet.protocol = IPPROTO_TCP;
    packet.tcpFlags = header.tcpFlags;
    packet.length = header.length;
    packet.ttl = ttl;
  }
}
