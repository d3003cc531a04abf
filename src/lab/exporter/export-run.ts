/** After a run: what the agent's exporters would have written of its flows and events, into `export/` beside them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileLines } from "../../hubble/line-source.js";
import { Diagnostics } from "../../scenario/diagnostics.js";
import type { FlowExport } from "../../scenario/observe-types.js";
import type { Scenario } from "../../scenario/types.js";
import { AGENT_EVENTS_FILE, FLOWS_FILE } from "../run-files.js";
import { exportMistakes, exportNames, FlowExporter } from "./flow-exporter.js";

/** Folder of a run, or of one of its variants, that takes what exporters write. */
const EXPORT_FOLDER = "export";
const TIME = /"time":"([^"]*)"\}$/;

/** Throws an `InputError` when the agent would not start, or would leave an exporter out. */
export function checkExports(path: string, scenarios: readonly Scenario[]): void {
  const diagnostics = new Diagnostics();
  for (const mistake of new Set(scenarios.flatMap(({ observe }) => exportMistakes(observe.exports)))) diagnostics.unreadable(path, mistake);
  diagnostics.throwIfErrors();
}

/** Names of the files, inside the run's folder or its variant's. Throws `OutputError`. */
export async function exportRun(exports: readonly FlowExport[], runFolder: string): Promise<readonly string[]> {
  const folder = join(runFolder, EXPORT_FOLDER);
  const names = exportNames(exports);
  const exporters = exports.map((settings, index) => new FlowExporter(settings, folder, names[index]!));
  try {
    for await (const line of merged(join(runFolder, FLOWS_FILE), join(runFolder, AGENT_EVENTS_FILE))) {
      for (const exporter of exporters) exporter.take(`${line}\n`);
    }
  } finally {
    for (const exporter of exporters) exporter.close();
  }
  return readdirSync(folder).sort().map((name) => `${EXPORT_FOLDER}/${name}`);
}

/** Flows with the few events of the agent among them, by time. */
async function* merged(flows: string, events: string): AsyncGenerator<string> {
  const waiting = await all(events);
  for await (const { lines } of existsSync(flows) ? fileLines(flows) : []) {
    for (const line of lines) {
      while (waiting.length > 0 && isBefore(waiting[0]!, line)) yield waiting.shift()!;
      yield line;
    }
  }
  yield* waiting;
}

async function all(path: string): Promise<string[]> {
  const lines: string[] = [];
  if (existsSync(path)) for await (const batch of fileLines(path)) lines.push(...batch.lines);
  return lines;
}

function isBefore(a: string, b: string): boolean {
  return timeOf(a) <= timeOf(b);
}

/** RFC 3339 in UTC, with or without a fraction, as a text that sorts by time. */
function timeOf(line: string): string {
  return (TIME.exec(line)?.[1] ?? "").replace("Z", "");
}
