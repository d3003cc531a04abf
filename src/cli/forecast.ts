import { InvalidArgumentError, Option, type Command } from "commander";
import { growthPerMonth, positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";
import { ProgressLine } from "./progress.js";
import { addSimulationOptions, printWarnings, simulationOptions, type SimulationCommandOptions } from "./simulation-options.js";

interface ForecastCommandOptions extends SimulationCommandOptions {
  readonly growth: number;
  readonly max: number;
  readonly runs: number;
  readonly variant?: string;
}

/** `ctlab forecast S --growth 20%/mo`: when will it fall over? */
export function addForecastCommand(program: Command, done: (code: ExitCode) => void): void {
  const command = program
    .command("forecast")
    .summary("when will it fall over if traffic grows, and by which mechanism?")
    .description("Raises the load of a scenario until something breaks, and says in how many months that is, by mechanism.")
    .argument("<scenario>", "scenario file (YAML); - reads stdin")
    .addOption(new Option("--growth <percent/mo>", "growth of the load in a month").argParser(growing).default(0.1, "10%"))
    .option("--max <times>", "largest load to try, as a multiple of today's", multiple, 8)
    .option("--runs <n>", "runs of each load, each with random numbers of its own: bands then hold what chance does", positiveNumber, 1)
    .option("--variant <name>", "variant of the scenario; default: its first");
  addSimulationOptions(command, "loads")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab forecast scenarios/dns-fills-any-map.yaml --growth 20%/mo\n" +
        "  ctlab forecast plan.yaml --growth 20%/mo --runs 5\n" +
        "  ctlab forecast plan.yaml --growth 5%/mo --max 4 --json | jq '.mechanisms[0]'\n\n" +
        "The load is everything that comes per second, pools, and connections that are there from the start; services, pods and\n" +
        "the shape of connections stay. A band lies between the last load at which every run held and the first at which none did.\n\n" +
        "Exit code: 0 nothing breaks today, 3 something does already, 2 invalid input, 130 interrupted.\n",
    )
    .action(async (scenario: string, options: ForecastCommandOptions) => {
      done(await run(scenario, options));
    });
}

async function run(scenarioPath: string, options: ForecastCommandOptions): Promise<ExitCode> {
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  try {
    return await interruptible(async (signal) => {
      const { forecast } = await import("../lab/forecast/forecast.js");
      const { result, warnings } = await forecast({
        scenarioPath,
        growth: options.growth,
        loadMax: options.max,
        runs: options.runs,
        ...simulationOptions(options),
        signal,
        onProgress: (state) => progress.show(state),
        ...(options.variant === undefined ? {} : { variant: options.variant }),
      });
      progress.clear();
      printWarnings(warnings);
      if (options.json === true) {
        const { layOut } = await import("../report/json.js");
        process.stdout.write(layOut(result));
      } else if (options.quiet !== true) {
        const { forecastText } = await import("../report/forecast-text.js");
        const { wantsColor } = await import("../report/terminal.js");
        process.stdout.write(forecastText(result, wantsColor(process.stdout.isTTY === true, process.env)));
      }
      if (signal.aborted) return EXIT.interrupted;
      return result.mechanisms.some(({ holdsAt }) => holdsAt === 0) ? EXIT.missed : EXIT.good;
    });
  } finally {
    progress.clear();
  }
}

function growing(text: string): number {
  const growth = growthPerMonth(text);
  if (growth <= 0) throw new InvalidArgumentError("a growth above 0 is expected, such as 20%/mo");
  return growth;
}

function multiple(text: string): number {
  const value = Number(text);
  if (!(value > 1 && value <= 1000)) throw new InvalidArgumentError("a number above 1 is expected, such as 8");
  return value;
}
