/**
 * What a Prometheus server would hold of a run: the samples of every scrape, by family and label set.
 *
 * A scrape is `begin` and then one `set` for each series that is exposed at that moment; a series that is not set is
 * absent from that scrape, as when the agent withdraws a gauge or does not answer at all.
 */

export type MetricType = "counter" | "gauge" | "histogram";

export interface MetricFamily {
  /** OpenMetrics' name: that of a counter without `_total`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
}

/** One line of the exposition over the run. */
export interface MetricColumn {
  /** Name with suffix and labels: `cilium_drop_count_total{reason="Policy denied",direction="EGRESS"}`. */
  readonly series: string;
  /** Number of the scrape of the first value. */
  readonly first: number;
  /** One value for each scrape from then on; NaN where the series was absent. May end early. */
  readonly values: readonly number[];
}

/** Columns that belong together: one series, or all lines of one histogram. */
export interface MetricGroup {
  readonly columns: readonly MetricColumn[];
}

/** Series that a family may have; a port scan can make one for each port. Those beyond are counted, not kept. */
export const SERIES_MAX = 20_000;

interface Column extends MetricColumn {
  readonly values: number[];
}

interface StoredFamily {
  readonly family: MetricFamily;
  readonly groups: Map<string, { readonly columns: Column[]; readonly bySuffix: Map<string, Column> }>;
  leftOut: number;
}

/** Suffix of the lines of a plain series. */
const SUFFIXES: Readonly<Record<MetricType, string>> = { counter: "_total", gauge: "", histogram: "" };

export class MetricStore {
  /** Simulated time of each scrape, ns. */
  readonly timesNs: number[] = [];
  readonly #families = new Map<string, StoredFamily>();

  /** A scrape begins. */
  begin(atNs: number): void {
    this.timesNs.push(atNs);
  }

  /** A counter or gauge. `labels` as `labelText` writes them; each series once a scrape. */
  set(family: MetricFamily, labels: string, value: number): void {
    this.#put(family, labels, SUFFIXES[family.type], labels, value);
  }

  /** A histogram: `bounds` of its buckets, counts of each with those above the last bound at the end, not cumulative. */
  setHistogram(family: MetricFamily, labels: string, bounds: readonly number[], counts: ArrayLike<number>, sum: number): void {
    let total = 0;
    for (let bucket = 0; bucket <= bounds.length; bucket++) {
      total += counts[bucket]!;
      const bound = bucket === bounds.length ? "+Inf" : boundText(bounds[bucket]!);
      this.#put(family, labels, "_bucket", withLabel(labels, "le", bound), total);
    }
    this.#put(family, labels, "_count", labels, total);
    this.#put(family, labels, "_sum", labels, sum);
  }

  #put(family: MetricFamily, group: string, suffix: string, labels: string, value: number): void {
    const stored = this.#stored(family);
    let columns = stored.groups.get(group);
    if (columns === undefined) {
      if (stored.groups.size >= SERIES_MAX) {
        stored.leftOut++;
        return;
      }
      columns = { columns: [], bySuffix: new Map() };
      stored.groups.set(group, columns);
    }
    const scrape = this.timesNs.length - 1;
    let column = columns.bySuffix.get(suffix + labels);
    if (column === undefined) {
      column = { series: `${family.name}${suffix}${labels}`, first: scrape, values: [] };
      columns.bySuffix.set(suffix + labels, column);
      columns.columns.push(column);
    }
    const { values, first } = column;
    if (first + values.length > scrape) throw new Error(`${column.series} is set twice in one scrape`);
    while (first + values.length < scrape) values.push(Number.NaN);
    values.push(value);
  }

  #stored(family: MetricFamily): StoredFamily {
    let stored = this.#families.get(family.name);
    if (stored === undefined) {
      stored = { family, groups: new Map(), leftOut: 0 };
      this.#families.set(family.name, stored);
    }
    return stored;
  }

  /** Families in order of name, with their groups in the order in which they came up. */
  *families(): Iterable<{ readonly family: MetricFamily; readonly groups: Iterable<MetricGroup> }> {
    for (const name of [...this.#families.keys()].sort()) {
      const { family, groups } = this.#families.get(name)!;
      yield { family, groups: groups.values() };
    }
  }

  /** Samples of series beyond `SERIES_MAX`, by family; empty as a rule. */
  leftOut(): readonly { readonly family: string; readonly samples: number }[] {
    return [...this.#families.values()].flatMap(({ family, leftOut }) => (leftOut === 0 ? [] : [{ family: family.name, samples: leftOut }]));
  }
}

/** `{reason="Policy denied",direction="EGRESS"}`; empty without labels. */
export function labelText(labels: readonly (readonly [name: string, value: string])[]): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}

function withLabel(labels: string, name: string, value: string): string {
  const label = `${name}="${escaped(value)}"`;
  return labels === "" ? `{${label}}` : `${labels.slice(0, -1)},${label}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (mark) => (mark === "\n" ? "\\n" : `\\${mark}`));
}

/** OpenMetrics writes bounds as floats: `1.0`. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
