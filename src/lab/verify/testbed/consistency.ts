/**
 * Whether a recording's summary says what its own details say. A summary that is compared with the simulation must be
 * sound itself; one that was damaged or edited is found here.
 */
import type { Difference } from "../case.js";
import { fieldsOf, numberOf, type Fields } from "../fields.js";
import { Outcome } from "./load.js";
import { EventCode, type Recording } from "./recording.js";

/** Fractions are recorded with five digits. */
const FRACTION_DIGITS = 5;
const QUANTILES: Readonly<Record<string, number>> = {
  p1: 0.01, p5: 0.05, p10: 0.1, p25: 0.25, p50: 0.5, p75: 0.75, p90: 0.9, p95: 0.95, p99: 0.99, "p99.9": 0.999,
};

const CLASSIFIER_ONLY = [
  "syn_matched_existing", "syn_reopened", "syn_dropped_other", "packets", "both_ways_closed", "gc_delete_errors", "event_log_lost",
];
/** Totals that the details repeat as events. */
const FROM_EVENTS = [
  "syn_packets", "syn_created", "syn_dropped_e2big", "syn_drop_fraction", "connections_with_syn_drop",
  "connections_with_syn_drop_fraction", "nonsyn_without_entry", "nonsyn_recreated", "nonsyn_recreate_failed_drop",
  "nonsyn_policy_drop", "lru_evicted",
];

/** Names of outcomes in `totals.outcomes`. */
const OUTCOME_NAMES: Readonly<Record<string, number>> = {
  closed: Outcome.closed,
  connect_timeout: Outcome.connectTimeout,
  connect_error: Outcome.connectError,
  reset: Outcome.reset,
  io_timeout: Outcome.ioTimeout,
  leaked: Outcome.leaked,
  censored: Outcome.censored,
  connect_censored: Outcome.connectCensored,
  not_started: Outcome.notStarted,
};

/** The first total that the details contradict. */
export function contradiction(recording: Recording): Difference | undefined {
  return (
    ofCounts("totals", recording.totals, countsOf(recording)) ??
    ofOutcomes(recording) ??
    ofQuantiles(recording) ??
    ofAttempts(recording)
  );
}

function countsOf(recording: Recording): Fields {
  const { connections, events, gcDeleted, gcStartUs, occupancy, totals, evicted } = recording;
  const established = connections.connectUs.filter((latency) => latency >= 0).length;
  const count = (code: number): number => events.code.reduce((sum, each) => sum + (each === code ? 1 : 0), 0);
  const refused = count(EventCode.synRefused);
  const created = count(EventCode.synNew);
  const syns = created + refused + count(EventCode.synError) + count(EventCode.synMatch) + count(EventCode.synReopened);
  const lost = new Set(events.connection.filter((_, i) => events.code[i] === EventCode.synRefused)).size;
  const recreated = count(EventCode.recreated);
  const recreateFailed = count(EventCode.recreateFailed);
  const dropped = count(EventCode.dropped);
  const deleted = sum(gcDeleted);
  return {
    connections: connections.connectUs.length,
    established,
    syn_packets: syns,
    syn_created: created,
    syn_dropped_e2big: refused,
    syn_drop_fraction: fraction(refused, syns),
    connections_with_syn_drop: lost,
    connections_with_syn_drop_fraction: fraction(lost, connections.connectUs.length),
    nonsyn_without_entry: recreated + recreateFailed + dropped + count(EventCode.passed),
    nonsyn_recreated: recreated,
    nonsyn_recreate_failed_drop: recreateFailed,
    nonsyn_policy_drop: dropped,
    gc_runs: gcStartUs.length,
    gc_deleted: deleted,
    requests: sum(connections.requests),
    responses: sum(connections.responses),
    ...(evicted === undefined ? {} : { lru_evicted: created + recreated - deleted - occupancy.at(-1)! }),
    // Counted by the classifier alone; no detail to hold them against.
    ...pick(totals, [...CLASSIFIER_ONLY, ...(logIsWhole(totals) ? [] : FROM_EVENTS)]),
  };
}

/** Whether every SYN left exactly one event: none was lost, and none met an entry, which is noted in several ways. */
function logIsWhole(totals: Fields): boolean {
  return totals["event_log_lost"] === 0 && totals["syn_matched_existing"] === 0 && totals["syn_reopened"] === 0;
}

function ofCounts(where: string, recorded: Fields, expected: Fields): Difference | undefined {
  for (const name of Object.keys(recorded)) {
    if (name === "outcomes" || recorded[name] === expected[name]) continue;
    return { where: `${where}.${name} against the details`, expected: String(expected[name]), actual: String(recorded[name]) };
  }
  return undefined;
}

function ofOutcomes(recording: Recording): Difference | undefined {
  const recorded = fieldsOf(recording.totals, "outcomes");
  const expected: Record<string, number> = {};
  for (const [name, code] of Object.entries(OUTCOME_NAMES)) {
    const count = recording.connections.outcome.filter((outcome) => outcome === code).length;
    if (count > 0 || name in recorded) expected[name] = count;
  }
  const unknown = recording.connections.outcome.find((outcome) => !Object.values(OUTCOME_NAMES).includes(outcome));
  if (unknown !== undefined) return { where: "connections.outcome", expected: "a known code", actual: String(unknown) };
  const missing = Object.keys(expected).find((name) => !(name in recorded));
  if (missing !== undefined) return { where: `totals.outcomes.${missing}`, expected: String(expected[missing]), actual: "nothing" };
  return ofCounts("totals.outcomes", recorded, expected);
}

function ofQuantiles(recording: Recording): Difference | undefined {
  const { connectUs, synRetransmissions } = recording.connections;
  const established = fieldsOf(recording.latency, "established");
  const all = connectUs.filter((latency) => latency >= 0).sort((a, b) => a - b);
  const overall = quantilesDiffer("syn_latency_us.established", established, all);
  if (overall !== undefined) return overall;
  const byCount = fieldsOf(recording.latency, "by_syn_retrans");
  for (const key of Object.keys(byCount)) {
    const of = connectUs.filter((latency, i) => latency >= 0 && synRetransmissions[i] === Number(key)).sort((a, b) => a - b);
    const difference = quantilesDiffer(`syn_latency_us.by_syn_retrans.${key}`, fieldsOf(byCount, key), of);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function ofAttempts(recording: Recording): Difference | undefined {
  const offsets = attemptOffsets(recording);
  for (const key of Object.keys(recording.attemptOffsets)) {
    const of = (offsets[Number(key)] ?? []).sort((a, b) => a - b);
    const recorded = numberOf(fieldsOf(recording.attemptOffsets, key), "n");
    if (recorded !== of.length) {
      return { where: `syn_attempt_offset_us.${key}.n against the details`, expected: String(of.length), actual: String(recorded) };
    }
  }
  return undefined;
}

/** For each k the offsets, µs, of the k-th SYN retransmission from the connection's first SYN, as the details have them. */
export function attemptOffsets(recording: Recording): number[][] {
  const { atUs, code, connection } = recording.events;
  const first = new Map<number, number>();
  const attempts = new Map<number, number>();
  const offsets: number[][] = [];
  atUs.forEach((at, index) => {
    if (!isSyn(code[index]!)) return;
    const of = connection[index]!;
    const start = first.get(of);
    if (start === undefined) {
      first.set(of, at);
      return;
    }
    const attempt = (attempts.get(of) ?? 0) + 1;
    attempts.set(of, attempt);
    (offsets[attempt] ??= []).push(at - start);
  });
  return offsets;
}

function isSyn(code: number): boolean {
  return code <= EventCode.synMatch || code === EventCode.synReopened;
}

/** Quantiles may be taken at either of the two ranks around q · n. */
function quantilesDiffer(where: string, recorded: Fields, sorted: readonly number[]): Difference | undefined {
  if (numberOf(recorded, "n") !== sorted.length) {
    return { where: `${where}.n against the details`, expected: String(sorted.length), actual: String(recorded["n"]) };
  }
  for (const [name, q] of Object.entries({ ...QUANTILES, min: 0, max: 1 })) {
    if (sorted.length === 0 || !(name in recorded)) continue;
    const rank = q * sorted.length;
    const low = sorted[Math.max(0, Math.floor(rank) - 1)]!;
    const high = sorted[Math.min(sorted.length - 1, Math.ceil(rank))]!;
    const value = numberOf(recorded, name);
    if (value < low || value > high) {
      return { where: `${where}.${name} against the details`, expected: `${low} … ${high}`, actual: String(value) };
    }
  }
  return undefined;
}

function fraction(part: number, whole: number): number {
  return Number((part / whole).toFixed(FRACTION_DIGITS));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}
