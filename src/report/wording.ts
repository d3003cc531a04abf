/**
 * How figures are put into words, the same in every report: a quantile that rests on too few samples says so, and
 * nothing seen is stated with the bound that it allows.
 */
import { formatCount, formatDuration } from "../core/units.js";
import type {
  DropCount,
  ExpectationResult,
  ExperimentResult,
  GcRun,
  LatencySummary,
  MapResult,
  VariantResult,
} from "../observe/result.js";

/** Rule of three: with nothing seen in n trials, 3/n is the upper 95 % bound of the rate (-ln 0.05 = 2.996). */
const RULE_OF_THREE = 3;
/** Below this a share is written with a power of ten. */
const SMALLEST_PERCENT = 1e-5;

export const TOO_SMALL = "n too small";

/** A quantile in nanoseconds, null where the model found too few samples for it. */
export function quantileText(summary: LatencySummary, quantile: "p50Ns" | "p90Ns" | "p99Ns" | "p999Ns"): string {
  if (summary.count === 0) return "no samples";
  const value = summary[quantile];
  return value === null ? TOO_SMALL : formatDuration(value);
}

/** Smallest, mean or largest value. */
export function extremeText(summary: LatencySummary, which: "minNs" | "meanNs" | "maxNs"): string {
  const value = summary[which];
  return value === null ? "no samples" : formatDuration(value);
}

/** The same in two parts, for cells: `12,345` and `1.25 % of 987,654`, or `none in 987,654` and `below 3.0e-6`. */
export function seenParts(count: number, trials: number): readonly [main: string, detail: string] {
  if (trials === 0) return count === 0 ? ["none", "no samples"] : [formatCount(count), ""];
  if (count > 0) return [formatCount(count), `${shareText(count / trials)} of ${formatCount(trials)}`];
  return [`none in ${formatCount(trials)}`, `below ${shareText(RULE_OF_THREE / trials)}`];
}

/** `12,345 of 987,654 (1.25 %)`, or `none in 987,654 (below 3.0e-6)`. */
export function seenText(count: number, trials: number): string {
  if (trials === 0) return count === 0 ? "none (no samples)" : formatCount(count);
  if (count > 0) return `${formatCount(count)} of ${formatCount(trials)} (${shareText(count / trials)})`;
  return `none in ${formatCount(trials)} (below ${shareText(RULE_OF_THREE / trials)})`;
}

/** A share as a percentage with three significant digits: `97.7 %`, `0.0123 %`, `3.1e-6`. */
export function shareText(share: number): string {
  if (share === 0) return "0 %";
  if (Math.abs(share) < SMALLEST_PERCENT) return share.toExponential(1);
  const percent = share * 100;
  // 99.98 % must not become 100 %.
  if (percent < 100 && percent > 99.9) return `${trimZeros((Math.floor(percent * 1000) / 1000).toFixed(3))} %`;
  return `${trimZeros(percent.toPrecision(3))} %`;
}

/** A ratio as Cilium's pressure gauge has it, three decimals: `0.977`. */
export function ratioText(ratio: number): string {
  return ratio.toFixed(3);
}

function trimZeros(text: string): string {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** Cilium's text and number, with the errno when there is one: `CT: Map insertion failed (155, E2BIG)`. */
export function dropText(drop: DropCount): string {
  return drop.errno === null ? `${drop.reason} (${drop.code})` : `${drop.reason} (${drop.code}, ${drop.errno})`;
}

/** Name of the variant, or of the scenario when it has none. */
export function variantName(result: ExperimentResult, variant: VariantResult): string {
  return variant.name ?? result.scenario.name;
}

/** Highest fill of a map, as a ratio of its size. */
export function peakPressure(map: MapResult): number {
  return map.maxEntries === 0 ? 0 : map.entriesMax / map.maxEntries;
}

/** The map that came closest to its limit, undefined when the run has none. */
export function tightestMap(variant: VariantResult): MapResult | undefined {
  return variant.maps.filter(({ fillsByDesign }) => !fillsByDesign).reduce<MapResult | undefined>(
    (worst, map) => (worst === undefined || peakPressure(map) > peakPressure(worst) ? map : worst),
    undefined,
  );
}

/** Inserts that maps refused, all maps. */
export function insertsRefused(variant: VariantResult): number {
  return variant.maps.reduce((sum, map) => sum + map.insertsRefused, 0);
}

export function dropsTotal(variant: VariantResult): number {
  return variant.drops.reduce((sum, drop) => sum + drop.count, 0);
}

/** Live entries evicted, all maps. */
export function evictionsLive(variant: VariantResult): number {
  return variant.maps.reduce((sum, map) => sum + map.evictionsLive, 0);
}

/** Kernel memory of all maps of one node, bytes. */
export function mapMemory(variant: VariantResult): number {
  return variant.maps.reduce((sum, map) => sum + map.memoryBytes, 0);
}

export type Outcome = "met" | "missed" | "inconclusive" | "none";

/** One word for a list of expectations: the worst one decides. */
export function outcomeOf(expectations: readonly ExpectationResult[]): Outcome {
  if (expectations.some(({ outcome }) => outcome === "missed")) return "missed";
  if (expectations.some(({ outcome }) => outcome === "inconclusive")) return "inconclusive";
  return expectations.length === 0 ? "none" : "met";
}

/** `7 of 7 met`, `2 of 7 missed`, `none stated`. */
export function outcomeText(expectations: readonly ExpectationResult[]): string {
  const total = expectations.length;
  const count = (wanted: Outcome): number => expectations.filter(({ outcome }) => outcome === wanted).length;
  const outcome = outcomeOf(expectations);
  return outcome === "none" ? "none stated" : `${count(outcome)} of ${total} ${outcome}`;
}

/** Figures over all GC runs of a variant. */
export interface GcStatistics {
  readonly runs: number;
  readonly byCause: Readonly<Record<GcRun["cause"], number>>;
  readonly deleted: number;
  readonly durationMinNs: number;
  readonly durationMedianNs: number;
  readonly durationMaxNs: number;
  readonly intervalMinNs: number;
  readonly intervalMaxNs: number;
  readonly deleteRatioMax: number;
}

/** Undefined when GC never ran. */
export function gcStatistics(runs: readonly GcRun[]): GcStatistics | undefined {
  if (runs.length === 0) return undefined;
  const durations = runs.map(({ startNs, endNs }) => endNs - startNs).sort((a, b) => a - b);
  const intervals = runs.map(({ nextIntervalNs }) => nextIntervalNs).sort((a, b) => a - b);
  const caused = (cause: GcRun["cause"]): number => runs.filter((run) => run.cause === cause).length;
  return {
    runs: runs.length,
    byCause: { start: caused("start"), timer: caused("timer"), signal: caused("signal") },
    deleted: runs.reduce((sum, { deleted }) => sum + deleted, 0),
    durationMinNs: durations[0]!,
    durationMedianNs: durations[(durations.length - 1) >> 1]!,
    durationMaxNs: durations.at(-1)!,
    intervalMinNs: intervals[0]!,
    intervalMaxNs: intervals.at(-1)!,
    deleteRatioMax: runs.reduce((most, { deleteRatio }) => Math.max(most, deleteRatio), 0),
  };
}
