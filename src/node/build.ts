/** Puts a node together from a scenario: profiles, maps, programs, agent, TCP, workloads. The only place that knows them all. */
import type { BpfMap } from "../bpf/map.js";
import type { MapHost, MapSpec } from "../bpf/spec.js";
import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { clockUnitNs, datapathClock } from "../cilium/agent/gc-config.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { DatapathConfig } from "../cilium/datapath/config.js";
import { DatapathContext } from "../cilium/datapath/context.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../cilium/datapath/packet.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { settled, type SettledProfile } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile, type KernelProfile } from "../cilium/profile/kernel.js";
import type { RandomStream, RandomStreams } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S, type Seconds } from "../core/units.js";
import type { FlowSink } from "../observe/flow-writer.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { L7Protocol } from "../scenario/pod-types.js";
import type { Client, Scenario } from "../scenario/types.js";
import { EphemeralPorts } from "../traffic/ephemeral-ports.js";
import type { Application } from "../traffic/tcp-peers.js";
import { tcpProfile, type TcpProfile } from "../traffic/tcp-profile.js";
import { randomBootTime } from "../traffic/timer-wheel.js";
import { AddedBackends } from "./added-backends.js";
import { buildMaps } from "./build-maps.js";
import { Collector } from "./collector.js";
import { PacketCosts } from "./costs.js";
import { CpuQueues } from "./cpu.js";
import { DatagramPorts } from "./datagram-ports.js";
import { datapathConfig } from "./datapath-config.js";
import { Directory } from "./directory.js";
import { nodeFlows } from "./flows.js";
import { NodeHooks } from "./hooks.js";
import { L7Rules } from "./l7-rules.js";
import { Link } from "./link.js";
import { MapWatch } from "./map-watch.js";
import { NodeNetwork, type Ends } from "./network.js";
import { Node } from "./node.js";
import type { NodeFlows } from "./node-flows.js";
import { egressAddress, writePodFeatures } from "./pod-features.js";
import { PolicyWriter } from "./policies.js";
import { populate } from "./populate.js";
import { RandomPorts, type TcpPorts } from "./ports.js";
import { preload } from "./preload.js";
import { ServiceWriter } from "./services.js";
import { Timeline } from "./timeline.js";
import { layOut, type Topology } from "./topology.js";
import { Underlay } from "./underlay.js";
import { DnsProxy } from "./workloads/dns-proxy.js";
import { L7Proxy } from "./workloads/l7-proxy.js";
import { QueryApplication } from "./workloads/query-application.js";
import type { Sockets } from "./workloads/sockets.js";
import { TcpApplication } from "./workloads/tcp-application.js";
import { Workloads } from "./workloads/workloads.js";
import { segmentLoss } from "./wrapping.js";

/** Uptime of the node when the run begins, s: ten days, so that state may be older than the run. */
const UPTIME_S = 864_000 as Seconds;

/** Ethernet's. */
const MTU = 1500;
/** Identifiers of echoes, drawn by ping processes. */
const ECHO_IDENTIFIERS = [1, 65_535] as const;

/** Minor release from which on the proxy keeps its client's address towards the world. */
const SOURCE_TO_WORLD_FROM = 16;
/** Minor release whose chart is the first to make the DNS proxy transparent. */
const DNS_TRANSPARENT_FROM = 15;

/** A client of which nothing is set. */
const KERNELS_OWN: Client = { synRtoNs: null, linearTimeouts: null, synRetries: null, hz: null, portSearch: "random" };

export interface BuiltNode {
  readonly simulation: Simulation;
  readonly node: Node;
  readonly maps: CiliumMaps;
  readonly datapath: DatapathContext;
  readonly settings: CiliumSettings;
  readonly watch: MapWatch;
  readonly collector: Collector;
  readonly costs: PacketCosts;
  readonly flows: NodeFlows;
  readonly profile: SettledProfile;
  readonly kernel: KernelProfile;
  readonly topology: Topology;
  /** The datapath's clock (seconds since boot, or jiffies >> 8) at a simulated time, ns. */
  readonly clock: (atNs: number) => number;
  /** Entries that were put into maps before the first packet. */
  readonly preloaded: number;
}

/** Stands between parts of the node to see one connection pass; changes nothing that they do. */
export interface NodeObserver {
  /** A map to use in place of the one specified, or null. */
  standIn(spec: MapSpec, host: MapHost): BpfMap | null;
  hooks(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>): NodeHooks;
  application(inner: Application): Application;
  sockets(inner: Sockets): Sockets;
  ends(inner: Ends, protocol: number): Ends;
  /** CPUs that somebody looks at. */
  cpus?(count: number): CpuQueues;
  /** The node is complete. */
  attach(maps: CiliumMaps, topology: Topology, sockets: Sockets, collector: Collector): void;
}

/** Builds the node and schedules its first events. Throws a `RangeError` when the agent or a map refuses the scenario. */
export function buildNode(
  scenario: Scenario,
  simulation: Simulation,
  streams: RandomStreams,
  recorder: RunRecorder,
  sink: FlowSink,
  observer: NodeObserver | null = null,
): BuiltNode {
  const cilium = ciliumProfile(scenario.profile.cilium);
  const profile = settled(cilium);
  const kernel = kernelProfile(scenario.profile.kernel);
  const settings = effectiveSettings(scenario.helm.settings, cilium);
  const topology = layOut(scenario);
  const { maps, origins } = buildMaps(scenario, settings, profile, kernel, (spec, host) => observer?.standIn(spec, host) ?? null);
  const config = datapathConfig(settings, profile, topology, kernel.hz);
  populate(maps, topology, config);
  writePodFeatures(maps, scenario, topology, settings);
  const clock = datapathClock(settings, kernel, UPTIME_S);
  const clockAt = (seconds: number): number => clock(seconds * NS_PER_S);
  const services = new ServiceWriter(maps, settings, profile);
  services.writeAll(topology.services);
  const preloaded = preload(maps, scenario, topology, clockAt, streams.stream("preload"));

  const flows = nodeFlows(scenario, settings, profile, topology, simulation, streams, sink);
  const collector = new Collector({ simulation, maps, settings, profile, kernel, topology, bootS: UPTIME_S });
  const chance = Array.from({ length: scenario.cluster.cpus }, (_, cpu) => streams.stream(`prandom/cpu${cpu}`));
  const datapath = new DatapathContext(maps, config, {
    events: flows.events,
    random: (cpu) => chance[cpu]!.nextUint32(),
    signal: (type, family) => collector.signal(type, family),
  });
  flows.attach(datapath);
  const policies = new PolicyWriter(maps, topology, settings.policyEnforcement);
  policies.writeAll(datapath, scenario.policies);
  if (flows.policyLabels !== null) flows.policyLabels.held = policies;
  const watch = new MapWatch(maps, origins, { now: () => datapath.now, unitNs: clockUnitNs(settings, kernel), times: config.conntrack });
  const costs = new PacketCosts(maps, datapath.opCosts);

  const directory = new Directory(topology, scenario.cluster.podCidr, scenario.egressGateways.filter(({ gateway }) => gateway === "here").map(egressAddress));
  const hooks = observer?.hooks(datapath, directory.own, directory.endpoints) ?? new NodeHooks(datapath, directory.own, directory.endpoints);
  const routeMtu = MTU - segmentLoss(config);
  hooks.header.routeMtu = routeMtu;
  const cpus = observer?.cpus?.(scenario.cluster.cpus) ?? new CpuQueues(scenario.cluster.cpus);
  const link = new Link(scenario.cluster, streams.stream("link"));
  const added = new AddedBackends(scenario.workloads, recorder);
  const network = new NodeNetwork({
    simulation, topology, directory, hooks, cpus, link, collector, recorder, watch, added,
    mtu: MTU, underlay: new Underlay(topology, config, scenario.egressGateways),
    clock: { bootNs: UPTIME_S * NS_PER_S, unitNs: clockUnitNs(settings, kernel) }, prefilter: scenario.prefilter,
  });
  const application = new TcpApplication(simulation, scenario, topology, streams, recorder);
  const rules = hasL7Rules(scenario, "listed") ? new L7Rules(maps, topology, policies) : null;
  const dnsProxy = hasL7Rules(scenario, "dns") ? new DnsProxy(simulation, cpus, () => !collector.isDown) : null;
  const queries = new QueryApplication(simulation, scenario, topology, streams, recorder, dnsProxy);
  const workloads = new Workloads(simulation, scenario, streams, application, queries);
  const tcp = clientTcp(kernel, scenario.client, config);
  const proxy = hasL7Rules(scenario, "http") ? new L7Proxy(simulation, scenario, cpus, application, flows.accessLog, rules) : null;
  const node = new Node({
    simulation,
    scenario,
    topology,
    hooks,
    network,
    cpus,
    recorder,
    streams,
    tcpPorts: tcpPorts(scenario.client, tcp, streams.stream("local-ports")),
    udpPorts: new DatagramPorts(tcp.localPortRange, streams.stream("local-ports/udp")),
    routeMtu,
    sctpPorts: new DatagramPorts(tcp.localPortRange, streams.stream("local-ports/sctp")),
    echoIdentifiers: new DatagramPorts(ECHO_IDENTIFIERS, streams.stream("local-ports/icmp")),
    socketLbForHostOnly: settings.socketLbHostNamespaceOnly,
    listener: { backlog: tcp.backlog, synCookies: tcp.synCookies },
    application: observer?.application(proxy ?? application) ?? proxy ?? application,
    keepsSource: sourceKeeper(directory, profile.version),
    // `targetServerID.IsCluster()`, in transparent mode.
    dnsKeepsSource: (server) => minorOf(profile) >= DNS_TRANSPARENT_FROM && directory.isPod(server),
  });
  network.attach(observer?.ends(node, IPPROTO_TCP) ?? node, observer?.ends(queries, IPPROTO_UDP) ?? queries);
  const boot = streams.stream("boot");
  node.clientHost = node.peers.addHost(tcp, randomBootTime(boot, tcp.hz));
  const peer = clientTcp(kernel, { ...KERNELS_OWN, hz: scenario.client.hz }, config);
  node.serverHost = node.peers.addHost(peer, randomBootTime(boot, peer.hz));
  collector.start();
  proxy?.attach(node);
  dnsProxy?.attach(node, (flow) => queries.bytesOf(flow), {
    log: flows.accessLog,
    questionOf: (flow, tag) => queries.questionOf(flow, tag),
    refusalOf: (flow, tag) => queries.refusalOf(flow, tag),
    allows: rules === null ? null : (flow, { candidate }) => rules.allowsQuestion(node.datagrams, flow, queries.nameOf(flow, candidate)),
  });
  const sockets = observer?.sockets(node) ?? node;
  application.attach(sockets);
  queries.attach(sockets);
  observer?.attach(maps, topology, node, collector);
  workloads.start();
  const timeline = {
    simulation, scenario, topology, maps, datapath, policies, collector, watch, link, cpus, directory, services, added, node, network, workloads, flows,
    relayChance: streams.stream("relay"),
  };
  new Timeline(timeline).start();
  return { simulation, node, maps, datapath, settings, watch, collector, costs, flows, profile, kernel, topology, clock, preloaded };
}

/**
 * Whether the proxy of that release speaks with its client's address: not towards, nor on behalf of, pods of this node; and
 * before Cilium 1.16 (cilium/proxy #742) not towards the world either.
 */
function sourceKeeper(directory: Directory, version: string): (other: number, ingress: boolean) => boolean {
  const towardsWorld = minorOf({ version }) >= SOURCE_TO_WORLD_FROM;
  return (other, ingress) => !directory.endpoints.has(other) && (towardsWorld || ingress || directory.isPod(other));
}

/** 17 of 1.17. */
function minorOf({ version }: Pick<SettledProfile, "version">): number {
  return Number(version.split(".")[1]);
}

/** `listed`: of any protocol, with what is allowed. */
function hasL7Rules({ policies, timeline }: Scenario, which: L7Protocol | "listed"): boolean {
  const later = timeline.flatMap(({ happening }) => (happening.kind === "policy" ? [happening.policy] : []));
  return [...policies, ...later].some(({ allow }) => allow.some(({ l7, rules }) => (which === "listed" ? rules.length > 0 : l7 === which)));
}

/** The kernel's TCP with what the scenario changes on the client, and segments that fit the MTU of pods' routes. */
function clientTcp(kernel: KernelProfile, client: Client, config: DatapathConfig): TcpProfile {
  const release = [kernelNumber(kernel, 0), kernelNumber(kernel, 1)] as const;
  return tcpProfile(release, {
    segmentBytes: tcpProfile(release).segmentBytes - segmentLoss(config),
    ...(client.hz === null ? {} : { hz: client.hz as TcpProfile["hz"] }),
    ...(client.synRtoNs === null ? {} : { initialRtoMs: client.synRtoNs / NS_PER_MS }),
    ...(client.synRetries === null ? {} : { synRetries: client.synRetries }),
    ...(client.linearTimeouts === null ? {} : { synLinearTimeouts: client.linearTimeouts }),
  });
}

function tcpPorts({ portSearch }: Client, tcp: TcpProfile, random: RandomStream): TcpPorts {
  const { localPortRange, timeWaitS, twReuse } = tcp;
  if (portSearch === "random") return new RandomPorts(localPortRange, timeWaitS * NS_PER_S, random);
  // `tcp_tw_reuse` 2 speaks of loopback only.
  return new EphemeralPorts({ range: localPortRange, timeWaitS, reuse: twReuse === 1 }, random);
}

function kernelNumber({ version }: KernelProfile, part: number): number {
  return Number(version.split(".")[part]);
}
