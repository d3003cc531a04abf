/** Finds in a run's series what charts need, by the names that columns carry. */
import type { MapResult, Series, SeriesColumn, VariantResult } from "../observe/result.js";

/** `ct4_global_entries` and `ct4_global_pressure`. */
export const ENTRIES_SUFFIX = "_entries";
export const PRESSURE_SUFFIX = "_pressure";
/** Packets dropped since the sample before: `drops_155` for one reason, `drops` for all. */
const DROPS_FORM = /^drops(_\d+)?$/;

/** Units of columns that count since the sample before end so. */
const PER_STEP = " per step";

/** Whether a column counts since the sample before, so that samples add up; else it is a level. */
export function isCount({ unit }: SeriesColumn): boolean {
  return unit.endsWith(PER_STEP);
}

/** Whether drops were sampled, by reason or together. */
export function hasDrops(series: Series): boolean {
  return series.columns.some(({ name }) => DROPS_FORM.test(name));
}

export function columnOf(series: Series, name: string): SeriesColumn | undefined {
  return series.columns.find((column) => column.name === name);
}

/** Pressure of a map over time: its own column, or entries over size. Undefined when neither was sampled. */
export function pressureOf(variant: VariantResult, map: MapResult): readonly number[] | undefined {
  const pressure = columnOf(variant.series, map.name + PRESSURE_SUFFIX);
  if (pressure !== undefined) return pressure.values;
  const entries = columnOf(variant.series, map.name + ENTRIES_SUFFIX);
  return map.maxEntries > 0 ? entries?.values.map((value) => value / map.maxEntries) : undefined;
}
