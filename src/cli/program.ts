/**
 * The command line: which commands there are, and how a failure becomes one clear message and an exit code. Commands load
 * what they need when they run, so that none waits for what another needs.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../core/version.js";
import { addCheckCommand } from "./check.js";
import { addCompareCommand } from "./compare.js";
import { addDiagnoseCommand } from "./diagnose.js";
import { EXIT, type ExitCode } from "./exit.js";
import { addExplainCommand } from "./explain.js";
import { addExportCommand } from "./export.js";
import { addForecastCommand } from "./forecast.js";
import { addObserveCommand } from "./observe.js";
import { addResolveCommand } from "./resolve.js";
import { addRunCommand } from "./run.js";
import { addSchemaCommand } from "./schema.js";
import { addServeCommand } from "./serve.js";
import { addSizeCommand } from "./size.js";
import { addMergeCommand, addSweepCommand } from "./sweep.js";
import { addVerifyCommand } from "./verify.js";

/** Runs one command line (without node and script) and says with which code the process should end. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.good;
  const done = (result: ExitCode): void => {
    code = result;
  };
  try {
    const program = buildProgram(done);
    await program.parseAsync(knownHelp(program, args), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.invalid;
    const { explainFailure } = await import("./failure.js");
    const failure = explainFailure(error);
    process.stderr.write(`${failure.message}\n`);
    return failure.code;
  }
}

/** Help for a command that there is not: for commander that is general help, and here a mistake like the command itself. */
function knownHelp({ commands }: Command, args: readonly string[]): string[] {
  const named = args[0] === "help" ? args[1] : args.some((each) => each === "-h" || each === "--help") ? args[0] : undefined;
  const known = named === undefined || named.startsWith("-") || named === "help" || commands.some((command) => command.name() === named);
  return known ? [...args] : [named];
}

function buildProgram(done: (code: ExitCode) => void): Command {
  const program = new Command("ctlab");
  program
    .description(
      "eBPF datapath simulator and conntrack capacity lab for Cilium: will ct4_global, nat and lb hold; if not, which " +
        "mechanism breaks first, what do users see, what size fixes it, and what does that cost.",
    )
    .version(VERSION, "-V, --version")
    .exitOverride()
    .showHelpAfterError("(ctlab --help shows the commands, ctlab COMMAND --help its options)")
    .showSuggestionAfterError(true)
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml                     the incident, all variants side by side\n" +
        "  ctlab run scenarios/ct-exhaustion.yaml --variant fixed     one variant\n" +
        "  ctlab compare my-node.yaml --set helm.set.bpf.ctTcpMax=1048576   what if? Differences with intervals\n" +
        "  ctlab sweep my-node.yaml --grid bpf.ctTcpMax=256Ki,512Ki,1Mi    the sizing table\n" +
        "  ctlab diagnose ct.txt nat.txt metrics.txt flows.jsonl       what is wrong with my node now?\n" +
        "  ctlab explain reports/ct-exhaustion --worst 1              why did this one connection die?\n" +
        "  ctlab observe reports/NAME --verdict DROPPED -o dict        its flows, as the hubble client shows them\n" +
        "  ctlab serve reports/NAME --speed 10x                        hubble observe -f, hubble status\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19   what sizes does this give?\n" +
        "  ctlab verify maps test/vectors/kernel-maps/*.jsonl.gz      can I trust the maps?\n\n" +
        "Exit codes: 0 good, 1 unexpected, 2 usage or invalid input, 3 threshold missed or verification differs,\n" +
        "4 inconclusive, 130 interrupted (partial results are written and marked).\n",
    );
  addRunCommand(program, done);
  addCheckCommand(program, done);
  addCompareCommand(program, done);
  addSizeCommand(program, done);
  addForecastCommand(program, done);
  addDiagnoseCommand(program, done);
  addExplainCommand(program, done);
  addObserveCommand(program, done);
  addResolveCommand(program, done);
  addExportCommand(program, done);
  addServeCommand(program, done);
  addSweepCommand(program, done);
  addMergeCommand(program);
  addVerifyCommand(program, done);
  addSchemaCommand(program);
  // Options that a subcommand does not know are its mistake to explain, with the same exit code as its other input.
  for (const command of program.commands) command.exitOverride();
  return program;
}
