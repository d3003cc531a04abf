/**
 * Which series the agent of a scenario and its Hubble can show at all, and which values their labels can have: what has
 * not happened in a run has no series, yet an alert on it is none that can never fire.
 */
import { DROP_REASONS } from "../../cilium/datapath/drop-reasons.js";
import { POLICY_MATCH_NAMES, TRACE_POINT_NAMES } from "../../cilium/datapath/events.js";
import { CILIUM_MAPS } from "../../cilium/maps/definitions.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { AGENT_FAMILIES } from "../../node/metrics/agent-families.js";
import { VERDICT_NAMES } from "../../observe/flow-row.js";
import type { MetricFamily } from "../../observe/metrics/metric-store.js";
import type { HubbleMetric } from "../../scenario/hubble-metrics.js";
import type { Scenario } from "../../scenario/types.js";

/** Values of each label; null = any, also none. */
export type Domain = Readonly<Record<string, readonly string[] | null>>;

/** `nat_endpoint_max_connection` is there from 1.16 on. */
const NAT_STATISTICS_MINOR = 16;
const FAMILIES = ["ipv4", "ipv6"];
const PROTOCOLS = ["TCP", "UDP", "ICMPv4", "ICMPv6", "SCTP", "Unknown L4", "Unknown flow", "DNS", "HTTP"];
const FLOW_TYPES = ["Drop", "Trace", "PolicyVerdict", "L7", "Unknown"];
const DIRECTIONS = ["INGRESS", "EGRESS", "SERVICE", "UNKNOWN"];
const FLOW_NAMES = DROP_REASONS.map(({ code, flowName }) => flowName ?? String(code));
const DROP_TEXTS = DROP_REASONS.map(({ code, text }) => text ?? String(code));
const CONNTRACK = ["ct4_global", "ct_any4_global", "ct6_global", "ct_any6_global"];
const COUNTED = ["snat_v4_external", "snat_v6_external", "lxc", "ipcache"];
const LOAD_BALANCER = ["services_v2", "backends_v3", "reverse_nat"].flatMap((name) => [`lb4_${name}`, `lb6_${name}`]);

/** By the name of the series. */
export function seriesDomains({ profile, observe }: Pick<Scenario, "profile" | "observe">): ReadonlyMap<string, Domain> {
  const { gc, policy, minor } = ciliumProfile(profile.cilium);
  const natStatistics = Number(minor.split(".")[1]) >= NAT_STATISTICS_MINOR;
  const counted = gc.pressureCountSeconds === null ? COUNTED : [...CONNTRACK, ...COUNTED];
  const gcLabels = { family: FAMILIES, protocol: ["TCP", "non-TCP"] };
  const runs = { ...gcLabels, status: ["completed", "uncompleted"] };
  const agent: readonly (readonly [MetricFamily, Domain])[] = [
    [AGENT_FAMILIES.mapPressure, { map_name: [...counted, ...LOAD_BALANCER, `${policy.mapNamePrefix}*`] }],
    [AGENT_FAMILIES.mapCapacity, { map_group: ["default", ...Object.values(CILIUM_MAPS).map(({ pinnedName }) => pinnedName)] }],
    [AGENT_FAMILIES.mapOps, { map_name: null, operation: ["update", "delete"], outcome: ["success", "fail"] }],
    [AGENT_FAMILIES.gcRuns, runs],
    [AGENT_FAMILIES.gcFallbacks, gcLabels],
    [AGENT_FAMILIES.gcEntries, { ...gcLabels, status: ["alive", "deleted"] }],
    [AGENT_FAMILIES.dumpResets, { area: ["conntrack"], name: ["dump_interrupts"], family: FAMILIES }],
    [AGENT_FAMILIES.natGcEntries, { family: FAMILIES, direction: ["ingress", "egress"], status: ["alive", "deleted"] }],
    [AGENT_FAMILIES.signals, { signal: ["nat_fill_up", "ct_fill_up"], data: FAMILIES, status: ["received", "muted", "unregistered"] }],
    [AGENT_FAMILIES.dropCount, { reason: DROP_TEXTS, direction: DIRECTIONS }],
    [AGENT_FAMILIES.dropBytes, { reason: DROP_TEXTS, direction: DIRECTIONS }],
    [AGENT_FAMILIES.forwardCount, { direction: DIRECTIONS }],
    [AGENT_FAMILIES.forwardBytes, { direction: DIRECTIONS }],
    ...(natStatistics ? [[AGENT_FAMILIES.natMaxConnection, { family: FAMILIES }] as const] : []),
    ...(gc.intervalMetric ? [[AGENT_FAMILIES.gcInterval, { global: ["global"] }] as const] : []),
  ];
  return new Map([
    ...agent.map(([{ name, type }, domain]) => [type === "counter" ? `${name}_total` : name, domain] as const),
    ...["bucket", "count", "sum"].map((part) => [`${AGENT_FAMILIES.gcDuration.name}_${part}`, part === "bucket" ? { ...runs, le: null } : runs] as const),
    ...observe.hubbleMetrics.flatMap(hubbleDomains),
    ...(observe.hubbleMetrics.length === 0 ? [] : [["hubble_lost_events_total", LOST_EVENTS] as const]),
  ]);
}

const LOST_EVENTS: Domain = { source: ["perf_event_ring_buffer", "observer_events_queue", "hubble_ring_buffer"] };

/** Kafka's are left out: nothing in a run makes them. */
function hubbleDomains(metric: HubbleMetric): readonly (readonly [name: string, domain: Domain])[] {
  const own = HUBBLE_DOMAINS[metric.name];
  const all = own === undefined ? layer7Domains(metric) : [own];
  return all.map(([name, domain]) => [name, { ...domain, ...contextDomain(metric) }] as const);
}

const REPORTERS = ["client", "server", "unknown"];

function layer7Domains({ name, flags }: HubbleMetric): readonly (readonly [name: string, domain: Domain])[] {
  if (name === "dns") {
    const query: Domain = flags.includes("query") ? { query: null } : {};
    const counted = { rcode: null, qtypes: null, ips_returned: null, ...query };
    return [["hubble_dns_queries_total", counted], ["hubble_dns_responses_total", counted], ["hubble_dns_response_types_total", { type: null, qtypes: null, ...query }]];
  }
  if (name !== "http" && name !== "httpV2") return [];
  const requests = { method: null, protocol: null, reporter: REPORTERS };
  const responses = { ...requests, status: null };
  const duration = { method: null, reporter: REPORTERS };
  return [
    ["hubble_http_requests_total", name === "http" ? requests : responses],
    ...(name === "http" ? [["hubble_http_responses_total", responses] as const] : []),
    ...["bucket", "count", "sum"].map((part) => [`hubble_http_request_duration_seconds_${part}`, part === "bucket" ? { ...duration, le: null } : duration] as const),
  ];
}

function contextDomain({ source, destination, labels }: HubbleMetric): Domain {
  const isUsed = ({ any, egress, ingress }: HubbleMetric["source"]): boolean => any.length > 0 || egress !== null || ingress !== null;
  return Object.fromEntries([
    ...labels.map((label) => [label, label === "traffic_direction" ? ["ingress", "egress", "unknown"] : null] as const),
    ...(isUsed(source) ? [["source", null] as const] : []),
    ...(isUsed(destination) ? [["destination", null] as const] : []),
  ]);
}

const HUBBLE_DOMAINS: Readonly<Partial<Record<HubbleMetric["name"], readonly [series: string, domain: Domain]>>> = {
  flow: [
    "hubble_flows_processed_total",
    { protocol: PROTOCOLS, type: FLOW_TYPES, subtype: ["", "7", "DNS", "HTTP", ...TRACE_POINT_NAMES], verdict: VERDICT_NAMES },
  ],
  drop: ["hubble_drop_total", { reason: [...FLOW_NAMES, "DROP_REASON_UNKNOWN"], protocol: PROTOCOLS }],
  tcp: ["hubble_tcp_flags_total", { flag: ["SYN", "SYN-ACK", "FIN", "RST"], family: ["IPv4", "IPv6"] }],
  icmp: ["hubble_icmp_total", { family: ["IPv4"], type: null }],
  "port-distribution": ["hubble_port_distribution_total", { protocol: PROTOCOLS, port: null }],
  "flows-to-world": ["hubble_flows_to_world_total", { protocol: PROTOCOLS, verdict: VERDICT_NAMES, port: null }],
  policy: [
    "hubble_policy_verdicts_total",
    { direction: ["ingress", "egress"], match: [...POLICY_MATCH_NAMES, "l7/dns", "l7/http"], action: VERDICT_NAMES.map((name) => name.toLowerCase()) },
  ],
};
