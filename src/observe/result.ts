/**
 * What a run leaves behind, as plain data: `lab/run` fills it, `report/` renders it, `summary.json` is it.
 *
 * Nothing here depends on the machine, the folder, the wall clock or the number of workers, so that the same scenario,
 * seed and version give the same bytes. All times are simulated nanoseconds from the start of the run.
 */

/** Version of this shape, raised when a field changes its meaning or goes. */
export const RESULT_SCHEMA_VERSION = 1;

/** A run of one scenario: one entry per variant, in the scenario's order. */
export interface ExperimentResult {
  readonly schemaVersion: typeof RESULT_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly scenario: ScenarioIdentity;
  readonly seed: string;
  readonly run: number;
  /** The command that repeats this run. */
  readonly command: string;
  /** True when the run was interrupted: variants may be missing or shorter than asked for. */
  readonly partial: boolean;
  /** Hash over the fingerprints of all variants. */
  readonly fingerprint: string;
  /** The answer, before any figure: paragraphs of plain text over all variants. */
  readonly verdict: Verdict;
  readonly variants: readonly VariantResult[];
}

export interface ScenarioIdentity {
  readonly name: string;
  readonly about: string;
  /** SHA-256 over the resolved scenario and the Helm values that it names, hex. */
  readonly hash: string;
}

/** The answer in words with numbers. Every list may be empty; texts carry their own units. */
export interface Verdict {
  /** One sentence: holds or not, and why. */
  readonly headline: string;
  /** What broke, when, which limit binds first and second, what users saw, what ends it, what that costs. */
  readonly findings: readonly Finding[];
  /** What the answer rests on that is neither exact nor measured, or was set by hand. */
  readonly assumptions: readonly string[];
}

/** One labelled statement of the verdict: "What broke", "What users saw", "What ends it" … */
export interface Finding {
  readonly label: string;
  readonly text: string;
}

export interface VariantResult {
  /** Name of the variant; null when the scenario has none. */
  readonly name: string | null;
  readonly about: string;
  readonly profile: { readonly cilium: string; readonly kernel: string };
  readonly durationNs: number;
  /** Simulated time reached; less than `durationNs` when interrupted. */
  readonly reachedNs: number;
  readonly fingerprint: string;
  readonly verdict: Verdict;
  readonly counts: RunCounts;
  /** Spans of the run that figures are split by: bursts of workloads. "all" and "outside" are not listed here. */
  readonly windows: readonly Window[];
  /** SYN latency (connect() to established), by window name: "all", "inside" (any burst), "outside". */
  readonly synLatency: Readonly<Record<string, LatencySummary>>;
  /** Nominal spans after the first SYN at which the client's retransmissions of it leave: marks on latency charts. */
  readonly synRetransmitNs?: readonly number[];
  /** Requests on established connections, same windows. */
  readonly requestLatency: Readonly<Record<string, LatencySummary>>;
  readonly drops: readonly DropCount[];
  readonly maps: readonly MapResult[];
  readonly gcRuns: readonly GcRun[];
  /** What the entries of conntrack and NAT maps were over time; absent where nobody looked (older versions, runs that write no folder). */
  readonly contents?: readonly MapContents[];
  /** Map pressure as a Prometheus server got it; absent when the scenario has nothing scraped. */
  readonly scraped?: ScrapedPressure;
  /** Who called whom; absent in results of older versions. */
  readonly calls?: CallsResult;
  readonly series: Series;
  readonly hooks: readonly HookHistogram[];
  /** Distributions without a chart of their own; absent in results of older versions. */
  readonly histograms?: readonly NamedHistogram[];
  readonly flows: { readonly seen: number; readonly written: number; readonly filter: string };
  /** What became of events on their way to whoever reads flows at Relay; only when the scenario asks for it. */
  readonly hubble?: HubbleResult;
  readonly expectations: readonly ExpectationResult[];
  /** What the scenario's alert rules said; absent when it names none. */
  readonly alerts?: AlertsResult;
}

/** `source` of `hubble_lost_events_total`. */
export const LOST_EVENT_SOURCES = ["perf_event_ring_buffer", "observer_events_queue", "hubble_ring_buffer"] as const;
export type LostEventSource = (typeof LOST_EVENT_SOURCES)[number];

export interface HubbleResult {
  /** Events that programs reported. */
  readonly events: number;
  /** How many were lost, by where: those of Hubble's ring while somebody was on the way to read them. */
  readonly lost: Readonly<Record<LostEventSource, number>>;
  /** What `hubble_lost_events_total` says: of perf rings it counts reports, elsewhere reports too, of the ring what a reader came upon. */
  readonly lostEventsTotal: Readonly<Record<LostEventSource, number>>;
  /** Flows that the reader got, or that its filter stopped. */
  readonly read: number;
  /** Flows that came while nobody read, and were not read later. */
  readonly away: number;
  /** Still on their way when the run ended. */
  readonly pending: number;
  /** `ServerStatus`: flows that reached Hubble's ring, its size, how many it held. */
  readonly seenFlows: number;
  readonly bufferCapacity: number;
  readonly bufferLength: number;
  /** Largest fill of one CPU's perf ring and of the queue; furthest that the reader was behind, events. */
  readonly perfRingBytesMax: number;
  readonly queueMax: number;
  readonly readerBehindMax: number;
  /** When nobody read; `endNs` null: until the end of the run. */
  readonly relayGaps: readonly { readonly startNs: number; readonly endNs: number | null }[];
}

export interface RunCounts {
  readonly events: number;
  readonly packets: number;
  readonly connectionsOpened: number;
  readonly connectionsEstablished: number;
  /** Gave up: ETIMEDOUT or reset before establishment. */
  readonly connectionsFailed: number;
  /** Established, then ended by an error (reset, timed out). */
  readonly connectionsBroken: number;
  /** Still in the handshake when the run ended. */
  readonly connectionsPending: number;
  readonly synSent: number;
  readonly synRetransmitted: number;
  /** Exchanges of datagrams; the lookup of a name is one, whatever it takes. */
  readonly queriesStarted: number;
  /** UDP sockets opened for them. */
  readonly querySockets: number;
  readonly queriesAnswered: number;
  /** Of those answered: a request had to be sent again. */
  readonly queriesRetried: number;
  readonly queriesFailed: number;
  /** Resets by hosts that did not know a packet's connection: moved to another backend, another source port. */
  readonly strayResets: number;
  /** SYNs of floods, which no client stands behind. */
  readonly synsSpoofed: number;
  readonly packetsPrefiltered: number;
  /** That a policy denies and its audit mode let pass. */
  readonly packetsAudited: number;
  /** First packets to services that backends have joined during the run, from then on, and those that reached such a backend. */
  readonly serversReached: number;
  readonly addedServersReached: number;
  readonly preloadedEntries: number;
}

export interface Window {
  readonly name: string;
  readonly startNs: number;
  readonly endNs: number;
}

/** Quantiles in nanoseconds; null when there are too few samples for the quantile (n·(1−q) < 1). */
export interface LatencySummary {
  readonly count: number;
  readonly minNs: number | null;
  readonly meanNs: number | null;
  readonly p50Ns: number | null;
  readonly p90Ns: number | null;
  readonly p99Ns: number | null;
  readonly p999Ns: number | null;
  readonly maxNs: number | null;
  /** Non-empty buckets, ascending: lowest and highest value of the bucket (ns) and how many. */
  readonly buckets: readonly (readonly [lowNs: number, highNs: number, count: number])[];
}

export interface DropCount {
  /** Cilium's number, e.g. 155. */
  readonly code: number;
  /** Cilium's text, e.g. "CT: Map insertion failed". */
  readonly reason: string;
  /** Errno name that came with it (`ext_error`), e.g. "E2BIG"; null when none. */
  readonly errno: string | null;
  readonly direction: "ingress" | "egress";
  readonly count: number;
  readonly inside: number;
  readonly outside: number;
  /** Of `count`: packets of connections that were already established. */
  readonly established: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

export interface MapResult {
  /** As `cilium_bpf_map_pressure` labels it: `ct4_global`. */
  readonly name: string;
  /** Kernel's name of the type: `lru_hash`, `hash`, `lpm_trie` … */
  readonly type: string;
  readonly maxEntries: number;
  /** Where the size came from: "Helm bpf.ctTcpMax (values/incident.yaml:12)", "default", "scenario". */
  readonly origin: string;
  /** Dead entries stay until they are evicted (`lb4_reverse_sk`: nobody deletes those of closed sockets): full is its normal state. */
  readonly fillsByDesign: boolean;
  readonly entriesAtEnd: number;
  readonly entriesMax: number;
  readonly entriesMaxAtNs: number;
  /** Kernel memory of this map on one node, bytes, as `memlock` reports it. */
  readonly memoryBytes: number;
  readonly insertsRefused: number;
  readonly evictions: number;
  /** Of `evictions`: conntrack entries whose lifetime had not passed; 0 for maps whose entries have none. */
  readonly evictionsLive: number;
}

export interface GcRun {
  readonly startNs: number;
  readonly endNs: number;
  readonly cause: "start" | "timer" | "signal";
  readonly scanned: number;
  readonly deleted: number;
  /** Highest deleted / max_entries over the maps. */
  readonly deleteRatio: number;
  readonly nextIntervalNs: number;
  /** Maps that it walked, by pressure label. */
  readonly maps: readonly string[];
}

/** Ways to divide a map's entries. */
export const CONTENT_DIVISIONS = ["state", "direction"] as const;
export type ContentDivision = (typeof CONTENT_DIVISIONS)[number];

/** Entries of one map by class, at a few dozen moments of the run. */
export interface MapContents {
  /** By pressure label. */
  readonly map: string;
  /** `state`: handshake, alive, closing, expired (until GC or an eviction takes them); `direction`: the key's flags, as `cilium bpf ct list` prints them. */
  readonly by: ContentDivision;
  readonly timeNs: readonly number[];
  /** Of all moments, the fewest entries that were looked at where the map had more: classes are shares of those. Null: every entry was. */
  readonly sampled: number | null;
  /** Classes that occurred; at each moment they add up to the map's entries. */
  readonly classes: readonly { readonly name: string; readonly entries: readonly number[] }[];
}

/** `cilium_bpf_map_pressure` over the scrapes of a run. */
export interface ScrapedPressure {
  readonly timeNs: readonly number[];
  /** Null where a scrape did not have the series. Maps that no scrape had are absent. */
  readonly maps: readonly { readonly map: string; readonly pressure: readonly (number | null)[] }[];
}

/** What each workload of the scenario tried and what came of it. */
export interface CallsResult {
  /** Simulated time that was counted: the run without its warm-up. */
  readonly spanNs: number;
  readonly edges: readonly CallEdge[];
}

export interface CallEdge {
  readonly workload: string;
  /** `production/order-service`, `node`, `world 203.0.113.0/24` … */
  readonly from: string;
  /** `production/inventory-service:8080`, `world 203.0.113.10/32:443` … */
  readonly to: string;
  readonly kind: "connections" | "queries" | "flood";
  /** Connections opened, exchanges of datagrams begun, SYNs of a flood. */
  readonly opened: number;
  /** Established, or answered. */
  readonly succeeded: number;
  readonly failed: number;
  /** Established, then ended by an error. */
  readonly broken: number;
  /** Packets dropped by programs of the node, in either direction. */
  readonly dropped: number;
}

/** Samples at equal steps; every column has `timeNs.length` values. Column names are documented by `unit`. */
export interface Series {
  readonly stepNs: number;
  readonly timeNs: readonly number[];
  readonly columns: readonly SeriesColumn[];
}

export interface SeriesColumn {
  /**
   * `<map>_entries` and `<map>_pressure` of the maps, `drops` and, of the reasons that occurred, `drops_<code>`, and
   * whatever else was sampled: `connections_open`, `syn_retransmitted` …
   */
  readonly name: string;
  /** "entries", "ratio", "connections" …; a unit that ends in " per step" counts since the sample before. */
  readonly unit: string;
  readonly values: readonly number[];
}

/** Time that packets spent at a hook, in bpftrace's power-of-two buckets. */
export interface HookHistogram {
  /** e.g. `tc_ingress` (from-container and from-netdev together), `from_container`. */
  readonly hook: string;
  readonly unit: "ns";
  /** [value low bound, count], ascending, empty buckets inside the range included. */
  readonly buckets: readonly (readonly [lowNs: number, count: number])[];
  /** The same hook as somebody observed it on the real system, when the scenario gives it. */
  readonly observed?: readonly (readonly [lowNs: number, count: number])[];
  /** Where the observation comes from. */
  readonly observedSource?: string;
}

/** A distribution in bpftrace's power-of-two buckets; `latency.hlog` has it with two or three digits under the same name. */
export interface NamedHistogram {
  /** e.g. `gc_duration`, `nat_tries`, `eviction_idle_ct4_global`. */
  readonly name: string;
  readonly about: string;
  readonly unit: "ns" | "s" | "tries";
  readonly count: number;
  readonly buckets: readonly (readonly [low: number, count: number])[];
}

export interface ExpectationResult {
  /** The line as written. */
  readonly text: string;
  readonly file: string;
  readonly line: number;
  readonly outcome: "met" | "missed" | "inconclusive";
  /** The measured value, with unit, for people. */
  readonly actual: string;
}

/** Alerting rules over the run's metrics, as scraped. */
export interface AlertsResult {
  /** Who evaluated: `Prometheus 2.42.0`; null when nobody could. */
  readonly evaluator: string | null;
  /** Why nobody could; null when somebody did. */
  readonly reason: string | null;
  readonly rules: readonly AlertRuleResult[];
}

export interface AlertRuleResult {
  readonly alert: string;
  readonly group: string;
  readonly file: string;
  readonly line: number;
  readonly expr: string;
  readonly forNs: number;
  /** From one evaluation to the next; the first one is at the start of the run. */
  readonly intervalNs: number;
  /** Why no series of this run could ever make it fire; null when one could, or when nobody can tell. */
  readonly never: string | null;
  /** One for each label set that was active, in order of its first moment. */
  readonly instances: readonly AlertInstance[];
}

export interface AlertInstance {
  /** Without the alert's name; templates in the rule's labels are left as they are written. */
  readonly labels: Readonly<Record<string, string>>;
  readonly spans: readonly AlertSpan[];
}

/** From the evaluation at which the state began to that at which it was over, or to the end of the run. */
export interface AlertSpan {
  readonly state: "pending" | "firing";
  readonly startNs: number;
  readonly endNs: number;
}
