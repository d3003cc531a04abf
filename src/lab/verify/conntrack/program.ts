/** Kind `program`: whole programs on scenarios in words. */

import { DEFAULT_DATAPATH, DEFAULT_LOAD_BALANCER } from "../../../cilium/datapath/config.js";
import type { DatapathConfig } from "../../../cilium/datapath/config.js";
import { VERDICT_DELIVER, VERDICT_DROP, VERDICT_PASS, VERDICT_REDIRECT, VERDICT_STACK, VERDICT_TUNNEL, VERDICT_WIRE } from "../../../cilium/datapath/datapath.js";
import { METRIC_EGRESS, METRIC_INGRESS } from "../../../cilium/datapath/events.js";
import { IPPROTO_TCP, Packet, TCP_ACK, TCP_SYN } from "../../../cilium/datapath/packet.js";
import { formatIpv4, ipv4 } from "../../../cilium/maps/address.js";
import { CT_DSR_INTERNAL, CT_LB_LOOPBACK, CT_NODE_PORT } from "../../../cilium/maps/ct-flags.js";
import type { CtMap } from "../../../cilium/maps/ct-map.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../../../cilium/maps/policy-map.js";
import { TUPLE_F_RELATED, TUPLE_F_SERVICE, tupleWords } from "../../../cilium/maps/tuple.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { forEachElement, keyOf, PROTOCOLS, tcpFlagBits } from "../map-entries.js";
import { writeBackend, writeService } from "../programs/service-writer.js";
import { Bench } from "./bench.js";
import { natTuple, parseFlow } from "./gc.js";
import { Names, placeText } from "./names.js";
import type { ProgramExpectation, ProgramHook, ProgramPacket, ProgramSetup, ProgramStep, ProgramVector } from "./program-shape.js";

const POD_LXC = 7;
const POD_IFINDEX = 20;
const POD_IDENTITY = 1001;
const HOST_IDENTITY = 1;
const NODEPORT_ROUTABLE = 66;
const INITIAL_TTL = 64;
/** The other node, to which tunnels lead. */
const OTHER_NODE = "10.0.10.9";

const OWN_POD_OF_GATEWAY = "192.168.99.1";

/** Runs one vector; `others` are the vectors that `after` may name. */
export function compareProgram(vector: ProgramVector, others: ReadonlyMap<string, ProgramVector>): Difference | undefined {
  if (vector.cases !== undefined) return compareCases(vector.cases);
  const before = vector.setup?.after === undefined ? undefined : others.get(vector.setup.after);
  if (vector.setup?.after !== undefined && before === undefined) {
    return { where: "setup.after", expected: vector.setup.after, actual: "no such vector" };
  }
  const scene = new Scene(before?.setup ?? vector.setup ?? {}, vector.title);
  for (const step of before?.steps ?? []) {
    const difference = scene.step("after", step);
    if (difference !== undefined) return difference;
  }
  for (const [i, step] of (vector.steps ?? []).entries()) {
    const difference = scene.step(`step ${i}`, step);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** A service without backends, asked for at several hooks; no ICMP answer is configured. */
function compareCases(cases: NonNullable<ProgramVector["cases"]>): Difference | undefined {
  for (const [i, { hook, expect }] of cases.entries()) {
    const vip = { vip: "172.16.10.2", port: 80, proto: "tcp", revNat: 1, backends: [] } as const;
    const scene = new Scene({ hook, services: [{ ...vip, backends: [] }] }, "");
    const src = hook === "from-container" ? "POD:P" : "CLIENT:P";
    const difference = scene.step(`case ${i}`, { op: "packet", hook, src, dst: "VIP:80", expect });
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function configFor(setup: ProgramSetup, node: number, loopback: number): DatapathConfig {
  return {
    ...DEFAULT_DATAPATH,
    node: { ...DEFAULT_DATAPATH.node, address4: [node], nativeRoutingCidr4: null, loopback4: [loopback] },
    loadBalancer: {
      ...DEFAULT_LOAD_BALANCER,
      mode: setup.mode ?? "snat",
      dsrDispatch: setup.dispatch ?? "opt",
      socketLb: false,
      perPacketLb: true,
      noBackendResponse: "drop",
    },
    // The pod's own device runs the receiving half, as in the tests that these vectors come from.
    hostRouting: false,
    endpointRoutes: true,
    egressGateway: setup.gateway !== undefined,
  };
}

/** One node and what has happened on it so far. */
class Scene {
  readonly #names = new Names();
  readonly #bench: Bench;
  readonly #setup: ProgramSetup;
  readonly #packet = new Packet();
  #packets = 0;
  #natPort = 0;

  constructor(setup: ProgramSetup, title: string) {
    this.#setup = setup;
    if (setup.lbNodeIp !== undefined) this.#names.bind("LB", setup.lbNodeIp);
    // A gateway's clients are pods of other nodes.
    if (setup.client !== undefined) this.#names.bind("POD", OWN_POD_OF_GATEWAY);
    const node = this.#names.address(setup.gateway ?? "LB");
    this.#bench = new Bench({}, configFor(setup, node, this.#names.address(setup.loopback ?? "LOOPBACK")), undefined, true);
    const { maps } = this.#bench;
    maps.endpoints.insert([node], { ifindex: 3, lxcId: 0, identity: HOST_IDENTITY, flags: 1 });
    maps.ipcache.insert([node], 32, { identity: HOST_IDENTITY });
    this.#addServices();
    this.#addPod(/egress deny-all/i.test(title));
    if (setup.client !== undefined) {
      maps.ipcache.insert([ipv4(setup.client)], 32, { identity: POD_IDENTITY, tunnelEndpoint: ipv4(OTHER_NODE) });
    }
  }

  /** Services of the setup, or VIP:80 with one remote backend where packets speak of one that the setup does not name. */
  #addServices(): void {
    const remote = { id: 1, addr: this.#names.valueOf("BACKEND")!, port: 8080, local: false };
    const standard = { vip: this.#names.valueOf("VIP")!, port: 80, proto: "tcp", revNat: 1, backends: [remote] } as const;
    for (const service of this.#setup.services ?? [{ ...standard, backends: [remote] }]) {
      this.#names.bind("VIP", service.vip);
      const port = Number(this.#names.valueOf(String(service.port)));
      for (const { id, addr, port: backendPort, local } of service.backends) {
        this.#names.bind("BACKEND", addr);
        if (local === true) this.#names.bind("POD", addr);
        writeBackend(this.#bench.maps, { id, address: [ipv4(addr)], port: backendPort, protocol: PROTOCOLS[service.proto]! });
      }
      writeService(this.#bench.maps, {
        address: [ipv4(service.vip)],
        port,
        protocol: PROTOCOLS[service.proto]!,
        revNatIndex: service.revNat,
        backendIds: service.backends.map(({ id }) => id),
        flags: NODEPORT_ROUTABLE,
      });
    }
  }

  /** The pod of the node: the local backend, and the one that sends where a vector sends from a container. */
  #addPod(denyEgress: boolean): void {
    const { maps, datapath } = this.#bench;
    const address = this.#names.address("POD");
    const policy = maps.policy(POD_LXC);
    policy.allowAll(POLICY_INGRESS);
    policy.insert({ direction: POLICY_EGRESS, identity: 0, deny: denyEgress });
    maps.ipcache.insert([address], 32, { identity: POD_IDENTITY });
    maps.endpoints.insert([address], { ifindex: POD_IFINDEX, lxcId: POD_LXC, identity: POD_IDENTITY });
    datapath.addEndpoint({
      lxcId: POD_LXC,
      ifindex: POD_IFINDEX,
      identity: POD_IDENTITY,
      address4: [address],
      address6: null,
      policy,
      verdictIngress: false,
      verdictEgress: false,
    });
  }

  step(where: string, step: ProgramStep): Difference | undefined {
    this.#bench.begin(1000 + this.#packets);
    switch (step.op) {
      case "packet":
        return this.#send(where, step);
      case "evict": {
        const key = natTuple(parseFlow(this.#names.expand(step.key)));
        const removed = this.#bench.mapNamed(step.map)?.remove(key.words, 0, 0);
        return removed === 0 ? undefined : { where, expected: `${step.key} to evict`, actual: "no such entry" };
      }
      case "control":
        return this.#change(where, step.change);
    }
  }

  /** `service backend count N; backend ID state terminating`. */
  #change(where: string, text: string): Difference | undefined {
    const { maps } = this.#bench;
    const { services, backends } = maps.family(1);
    for (const part of text.split(/;\s*/)) {
      const count = /^service backend count (\d+)$/.exec(part);
      const state = /^backend (\d+) state (terminating|active)$/.exec(part);
      if (count !== null) {
        const { port } = this.#names.place(`VIP:${this.#setup.services![0]!.port}`);
        services.setFrontend(Int32Array.of(this.#names.address("VIP")), 0, port, PROTOCOLS[this.#setup.services![0]!.proto]!);
        const slot = services.map.peek(services.key, 0);
        services.setValue(slot, 0, Number(count[1]), services.revNatIndex(slot), services.flags(slot), services.flags2(slot), 0);
      } else if (state !== null) {
        backends.key[0] = Number(state[1]);
        const slot = backends.map.peek(backends.key, 0);
        const address = [backends.address(slot)];
        backends.setValue(slot, address, backends.port(slot), backends.protocol(slot), state[2] === "terminating" ? 1 : 0);
      } else {
        return { where, expected: "a change that is known", actual: part };
      }
    }
    return undefined;
  }

  #fill(step: ProgramPacket, hook: ProgramHook): void {
    const packet = this.#packet;
    const lastSource = packet.sport;
    packet.reset();
    packet.protocol = PROTOCOLS[step.proto ?? this.#setup.services?.[0]?.proto ?? "tcp"]!;
    packet.ttl = INITIAL_TTL;
    const source = this.#names.place(step.src ?? (hook === "from-container" ? "POD:P" : this.#sender(step)));
    const target = this.#names.place(step.dst ?? this.#receiver(step, lastSource));
    packet.saddr = source.address;
    packet.daddr = target.address;
    packet.sport = source.port;
    packet.dport = target.port;
    if (packet.protocol === IPPROTO_TCP) {
      packet.tcpFlags = step.tcpFlags === undefined ? (this.#packets === 0 ? TCP_SYN : TCP_ACK) : tcpFlagBits(step.tcpFlags);
    }
  }

  #sender(step: ProgramPacket): string {
    if (step.direction !== undefined) return this.#setup.remote!;
    return this.#setup.client === undefined ? "CLIENT:P" : `${this.#setup.client}:P`;
  }

  #receiver(step: ProgramPacket, lastSource: number): string {
    if (step.direction !== undefined) return `${step.direction.replace("reply to ", "")}:${lastSource}`;
    return this.#setup.remote ?? "198.51.100.9:443";
  }

  #send(where: string, step: ProgramPacket): Difference | undefined {
    const hook = step.hook ?? this.#setup.hook ?? "from-netdev";
    if (step.policyEgressIp !== undefined) this.#setEgressPolicy(step.policyEgressIp);
    this.#fill(step, hook);
    const packet = this.#packet;
    const sent = { saddr: packet.saddr, daddr: packet.daddr, sport: packet.sport, dport: packet.dport };
    const before = new Set(this.#ctEntries().keys());
    const verdict = this.#inject(hook);
    this.#packets++;
    const difference = this.#compare(where, step.expect, hook, verdict, sent, before);
    this.#natPort = packet.sport;
    return difference;
  }

  #setEgressPolicy(address: string): void {
    const { client, gateway, remote } = this.#setup;
    const { egressGateway } = this.#bench.maps;
    egressGateway.insert(ipv4(client!), this.#names.place(remote!).address, 32, ipv4(address), ipv4(gateway!));
  }

  #inject(hook: ProgramHook): number {
    const { datapath } = this.#bench;
    const packet = this.#packet;
    switch (hook) {
      case "from-netdev": {
        const verdict = datapath.fromNetdev(packet);
        return verdict === VERDICT_STACK ? this.#toPodOrStack() : verdict;
      }
      case "from-container":
        return datapath.fromContainer(packet, POD_LXC);
      case "to-container":
        return datapath.toContainer(packet, POD_LXC);
      case "to-netdev":
        return datapath.toNetdev(packet);
      case "xdp":
        return datapath.xdpEntry(packet);
    }
  }

  /** Without BPF host routing the stack takes a packet for the pod to the pod's device. */
  #toPodOrStack(): number {
    return this.#packet.daddr === this.#names.address("POD") ? VERDICT_DELIVER : VERDICT_STACK;
  }

  #verdictText(verdict: number, hook: ProgramHook): string {
    switch (verdict) {
      case VERDICT_DROP:
        return "drop";
      case VERDICT_DELIVER:
        return hook === "to-container" ? "pass" : "redirect-to-endpoint";
      case VERDICT_STACK:
        return "pass-to-stack";
      case VERDICT_PASS:
        return "pass";
      case VERDICT_WIRE:
        return hook === "to-netdev" ? "pass" : "redirect";
      case VERDICT_REDIRECT:
      case VERDICT_TUNNEL:
      default:
        return "redirect";
    }
  }

  #compare(
    where: string,
    expect: ProgramExpectation,
    hook: ProgramHook,
    verdict: number,
    sent: { saddr: number; daddr: number; sport: number; dport: number },
    before: ReadonlySet<string>,
  ): Difference | undefined {
    const { datapath, maps } = this.#bench;
    const packet = this.#packet;
    const entries = this.#ctEntries();
    const created = [...entries.keys()].filter((entry) => !before.has(entry));
    const rewritten =
      packet.saddr !== sent.saddr || packet.daddr !== sent.daddr || packet.sport !== sent.sport || packet.dport !== sent.dport;
    const natEntries = maps.snatV4External.map.count;
    return (
      when(expect.verdict, (text) => firstDifference(`${where} verdict`, text, this.#verdictText(verdict, hook))) ??
      when(expect.dropReason, (code) => firstDifference(`${where} dropReason`, code, verdict === VERDICT_DROP ? datapath.dropReason : 0)) ??
      when(expect.out, (out) => this.#compareOut(where, out)) ??
      when(expect.rewritten, (is) => firstDifference(`${where} rewritten`, is, rewritten)) ??
      when(expect.srcPortChanged, (is) => firstDifference(`${where} srcPortChanged`, is, packet.sport !== sent.sport)) ??
      when(expect.natPortUnchanged, (is) => this.#compareNatPort(where, is)) ??
      when(expect.ctEntries, (list) => firstDifference(`${where} ctEntries`, list.map((text) => this.#names.expand(text)).sort(), created.sort())) ??
      when(expect.ctEntriesCreated, (count) => firstDifference(`${where} ctEntriesCreated`, count, created.length)) ??
      when(expect.ctPackets, (count) => firstDifference(`${where} ctPackets`, count, Math.max(...entries.values()))) ??
      when(expect.natEntries, (count) => firstDifference(`${where} natEntries`, count, natEntries)) ??
      when(expect.restored, (key) => this.#compareRestored(where, key)) ??
      when(expect.ipOption, (option) => this.#compareOption(where, option)) ??
      when(expect.metric, ({ reason, dir, count }) => {
        const counted = datapath.metrics.packets(reason, dir === "egress" ? METRIC_EGRESS : METRIC_INGRESS);
        return firstDifference(`${where} metric`, count, counted);
      })
    );
  }

  #compareOut(where: string, out: NonNullable<ProgramExpectation["out"]>): Difference | undefined {
    const { saddr, daddr, sport, dport } = this.#packet;
    if (out.src !== undefined && !this.#names.matches(out.src, saddr, sport)) {
      return { where: `${where} out.src`, expected: this.#names.expand(out.src), actual: placeText(saddr, sport) };
    }
    if (out.dst !== undefined && !this.#names.matches(out.dst, daddr, dport)) {
      return { where: `${where} out.dst`, expected: this.#names.expand(out.dst), actual: placeText(daddr, dport) };
    }
    return (
      when(out.srcIp, (address) => firstDifference(`${where} out.srcIp`, address, formatIpv4(saddr))) ??
      when(out.dstIp, (address) => firstDifference(`${where} out.dstIp`, address, formatIpv4(daddr)))
    );
  }

  /** Whether the packet left from the port that the name NATPORT was bound to at the start. */
  #compareNatPort(where: string, expected: boolean): Difference | undefined {
    const bound = this.#names.valueOf("NATPORT") ?? String(this.#natPort);
    return firstDifference(`${where} natPortUnchanged`, expected, bound === String(this.#packet.sport));
  }

  #compareRestored(where: string, key: string): Difference | undefined {
    const tuple = natTuple(parseFlow(this.#names.expand(key)));
    const found = this.#bench.maps.snatV4External.map.peek(tuple.words, 0) >= 0;
    return found ? undefined : { where: `${where} restored`, expected: this.#names.expand(key), actual: "no such entry" };
  }

  #compareOption(where: string, option: NonNullable<ProgramExpectation["ipOption"]>): Difference | undefined {
    const packet = this.#packet;
    if (!packet.hasDsrOption) return { where: `${where} ipOption`, expected: JSON.stringify(option), actual: "none" };
    const actual = placeText(packet.row[packet.dsrAddrAt]!, packet.dsrPort);
    return firstDifference(`${where} ipOption`, placeText(this.#names.address(option.addr), option.port), actual);
  }

  /** Conntrack entries in connection order with their packet counts, RELATED ones aside. */
  #ctEntries(): Map<string, number> {
    const entries = new Map<string, number>();
    const read = (ct: CtMap): void =>
      forEachElement(ct.map, tupleWords(1), (row, slot) => {
        const flags = row[3]! >>> 8;
        if ((flags & TUPLE_F_RELATED) !== 0) return;
        entries.set(entryText(row, flags, ct.flags(slot)), ct.packets(slot));
      });
    read(this.#bench.maps.ct4Global);
    read(this.#bench.maps.ctAny4Global);
    return entries;
  }
}

const FLAG_NAMES = [
  ["node_port", CT_NODE_PORT],
  ["lb_loopback", CT_LB_LOOPBACK],
  ["dsr_internal", CT_DSR_INTERNAL],
] as const;

/** `TCP OUT client:port -> backend:port [node_port]`. */
function entryText(row: Int32Array, tupleFlags: number, flags: number): string {
  const { daddr, saddr, dport, sport, proto, type } = keyOf(row, 1);
  const service = tupleFlags === TUPLE_F_SERVICE;
  const from = service ? `${saddr}:${dport}` : `${daddr}:${sport}`;
  const to = service ? `${daddr}:${sport}` : `${saddr}:${dport}`;
  const names = FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const suffix = names.length === 0 ? "" : ` [${names.join(", ")}]`;
  return `${proto.toUpperCase()} ${type} ${from} -> ${to}${suffix}`;
}

/** Compares only what the vector lists. */
function when<T>(value: T | undefined, compare: (value: T) => Difference | undefined): Difference | undefined {
  return value === undefined ? undefined : compare(value);
}
