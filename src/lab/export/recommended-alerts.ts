/**
 * The alerts that ctlab recommends, with the reason for each threshold. Expressions speak of series that an agent of the
 * release really has; a test holds them to that.
 */
import { ciliumProfile } from "../../cilium/profile/cilium.js";

export type Severity = "critical" | "warning" | "info";

export interface RecommendedAlert {
  readonly alert: string;
  /** PromQL. */
  readonly expr: string;
  /** Prometheus' form, such as `5m`; empty = at once. */
  readonly for: string;
  readonly severity: Severity;
  readonly summary: string;
  /** What it means and what helps: for whoever is woken by it. */
  readonly description: string;
  /** Why this threshold: for whoever wants another one. */
  readonly why: string;
}

/** Shares of a map from which somebody should look, and act. */
export const MAP_WARNING = 0.7;
export const MAP_CRITICAL = 0.9;
/** Share of source ports towards one remote end. */
export const PORTS_WARNING = 0.8;
/** `bpf.ctTcpMax` of the charts: agents before 1.16 don't count conntrack maps, so there the size must be written out. */
const CT_TCP_MAX = 524_288;
/** Minor releases from which a series is there. */
const SINCE = { conntrackPressure: 16, natMaxConnection: 16, gcInterval: 18 } as const;

/** For a release such as `1.17` or `1.17.6`. Throws `UnknownVersionError`. */
export function recommendedAlerts(cilium: string): readonly RecommendedAlert[] {
  const minor = Number(ciliumProfile(cilium).minor.split(".")[1]);
  return [
    ...(minor >= SINCE.conntrackPressure ? CONNTRACK_FILL : CONNTRACK_FILL_BEFORE),
    ...FILL,
    ...FAILURES,
    ...(minor >= SINCE.natMaxConnection ? SNAT_PORTS : []),
    ...COLLECTION,
    ...(minor >= SINCE.gcInterval ? INTERVAL : []),
    ...LOST,
  ];
}

const CONNTRACK_FILL: readonly RecommendedAlert[] = [
  {
    alert: "CiliumConntrackMapFillingUp",
    expr: `cilium_bpf_map_pressure{map_name=~"ct_?(any)?[46]_global"} > ${MAP_WARNING}`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.map_name }} is {{ $value | humanizePercentage }} full",
    description: "Plan a larger map (bpf.ctTcpMax, bpf.ctAnyMax): the agent creates it anew when it starts, and every connection of the node loses its entry once.",
    why:
      "An LRU map gives up entries before it is full, and the share stays just below 1 from then on: above 0.9 live connections may go already. " +
      "The agent counts every 30 s, so two scrapes may show the same count; five minutes are ten counts.",
  },
  {
    alert: "CiliumConntrackMapNearlyFull",
    expr: `cilium_bpf_map_pressure{map_name=~"ct_?(any)?[46]_global"} > ${MAP_CRITICAL}`,
    for: "2m",
    severity: "critical",
    summary: "{{ $labels.map_name }} is {{ $value | humanizePercentage }} full: live connections lose their entries",
    description: "Evictions have no metric. Look for policy drops and resets in the middle of connections, and for SYNs sent again.",
    why: "A plateau between 0.9 and 1 is the mark of an LRU map that evicts; nothing waits, and nothing is counted as a failure.",
  },
];

const CONNTRACK_FILL_BEFORE: readonly RecommendedAlert[] = [
  {
    alert: "CiliumConntrackMapFillingUp",
    expr: `cilium_datapath_conntrack_gc_entries{protocol="TCP",status="alive"} > ${Math.round(MAP_WARNING * CT_TCP_MAX)}`,
    for: "",
    severity: "warning",
    summary: "The last collection left {{ $value | humanize }} entries in the TCP conntrack map ({{ $labels.family }})",
    description: "Plan a larger map (bpf.ctTcpMax). Agents from 1.16 on export the share itself, cilium_bpf_map_pressure.",
    why: `${MAP_WARNING} of the chart's ${CT_TCP_MAX} entries: put your own bpf.ctTcpMax here. This release counts entries only when it collects, which may be hours apart.`,
  },
];

const FILL: readonly RecommendedAlert[] = [
  {
    alert: "CiliumNatMapFillingUp",
    expr: `cilium_bpf_map_pressure{map_name=~"snat_v[46]_external"} > ${MAP_WARNING}`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.map_name }} is {{ $value | humanizePercentage }} full",
    description: "Plan a larger map (bpf.natMax). When half of a mapping is evicted, replies of that connection are no longer translated.",
    why: "As for conntrack. Up to 1.17 the agent counts this map only after a signal of its programs, so silence says little.",
  },
  {
    alert: "CiliumMapFillingUp",
    expr: `cilium_bpf_map_pressure{map_name!~"(ct|snat).*"} > 0.8`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.map_name }} is {{ $value | humanizePercentage }} full",
    description: "Maps of services, endpoints and policies refuse entries when they are full; then services or policies are incomplete on this node. bpf.lbMapMax, bpf.policyMapMax.",
    why: "These maps grow with the cluster, not with traffic: a fifth of room is days or weeks of warning.",
  },
];

const FAILURES: readonly RecommendedAlert[] = [
  {
    alert: "CiliumConntrackInsertFailed",
    expr: `increase(cilium_drop_count_total{reason="CT: Map insertion failed"}[5m]) > 0`,
    for: "",
    severity: "critical",
    summary: "{{ $value | humanize }} packets of new connections dropped in 5 minutes: conntrack took no entry",
    description:
      "Each is a SYN that its client sends again after 1 s, or a lost datagram. With a full map: a larger one. With room in the map and a kernel from 5.11 to 6.14: " +
      "inserts that met a bucket locked by garbage collection.",
    why: "None is normal. The counter has no errno, so look at the map's fill and at the times of garbage collection.",
  },
  {
    alert: "CiliumSnatFailed",
    expr: `increase(cilium_drop_count_total{reason="No mapping for NAT masquerade"}[5m]) > 0`,
    for: "",
    severity: "critical",
    summary: "{{ $value | humanize }} packets dropped in 5 minutes: no source port was found for them",
    description: "Too many connections from one address of the node to one remote end. More egress addresses, fewer connections, or shorter lifetimes of their entries.",
    why: "The search gives up after a few tries, long before all ports are taken: a few of these come first.",
  },
  {
    alert: "CiliumDropRate",
    expr: `sum by (instance, reason, direction) (rate(cilium_drop_count_total{reason!~"Policy denied.*|CT: Map insertion failed|No mapping for NAT masquerade"}[5m])) > 1`,
    for: "10m",
    severity: "warning",
    summary: "{{ $value | humanize }} {{ $labels.direction }} packets/s dropped: {{ $labels.reason }}",
    description: "Neither policy nor one of the causes that have an alert of their own.",
    why: "A few drops are usual (stray packets, unknown protocols). rate() divides by the whole five minutes even when the series is young, so the first minutes show too little.",
  },
];

const SNAT_PORTS: readonly RecommendedAlert[] = [
  {
    alert: "CiliumSnatPortsRunningOut",
    expr: `cilium_nat_endpoint_max_connection > ${PORTS_WARNING}`,
    for: "5m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of the source ports towards one remote end are taken ({{ $labels.family }})",
    description: "cilium-dbg statedb nat-stats names the remote end.",
    why: "At 80 % a random port is free at one try in five: about one search in 1,300 fails with the 32 tries of older programs, none to speak of with 128. At 95 % it is one in 5, and one in 700.",
  },
];

const COLLECTION: readonly RecommendedAlert[] = [
  {
    alert: "CiliumConntrackGcIncomplete",
    expr: `increase(cilium_datapath_conntrack_gc_runs_total{status="uncompleted"}[1h]) > 2`,
    for: "",
    severity: "warning",
    summary: "Garbage collection of {{ $labels.family }} {{ $labels.protocol }} conntrack entries does not finish",
    description: "Entries that have expired stay. The walk was thrown back too often: a full map with much traffic, or an agent without CPU.",
    why: "A single one happens when the map changes fast under the walk; the next one makes up for it.",
  },
];

const INTERVAL: readonly RecommendedAlert[] = [
  {
    alert: "CiliumConntrackGcRare",
    expr: `cilium_datapath_conntrack_gc_interval_seconds > 3600 and on (instance) (max by (instance) (cilium_bpf_map_pressure{map_name=~"ct_?(any)?[46]_global"}) > 0.5)`,
    for: "15m",
    severity: "info",
    summary: "Conntrack is collected every {{ $value | humanizeDuration }} while its maps are more than half full",
    description: "The interval grows while few entries expire. Cap it with conntrackGCMaxInterval.",
    why: "An hour is long against the lifetime of closed connections (10 s) and short against that of idle ones (2 h 13 min and more).",
  },
];

const LOST: readonly RecommendedAlert[] = [
  {
    alert: "HubbleEventsLost",
    expr: "sum by (instance, source) (rate(hubble_lost_events_total[5m])) > 10",
    for: "10m",
    severity: "warning",
    summary: "{{ $value | humanize }} events/s lost at {{ $labels.source }}: flows and Hubble's metrics are incomplete",
    description: "hubble_ring_buffer: a larger hubble.eventBufferCapacity (65535); observer_events_queue: hubble.eventQueueSize; perf_event_ring_buffer: the agent gets too little CPU, or aggregate more.",
    why: "Short bursts are lost on any busy node. Ten a second for ten minutes are thousands of flows that no metric has counted.",
  },
];
