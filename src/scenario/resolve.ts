/** Valid input → a `Scenario`: references followed, versions fixed, expectations read, the origin of each value noted. */

import { ciliumProfile } from "../cilium/profile/cilium.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import { UnknownVersionError } from "../cilium/profile/version.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Expectation } from "./expect.js";
import { flowExports } from "./flow-exports.js";
import { flowParsing } from "./flow-parsing.js";
import type { HelmRead } from "./helm/read-helm.js";
import type { HubbleMetric } from "./hubble-metrics.js";
import { mapLabel, PRELOADABLE } from "./map-names.js";
import { SET_SOURCE } from "./overrides.js";
import type { RuledPeer, Policy } from "./pod-types.js";
import type { Recordings } from "./recording.js";
import { hubbleOf, relayOf } from "./resolve-hubble.js";
import type { RuleFiles } from "./rule-groups.js";
import type { ScenarioInput } from "./schema.js";
import { lineOf, type Place } from "./source.js";
import { pathText, treeAt, type Path, type Tree, type TreeMap } from "./tree.js";
import type {
  Arrivals,
  Bursts,
  Cluster,
  Happening,
  HttpShape,
  MapOverride,
  Origin,
  Preload,
  PreloadKind,
  ProfileChoice,
  Protocol,
  Scenario,
  Service,
  Target,
  TimelineEvent,
  Workload,
} from "./types.js";
import { isSteady, protocolOf, targetText, type ArrivalsInput, type ServiceInput, type WorkloadInput } from "./workload-input.js";

const ADDRESS_BITS = 32;

/** The releases that a scenario names; unknown ones are reported. */
export function resolveProfile(tree: TreeMap, found: Diagnostics): { choice: ProfileChoice; cilium: CiliumProfile } | undefined {
  const cilium = release(tree, "cilium", ciliumProfile, found);
  const kernel = release(tree, "kernel", kernelProfile, found);
  if (cilium === undefined || kernel === undefined) return undefined;
  return { choice: { cilium: cilium.version, kernel: kernel.version }, cilium };
}

function release<Profile>(tree: TreeMap, key: string, read: (version: string) => Profile, found: Diagnostics): Profile | undefined {
  const value = treeAt(tree, ["profile", key]);
  if (value?.kind !== "scalar") return undefined;
  try {
    return read(value.text);
  } catch (error) {
    if (!(error instanceof UnknownVersionError)) throw error;
    found.error(value.at, error.message, { nearest: error.nearest });
    return undefined;
  }
}

/** A number with a suffix is a vendor's: the profile knows what the mainline release of that number does. */
function vendorKernel(tree: TreeMap, { kernel }: ProfileChoice): readonly string[] {
  const written = treeAt(tree, ["profile", "kernel"]);
  if (written?.kind !== "scalar" || !/[-+_]/.test(written.text)) return [];
  return [`Kernel ${written.text} is a vendor's: what was back-ported to it is not known; taken as Linux ${kernel}.`];
}

export interface ResolveRequest {
  readonly tree: TreeMap;
  readonly input: ScenarioInput;
  readonly variant: { readonly name: string; readonly about: string } | null;
  readonly profile: ProfileChoice;
  readonly helm: HelmRead;
  readonly assumptions: readonly string[];
  readonly expect: readonly Expectation[];
  readonly recordings: Recordings;
  readonly rules: RuleFiles;
  readonly hubbleMetrics: readonly HubbleMetric[];
}

export function resolve(request: ResolveRequest): Scenario {
  const { tree, input, variant, profile, helm, assumptions, expect, recordings } = request;
  return {
    name: input.name,
    variant: variant?.name ?? null,
    about: input.about,
    variantAbout: variant?.about ?? "",
    profile,
    cluster: clusterOf(input.cluster),
    helm: helm.input,
    maps: Object.fromEntries(Object.entries(input.maps).map(([name, override]) => [mapLabel(name)!, mapOverride(override)])),
    services: input.services.map(serviceOf),
    policies: input.policies.map(policyOf),
    bandwidth: input.bandwidth.map(({ pods, egress }) => ({ pods, bitsPerSecond: egress })),
    egressGateways: input.egressGateways.map(({ pods, to, gateway, egressIP }) => ({ pods, prefix: to, gateway, egressIp: egressIP ?? null })),
    preload: input.preload.map(preloadOf),
    workloads: input.workloads.map((workload) => workloadOf(workload, input.services, recordings)),
    timeline: input.timeline.map((event) => timelineOf(event, input.services)),
    prefilter: input.prefilter,
    client: {
      synRtoNs: input.client.synRto ?? null,
      linearTimeouts: input.client.linearTimeouts ?? null,
      synRetries: input.client.synRetries ?? null,
      hz: input.client.hz ?? null,
      portSearch: input.client.portSearch,
    },
    observe: {
      flows: input.observe.flows,
      flowsMax: input.observe.flowsMax,
      seriesNs: input.observe.series,
      scrapeNs: input.observe.scrape,
      hubbleMetrics: request.hubbleMetrics,
      parsing: flowParsing(helm),
      exports: helm.input.settings.enableHubble ? flowExports(helm) : [],
      alerts: input.observe.alerts.flatMap((file) => request.rules.get(file) ?? []),
      hooks: input.observe.hooks.map(({ hook, observed }) => ({ hook, observed: observed ?? null })),
      hubble: input.observe.hubble === undefined ? null : hubbleOf(input.observe.hubble),
    },
    durationNs: input.duration,
    warmupNs: input.warmup,
    seed: input.seed,
    expect,
    assumptions: [...assumptions, ...vendorKernel(tree, profile), ...setByHand(input)],
    origins: Object.fromEntries(origins(input, tree)),
  };
}

export function clusterOf(cluster: ScenarioInput["cluster"]): Cluster {
  const { nodes, pods, cpus, memory, podCIDR, rtt, linkRate } = cluster;
  return { nodes, pods, cpus, memoryBytes: memory, podCidr: podCIDR, rttNs: rtt, linkBitsPerSecond: linkRate };
}

function mapOverride({ type, maxEntries }: ScenarioInput["maps"][string]): MapOverride {
  return { type: type ?? null, maxEntries: maxEntries ?? null };
}

function policyOf({ allow, deny, ...policy }: ScenarioInput["policies"][number]): Policy {
  return { ...policy, allow: allow.map(ruledPeer), deny: deny.map(ruledPeer) };
}

type PeerInput = ScenarioInput["policies"][number]["allow" | "deny"][number];

function ruledPeer(peer: PeerInput): RuledPeer {
  const l7 = "l7" in peer ? (peer.l7 ?? null) : null;
  const rules = "rules" in peer ? (peer.rules ?? []) : [];
  return { direction: peer.direction, peer: "to" in peer ? peer.to : peer.from, port: peer.port ?? 0, protocol: peer.protocol, l7, rules };
}

function preloadOf({ map, entries, kind, expires, about }: ScenarioInput["preload"][number]): Preload {
  const label = mapLabel(map)!;
  const usual = (PRELOADABLE[label]?.[0] as PreloadKind | undefined) ?? null;
  return { map: label, entries, kind: kind ?? usual, expires, about };
}

function serviceOf({ clusterIP, nodePort, sessionAffinity, ...service }: ServiceInput): Service {
  return { ...service, clusterIp: clusterIP ?? null, nodePort: nodePort ?? null, affinityNs: sessionAffinity ?? null };
}

function workloadOf(workload: WorkloadInput, services: ScenarioInput["services"], recordings: Recordings): Workload {
  const { name, entry, family } = workload;
  const common = { name, from: originOf(workload.from), to: targetOf(workload.to, protocolOf(workload), services), entry, family };
  if ("connection" in workload) {
    const { arrivals } = workload;
    const { connectTimeout, ...rest } = workload.connection;
    const connection = { ...rest, http: httpOf(rest.http), connectTimeoutNs: connectTimeout ?? null };
    return { ...common, kind: "arrivals", arrivals: arrivalsOf(arrivals, recordings), bursts: burstsOf(arrivals), connection };
  }
  if ("flood" in workload) {
    const { arrivals, flood } = workload;
    return { ...common, kind: "flood", arrivals: arrivalsOf(arrivals, recordings), bursts: burstsOf(arrivals), flood };
  }
  if ("query" in workload) {
    const { arrivals } = workload;
    const { timeout, dns, ...query } = workload.query;
    const exchange = { arrivals: arrivalsOf(arrivals, recordings), bursts: burstsOf(arrivals), query: { ...query, timeoutNs: timeout } };
    return { ...common, kind: "queries", ...exchange, dns: dns === undefined ? null : { ...dns, name: dns.name ?? null, address: dns.address ?? null } };
  }
  return { ...common, kind: "pool", connections: workload.connections, request: { ...workload.request, http: httpOf(workload.request.http) } };
}

function httpOf({ host, ...http }: { readonly method: string; readonly path: string; readonly host?: string | undefined; readonly status: number }): HttpShape {
  return { ...http, host: host ?? null };
}

type EventInput = ScenarioInput["timeline"][number];

function timelineOf(event: EventInput, services: ScenarioInput["services"]): TimelineEvent {
  return { atNs: event.at, everyNs: event.every ?? null, times: event.times, happening: happeningOf(event, services) };
}

function happeningOf(event: EventInput, services: ScenarioInput["services"]): Happening {
  if ("backends" in event) {
    const { service, grace, lag, ...rest } = event.backends;
    return { kind: "backends", ...rest, service: services.findIndex(({ name }) => name === service), graceNs: grace, lagNs: lag };
  }
  if ("pods" in event) return { kind: "pods", ...event.pods };
  if ("agent" in event) {
    const resize = Object.entries(event.agent.resize).map(([name, entries]) => [mapLabel(name)!, entries] as const);
    return { kind: "agent", downNs: event.agent.down, resize: Object.fromEntries(resize) };
  }
  if ("node" in event) return { kind: "node", downNs: event.node.down };
  if ("relay" in event) return relayOf(event.relay);
  if ("gc" in event) return { kind: "gc", aheadNs: event.gc.ahead ?? -(event.gc.behind ?? 0), lengthNs: event.gc.for };
  if ("policy" in event) return { kind: "policy", policy: policyOf(event.policy) };
  if ("link" in event) return { kind: "link", loss: event.link.loss, delayNs: event.link.delay, lengthNs: event.link.for };
  return { kind: "cpu", share: event.cpu.share, cpus: event.cpu.cpus ?? null, lengthNs: event.cpu.for };
}

function originOf(from: WorkloadInput["from"]): Origin {
  if ("workload" in from) return { kind: "pod", ...from };
  if ("remote" in from) return { kind: "remote", workload: from.remote, pods: from.pods };
  if ("world" in from) return { kind: "world", prefix: from.world, clients: from.clients, ports: from.ports };
  return { kind: "host" };
}

/** A service is known to be there. */
function targetOf(to: string, protocol: Protocol | "ICMP", services: ScenarioInput["services"]): Target {
  const { kind, name, port } = targetText(to);
  if (kind === "world") {
    const bits = Number(name.split("/")[1] ?? ADDRESS_BITS);
    return { kind: "world", prefix: name, addresses: 2 ** (ADDRESS_BITS - bits), port: port === undefined ? 0 : Number(port) };
  }
  const named = (each: ServiceInput): boolean => each.name === name && (port === undefined || each.port === Number(port));
  // Echoes go to pods whatever the service's protocol is.
  const service = services.findIndex((each) => named(each) && (each.protocol === protocol || protocol === "ICMP"));
  return { kind: kind === "pods" ? "backends" : "service", service };
}

function arrivalsOf(arrivals: ArrivalsInput, recordings: Recordings): Arrivals {
  if ("poisson" in arrivals) return { kind: "poisson", perSecond: arrivals.poisson };
  if ("constant" in arrivals) return { kind: "constant", perSecond: arrivals.constant };
  if ("onOff" in arrivals) return { kind: "on-off", perSecond: arrivals.onOff.rate, on: arrivals.onOff.on, off: arrivals.onOff.off };
  if ("recorded" in arrivals) return { kind: "recorded", atNs: recordings.get(arrivals.recorded)!, repeatNs: arrivals.repeat ?? null };
  if ("loop" in arrivals) return { kind: "loop", ...arrivals.loop };
  if ("diurnal" in arrivals) {
    const { mean, swing, peakHour } = arrivals.diurnal;
    return { kind: "diurnal", perSecond: mean, swing, peakHour };
  }
  return { kind: "series", points: arrivals.series.map(([atNs, perSecond]) => ({ atNs, perSecond })), repeatNs: arrivals.repeat ?? null };
}

function burstsOf(arrivals: ArrivalsInput): Bursts | null {
  if (!isSteady(arrivals)) return null;
  const { every, first, for: length } = arrivals;
  if (every === undefined || length === undefined) return null;
  return { firstNs: first ?? every, everyNs: every, lengthNs: length };
}

/** Departures from what the real system would do, one sentence each. */
function setByHand({ maps, client, workloads, timeline, observe }: ScenarioInput): readonly string[] {
  const sentences = Object.entries(maps).map(([name, { type, maxEntries }]) => {
    const what = [type === undefined ? "" : `type ${type}`, maxEntries === undefined ? "" : `${maxEntries} entries`].filter(
      (each) => each !== "",
    );
    return `The scenario makes ${mapLabel(name)} a map of ${what.join(" with ")}, whatever Helm and the kernel give.`;
  });
  if (client.synRto !== undefined) sentences.push("The clients' initial RTO is set, as a sock_ops program can.");
  return [...sentences, ...restsOn({ workloads, timeline, observe })];
}

/** What the parts of a scenario rest on that is simplified, one sentence each. */
function restsOn({ workloads, timeline, observe }: Pick<ScenarioInput, "workloads" | "timeline" | "observe">): readonly string[] {
  const anyWorkload = (test: (workload: WorkloadInput) => boolean): boolean => workloads.some(test);
  const sentences: (readonly [applies: boolean, sentence: string])[] = [
    [anyWorkload(({ from }) => "world" in from || "remote" in from), "Clients elsewhere take their ephemeral ports in turn."],
    [anyWorkload(({ entry }) => entry === "elsewhere"), "Nodes that pass requests on choose the backend by chance, and lose nothing."],
    [anyWorkload((workload) => "query" in workload), "Servers answer every datagram that reaches them; late answers to clients that gave up are left out."],
    [anyWorkload((workload) => "flood" in workload), "Nobody answers for the sources of a flood, not even with a reset."],
    [timeline.some((event) => "backends" in event), "The agent's updates of a service take no time once it knows."],
    [timeline.some((event) => "pods" in event), "A replaced pod's sockets end without a word, and the new pod carries traffic, and resets old connections, at once."],
    [timeline.some((event) => "agent" in event), "The datapath goes on unchanged while no agent runs, and takes a new map in one instant."],
    [
      observe.hubble !== undefined,
      "Hubble's and Relay's times for an event are assumed and don't slow packets down; Relay gets as many flows from every other node as from this one.",
    ],
    [timeline.some((event) => "cpu" in event), "CPU time that others take makes the work for every packet longer by the same factor."],
  ];
  return sentences.flatMap(([applies, sentence]) => (applies ? [sentence] : []));
}

/** Each value with the line that gave it; what nobody wrote is a default. */
function* origins(value: unknown, tree: Tree | undefined, path: Path = []): Generator<[string, string]> {
  if (tree === undefined) {
    if (value !== undefined) yield [pathText(path), "default"];
  } else if (tree.kind === "scalar") {
    yield [pathText(path), lineOrSet(tree.at)];
  } else if (tree.kind === "list") {
    for (const [index, item] of tree.items.entries()) yield* origins(childOf(value, index), item, [...path, index]);
  } else {
    for (const [key, { value: below }] of tree.entries) yield* origins(childOf(value, key), below, [...path, key]);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const [key, below] of Object.entries(value))
      if (!tree.entries.has(key) && isInputKey(key)) yield* origins(below, undefined, [...path, key]);
  }
}

function lineOrSet(at: Place): string {
  return at.source.name === SET_SOURCE ? SET_SOURCE : lineOf(at);
}

function childOf(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string | number, unknown>>)[key] : undefined;
}

/** Parsed values bring keys of their own (`meanNs`, `kind`); those of the file have no unit in their name. */
function isInputKey(key: string): boolean {
  return !key.endsWith("Ns") && key !== "kind";
}
