/** `ctlab verify testbed --live`: the recorded experiment for real on this machine, and simulated. */
import { isUnavailable } from "../lab/live/syscall.js";
import { holds } from "../lab/verify/testbed/measures.js";
import { SECONDS_MAX, SECONDS_MIN, verifyTestbedLive, type LiveTestbedReport } from "../lab/live/verify-testbed.js";
import { plainTable, type Column } from "../report/text-layout.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import type { LiveOptions } from "./live-options.js";
import { TerminalLine } from "./terminal-line.js";

/** What may end the process while namespaces are up. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function verifyLiveTestbed(options: LiveOptions): Promise<ExitCode> {
  if (options.seconds < SECONDS_MIN || options.seconds > SECONDS_MAX) {
    process.stderr.write(`ctlab: --seconds takes ${SECONDS_MIN} to ${SECONDS_MAX}, not ${options.seconds}.\n`);
    return EXIT.invalid;
  }
  return interruptible((signal) => verify(options, signal), { by: SIGNALS, patient: true });
}

async function verify(options: LiveOptions, signal: AbortSignal): Promise<ExitCode> {
  const line = new TerminalLine(process.stderr);
  try {
    const report = await verifyTestbedLive({
      ...options,
      signal,
      onProgress: (done, of) => line.show(`${done} of ${of} s`),
    });
    line.clear();
    if (isUnavailable(report)) {
      process.stderr.write(`ctlab: no live comparison here: ${report.message}\n`);
      return EXIT.inconclusive;
    }
    if (options.json === true) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, kind: "testbed", ...report }, null, 2)}\n`);
    else print(report);
    return report.held ? EXIT.good : EXIT.missed;
  } catch (error) {
    line.clear();
    if (!signal.aborted) throw error;
    process.stderr.write("ctlab: interrupted; everything that was built for the experiment is taken down\n");
    return EXIT.interrupted;
  }
}

const COLUMNS: readonly Column[] = [
  { title: "figure", align: "left" },
  { title: "kernel", align: "right" },
  { title: "simulated", align: "right" },
  { title: "distance", align: "right" },
  { title: "bound", align: "right" },
  { title: "", align: "left" },
];
const DIGITS = 4;

function print({ kernel, cpus, seed, seconds, map, connections, lagUs, measures, held }: LiveTestbedReport): void {
  const rows = measures.map((measure) => {
    const { name, recorded, simulated, distance, bound } = measure;
    return [name, figure(recorded), figure(simulated), figure(distance), String(bound), holds(measure) ? "holds" : "missed"];
  });
  const lag = `started ${figure(lagUs.median / 1000)} ms late (median), at most ${figure(lagUs.largest / 1000)} ms`;
  const lines = [
    `kernel ${kernel}, ${cpus} possible CPUs, seed ${seed}: ${seconds} s, ${map.type} map of ${map.maxEntries} entries, GC every ${map.gcIntervalS} s`,
    `${connections} connections, ${lag}`,
    "",
    ...plainTable(COLUMNS, rows),
    "",
    held ? "the simulation predicts this machine within every bound" : "the simulation misses a bound",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function figure(value: number): string {
  return String(Number(value.toPrecision(DIGITS)));
}
