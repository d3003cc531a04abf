/** What the agent's and Hubble's metrics say, of one scrape or of several. */
import type { DropTotals, GcCoincidence, GcMetrics, MapName, MetricFacts } from "./facts.js";
import { CT_MAPS, NAT_MAPS } from "./facts.js";
import { gains, known, type Series, type SeriesSet, summed, total } from "./series.js";

/** Maps of this capacity share one series, `map_group="default"`: pkg/metrics, `bpfMapCapacityDefault`. */
const CAPACITY_DEFAULT = 65_536;
/** Steps between scrapes longer than this many usual ones are gaps: one scrape may fail by itself. */
const GAP_STEPS = 2.5;
/** A conntrack map that fell to less than this share of its entries in one interval was emptied. */
const EMPTIED = 1 / 3;
/** Of fewer entries one can't say so. */
const EMPTIED_MIN = 200;

/** What one map's metrics say. */
export interface MapMetrics {
  readonly maxEntries: number | null;
  readonly fills: readonly number[];
}

export function metricFacts(set: SeriesSet): MetricFacts | null {
  const { moments } = set;
  if (moments.length === 0) return null;
  const intervals = moments.length - 1;
  const forwarded = set.named("cilium_forward_count_total");
  const dropSeries = set.named("cilium_drop_count_total");
  const runs = gcRuns(set);
  return {
    scrapes: moments.length,
    spanS: intervals === 0 || moments[0]! < EPOCH_MIN ? 0 : moments.at(-1)! - moments[0]!,
    forwarded: forwarded.length === 0 ? null : amount(forwarded, intervals),
    drops: forwarded.length === 0 && dropSeries.length === 0 ? null : dropTotals(dropSeries, forwarded, intervals),
    gc: gcMetrics(set, intervals),
    natPortShare: largest(set.named("cilium_nat_endpoint_max_connection")),
    restarts: intervals === 0 ? null : restarts(set).size,
    resized: resized(set),
    emptied: emptied(set),
    backends: backends(set),
    hubbleLost: hubbleLost(set, intervals),
    withGc: runs === null || intervals < 2 ? {} : coincidences(dropSeries, runs, intervals),
  };
}

/** Moments below are numbers of files. */
const EPOCH_MIN = 1e6;

/** Size and fills of one map; undefined when metrics don't mention it. */
export function mapMetrics(set: SeriesSet, map: MapName): MapMetrics | undefined {
  const fills = set.named("cilium_bpf_map_pressure", { map_name: map }).flatMap(known);
  const maxEntries = capacityAt(set, map, -1);
  return fills.length === 0 && maxEntries === null ? undefined : { maxEntries, fills };
}

/** At the n-th moment (-1: the last); null before 1.15, which has no such metric. */
function capacityAt(set: SeriesSet, map: string, moment: number): number | null {
  const [own] = set.named("cilium_bpf_map_capacity", { map_group: `cilium_${map}` });
  const value = own?.values.at(moment);
  if (value !== undefined) return value;
  const isSaid = set.named("cilium_bpf_map_capacity", { map_group: "default" })[0]?.values.at(moment) !== undefined;
  return isSaid ? CAPACITY_DEFAULT : null;
}

/** Gains of counters between the scrapes, or what they show at the only one. */
function amount(series: readonly Series[], intervals: number): number {
  if (intervals === 0) return total(series.map((each) => each.values[0] ?? 0));
  return total(series.map((each) => total(gains(each))));
}

function dropTotals(drops: readonly Series[], forwarded: readonly Series[], intervals: number): readonly DropTotals[] {
  const reasons = [...new Set(drops.map(({ labels }) => labels["reason"] ?? ""))];
  const perStep = (series: readonly Series[]): number[] =>
    intervals === 0 ? [amount(series, 0)] : summed(series.map(gains), intervals);
  const [passed, dropped] = [perStep(forwarded), perStep(drops)];
  return reasons
    .map((reason) => {
      const own = perStep(drops.filter(({ labels }) => labels["reason"] === reason));
      const shares = own.map((count, i) => count / Math.max(1, passed[i]! + dropped[i]!));
      return { reason, count: total(own), worstShare: Math.max(0, ...shares) };
    })
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}

function gcRuns(set: SeriesSet): readonly Series[] | null {
  const runs = set.named("cilium_datapath_conntrack_gc_runs_total");
  return runs.length === 0 ? null : runs;
}

function gcMetrics(set: SeriesSet, intervals: number): GcMetrics | null {
  const runs = gcRuns(set);
  if (runs === null) return null;
  const families = [...new Set(runs.map(({ labels }) => labels["family"] ?? ""))].sort();
  return {
    byFamily: families.map((family) => ({
      family,
      runs: amount(set.named("cilium_datapath_conntrack_gc_runs_total", { family, status: "completed" }), intervals),
    })),
    signals: amount(set.named("cilium_datapath_signals_handled_total"), intervals),
  };
}

function largest(series: readonly Series[]): number | null {
  const values = series.flatMap(known);
  return values.length === 0 ? null : Math.max(...values);
}

/** Moments at which counters of the agent's memory begin again, and gaps in its series. */
function restarts(set: SeriesSet): ReadonlySet<number> {
  const own = ["cilium_datapath_conntrack_gc_runs_total", "cilium_bpf_map_ops_total"].flatMap((name) => set.named(name));
  const began = new Set<number>();
  for (const { values } of own) {
    let last: number | undefined;
    values.forEach((value, i) => {
      if (value !== undefined && last !== undefined && value < last) began.add(i);
      last = value ?? last;
    });
  }
  const steps = set.moments.slice(1).map((at, i) => at - set.moments[i]!);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  steps.forEach((step, i) => {
    if (step > usual * GAP_STEPS) began.add(i + 1);
  });
  for (const { values } of set.named("process_start_time_seconds")) {
    values.forEach((value, i) => {
      if (i > 0 && value !== undefined && values[i - 1] !== undefined && value !== values[i - 1]) began.add(i);
    });
  }
  return began;
}

function resized(set: SeriesSet): MetricFacts["resized"] {
  return [...CT_MAPS, ...NAT_MAPS].flatMap((map) => {
    const from = capacityAt(set, map, 0);
    const to = capacityAt(set, map, -1);
    return from === null || to === null || from === to ? [] : [{ map, from, to }];
  });
}

/** At a restart: at other times the collector may have deleted as much. */
function emptied(set: SeriesSet): readonly MapName[] {
  if (set.moments.length < 2) return [];
  const began = restarts(set);
  return CT_MAPS.filter((map) =>
    set.named("cilium_bpf_map_pressure", { map_name: map }).some(({ values }) => {
      let last: { readonly fill: number; readonly capacity: number } | undefined;
      return values.some((fill, i) => {
        if (fill === undefined) return false;
        const capacity = capacityAt(set, map, i) ?? CAPACITY_DEFAULT;
        const fell = last !== undefined && last.fill * last.capacity >= EMPTIED_MIN && fill * capacity < last.fill * last.capacity * EMPTIED && began.has(i);
        last = { fill, capacity };
        return fell;
      });
    }),
  );
}

function backends(set: SeriesSet): MetricFacts["backends"] {
  const [series] = ["lb4_backends_v3", "lb4_backends_v2"].flatMap((map) => set.named("cilium_bpf_map_pressure", { map_name: map }));
  const capacity = capacityAt(set, "lb4_backends_v3", -1);
  const values = series === undefined ? [] : known(series);
  if (values.length < 2 || capacity === null) return null;
  return { first: Math.round(values[0]! * capacity), last: Math.round(values.at(-1)! * capacity) };
}

function hubbleLost(set: SeriesSet, intervals: number): MetricFacts["hubbleLost"] {
  const lost = set.named("hubble_lost_events_total");
  const processed = set.named("hubble_flows_processed_total");
  if (lost.length === 0 && processed.length === 0) return null;
  return { lost: amount(lost, intervals), processed: processed.length === 0 ? null : amount(processed, intervals) };
}

/** By reason: drops in intervals with a run of the collector, against the share of such intervals. */
function coincidences(drops: readonly Series[], runs: readonly Series[], intervals: number): Readonly<Record<string, GcCoincidence>> {
  const ran = summed(runs.map(gains), intervals).map((count) => count > 0);
  const runShare = ran.filter(Boolean).length / intervals;
  const found = new Map<string, { drops: number; dropsWithRun: number }>();
  for (const series of drops) {
    const reason = series.labels["reason"] ?? "";
    const sums = found.get(reason) ?? { drops: 0, dropsWithRun: 0 };
    gains(series).forEach((count, i) => {
      sums.drops += count;
      if (ran[i]) sums.dropsWithRun += count;
    });
    found.set(reason, sums);
  }
  return Object.fromEntries([...found].map(([reason, sums]) => [reason, { ...sums, runShare }]));
}
