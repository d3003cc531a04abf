/**
 * Runs a scenario: every variant in a worker thread, as many at a time as asked for, and one folder for all of it.
 * The result does not depend on how many workers there are or in which order they end.
 */
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { setFlagsFromString } from "node:v8";
import { MessageChannel } from "node:worker_threads";
import Tinypool from "tinypool";
import { Fingerprint } from "../core/fingerprint.js";
import { DROP_REASONS } from "../cilium/datapath/drop-reasons.js";
import { VERSION } from "../core/version.js";
import { RESULT_SCHEMA_VERSION, type ExperimentResult, type VariantResult } from "../observe/result.js";
import { OutputError } from "../report/output-error.js";
import { RunFolder } from "../report/run-folder.js";
import { variantFile, writeReports } from "../report/write-run.js";
import { loadScenario } from "../scenario/load.js";
import type { Scenario, ScenarioFile } from "../scenario/types.js";
import { refuseUnsupported, unknownVariant } from "./input.js";
import { experimentVerdict } from "./verdict.js";
import { FLOWS_FILE, LATENCY_FILE, type SimulatedVariant } from "./simulate.js";
import { parseTraceRequest, type TraceRequest } from "./trace/request.js";
import type { ConnectionTrace } from "./trace/result.js";
import { TRACE_FILE, traceText } from "./trace/text.js";
import type { ProgressMessage, WorkerOutcome, WorkerTask } from "./worker.js";

/**
 * How much bytecode V8 takes into one compiled function, about three times its own limits: a packet's way through the
 * programs is long. Runs take 3 to 6 % less time; results are the same.
 */
const INLINING = ["--max-inlined-bytecode-size=1200", "--max-inlined-bytecode-size-cumulative=3000"] as const;

export interface RunOptions {
  readonly scenarioPath: string;
  /** Names of variants; empty = all. */
  readonly variants: readonly string[];
  /** `path=value` overrides of the scenario file. */
  readonly set: readonly string[];
  readonly seed?: string;
  /** Independent sub-streams under the same seed. */
  readonly run: number;
  /** Worker threads at a time; default: one per CPU of this machine. */
  readonly jobs?: number;
  /** Target folder; default under `reports/`. */
  readonly out?: string;
  /** A connection to follow, as `--trace` takes it. */
  readonly trace?: string;
  /** The command that repeats this run. */
  readonly command: string;
  /** Asks the run to stop; what is finished is kept. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

/** Where the run stands: simulated time of each variant. */
export interface RunProgress {
  readonly variants: readonly { readonly name: string; readonly reachedNs: number; readonly durationNs: number }[];
}

export interface FinishedRun {
  readonly result: ExperimentResult;
  readonly folder: string;
  readonly warnings: ScenarioFile["warnings"];
  /** The followed connection of each variant that was run; empty when none was asked for. */
  readonly traces: readonly ConnectionTrace[];
}

/** Texts that an expectation may name. */
const DROP_TEXTS = DROP_REASONS.flatMap(({ text }) => (text === undefined ? [] : [text]));

/** Loads, simulates, writes. Throws `InputError` or `OutputError` before anything is left behind. */
export async function runExperiment(options: RunOptions): Promise<FinishedRun> {
  const file = loadScenario(options.scenarioPath, { set: options.set, dropReasons: DROP_TEXTS });
  const scenarios = chooseVariants(file, options);
  refuseUnsupported(file.path, scenarios);
  const workloads = [...new Set(scenarios.flatMap((scenario) => scenario.workloads.map(({ name }) => name)))];
  const trace = options.trace === undefined ? null : parseTraceRequest(options.trace, workloads);
  const dir = options.out ?? `reports/${file.base.name}`;
  const folder = RunFolder.create(dir);
  try {
    const simulated = await simulateAll(scenarios, folder, options, trace);
    const result = assemble(file, scenarios, simulated, options);
    for (const { variant, latencyLog, trace: followed } of simulated) {
      folder.write(variantFile(variant.name, scenarios.length, LATENCY_FILE), latencyLog);
      if (followed !== null) folder.write(variantFile(variant.name, scenarios.length, TRACE_FILE), traceText(followed));
    }
    writeReports(folder, result, scenarios.length);
    folder.commit();
    const traces = simulated.flatMap(({ trace: followed }) => (followed === null ? [] : [followed]));
    return { result, folder: dir, warnings: file.warnings, traces };
  } catch (error) {
    folder.abandon();
    throw error;
  }
}

function chooseVariants(file: ScenarioFile, options: RunOptions): readonly Scenario[] {
  const known = file.variants.map(({ variant }) => variant ?? "");
  for (const name of options.variants) if (!known.includes(name)) throw unknownVariant(file.path, name, known);
  const chosen = file.variants.filter(({ variant }) => options.variants.length === 0 || options.variants.includes(variant ?? ""));
  return options.seed === undefined ? chosen : chosen.map((scenario) => ({ ...scenario, seed: options.seed! }));
}

/** Variants that had not begun when the run was stopped are left out. */
async function simulateAll(
  scenarios: readonly Scenario[],
  folder: RunFolder,
  options: RunOptions,
  trace: TraceRequest | null,
): Promise<readonly SimulatedVariant[]> {
  for (const flag of INLINING) setFlagsFromString(flag);
  const threads = Math.max(1, Math.min(options.jobs ?? availableParallelism(), scenarios.length));
  const pool = new Tinypool({
    filename: new URL("./worker.js", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
  });
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const abort = (): void => void Atomics.store(new Int32Array(stop), 0, 1);
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted === true) abort();
  const reached = scenarios.map(() => 0);
  const report = (): void =>
    options.onProgress?.({
      variants: scenarios.map(({ variant, name, durationNs }, i) => ({ name: variant ?? name, reachedNs: reached[i]!, durationNs })),
    });
  try {
    const results = await Promise.all(
      scenarios.map(async (scenario, index) => {
        const { port1, port2 } = new MessageChannel();
        port1.on("message", ({ nowNs }: ProgressMessage) => {
          reached[index] = nowNs;
          report();
        });
        const streamFolder = dirname(folder.place(variantFile(scenario.variant, scenarios.length, FLOWS_FILE)));
        const task: WorkerTask = { scenario, run: options.run, trace, streamFolder, stop, port: port2 };
        const outcome = (await pool.run(task, { transferList: [port2] })) as WorkerOutcome;
        if ("output" in outcome) throw new OutputError(outcome.output.path, outcome.output.reason, outcome.output.fault);
        const { simulated } = outcome;
        reached[index] = simulated.variant.reachedNs;
        report();
        return simulated;
      }),
    );
    const begun = results.filter(({ variant }) => variant.reachedNs > 0);
    return begun.length > 0 ? begun : results;
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await pool.destroy();
  }
}

function assemble(
  file: ScenarioFile,
  scenarios: readonly Scenario[],
  simulated: readonly SimulatedVariant[],
  options: RunOptions,
): ExperimentResult {
  const variants = simulated.map(({ variant }) => variant);
  return {
    schemaVersion: RESULT_SCHEMA_VERSION,
    ctlab: VERSION,
    scenario: { name: file.base.name, about: file.base.about, hash: file.hash },
    seed: scenarios[0]!.seed,
    run: options.run,
    command: options.command,
    partial: variants.length < scenarios.length || variants.some(({ reachedNs, durationNs }) => reachedNs < durationNs),
    fingerprint: combined(variants),
    verdict: experimentVerdict(scenarios, variants),
    variants,
  };
}

function combined(variants: readonly VariantResult[]): string {
  const all = new Fingerprint();
  for (const { fingerprint } of variants) {
    for (let at = 0; at < fingerprint.length; at += 8) all.mix(Number.parseInt(fingerprint.slice(at, at + 8), 16) | 0);
  }
  return all.hex();
}
