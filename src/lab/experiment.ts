/** Runs a scenario: every variant in a worker thread, and one folder for all of it. */
import { dirname, join } from "node:path";
import { Fingerprint } from "../core/fingerprint.js";
import { VERSION } from "../core/version.js";
import { RESULT_SCHEMA_VERSION, type ExperimentResult, type VariantResult } from "../observe/result.js";
import { RunFolder } from "../report/run-folder.js";
import { variantFile, writeReports } from "../report/write-run.js";
import { loadScenario } from "../scenario/load.js";
import type { Scenario, ScenarioFile } from "../scenario/types.js";
import { DUMP_FILES, parseDumpTime, type DumpPlaces } from "./dump/request.js";
import { chooseVariants, DROP_TEXTS, refuseUnsupported, seeded } from "./input.js";
import { parsePerfetto } from "./perfetto/request.js";
import { CONNECTIONS_FILE, connectionsJson, recorded, SCENARIO_FILE, scenarioJson } from "./recorded-files.js";
import { AGENT_EVENTS_FILE, FLOWS_FILE, LATENCY_FILE, METRICS_FILE } from "./run-files.js";
import type { SimulatedVariant } from "./simulate.js";
import { simulateAll, type SimulateAllOptions, type VariantTask } from "./simulate-all.js";
import { parseTraceRequest } from "./trace/request.js";
import type { ConnectionTrace } from "./trace/result.js";
import { TRACE_FILE, traceText } from "./trace/text.js";
import { experimentVerdict } from "./verdict.js";

export interface RunOptions extends SimulateAllOptions {
  readonly scenarioPath: string;
  /** Names of variants; empty = all. */
  readonly variants: readonly string[];
  /** `path=value` overrides of the scenario file. */
  readonly set: readonly string[];
  readonly seed?: string;
  /** Target folder; default under `reports/`. */
  readonly out?: string;
  /** A connection to follow, as `--trace` takes it. */
  readonly trace?: string;
  /** A window of time to show in full: the file, and `FROM..TO`. */
  readonly perfetto?: { readonly file: string; readonly window: string | undefined };
  /** When to dump the node, as `--dump` takes it. */
  readonly dump?: string;
  /** The command that repeats this run. */
  readonly command: string;
}

export type { RunProgress } from "./simulate-all.js";

export interface FinishedRun {
  readonly result: ExperimentResult;
  readonly folder: string;
  readonly warnings: ScenarioFile["warnings"];
  /** The followed connection of each variant that was run; empty when none was asked for. */
  readonly traces: readonly ConnectionTrace[];
}

/** Loads, simulates, writes. Throws `InputError` or `OutputError` before anything is left behind. */
export async function runExperiment(options: RunOptions): Promise<FinishedRun> {
  const file = loadScenario(options.scenarioPath, { set: options.set, dropReasons: DROP_TEXTS });
  const scenarios = seeded(chooseVariants(file, options.variants), options.seed);
  refuseUnsupported(file.path, scenarios);
  if (scenarios.some(({ observe }) => observe.exports.length > 0)) (await import("./exporter/export-run.js")).checkExports(file.path, scenarios);
  const workloads = [...new Set(scenarios.flatMap((scenario) => scenario.workloads.map(({ name }) => name)))];
  const followed = options.trace === undefined ? [] : [parseTraceRequest(options.trace, workloads)];
  const { perfetto: shown } = options;
  const perfetto = shown === undefined ? {} : { perfetto: parsePerfetto(shown.file, shown.window, scenarios) };
  const dumpAtNs = options.dump === undefined ? undefined : parseDumpTime(options.dump, scenarios);
  const dir = options.out ?? `reports/${file.base.name}`;
  const folder = RunFolder.create(dir);
  try {
    const tasks = scenarios.map((scenario) => {
      const streamFolder = dirname(folder.place(variantFile(scenario.variant, scenarios.length, FLOWS_FILE)));
      folder.place(variantFile(scenario.variant, scenarios.length, METRICS_FILE));
      folder.place(variantFile(scenario.variant, scenarios.length, AGENT_EVENTS_FILE));
      const place = (name: string): string => folder.place(variantFile(scenario.variant, scenarios.length, name));
      const dump = dumpAtNs === undefined ? {} : { dump: { atNs: dumpAtNs, places: dumpPlaces(place) } };
      return { scenario, streamFolder, traces: followed, ...perfetto, ...dump };
    });
    const simulated = await withAlerts(await simulateAll(tasks, options), tasks);
    for (const { scenario, streamFolder } of tasks.filter(({ scenario: { observe } }) => observe.exports.length > 0)) {
      const { exportRun } = await import("./exporter/export-run.js");
      const names = await exportRun(scenario.observe.exports, streamFolder);
      for (const name of names) folder.place(variantFile(scenario.variant, scenarios.length, name));
    }
    const result = assemble(file, scenarios, simulated, options);
    folder.write(SCENARIO_FILE, scenarioJson(file.variants));
    for (const { variant, latencyLog, notable, traces } of simulated) {
      const scenario = scenarios.find((each) => each.variant === variant.name)!;
      const write = (name: string, content: string): void => folder.write(variantFile(variant.name, scenarios.length, name), content);
      write(LATENCY_FILE, latencyLog);
      write(CONNECTIONS_FILE, connectionsJson(recorded(notable, scenario)));
      for (const trace of traces) write(TRACE_FILE, traceText(trace));
    }
    writeReports(folder, result, scenarios.length);
    folder.commit();
    return { result, folder: dir, warnings: [...file.warnings, ...alertNotes(result.variants)], traces: simulated.flatMap(({ traces }) => traces) };
  } catch (error) {
    folder.abandon();
    throw error;
  }
}

function dumpPlaces(place: (name: string) => string): DumpPlaces {
  return {
    conntrack: place(DUMP_FILES.conntrack),
    nat: place(DUMP_FILES.nat),
    retries: place(DUMP_FILES.retries),
    status: place(DUMP_FILES.status),
    metrics: place(DUMP_FILES.metrics),
  };
}

/** Variants whose scenario names alert rules, with what these say. */
async function withAlerts(simulated: readonly SimulatedVariant[], tasks: readonly VariantTask[]): Promise<readonly SimulatedVariant[]> {
  if (!tasks.some(({ scenario }) => scenario.observe.alerts.length > 0)) return simulated;
  const { evaluateAlerts } = await import("./alerts/evaluate.js");
  const all: SimulatedVariant[] = [];
  for (const each of simulated) {
    const { scenario, streamFolder } = tasks.find((task) => task.scenario.variant === each.variant.name)!;
    const { alerts: groups, scrapeNs } = scenario.observe;
    if (groups.length === 0 || scrapeNs === null || streamFolder === null) {
      all.push(each);
      continue;
    }
    const request = { scenario, groups, metricsFile: join(streamFolder, METRICS_FILE), scrapeNs, endNs: each.variant.reachedNs };
    all.push({ ...each, variant: { ...each.variant, alerts: await evaluateAlerts(request) } });
  }
  return all;
}

/** What somebody who wrote the rules should hear: they were not evaluated, or can never fire. */
function alertNotes(variants: readonly VariantResult[]): ScenarioFile["warnings"] {
  const notes = variants.flatMap(({ alerts }) => {
    const [first] = alerts?.rules ?? [];
    if (alerts === undefined || first === undefined) return [];
    const unevaluated = alerts.reason === null ? [] : [{ file: first.file, line: 1, column: 1, message: alerts.reason }];
    const silent = alerts.rules.flatMap(({ alert, file, line, never }) => {
      return never === null ? [] : [{ file, line, column: 1, message: `${alert} can never fire on these series: ${never}` }];
    });
    return [...unevaluated, ...silent];
  });
  const texts = notes.map((note) => JSON.stringify(note));
  return notes.filter((_, i) => texts.indexOf(texts[i]!) === i);
}

function assemble(
  file: ScenarioFile,
  scenarios: readonly Scenario[],
  simulated: readonly SimulatedVariant[],
  options: RunOptions,
): ExperimentResult {
  const variants = simulated.map(({ variant }) => variant);
  return {
    schemaVersion: RESULT_SCHEMA_VERSION,
    ctlab: VERSION,
    scenario: { name: file.base.name, about: file.base.about, hash: file.hash },
    seed: scenarios[0]!.seed,
    run: options.run,
    command: options.command,
    partial: variants.length < scenarios.length || variants.some(({ reachedNs, durationNs }) => reachedNs < durationNs),
    fingerprint: combined(variants),
    verdict: experimentVerdict(scenarios, variants),
    variants,
  };
}

function combined(variants: readonly VariantResult[]): string {
  const all = new Fingerprint();
  for (const { fingerprint } of variants) {
    for (let at = 0; at < fingerprint.length; at += 8) all.mix(Number.parseInt(fingerprint.slice(at, at + 8), 16) | 0);
  }
  return all.hex();
}
