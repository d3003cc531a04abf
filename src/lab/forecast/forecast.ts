/**
 * When a node falls over if its load grows: the load is raised in steps until something breaks, then halved between the last
 * step that held and the first that did not, for the mechanism that comes first.
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
}

export interface FinishedForecast {
  readonly result: ForecastResult;
  readonly warnings: ScenarioFile["warnings"];
}

/** Steps up to the largest load, and halvings of the step in which the first mechanism comes. */
const STEPS = 5;
const HALVINGS = 3;

type Loads = ReadonlyMap<number, VariantResult>;

export async function forecast(options: ForecastOptions): Promise<FinishedForecast> {
  const file = loadScenario(options.scenarioPath, { set: options.set, dropReasons: DROP_TEXTS });
  const scenario = chooseVariant(file, options.variant, options.seed);
  refuseUnsupported(file.path, [scenario]);
  const first = Array.from({ length: STEPS + 1 }, (_, i) => rounded(options.loadMax ** (i / STEPS)));
  let runs = await simulated(scenario, first, new Map(), options);
  for (let halving = 0; halving < HALVINGS; halving++) {
    const earliest = mechanisms(runs, options.growth)[0];
    if (earliest === undefined || earliest.holdsAt === 0) break;
    runs = await simulated(scenario, [rounded((earliest.holdsAt + earliest.breaksAt) / 2)], runs, options);
  }
  const loads = loadsOf(runs);
  const today = runs.get(loads[0]!)!;
  return {
    result: {
      schemaVersion: FORECAST_SCHEMA_VERSION,
      ctlab: VERSION,
      scenario: { name: file.base.name, variant: scenario.variant, hash: file.hash },
      profile: today.profile,
      seed: scenario.seed,
      run: options.run,
      partial: options.signal?.aborted === true,
      growth: options.growth,
      loads,
      mechanisms: mechanisms(runs, options.growth),
      maps: today.maps
        .filter(({ fillsByDesign, entriesMax }) => !fillsByDesign && entriesMax > 0)
        .map(({ name, maxEntries }) => ({ map: name, maxEntries, peaks: loads.map((load) => peakOf(runs.get(load)!, name)) })),
    },
    warnings: file.warnings,
  };
}

/** What is known so far, with these loads too; runs that were stopped are left out. */
async function simulated(scenario: Scenario, loads: readonly number[], known: Loads, options: ForecastOptions): Promise<Loads> {
  if (options.signal?.aborted === true && known.size > 0) return known;
  const missing = loads.filter((load) => !known.has(load));
  const results = await simulateAll(missing.map((load) => ({ scenario: scaled(scenario, load), streamFolder: null, traces: [] })), options);
  const whole = results
    .map(({ variant }, i) => [missing[i]!, variant] as const)
    .filter(([, { reachedNs, durationNs }], i) => i === 0 || reachedNs === durationNs);
  return new Map([...known, ...whole]);
}

/** Every mechanism that shows at some load, the one that comes first in front. */
function mechanisms(runs: Loads, growth: number): readonly MechanismForecast[] {
  const loads = loadsOf(runs);
  const names = [...new Set(loads.flatMap((load) => harmsOf(runs.get(load)!).map(({ name }) => name)))];
  const found = names.map((name): MechanismForecast => {
    const at = loads.findIndex((load) => harmsOf(runs.get(load)!).some((harm) => harm.name === name));
    const breaksAt = loads[at]!;
    const holdsAt = at === 0 ? 0 : loads[at - 1]!;
    const run = runs.get(breaksAt)!;
    const months = (load: number): number => (load <= 1 ? 0 : portableLog(load) / portableLog(1 + growth));
    const { count } = harmsOf(run).find((harm) => harm.name === name)!;
    return { name, holdsAt, breaksAt, months: { earliest: months(holdsAt), latest: months(breaksAt) }, count, connections: connectionsOf(run) };
  });
  return found.sort((a, b) => a.breaksAt - b.breaksAt || b.count - a.count);
}

function peakOf({ maps }: VariantResult, map: string): number {
  return maps.find(({ name }) => name === map)!.entriesMax;
}

function loadsOf(runs: Loads): readonly number[] {
  return [...runs.keys()].sort((a, b) => a - b);
}

/** Three digits are more than such a forecast is worth. */
function rounded(load: number): number {
  return Number(load.toPrecision(3));
}
