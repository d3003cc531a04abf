/** Every figure that an `expect:` line may speak of: name, unit, labels, meaning. The judge in `lab/` measures them. */

/** Base unit of a figure: nanoseconds, a share of one, a number of things. */
export type MetricUnit = "ns" | "ratio" | "count";

/** Values that a label takes: a fixed set, or names that depend on the scenario. */
export type LabelDomain = "window" | "map" | "reason" | "lost";

export interface MetricLabel {
  readonly domain: LabelDomain;
  /** A line without it has no meaning. */
  readonly required: boolean;
}

export interface Metric {
  readonly unit: MetricUnit;
  readonly labels: Readonly<Record<string, MetricLabel>>;
  readonly about: string;
}

/** Parts of a run: all of it, the bursts of the workloads, and the time between them. */
export const EXPECT_WINDOWS = ["all", "inside", "outside"] as const;

const window: MetricLabel = { domain: "window", required: false };
const map: MetricLabel = { domain: "map", required: true };
/** Where events are lost: `source` of `hubble_lost_events_total`. */
export const EXPECT_LOST_SOURCES = ["perf_event_ring_buffer", "observer_events_queue", "hubble_ring_buffer"] as const;

const source: MetricLabel = { domain: "lost", required: false };
const reason: MetricLabel = { domain: "reason", required: false };

const QUANTILES: readonly (readonly [name: string, words: string])[] = [
  ["p50", "median"],
  ["p90", "90th percentile"],
  ["p99", "99th percentile"],
  ["p999", "99.9th percentile"],
  ["max", "largest value"],
];

function latencies(name: string, what: string): Record<string, Metric> {
  return Object.fromEntries(
    QUANTILES.map(([quantile, words]) => [`${name}_${quantile}`, { unit: "ns", labels: { window }, about: `${words} of ${what}` }]),
  );
}

/** By name. Adding one here needs its measurement in `lab/expectations.ts`. */
export const METRICS: Readonly<Record<string, Metric>> = {
  ...latencies("syn_latency", "the time from connect() to an established connection"),
  ...latencies("request_latency", "the time from a request to its whole answer"),
  drops: { unit: "count", labels: { reason, window }, about: "dropped packets" },
  drop_share: { unit: "ratio", labels: { reason, window }, about: "dropped packets, as a share of the SYNs sent" },
  established_drops: { unit: "count", labels: {}, about: "dropped packets of connections that were already established" },
  syn_retransmitted_share: { unit: "ratio", labels: {}, about: "SYNs that were sent again, as a share of all SYNs" },
  connections_failed: { unit: "count", labels: {}, about: "connections that were given up before they were established" },
  connections_broken: { unit: "count", labels: {}, about: "established connections that ended with an error" },
  connection_failed_share: { unit: "ratio", labels: {}, about: "connections given up before they were established, as a share of those opened" },
  connection_broken_share: { unit: "ratio", labels: {}, about: "established connections that ended with an error, as a share of those established" },
  queries_failed: { unit: "count", labels: {}, about: "exchanges of datagrams (name lookups count as one) that were given up" },
  query_failed_share: { unit: "ratio", labels: {}, about: "such exchanges, as a share of those begun" },
  query_retried_share: { unit: "ratio", labels: {}, about: "exchanges that were answered after something had to be sent again, as a share of those begun" },
  sockets_per_query: { unit: "ratio", labels: {}, about: "UDP sockets that an exchange took, on average" },
  stray_resets: { unit: "count", labels: {}, about: "resets by hosts that did not know a packet's connection" },
  added_backend_share: {
    unit: "ratio",
    labels: {},
    about: "share of new connections and exchanges that backends added during the run get, of the services that they joined",
  },
  packets_prefiltered: { unit: "count", labels: {}, about: "packets that XDP's prefilter threw away" },
  packets_audited: { unit: "count", labels: {}, about: "packets that a policy denies and policy audit mode let pass" },
  map_pressure_max: { unit: "ratio", labels: { map, window }, about: "highest share of a map's entries in use" },
  map_pressure_min: { unit: "ratio", labels: { map, window }, about: "lowest share of a map's entries in use" },
  map_pressure_end: { unit: "ratio", labels: { map, window }, about: "share of a map's entries in use at the end" },
  map_pressure_before: {
    unit: "ratio",
    labels: { map },
    about: "share of a map's entries in use just before a burst; holds for each burst",
  },
  inserts_refused: { unit: "count", labels: { map }, about: "inserts that a map refused" },
  evictions: { unit: "count", labels: { map }, about: "entries that an LRU map gave up to make room" },
  evictions_live: { unit: "count", labels: { map }, about: "such entries whose lifetime had not passed" },
  hubble_lost_events_total: { unit: "count", labels: { source }, about: "Hubble's counter of lost events (reports of perf rings count one each); needs observe.hubble" },
  flows_lost_share: { unit: "ratio", labels: { source }, about: "events lost on their way to Relay, as a share of those reported; needs observe.hubble" },
  flows_unread_share: { unit: "ratio", labels: {}, about: "such events, and those that came while nobody read and were not read later, as a share; needs observe.hubble" },
  relay_gap_max: { unit: "ns", labels: {}, about: "longest time without anybody who reads flows; needs observe.hubble" },
  gc_runs: { unit: "count", labels: {}, about: "passes of the conntrack garbage collector" },
  burst_spacing: { unit: "ns", labels: {}, about: "time from the start of a burst to the start of the next; holds for each" },
  burst_length: { unit: "ns", labels: {}, about: "length of a burst; holds for each" },
};
