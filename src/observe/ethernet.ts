/**
 * `ethernet` of flows: which two devices' addresses the captured frame bears. Stands for what the programs and the kernel have
 * written into the header by the time of the event:
 *
 * - A pod sends to its device's other end: bpf_lxc answers its ARP with that address. Nothing rewrites it before to-stack, to-proxy,
 *   to-overlay, and the to-network of bpf_lxc: with one device it asks no FIB (ENABLE_SKIP_FIB), and bpf_redirect_neigh writes later.
 * - Towards a pod the programs write both addresses before policy runs (bpf/lib/local_delivery.h), and the kernel writes the same where
 *   the pod's own route leads to its device.
 * - On the wire stand the NIC and the next hop; bpf_redirect_neigh writes them before the device's program runs.
 * - cilium_host takes no ARP (IFF_NOARP): the kernel writes its own address twice.
 * - A tunnel keeps the frame as the pod elsewhere has sent it.
 *
 * Nodes stand on one segment; beyond it, and to pods elsewhere without `autoDirectNodeRoutes`, the gateway is the next hop.
 * Absent, as it is not certain: to-host; to-network of bpf_lxc where it asks the FIB, which may know the neighbour or not; what another
 * node passes on to a pod; packets to and from encryption; pods behind netkit.
 *
 * Addresses are locally administered, as pkg/mac `GenerateRandMAC` makes them for pods and their devices. A pod that replaces
 * another has its address.
 */
import { DROP_EP_NOT_READY } from "../cilium/datapath/drop-reasons.js";
import {
  METRIC_EGRESS, TRACE_FROM_HOST, TRACE_FROM_LXC, TRACE_FROM_NETWORK, TRACE_FROM_OVERLAY, TRACE_FROM_PROXY, TRACE_FROM_STACK,
  TRACE_TO_LXC, TRACE_TO_NETWORK, TRACE_TO_OVERLAY, TRACE_TO_PROXY, TRACE_TO_STACK,
} from "../cilium/datapath/events.js";
import { MARK_DECRYPT, MARK_ENCRYPT, MARK_PROXY_EGRESS, MARK_PROXY_INGRESS, type Packet } from "../cilium/datapath/packet.js";
import { type FlowEndpoint, NOBODY } from "./flow-tables.js";
import { FlowUuids } from "./flow-text.js";
import type { FlowRow } from "./flow-row.js";

/** What kind of frame a row's packet lay in; of a pod's the row also has the endpoint number. */
export const FRAME = { unknown: 0, fromPod: 1, toPod: 2, arriving: 3, leaving: 4, host: 5, tunnelled: 6 } as const;

/** Whose address it is; with an IPv4 address a number for each device. */
const OWNER = { pod: 1, podDevice: 2, nic: 3, ciliumHost: 4, gateway: 5 } as const;
const OWNER_SPAN = 0x100000000;
/** Bits of a MAC address's first byte: locally administered, and group. */
const LOCAL_BIT = 0x02;
const GROUP_BIT = 0x01;
/** Places of the hops in the list of texts: the gateway, then nodes by their number. */
const GATEWAY = 0;

export interface EthernetInput {
  /** Four words from a named random stream. */
  readonly key: ArrayLike<number>;
  readonly endpoints: readonly FlowEndpoint[];
  /** Index of `cilium_host` and of the tunnel's device. */
  readonly hostIfindex: number;
  readonly tunnelIfindex: number;
  /** Pods have devices with addresses: not behind netkit. */
  readonly podsHaveAddresses: boolean;
  /** bpf_lxc leaves routes to bpf_redirect_neigh: pkg/datapath/linux/config, ENABLE_SKIP_FIB. */
  readonly skipsFib: boolean;
  /** `autoDirectNodeRoutes`: pods elsewhere are reached by their node. */
  readonly directRoutes: boolean;
}

export class Ethernet {
  readonly #input: EthernetInput;
  readonly #names: FlowUuids;
  /** By endpoint number; pods of the node. */
  readonly #fromPod: string[] = [];
  readonly #toPod: string[] = [];
  /** By hop. */
  readonly #arriving: string[] = [];
  readonly #leaving: string[] = [];
  readonly #host: string;
  /** By place among the endpoints: frames of pods elsewhere. */
  readonly #tunnelled: string[] = [];

  constructor(input: EthernetInput) {
    this.#input = input;
    this.#names = new FlowUuids(input.key);
    const { endpoints } = input;
    const own = endpoints.find((endpoint) => isNode(endpoint) && endpoint.node === 0);
    const nic = this.#mac(OWNER.nic, addressOf(own));
    const ciliumHost = this.#mac(OWNER.ciliumHost, addressOf(own));
    this.#host = json(ciliumHost, ciliumHost);
    this.#addHop(GATEWAY, this.#mac(OWNER.gateway, 0), nic);
    endpoints.forEach((endpoint, place) => {
      const address = addressOf(endpoint);
      if (isNode(endpoint)) {
        if (endpoint.node !== 0) this.#addHop(endpoint.node!, this.#mac(OWNER.nic, address), nic);
      } else if (input.podsHaveAddresses) {
        const [pod, device] = [this.#mac(OWNER.pod, address), this.#mac(OWNER.podDevice, address)];
        if (endpoint.node === 0) {
          this.#fromPod[endpoint.id] = json(pod, device);
          this.#toPod[endpoint.id] = json(device, pod);
        } else this.#tunnelled[place] = json(pod, device);
      }
    });
  }

  /** Of a trace event that `source` reports. */
  ofTrace(row: FlowRow, packet: Packet, point: number, source: number): void {
    row.frameEndpoint = source;
    row.frame = this.#traceFrame(row, packet, point, source);
  }

  /** Of a drop: `direction` METRIC_INGRESS or METRIC_EGRESS. */
  ofDrop(row: FlowRow, packet: Packet, source: number, reason: number, direction: number): void {
    row.frameEndpoint = source;
    if (reason === -DROP_EP_NOT_READY) {
      // The header had been written for a pod that turned out to have no program.
      row.frame = row.destinationEndpoint === NOBODY ? FRAME.unknown : FRAME.toPod;
      if (row.destinationEndpoint !== NOBODY) row.frameEndpoint = this.#input.endpoints[row.destinationEndpoint]!.id;
    } else if (this.#isPod(source)) row.frame = direction === METRIC_EGRESS ? FRAME.fromPod : FRAME.toPod;
    else row.frame = this.#deviceFrame(packet);
  }

  /** Of a policy verdict. */
  ofVerdict(row: FlowRow, packet: Packet, source: number, egress: number): void {
    row.frameEndpoint = source;
    if (this.#isPod(source)) row.frame = egress === 1 ? FRAME.fromPod : FRAME.toPod;
    else row.frame = this.#deviceFrame(packet);
  }

  /** Whose frame of its kind it is: the endpoint number, the hop, or the place among the endpoints. */
  whose(row: FlowRow): number {
    switch (row.frame) {
      case FRAME.fromPod:
      case FRAME.toPod:
        return row.frameEndpoint;
      case FRAME.arriving:
        return this.#hop(row.sourceEndpoint, row.destinationEndpoint, true);
      case FRAME.leaving:
        return this.#hop(row.destinationEndpoint, row.sourceEndpoint, false);
      case FRAME.tunnelled:
        return row.sourceEndpoint;
      default:
        return 0;
    }
  }

  /** The member of a flow with its comma, or nothing; it depends on the kind of frame and on whose it is. */
  json(row: FlowRow): string {
    switch (row.frame) {
      case FRAME.fromPod:
        return this.#fromPod[this.whose(row)] ?? "";
      case FRAME.toPod:
        return this.#toPod[this.whose(row)] ?? "";
      case FRAME.arriving:
        return this.#arriving[this.whose(row)] ?? "";
      case FRAME.leaving:
        return this.#leaving[this.whose(row)] ?? "";
      case FRAME.host:
        return this.#host;
      case FRAME.tunnelled:
        return this.#tunnelled[this.whose(row)] ?? "";
      default:
        return "";
    }
  }

  #traceFrame(row: FlowRow, packet: Packet, point: number, source: number): number {
    switch (point) {
      case TRACE_TO_LXC:
      case TRACE_FROM_STACK:
        return FRAME.toPod;
      case TRACE_FROM_LXC:
      case TRACE_TO_STACK:
        return FRAME.fromPod;
      case TRACE_FROM_PROXY:
        return this.#isPod(source) ? FRAME.toPod : FRAME.host;
      case TRACE_TO_PROXY:
        if (!this.#isPod(source)) return this.#deviceFrame(packet);
        return this.#idOf(row.sourceEndpoint) === source ? FRAME.fromPod : FRAME.toPod;
      case TRACE_FROM_HOST:
        return FRAME.host;
      case TRACE_TO_OVERLAY:
        return this.#isPod(source) ? FRAME.fromPod : this.#intoTunnel(row, packet);
      case TRACE_FROM_OVERLAY:
        return FRAME.tunnelled;
      case TRACE_FROM_NETWORK:
      case TRACE_TO_NETWORK:
        if (!this.#isPod(source)) return this.#deviceFrame(packet);
        return this.#input.skipsFib ? FRAME.fromPod : FRAME.unknown;
      default:
        return FRAME.unknown;
    }
  }

  /** From cilium_host or the load balancer; at the tunnel's device what a pod sends is still as it was sent. */
  #intoTunnel(row: FlowRow, packet: Packet): number {
    if (packet.ifindex !== this.#input.tunnelIfindex) return this.#deviceFrame(packet);
    const source = this.#idOf(row.sourceEndpoint);
    const ofProxy = packet.mark === MARK_PROXY_INGRESS || packet.mark === MARK_PROXY_EGRESS;
    if (ofProxy || row.translated === 1 || !this.#isPod(source)) return FRAME.unknown;
    row.frameEndpoint = source;
    return FRAME.fromPod;
  }

  /** At a device that belongs to no pod. */
  #deviceFrame(packet: Packet): number {
    if (packet.ifindex === this.#input.hostIfindex) return FRAME.host;
    if (packet.ifindex === this.#input.tunnelIfindex) return packet.arriving ? FRAME.tunnelled : FRAME.unknown;
    // What was encrypted came by another device, and what is going to be leaves by one.
    if (packet.mark === MARK_DECRYPT || packet.mark === MARK_ENCRYPT) return FRAME.unknown;
    return packet.arriving ? FRAME.arriving : FRAME.leaving;
  }

  /** Whose frame it is, or whom it goes to: the place of a hop, or one without a text. `other`: the packet's end on this side. */
  #hop(end: number, other: number, arriving: boolean): number {
    const { endpoints, directRoutes } = this.#input;
    const here = other !== NOBODY && endpoints[other]!.node === 0;
    const toPod = here && !isNode(endpoints[other]!);
    // To a pod's address comes what the network routes there, and what another node's load balancer passes on.
    if (end === NOBODY) return arriving && toPod ? NOBODY : GATEWAY;
    const far = endpoints[end]!;
    if (far.node === undefined || far.node === 0 || (arriving && !here)) return NOBODY;
    const routedToPod = arriving ? toPod : !isNode(far);
    return routedToPod && !directRoutes ? GATEWAY : far.node;
  }

  #isPod(id: number): boolean {
    return this.#fromPod[id] !== undefined;
  }

  #idOf(place: number): number {
    return place === NOBODY ? 0 : this.#input.endpoints[place]!.id;
  }

  #addHop(hop: number, far: string, nic: string): void {
    this.#arriving[hop] = json(far, nic);
    this.#leaving[hop] = json(nic, far);
  }

  #mac(owner: number, address: number): string {
    const drawn = this.#names.text(owner * OWNER_SPAN + address).slice(-12);
    const first = (Number.parseInt(drawn.slice(0, 2), 16) | LOCAL_BIT) & ~GROUP_BIT;
    return [first.toString(16).padStart(2, "0"), ...[2, 4, 6, 8, 10].map((at) => drawn.slice(at, at + 2))].join(":");
  }
}

/** Nodes have no pod's name. */
function isNode({ podName }: FlowEndpoint): boolean {
  return podName === undefined;
}

function addressOf(endpoint: FlowEndpoint | undefined): number {
  return endpoint === undefined ? 0 : endpoint.address[0]! >>> 0;
}

function json(source: string, destination: string): string {
  return `,"ethernet":{"source":"${source}","destination":"${destination}"}`;
}
