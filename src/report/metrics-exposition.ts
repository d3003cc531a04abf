/**
 * One scrape as an agent answers it: Prometheus' text exposition format, without time stamps. Unlike in OpenMetrics the name
 * of a counter's family ends in `_total`, and whole bounds of buckets are written without a point.
 */
import type { MetricStore } from "../observe/metrics/metric-store.js";

const WHOLE_BOUND = /le="(\d+)\.0"/;

/** The last scrape of a store. */
export function metricsExposition(store: MetricStore): string {
  const scrape = store.timesNs.length - 1;
  const lines: string[] = [];
  for (const { family, groups } of store.families()) {
    const name = family.type === "counter" ? `${family.name}_total` : family.name;
    const samples = [...groups].flatMap(({ columns }) =>
      columns.flatMap(({ series, first, values }) => {
        const value = values[scrape - first];
        return value === undefined || Number.isNaN(value) ? [] : [`${series.replace(WHOLE_BOUND, 'le="$1"')} ${value}`];
      }),
    );
    if (samples.length > 0) lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`, ...samples);
  }
  return lines.map((line) => `${line}\n`).join("");
}
