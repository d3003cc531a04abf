import { setFlagsFromString } from "node:v8";
import { Option, type Command } from "commander";
import type { ResolveDiffDocument, ResolveDocument } from "../report/resolve-document.js";
import type { ResolveOptions } from "../resolve/resolve-files.js";
import { collect, positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";

interface ResolveCommandOptions {
  readonly file?: readonly string[];
  readonly set?: readonly string[];
  readonly node?: readonly string[];
  readonly cilium?: readonly string[];
  readonly kernel?: string;
  readonly alerts?: readonly string[];
  readonly backends?: number;
  /** Files; `NO_FILE` for the option without one. */
  readonly diff?: readonly string[];
  readonly diffSet?: readonly string[];
  readonly pin?: boolean;
  readonly json?: boolean;
}

/** What `--diff` without a file leaves. */
const NO_FILE = "";

/** `ctlab resolve -f values.yaml`: what sizes does this give on my nodes, and what do they cost? */
export function addResolveCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("resolve")
    .summary("what will this values.yaml give on my nodes, and what will it cost?")
    .description(
      "Reads Helm values or a cilium-config ConfigMap as the chart and the agent of a release do. Prints every map with its entries, " +
        "where the number came from and its kernel memory, how garbage collection will behave, and what deserves a warning; or what " +
        "changes between two files or releases, and what that does to live connections.",
    )
    .configureHelp({ optionDescription: ({ description }) => description })
    .option("-f, --file <file>", "values file, HelmRelease or ConfigMap; later ones win; - reads stdin; none: chart defaults", collect)
    .option("--set <key=value>", "single value over the files, as helm takes it; may be repeated", collect)
    .option("--node <shape>", "CPUs and memory, and how many such nodes: 16cpu,64Gi or 16cpu,64Gi:20; may be repeated", collect)
    .option("--cilium <release>", "Cilium's release, 1.14 to 1.19, with or without patch", collect)
    .option("--kernel <release>", "the nodes' kernel, 5.10 to 6.18; default: 6.12")
    .option("--alerts <file>", "Prometheus rules whose selectors are checked; may be repeated", collect)
    .option("--backends <n>", "backends of the largest service, to check Maglev's table", positiveNumber)
    .addOption(new Option("--diff [file]", "what changes with this file, or with a second --cilium; may be repeated").preset(NO_FILE).argParser(collect))
    .option("--diff-set <key=value>", "what changes with this single value; may be repeated", collect)
    .option("--pin", "print Helm values that pin the sizes, to lay over the files")
    .option("--json", "the same as data")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19\n" +
        "  ctlab resolve -f values.yaml -f prod.yaml --node 16cpu,64Gi:58 --node 96cpu,360Gi:20 --cilium 1.17.5\n" +
        "  kubectl -n kube-system get cm cilium-config -o yaml |\n" +
        "    ctlab resolve -f - --node 8cpu,32Gi,60pods --cilium 1.18 --kernel 6.6 --alerts rules.yaml\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19 --diff other.yaml\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.17 --diff --cilium 1.18\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19 --diff-set bpf.ctTcpMax=2097152\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19 --pin > pinned.yaml\n" +
        "  ctlab resolve -f values.yaml --node 16cpu,64Gi --cilium 1.19 --json | jq '.nodes[].maps'\n\n" +
        "-f and the first --cilium are what runs; --diff and a second --cilium are what comes. --set holds for both.\n" +
        "Exit code: 0 the agent starts (with or without warnings), 3 it refuses to start or something that was\n" +
        "configured can't work (with --diff: what comes), 2 invalid input.\n",
    )
    .allowExcessArguments()
    .action(async (options: ResolveCommandOptions, command: Command) => {
      if (command.args.length > 0) command.error(`error: values files are given by -f: ${command.args.map((path) => `-f ${path}`).join(" ")}`);
      done(await resolve(options));
    });
}

async function resolve(options: ResolveCommandOptions): Promise<ExitCode> {
  const { resolveFiles } = await import("../resolve/resolve-files.js");
  // Over before optimized code would run: V8 spends as long on making it as on all the rest.
  setFlagsFromString("--no-opt");
  const { document, pinned } = resolveFiles(resolveOptions(options));
  const result = document.kind === "diff" ? document.after : document;
  printRemarks(result);
  if (options.pin === true) printPinned(result, pinned);
  else process.stdout.write(await reportOf(document, options.json === true));
  return result.warnings.some(({ severity }) => severity === "error") ? EXIT.missed : EXIT.good;
}

function resolveOptions(options: ResolveCommandOptions): ResolveOptions {
  const { file = [], set = [], node = [], cilium = [], kernel, alerts = [], backends = null, diff, diffSet = [] } = options;
  const compares = diff !== undefined || diffSet.length > 0;
  return {
    files: file,
    set,
    nodes: node,
    cilium,
    kernel,
    alerts,
    backends,
    diff: compares ? { files: (diff ?? []).filter((path) => path !== NO_FILE), set: diffSet } : null,
    pin: options.pin === true,
  };
}

async function reportOf(document: ResolveDocument | ResolveDiffDocument, json: boolean): Promise<string> {
  if (json) return (await import("../report/json.js")).layOut(document);
  const { wantsColor } = await import("../report/terminal.js");
  const color = wantsColor(process.stdout.isTTY === true, process.env);
  if (document.kind === "diff") return (await import("../report/resolve-diff-text.js")).resolveDiffText(document, { color });
  return (await import("../report/resolve-text.js")).resolveText(document, { color });
}

function printRemarks({ remarks }: ResolveDocument): void {
  for (const { file, line, column, message, expected, nearest } of remarks) {
    const hints = [...(expected === null ? [] : [`expected ${expected}`]), ...(nearest === null ? [] : [`did you mean "${nearest}"?`])];
    const hint = hints.length === 0 ? "" : ` (${hints.join("; ")})`;
    process.stderr.write(`${file}:${line}:${column}: warning: ${message}${hint}\n`);
  }
}

function printPinned({ nodes, warnings }: ResolveDocument, pinned: string | null): void {
  if (pinned !== null) process.stdout.write(pinned);
  else process.stderr.write(`ctlab: nothing to pin, the agent does not start: ${nodes[0]?.refusal ?? warnings[0]?.title ?? ""}\n`);
}
