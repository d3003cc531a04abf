/** Several metrics files as one: each series with its values at the moments of the scrapes, in order. */
import type { MetricsDump } from "../ingest/metrics-table.js";

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** By number of the moment; undefined where the series was not there. */
  readonly values: readonly (number | undefined)[];
}

export class SeriesSet {
  /** Seconds since the epoch, or the number of the file where no times are known. */
  readonly moments: readonly number[];
  readonly #byName = new Map<string, Series[]>();

  /** `dumps`: oldest first. Series that are not the agent's or Hubble's own are left out. */
  constructor(dumps: readonly MetricsDump[]) {
    const points = new Map<string, { name: string; labels: Readonly<Record<string, string>>; at: Map<number, number> }>();
    const moments = new Set<number>();
    // A scrape of which nobody knows the time has no place among others.
    const timed = dumps.filter(({ series }) => series.some(({ times }) => times.some((time) => !Number.isNaN(time))));
    (timed.length > 0 ? timed : dumps).forEach(({ series }, file) => {
      for (const { name, labels, values, times } of series) {
        if (!OWN.test(name)) continue;
        const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
        let found = points.get(key);
        if (found === undefined) points.set(key, (found = { name, labels, at: new Map() }));
        values.forEach((value, i) => {
          const moment = Number.isNaN(times[i]!) ? file : times[i]!;
          moments.add(moment);
          found.at.set(moment, value);
        });
      }
    });
    this.moments = [...moments].sort((a, b) => a - b);
    for (const { name, labels, at } of points.values()) {
      const list = this.#byName.get(name) ?? [];
      list.push({ labels, values: this.moments.map((moment) => at.get(moment)) });
      this.#byName.set(name, list);
    }
  }

  /** Series of this name whose labels include these. */
  named(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    const wanted = Object.entries(labels);
    return (this.#byName.get(name) ?? []).filter((series) => wanted.every(([label, value]) => series.labels[label] === value));
  }
}

/** Names of cilium-agent and of Hubble, and of the process they run in. */
const OWN = /^(?:cilium|hubble|process)_/;

/** What a counter gained in each interval between two moments; it may have begun again at 0, or been absent while it was 0. */
export function gains({ values }: Series): readonly number[] {
  let last: number | undefined;
  let wasThere = values[0] !== undefined;
  return values.slice(1).map((value, i) => {
    last = values[i] ?? last;
    if (value === undefined) return 0;
    const before = wasThere ? (last ?? 0) : 0;
    wasThere = true;
    return value >= before ? value - before : value;
  });
}

/** Sums of several lists of the same length. */
export function summed(lists: readonly (readonly number[])[], length: number): number[] {
  return Array.from({ length }, (_, i) => lists.reduce((sum, list) => sum + (list[i] ?? 0), 0));
}

export function total(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0);
}

/** Values that are there. */
export function known({ values }: Series): readonly number[] {
  return values.filter((value) => value !== undefined);
}
