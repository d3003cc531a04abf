/** Samples in any order become series. */
import type { MetricSeries } from "./metrics-table.js";

interface OpenSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: number[];
  readonly times: number[];
}

export class SeriesCollector {
  readonly #series = new Map<string, OpenSeries>();

  /** `time`: seconds since the epoch, NaN when unknown. */
  add(name: string, labels: Readonly<Record<string, string>>, value: number, time: number): void {
    const key = keyOf(name, labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { name, labels, values: [], times: [] };
      this.#series.set(key, series);
    }
    series.values.push(value);
    series.times.push(time);
  }

  /** In the order in which the series came, values by time. */
  finish(): readonly MetricSeries[] {
    return [...this.#series.values()].map((series) => inOrder(series));
  }
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels);
  return names.length === 0 ? name : `${name}\0${names.sort().map((label) => `${label}\0${labels[label]!}`).join("\0")}`;
}

function inOrder(series: OpenSeries): MetricSeries {
  const { times, values } = series;
  if (times.every((time, index) => index === 0 || !(time < times[index - 1]!))) return series;
  const order = times.map((_, index) => index).sort((a, b) => times[a]! - times[b]!);
  return { ...series, values: order.map((index) => values[index]!), times: order.map((index) => times[index]!) };
}
