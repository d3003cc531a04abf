/** The points of a sweep: every variant with every combination of the grid's values, as resolved scenarios. */
import { createHash } from "node:crypto";
import { VERSION } from "../../core/version.js";
import { SWEEP_FORMAT, SWEEP_SCHEMA_VERSION, type GridAxis, type SweepPlan } from "../../observe/sweep-result.js";
import { Diagnostics, InputError, type Diagnostic } from "../../scenario/diagnostics.js";
import { hashOf, loadScenario, loadScenarioText } from "../../scenario/load.js";
import { SET_SOURCE } from "../../scenario/overrides.js";
import { readInput, type ReadResult } from "../../scenario/read-file.js";
import type { Scenario, ScenarioFile } from "../../scenario/types.js";
import { chooseVariants, DROP_TEXTS, refuseUnsupported, seeded } from "../input.js";
import { choiceAt, GRID_SOURCE, gridSize, overridesOf, readGrid, settingsOf } from "./grid.js";

export interface SweepRequest {
  readonly scenarioPath: string;
  readonly grid: readonly string[];
  /** Names of variants; empty = all. */
  readonly variants: readonly string[];
  /** `path=value` overrides of every point. */
  readonly set: readonly string[];
  readonly seed?: string;
  /** Run numbers of every point. */
  readonly runs: readonly number[];
}

export interface PlannedPoint {
  readonly point: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly scenario: Scenario;
}

/** A larger grid is a mistake, or a job for something else. */
const POINTS_MAX = 100_000;
/** What a sweep is made of; reads every file once. */
export class SweepPoints {
  readonly axes: readonly GridAxis[];
  /** The scenario without the grid. */
  readonly base: ScenarioFile;
  readonly #request: SweepRequest;
  readonly #read: (path: string) => ReadResult;
  readonly #variants: readonly (string | null)[];

  /** Throws an `InputError` for mistakes of the grid, of the scenario without it, and for more points than can be meant. */
  constructor(request: SweepRequest) {
    const files = new Map<string, ReadResult>();
    this.#request = request;
    this.#read = (path) => {
      if (!files.has(path)) files.set(path, readInput(path));
      return files.get(path)!;
    };
    this.base = this.#load(request.set);
    const found = new Diagnostics();
    this.axes = readGrid(request.grid, found);
    found.throwIfErrors();
    this.#variants = this.#chosen(this.base).map(({ variant }) => variant);
    if (this.count > POINTS_MAX) {
      found.unreadable(GRID_SOURCE, `this makes ${this.count} points`, { expected: `at most ${POINTS_MAX}: fewer values or fewer paths` });
      found.throwIfErrors();
    }
  }

  get count(): number {
    return this.#variants.length * gridSize(this.axes);
  }

  /** Some of the points, in the order of `indices`. Throws one `InputError` with the mistakes of all. */
  load(indices: readonly number[]): readonly PlannedPoint[] {
    const mistakes = new Map<string, Diagnostic>();
    const size = gridSize(this.axes);
    const files = new Map<number, readonly Scenario[] | null>();
    const points = indices.flatMap((point) => {
      const combination = point % size;
      const choice = choiceAt(this.axes, combination);
      if (!files.has(combination)) files.set(combination, this.#combination(choice, mistakes));
      const scenario = files.get(combination)?.[(point - combination) / size];
      return scenario === undefined ? [] : [{ point, settings: settingsOf(this.axes, choice), scenario }];
    });
    if (mistakes.size > 0) throw new InputError([...mistakes.values()]);
    return points;
  }

  /** What identifies the sweep; `all` are all its points. */
  plan(all: readonly PlannedPoint[]): SweepPlan {
    const identity = createHash("sha256").update(VERSION);
    for (const { settings, scenario } of all) identity.update(JSON.stringify([scenario.variant, settings, hashOf([scenario])]));
    return {
      format: SWEEP_FORMAT,
      schemaVersion: SWEEP_SCHEMA_VERSION,
      ctlab: VERSION,
      scenario: this.base.base.name,
      seed: all[0]!.scenario.seed,
      runs: this.#request.runs,
      variants: this.#variants,
      axes: this.axes,
      points: all.length,
      hash: identity.update(JSON.stringify(this.#request.runs)).digest("hex"),
    };
  }

  /** The chosen variants with one combination of values; null when that is not valid, and why among the mistakes. */
  #combination(choice: readonly number[], mistakes: Map<string, Diagnostic>): readonly Scenario[] | null {
    try {
      const scenarios = this.#chosen(this.#load([...this.#request.set, ...overridesOf(this.axes, choice)]));
      refuseUnsupported(this.#request.scenarioPath, scenarios);
      return scenarios;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      // Without the grid everything was fine: what is wrong with an override now is the grid's.
      for (const each of error.diagnostics) {
        const mistake = { ...each, file: each.file === SET_SOURCE ? GRID_SOURCE : each.file };
        mistakes.set(JSON.stringify(mistake), mistake);
      }
      return null;
    }
  }

  #load(set: readonly string[]): ScenarioFile {
    const { scenarioPath } = this.#request;
    const options = { set, dropReasons: DROP_TEXTS };
    const read = this.#read(scenarioPath);
    // A file that can't be read is the loader's to explain.
    return read.ok ? loadScenarioText(read.source, this.#read, options) : loadScenario(scenarioPath, options);
  }

  #chosen(file: ScenarioFile): readonly Scenario[] {
    const { variants, seed } = this.#request;
    return seeded(chooseVariants(file, variants), seed);
  }
}
