/** Latencies split by where the connection was opened, counted in HDR's bucket layout. */
import { LogLinearCounter } from "../core/log-linear.js";
import type { LatencySummary } from "./result.js";
import { WHERE } from "./windows.js";

/** Three significant digits: the buckets of HdrHistogram's usual configuration. */
const DIGITS = 3;
/** Highest trackable latency, ns: one hour, beyond any connect timeout of Linux. */
const HIGHEST_NS = 3600e9;

/** Two significant digits, for what is recorded for every packet: a counter of 35 kB. */
const FEW_DIGITS = 2;

/** A counter of spans, ns, that is small enough for the hot path. */
export function spanCounter(): LogLinearCounter {
  return new LogLinearCounter(FEW_DIGITS, HIGHEST_NS);
}

export class LatencyRecorder {
  readonly #byWhere: readonly LogLinearCounter[] = [
    new LogLinearCounter(DIGITS, HIGHEST_NS),
    new LogLinearCounter(DIGITS, HIGHEST_NS),
  ];

  record(where: number, latencyNs: number): void {
    this.#byWhere[where]!.record(latencyNs);
  }

  /** Calls `visit` for every used bucket of either counter: a bucket that both use comes twice. */
  forEach(visit: (lowest: number, highest: number, count: number) => void): void {
    for (const counter of this.#byWhere) counter.forEach(visit);
  }

  /** Everything, as one counter; a copy. */
  all(): LogLinearCounter {
    const merged = new LogLinearCounter(DIGITS, HIGHEST_NS);
    for (const counter of this.#byWhere) merged.merge(counter);
    return merged;
  }

  /** The three views of the result model. */
  summaries(): Readonly<Record<"all" | "inside" | "outside", LatencySummary>> {
    return {
      all: summarise(this.all()),
      inside: summarise(this.#byWhere[WHERE.inside]!),
      outside: summarise(this.#byWhere[WHERE.outside]!),
    };
  }
}

/** Quantiles as HdrHistogram states them; null where fewer than one sample lies beyond the quantile. */
export function summarise(counter: LogLinearCounter): LatencySummary {
  const count = counter.count;
  const at = (q: number): number | null => (count * (1 - q) >= 1 ? counter.quantile(q) : null);
  const buckets: (readonly [number, number, number])[] = [];
  counter.forEach((low, high, n) => buckets.push([low, high, n]));
  const empty = count === 0;
  return {
    count,
    minNs: empty ? null : counter.min,
    meanNs: empty ? null : counter.mean,
    p50Ns: at(0.5),
    p90Ns: at(0.9),
    p99Ns: at(0.99),
    p999Ns: at(0.999),
    maxNs: empty ? null : counter.max,
    buckets,
  };
}
