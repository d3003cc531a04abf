/**
 * What if? Two settings under the same load: run i of both sides has the same seed and run number, so the same arrivals, ports and choices,
 * and what differs is due to the settings. Differences are taken pair by pair, and runs are added until those that users feel are decided.
 */
import { VERSION } from "../../core/version.js";
import { COMPARISON_SCHEMA_VERSION, type ComparedFigure, type ComparedSide, type ComparisonResult, type FigureSide } from "../../observe/comparison-result.js";
import type { FiguredRun, RunFigure } from "../../observe/run-figures.js";
import type { ScenarioFile } from "../../scenario/types.js";
import { CONFIDENCE } from "../../stats/interval.js";
import { pairedDifference } from "../../stats/mean.js";
import { directionOf, looks, type Look } from "../../stats/sequential.js";
import { figuredRun } from "../run-figures.js";
import { simulateAll, type SimulateAllOptions } from "../simulate-all.js";
import { differences } from "./differences.js";
import { isSettled } from "./settled.js";
import { loadSide, type Side, type SideRequest } from "./sides.js";

export interface CompareOptions extends Omit<SimulateAllOptions, "onFinished"> {
  readonly sides: readonly [first: SideRequest, second: SideRequest];
  /** Default: the first side's. */
  readonly seed?: string;
  /** Looked at after so many pairs of runs, then twice as many, and so on; equal numbers: exactly so many. */
  readonly runsMin: number;
  readonly runsMax: number;
  /** Share of the first side's mean up to which a difference does not matter. */
  readonly tolerance: number;
  /** Go on until every interval is at most so wide to either side, as a share of the first side's mean. */
  readonly width?: number;
  readonly command: string;
}

export interface FinishedComparison {
  readonly result: ComparisonResult;
  readonly warnings: ScenarioFile["warnings"];
}

type Runs = readonly [first: FiguredRun[], second: FiguredRun[]];

/** Writes nothing. Throws `InputError`. */
export async function compareScenarios(options: CompareOptions): Promise<FinishedComparison> {
  const [first, second] = [loadSide(options.sides[0]), loadSide(options.sides[1])];
  const seed = options.seed ?? first.scenario.seed;
  const runs: Runs = [[], []];
  let figures: readonly ComparedFigure[] = [];
  for (const look of looks(options.runsMin, options.runsMax)) {
    await simulatePairs([first, second], seed, look, runs, options);
    const pairs = pairsOf(runs);
    figures = compareFigures(pairs, look.confidence, options.tolerance);
    if (options.signal?.aborted === true || figures.every((figure) => !figure.decides || isSettled(figure, options.width))) break;
  }
  const pairs = pairsOf(runs);
  return {
    result: {
      schemaVersion: COMPARISON_SCHEMA_VERSION,
      ctlab: VERSION,
      seed,
      runs: pairs.map(([{ run }]) => run),
      partial: options.signal?.aborted === true,
      confidence: CONFIDENCE,
      tolerance: options.tolerance,
      sides: [sideOf(first, "A", pairs.map(([run]) => run)), sideOf(second, "B", pairs.map(([, run]) => run))],
      settings: differences(first.scenario, second.scenario),
      identical: pairs.length > 0 && pairs.every(([a, b]) => a.fingerprint === b.fingerprint),
      figures,
      command: options.command,
    },
    warnings: [...new Map([...first.warnings, ...second.warnings].map((note) => [JSON.stringify(note), note])).values()],
  };
}

/** Adds the runs that the look still lacks. */
async function simulatePairs(sides: readonly [Side, Side], seed: string, look: Look, runs: Runs, options: CompareOptions): Promise<void> {
  const from = runs[0].length;
  const added = Array.from({ length: look.runs - from }, (_, i) => options.run + from + i);
  const tasks = added.flatMap((run) =>
    sides.map(({ scenario }, side) => ({ side, run, scenario: { ...scenario, seed }, streamFolder: null, traces: [] })),
  );
  await simulateAll(tasks, {
    ...options,
    onFinished: (task, { variant }) => {
      const { side, run } = tasks[task]!;
      runs[side]!.push(figuredRun(run, variant));
    },
  });
  for (const side of runs) side.sort((a, b) => a.run - b.run);
}

/** Runs that both sides have finished, in order of their number. */
function pairsOf([first, second]: Runs): readonly (readonly [FiguredRun, FiguredRun])[] {
  return first.flatMap((a) => {
    const b = second.find(({ run }) => run === a.run);
    return b === undefined ? [] : [[a, b] as const];
  });
}

function sideOf({ file, scenario, hash }: Side, label: string, runs: readonly FiguredRun[]): ComparedSide {
  return { label, file, scenario: scenario.name, variant: scenario.variant, hash, fingerprints: runs.map(({ fingerprint }) => fingerprint) };
}

/** Figures that either side has, in order. */
function compareFigures(pairs: readonly (readonly [FiguredRun, FiguredRun])[], confidence: number, tolerance: number): readonly ComparedFigure[] {
  const kinds = new Map(pairs.flat().flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)));
  return [...kinds.values()].map(({ name, label, unit, decides }) => {
    const [first, second] = [0, 1].map((side) => figureSide(pairs.map((pair) => pair[side]!.figures.find((figure) => figure.name === name))));
    return { name, label, unit, decides, first: first!, second: second!, ...differenceOf(first!, second!, confidence, tolerance) };
  });
}

function figureSide(figures: readonly (RunFigure | undefined)[]): FigureSide {
  const values = figures.map((figure) => figure?.value ?? null);
  const trials = figures.reduce((sum, figure) => sum + (figure?.trials ?? 0), 0);
  return {
    mean: values.includes(null) ? null : values.reduce<number>((sum, value) => sum + value!, 0) / values.length,
    trials: trials === 0 ? null : trials,
    values,
  };
}

function differenceOf(first: FigureSide, second: FigureSide, confidence: number, tolerance: number): Pick<ComparedFigure, "difference" | "direction"> {
  if (first.mean === null || second.mean === null) return { difference: null, direction: "no data" };
  const estimate = pairedDifference(first.values as readonly number[], second.values as readonly number[], confidence);
  // One pair has a difference but no interval.
  if (!Number.isFinite(estimate.low)) return { difference: null, direction: "undecided" };
  const { value, low, high } = estimate;
  return { difference: { mean: value, low, high }, direction: directionOf(estimate, tolerance * Math.abs(first.mean)) };
}
