/** Who listens to the node's programs: nobody, or a recorder that writes Hubble flows. */
import type { RandomStream, RandomStreams } from "../core/random.js";
import { skippedFib } from "../cilium/agent/host-routing.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { IPV6_WORDS } from "../cilium/maps/address.js";
import { NO_EVENTS } from "../cilium/datapath/events.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import { flowFields } from "../cilium/profile/cilium.js";
import { Ethernet } from "../observe/ethernet.js";
import { FlowRecorder } from "../observe/flow-recorder.js";
import { FlowTables, type FlowEndpoint } from "../observe/flow-tables.js";
import { FLOW_EPOCH_SECONDS, FlowUuids } from "../observe/flow-text.js";
import { HubbleMetrics } from "../observe/metrics/hubble-metrics.js";
import { FlowWriter, type FlowSink } from "../observe/flow-writer.js";
import { flowFormat, type FlowFormat } from "../observe/flow-format.js";
import { FlowEncoder } from "../observe/hubble-flow.js";
import type { Scenario } from "../scenario/types.js";
import { AccessLog } from "./access-log.js";
import { AgentEvents } from "./agent-events.js";
import { buildPipeline } from "./hubble.js";
import { addressOf } from "./ipv6.js";
import { HubbleReading } from "./hubble-reading.js";
import type { NodeFlows } from "./node-flows.js";
import { IDENTITY, IFINDEX } from "./populate.js";
import { fullNodeName, labelsOf } from "./pod-labels.js";
import { PolicyLabels } from "./policy-names.js";
import type { Pod, Topology } from "./topology.js";

const NOTHING: NodeFlows = {
  events: NO_EVENTS, hubble: null, hubbleMetrics: null, accessLog: null, agentEvents: null, policyLabels: null, seen: () => 0, written: () => 0,
  attach: () => {}, finish: () => {}, cut: () => {}, reconnect: () => {}, agentStops: () => {}, agentStarts: () => {},
};

/** `clock.now`: simulated time, ns. */
export function nodeFlows(
  scenario: Scenario,
  settings: CiliumSettings,
  profile: SettledProfile,
  topology: Topology,
  clock: { readonly now: number },
  streams: RandomStreams,
  sink: FlowSink,
): NodeFlows {
  const { flows, parsing, flowsMax, hubble, scrapeNs, hubbleMetrics: specs } = scenario.observe;
  const uuids = streams.stream("flow-uuids");
  const counts = scrapeNs !== null && specs.length > 0;
  if (flows === "none" && !counts) return NOTHING;
  const format = flowFormat(flowFields(profile.minor), profile.version);
  const endpoints = flowEndpoints(topology, format, settings, parsing.cluster, streams.stream("cgroup-ids"));
  const tables = flowTables(topology, endpoints, settings, parsing.cluster);
  const policyLabels = new PolicyLabels(tables, topology, format, uuidsOf(streams.stream("policy-uids")));
  const hubbleMetrics = counts ? new HubbleMetrics(specs, tables) : null;
  const accessLogOf = (recorder: FlowRecorder): AccessLog => {
    const requestIds = uuidsOf(streams.stream("request-ids"));
    return new AccessLog({ recorder, tables, scenario, topology, clock, requestIds });
  };
  const ethernet = ethernetOf(endpoints, settings, streams);
  const encoder = new FlowEncoder({
    tables,
    ethernet,
    nodeName: fullNodeName(topology, parsing.cluster),
    epochSeconds: FLOW_EPOCH_SECONDS,
    uuidKey: [uuids.nextUint32(), uuids.nextUint32(), uuids.nextUint32(), uuids.nextUint32()],
    format,
    nodeLabels: nodeLabels(topology),
    ...(parsing.namesPolicies ? { policies: policyLabels } : {}),
  });
  const { event } = sink;
  const agentEvents =
    flows === "none" || event === undefined ? null : new AgentEvents(event, clock, topology, settings, profile, scenario.policies.length, parsing.cluster);
  const writer = new FlowWriter(sink, encoder, flowsMax);
  if (hubble !== null) {
    const pipeline = buildPipeline(scenario, hubble, settings, profile, writer, hubbleMetrics, streams);
    const events = new FlowRecorder(pipeline, tables, clock, "all", null, ethernet);
    const reading = new HubbleReading(pipeline, events, writer, hubbleMetrics, accessLogOf(events), clock, hubble.resume === "since");
    reading.agentEvents = agentEvents;
    reading.policyLabels = policyLabels;
    return reading;
  }
  const recorder = new FlowRecorder(writer, tables, clock, flows, hubbleMetrics, ethernet);
  return {
    ...NOTHING,
    events: recorder,
    seen: () => recorder.seen,
    written: () => recorder.written,
    finish: () => writer.flush(),
    cut: (atNs) => writer.cut(atNs),
    reconnect: (atNs) => writer.reconnect(atNs),
    hubbleMetrics,
    accessLog: accessLogOf(recorder),
    agentEvents,
    policyLabels,
  };
}

function uuidsOf(chance: RandomStream): FlowUuids {
  return new FlowUuids([chance.nextUint32(), chance.nextUint32(), chance.nextUint32(), chance.nextUint32()]);
}

/** Labels that a kubelet gives each node; its architecture and its cloud are not told. */
function nodeLabels({ nodeName }: Topology): readonly string[] {
  return ["beta.kubernetes.io/os=linux", `kubernetes.io/hostname=${nodeName}`, "kubernetes.io/os=linux"];
}

function podsKnown({ services, localPods, remoteClients }: Topology): readonly Pod[] {
  const elsewhere = services.flatMap(({ backends, later }) => [...backends.filter(({ node }) => node !== 0), ...later]);
  return [...localPods, ...elsewhere, ...remoteClients];
}

function addresses(address: number, { enableIpv6 }: CiliumSettings): Pick<FlowEndpoint, "address" | "otherAddress"> {
  return enableIpv6 ? { address: [address], otherAddress: addressOf(address, IPV6_WORDS) } : { address: [address] };
}

/** Nodes, then pods. */
function flowEndpoints(topology: Topology, format: FlowFormat, settings: CiliumSettings, cluster: string, chance: RandomStream): readonly FlowEndpoint[] {
  const cgroups = cgroupIds(topology.localPods, chance);
  const nodes = [...topology.nodeAddresses].map(([node, address]) => ({
    ...addresses(address, settings),
    node,
    id: 0,
    identity: node === 0 ? IDENTITY.host : IDENTITY.remoteNode,
  }));
  return [...nodes, ...podsKnown(topology).map((pod) => ({ ...podEndpoint(pod, format, cluster, cgroups.get(pod)), ...addresses(pod.address, settings) }))];
}

/** Whose devices have which addresses: a plain function of a key of the run. */
function ethernetOf(endpoints: readonly FlowEndpoint[], settings: CiliumSettings, streams: RandomStreams): Ethernet {
  const key = streams.stream("mac-addresses");
  return new Ethernet({
    key: [key.nextUint32(), key.nextUint32(), key.nextUint32(), key.nextUint32()],
    endpoints,
    hostIfindex: IFINDEX.ciliumHost,
    tunnelIfindex: IFINDEX.tunnel,
    podsHaveAddresses: settings.datapathMode === "veth",
    skipsFib: skippedFib(settings).lxc,
    directRoutes: settings.autoDirectNodeRoutes,
  });
}

function flowTables(topology: Topology, endpoints: readonly FlowEndpoint[], settings: CiliumSettings, cluster: string): FlowTables {
  return new FlowTables({
    dualStack: settings.enableIpv4 && settings.enableIpv6,
    endpoints,
    services: topology.services.flatMap(({ frontends, name, namespace }) =>
      frontends.map(({ address, port }) => ({ ...addresses(address, settings), port, name, namespace })),
    ),
    identityLabels: new Map(podsKnown(topology).map((pod) => [pod.identity, labelsOf(pod, cluster)])),
    interfaces: new Map([[IFINDEX.native, "eth0"], [IFINDEX.tunnel, "cilium_vxlan"], ...topology.localPods.map((_, i) => [IFINDEX.firstPod + i, `lxc${i}`] as const)]),
  });
}

/** Inode numbers that a node's own services have used before the first pod's container; the model's choice, near what nodes show. */
const CGROUP_ID_FIRST = { min: 5_000, span: 5_000 } as const;
/** A pod makes three cgroups with some fifty files each, and every file takes a number; the model's choice. */
const CGROUP_IDS_PER_POD = { min: 100, span: 100 } as const;

/** Inode numbers of the pods' containers in the cgroup file system (`bpf_get_current_cgroup_id`), in the order of their start. */
function cgroupIds(pods: readonly Pod[], chance: RandomStream): ReadonlyMap<Pod, number> {
  let id = CGROUP_ID_FIRST.min + chance.below(CGROUP_ID_FIRST.span);
  return new Map(pods.map((pod) => [pod, (id += CGROUP_IDS_PER_POD.min + chance.below(CGROUP_IDS_PER_POD.span))]));
}

function podEndpoint(pod: Pod, { clusterName }: FlowFormat, cluster: string, cgroupId: number | undefined): Omit<FlowEndpoint, "address"> {
  return {
    ...(cgroupId === undefined ? {} : { cgroupId }),
    ...(clusterName ? { clusterName: cluster } : {}),
    node: pod.node,
    id: pod.endpointId,
    identity: pod.identity,
    namespace: pod.namespace,
    podName: pod.name,
    ...(pod.node === 0 ? { workloads: [{ name: pod.workload, kind: "Deployment" }] } : {}),
  };
}
