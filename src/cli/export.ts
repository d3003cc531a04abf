import { Command } from "commander";
import { writeFileSync } from "node:fs";
import { EXIT, type ExitCode } from "./exit.js";

interface ExportOptions {
  readonly cilium: string;
  readonly output?: string;
  readonly plain?: boolean;
}

/** Release that is taken when none is named. */
const DEFAULT_RELEASE = "1.17";

/** `ctlab export grafana|prometheus-rules`: what Grafana and Prometheus need to watch what ctlab speaks of. */
export function addExportCommand(program: Command, done: (code: ExitCode) => void): void {
  const group = program
    .command("export")
    .summary("Grafana dashboard and Prometheus rules for real clusters")
    .description("Writes a Grafana dashboard, or the recommended alerts with the reason for each threshold.")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab export grafana > dashboard.json                              import it, or put it into a ConfigMap\n" +
        "  ctlab export prometheus-rules --cilium 1.18 | kubectl apply -f -   a PrometheusRule of the operator\n" +
        "  ctlab export prometheus-rules --plain -o rules.yaml                for Prometheus' own rule_files; promtool check rules rules.yaml\n" +
        "  ctlab run my-node.yaml --set observe.alerts=rules.yaml             would they have fired, and when?\n",
    );
  const add = (command: Command, write: (options: ExportOptions) => Promise<string>): void => {
    command
      .option("--cilium <release>", "release whose agents are watched: which series there are depends on it", DEFAULT_RELEASE)
      .option("-o, --output <file>", "write to this file instead of stdout")
      .action(async (options: ExportOptions) => {
        done(await emit(options, write));
      });
  };
  add(group.command("grafana").description("A Grafana dashboard (JSON): maps, drops, garbage collection, NAT, Hubble, and the truth of a run."), async ({ cilium }) => {
    const { grafanaDashboard } = await import("../lab/export/grafana.js");
    return grafanaDashboard(cilium);
  });
  add(
    group
      .command("prometheus-rules")
      .description("The recommended alerts (YAML): map pressure, insertion failures, SNAT failures, collection, lost events.")
      .option("--plain", "a plain rule file instead of a PrometheusRule"),
    async ({ cilium, plain }) => {
      const { prometheusRules } = await import("../lab/export/prometheus-rules.js");
      return prometheusRules({ cilium, plain: plain === true });
    },
  );
  for (const command of group.commands) command.exitOverride();
}

async function emit(options: ExportOptions, write: (options: ExportOptions) => Promise<string>): Promise<ExitCode> {
  const text = await write(options).catch((error: unknown) => {
    if (!(error instanceof Error && error.name === "UnknownVersionError")) throw error;
    process.stderr.write(`ctlab: ${error.message}\n`);
    return null;
  });
  if (text === null) return EXIT.invalid;
  if (options.output === undefined) process.stdout.write(text);
  else await writeOut(options.output, text);
  return EXIT.good;
}

async function writeOut(path: string, text: string): Promise<void> {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const { outputError } = await import("../report/output-error.js");
    throw outputError(path, error);
  }
}
