/**
 * `ctlab verify testbed --live`: the recorded experiment built for real on this machine and simulated, side by side. The
 * simulation is told what recordings tell it (offered load, times of GC passes, phase of the timer wheel) and compared
 * with the same measures and bounds.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { RandomStreams, type RandomStream } from "../../core/random.js";
import { cpuHistory } from "../verify/testbed/cpu-history.js";
import { bootTimeOf } from "../verify/testbed/host-clock.js";
import type { OfferedLoad } from "../verify/testbed/load.js";
import { holds, measure, type Measure } from "../verify/testbed/measures.js";
import { settingsOf } from "../verify/testbed/settings.js";
import { simulateExperiment } from "../verify/testbed/simulate.js";
import { inspectMachine } from "./machine.js";
import { isUnavailable, openKernel, type LiveUnavailable } from "./syscall.js";
import { CONNECTIONS_MAX, recordLive, SetupError, type LiveExperiment, type LiveRecording } from "./testbed/experiment.js";

/** Shorter than this there is hardly a GC pass to see; longer and client ports run out. */
export const SECONDS_MIN = 10;
export const SECONDS_MAX = 300;
/** As in the recorded experiments 03 and 04: λ 100, hold 5 s, one in ten goes idle, 1200 entries, GC every 10 s. */
const ARRIVALS_PER_S = 100;
const HOLD_MEAN_S = 5;
const IDLE_SHARE = 0.1;
const ENTRIES = 1200;
const GC_INTERVAL_S = 10;
/** Share of the time in which connections start; the rest is watched. */
const OFFERING = 0.75;
/** Passes in a run that is too short for six at the recorded interval. */
const PASSES = 6;
const TOOLS = ["ip", "tc", "mount", "umount"];

export interface LiveTestbedOptions {
  readonly seconds: number;
  readonly seed: string;
  readonly map: "hash" | "lru";
  readonly signal: AbortSignal;
  readonly onProgress?: (seconds: number, of: number) => void;
}

export interface LiveTestbedReport {
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: string;
  readonly seconds: number;
  readonly map: { readonly type: string; readonly maxEntries: number; readonly gcIntervalS: number };
  readonly connections: number;
  readonly lagUs: { readonly median: number; readonly largest: number };
  readonly measures: readonly Measure[];
  readonly held: boolean;
}

/** Rejects with an `AbortError` when interrupted; nothing is left behind then. */
export async function verifyTestbedLive(options: LiveTestbedOptions): Promise<LiveTestbedReport | LiveUnavailable> {
  const missing = TOOLS.filter((tool) => !isInPath(tool));
  if (process.platform === "linux" && missing.length > 0) {
    return { reason: "other", message: `needs ${missing.join(", ")} (Debian: packages iproute2 and mount)` };
  }
  const kernel = await openKernel();
  if (isUnavailable(kernel)) return kernel;
  const machine = inspectMachine(kernel);
  if (isUnavailable(machine)) return machine;
  const experiment = experimentOf(options, machine.possibleCpus);
  let live: LiveRecording;
  try {
    live = await recordLive(kernel, machine, experiment, options.signal, (seconds) => options.onProgress?.(seconds, options.seconds));
  } catch (error) {
    if (error instanceof SetupError) return { reason: "other", message: `the experiment can't be built: ${error.message}` };
    throw error;
  }
  const { recording, lagUs } = live;
  const settings = settingsOf(recording);
  const bootedNs = bootTimeOf(recording.events, recording.hz, new RandomStreams(options.seed).stream("boot"));
  const observed = simulateExperiment(settings, recording.offered, { bootedNs, cpuOf: cpuHistory(recording, settings, bootedNs) });
  const measures = measure(recording, observed);
  const { mapType, maxEntries } = experiment.classifier;
  return {
    kernel: machine.release,
    cpus: machine.possibleCpus,
    seed: options.seed,
    seconds: options.seconds,
    map: { type: mapType, maxEntries, gcIntervalS: experiment.gcIntervalS },
    connections: experiment.offered.startUs.length,
    lagUs,
    measures,
    held: measures.every(holds),
  };
}

/** A shorter experiment collects more often and has as many entries fewer, so that its map fills between passes too. */
function experimentOf({ seconds, seed, map }: LiveTestbedOptions, cpus: number): LiveExperiment {
  const gcIntervalS = Math.min(GC_INTERVAL_S, Math.max(1, Math.floor(seconds / PASSES)));
  const durationS = Math.round(seconds * OFFERING);
  return {
    name: `live_${map}`,
    classifier: {
      mapType: map,
      maxEntries: Math.round((ENTRIES * gcIntervalS) / GC_INTERVAL_S),
      synTimeoutMs: 6000,
      estTimeoutMs: 2000 * gcIntervalS,
      closeTimeoutMs: 1000,
      nonSynMode: "recreate",
      cpus,
    },
    load: { requestIntervalS: 2, connectTimeoutS: 15, ioTimeoutS: 10 },
    offered: offeredLoad(durationS, new RandomStreams(seed)),
    durationS,
    drainS: seconds - durationS,
    gcIntervalS,
  };
}

function offeredLoad(durationS: number, streams: RandomStreams): OfferedLoad {
  const [arrivals, holds, idle] = ["arrivals", "holds", "idle"].map((name) => streams.stream(name)) as [RandomStream, RandomStream, RandomStream];
  const startUs: number[] = [];
  for (let at = arrivals.exponential(1e6 / ARRIVALS_PER_S); at < durationS * 1e6 && startUs.length < CONNECTIONS_MAX; ) {
    startUs.push(Math.round(at));
    at += arrivals.exponential(1e6 / ARRIVALS_PER_S);
  }
  return {
    startUs,
    lagUs: startUs.map(() => 0),
    holdMs: startUs.map(() => Math.round(holds.exponential(HOLD_MEAN_S * 1000))),
    leak: startUs.map(() => (idle.chance(IDLE_SHARE) ? 1 : 0)),
  };
}

function isInPath(tool: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, tool)));
}
