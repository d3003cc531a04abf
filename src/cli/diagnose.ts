import type { Command } from "commander";
import type { DiagnoseOptions } from "../diagnose/diagnose.js";
import type { FileWanted } from "../diagnose/read-files.js";
import { collect } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";

interface DiagnoseCommandOptions {
  readonly ct?: readonly string[];
  readonly nat?: readonly string[];
  readonly status?: readonly string[];
  readonly metrics?: readonly string[];
  readonly flows?: readonly string[];
  readonly values?: readonly string[];
  readonly cilium?: string;
  readonly kernel?: string;
  readonly node?: string;
  readonly json?: boolean;
}

/** `ctlab diagnose FILE…`: what is wrong with my node now? */
export function addDiagnoseCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("diagnose")
    .summary("what is wrong with my node now? Which mechanism, and what would tell")
    .description(
      "Weighs eleven mechanisms by which connections get lost, and what is not the map at all, from what a node shows: " +
        "evidence for, against and missing, and the one measurement that would separate the first two.",
    )
    .argument("[files...]", "dumps, metrics, flows, values, plain or gzip, in any number; a folder: what is in it; - reads stdin")
    .option("--ct <file>", "cilium bpf ct list global; two of them, seconds apart, tell more; may be repeated", collect)
    .option("--nat <file>", "cilium bpf nat list; may be repeated", collect)
    .option("--status <file>", "cilium status --verbose", collect)
    .option("--metrics <file>", "cilium metrics list, a scrape, or Prometheus' answer; several: oldest first", collect)
    .option("--flows <file>", "Hubble's flows as JSON lines", collect)
    .option("-f, --values <file>", "Helm values or cilium-config ConfigMap; later ones win", collect)
    .option("--cilium <release>", "Cilium's release; default: what the status says")
    .option("--kernel <release>", "the node's kernel, uname -r")
    .option("--node <shape>", "CPUs and memory, such as 16cpu,64Gi")
    .option("--json", "the same as data")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab diagnose ct.txt nat.txt metrics.txt flows.jsonl --kernel 6.6 --node 16cpu,64Gi\n" +
        "  ctlab diagnose metrics-1.txt metrics-2.txt metrics-3.txt        rates need several moments\n" +
        "  ctlab diagnose --ct ct-1.txt --ct ct-2.txt -f values.yaml --cilium 1.17.6\n" +
        "  ctlab run scenarios/map-resize.yaml --variant resize --dump 60s --out r; ctlab diagnose r    try it on a run\n" +
        "  kubectl -n kube-system exec POD -- cilium-dbg bpf ct list global | ctlab diagnose -\n" +
        "  ctlab diagnose sysdump-folder --json | jq -r '.ranking[0].id'\n\n" +
        "What a file is, its content says; the options force it. Any subset will do: what is missing is named, with what it\n" +
        "would decide. Series of a simulated run that no real node has (ctlab_…) are not looked at.\n\n" +
        "Exit code: 0 weighed, whatever came out; 2 a file can't be read or an option is wrong.\n",
    )
    .action(async (files: readonly string[], options: DiagnoseCommandOptions) => {
      done(await run(files, options));
    });
}

async function run(paths: readonly string[], options: DiagnoseCommandOptions): Promise<ExitCode> {
  const files = wantedFiles(paths, options);
  if (files.length === 0 && options.values === undefined) {
    process.stderr.write("ctlab: nothing to diagnose: give at least one file (ctlab diagnose --help)\n");
    return EXIT.invalid;
  }
  const { diagnose } = await import("../diagnose/diagnose.js");
  const { result, problems } = await diagnose(diagnoseOptions(files, options));
  for (const problem of problems) process.stderr.write(`ctlab: ${problem}\n`);
  if (result === null) return EXIT.invalid;
  if (options.json === true) {
    const { layOut } = await import("../report/json.js");
    process.stdout.write(layOut(result));
  } else {
    const { diagnoseText } = await import("../report/diagnose-text.js");
    const { wantsColor } = await import("../report/terminal.js");
    process.stdout.write(diagnoseText(result, wantsColor(process.stdout.isTTY === true, process.env)));
  }
  return EXIT.good;
}

function wantedFiles(paths: readonly string[], { ct = [], nat = [], status = [], metrics = [], flows = [] }: DiagnoseCommandOptions): readonly FileWanted[] {
  return [
    ...paths.map((path) => ({ path })),
    ...ct.map((path) => ({ path, kind: "conntrack" as const })),
    ...nat.map((path) => ({ path, kind: "nat" as const })),
    ...status.map((path) => ({ path, kind: "status" as const })),
    ...metrics.map((path) => ({ path, kind: "metrics" as const })),
    ...flows.map((path) => ({ path, kind: "flows" as const })),
  ];
}

function diagnoseOptions(files: readonly FileWanted[], { values = [], cilium, kernel, node }: DiagnoseCommandOptions): DiagnoseOptions {
  return { files, values, cilium, kernel, node };
}
