/**
 * `metrics.om`: OpenMetrics 1.0 text with time stamps, as `promtool tsdb create-blocks-from openmetrics` takes it.
 *
 * Families, label sets and moments come one inside the other, so that no reader meets interleaved families. Stamps are
 * Unix seconds, exact to the millisecond, which is what Prometheus keeps.
 */
import { NS_PER_MS } from "../core/units.js";
import type { MetricColumn, MetricStore } from "../observe/metrics/metric-store.js";

const MS_PER_S = 1000;

/** The text in pieces, one for each label set. `epochSeconds`: wall time of the run's start. */
export function* openMetrics(store: MetricStore, epochSeconds: number): Iterable<string> {
  const stamps = store.timesNs.map((ns) => stampText(epochSeconds, ns));
  for (const { family, groups } of store.families()) {
    yield `# HELP ${family.name} ${helpText(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    for (const { columns } of groups) yield groupText(columns, stamps);
  }
  yield "# EOF\n";
}

/** All lines of a moment together, as the format wants it of histograms. */
function groupText(columns: readonly MetricColumn[], stamps: readonly string[]): string {
  const lines: string[] = [];
  for (let scrape = 0; scrape < stamps.length; scrape++) {
    for (const { series, first, values } of columns) {
      const value = values[scrape - first];
      if (value !== undefined && !Number.isNaN(value)) lines.push(`${series} ${value} ${stamps[scrape]!}\n`);
    }
  }
  return lines.join("");
}

function stampText(epochSeconds: number, ns: number): string {
  const ms = Math.round(ns / NS_PER_MS);
  const rest = ms % MS_PER_S;
  const seconds = String(epochSeconds + (ms - rest) / MS_PER_S);
  return rest === 0 ? seconds : `${seconds}.${String(rest).padStart(3, "0")}`;
}

function helpText(help: string): string {
  return help.replace(/[\\\n"]/g, (mark) => (mark === "\n" ? "\\n" : `\\${mark}`));
}
