/** `ctlab verify maps --live`: the model of the maps beside this machine's own. */
import { writeFileSync } from "node:fs";
import { formatCount } from "../core/units.js";
import { isUnavailable } from "../lab/live/syscall.js";
import { verifyMapsLive, type LiveReport } from "../lab/live/verify-maps.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import type { LiveOptions } from "./live-options.js";
import { TerminalLine } from "./terminal-line.js";

export async function verifyLiveMaps(options: LiveOptions): Promise<ExitCode> {
  const report = await interruptible((signal) => verifyMapsLive({ ...options, signal, ...progress() }), { by: ["SIGINT"] });
  if (isUnavailable(report)) {
    process.stderr.write(`ctlab: no live comparison here: ${report.message}\n`);
    return EXIT.inconclusive;
  }
  const traces = writeTraces(report);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, kind: "maps", ...report, traces }, null, 2)}\n`);
  else print(report, traces);
  if (report.interrupted) return EXIT.interrupted;
  return report.differences.length === 0 && report.operations > 0 ? EXIT.good : EXIT.missed;
}

function progress(): { readonly onProgress?: (done: number, total: number) => void } {
  const line = new TerminalLine(process.stderr);
  if (!line.isShown) return {};
  return {
    onProgress: (done, total) => {
      line.show(`${formatCount(done)} of ${formatCount(total)} operations`);
      if (done >= total) line.clear();
    },
  };
}

/** Each difference's shortest operation list, in a file that `ctlab verify maps` replays. */
function writeTraces({ differences, seed }: LiveReport): readonly string[] {
  return differences.flatMap(({ trace }, index) => {
    if (trace === undefined) return [];
    const path = `ctlab-difference-${seed}-${index + 1}.jsonl`;
    writeFileSync(path, `${JSON.stringify(trace)}\n`);
    return [path];
  });
}

function print(report: LiveReport, traces: readonly string[]): void {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(`kernel ${report.kernel}, ${report.possibleCpus} possible CPUs, refill target ${report.refill}, seed ${report.seed}`);
  for (const { kind, maps, operations, evictions } of report.kinds) {
    out(`${kind}  maps ${maps}  operations ${formatCount(operations)}  evictions ${formatCount(evictions)}`);
  }
  for (const { subject, where, kernel, model } of report.differences) out(`  ${subject}: ${where}: kernel ${kernel}, model ${model}`);
  for (const path of traces) out(`  replay it with: ctlab verify maps ${path}`);
  const done = `${formatCount(report.operations)} operations and ${formatCount(report.creations)} creations compared`;
  out(`${done}, ${report.differences.length} differences${report.interrupted ? " (interrupted)" : ""}`);
}
