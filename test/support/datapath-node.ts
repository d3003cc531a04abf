/** A node for tests of the datapath: pods, remote addresses and services in a few words, packets as short records. */

import type { DatapathConfig, LoadBalancerConfig } from "../../src/cilium/datapath/config.js";
import { DEFAULT_DATAPATH, DEFAULT_LOAD_BALANCER } from "../../src/cilium/datapath/config.js";
import { Datapath, VERDICT_NAMES } from "../../src/cilium/datapath/datapath.js";
import type { DatapathEvents } from "../../src/cilium/datapath/events.js";
import { POLICY_MATCH_NAMES, TRACE_POINT_NAMES, TRACE_REASON_NAMES } from "../../src/cilium/datapath/events.js";
import { OP_COUNT, OP_NAMES } from "../../src/cilium/datapath/ops.js";
import { IPPROTO_TCP, Packet } from "../../src/cilium/datapath/packet.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../../src/cilium/maps.js";
import type { CiliumMapOptions } from "../../src/cilium/maps.js";
import { formatAddress, ipv4, parseAddress } from "../../src/cilium/maps/address.js";
import type { AddressWords } from "../../src/cilium/maps/address.js";
import { ENDPOINT_F_HOST } from "../../src/cilium/maps/identity-maps.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../../src/cilium/maps/policy-map.js";
import { writeBackend, writeService } from "../../src/lab/verify/programs/service-writer.js";

export const NODE = "192.168.10.1";
export const NODE6 = "fd00:10::1";
export const ROUTER = "10.1.0.1";
export const OTHER_NODE = "192.168.10.2";

/** A packet in short: everything but addresses has a default. */
export interface PacketSpec {
  readonly src: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly protocol?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
  readonly fragment?: number;
  readonly ipid?: number;
  readonly length?: number;
  readonly mark?: number;
  readonly flow?: number;
  /** Embedded packet of an ICMP error. */
  readonly inner?: { src: string; dst: string; sport: number; dport: number; protocol: number; bytes?: number };
  readonly dsr?: { addr: string; port: number };
}

export interface NodeOptions {
  readonly config?: Partial<DatapathConfig>;
  readonly loadBalancer?: Partial<LoadBalancerConfig>;
  readonly node?: Partial<DatapathConfig["node"]>;
  readonly maps?: Partial<CiliumMapOptions>;
}

/** Events as short texts, in order. */
class EventLog implements DatapathEvents {
  lines: string[] = [];
  trace(_packet: Packet, point: number, source: number, _src: number, _dst: number, _id: number, _ifindex: number, reason: number): void {
    this.lines.push(`${TRACE_POINT_NAMES[point]} ${TRACE_REASON_NAMES[reason] ?? reason} ${source}`);
  }
  drop(_packet: Packet, source: number, _src: number, _dst: number, _id: number, reason: number, extError: number): void {
    this.lines.push(`drop ${reason} ${extError} ${source}`);
  }
  policyVerdict(_p: Packet, source: number, remote: number, verdict: number, _port: number, egress: number, match: number, audited: number): void {
    const direction = egress === 1 ? "egress" : "ingress";
    this.lines.push(`verdict ${verdict} ${source} ${direction} ${remote} ${POLICY_MATCH_NAMES[match]}${audited === 1 ? " audited" : ""}`);
  }
  traceSock(_packet: Packet, point: number, cookie: number): void {
    this.lines.push(`sock ${point} ${cookie}`);
  }
}

export class DatapathNode {
  readonly maps: CiliumMaps;
  readonly datapath: Datapath;
  readonly packet = new Packet();
  readonly events = new EventLog();
  readonly signals: string[] = [];
  /** Numbers that the programs draw; 0 when used up. */
  random: number[] = [];

  constructor({ config = {}, loadBalancer = {}, node = {}, maps = {} }: NodeOptions = {}) {
    const small = { maxEntries: 4096 };
    this.maps = new CiliumMaps(
      {
        ...DEFAULT_MAP_OPTIONS,
        ipv6: true,
        ...maps,
        overrides: {
          ct4_global: small,
          ct_any4_global: small,
          snat_v4_external: small,
          ct6_global: small,
          ct_any6_global: small,
          snat_v6_external: small,
          nodeport_neigh4: small,
          nodeport_neigh6: small,
          lb4_reverse_sk: small,
          lb6_reverse_sk: small,
          ...maps.overrides,
        },
      },
      { possibleCpus: 1, refill: "scaled" },
    );
    const built: DatapathConfig = {
      ...DEFAULT_DATAPATH,
      ...config,
      node: {
        ...DEFAULT_DATAPATH.node,
        address4: [ipv4(NODE)],
        address6: parseAddress(NODE6)!,
        router4: [ipv4(ROUTER)],
        nativeRoutingCidr4: { address: [ipv4("10.1.0.0")], prefix: 16 },
        nativeRoutingCidr6: { address: parseAddress("fd00:1::")!, prefix: 32 },
        loopback6: parseAddress("fe80::1")!,
        ...node,
      },
      loadBalancer: { ...DEFAULT_LOAD_BALANCER, socketLb: false, perPacketLb: true, ...loadBalancer },
    };
    this.datapath = new Datapath(this.maps, built, {
      events: this.events,
      random: () => this.random.shift() ?? 0,
      signal: (type, family) => this.signals.push(`${type === 0 ? "nat" : "ct"}${family === 0 ? 4 : 6}`),
    });
    this.datapath.now = 1000;
    this.identity("0.0.0.0", 2, 0);
    this.identity("::", 2, 0);
    for (const address of [NODE, ROUTER, NODE6]) {
      this.identity(address, 1);
      this.maps.endpoints.insert(parseAddress(address)!, { ifindex: 3, lxcId: 0, identity: 1, flags: ENDPOINT_F_HOST });
    }
    this.identity(OTHER_NODE, 6);
  }

  /** An address that the ipcache knows. */
  identity(address: string, identity: number, prefix?: number, tunnel?: string): void {
    const words = parseAddress(address)!;
    const entry = tunnel === undefined ? { identity } : { identity, tunnelEndpoint: ipv4(tunnel) };
    this.maps.ipcache.insert(words, prefix ?? 32 * words.length, entry);
  }

  /** A pod with addresses of one or both families, everything allowed. Endpoint id and interface index are `id`. */
  pod(id: number, identity: number, ...addresses: string[]): void {
    const policy = this.maps.policy(id);
    policy.allowAll(POLICY_INGRESS);
    policy.allowAll(POLICY_EGRESS);
    for (const address of addresses) {
      this.identity(address, identity);
      this.maps.endpoints.insert(parseAddress(address)!, { ifindex: id, lxcId: id, identity });
    }
    const words = addresses.map((address) => parseAddress(address)!);
    this.datapath.addEndpoint({
      lxcId: id,
      ifindex: id,
      identity,
      address4: words.find(({ length }) => length === 1) ?? null,
      address6: words.find(({ length }) => length === 4) ?? null,
      policy,
      verdictIngress: true,
      verdictEgress: true,
    });
  }

  backend(id: number, address: string, port: number, protocol = IPPROTO_TCP, state = 0): void {
    writeBackend(this.maps, { id, address: parseAddress(address)!, port, protocol, state });
  }

  service(address: string, port: number, revNatIndex: number, backendIds: number[], more: Partial<Parameters<typeof writeService>[1]> = {}): void {
    writeService(this.maps, { address: parseAddress(address)!, port, protocol: IPPROTO_TCP, revNatIndex, backendIds, ...more });
  }

  /** Fills the packet. */
  fill(spec: PacketSpec): Packet {
    const { packet } = this;
    const source = parseAddress(spec.src)!;
    packet.reset();
    packet.addressWords = source.length as AddressWords;
    packet.setSaddr(source, 0);
    packet.setDaddr(parseAddress(spec.dst)!, 0);
    packet.sport = spec.sport ?? 0;
    packet.dport = spec.dport ?? 0;
    packet.protocol = spec.protocol ?? IPPROTO_TCP;
    packet.tcpFlags = spec.flags ?? (packet.protocol === IPPROTO_TCP ? 0x02 : 0);
    packet.icmpType = spec.type ?? 0;
    packet.icmpCode = spec.code ?? 0;
    packet.icmpId = spec.id ?? 0;
    packet.fragment = spec.fragment ?? 0;
    packet.identification = spec.ipid ?? 0;
    packet.length = spec.length ?? 60;
    packet.mark = spec.mark ?? 0;
    packet.flow = spec.flow ?? 0;
    packet.ttl = 64;
    if (spec.inner !== undefined) {
      packet.setInnerSaddr(parseAddress(spec.inner.src)!, 0);
      packet.setInnerDaddr(parseAddress(spec.inner.dst)!, 0);
      packet.innerProtocol = spec.inner.protocol;
      packet.innerSport = spec.inner.sport;
      packet.innerDport = spec.inner.dport;
      packet.innerL4Bytes = spec.inner.bytes ?? 20;
    }
    if (spec.dsr !== undefined) {
      packet.hasDsrOption = true;
      packet.setDsrAddr(parseAddress(spec.dsr.addr)!, 0);
      packet.dsrPort = spec.dsr.port;
    }
    return packet;
  }

  /** Sends from a pod and follows the packet out of the node: the outcome in words, see `outcome`. */
  fromPod(id: number, spec: PacketSpec): string {
    const packet = this.#begin(spec);
    return this.outcome(this.datapath.follow(packet, this.datapath.fromContainer(packet, id)));
  }

  fromNetwork(spec: PacketSpec): string {
    const packet = this.#begin(spec);
    return this.outcome(this.datapath.follow(packet, this.datapath.fromNetdev(packet)));
  }

  fromHost(spec: PacketSpec): string {
    const packet = this.#begin(spec);
    return this.outcome(this.datapath.follow(packet, this.datapath.toNetdev(packet)));
  }

  /** `deliver 102`, `wire`, `stack`, `tunnel 1001`, `drop 133`, `pass` …, with the headers as they are now. */
  outcome(verdict: number): string {
    const { datapath, packet } = this;
    const detail: Readonly<Record<string, string>> = {
      deliver: ` ${datapath.deliveredTo}`,
      drop: ` ${datapath.dropReason}`,
      tunnel: ` ${packet.tunnelKey}`,
    };
    const name = VERDICT_NAMES[verdict]!;
    return `${name}${detail[name] ?? ""} ${this.headers()}`;
  }

  headers(): string {
    const { packet } = this;
    const place = (at: number, port: number): string => {
      const address = formatAddress(packet.row, at, packet.addressWords);
      return packet.addressWords === 1 ? `${address}:${port}` : `[${address}]:${port}`;
    };
    return `${place(packet.saddrAt, packet.sport)}>${place(packet.daddrAt, packet.dport)}`;
  }

  /** Operations of the last packet, those that happened. */
  get operations(): Record<string, number> {
    const counted: Record<string, number> = {};
    for (let op = 0; op < OP_COUNT; op++) if (this.datapath.ops[op] !== 0) counted[OP_NAMES[op]!] = this.datapath.ops[op]!;
    return counted;
  }

  #begin(spec: PacketSpec): Packet {
    const packet = this.fill(spec);
    this.datapath.ops.fill(0);
    this.events.lines = [];
    return packet;
  }
}
