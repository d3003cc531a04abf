/** Fills a table: a scenario with every combination of a grid's values, several runs each, all cores busy, finished points kept. */
import { availableParallelism } from "node:os";
import { formatDuration, NS_PER_MS } from "../../core/units.js";
import { SWEEP_POINT_FORMAT, type SweepPlan, type SweepTable, type SweptRun } from "../../observe/sweep-result.js";
import { outcomeOf } from "../../report/wording.js";
import { Diagnostics } from "../../scenario/diagnostics.js";
import type { ScenarioFile } from "../../scenario/types.js";
import { figuredRun } from "../run-figures.js";
import { simulateAll } from "../simulate-all.js";
import { estimateRunMs } from "./estimate.js";
import { GRID_SOURCE } from "./grid.js";
import { SweepPoints, type PlannedPoint, type SweepRequest } from "./points.js";
import { finishedPoints, openSweep, readPlan, readPoint, writePoint } from "./sweep-folder.js";
import { tabulate } from "./tabulate.js";
import { writeTables } from "./write-tables.js";

export interface SweepOptions extends SweepRequest {
  readonly out: string;
  /** This part of the points only: the n-th, and every so many after it. */
  readonly shard?: { readonly index: number; readonly of: number };
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  /** Whether a sweep of more than an hour is meant. */
  readonly yes: boolean;
  /** Told once, before anything long begins. */
  readonly onPlanned?: (planned: PlannedSweep) => void;
  readonly onProgress?: (progress: SweepProgress) => void;
}

export interface PlannedSweep {
  readonly points: number;
  readonly runs: number;
  /** Runs that are still to be simulated here. */
  readonly left: number;
  /** Null when there is too little to do for an estimate. */
  readonly estimateMs: number | null;
  readonly jobs: number;
}

export interface SweepProgress {
  readonly runsDone: number;
  readonly runs: number;
  /** Share of the simulated time that has passed, 0 … 1. */
  readonly share: number;
}

export interface FinishedSweep {
  readonly table: SweepTable;
  /** Points of this shard that are not finished. */
  readonly missing: number;
  readonly warnings: ScenarioFile["warnings"];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Fewer runs are begun without an estimate. */
const ESTIMATE_FROM = 20;
/** Points that are loaded within seconds. */
const LOADED_FIRST = 500;
/** Runs handed over at a time: their results are held together. */
const RUNS_AT_ONCE = 100;

/** Throws `InputError` or `OutputError` before anything is written or overwritten. */
export async function sweepScenario(options: SweepOptions): Promise<FinishedSweep> {
  const points = new SweepPoints(options);
  const jobs = options.jobs ?? availableParallelism();
  const { shard } = options;
  const isMine = (point: number): boolean => shard === undefined || point % shard.of === shard.index - 1;
  const mine = numbers(points.count).filter(isMine);
  // A folder that can't be used is worth knowing before the estimate.
  const before = new Set(readPlan(options.out) === null ? [] : finishedPoints(options.out));
  const left = mine.filter((point) => !before.has(point)).length * options.runs.length;
  // Mistakes before estimates; of a huge grid the estimate first, which may be reason enough to stop.
  const early = points.count <= LOADED_FIRST ? points.load(numbers(points.count)) : null;
  await announce(points, mine, left, jobs, options);
  const all = early ?? points.load(numbers(points.count));
  const plan = points.plan(all);
  openSweep(options.out, plan);
  const finished = new Set(finishedPoints(options.out));
  for (const point of finished) readPoint(options.out, plan, point);
  const todo = mine.filter((point) => !finished.has(point)).map((point) => all[point]!);
  await simulatePoints(todo, plan, options);
  const there = finishedPoints(options.out);
  const table = tabulate(plan, there.map((point) => readPoint(options.out, plan, point)));
  if (!table.partial) await writeTables(options.out, table);
  return { table, missing: mine.length - there.filter(isMine).length, warnings: points.base.warnings };
}

/** A count and an estimate first; more than an hour must be meant. */
async function announce(points: SweepPoints, mine: readonly number[], left: number, jobs: number, options: SweepOptions): Promise<void> {
  const samples = [...new Set([mine.at(-1)!, mine[0]!, mine[mine.length >> 1]!])].filter((point) => point !== undefined);
  const isLong = left >= ESTIMATE_FROM;
  const runMs = isLong ? await estimateRunMs(points.load(samples).map(({ scenario }) => scenario), options.jobs, options.signal) : 0;
  const estimateMs = runMs === 0 ? null : (runMs * left) / jobs;
  const planned = { points: mine.length, runs: mine.length * options.runs.length, left, estimateMs, jobs };
  if (estimateMs !== null && estimateMs > HOUR_MS && !options.yes) {
    const found = new Diagnostics();
    const time = formatDuration(Math.round(estimateMs / MINUTE_MS) * MINUTE_MS * NS_PER_MS);
    const message = `${planned.points} points with ${options.runs.length} runs each, ${left} runs to do, take about ${time} on ${jobs} threads`;
    found.unreadable(GRID_SOURCE, message, { expected: "a smaller grid, --shard i/n to spread it over machines, or --yes if that is meant" });
    found.throwIfErrors();
  }
  options.onPlanned?.(planned);
}

/** Writes each point as its last run ends. */
async function simulatePoints(points: readonly PlannedPoint[], plan: SweepPlan, options: SweepOptions): Promise<void> {
  const tasks = points.flatMap((point) => plan.runs.map((run) => ({ point, run, scenario: point.scenario, streamFolder: null, traces: [] })));
  const done = new Map<number, SweptRun[]>();
  const total = tasks.reduce((sum, { scenario }) => sum + scenario.durationNs, 0);
  let [runsDone, passed] = [0, 0];
  for (let from = 0; from < tasks.length && options.signal?.aborted !== true; from += RUNS_AT_ONCE) {
    const batch = tasks.slice(from, from + RUNS_AT_ONCE);
    await simulateAll(batch, {
      run: 0,
      ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onProgress: ({ variants }) => {
        const reached = variants.reduce((sum, { reachedNs }) => sum + reachedNs, 0);
        options.onProgress?.({ runsDone, runs: tasks.length, share: (passed + reached) / total });
      },
      onFinished: (task, { variant }) => {
        const { point, run } = batch[task]!;
        runsDone++;
        const runs = done.get(point.point) ?? [];
        done.set(point.point, runs);
        runs.push({ ...figuredRun(run, variant), outcome: outcomeOf(variant.expectations) });
        if (runs.length === plan.runs.length) keep(point, runs, plan, options.out);
      },
    });
    passed += batch.reduce((sum, { scenario }) => sum + scenario.durationNs, 0);
  }
}

function keep({ point, settings, scenario }: PlannedPoint, runs: readonly SweptRun[], plan: SweepPlan, out: string): void {
  const ordered = runs.toSorted((a, b) => a.run - b.run);
  writePoint(out, { format: SWEEP_POINT_FORMAT, sweep: plan.hash, point, variant: scenario.variant, settings, runs: ordered });
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}
