import { Option, type Command } from "commander";
import { VECTOR_KINDS, isVectorKind, verifyFiles, type FileReport, type VectorKind } from "../lab/verify/index.js";
import { nearestName } from "../scenario/nearest.js";
import { positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { LiveOptions } from "./live-options.js";
import { TerminalLine } from "./terminal-line.js";

interface VerifyOptions extends LiveOptions {
  readonly live?: boolean;
  readonly table: string;
}

/** `ctlab verify KIND FILE…`: replays recorded ground truth and reports the distance. */
export function addVerifyCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("verify")
    .summary("can I trust it? Replays recorded ground truth, or this machine's kernel")
    .description(
      "Replays recorded ground truth through the models and prints one line per file, the first difference of each " +
        `failed case, and a total.\n\nKinds: ${VECTOR_KINDS.join(", ")}.`,
    )
    .argument("<kind>", "what the files hold")
    .argument("[files...]", "vector files, plain or gzip; - reads stdin")
    .option("--json", "the same as data")
    .option("--live", "compare with this machine's kernel instead of files (kinds maps and testbed; needs root)")
    .addOption(new Option("--operations <n>", "maps --live: how many operations to compare").argParser(positiveNumber).default(1_000_000))
    .addOption(new Option("--seconds <n>", "testbed --live: how long the experiment takes").argParser(positiveNumber).default(60))
    .addOption(new Option("--map <type>", "testbed --live: the classifier's map").choices(["hash", "lru"]).default("hash"))
    .addOption(new Option("--seed <text>", "with --live: seed of the random operations or of the offered load").default("1"))
    .addOption(new Option("--table <file>", "kind testbed: where the table of all experiments goes").default("reports/validation.md"))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab verify maps traces/*.jsonl.gz       every kernel trace must give the same results, victims and order\n" +
        "  ctlab verify maps --live                  a million random operations against this machine's kernel\n" +
        "  ctlab verify testbed --live               the recorded experiment for real on this machine, and simulated\n" +
        "  ctlab verify programs --json dsr.json     as data\n" +
        "  ctlab verify testbed experiments/*.json   recorded and simulated figures side by side, in reports/validation.md\n\n" +
        "Exit code: 0 everything compared equal, 3 something differs or nothing was compared, 2 a file can't be read,\n" +
        "4 --live is not possible here (says what is missing), 130 interrupted (testbed --live takes down what it built).\n",
    )
    .action(async (kind: string, files: readonly string[], options: VerifyOptions) => {
      done(await verify(kind, files, options));
    });
}

async function verify(kind: string, files: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  if (!isVectorKind(kind)) {
    const nearest = nearestName(kind, VECTOR_KINDS);
    const hint = nearest === undefined ? "" : ` Did you mean "${nearest}"?`;
    process.stderr.write(`ctlab: unknown kind "${kind}".${hint} Kinds: ${VECTOR_KINDS.join(", ")}.\n`);
    return EXIT.invalid;
  }
  if (options.live === true) return verifyLive(kind, options);
  if (files.length === 0) {
    process.stderr.write("ctlab: verify needs at least one file (or --live).\n");
    return EXIT.invalid;
  }
  const reports: FileReport[] = [];
  // A recorded experiment may take half a minute.
  const line = new TerminalLine(process.stderr);
  const announce = (index: number): void => {
    if (index < files.length) line.show(`${index + 1} of ${files.length}  ${files[index]}`);
  };
  announce(0);
  for await (const report of verifyFiles(kind, files)) {
    reports.push(report);
    line.clear();
    if (options.json !== true) printFile(report);
    announce(reports.length);
  }
  const rows = reports.flatMap((report) => report.rows);
  if (rows.length > 0) {
    const { writeValidation } = await import("../lab/verify/validation.js");
    writeValidation(options.table, rows);
    if (options.json !== true) process.stdout.write(`table: ${options.table}\n`);
  }
  return conclude(kind, reports, options.json === true);
}

/** Each comparison with the kernel is loaded when it is asked for. */
async function verifyLive(kind: VectorKind, options: LiveOptions): Promise<ExitCode> {
  if (kind === "testbed") return (await import("./verify-live-testbed.js")).verifyLiveTestbed(options);
  if (kind === "maps") return (await import("./verify-live-maps.js")).verifyLiveMaps(options);
  process.stderr.write(`ctlab: --live compares kinds maps and testbed; there is no live counterpart for ${kind}.\n`);
  return EXIT.invalid;
}

function printFile(report: FileReport): void {
  if (report.unreadable !== undefined) {
    process.stderr.write(`ctlab: ${report.unreadable}\n`);
    return;
  }
  process.stdout.write(`${report.file}  cases ${report.cases}  failed ${report.failures.length}\n`);
  for (const { id, difference } of report.failures) {
    process.stdout.write(`  ${id}: ${difference.where}: expected ${difference.expected}, got ${difference.actual}\n`);
  }
}

function conclude(kind: string, reports: readonly FileReport[], json: boolean): ExitCode {
  const cases = reports.reduce((sum, report) => sum + report.cases, 0);
  const failed = reports.reduce((sum, report) => sum + report.failures.length, 0);
  const passed = cases - failed;
  if (json) {
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, kind, passed, failed, files: reports }, null, 2)}\n`);
  } else {
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
  }
  if (reports.some((report) => report.unreadable !== undefined)) return EXIT.invalid;
  return failed === 0 && passed > 0 ? EXIT.good : EXIT.missed;
}
