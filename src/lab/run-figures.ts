/** The figures of one run, see `observe/run-figures.ts`. */
import type { MapResult, VariantResult } from "../observe/result.js";
import type { FiguredRun, FigureUnit, RunFigure } from "../observe/run-figures.js";
import { dropsTotal, evictionsLive, insertsRefused, mapMemory, peakPressure, tightestMap } from "../report/wording.js";

/** In the order in which they are shown; the last ones are of each map that the run has. */
export function runFigures(variant: VariantResult): readonly RunFigure[] {
  const { counts, synLatency } = variant;
  const latency = synLatency["all"];
  const opened = counts.connectionsOpened + counts.queriesStarted;
  const failed = counts.connectionsFailed + counts.connectionsBroken + counts.queriesFailed;
  const tightest = tightestMap(variant);
  return [
    figure("syn_latency_p50", "SYN p50", "ns", latency?.p50Ns ?? null, true),
    figure("syn_latency_p99", "SYN p99", "ns", latency?.p99Ns ?? null, true),
    figure("syn_latency_p999", "SYN p99.9", "ns", latency?.p999Ns ?? null, false),
    { ...figure("failed_share", "failed or broken", "share", opened === 0 ? null : failed / opened, true), trials: opened },
    figure("drops", "drops", "count", dropsTotal(variant), true),
    figure("inserts_refused", "refused inserts", "count", insertsRefused(variant), true),
    figure("evictions_live", "live evictions", "count", evictionsLive(variant), true),
    figure("gc_runs", "GC runs", "count", variant.gcRuns.length, false),
    figure("map_memory", "map memory", "bytes", mapMemory(variant), false),
    figure("fill_max", "tightest map", "ratio", tightest === undefined ? null : peakPressure(tightest), false),
    ...variant.maps.filter(({ fillsByDesign }) => !fillsByDesign).flatMap(mapFigures),
  ];
}

function mapFigures(map: MapResult): readonly RunFigure[] {
  return [
    figure(`${map.name}_entries_max`, `${map.name} most`, "count", map.entriesMax, false),
    figure(`${map.name}_fill_max`, `${map.name} fill`, "ratio", peakPressure(map), false),
  ];
}

function figure(name: string, label: string, unit: FigureUnit, value: number | null, decides: boolean): RunFigure {
  return { name, label, unit, decides, value, trials: null };
}

export function figuredRun(run: number, variant: VariantResult): FiguredRun {
  return { run, fingerprint: variant.fingerprint, figures: runFigures(variant) };
}
