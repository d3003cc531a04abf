/**
 * One simulated variant, in a worker thread: takes plain data, gives plain data. How far it is and the wish to stop go
 * through shared memory: a thread that simulates does not read messages, and writes none that somebody had to be woken for.
 */
import { OutputError, type OutputFault } from "../report/output-error.js";
import type { Scenario } from "../scenario/types.js";
import type { CurveRequest } from "./curve/curve-observer.js";
import type { DumpRequest } from "./dump/request.js";
import type { PerfettoRequest } from "./perfetto/request.js";
import { simulateVariant, type SimulatedVariant } from "./simulate.js";
import type { TraceRequest } from "./trace/request.js";

export interface WorkerTask {
  readonly scenario: Scenario;
  readonly run: number;
  /** Connections to follow. */
  readonly traces: readonly TraceRequest[];
  /** See `SimulateOptions`. */
  readonly curves: CurveRequest | null;
  /** Existing folder for files that are written while running; null: none are. */
  readonly streamFolder: string | null;
  readonly perfetto: PerfettoRequest | null;
  readonly dump: DumpRequest | null;
  /** One Int32: not zero asks the run to stop. */
  readonly stop: SharedArrayBuffer;
  /** Simulated time reached by each task, ns, and which of them this one is. */
  readonly reached: Float64Array<SharedArrayBuffer>;
  readonly index: number;
}

/** What comes back. Classes of errors do not survive the way out of a thread, so a failed output is data too. */
export type WorkerOutcome =
  | { readonly simulated: SimulatedVariant }
  | { readonly output: { readonly path: string; readonly reason: string; readonly fault: OutputFault } };

export default function runTask(task: WorkerTask): WorkerOutcome {
  const stop = new Int32Array(task.stop);
  try {
    const simulated = simulateVariant(task.scenario, {
      run: task.run,
      traces: task.traces,
      streamFolder: task.streamFolder,
      ...(task.perfetto === null ? {} : { perfetto: task.perfetto }),
      ...(task.dump === null ? {} : { dump: task.dump }),
      ...(task.curves === null ? {} : { curves: task.curves }),
      aborted: () => Atomics.load(stop, 0) !== 0,
      onProgress: (nowNs) => void (task.reached[task.index] = nowNs),
    });
    return { simulated };
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    const { path, message, fault } = error;
    return { output: { path, reason: message.slice(path.length + 2), fault } };
  }
}
