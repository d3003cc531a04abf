/** `ctlab verify maps --live` and `ctlab verify testbed --live`: the models beside this machine's kernel. */
import { writeFileSync } from "node:fs";
import { formatCount } from "../core/units.js";
import { isUnavailable } from "../lab/live/syscall.js";
import { verifyMapsLive, type LiveReport } from "../lab/live/verify-maps.js";
import type { VectorKind } from "../lab/verify/index.js";
import { EXIT, type ExitCode } from "./exit.js";

export interface LiveCommandOptions {
  readonly json?: boolean;
  readonly operations: number;
  readonly seconds: number;
  readonly map: "hash" | "lru";
  readonly seed: string;
}

export async function verifyLive(kind: VectorKind, options: LiveCommandOptions): Promise<ExitCode> {
  if (kind === "testbed") {
    const { verifyLiveTestbed } = await import("./verify-live-testbed.js");
    return verifyLiveTestbed(options);
  }
  if (kind !== "maps") {
    process.stderr.write(`ctlab: --live compares kinds maps and testbed; there is no live counterpart for ${kind}.\n`);
    return EXIT.invalid;
  }
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once("SIGINT", onSignal);
  try {
    const report = await verifyMapsLive({ ...options, signal: interrupt.signal, ...progress() });
    if (isUnavailable(report)) {
      process.stderr.write(`ctlab: no live comparison here: ${report.message}\n`);
      return EXIT.inconclusive;
    }
    const traces = writeTraces(report);
    if (options.json === true) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, kind, ...report, traces }, null, 2)}\n`);
    else print(report, traces);
    if (report.interrupted) return EXIT.interrupted;
    return report.differences.length === 0 && report.operations > 0 ? EXIT.good : EXIT.missed;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

/** One line on a terminal, nothing elsewhere. */
function progress(): { readonly onProgress?: (done: number, total: number) => void } {
  if (!process.stderr.isTTY) return {};
  return {
    onProgress: (done, total) => {
      process.stderr.write(`\r\u001b[2K${formatCount(done)} of ${formatCount(total)} operations`);
      if (done >= total) process.stderr.write("\r\u001b[2K");
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
