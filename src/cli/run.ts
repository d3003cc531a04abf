import type { Command } from "commander";
import { join } from "node:path";
import type { FinishedRun, RunOptions } from "../lab/experiment.js";
import { collect, positiveNumber, wholeNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";
import { quote } from "./quote.js";
import { printWarnings, simulationOptions } from "./simulation-options.js";

interface RunCommandOptions {
  readonly variant?: readonly string[];
  readonly set?: readonly string[];
  readonly seed?: string;
  readonly run: number;
  readonly jobs?: number;
  readonly out?: string;
  readonly trace?: string;
  readonly perfetto?: string;
  readonly window?: string;
  readonly dump?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `ctlab run S`: what happens in scenario S? Summary on stdout, report folder on disk. */
export function addRunCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("run")
    .summary("what happens in a scenario? Verdict, figures, report folder")
    .description("Simulates a scenario, all of its variants side by side, prints the verdict and writes a report folder.")
    .argument("<scenario>", "scenario file (YAML); - reads stdin")
    .option("--variant <name>", "only this variant; may be repeated", collect)
    .option("--set <path=value>", "override a value of the scenario, e.g. helm.set.bpf.ctTcpMax=1048576; may be repeated", collect)
    .option("--seed <text>", "seed of all random streams; default: the scenario's")
    .option("--run <n>", "run number: independent random streams under the same seed", wholeNumber, 0)
    .option("--jobs <n>", "variants simulated at a time; default: one per CPU. The result does not depend on it", positiveNumber)
    .option("--out <dir>", "report folder; default: reports/<scenario name>")
    .option("--trace <connection>", "follow one connection and print its whole way: WORKLOAD:N or ADDRESS:PORT->ADDRESS:PORT")
    .option("--perfetto <file>", "write a window of time as a trace for ui.perfetto.dev and other readers of Chrome's traces")
    .option("--window <from..to>", "the window of --perfetto, in simulated time, such as 610s..625s")
    .option("--dump <time>", "leave the node's state at a simulated time, such as 610s or end, as cilium's commands print it")
    .option("--json", "print summary.json instead of the terminal report")
    .option("--quiet", "no progress, no report on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml --variant as-told --variant fixed --out /tmp/compare\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml --set workloads.2.arrivals.poisson=1000/s --seed 7\n" +
        "  ctlab run scenarios/multi-tenant-deny.yaml --variant separated --trace trespass:3\n" +
        "  ctlab run my-node.yaml --trace '10.244.0.10:41234->10.96.0.10:80' --json | jq '.traces[0].records[].text'\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml --variant as-told --perfetto trace.json --window 610s..625s\n" +
        "  ctlab run scenarios/nat-orphans.yaml --dump end\n" +
        "  ctlab run my-node.yaml --json | jq .verdict.headline\n\n" +
        "--trace prints every hook that the connection's packets pass, each lookup with key and result, state changes, NAT\n" +
        "choices, events, drops and costs, with what its sockets see, and writes it to trace.txt; WORKLOAD:N is the n-th\n" +
        "connection that a workload opens. The run itself stays the same.\n\n" +
        "--perfetto has CPUs with softirq work and garbage collection, connections from connect() to their end, drops, and the\n" +
        "fill of the maps. At most 500,000 pieces of work, 100,000 connections and 100,000 drops; what is left out is counted.\n\n" +
        "--dump writes dumps/ct-global.txt (cilium bpf ct list global), nat.txt (bpf nat list), nat-retries.txt (from 1.18 on),\n" +
        "status.txt (cilium status --verbose) and metrics.txt (one scrape) in the layout of the scenario's Cilium release.\n\n" +
        "Exit code: 0 every expectation met (or none given), 3 one missed, 4 too little data to decide one, 2 invalid input,\n" +
        "130 interrupted (what was simulated so far is written and marked partial).\n",
    )
    .action(async (scenario: string, options: RunCommandOptions) => {
      done(await run(scenario, options));
    });
}

async function run(scenario: string, options: RunCommandOptions): Promise<ExitCode> {
  if (options.window !== undefined && options.perfetto === undefined) {
    process.stderr.write("ctlab: --window says which part --perfetto writes; --perfetto is missing\n");
    return EXIT.invalid;
  }
  const startedAt = performance.now();
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { runExperiment } = await import("../lab/experiment.js");
      const finished = await runExperiment({ ...runOptions(scenario, options), signal, onProgress: (state) => progress.show(state) });
      progress.clear();
      await print(finished, options, (performance.now() - startedAt) * 1e6);
      return signal.aborted ? EXIT.interrupted : exitCodeOf(finished);
    });
  } finally {
    progress.clear();
  }
}

function runOptions(scenario: string, options: RunCommandOptions): RunOptions {
  return {
    scenarioPath: scenario,
    variants: options.variant ?? [],
    command: repeatingCommand(scenario, options),
    ...simulationOptions(options),
    ...(options.out === undefined ? {} : { out: options.out }),
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    ...(options.dump === undefined ? {} : { dump: options.dump }),
    ...(options.perfetto === undefined ? {} : { perfetto: { file: options.perfetto, window: options.window } }),
  };
}

/** The command without what does not change the result: where it was written, how many workers, what was printed. */
function repeatingCommand(scenario: string, options: RunCommandOptions): string {
  return [
    "ctlab run",
    quote(scenario),
    ...(options.variant ?? []).map((name) => `--variant ${quote(name)}`),
    ...(options.set ?? []).map((pair) => `--set ${quote(pair)}`),
    ...(options.seed === undefined ? [] : [`--seed ${quote(options.seed)}`]),
    ...(options.run === 0 ? [] : [`--run ${options.run}`]),
  ].join(" ");
}

async function print({ result, folder, warnings, traces }: FinishedRun, options: RunCommandOptions, wallNs: number): Promise<void> {
  printWarnings(warnings);
  if (options.json === true) {
    const { orderResult, summaryJson } = await import("../report/summary-json.js");
    const { layOut } = await import("../report/json.js");
    process.stdout.write(options.trace === undefined ? summaryJson(result) : layOut({ ...orderResult(result), traces }));
  } else if (options.quiet !== true) {
    const { terminalReport, wantsColor } = await import("../report/terminal.js");
    const color = wantsColor(process.stdout.isTTY === true, process.env);
    process.stdout.write(terminalReport(result, { color, wallNs, reportPath: join(folder, "report.html") }));
    const { traceText } = await import("../lab/trace/text.js");
    for (const trace of traces) process.stdout.write(`\n${traceText(trace)}`);
  }
}

/** Missed before inconclusive: one missed expectation decides. */
function exitCodeOf({ result }: FinishedRun): ExitCode {
  const outcomes = result.variants.flatMap(({ expectations }) => expectations.map(({ outcome }) => outcome));
  if (outcomes.includes("missed")) return EXIT.missed;
  return outcomes.includes("inconclusive") ? EXIT.inconclusive : EXIT.good;
}
