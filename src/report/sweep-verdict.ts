/** What a sweep says of each point, and how small or large the values of its first axis may be. */
import type { SweepPlan, SweepRow, SweepTable } from "../observe/sweep-result.js";

/** Figures that are all zero where nothing was lost, with what to call what was. */
const LOSSES: readonly (readonly [name: string, text: string])[] = [
  ["failed_share", "failed connections"],
  ["drops", "drops"],
  ["inserts_refused", "refused inserts"],
  ["evictions_live", "live evictions"],
];
const NUMBER = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G|%|ns|us|µs|ms|s|m|h|\/s|\/m|\/h)?$/;
const SCALES: Readonly<Record<string, number>> = {
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, k: 1e3, M: 1e6, G: 1e9, "%": 0.01,
  ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, "/s": 1, "/m": 1 / 60, "/h": 1 / 3600,
};

export interface PointVerdict {
  /** `good`: every run met every expectation, or without expectations lost nothing. */
  readonly outcome: "good" | "bad" | "mixed";
  readonly text: string;
}

export function pointVerdict({ holds, runs, figures }: SweepRow): PointVerdict {
  if (holds !== null) {
    const outcome = holds === runs ? "good" : holds === 0 ? "bad" : "mixed";
    return { outcome, text: outcome === "good" ? "holds" : outcome === "bad" ? "does not hold" : `holds in ${holds} of ${runs}` };
  }
  const lost = LOSSES.filter(([name]) => (figures.find((figure) => figure.name === name)?.mean ?? 0) > 0).map(([, text]) => text);
  return lost.length === 0 ? { outcome: "good", text: "nothing lost" } : { outcome: "bad", text: lost.join(", ") };
}

/** How far the first axis may go. */
export interface Bound {
  readonly path: string;
  /** `smallest`: points are good from some value on, as those of a map's size; `largest`: up to some value, as those of a load. */
  readonly which: "smallest" | "largest";
  readonly lines: readonly BoundLine[];
}

/** For one combination of everything else, the outermost value that is good; null when none is. */
export interface BoundLine {
  /** Values of the other axes, and the variant, as they are shown. */
  readonly others: string;
  readonly value: string | null;
  /** A value further inside is not good: outcomes do not follow the order of values. */
  readonly unsteady: boolean;
}

/** Null when the first axis is no single quantity, points are missing, or no line of points goes from good to bad or back. */
export function boundOf({ plan, rows, partial }: SweepTable): Bound | null {
  const [axis] = plan.axes;
  if (axis === undefined || axis.paths.length !== 1 || partial) return null;
  const sizes = axis.values.map(([value]) => quantity(value!));
  if (sizes.includes(null)) return null;
  const sorted = [...linesOf(plan, rows)].map(([others, members]) => {
    const points = members.toSorted((a, b) => sizes[placeOf(plan, a, 0)]! - sizes[placeOf(plan, b, 0)]!);
    return { others, points, good: points.map((row) => pointVerdict(row).outcome === "good") };
  });
  const rising = sorted.filter(({ good }) => !good[0]! && good.at(-1)!).length;
  const falling = sorted.filter(({ good }) => good[0]! && !good.at(-1)!).length;
  if (rising === falling) return null;
  const which = rising > falling ? "smallest" : "largest";
  const lines = sorted.map(({ others, points, good }) => {
    const at = which === "smallest" ? good.indexOf(true) : good.lastIndexOf(true);
    const inside = at < 0 ? [] : which === "smallest" ? good.slice(at) : good.slice(0, at);
    return { others, value: at < 0 ? null : axis.values[placeOf(plan, points[at]!, 0)]![0]!, unsteady: inside.includes(false) };
  });
  return { path: axis.paths[0]!, which, lines };
}

/** Rows that differ in the first axis alone, by what they have in common: `as-lru, poisson 300/s`; empty when nothing else varies. */
export function linesOf(plan: SweepPlan, rows: readonly SweepRow[]): ReadonlyMap<string, readonly SweepRow[]> {
  const lines = new Map<string, SweepRow[]>();
  for (const row of rows) {
    const others = plan.axes.flatMap(({ paths, values }, axis) => {
      return axis === 0 ? [] : paths.map((path, at) => `${path.split(".").at(-1)!} ${values[placeOf(plan, row, axis)]![at]!}`);
    });
    const name = [...(row.variant === null ? [] : [row.variant]), ...others].join(", ");
    lines.set(name, [...(lines.get(name) ?? []), row]);
  }
  return lines;
}

/** Which of an axis' values the row has, from 0: points are numbered with the last axis moving fastest, variants slowest. */
export function placeOf({ axes }: SweepPlan, { point }: SweepRow, axis: number): number {
  const faster = axes.slice(axis + 1).reduce((product, { values }) => product * values.length, 1);
  return Math.floor(point / faster) % axes[axis]!.values.length;
}

function quantity(text: string): number | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, digits, unit] = match;
  return Number(digits) * (unit === undefined ? 1 : SCALES[unit]!);
}

/** One sentence over all points. */
export function sweepHeadline(table: SweepTable): string {
  const verdicts = table.rows.map(pointVerdict);
  const good = verdicts.filter(({ outcome }) => outcome === "good").length;
  const points = `${table.rows.length} ${table.rows.length === 1 ? "point" : "points"}`;
  const stated = table.rows.some(({ holds }) => holds !== null);
  const [all, none] = stated ? ["every expectation is met in every run", "no point meets its expectations in every run"] : ["nothing is lost", "every point loses something"];
  if (good === table.rows.length) return `At all ${points} ${all}.`;
  return good === 0 ? `Of ${points}, ${none}.` : `At ${good} of ${points} ${all}; at the other ${table.rows.length - good} not.`;
}

/** The grid as the command line takes it. */
export function gridArguments({ axes }: SweepTable["plan"]): readonly string[] {
  return axes.map(({ paths, values }) => `${paths.join("&")}=${values.map((each) => each.join("&")).join(",")}`);
}
