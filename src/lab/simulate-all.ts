/** Variants in worker threads, as many at a time as asked for. The result does not depend on how many there are. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import Tinypool from "tinypool";
import { OutputError } from "../report/output-error.js";
import type { Scenario } from "../scenario/types.js";
import type { CurveRequest } from "./curve/curve-observer.js";
import type { DumpRequest } from "./dump/request.js";
import { INLINING } from "./inlining.js";
import type { PerfettoRequest } from "./perfetto/request.js";
import { WORKER } from "./program-files.js";
import type { SimulatedVariant } from "./simulate.js";
import type { TraceRequest } from "./trace/request.js";
import type { WorkerOutcome, WorkerTask } from "./worker.js";

/** Time between two looks at how far the threads are, ms. */
const PROGRESS_MS = 50;

/** Where a run stands: simulated time of each variant. */
export interface RunProgress {
  readonly variants: readonly { readonly name: string; readonly reachedNs: number; readonly durationNs: number }[];
}

export interface SimulateAllOptions {
  /** Independent sub-streams under the same seed. */
  readonly run: number;
  /** Worker threads at a time; default: one per CPU of this machine. */
  readonly jobs?: number;
  /** Asks the run to stop; what is finished is kept. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  /** Told of every task that ran to its end, as it ends. */
  readonly onFinished?: (task: number, simulated: SimulatedVariant) => void;
}

export interface VariantTask {
  readonly scenario: Scenario;
  /** Independent sub-streams of this task; default: the run of all. */
  readonly run?: number;
  /** Existing folder for files that are written while running; null: none are. */
  readonly streamFolder: string | null;
  /** Connections to follow. */
  readonly traces: readonly TraceRequest[];
  readonly perfetto?: PerfettoRequest;
  readonly dump?: DumpRequest;
  /** See `SimulateOptions`. */
  readonly curves?: CurveRequest;
}

/** In the order of the tasks. Variants that had not begun when the run was stopped are left out. Throws `OutputError`. */
export async function simulateAll(tasks: readonly VariantTask[], options: SimulateAllOptions): Promise<readonly SimulatedVariant[]> {
  for (const flag of INLINING) setFlagsFromString(flag);
  const threads = Math.max(1, Math.min(options.jobs ?? availableParallelism(), tasks.length));
  const pool = new Tinypool({
    filename: WORKER.href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
  });
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const abort = (): void => void Atomics.store(new Int32Array(stop), 0, 1);
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted === true) abort();
  const reached = new Float64Array(new SharedArrayBuffer(tasks.length * Float64Array.BYTES_PER_ELEMENT));
  const report = (): void =>
    options.onProgress?.({
      variants: tasks.map(({ scenario: { variant, name, durationNs } }, i) => ({ name: variant ?? name, reachedNs: reached[i]!, durationNs })),
    });
  const looking = options.onProgress === undefined ? undefined : setInterval(report, PROGRESS_MS);
  try {
    const results: SimulatedVariant[] = [];
    const simulate = async (index: number): Promise<void> => {
      const { scenario, run = options.run, streamFolder, traces, perfetto = null, dump = null, curves = null } = tasks[index]!;
      const task: WorkerTask = { scenario, run, traces, streamFolder, perfetto, dump, curves, stop, reached, index };
      const outcome = (await pool.run(task)) as WorkerOutcome;
      if ("output" in outcome) throw new OutputError(outcome.output.path, outcome.output.reason, outcome.output.fault);
      const { simulated } = outcome;
      reached[index] = simulated.variant.reachedNs;
      report();
      if (simulated.variant.reachedNs === scenario.durationNs) options.onFinished?.(index, simulated);
      results[index] = simulated;
    };
    // Tasks are handed out as threads get free, so that those that have not begun when the run is stopped need not be built.
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < tasks.length && (next === 0 || options.signal?.aborted !== true)) await simulate(next++);
    };
    await Promise.all(Array.from({ length: threads }, work));
    const begun = results.filter(({ variant }) => variant.reachedNs > 0);
    return begun.length > 0 ? begun : results;
  } finally {
    clearInterval(looking);
    options.signal?.removeEventListener("abort", abort);
    await pool.destroy();
  }
}
