import { Option, type Command } from "commander";
import type { ExplainOptions, ExplainResult } from "../lab/explain.js";
import { positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";

interface ExplainCommandOptions {
  readonly conn?: string;
  readonly worst?: number;
  readonly dropped?: boolean;
  readonly variant?: string;
  readonly jobs?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `ctlab explain RUN`: why did this one connection die? */
export function addExplainCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("explain")
    .summary("why did this one connection die? Its story from a recorded run")
    .description(
      "Tells the story of single connections of a run: what each packet met in which map, what garbage collection did just " +
        "then, which packets were dropped and why, what the sender's kernel did about it, and which mechanism it was.\n" +
        "Without an option it lists the connections that the run noted.",
    )
    .argument("<run>", "folder that ctlab run left behind")
    .addOption(new Option("--conn <connection>", "this one: ADDRESS:PORT>ADDRESS:PORT or WORKLOAD:N").conflicts(["worst", "dropped"]))
    .option("--worst <n>", "the n worst: those that never connected, those that broke, then the slowest", positiveNumber)
    .option("--dropped", "one connection for each reason for which packets were dropped")
    .option("--variant <name>", "only connections of this variant")
    .option("--jobs <n>", "variants repeated at a time; default: one per CPU", positiveNumber)
    .option("--json", "the same as data")
    .option("--quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml\n" +
        "  ctlab explain reports/ct-exhaustion                                    which connections were noted?\n" +
        "  ctlab explain reports/ct-exhaustion --worst 1                          the worst of all variants\n" +
        "  ctlab explain reports/ct-exhaustion --variant as-told --dropped        one for each drop reason\n" +
        "  ctlab explain reports/nat-pair-eviction --variant small --conn '10.244.0.10:41234>203.0.113.10:443'\n" +
        "  ctlab explain reports/ct-exhaustion --variant as-told --conn burst:117 --json | jq -r '.explanations[].cause.title'\n\n" +
        "The run is repeated from what its folder keeps, which takes as long as the run of that variant, and compared by its\n" +
        "fingerprint. The folder is only read.\n\n" +
        "Exit code: 0 explained, 2 no such run, variant or connection, 3 the run can't be repeated with this version, 130\n" +
        "interrupted.\n",
    )
    .action(async (dir: string, options: ExplainCommandOptions) => {
      done(await run(dir, options));
    });
}

async function run(dir: string, options: ExplainCommandOptions): Promise<ExitCode> {
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { explain } = await import("../lab/explain.js");
      const result = await explain({ ...explainOptions(dir, options), signal, onProgress: (state) => progress.show(state) });
      progress.clear();
      if (result.interrupted) return EXIT.interrupted;
      for (const sentence of result.differing) process.stderr.write(`ctlab: ${sentence}\n`);
      await print(result, options.json === true);
      if (result.differing.length > 0) return EXIT.missed;
      return result.explanations.some(({ connection }) => connection === null) ? EXIT.invalid : EXIT.good;
    });
  } finally {
    progress.clear();
  }
}

function explainOptions(dir: string, { conn, worst, dropped, variant, jobs }: ExplainCommandOptions): ExplainOptions {
  return {
    dir,
    ...(conn === undefined ? {} : { connection: conn }),
    ...(worst === undefined ? {} : { worst }),
    ...(dropped === undefined ? {} : { dropped }),
    ...(variant === undefined ? {} : { variant }),
    ...(jobs === undefined ? {} : { jobs }),
  };
}

async function print(result: ExplainResult, json: boolean): Promise<void> {
  if (json) {
    const { explainJson } = await import("../lab/explain/document.js");
    process.stdout.write(explainJson(result));
  } else if (result.differing.length === 0 || result.explanations.length > 0) {
    const { explainText } = await import("../lab/explain/text.js");
    process.stdout.write(explainText(result));
  }
}
