/** From the runs of each point to one row of a sweep's table. */
import type { RunFigure } from "../../observe/run-figures.js";
import { SWEEP_SCHEMA_VERSION, type SweepPlan, type SweepPoint, type SweepRow, type SweepTable, type SweptFigure } from "../../observe/sweep-result.js";
import { ruleOfThree } from "../../stats/binomial.js";
import { CONFIDENCE } from "../../stats/interval.js";
import { meanInterval } from "../../stats/mean.js";

/** With nothing seen in n runs, 3/n is the upper 95 % bound of a mean count. */
const RULE_OF_THREE = 3;

/** `points` in any order; rows are in the order of their numbers. */
export function tabulate(plan: SweepPlan, points: readonly SweepPoint[]): SweepTable {
  return {
    schemaVersion: SWEEP_SCHEMA_VERSION,
    plan,
    confidence: CONFIDENCE,
    partial: points.length < plan.points,
    rows: points.toSorted((a, b) => a.point - b.point).map(rowOf),
  };
}

function rowOf({ point, variant, settings, runs }: SweepPoint): SweepRow {
  const kinds = new Map(runs.flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)));
  return {
    point,
    variant,
    settings,
    runs: runs.length,
    fingerprints: runs.map(({ fingerprint }) => fingerprint),
    holds: runs.every(({ outcome }) => outcome === "none") ? null : runs.filter(({ outcome }) => outcome === "met").length,
    figures: [...kinds.values()].map((kind) => figureOf(kind, runs.map(({ figures }) => figures.find(({ name }) => name === kind.name)))),
  };
}

function figureOf({ name, label, unit, decides }: RunFigure, figures: readonly (RunFigure | undefined)[]): SweptFigure {
  const kind = { name, label, unit, decides };
  const values = figures.map((figure) => figure?.value ?? null);
  if (values.includes(null)) return { ...kind, mean: null, low: null, high: null };
  const { value, low, high } = meanInterval(values as readonly number[]);
  if (value === 0 && unit === "share") {
    const trials = figures.reduce((sum, figure) => sum + (figure?.trials ?? 0), 0);
    return { ...kind, mean: 0, low: 0, high: ruleOfThree(trials) };
  }
  if (value === 0 && unit === "count") return { ...kind, mean: 0, low: 0, high: RULE_OF_THREE / values.length };
  if (!Number.isFinite(low)) return { ...kind, mean: value, low: null, high: null };
  // No figure is negative.
  return { ...kind, mean: value, low: Math.max(0, low), high };
}
