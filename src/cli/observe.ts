import type { Command } from "commander";
import { FLAG_GROUPS, FLAG_NAMES, FlagError, type FlagGroup } from "../hubble/flags.js";
import { nearestName } from "../scenario/nearest.js";
import { EXIT, type ExitCode } from "./exit.js";

/** The client's flags, and what ctlab adds. */
const GROUPS: readonly FlagGroup[] = [
  ...FLAG_GROUPS,
  {
    title: "Of ctlab",
    flags: [
      { name: "variant", kind: "text", about: "this variant of a run that has several" },
      { name: "slow-syn", kind: "text", about: "instead of flows: the connections whose SYN-ACK took that long (100ms), and when" },
    ],
  },
];

/** `ctlab observe RUN|FILE|-`: show the flows, as the `hubble` client would. */
export function addObserveCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("observe")
    .summary("show the flows of a run or a file, as the hubble client would")
    .description(
      "Prints flows as `hubble observe` does and with its flags: those of a run, of a file that an agent exported or the client wrote " +
        "with -o jsonpb (plain or gzip), or of stdin. Without --all, --first, --last, -f or a time it prints the last 20 that pass.",
    )
    .usage("[flows|agent-events] <run|file|-> [flags]")
    // Filters depend on the order of flags: observe-flows.ts reads them as the client does.
    .argument("[args...]")
    .allowUnknownOption()
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText("after", () => `\n${GROUPS.map(groupHelp).join("\n")}${EXAMPLES}`)
    .action(async (args: readonly string[]) => {
      const { observe } = await import("./observe-flows.js");
      try {
        done(await observe(args));
      } catch (error) {
        if (!(error instanceof FlagError)) throw error;
        process.stderr.write(`ctlab: ${error.message}${hintOf(error)}\n`);
        done(EXIT.invalid);
      }
    });
}

/** Sets of names up to this are shown whole where none is near. */
const SHORT_SET = 16;

/** What could have been meant, after a message in the client's words. */
function hintOf({ flag, value, message }: FlagError): string {
  if (flag !== undefined) {
    const nearest = nearestName(flag, [...FLAG_NAMES, "variant", "slow-syn"]);
    return nearest === undefined ? "" : `. Did you mean --${nearest}?`;
  }
  const [first, ...others] = value?.names ?? [];
  if (value === undefined || first === undefined) return "";
  const nearest = nearestName(value.written, value.names);
  if (nearest !== undefined) return `. Did you mean ${nearest}?`;
  const said = others.length >= SHORT_SET || message.includes(first);
  return said ? "" : `. Expected one of ${value.names.join(", ")}`;
}

const FLAG_COLUMN = 27;

function groupHelp({ title, flags }: FlagGroup): string {
  const lines = flags.map(({ name, short, kind, about }) => {
    const value = kind === "number" ? " <n>" : kind === "text" ? ` <${name === "output" ? "format" : "text"}>` : "";
    return `  ${`${short === undefined ? "   " : `-${short},`} --${name}${value}`.padEnd(FLAG_COLUMN)} ${about}`;
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

const EXAMPLES =
  "\nExamples:\n" +
  "  ctlab observe reports/multi-tenant-deny --variant separated --verdict DROPPED\n" +
  "  ctlab observe reports/ct-exhaustion --variant as-told --type drop --last 5 -o dict\n" +
  "  ctlab observe flows.jsonl --all --namespace shop --not --to-port 53\n" +
  "  ctlab observe flows.jsonl --since 2025-07-29T03:24:00Z --tcp-flags syn -o jsonpb > syns.jsonl\n" +
  "  kubectl -n kube-system exec ds/cilium -- cat /var/run/cilium/hubble/events.log | ctlab observe - --all --http-status 5+\n" +
  "  ctlab observe /var/run/cilium/hubble/events.log -f --label app=web\n" +
  "  ctlab observe flows.jsonl --slow-syn 100ms --to-port 8080       the slowest SYNs and their spread over time\n" +
  "  ctlab observe agent-events reports/map-resize --all -o table    what the agent did meanwhile\n\n" +
  "A duration for --since and --until counts back from now; of a run, from its last flow. Lines that can't be read are\n" +
  "skipped and named on stderr.\n\n" +
  "Exit code: 0 printed, also when nothing passed; 2 unknown flag or value, no such run or file, or no line could be read; 130\n" +
  "interrupted (but 0 with -f).\n";
