/**
 * The folder of a sweep: `sweep.json` says what is swept, `points/` has one file for each finished point, written whole or not at all, and
 * `table.*` come when the last one is there. A folder may hold any part of the points; nothing in it is ever overwritten by something else.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SWEEP_FORMAT, SWEEP_POINT_FORMAT, type SweepPlan, type SweepPoint } from "../../observe/sweep-result.js";
import { layOut } from "../../report/json.js";
import { OutputError, outputError } from "../../report/output-error.js";
import { writeWhole } from "../../report/whole-file.js";

export const PLAN_FILE = "sweep.json";
const POINTS_FOLDER = "points";
const NUMBER_DIGITS = 6;

export function pointFile(point: number): string {
  return join(POINTS_FOLDER, `${String(point).padStart(NUMBER_DIGITS, "0")}.json`);
}

/** The plan in a folder; null when the folder is absent or empty. Throws an `OutputError` when it is something else. */
export function readPlan(dir: string): SweepPlan | null {
  let names: readonly string[];
  try {
    // Parts of files are left by a process that was killed.
    names = existsSync(dir) ? readdirSync(dir).filter((name) => !name.endsWith(".part")) : [];
  } catch (error) {
    throw outputError(dir, error);
  }
  if (names.length === 0) return null;
  if (!names.includes(PLAN_FILE)) throw new OutputError(dir, "is not empty and not a sweep of ctlab; it is left as it is", "input");
  const plan = readJson(join(dir, PLAN_FILE));
  if ((plan as SweepPlan | null)?.format !== SWEEP_FORMAT) throw new OutputError(join(dir, PLAN_FILE), "is not a sweep's; it is left as it is", "input");
  return plan as SweepPlan;
}

/** Makes the folder a part of the sweep, or checks that it is one. Throws an `OutputError` that says what is different. */
export function openSweep(dir: string, plan: SweepPlan): void {
  const there = readPlan(dir);
  if (there === null) writeWhole(join(dir, PLAN_FILE), layOut(plan));
  else if (layOut(there) !== layOut(plan)) throw new OutputError(dir, `${differenceOf(there, plan)}; it is left as it is: choose another --out`, "input");
}

/** In words, what makes two plans two sweeps. */
export function differenceOf(there: SweepPlan, wanted: SweepPlan): string {
  if (there.ctlab !== wanted.ctlab) return `holds a sweep of ctlab ${there.ctlab}, and this is ${wanted.ctlab}`;
  const differing = (["scenario", "seed", "runs", "variants", "axes"] as const).find((key) => layOut(there[key]) !== layOut(wanted[key]));
  const named = { scenario: "scenario", seed: "seed", runs: "runs", variants: "variants", axes: "grid" };
  return differing === undefined
    ? "holds another sweep: what the scenario says has changed"
    : `holds another sweep: its ${named[differing]} ${differing === "runs" || differing === "variants" ? "are" : "is"} different`;
}

/** Numbers of the points that are finished, ascending. */
export function finishedPoints(dir: string): readonly number[] {
  const folder = join(dir, POINTS_FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => (/^\d{6,}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .sort((a, b) => a - b);
}

export function writePoint(dir: string, point: SweepPoint): void {
  writeWhole(join(dir, pointFile(point.point)), layOut(point));
}

/** Throws an `OutputError` when the file is not that point of that sweep. */
export function readPoint(dir: string, { hash, runs }: SweepPlan, number: number): SweepPoint {
  const path = join(dir, pointFile(number));
  const point = readJson(path) as SweepPoint | null;
  const fits = point?.format === SWEEP_POINT_FORMAT && point.sweep === hash && point.point === number;
  if (!fits || point.runs.length !== runs.length) throw new OutputError(path, "is not a point of this sweep, or damaged; remove it to have it computed again", "input");
  return point;
}

/** Null for what is no JSON. */
function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw outputError(path, error);
  }
}
