/** Lines of the table of all experiments for the validation report: recorded and simulated figures side by side. */
import type { ExperimentReport } from "./experiment.js";
import { holds, type Measure } from "./measures.js";

/** Columns of the table. */
export const TESTBED_HEADINGS: readonly string[] = [
  "experiment", "entries, RMSE / size", "SYNs dropped", "lost a SYN", "never connected", "latency, KS", "by retransmissions, worst",
  "evicted", "recreated", "requests timed out", "",
];

/** Line of a recording that holds no experiment of the classifier. */
export function uncoveredRow(name: string): readonly string[] {
  return [name, ...TESTBED_HEADINGS.slice(2).map(() => ""), "not covered"];
}

/** Line of an experiment. */
export function experimentRow({ name, measures, contradiction }: ExperimentReport): readonly string[] {
  const of = (prefix: string): Measure | undefined => measures.find((measure) => measure.name.startsWith(prefix));
  return [
    name,
    percent(of("occupancy")),
    pair(of("SYN drop fraction")),
    pair(of("connections that lost")),
    pair(of("never connected")),
    of("SYN latency")?.distance.toFixed(3) ?? "",
    worst(measures.filter((measure) => measure.name.startsWith("established after"))),
    counts(of("LRU evictions")),
    counts(of("entries recreated")),
    pair(of("request time-outs")),
    contradiction === undefined && measures.every(holds) ? "holds" : "**missed**",
  ];
}

/** Recorded / simulated fractions. */
function pair(measure: Measure | undefined): string {
  return measure === undefined ? "" : `${measure.recorded.toFixed(4)} / ${measure.simulated.toFixed(4)}`;
}

/** Recorded / simulated counts; empty where there is nothing to count. */
function counts(measure: Measure | undefined): string {
  if (measure === undefined || (measure.recorded === 0 && measure.simulated === 0)) return "";
  return `${measure.recorded} / ${measure.simulated}`;
}

function percent(measure: Measure | undefined): string {
  return measure === undefined ? "" : `${(100 * measure.distance).toFixed(2)} %`;
}

function worst(measures: readonly Measure[]): string {
  return measures.length === 0 ? "" : Math.max(...measures.map(({ distance }) => distance)).toFixed(4);
}
