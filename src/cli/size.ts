import { Option, type Command } from "commander";
import type { FinishedSize } from "../lab/size/size.js";
import { collect, growthPerMonth, percent, positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";
import { addSimulationOptions, printWarnings, simulationOptions, type SimulationCommandOptions } from "./simulation-options.js";

interface SizeCommandOptions extends SimulationCommandOptions {
  readonly goal?: readonly string[];
  readonly margin: number;
  readonly growth: number;
  readonly shrink?: boolean;
  readonly variant?: string;
  readonly runs: number;
}

/** `ctlab size S`: how big must each map be? */
export function addSizeCommand(program: Command, done: (code: ExitCode) => void): void {
  const command = program
    .command("size")
    .summary("how big must each map be for this load, with what margin, at what price?")
    .description(
      "Sizes the maps of connections for a scenario's load, so that goals hold: first by hand, then from one simulated run " +
        "for all sizes at once, then confirmed by runs with maps of the recommended sizes. Prints Helm values to paste.",
    )
    .argument("<scenario>", "scenario file (YAML); - reads stdin")
    .option("--goal <text>", "what must hold; may be repeated. Default: live_evictions and inserts_refused < 1e-6 per connection", collect)
    .addOption(new Option("--margin <percent>", "room above what is needed").argParser(percent).default(0.3, "30%"))
    .addOption(new Option("--growth <percent/mo>", "growth of the load, for the months that a size lasts").argParser(growthPerMonth).default(0.05, "5%"))
    .option("--shrink", "also make maps smaller that have more room than the margin")
    .option("--variant <name>", "variant of the scenario; default: its first")
    .option("--runs <n>", "runs at the recommended sizes, at most", positiveNumber, 3);
  addSimulationOptions(command, "runs")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab size scenarios/ct-exhaustion.yaml --variant as-lru\n" +
        "  ctlab size plan.yaml --goal 'syn_latency_p99 < 10ms' --goal 'live_evictions < 1e-6 per connection' --margin 30%\n" +
        "  ctlab size plan.yaml --growth 20%/mo --json | jq '.sizes[] | {value, recommended}'\n\n" +
        "A goal is a figure as in expect: lines, or live_evictions or inserts_refused < NUMBER per connection.\n\n" +
        "Exit code: 0 the goals hold at the recommended sizes, 3 missed, 4 so few runs can't decide, 2 invalid input,\n" +
        "130 interrupted (what is known is printed, marked partial).\n",
    )
    .action(async (scenario: string, options: SizeCommandOptions) => {
      done(await size(scenario, options));
    });
}

async function size(scenarioPath: string, options: SizeCommandOptions): Promise<ExitCode> {
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { sizeMaps } = await import("../lab/size/size.js");
      const finished = await sizeMaps({
        scenarioPath,
        goals: options.goal ?? [],
        margin: options.margin,
        growth: options.growth,
        shrink: options.shrink === true,
        ...simulationOptions(options),
        runsMax: options.runs,
        signal,
        onProgress: (state) => progress.show(state),
        ...(options.variant === undefined ? {} : { variant: options.variant }),
      });
      progress.clear();
      await print(finished, options);
      if (signal.aborted) return EXIT.interrupted;
      const { outcome } = finished.result;
      return outcome === "met" ? EXIT.good : outcome === "missed" ? EXIT.missed : EXIT.inconclusive;
    });
  } finally {
    progress.clear();
  }
}

async function print({ result, warnings }: FinishedSize, options: SizeCommandOptions): Promise<void> {
  printWarnings(warnings);
  const { helmSnippet, sizeText } = await import("../report/size-text.js");
  if (options.json === true) {
    const { layOut } = await import("../report/json.js");
    process.stdout.write(layOut({ ...result, helm: helmSnippet(result) }));
  } else if (options.quiet !== true) {
    const { wantsColor } = await import("../report/terminal.js");
    process.stdout.write(sizeText(result, wantsColor(process.stdout.isTTY === true, process.env)));
  }
}
