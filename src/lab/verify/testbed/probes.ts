/**
 * `probes.json`: schedules of single behaviours. Black-holed SYNs, and data of an open connection that are always
 * dropped, are simulated as the experiments are; medians over the connections must agree within one percent.
 *
 * The connections start at the recorded moments (the recording holds its seed). They share one host's timer wheel, whose
 * phase the recording does not hold; the phase that fits best is searched, finest step first, and given to the
 * simulation as a starting condition.
 *
 * `lru_eviction` and `map_walk` are information here: the first is what `verify maps` replays operation by operation,
 * the second are costs of the recording's machine.
 */
import { NS_PER_MS, NS_PER_US } from "../../../core/units.js";
import { failed, passed, type CaseOutcome } from "../case.js";
import { FieldError, fieldsOf, guarded, isFields, listOf, numberOf, oneOf, onlyFields, type Fields } from "../fields.js";
import { recordedArrivals } from "./generator.js";
import { Outcome } from "./load.js";
import { median } from "./measures.js";
import { numbersOf } from "./recording.js";
import { clientOverrides, hzOf, kernelOf } from "./settings.js";
import { simulateExperiment, type ExperimentSettings, type Observed } from "./simulate.js";

export const PROBES_SCHEMA = "ctlab-testbed-probes/1";

const SECTIONS = ["schema", "kernel", "hz", "syn", "data", "lru_eviction", "map_walk"];
const PARAMS = [
  "hook", "timeout_init_jiffies", "client_sysctl", "route", "lambda_per_s", "duration_s", "drain_s", "seed", "map_type",
  "max_entries", "nonsyn_mode", "est_timeout_ms", "gc_interval_s", "request_interval_s",
];
/** Largest distance of a median moment from the recorded one, as a fraction of it. */
const BOUND = 0.01;
/** Candidates for the phase: the finest step of the wheel in milliseconds, then eight positions in each coarser one. */
const FINEST_STEP_JIFFIES = 8;
const STEP_RATIO = 8;
const COARSER_LEVELS = 3;
/** Bytes of a frame around the payload: Ethernet 14, IPv4 20, TCP 20, time stamp option 12. */
const FRAME_OVERHEAD = 66;
/** Longer than any probe lasts: the load generator never gives up by itself, s. */
const PATIENCE_S = 10_000;
/** Lifetimes that the probes leave at the experiments' defaults, ms. */
const SYN_TIMEOUT_MS = 6000;
const CLOSE_TIMEOUT_MS = 1000;

export function* verifyProbes(root: Fields): Generator<CaseOutcome> {
  for (const section of Object.keys(root)) {
    if (!SECTIONS.includes(section)) yield failed(section, section, "a known section", "unknown section");
  }
  yield* each(root, "syn", (probe, id) => synProbe(root, probe, id));
  yield* each(root, "data", (probe, id) => dataProbe(root, probe, id));
}

function* each(root: Fields, section: string, run: (probe: Fields, id: string) => CaseOutcome): Generator<CaseOutcome> {
  const probes = root[section];
  if (!isFields(probes)) {
    yield failed(section, section, "an object", probes);
    return;
  }
  for (const name of Object.keys(probes)) {
    yield guarded(`${section} ${name}`, () => run(fieldsOf(probes, name), `${section} ${name}`));
  }
}

/** SYNs into a map whose only slot is taken: times of the retransmissions, and of the error. */
function synProbe(root: Fields, probe: Fields, id: string): CaseOutcome {
  onlyFields(probe, ["params", "connections", "syn_offset_us", "gave_up", "still_trying"]);
  const recorded = mediansOf(probe, "syn_offset_us");
  const { observed, medians, startUs } = fit(root, probe, recorded, synMedians);
  const blackHoled = startUs.length - 1;
  if (blackHoled !== probe["connections"]) return failed(id, "connections", probe["connections"], blackHoled);
  const late = compareMedians(id, "SYN", recorded, medians);
  if (late !== undefined) return late;
  if (probe["gave_up"] !== null) {
    const gaveUp = fieldsOf(probe, "gave_up");
    onlyFields(gaveUp, ["n", "errno", "after_us"]);
    if (medians.length !== recorded.length) return failed(id, "SYNs sent", recorded.length, medians.length);
    const ended = [...observed.load.errno.keys()].filter((i) => observed.load.errno[i] !== 0);
    const errnos = [...new Set(ended.map((i) => observed.load.errno[i]!))];
    if (errnos.join() !== numbersOf(gaveUp, "errno").join()) return failed(id, "gave_up.errno", gaveUp["errno"], errnos);
    const wanted = numberOf(fieldsOf(gaveUp, "after_us"), "p50");
    const after = medianOf(ended.map((i) => observed.load.failedAt[i]! / NS_PER_US - startUs[i]!));
    if (!isNear(after, wanted)) return failed(id, "gave_up.after_us.p50", wanted, after);
  }
  return passed(id, observed.synArrivals.length);
}

/** One request on an open connection whose entry is gone, policy `drop`: times of its transmissions, and the end. */
function dataProbe(root: Fields, probe: Fields, id: string): CaseOutcome {
  onlyFields(probe, ["params", "connections", "transmission_offset_us", "gap_us", "tcpext_client", "outcomes"]);
  const recorded = mediansOf(probe, "transmission_offset_us");
  const { observed, medians, startUs } = fit(root, probe, recorded, transmissionMedians);
  if (startUs.length !== probe["connections"]) return failed(id, "connections", probe["connections"], startUs.length);
  const late = compareMedians(id, "transmission", recorded, medians) ?? compareLooks(id, probe, observed);
  if (late !== undefined) return late;
  const aborted = "reset" in fieldsOf(probe, "outcomes");
  const ended = observed.load.outcome.every((outcome) => outcome === Outcome.reset);
  if (aborted !== ended) return failed(id, "outcomes: ended by the kernel", aborted, ended);
  if (aborted && medians.length !== recorded.length) return failed(id, "transmissions", recorded.length, medians.length);
  return passed(id, observed.clientData.length);
}

/** Flags and frame lengths, the same for every transmission. */
function compareLooks(id: string, probe: Fields, observed: Observed): CaseOutcome | undefined {
  const last = observed.clientData.at(-1);
  const looks = { tcp_flags: [last?.tcpFlags], frame_bytes: [(last?.bytes ?? 0) + FRAME_OVERHEAD] };
  for (const [index, entry] of listOf(probe, "transmission_offset_us").entries()) {
    for (const field of ["tcp_flags", "frame_bytes"] as const) {
      const wanted = listOf(entry as Fields, field);
      if (wanted.join() !== looks[field].join()) return failed(id, `transmission ${index} ${field}`, wanted, looks[field]);
    }
  }
  return undefined;
}

function mediansOf(probe: Fields, field: string): number[] {
  const recorded = listOf(probe, field).map((entry, index) => {
    if (!isFields(entry)) throw new FieldError(`${field} ${index}`, "an object", entry);
    return numberOf(entry, "p50");
  });
  if (recorded.length === 0) throw new FieldError(field, "at least one moment", recorded);
  return recorded;
}

interface Fit {
  readonly observed: Observed;
  readonly medians: readonly number[];
  readonly startUs: readonly number[];
}

/** Simulates the probe with the phase of the host's timer wheel that brings it nearest to the recorded medians. */
function fit(root: Fields, probe: Fields, recorded: readonly number[], mediansIn: (observed: Observed) => number[]): Fit {
  const params = fieldsOf(probe, "params");
  const jiffyMs = 1000 / numberOf(root, "hz");
  const arrivals = recordedArrivals(numberOf(params, "seed"), numberOf(params, "lambda_per_s"), numberOf(params, "duration_s"));
  const startUs = arrivals.map((s) => Math.floor(s * 1e6));
  let best: { phaseMs: number; error: number; observed: Observed; medians: readonly number[] } | undefined;
  const attempt = (phaseMs: number): void => {
    const observed = simulate(root, params, startUs, phaseMs);
    const medians = mediansIn(observed);
    const error = recorded.reduce((sum, wanted, k) => sum + ((medians[k] ?? 0) - wanted) ** 2 / Math.max(wanted, 1) ** 2, 0);
    if (best === undefined || error < best.error) best = { phaseMs, error, observed, medians };
  };
  let stepMs = FINEST_STEP_JIFFIES * jiffyMs;
  for (let phaseMs = 0; phaseMs < stepMs; phaseMs++) attempt(phaseMs);
  for (let level = 0; level < COARSER_LEVELS; level++) {
    const { phaseMs } = best!;
    for (let position = 1; position < STEP_RATIO; position++) attempt(phaseMs + position * stepMs);
    stepMs *= STEP_RATIO;
  }
  return { ...best!, startUs };
}

function compareMedians(
  id: string, what: string, recorded: readonly number[], medians: readonly number[],
): CaseOutcome | undefined {
  for (const [index, wanted] of recorded.entries()) {
    const actual = medians[index];
    if (actual === undefined || !isNear(actual, wanted)) {
      return failed(id, `${what} ${index} p50, µs`, wanted, actual ?? "not sent");
    }
  }
  return undefined;
}

function isNear(actual: number, wanted: number): boolean {
  return Math.abs(actual - wanted) <= BOUND * wanted;
}

function simulate(root: Fields, params: Fields, startUs: readonly number[], phaseMs: number): Observed {
  onlyFields(params, PARAMS);
  const hz = numberOf(root, "hz");
  const lengthS = numberOf(params, "duration_s") + numberOf(params, "drain_s");
  const gcIntervalUs = numberOf(params, "gc_interval_s") * 1e6;
  const passes = gcIntervalUs === 0 ? 0 : Math.floor((lengthS * 1e6) / gcIntervalUs);
  const settings: ExperimentSettings = {
    classifier: {
      mapType: oneOf(params, "map_type", ["hash"]),
      maxEntries: numberOf(params, "max_entries"),
      synTimeoutMs: SYN_TIMEOUT_MS,
      estTimeoutMs: numberOf(params, "est_timeout_ms"),
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      nonSynMode: oneOf(params, "nonsyn_mode", ["recreate", "drop"]),
      cpus: 1,
    },
    load: { requestIntervalS: numberOf(params, "request_interval_s"), connectTimeoutS: PATIENCE_S, ioTimeoutS: PATIENCE_S },
    hook: oneOf(params, "hook", ["server", "client"]),
    lengthS,
    gcStartUs: Array.from({ length: passes }, (_, index) => (index + 1) * gcIntervalUs),
    kernel: kernelOf(String(root["kernel"])),
    client: clientOverrides(params, hz),
    server: { hz: hzOf(hz) },
  };
  const offered = { startUs, lagUs: startUs.map(() => 0), holdMs: startUs.map(() => PATIENCE_S * 1000), leak: startUs.map(() => 1) };
  return simulateExperiment(settings, offered, { bootedNs: phaseMs * NS_PER_MS, cpuOf: () => 0 });
}

function synMedians(observed: Observed): number[] {
  return [0, ...observed.attemptOffsetsUs.slice(1).map(medianOf)];
}

/** Median times of the transmissions of each connection's second request after its first transmission, µs. */
function transmissionMedians(observed: Observed): number[] {
  const of = new Map<number, number[]>();
  for (const { connection, atNs } of observed.clientData) {
    const moments = of.get(connection);
    if (moments === undefined) of.set(connection, []);
    else moments.push(atNs / NS_PER_US);
  }
  const offsets: number[][] = [];
  for (const moments of of.values()) {
    for (const [index, at] of moments.entries()) (offsets[index] ??= []).push(at - moments[0]!);
  }
  return offsets.map(medianOf);
}

function medianOf(values: readonly number[]): number {
  return median(values.toSorted((a, b) => a - b));
}
