import { Option, type Command } from "commander";
import type { CompareOptions, FinishedComparison } from "../lab/compare/compare.js";
import { collect, positiveNumber, shareOption, wholeNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";
import { quote } from "./quote.js";
import { printWarnings } from "./simulation-options.js";

/** Pairs of runs before the first look, and at most, when no number is asked for. */
const RUNS_MIN = 5;
const RUNS_MAX = 20;
/** And when a width is asked for, which takes as many more as its square says. */
const RUNS_MAX_FOR_WIDTH = 160;
const TOLERANCE = 0.01;

interface CompareCommandOptions {
  readonly set?: readonly string[];
  readonly runs?: number;
  readonly tolerance: number;
  readonly width?: number;
  readonly seed?: string;
  readonly run: number;
  readonly jobs?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly quiet?: boolean;
}

/** `ctlab compare A B`: what if? */
export function addCompareCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("compare")
    .summary("what if? Two settings on the same random numbers, differences with intervals")
    .description(
      "Simulates two scenarios, two variants of one, or a scenario with and without --set, run by run on the same random numbers, " +
        "and says what differs, by how much, and how sure that is. Writes nothing.",
    )
    .argument("<a>", "scenario file (YAML), FILE or FILE#VARIANT; - reads stdin")
    .argument("[b]", "the other side; without it, A with --set is")
    .option("--set <path=value>", "override a value of the second side, e.g. helm.set.bpf.ctTcpMax=1048576; may be repeated", collect)
    .option("--runs <n>", `exactly so many pairs of runs, 2 or more; default: ${RUNS_MIN}, and up to ${RUNS_MAX} until it is decided`, positiveNumber)
    .addOption(new Option("--tolerance <share>", "a difference up to this share of A does not matter, e.g. 5%").argParser(shareOption).default(TOLERANCE, `${TOLERANCE * 100}%`))
    .option("--width <share>", `go on, up to ${RUNS_MAX_FOR_WIDTH} pairs, until intervals reach at most this share of A to either side, e.g. 5%`, shareOption)
    .option("--seed <text>", "seed of all random streams; default: A's")
    .option("--run <n>", "first run number", wholeNumber, 0)
    .option("--jobs <n>", "runs simulated at a time; default: one per CPU. The result does not depend on it", positiveNumber)
    .option("--json", "print the result as JSON")
    .option("--markdown", "print the result as Markdown")
    .option("--quiet", "no progress, nothing on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab compare scenarios/ct-exhaustion.yaml#as-told scenarios/ct-exhaustion.yaml#fixed\n" +
        "  ctlab compare my-node.yaml --set helm.set.bpf.ctTcpMax=1048576 --set profile.kernel=6.18\n" +
        "  ctlab compare before.yaml after.yaml --runs 10 --json | jq '.figures[] | select(.direction != \"none\")'\n\n" +
        "Exit code: 0 every difference that users feel is decided (or shown not to matter), 4 one is not, 2 invalid input,\n" +
        "130 interrupted (what was simulated so far is printed and marked).\n",
    )
    .action(async (a: string, b: string | undefined, options: CompareCommandOptions, command: Command) => {
      if (b === undefined && options.set === undefined) command.error("error: nothing to compare with: name a second scenario, or what to --set");
      if (options.runs === 1) command.error("error: a single pair of runs has no interval: --runs 2 or more");
      done(await compare(a, b, options));
    });
}

async function compare(a: string, b: string | undefined, options: CompareCommandOptions): Promise<ExitCode> {
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { compareScenarios } = await import("../lab/compare/compare.js");
      const finished = await compareScenarios({ ...compareOptions(a, b, options), signal, onProgress: (state) => progress.show(state) });
      progress.clear();
      const decided = await print(finished, options);
      if (signal.aborted) return EXIT.interrupted;
      return decided ? EXIT.good : EXIT.inconclusive;
    });
  } finally {
    progress.clear();
  }
}

function compareOptions(a: string, b: string | undefined, options: CompareCommandOptions): CompareOptions {
  return {
    sides: [
      { named: a, set: [] },
      { named: b ?? a, set: options.set ?? [] },
    ],
    runsMin: options.runs ?? RUNS_MIN,
    runsMax: options.runs ?? (options.width === undefined ? RUNS_MAX : RUNS_MAX_FOR_WIDTH),
    tolerance: options.tolerance,
    run: options.run,
    command: repeatingCommand(a, b, options),
    ...(options.width === undefined ? {} : { width: options.width }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
  };
}

/** The command without what does not change the result. */
function repeatingCommand(a: string, b: string | undefined, options: CompareCommandOptions): string {
  return [
    "ctlab compare",
    quote(a),
    ...(b === undefined ? [] : [quote(b)]),
    ...(options.set ?? []).map((pair) => `--set ${quote(pair)}`),
    ...(options.runs === undefined ? [] : [`--runs ${options.runs}`]),
    ...(options.tolerance === TOLERANCE ? [] : [`--tolerance ${options.tolerance}`]),
    ...(options.width === undefined ? [] : [`--width ${options.width}`]),
    ...(options.seed === undefined ? [] : [`--seed ${quote(options.seed)}`]),
    ...(options.run === 0 ? [] : [`--run ${options.run}`]),
  ].join(" ");
}

async function print({ result, warnings }: FinishedComparison, options: CompareCommandOptions): Promise<boolean> {
  const { comparisonDecided, comparisonMarkdown, comparisonText } = await import("../report/compare-text.js");
  printWarnings(warnings);
  const isDecided = comparisonDecided(result);
  if (options.json === true) {
    const { layOut } = await import("../report/json.js");
    process.stdout.write(layOut({ ...result, decided: isDecided }));
  } else if (options.markdown === true) {
    process.stdout.write(comparisonMarkdown(result));
  } else if (options.quiet !== true) {
    const { wantsColor } = await import("../report/terminal.js");
    process.stdout.write(comparisonText(result, wantsColor(process.stdout.isTTY === true, process.env)));
  }
  return isDecided;
}
