/** Holds a variant's measured figures against the scenario's `expect:` lines. */
import { formatDuration } from "../core/units.js";
import { LOST_EVENT_SOURCES, type ExpectationResult, type HubbleResult, type LatencySummary, type VariantResult } from "../observe/result.js";
import type { Expectation } from "../scenario/expect.js";
import { METRICS, type MetricUnit } from "../scenario/metrics.js";

/** A measured figure; null when the run had too little data to state it. */
type Measured = number | null;
type Figures = Omit<VariantResult, "expectations" | "verdict">;

/** Every line with what was measured. A figure that the run can't state makes its line inconclusive. */
export function judge(expectations: readonly Expectation[], figures: Figures): readonly ExpectationResult[] {
  return expectations.map((expectation) => {
    const values = measure(expectation, figures);
    const unit = METRICS[expectation.metric]!.unit;
    return {
      text: expectation.text,
      file: expectation.file,
      line: expectation.line,
      outcome: outcomeOf(values, expectation),
      actual: values.length === 0 ? "nothing to measure" : values.map((value) => show(value, unit)).join(", "),
    };
  });
}

function outcomeOf(values: readonly Measured[], expectation: Expectation): ExpectationResult["outcome"] {
  if (values.length === 0 || values.some((value) => value === null)) return "inconclusive";
  return values.every((value) => compares(value!, expectation)) ? "met" : "missed";
}

function compares(actual: number, { comparison, value, upper }: Expectation): boolean {
  switch (comparison) {
    case "<":
      return actual < value;
    case "<=":
      return actual <= value;
    case ">":
      return actual > value;
    case ">=":
      return actual >= value;
    case "==":
      return actual === value;
    case "!=":
      return actual !== value;
    case "in":
      return actual >= value && actual <= upper;
  }
}

/** The values that the line speaks of: usually one; one per burst for the metrics that ask about every burst. */
function measure({ metric, labels }: Expectation, figures: Figures): readonly Measured[] {
  const latency = /^(syn_latency|request_latency)_(p50|p90|p99|p999|max)$/.exec(metric);
  if (latency !== null) {
    const table = latency[1] === "syn_latency" ? figures.synLatency : figures.requestLatency;
    return [quantileOf(table[labels["window"] ?? "all"], latency[2]!)];
  }
  if (Object.hasOwn(HUBBLE_MEASURES, metric)) return figures.hubble === undefined ? [null] : [HUBBLE_MEASURES[metric]!(figures.hubble, labels, figures)];
  const map = figures.maps.find(({ name }) => name === labels["map"]);
  switch (metric) {
    case "drops":
      return [dropsOf(figures, labels)];
    case "drop_share":
      return [ratio(dropsOf(figures, labels), figures.counts.synSent)];
    case "established_drops":
      return [figures.drops.reduce((sum, { established }) => sum + established, 0)];
    case "syn_retransmitted_share":
      return [ratio(figures.counts.synRetransmitted, figures.counts.synSent)];
    case "connections_failed":
      return [figures.counts.connectionsFailed];
    case "connections_broken":
      return [figures.counts.connectionsBroken];
    case "connection_failed_share":
      return [ratio(figures.counts.connectionsFailed, figures.counts.connectionsOpened)];
    case "connection_broken_share":
      return [ratio(figures.counts.connectionsBroken, figures.counts.connectionsEstablished)];
    case "queries_failed":
      return [figures.counts.queriesFailed];
    case "query_failed_share":
      return [ratio(figures.counts.queriesFailed, figures.counts.queriesStarted)];
    case "query_retried_share":
      return [ratio(figures.counts.queriesRetried, figures.counts.queriesStarted)];
    case "sockets_per_query":
      return [ratio(figures.counts.querySockets, figures.counts.queriesStarted)];
    case "packets_audited":
      return [figures.counts.packetsAudited];
    case "stray_resets":
      return [figures.counts.strayResets];
    case "added_backend_share":
      return [ratio(figures.counts.addedServersReached, figures.counts.serversReached)];
    case "packets_prefiltered":
      return [figures.counts.packetsPrefiltered];
    case "inserts_refused":
      return [map?.insertsRefused ?? null];
    case "evictions":
      return [map?.evictions ?? null];
    case "evictions_live":
      return [map?.evictionsLive ?? null];
    case "gc_runs":
      return [figures.gcRuns.length];
    case "burst_spacing":
      return spacings(figures);
    case "burst_length":
      return figures.windows.map(({ startNs, endNs }) => endNs - startNs);
    default:
      return pressures(metric, labels, figures);
  }
}

type Labels = Readonly<Record<string, string>>;

/** What a run says of Hubble, when it models the way of events. */
const HUBBLE_MEASURES: Readonly<Record<string, (hubble: HubbleResult, labels: Labels, figures: Figures) => Measured>> = {
  hubble_lost_events_total: ({ lostEventsTotal }, labels) => ofSource(lostEventsTotal, labels),
  flows_lost_share: ({ lost, events }, labels) => ratio(ofSource(lost, labels), events),
  flows_unread_share: ({ lost, away, events }) => ratio(ofSource(lost, {}) + away, events),
  relay_gap_max: ({ relayGaps }, _labels, { reachedNs }) => {
    return relayGaps.reduce((longest, { startNs, endNs }) => Math.max(longest, (endNs ?? reachedNs) - startNs), 0);
  },
};

function ofSource(lost: HubbleResult["lost"], labels: Labels): number {
  return LOST_EVENT_SOURCES.filter((source) => labels["source"] === undefined || labels["source"] === source).reduce((sum, source) => sum + lost[source], 0);
}

function pressures(metric: string, labels: Readonly<Record<string, string>>, figures: Figures): readonly Measured[] {
  const column = figures.series.columns.find(({ name }) => name === `${labels["map"]}_pressure`);
  if (column === undefined) return [null];
  const times = figures.series.timeNs;
  const inside = (at: number): boolean => figures.windows.some(({ startNs, endNs }) => startNs <= at && at < endNs);
  if (metric === "map_pressure_before") {
    return figures.windows.map(({ startNs }) => column.values[times.findLastIndex((at) => at <= startNs)] ?? null);
  }
  const window = labels["window"] ?? "all";
  const wanted = column.values.filter((_, row) => window === "all" || inside(times[row]!) === (window === "inside"));
  if (wanted.length === 0) return [null];
  if (metric === "map_pressure_end") return [wanted.at(-1)!];
  return [wanted.reduce((a, b) => (metric === "map_pressure_min" ? Math.min(a, b) : Math.max(a, b)))];
}

function quantileOf(summary: LatencySummary | undefined, quantile: string): Measured {
  if (summary === undefined) return null;
  return { p50: summary.p50Ns, p90: summary.p90Ns, p99: summary.p99Ns, p999: summary.p999Ns, max: summary.maxNs }[quantile] ?? null;
}

function dropsOf(figures: Figures, labels: Readonly<Record<string, string>>): number {
  const window = labels["window"] ?? "all";
  return figures.drops
    .filter(({ reason }) => labels["reason"] === undefined || labels["reason"] === reason)
    .reduce((sum, drop) => sum + (window === "all" ? drop.count : window === "inside" ? drop.inside : drop.outside), 0);
}

function spacings({ windows }: Figures): readonly number[] {
  return windows.slice(1).map(({ startNs }, index) => startNs - windows[index]!.startNs);
}

function ratio(part: number, whole: number): Measured {
  return whole === 0 ? null : part / whole;
}

function show(value: Measured, unit: MetricUnit): string {
  if (value === null) return "too little data";
  if (unit === "ns") return formatDuration(value);
  return unit === "ratio" ? `${(value * 100).toPrecision(3)} %` : String(value);
}
