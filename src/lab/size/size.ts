/**
 * How big each map must be for a load, so that goals hold.
 *
 *     closed form ─ first candidate ─┬─ curves over every size, from one run ─┬─ sizes ─ runs at them until decided
 *                                    └─ exact run at the candidate ───────────┘
 */
import { VERSION } from "../../core/version.js";
import type { ExpectationResult, VariantResult } from "../../observe/result.js";
import { SIZE_SCHEMA_VERSION, type ClosedForm, type GoalResult, type SizeResult } from "../../observe/size-result.js";
import { loadScenario } from "../../scenario/load.js";
import type { Scenario, ScenarioFile } from "../../scenario/types.js";
import { ladderAround, type CurveRequest } from "../curve/curve-observer.js";
import type { MapCurve } from "../curve/result.js";
import { chooseVariant, DROP_TEXTS, refuseUnsupported } from "../input.js";
import { simulateAll, type SimulateAllOptions, type VariantTask } from "../simulate-all.js";
import { closedForms } from "./closed-form.js";
import { configuredNode, type ConfiguredNode } from "./configured.js";
import { DEFAULT_GOALS, evaluate, parseGoals, type Goal } from "./goals.js";
import { otherSizes } from "./others.js";
import { neededEntries, sizedMapResult } from "./recommend.js";
import { niceSize, SIZE_MAX } from "./sized-maps.js";

export interface SizeOptions extends Omit<SimulateAllOptions, "onFinished"> {
  readonly scenarioPath: string;
  /** Default: the first one. */
  readonly variant?: string;
  readonly set: readonly string[];
  readonly seed?: string;
  /** Empty: `DEFAULT_GOALS`. */
  readonly goals: readonly string[];
  /** Room above what is needed, as a share. */
  readonly margin: number;
  /** Growth of the load in a month, as a share. */
  readonly growth: number;
  /** Sizes that are larger than needed are made smaller too. */
  readonly shrink: boolean;
  /** Runs at the recommended sizes at most. */
  readonly runsMax: number;
}

export interface FinishedSize {
  readonly result: SizeResult;
  readonly warnings: ScenarioFile["warnings"];
}

/** Room for the map of the run that curves come from, beside its candidate. */
const ROOM_FACTOR = 4;
/** Larger sizes are tried when the goals are missed: how often, and by how much each time. */
const ENLARGEMENTS_MAX = 3;
const ENLARGEMENT = 1.25;
/** A candidate is taken as it is while it is at most this much above what the curves ask for. */
const CLOSE_ENOUGH = 1.25;

type Sizes = ReadonlyMap<string, number>;

/** Writes nothing. Throws `InputError`. */
export async function sizeMaps(options: SizeOptions): Promise<FinishedSize> {
  const file = loadScenario(options.scenarioPath, { set: options.set, dropReasons: DROP_TEXTS });
  const scenario = chooseVariant(file, options.variant, options.seed);
  refuseUnsupported(file.path, [scenario]);
  const goals = parseGoals(options.goals.length === 0 ? DEFAULT_GOALS : options.goals, { dropReasons: DROP_TEXTS });

  const configured = configuredNode(scenario);
  const forms = closedForms(scenario, configured.maps);
  const present = (map: string): number => configured.maps.find(({ name }) => name === map)!.maxEntries;
  const candidate = keepingLarger(candidates(forms, options.margin, present), present, options.shrink);
  const [followed, first] = await simulateAll(
    [task(resized(scenario, candidate), options.run, curveRequest(configured, candidate)), task(resized(scenario, candidate), options.run)],
    options,
  );
  const curves = followed!.curves;
  const enough = new Map(
    curves.map((curve) => {
      // A map without any load says nothing about its size.
      const size = curve.peak === 0 ? present(curve.name) : enoughFor(curve, goals, followed!.variant, options.margin, candidate.get(curve.name));
      return [curve.name, size];
    }),
  );
  const wanted = keepingLarger(enough, present, options.shrink);
  const confirmed = await confirm(scenario, wanted, sameSizes(wanted, candidate) && first !== undefined ? [first.variant] : [], goals, options);
  const { sizes, runs, judged, outcome } = confirmed;
  const shown = runs[0] ?? followed!.variant;
  return {
    result: {
      schemaVersion: SIZE_SCHEMA_VERSION,
      ctlab: VERSION,
      scenario: { name: file.base.name, variant: scenario.variant, hash: file.hash },
      profile: shown.profile,
      seed: scenario.seed,
      runs: runs.map((_, i) => options.run + i),
      partial: options.signal?.aborted === true,
      margin: options.margin,
      goals: judged,
      outcome,
      sizes: curves.map((curve) => {
        const form = forms.find(({ map }) => map === curve.name)!;
        const now = configured.maps.find(({ name }) => name === curve.name)!;
        return sizedMapResult({ curve, form, now, size: sizes.get(curve.name)!, enough: enough.get(curve.name)!, goals, run: shown, growth: options.growth });
      }),
      others: otherSizes(scenario, configured, shown, options.margin),
      nodes: scenario.cluster.nodes,
      closedForm: forms,
      gc: gcOf(shown),
      wrongWhen: wrongWhen(scenario, outcome),
    },
    warnings: file.warnings,
  };
}

/** Sizes by hand: a first guess. A map without any load says nothing about its size. */
function candidates(forms: readonly ClosedForm[], margin: number, present: (map: string) => number): Sizes {
  return new Map(forms.map(({ map, entries }) => [map, entries === 0 ? present(map) : niceSize(entries * (1 + margin))]));
}

function enoughFor(curve: MapCurve, goals: readonly Goal[], run: VariantResult, margin: number, candidate: number | undefined): number {
  const size = niceSize(neededEntries(curve, goals, run) * (1 + margin));
  return candidate !== undefined && candidate >= size && candidate <= size * CLOSE_ENOUGH ? candidate : size;
}

/** Present sizes that are enough stay, unless they are to be made smaller. */
function keepingLarger(sizes: Sizes, present: (map: string) => number, shrink: boolean): Sizes {
  return shrink ? sizes : new Map([...sizes].map(([map, size]) => [map, Math.max(size, present(map))]));
}

function sameSizes(a: Sizes, b: Sizes): boolean {
  return [...a].every(([map, size]) => b.get(map) === size);
}

/** The scenario with maps of these sizes, of the type that they have. */
function resized(scenario: Scenario, sizes: Sizes): Scenario {
  const maps = { ...scenario.maps };
  for (const [map, maxEntries] of sizes) maps[map] = { type: maps[map]?.type ?? null, maxEntries };
  return { ...scenario, maps };
}

function task(scenario: Scenario, run: number, curves?: CurveRequest): VariantTask {
  return { scenario, run, streamFolder: null, traces: [], ...(curves === undefined ? {} : { curves }) };
}

/** Curves around the candidates, with the present sizes among their points. */
function curveRequest({ maps }: ConfiguredNode, candidate: Sizes): CurveRequest {
  const ladders = maps.map(({ name, maxEntries }) => [name, [...new Set([...ladderAround(candidate.get(name) ?? maxEntries), maxEntries])]] as const);
  const largest = Math.max(...maps.map(({ name, maxEntries }) => candidate.get(name) ?? maxEntries));
  return { room: Math.min(SIZE_MAX, ROOM_FACTOR * largest), ladders: Object.fromEntries(ladders) };
}

interface Confirmed {
  readonly sizes: Sizes;
  readonly runs: readonly VariantResult[];
  readonly judged: readonly GoalResult[];
  readonly outcome: ExpectationResult["outcome"];
}

/** Runs with exact maps: more of them while the goals are undecided, larger maps while they are missed. */
async function confirm(
  scenario: Scenario,
  sizes: Sizes,
  done: readonly VariantResult[],
  goals: readonly Goal[],
  options: SizeOptions,
): Promise<Confirmed> {
  let chosen = sizes;
  let runs = done;
  for (let enlarged = 0; ; ) {
    const judged = goals.map((goal) => evaluate(goal, runs, scenario.cluster.cpus));
    const outcome = runs.length === 0 ? "inconclusive" : outcomeOf(judged);
    const stopped = options.signal?.aborted === true;
    const decided = outcome === "met" || (outcome === "inconclusive" && runs.length >= options.runsMax);
    if (decided || stopped) return { sizes: chosen, runs, judged, outcome };
    if (outcome === "missed") {
      if (++enlarged > ENLARGEMENTS_MAX) return { sizes: chosen, runs, judged, outcome };
      chosen = new Map([...chosen].map(([map, size]) => [map, wasTight(runs, map) ? niceSize(size * ENLARGEMENT) : size]));
      runs = [];
    }
    const next = runs.length;
    const more = await simulateAll([task(resized(scenario, chosen), options.run + next)], options);
    runs = [...runs, ...more.map(({ variant }) => variant)];
  }
}

function outcomeOf(judged: readonly GoalResult[]): ExpectationResult["outcome"] {
  if (judged.some(({ outcome }) => outcome === "missed")) return "missed";
  return judged.some(({ outcome }) => outcome === "inconclusive") ? "inconclusive" : "met";
}

function wasTight(runs: readonly VariantResult[], map: string): boolean {
  return runs.some(({ maps }) => {
    const { insertsRefused, evictionsLive, entriesMax, maxEntries } = maps.find(({ name }) => name === map)!;
    return insertsRefused + evictionsLive > 0 || entriesMax >= maxEntries;
  });
}

function gcOf({ gcRuns }: VariantResult): SizeResult["gc"] {
  const gaps = gcRuns.slice(1).map(({ startNs }, i) => startNs - gcRuns[i]!.startNs);
  return {
    runs: gcRuns.length,
    meanIntervalNs: gaps.length === 0 ? null : gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
    longestIntervalNs: gcRuns.length === 0 ? null : Math.max(...gcRuns.map(({ nextIntervalNs }) => nextIntervalNs)),
  };
}

function wrongWhen(scenario: Scenario, outcome: ExpectationResult["outcome"]): readonly string[] {
  return [
    "the busiest node carries more than this one: the sizes hold for every node alike",
    "the load grows past the margin, or a burst is longer than those simulated",
    "connections are opened that never close: they stay for hours, and no interval of the collector helps",
    ...(scenario.preload.length > 0 ? ["the entries that are there from the start, which are given and not simulated, are more"] : []),
    ...(outcome === "inconclusive" ? ["the goals are rarer than so few runs can show: raise --runs"] : []),
  ];
}
