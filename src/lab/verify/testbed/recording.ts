/**
 * A recorded experiment as its two files hold it: `NN_name.json` and, beside it, `NN_name.detail.json.gz`. Fields that
 * are not known here fail the case. What each field means: the recording's README.
 *
 * Inputs of the simulation: kernel, hz, cpus, params, the arrivals, their lags, holds and leaks of the details, the times
 * of GC passes. Compared with the simulation: see measures.ts. Compared with the details, so that a summary which its own
 * details contradict fails: see consistency.ts. Information only, neither input nor prediction: INFORMATION below.
 */
import type { VectorFile } from "../case.js";
import { FieldError, fieldsOf, listOf, numberOf, onlyFields, parseVectors, textOf, type Fields } from "../fields.js";
import { recordedHolds } from "./generator.js";
import type { OfferedLoad } from "./load.js";

export const EXPERIMENT_SCHEMA = "ctlab-testbed/1";
const DETAIL_SCHEMA = "ctlab-testbed-detail/1";
const MS_PER_S = 1000;

/** Fields of the summary that say how measuring went, or are the recorder's own view of what the details hold. */
const INFORMATION = ["key_bytes", "value_bytes", "refused_windows", "stalls", "server", "tcpext_client", "tcpext_server", "measurement"];
const FIELDS = [
  "schema", "name", "kernel", "hz", "cpus", "params", "totals", "syn_latency_us", "syn_attempt_offset_us", "gc", "series",
  "details_file", ...INFORMATION,
];
const TOTALS = [
  "connections", "outcomes", "established", "syn_packets", "syn_created", "syn_matched_existing", "syn_reopened",
  "syn_dropped_e2big", "syn_dropped_other", "syn_drop_fraction", "connections_with_syn_drop",
  "connections_with_syn_drop_fraction", "nonsyn_without_entry", "nonsyn_recreated", "nonsyn_recreate_failed_drop",
  "nonsyn_policy_drop", "packets", "both_ways_closed", "gc_runs", "gc_deleted", "gc_delete_errors", "event_log_lost",
  "requests", "responses", "lru_evicted",
];
/** Columns of the series: time and occupancy are compared, evictions an input for LRU maps, the others information. */
const SERIES = [
  "t_ms", "occ", "lru_evicted", "occ_syn", "occ_est", "occ_half_closed", "occ_closing", "occ_expired", "gc_runs",
  "gc_deleted", "pkts", "syn", "syn_new", "syn_match", "syn_e2big", "syn_err", "ns_noentry", "ns_recreate",
  "ns_recreate_fail", "ns_drop", "closed", "sample_us",
];
const LATENCY = ["established", "by_syn_retrans", "histogram"];
/** Columns of the details' connections; those on single requests are information. */
const CONNECTIONS = [
  "sched_us", "start_lag_us", "connect_us", "syn_retrans", "outcome", "hold_ms", "leak", "end_us", "n_req", "n_resp",
  "max_resp_us", "slow_resp", "retrans_total", "errno",
];
const EVENTS = ["t_us", "conn", "ev", "tcp_flags", "aux"];

/** What the classifier noted, one element per event. */
export interface RecordedEvents {
  readonly atUs: readonly number[];
  readonly connection: readonly number[];
  readonly code: readonly number[];
}

/** Codes of the events (`event_codes`). */
export const EventCode = {
  synNew: 1,
  synRefused: 2,
  synError: 3,
  synMatch: 4,
  recreated: 5,
  recreateFailed: 6,
  dropped: 7,
  passed: 8,
  synReopened: 9,
} as const;

export interface RecordedConnections {
  /** Latency of connect(), µs; -1 when it never succeeded. */
  readonly connectUs: readonly number[];
  readonly synRetransmissions: readonly number[];
  /** Codes of `Outcome`. */
  readonly outcome: readonly number[];
  readonly requests: readonly number[];
  readonly responses: readonly number[];
}

export interface Recording {
  readonly name: string;
  readonly kernel: string;
  readonly hz: number;
  readonly cpus: number;
  readonly params: Fields;
  readonly totals: Fields;
  readonly latency: Fields;
  readonly attemptOffsets: Fields;
  readonly offered: OfferedLoad;
  readonly connections: RecordedConnections;
  readonly events: RecordedEvents;
  readonly gcStartUs: readonly number[];
  readonly gcDeleted: readonly number[];
  readonly sampleMs: readonly number[];
  readonly occupancy: readonly number[];
  /** Cumulative evictions at each sample; undefined for maps that don't evict. */
  readonly evicted: readonly number[] | undefined;
}

/** Reads an experiment and its details. */
export function readRecording(root: Fields, file: VectorFile): Recording {
  onlyFields(root, FIELDS);
  const totals = fieldsOf(root, "totals");
  onlyFields(totals, TOTALS);
  const latency = fieldsOf(root, "syn_latency_us");
  onlyFields(latency, LATENCY);
  const series = fieldsOf(root, "series");
  onlyFields(series, SERIES);
  const gc = fieldsOf(root, "gc");
  onlyFields(gc, ["start_us", "dur_us", "cpu_us", "scanned", "deleted"]);
  const sampleMs = numbersOf(series, "t_ms");
  const detail = readDetail(root, file);
  return {
    name: textOf(root, "name"),
    kernel: textOf(root, "kernel"),
    hz: numberOf(root, "hz"),
    cpus: numberOf(root, "cpus"),
    params: fieldsOf(root, "params"),
    totals,
    latency,
    attemptOffsets: fieldsOf(root, "syn_attempt_offset_us"),
    ...detail,
    gcStartUs: numbersOf(gc, "start_us"),
    gcDeleted: numbersOf(gc, "deleted"),
    sampleMs,
    occupancy: numbersOf(series, "occ", sampleMs.length),
    evicted: "lru_evicted" in series ? numbersOf(series, "lru_evicted", sampleMs.length) : undefined,
  };
}

function readDetail(root: Fields, file: VectorFile): Pick<Recording, "offered" | "connections" | "events"> {
  const detail = parseVectors(file.sibling(textOf(root, "details_file")), []);
  onlyFields(detail, ["schema", "name", "connections", "outcome_codes", "events", "event_codes", "slow_requests"]);
  if (detail["schema"] !== DETAIL_SCHEMA) throw new FieldError("details schema", DETAIL_SCHEMA, detail["schema"]);
  if (detail["name"] !== root["name"]) throw new FieldError("details name", textOf(root, "name"), detail["name"]);
  const connections = fieldsOf(detail, "connections");
  onlyFields(connections, CONNECTIONS);
  const startUs = numbersOf(connections, "sched_us");
  const column = (name: string): readonly number[] => numbersOf(connections, name, startUs.length);
  const events = fieldsOf(detail, "events");
  onlyFields(events, EVENTS);
  const atUs = numbersOf(events, "t_us");
  return {
    offered: { startUs, lagUs: column("start_lag_us"), holdMs: exactHolds(fieldsOf(root, "params"), column("hold_ms")), leak: column("leak") },
    connections: {
      connectUs: column("connect_us"),
      synRetransmissions: column("syn_retrans"),
      outcome: column("outcome"),
      requests: column("n_req"),
      responses: column("n_resp"),
    },
    events: { atUs, connection: numbersOf(events, "conn", atUs.length), code: numbersOf(events, "ev", atUs.length) },
  };
}

/** Holds as they were drawn, if the recording's seed gives those that it tells in whole ms; else these. */
function exactHolds(params: Fields, holdMs: readonly number[]): readonly number[] {
  if (params["hold_dist"] !== "exp") return holdMs;
  const drawn = recordedHolds(numberOf(params, "seed"), numberOf(params, "hold_mean_s") * MS_PER_S, holdMs.length);
  return drawn.every((ms, i) => Math.floor(ms) === holdMs[i]) ? drawn : holdMs;
}

/** A list of numbers, of the given length when one is given. */
export function numbersOf(each: Fields, field: string, length?: number): readonly number[] {
  const list = listOf(each, field);
  if (length !== undefined && list.length !== length) throw new FieldError(field, `${length} numbers`, `${list.length} numbers`);
  const wrong = list.findIndex((value) => typeof value !== "number" || !Number.isFinite(value));
  if (wrong !== -1) throw new FieldError(`${field}[${wrong}]`, "a number", list[wrong]);
  return list as readonly number[];
}
