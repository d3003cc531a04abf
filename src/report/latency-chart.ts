/** SYN latencies as lines of text: how many connections took how long, both on logarithmic scales. */
import { formatDuration } from "../core/units.js";
import type { LatencySummary } from "../observe/result.js";
import { pad, sparkline } from "./text-layout.js";

export interface LatencyChart {
  /** From here to there the cells reach, ns: powers of ten. */
  readonly fromNs: number;
  readonly toNs: number;
  /** One line of `cells` characters for each summary; blank where no connection lies. */
  readonly lines: readonly string[];
  /** Powers of ten below their cells. */
  readonly axis: string;
}

/** Null when nothing was measured. */
export function latencyChart(summaries: readonly LatencySummary[], cells: number): LatencyChart | null {
  const measured = summaries.filter(({ count }) => count > 0);
  if (measured.length === 0) return null;
  const lowest = measured.reduce((least, { buckets }) => Math.min(least, buckets[0]![0]), Number.POSITIVE_INFINITY);
  const highest = measured.reduce((most, { buckets }) => Math.max(most, buckets.at(-1)![1]), 1);
  const first = Math.floor(Math.log10(Math.max(1, lowest)));
  const decades = Math.max(1, Math.ceil(Math.log10(highest * (1 + Number.EPSILON))) - first);
  const cellOf = (ns: number): number => Math.min(cells - 1, Math.max(0, Math.floor(((Math.log10(Math.max(1, ns)) - first) / decades) * cells)));
  return {
    fromNs: 10 ** first,
    toNs: 10 ** (first + decades),
    lines: summaries.map((summary) => lineOf(summary, cellOf, cells)),
    axis: axisOf(first, decades, cells),
  };
}

/** The lowest bar is a single connection, the highest one all of them. */
function lineOf({ buckets, count: total }: LatencySummary, cellOf: (ns: number) => number, cells: number): string {
  const counts = new Float64Array(cells);
  for (const [low, , count] of buckets) counts[cellOf(low)]! += count;
  const top = Math.log10(Math.max(10, total));
  return Array.from(counts, (count) => (count === 0 ? " " : sparkline([Math.log10(count)], 0, top))).join("");
}

/** Labels start below the cell in which their power of ten does; one that would touch its neighbour, or stand out, is left out. */
function axisOf(first: number, decades: number, cells: number): string {
  let line = "";
  for (let decade = 0; decade < decades; decade++) {
    const at = Math.round((decade * cells) / decades);
    const label = formatDuration(10 ** (first + decade));
    const free = line === "" ? at >= line.length : at > line.length;
    if (free && at + label.length <= cells) line = pad(line, at, "left") + label;
  }
  return line;
}
