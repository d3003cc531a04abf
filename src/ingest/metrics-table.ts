/** Metrics of a node, from whatever form they come in: one series for each name and set of labels. */
import type { Skipped } from "./skipped.js";

export interface MetricSeries {
  /** As exported, such as `cilium_bpf_map_pressure`; of histograms each `_bucket`, `_sum`, `_count` by itself. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the order of the file, oldest first where times are known. */
  readonly values: readonly number[];
  /** Seconds since the epoch, for each value; NaN where the file does not say. */
  readonly times: readonly number[];
}

/**
 * `exposition`: Prometheus text or OpenMetrics. `list`: `cilium metrics list`, where histograms of 1.17 and later are quantiles
 * (series `name` with a label `quantile`) and earlier ones sums (series `name`). `prometheus`: a result of Prometheus' query API.
 */
export type MetricsForm = "exposition" | "list" | "list-json" | "prometheus";

export interface MetricsDump {
  readonly form: MetricsForm;
  readonly series: readonly MetricSeries[];
  readonly skipped: Skipped;
}

/** Series of a name whose labels include these. */
export function seriesNamed(dump: MetricsDump, name: string, labels: Readonly<Record<string, string>> = {}): readonly MetricSeries[] {
  const wanted = Object.entries(labels);
  return dump.series.filter((each) => each.name === name && wanted.every(([label, value]) => each.labels[label] === value));
}

/** The last value of a series. */
export function lastValue(series: MetricSeries): number {
  return series.values.at(-1)!;
}

/** What a counter gained from its first value to its last; it may have begun again at 0 between. */
export function increaseOf(series: MetricSeries): number {
  return series.values.slice(1).reduce((sum, value, index) => sum + (value >= series.values[index]! ? value - series.values[index]! : value), 0);
}
