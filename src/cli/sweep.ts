import type { Command } from "commander";
import { formatDuration } from "../core/units.js";
import type { PlannedSweep, SweepOptions } from "../lab/sweep/sweep.js";
import type { SweepTable } from "../observe/sweep-result.js";
import { collect, positiveNumber, shardOption, wholeNumber, type Shard } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { printWarnings } from "./simulation-options.js";
import { SweepProgressLine } from "./sweep-progress.js";

/** Runs of every point when no number is asked for. */
const RUNS = 5;

interface PrintOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly markdown?: boolean;
  readonly quiet?: boolean;
}

interface SweepCommandOptions extends PrintOptions {
  readonly grid: readonly string[];
  readonly variant?: readonly string[];
  readonly set?: readonly string[];
  readonly runs: number;
  readonly seed?: string;
  readonly run: number;
  readonly jobs?: number;
  readonly shard?: Shard;
  readonly out?: string;
  readonly yes?: boolean;
}

/** `ctlab sweep S --grid …`: the sizing table for my fleet. */
export function addSweepCommand(program: Command, done: (code: ExitCode) => void): void {
  printed(
    program
      .command("sweep")
      .summary("a table over settings: every combination of a grid, several runs each")
      .description(
        "Simulates a scenario with every combination of the grid's values, several runs each, and writes a table: sweep.json, points/, " +
          "table.json, table.csv, table.md, table.parquet, report.html. Finished points are kept: the same command goes on where it was stopped.",
      )
      .argument("<scenario>", "scenario file (YAML); - reads stdin")
      .requiredOption("--grid <path=values>", "values of a setting, separated by commas; paths joined by & move together; may be repeated", collect)
      .option("--variant <name>", "only this variant; may be repeated; default: all", collect)
      .option("--set <path=value>", "override a value in every point; may be repeated", collect)
      .option("--runs <n>", "runs of every point, each with random numbers of its own", positiveNumber, RUNS)
      .option("--seed <text>", "seed of all random streams; default: the scenario's")
      .option("--run <n>", "first run number", wholeNumber, 0)
      .option("--jobs <n>", "runs simulated at a time; default: one per CPU. The result does not depend on it", positiveNumber)
      .option("--shard <i/n>", "only this part of the points, e.g. 3/16; ctlab merge puts parts together", shardOption)
      .option("--out <dir>", "folder; default: reports/<scenario name>-sweep")
      .option("--yes", "begin even if it takes more than an hour"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab sweep my-node.yaml --grid bpf.ctTcpMax=256Ki,512Ki,1Mi,2Mi --grid cluster.pods=500,2000,5000\n" +
        "  ctlab sweep my-node.yaml --grid 'bpf.ctTcpMax&bpf.natMax=256Ki&128Ki,512Ki&256Ki' --runs 10 --csv\n" +
        "  ctlab sweep my-node.yaml --grid workloads.web.arrivals.poisson=500/s,1000/s,2000/s --shard 3/16 --out shards/3\n" +
        "  ctlab merge shards/* --out table\n\n" +
        "A path is one of the scenario, as for --set, or a Helm value (helm.set. may be left out; 256Ki is 262144 there).\n" +
        "`expect:` lines of the scenario fill the column \"holds\": the number of runs in which all were met.\n\n" +
        "Exit code: 0 done, 2 invalid input, a folder that holds something else, or more than an hour without --yes,\n" +
        "130 interrupted (finished points are kept, the rest is left for the next time).\n",
    )
    .action(async (scenario: string, options: SweepCommandOptions) => {
      done(await sweep(scenario, options));
    });
}

/** `ctlab merge DIR…`: one table from the shards of a sweep. */
export function addMergeCommand(program: Command): void {
  printed(
    program
      .command("merge")
      .summary("one table from the shards of a sweep")
      .description("Puts the folders of a sweep's shards together: the same bytes as if one process had done all of it.")
      .argument("<dir...>", "folders of ctlab sweep --shard")
      .requiredOption("--out <dir>", "folder for the whole sweep: new, empty, or one that holds a part of it"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab merge shards/1 shards/2 shards/3 --out reports/table\n" +
        "  ctlab merge shards/* --out reports/table --markdown\n\n" +
        "Exit code: 0 done, 2 folders that are no parts of one sweep, or points that none of them has (nothing is written).\n",
    )
    .action(async (dirs: readonly string[], options: PrintOptions & { readonly out: string }) => {
      const { mergeSweeps } = await import("../lab/sweep/merge.js");
      await print(await mergeSweeps(dirs, options.out), options);
    });
}

function printed(command: Command): Command {
  return command
    .option("--json", "print the table as JSON")
    .option("--csv", "print the table as CSV")
    .option("--markdown", "print the table as Markdown")
    .option("--quiet", "no progress, nothing on stdout");
}

async function sweep(scenario: string, options: SweepCommandOptions): Promise<ExitCode> {
  const progress = new SweepProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { sweepScenario } = await import("../lab/sweep/sweep.js");
      const { out, ...request } = sweepOptions(scenario, options);
      const { table, missing, warnings } = await sweepScenario({
        ...request,
        out,
        signal,
        onPlanned: (planned) => {
          if (options.quiet !== true) process.stderr.write(`${plannedText(planned)}\n`);
          progress.start();
        },
        onProgress: (state) => progress.show(state),
      });
      progress.clear();
      printWarnings(warnings);
      await print(table, options);
      if (options.quiet !== true) process.stderr.write(`${closing(table, missing, out, options)}\n`);
      return signal.aborted ? EXIT.interrupted : EXIT.good;
    });
  } finally {
    progress.clear();
  }
}

function sweepOptions(scenarioPath: string, options: SweepCommandOptions): SweepOptions {
  return {
    scenarioPath,
    grid: options.grid,
    variants: options.variant ?? [],
    set: options.set ?? [],
    runs: Array.from({ length: options.runs }, (_, i) => options.run + i),
    out: options.out ?? `reports/${scenarioName(scenarioPath)}-sweep`,
    yes: options.yes === true,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    ...(options.shard === undefined ? {} : { shard: options.shard }),
  };
}

/** Scenarios are named as their files are. */
function scenarioName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1).replace(/\.ya?ml$/, "");
  return file === "-" ? "stdin" : file;
}

function plannedText({ points, runs, left, estimateMs, jobs }: PlannedSweep): string {
  const kept = left < runs ? `, ${left} still to do` : "";
  const time = estimateMs === null ? "" : `, about ${formatDuration(Math.ceil(estimateMs / 1000) * 1e9)} on ${jobs} ${jobs === 1 ? "thread" : "threads"}`;
  return `${points} ${points === 1 ? "point" : "points"}, ${runs} runs${kept}${time}`;
}

function closing(table: SweepTable, missing: number, out: string, { shard }: SweepCommandOptions): string {
  if (missing > 0) return `Interrupted: ${missing} points are missing. The finished ones are in ${out}; the same command goes on from there.`;
  if (table.partial) return `Shard ${shard!.index}/${shard!.of} is finished: ${out}. ctlab merge puts the shards together.`;
  return `Written: ${out}/report.html, ${out}/table.{json,csv,md,parquet}`;
}

async function print(table: SweepTable, options: PrintOptions): Promise<void> {
  if (options.json === true) {
    const { layOut } = await import("../report/json.js");
    process.stdout.write(layOut(table));
    return;
  }
  if (options.quiet === true) return;
  const { sweepCsv, sweepMarkdown, sweepText } = await import("../report/sweep-table.js");
  if (options.csv === true) process.stdout.write(sweepCsv(table));
  else if (options.markdown === true) process.stdout.write(sweepMarkdown(table));
  else {
    const { wantsColor } = await import("../report/terminal.js");
    process.stdout.write(sweepText(table, wantsColor(process.stdout.isTTY === true, process.env)));
  }
}
