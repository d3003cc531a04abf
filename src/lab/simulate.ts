/**
 * One variant from scenario to figures: builds the node, lets simulated time pass, collects what was counted.
 * Pure but for the flows file that it writes while running: same scenario and run number, same bytes.
 */
import { join } from "node:path";
import { RandomStreams } from "../core/random.js";
import { Simulation } from "../core/simulation.js";
import { buildNode, type BuiltNode } from "../node/build.js";
import type { FlowSink } from "../observe/flow-writer.js";
import type { NotableConnection } from "../observe/notable.js";
import { RunRecorder } from "../observe/recorder.js";
import type { VariantResult, Window } from "../observe/result.js";
import { SeriesRecorder } from "../observe/series.js";
import { Windows } from "../observe/windows.js";
import { BulkStream } from "../report/bulk-stream.js";
import { FileStream } from "../report/file-stream.js";
import type { Scenario } from "../scenario/types.js";
import { assumptionsOf } from "./assumptions.js";
import { CurveObserver, type CurveRequest } from "./curve/curve-observer.js";
import type { MapCurve } from "./curve/result.js";
import { curveSetting } from "./curve/setting.js";
import { Dumper } from "./dump/dumper.js";
import type { DumpRequest } from "./dump/request.js";
import { judge } from "./expectations.js";
import { figuresOf } from "./figures.js";
import { latencyLog } from "./latency-log.js";
import { MapContentsRecorder, MOMENTS } from "./map-contents.js";
import { scrapedPressure } from "./metrics/scraped-pressure.js";
import { scrapeEvery, writeMetrics } from "./metrics/scraper.js";
import { PerfettoRecorder } from "./perfetto/recorder.js";
import type { PerfettoRequest } from "./perfetto/request.js";
import { traceEvents } from "./perfetto/trace-events.js";
import { BULK_WRITER } from "./program-files.js";
import { AGENT_EVENTS_FILE, FLOWS_FILE, METRICS_FILE } from "./run-files.js";
import { seriesSources } from "./series-sources.js";
import type { TraceRequest } from "./trace/request.js";
import type { ConnectionTrace } from "./trace/result.js";
import { Tracers } from "./trace/tracers.js";
import { variantVerdict } from "./verdict.js";

/** Reports of progress in a run. */
const PROGRESS_REPORTS = 400;

/** Takes the flows of a run that writes none. */
const NOWHERE: FlowSink = { write: () => {} };

export interface SimulateOptions {
  /** Run number: independent random streams under the same seed. */
  readonly run: number;
  /** Existing folder that takes `flows.jsonl`, `agent-events.jsonl` and `metrics.om`; null: none is written. */
  readonly streamFolder: string | null;
  /** Asked now and then; true ends the run early. */
  readonly aborted?: () => boolean;
  readonly onProgress?: (nowNs: number) => void;
  /** Connections to follow; the run is the same with and without. */
  readonly traces?: readonly TraceRequest[];
  /** A window of time to show in full, and the file for it; the run is the same with and without. */
  readonly perfetto?: PerfettoRequest;
  /** A moment at which the node is dumped as an operator's commands would show it; the run is the same with and without. */
  readonly dump?: DumpRequest;
  /** Asks for the curves of the maps of connections; in place of traces. */
  readonly curves?: CurveRequest;
}

export interface SimulatedVariant {
  readonly variant: VariantResult;
  /** Content of `latency.hlog`. */
  readonly latencyLog: string;
  /** The followed connections, in the order in which they were asked for. */
  readonly traces: readonly ConnectionTrace[];
  /** Connections that deserve a look, see `NotableConnections.list`. */
  readonly notable: readonly NotableConnection[];
  /** One for each map of connections; empty unless asked for. */
  readonly curves: readonly MapCurve[];
}

export function simulateVariant(asked: Scenario, options: SimulateOptions): SimulatedVariant {
  const { streamFolder } = options;
  const scenario = streamFolder === null ? withoutFiles(asked) : asked;
  const simulation = new Simulation();
  const traces = options.traces ?? [];
  const tracers = traces.length === 0 ? null : new Tracers(traces, scenario, simulation);
  const perfetto = options.perfetto === undefined ? null : new PerfettoRecorder(options.perfetto.window, simulation, tracers);
  const counting = [new Windows(burstWindows(scenario)), scenario.warmupNs, simulation] as const;
  const recorder = perfetto?.recorder(...counting) ?? new RunRecorder(...counting);
  const flows = streamFolder === null ? null : new BulkStream(join(streamFolder, FLOWS_FILE), FLOWS_FILE, BULK_WRITER);
  try {
    const streams = new RandomStreams(scenario.seed, options.run);
    const curves = options.curves === undefined ? null : new CurveObserver(options.curves, curveSetting(scenario, simulation));
    const agentEvents: string[] = [];
    const sink: FlowSink = flows === null ? NOWHERE : { write: (lines) => flows.write(lines), event: (line) => void agentEvents.push(line) };
    const node = buildNode(scenario, simulation, streams, recorder, sink, curves ?? perfetto ?? tracers);
    perfetto?.sampleMaps(simulation, node);
    const contents = streamFolder === null ? null : new MapContentsRecorder(node);
    const series = sampleEvery(scenario, simulation, node, recorder, contents);
    const metrics = scrapeEvery(scenario, simulation, node, recorder);
    const dumper = options.dump === undefined ? null : new Dumper(options.dump, scenario, simulation, node);
    simulation.run(scenario.durationNs, {
      ...(options.aborted === undefined ? {} : { aborted: options.aborted }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress, progressEvery: scenario.durationNs / PROGRESS_REPORTS }),
    });
    node.flows.finish();
    node.watch.sample(simulation.now);
    dumper?.end();
    if (agentEvents.length > 0) writeWhole(agentEvents, join(streamFolder!, AGENT_EVENTS_FILE));
    if (metrics !== null && streamFolder !== null) writeMetrics(metrics, join(streamFolder, METRICS_FILE));
    if (perfetto !== null) writePerfetto(perfetto, options.perfetto!.file, scenario, node);
    const figures = figuresOf(scenario, node, recorder, series.toSeries(), simulation.now);
    return {
      variant: {
        ...figures,
        ...(contents === null ? {} : { contents: contents.results() }),
        ...(metrics === null ? {} : { scraped: scrapedPressure(metrics) }),
        verdict: variantVerdict(scenario, figures, assumptionsOf(scenario, node)),
        expectations: judge(scenario.expect, figures),
      },
      latencyLog: latencyLog(node, recorder, simulation.now),
      traces: tracers?.finish(scenario.variant) ?? [],
      notable: recorder.notable.list(),
      curves: curves?.finish() ?? [],
    };
  } finally {
    flows?.close();
  }
}

/** Without flows and scrapes; Hubble's losses are figures of the run, with or without anybody who writes what is read. */
function withoutFiles(scenario: Scenario): Scenario {
  const { observe } = scenario;
  const flows = observe.hubble === null ? { flows: "none" as const } : { flowsMax: 0 };
  return { ...scenario, observe: { ...observe, ...flows, scrapeNs: null } };
}

function writeWhole(lines: readonly string[], path: string): void {
  const file = new FileStream(path, AGENT_EVENTS_FILE);
  try {
    for (const line of lines) file.write(line);
  } finally {
    file.close();
  }
}

function writePerfetto(recorder: PerfettoRecorder, path: string, scenario: Scenario, node: BuiltNode): void {
  const title = [scenario.name, scenario.variant, `seed ${scenario.seed}`].filter((part) => part !== null).join(", ");
  const file = new FileStream(path);
  try {
    const names = { title, workloads: scenario.workloads.map(({ name }) => name) };
    for (const text of traceEvents(recorder, node.collector.runs, names)) file.write(text);
  } finally {
    file.close();
  }
}

/** Every burst of every workload within the run, named after the workload. */
function burstWindows({ workloads, durationNs }: Scenario): readonly Window[] {
  return workloads.flatMap((workload) => {
    if (workload.kind === "pool" || workload.bursts === null) return [];
    const { firstNs, everyNs, lengthNs } = workload.bursts;
    const count = Math.max(0, Math.ceil((durationNs - firstNs) / everyNs));
    return Array.from({ length: count }, (_, i) => {
      const startNs = firstNs + i * everyNs;
      return { name: workload.name, startNs, endNs: Math.min(startNs + lengthNs, durationNs) };
    });
  });
}

/** Samples the series at equal steps, now and then looks into the maps, and renews what depends on their fill. */
function sampleEvery(
  scenario: Scenario,
  simulation: Simulation,
  node: BuiltNode,
  recorder: RunRecorder,
  contents: MapContentsRecorder | null,
): SeriesRecorder {
  const lookEvery = Math.max(1, Math.round(scenario.durationNs / scenario.observe.seriesNs / MOMENTS));
  let samples = 0;
  const series = new SeriesRecorder(scenario.observe.seriesNs, scenario.durationNs, seriesSources(node, recorder));
  const kind: number = simulation.on(() => {
    node.watch.sample(simulation.now);
    node.costs.refresh();
    series.sample(simulation.now);
    if (samples++ % lookEvery === 0) contents?.look(simulation.now);
    const next = simulation.now + scenario.observe.seriesNs;
    if (next <= scenario.durationNs) simulation.at(next, kind, 0, 0);
  });
  simulation.at(0, kind, 0, 0);
  return series;
}
