/**
 * When a node falls over if its load grows: the load is raised in steps until something breaks, then the step in which the
 * first mechanism comes is halved. With several runs of each load the band reaches from the last load at which none of
 * them breaks to the first at which all do, and both of its ends are halved.
 */
import { portableLog } from "../../core/portable-math.js";
import { VERSION } from "../../core/version.js";
import { FORECAST_SCHEMA_VERSION, type ForecastResult, type MechanismForecast } from "../../observe/forecast-result.js";
import type { VariantResult } from "../../observe/result.js";
import { loadScenario } from "../../scenario/load.js";
import type { Scenario, ScenarioFile } from "../../scenario/types.js";
import { chooseVariant, DROP_TEXTS, refuseUnsupported } from "../input.js";
import { simulateAll, type SimulateAllOptions } from "../simulate-all.js";
import { connectionsOf } from "../size/goals.js";
import { harmsOf } from "./mechanisms.js";
import { scaled } from "./scaled.js";

export interface ForecastOptions extends Omit<SimulateAllOptions, "onFinished"> {
  readonly scenarioPath: string;
  /** Default: the first one. */
  readonly variant?: string;
  readonly set: readonly string[];
  readonly seed?: string;
  /** Of the load in a month, as a share, above 0. */
  readonly growth: number;
  /** Largest load, as a multiple of today's. */
  readonly loadMax: number;
  /** Runs of each load, numbered from `run` on. */
  readonly runs: number;
}

export interface FinishedForecast {
  readonly result: ForecastResult;
  readonly warnings: ScenarioFile["warnings"];
}

/** Steps up to the largest load, and halvings of the step in which the first mechanism comes. */
const STEPS = 5;
const HALVINGS = 3;

/** Finished runs by load. */
type Loads = ReadonlyMap<number, readonly VariantResult[]>;

export async function forecast(options: ForecastOptions): Promise<FinishedForecast> {
  const file = loadScenario(options.scenarioPath, { set: options.set, dropReasons: DROP_TEXTS });
  const scenario = chooseVariant(file, options.variant, options.seed);
  refuseUnsupported(file.path, [scenario]);
  const first = Array.from({ length: STEPS + 1 }, (_, i) => rounded(options.loadMax ** (i / STEPS)));
  let known = await simulated(scenario, first, new Map(), options);
  for (let halving = 0; halving < HALVINGS; halving++) {
    const [earliest] = mechanisms(known, options);
    if (earliest === undefined) break;
    known = await simulated(scenario, halved(earliest, loadsOf(known)), known, options);
  }
  const loads = loadsOf(known);
  const [today] = known.get(loads[0]!)!;
  return {
    result: {
      schemaVersion: FORECAST_SCHEMA_VERSION,
      ctlab: VERSION,
      scenario: { name: file.base.name, variant: scenario.variant, hash: file.hash },
      profile: today!.profile,
      seed: scenario.seed,
      runs: Array.from({ length: options.runs }, (_, i) => options.run + i),
      partial: options.signal?.aborted === true,
      growth: options.growth,
      loads,
      mechanisms: mechanisms(known, options),
      maps: today!.maps
        .filter(({ fillsByDesign, entriesMax }) => !fillsByDesign && entriesMax > 0)
        .map(({ name, maxEntries }) => ({ map: name, maxEntries, peaks: loads.map((load) => Math.max(...known.get(load)!.map((run) => peakOf(run, name)))) })),
    },
    warnings: file.warnings,
  };
}

/** What is known so far, with these loads too. A load counts when all of its runs have ended; today's is shown in any case. */
async function simulated(scenario: Scenario, loads: readonly number[], known: Loads, options: ForecastOptions): Promise<Loads> {
  const missing = loads.filter((load) => !known.has(load));
  if (missing.length === 0 || (options.signal?.aborted === true && known.size > 0)) return known;
  const tasks = missing.flatMap((load) =>
    Array.from({ length: options.runs }, (_, i) => ({ load, scenario: scaled(scenario, load), run: options.run + i, streamFolder: null, traces: [] })),
  );
  const finished = tasks.map((): VariantResult[] => []);
  const results = await simulateAll(tasks, { ...options, onFinished: (task, { variant }) => finished[task]!.push(variant) });
  const byLoad = missing.map((load) => [load, finished.filter((_, task) => tasks[task]!.load === load).flat()] as const);
  const whole = byLoad.filter(([, runs]) => runs.length === options.runs);
  return new Map(known.size + whole.length > 0 ? [...known, ...whole] : [[missing[0]!, [results[0]!.variant]]]);
}

/** Every mechanism that shows at some load, the one that comes first in front. */
function mechanisms(known: Loads, { growth, runs }: ForecastOptions): readonly MechanismForecast[] {
  const loads = loadsOf(known);
  const harmsAt = new Map(loads.map((load) => [load, known.get(load)!.map(harmsOf)]));
  const names = [...new Set(loads.flatMap((load) => harmsAt.get(load)!.flatMap((harms) => harms.map(({ name }) => name))))];
  const months = (load: number): number => (load <= 1 ? 0 : portableLog(load) / portableLog(1 + growth));
  const found = names.map((name): MechanismForecast => {
    const shown = (load: number): readonly number[] => {
      return harmsAt.get(load)!.flatMap((harms) => harms.filter((harm) => harm.name === name).map(({ count }) => count));
    };
    const at = loads.findIndex((load) => shown(load).length > 0);
    const breaksAt = loads.find((load) => shown(load).length === runs) ?? null;
    const holdsAt = at === 0 ? 0 : loads[at - 1]!;
    const counted = breaksAt ?? loads.at(-1)!;
    return {
      name,
      holdsAt,
      seenAt: loads[at]!,
      breaksAt,
      months: { earliest: months(holdsAt), latest: breaksAt === null ? null : months(breaksAt) },
      count: sum(shown(counted)),
      connections: sum(known.get(counted)!.map(connectionsOf)),
      showing: shown(counted).length,
    };
  });
  return found.sort((a, b) => a.seenAt - b.seenAt || b.count - a.count);
}

/** Loads in the middle of the steps in which a mechanism begins to show, and to show in all runs. */
function halved({ holdsAt, seenAt, breaksAt }: MechanismForecast, loads: readonly number[]): readonly number[] {
  const start = holdsAt === 0 ? [] : [rounded((holdsAt + seenAt) / 2)];
  if (breaksAt === null || breaksAt === seenAt) return start;
  return [...start, rounded((loads[loads.indexOf(breaksAt) - 1]! + breaksAt) / 2)];
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function peakOf({ maps }: VariantResult, map: string): number {
  return maps.find(({ name }) => name === map)!.entriesMax;
}

function loadsOf(known: Loads): readonly number[] {
  return [...known.keys()].sort((a, b) => a - b);
}

/** Three digits are more than such a forecast is worth. */
function rounded(load: number): number {
  return Number(load.toPrecision(3));
}
