/**
 * The result as it is embedded in the page: the same shape as `summary.json`, with long lists shortened to what a
 * chart can show. Everything else, and so every number that the page states, is untouched.
 */
import type { ExperimentResult, LatencySummary, Series, SeriesColumn, VariantResult } from "../../observe/result.js";
import { ENTRIES_SUFFIX, isCount, PRESSURE_SUFFIX } from "../series-access.js";
import { orderResult } from "../summary-json.js";

/** Samples kept of each column; a chart is about as many pixels wide. */
const SAMPLES_MAX = 720;
/** Neighbouring latency buckets are joined while the joint one is no wider than this share of its lower bound. */
const BUCKET_WIDTH_MAX = 0.02;

/** A copy for the page. */
export function pageData(result: ExperimentResult): ExperimentResult {
  return { ...orderResult(result), variants: orderResult(result).variants.map(shorten) };
}

/** Whether the page holds fewer samples than the run has. */
export function isShortened(result: ExperimentResult): boolean {
  return result.variants.some(({ series }) => series.timeNs.length > SAMPLES_MAX);
}

function shorten(variant: VariantResult): VariantResult {
  return {
    ...variant,
    synLatency: joinAll(variant.synLatency),
    requestLatency: joinAll(variant.requestLatency),
    series: thin(variant.series),
  };
}

function joinAll(latencies: VariantResult["synLatency"]): VariantResult["synLatency"] {
  return Object.fromEntries(
    Object.entries(latencies).map(([name, summary]) => [name, { ...summary, buckets: joinBuckets(summary.buckets) }]),
  );
}

/** Joins neighbours; counts are kept, no sample leaves the bucket that is stated for it. */
export function joinBuckets(buckets: LatencySummary["buckets"]): LatencySummary["buckets"] {
  const joined: [number, number, number][] = [];
  for (const [low, high, count] of buckets) {
    const last = joined.at(-1);
    if (last !== undefined && high - last[0] <= last[0] * BUCKET_WIDTH_MAX) {
      last[1] = high;
      last[2] += count;
    } else {
      joined.push([low, high, count]);
    }
  }
  return joined;
}

/** Every k-th moment: levels keep the highest of the k samples, counts their sum. Pressure follows from entries. */
export function thin(series: Series): Series {
  const every = Math.max(1, Math.ceil(series.timeNs.length / SAMPLES_MAX));
  const hasEntries = (name: string): boolean => series.columns.some((column) => column.name === name + ENTRIES_SUFFIX);
  return {
    stepNs: series.stepNs * every,
    timeNs: series.timeNs.filter((_, index) => index % every === 0),
    columns: series.columns
      .filter(({ name }) => !(name.endsWith(PRESSURE_SUFFIX) && hasEntries(name.slice(0, -PRESSURE_SUFFIX.length))))
      .map((column) => thinColumn(column, every)),
  };
}

function thinColumn(column: SeriesColumn, every: number): SeriesColumn {
  if (every === 1) return column;
  const values: number[] = [];
  const join = isCount(column) ? (a: number, b: number): number => a + b : Math.max;
  column.values.forEach((value, index) => {
    if (index % every === 0) values.push(value);
    else values[values.length - 1] = join(values.at(-1)!, value);
  });
  return { ...column, values };
}
