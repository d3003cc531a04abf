import { appendFileSync } from "node:fs";
import type { Command } from "commander";
import type { FinishedCheck } from "../lab/check.js";
import { collect } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";
import { addSimulationOptions, printWarnings, simulationOptions, type SimulationCommandOptions } from "./simulation-options.js";

interface CheckCommandOptions extends SimulationCommandOptions {
  readonly variant?: readonly string[];
  readonly junit?: string;
  readonly githubSummary?: string;
}

/** `ctlab check S…`: does it still hold? */
export function addCheckCommand(program: Command, done: (code: ExitCode) => void): void {
  const command = program
    .command("check")
    .summary("does it still hold? expect: lines decide; JUnit, exit code")
    .description("Simulates scenarios with all their variants and holds them against their `expect:` lines. Writes no report folder.")
    .argument("<scenario...>", "scenario files (YAML); - reads stdin")
    .option("--variant <name>", "only variants of this name; may be repeated", collect)
    .option("--junit <file>", "write JUnit XML")
    .option("--github-summary <file>", "append a summary in Markdown; default: the file that GITHUB_STEP_SUMMARY names, if set");
  addSimulationOptions(command, "variants")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab check scenarios/ct-exhaustion.yaml --variant fixed\n" +
        "  ctlab check capacity/*.yaml --junit reports/ctlab.xml         in a pull request that changes values.yaml\n" +
        "  ctlab check plan.yaml --set helm.set.bpf.ctTcpMax=1048576     would this size hold?\n\n" +
        "Exit code: 0 every expectation met, 3 one missed, 4 none missed but one undecided (or none stated at all),\n" +
        "2 invalid input (the mistakes of all files, nothing simulated), 130 interrupted.\n",
    )
    .action(async (scenarios: readonly string[], options: CheckCommandOptions) => {
      done(await check(scenarios, options));
    });
}

async function check(scenarioPaths: readonly string[], options: CheckCommandOptions): Promise<ExitCode> {
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { checkScenarios } = await import("../lab/check.js");
      const finished = await checkScenarios({
        scenarioPaths,
        variants: options.variant ?? [],
        ...simulationOptions(options),
        signal,
        onProgress: (state) => progress.show(state),
      });
      progress.clear();
      const outcome = await print(finished, options);
      if (signal.aborted) return EXIT.interrupted;
      return outcome === "missed" ? EXIT.missed : outcome === "met" ? EXIT.good : EXIT.inconclusive;
    });
  } finally {
    progress.clear();
  }
}

async function print({ result, warnings }: FinishedCheck, options: CheckCommandOptions): Promise<"met" | "missed" | "inconclusive"> {
  const { checkMarkdown, checkOutcome, checkText } = await import("../report/check-text.js");
  printWarnings(warnings);
  if (options.junit !== undefined) {
    const { junitXml } = await import("../report/junit.js");
    const { writeWhole } = await import("../report/whole-file.js");
    writeWhole(options.junit, junitXml(result));
  }
  const summary = options.githubSummary ?? process.env["GITHUB_STEP_SUMMARY"] ?? "";
  if (summary !== "") await append(summary, checkMarkdown(result));
  if (options.json === true) {
    const { layOut } = await import("../report/json.js");
    process.stdout.write(layOut({ ...result, outcome: checkOutcome(result) }));
  } else if (options.quiet !== true) {
    const { wantsColor } = await import("../report/terminal.js");
    process.stdout.write(checkText(result, wantsColor(process.stdout.isTTY === true, process.env)));
  }
  return checkOutcome(result);
}

async function append(path: string, text: string): Promise<void> {
  try {
    appendFileSync(path, text);
  } catch (error) {
    const { outputError } = await import("../report/output-error.js");
    throw outputError(path, error);
  }
}
