/** `summary.json`: the whole result model, with keys in the order in which `observe/result.ts` declares them. */
import type {
  AlertInstance,
  AlertRuleResult,
  AlertsResult,
  AlertSpan,
  CallEdge,
  CallsResult,
  DropCount,
  ExpectationResult,
  ExperimentResult,
  Finding,
  GcRun,
  HookHistogram,
  HubbleResult,
  LatencySummary,
  MapContents,
  MapResult,
  NamedHistogram,
  RunCounts,
  ScenarioIdentity,
  ScrapedPressure,
  Series,
  SeriesColumn,
  VariantResult,
  Verdict,
  Window,
} from "../observe/result.js";
import { inOrder, keysOf, layOut } from "./json.js";

const RESULT = keysOf<ExperimentResult>()(
  "schemaVersion",
  "ctlab",
  "scenario",
  "seed",
  "run",
  "command",
  "partial",
  "fingerprint",
  "verdict",
  "variants",
);
const SCENARIO = keysOf<ScenarioIdentity>()("name", "about", "hash");
const VERDICT = keysOf<Verdict>()("headline", "findings", "assumptions");
const FINDING = keysOf<Finding>()("label", "text");
const VARIANT = keysOf<VariantResult>()(
  "name",
  "about",
  "profile",
  "durationNs",
  "reachedNs",
  "fingerprint",
  "verdict",
  "counts",
  "windows",
  "synLatency",
  "synRetransmitNs",
  "requestLatency",
  "drops",
  "maps",
  "gcRuns",
  "contents",
  "scraped",
  "calls",
  "series",
  "hooks",
  "histograms",
  "flows",
  "hubble",
  "expectations",
  "alerts",
);
const PROFILE = keysOf<VariantResult["profile"]>()("cilium", "kernel");
const COUNTS = keysOf<RunCounts>()(
  "events",
  "packets",
  "connectionsOpened",
  "connectionsEstablished",
  "connectionsFailed",
  "connectionsBroken",
  "connectionsPending",
  "synSent",
  "synRetransmitted",
  "queriesStarted",
  "querySockets",
  "queriesAnswered",
  "queriesRetried",
  "queriesFailed",
  "strayResets",
  "packetsAudited",
  "synsSpoofed",
  "packetsPrefiltered",
  "serversReached",
  "addedServersReached",
  "preloadedEntries",
);
const WINDOW = keysOf<Window>()("name", "startNs", "endNs");
const LATENCY = keysOf<LatencySummary>()("count", "minNs", "meanNs", "p50Ns", "p90Ns", "p99Ns", "p999Ns", "maxNs", "buckets");
const DROP = keysOf<DropCount>()(
  "code",
  "reason",
  "errno",
  "direction",
  "count",
  "inside",
  "outside",
  "established",
  "firstNs",
  "lastNs",
);
const MAP = keysOf<MapResult>()(
  "name",
  "type",
  "maxEntries",
  "origin",
  "fillsByDesign",
  "entriesAtEnd",
  "entriesMax",
  "entriesMaxAtNs",
  "memoryBytes",
  "insertsRefused",
  "evictions",
  "evictionsLive",
);
const GC = keysOf<GcRun>()("startNs", "endNs", "cause", "scanned", "deleted", "deleteRatio", "nextIntervalNs", "maps");
const SERIES = keysOf<Series>()("stepNs", "timeNs", "columns");
const COLUMN = keysOf<SeriesColumn>()("name", "unit", "values");
const HOOK = keysOf<HookHistogram>()("hook", "unit", "buckets", "observed", "observedSource");
const HISTOGRAM = keysOf<NamedHistogram>()("name", "about", "unit", "count", "buckets");
const FLOWS = keysOf<VariantResult["flows"]>()("seen", "written", "filter");
const HUBBLE = keysOf<HubbleResult>()(
  "events",
  "lost",
  "lostEventsTotal",
  "read",
  "away",
  "pending",
  "seenFlows",
  "bufferCapacity",
  "bufferLength",
  "perfRingBytesMax",
  "queueMax",
  "readerBehindMax",
  "relayGaps",
);
const LOST = keysOf<HubbleResult["lost"]>()("perf_event_ring_buffer", "observer_events_queue", "hubble_ring_buffer");
const GAP = keysOf<HubbleResult["relayGaps"][number]>()("startNs", "endNs");
const ALERTS = keysOf<AlertsResult>()("evaluator", "reason", "rules");
const RULE = keysOf<AlertRuleResult>()("alert", "group", "file", "line", "expr", "forNs", "intervalNs", "never", "instances");
const INSTANCE = keysOf<AlertInstance>()("labels", "spans");
const SPAN = keysOf<AlertSpan>()("state", "startNs", "endNs");
const EXPECTATION = keysOf<ExpectationResult>()("text", "file", "line", "outcome", "actual");

const CONTENTS = keysOf<MapContents>()("map", "by", "timeNs", "sampled", "classes");
const CONTENTS_CLASS = keysOf<MapContents["classes"][number]>()("name", "entries");
const SCRAPED = keysOf<ScrapedPressure>()("timeNs", "maps");
const SCRAPED_MAP = keysOf<ScrapedPressure["maps"][number]>()("map", "pressure");
const CALLS = keysOf<CallsResult>()("spanNs", "edges");
const CALL = keysOf<CallEdge>()("workload", "from", "to", "kind", "opened", "succeeded", "failed", "broken", "dropped");

/** Text of `summary.json`; the same result gives the same bytes, whatever order its objects were built in. */
export function summaryJson(result: ExperimentResult): string {
  return layOut(orderResult(result));
}

/** A copy of the result with every key in declaration order. */
export function orderResult(result: ExperimentResult): ExperimentResult {
  return {
    ...inOrder(result, RESULT),
    scenario: inOrder(result.scenario, SCENARIO),
    verdict: orderVerdict(result.verdict),
    variants: result.variants.map(orderVariant),
  };
}

function orderVariant(variant: VariantResult): VariantResult {
  return {
    ...inOrder(variant, VARIANT),
    profile: inOrder(variant.profile, PROFILE),
    verdict: orderVerdict(variant.verdict),
    counts: inOrder(variant.counts, COUNTS),
    windows: variant.windows.map((window) => inOrder(window, WINDOW)),
    synLatency: orderLatencies(variant.synLatency),
    requestLatency: orderLatencies(variant.requestLatency),
    drops: variant.drops.map((drop) => inOrder(drop, DROP)),
    maps: variant.maps.map((map) => inOrder(map, MAP)),
    gcRuns: variant.gcRuns.map((run) => inOrder(run, GC)),
    ...(variant.contents === undefined ? {} : { contents: variant.contents.map(orderContents) }),
    ...(variant.scraped === undefined ? {} : { scraped: orderScraped(variant.scraped) }),
    ...(variant.calls === undefined ? {} : { calls: { ...inOrder(variant.calls, CALLS), edges: variant.calls.edges.map((edge) => inOrder(edge, CALL)) } }),
    series: { ...inOrder(variant.series, SERIES), columns: variant.series.columns.map((column) => inOrder(column, COLUMN)) },
    hooks: variant.hooks.map((hook) => inOrder(hook, HOOK)),
    ...(variant.histograms === undefined ? {} : { histograms: variant.histograms.map((histogram) => inOrder(histogram, HISTOGRAM)) }),
    flows: inOrder(variant.flows, FLOWS),
    ...(variant.hubble === undefined ? {} : { hubble: orderHubble(variant.hubble) }),
    expectations: variant.expectations.map((expectation) => inOrder(expectation, EXPECTATION)),
    ...(variant.alerts === undefined ? {} : { alerts: orderAlerts(variant.alerts) }),
  };
}

function orderContents(contents: MapContents): MapContents {
  return { ...inOrder(contents, CONTENTS), classes: contents.classes.map((each) => inOrder(each, CONTENTS_CLASS)) };
}

function orderScraped(scraped: ScrapedPressure): ScrapedPressure {
  return { ...inOrder(scraped, SCRAPED), maps: scraped.maps.map((map) => inOrder(map, SCRAPED_MAP)) };
}

function orderAlerts(alerts: AlertsResult): AlertsResult {
  return {
    ...inOrder(alerts, ALERTS),
    rules: alerts.rules.map((rule) => ({
      ...inOrder(rule, RULE),
      instances: rule.instances.map((instance) => ({ ...inOrder(instance, INSTANCE), spans: instance.spans.map((span) => inOrder(span, SPAN)) })),
    })),
  };
}

function orderHubble(hubble: HubbleResult): HubbleResult {
  return {
    ...inOrder(hubble, HUBBLE),
    lost: inOrder(hubble.lost, LOST),
    lostEventsTotal: inOrder(hubble.lostEventsTotal, LOST),
    relayGaps: hubble.relayGaps.map((gap) => inOrder(gap, GAP)),
  };
}

function orderVerdict(verdict: Verdict): Verdict {
  return { ...inOrder(verdict, VERDICT), findings: verdict.findings.map((finding) => inOrder(finding, FINDING)) };
}

/** Names of the windows with "all", "inside", "outside" first, others by name. */
export function windowNames(latencies: Readonly<Record<string, LatencySummary>>): string[] {
  const usual = ["all", "inside", "outside"];
  const others = Object.keys(latencies)
    .filter((name) => !usual.includes(name))
    .sort();
  return [...usual.filter((name) => latencies[name] !== undefined), ...others];
}

function orderLatencies(latencies: Readonly<Record<string, LatencySummary>>): Readonly<Record<string, LatencySummary>> {
  return Object.fromEntries(windowNames(latencies).map((name) => [name, inOrder(latencies[name]!, LATENCY)]));
}
