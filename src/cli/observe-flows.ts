/** What `ctlab observe` does: reads lines, selects, prints. */
import { parseObserve, type CommandLineContext, type ObserveCommand } from "../hubble/command-line.js";
import { FilterError } from "../hubble/flow-test.js";
import { FlagError, invalidValue, parseFlags } from "../hubble/flags.js";
import { FlowLineReader } from "../hubble/line-reader.js";
import { FlowPrinter } from "../hubble/printer.js";
import type { GetFlowsResponse } from "../hubble/proto/observer_pb.js";
import { rawFiltersYaml } from "../hubble/raw-filters.js";
import { FlowSelection } from "../hubble/selection.js";
import { TIME_FORMATS, parseGoDuration, type Instant } from "../hubble/times.js";
import { wantsColor } from "../report/terminal.js";
import { EXIT, type ExitCode } from "./exit.js";
import { SourceError, flowSource, lastTime, type FlowSource } from "./flow-source.js";
import { now, operandOf, printing, readThrough, type Task } from "./observe-lines.js";
import type { TextOutput } from "./text-output.js";

/** Runs the command; throws FlagError for a command line that can't be used. */
export async function observe(args: readonly string[]): Promise<ExitCode> {
  try {
    const { own, rest } = takeOwn(args);
    checkNames(rest);
    if (isEvents(rest)) {
      if (own.slowSynNs !== undefined) throw new FlagError("--slow-syn looks at flows, not at events of the agent");
      const { observeAgentEvents } = await import("./observe-events.js");
      return await observeAgentEvents(rest, own.variant, contextAt);
    }
    const parsed = parse(rest, now());
    if (own.slowSynNs !== undefined) checkSlowSyn(parsed, rest);
    if (parsed.printRawFilters) {
      process.stdout.write(rawFiltersYaml(parsed.request.whitelist, parsed.request.blacklist));
      return EXIT.good;
    }
    const source = flowSource(operandOf(parsed), own.variant);
    // The clock of a run is its own.
    const end = source.isRun ? lastTime(source.path) : undefined;
    return await print(source, end === undefined ? parsed : parse(rest, end), own.slowSynNs);
  } catch (error) {
    if (error instanceof FilterError) throw new FlagError(error.message, undefined, error.value);
    if (!(error instanceof SourceError)) throw error;
    process.stderr.write(`ctlab: ${error.message}\n`);
    return EXIT.invalid;
  }
}

/** Fixed sets of values of which the client takes any other one for a default, or for no address at all. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  color: ["auto", "always", "never"],
  "ip-version": ["none", "v4", "v6", "4", "6", "ipv4", "ipv6", "ip4", "ip6"],
  "time-format": TIME_FORMATS,
};

/** Refuses what the client passes over: a mistyped name of such a set. */
function checkNames(args: readonly string[]): void {
  for (const each of parseFlags(args, "latest").set) {
    const names = NAMES[each.flag.name];
    const written = each.value.toLowerCase();
    if (names === undefined || names.some((name) => name.toLowerCase() === written)) continue;
    throw invalidValue(each, "not a known name", { written: each.value, names });
  }
}

/** What a command line means when it is given at that moment. */
function contextAt(at: Instant): CommandLineContext {
  const legacyJson = (process.env["HUBBLE_COMPAT"] ?? "").toLowerCase().split(",").includes("legacy-json-output");
  return { release: "latest", now: at, legacyJson };
}

function parse(args: readonly string[], at: Instant): ObserveCommand {
  return parseObserve(args, contextAt(at));
}

/** Whether the first operand is `agent-events`; a run or file of that name is given as `./agent-events`. */
function isEvents(args: readonly string[]): boolean {
  const [first] = parseFlags(args, "latest").operands;
  if (first === "debug-events") throw new FlagError("there are no debug-events to show: the programs of a simulated node write none");
  return first === "agent-events";
}

/** Flags that the client has not. */
interface OwnFlags {
  readonly variant: string | undefined;
  readonly slowSynNs: bigint | undefined;
}

const OWN_FLAG = /^--(variant|slow-syn)(?:=(.*))?$/s;

/** `--variant NAME`, `--slow-syn 100ms`, also with `=`. */
function takeOwn(args: readonly string[]): { readonly own: OwnFlags; readonly rest: readonly string[] } {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [match, name, joined] = OWN_FLAG.exec(args[i]!) ?? [];
    if (match === undefined) {
      rest.push(args[i]!);
      continue;
    }
    const value = joined ?? args[++i];
    if (value === undefined) throw new FlagError(`flag needs an argument: ${match}`);
    values.set(name!, value);
  }
  return { own: { variant: values.get("variant"), slowSynNs: thresholdOf(values.get("slow-syn")) }, rest };
}

function thresholdOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const ns = parseGoDuration(text);
  if (ns === undefined || ns <= 0n) throw new FlagError(`--slow-syn takes a duration such as 100ms, not ${JSON.stringify(text)}`);
  return ns;
}

/** The whole of the flows is looked at: nothing may ask for a part of them. */
function checkSlowSyn({ request }: ObserveCommand, rest: readonly string[]): void {
  const partial = rest.find((arg) => /^--(?:first|last)(?:=|$)/.test(arg));
  if (partial !== undefined) throw new FlagError(`--slow-syn looks at all flows: leave out ${partial.split("=")[0]!}`);
  if (request.follow) throw new FlagError("--slow-syn looks back over flows: leave out --follow");
}

async function print(source: FlowSource, command: ObserveCommand, slowSynNs: bigint | undefined): Promise<ExitCode> {
  return readThrough<GetFlowsResponse>(source, command, {
    readerOf: (problems) => new FlowLineReader(command.printing.release, problems),
    taskOf: (output, say) => (slowSynNs === undefined ? printingFlows(command, output, say) : summing(command, output, slowSynNs)),
  });
}

function printingFlows(command: ObserveCommand, output: TextOutput, say: (text: string) => void): Task<GetFlowsResponse> {
  const printer = new FlowPrinter({ ...command.printing, color: wantsPaint(command.color) }, { out: (text) => output.add(text), err: say });
  return printing(new FlowSelection(command.request), printer, output);
}

/** `--slow-syn`: filters and times choose the connections by their first SYN. */
async function summing(command: ObserveCommand, output: TextOutput, thresholdNs: bigint): Promise<Task<GetFlowsResponse>> {
  const { SynMatcher, slowSyns } = await import("../hubble/slow-syns.js");
  const { slowSynJson, slowSynText } = await import("./slow-syns.js");
  const selection = new FlowSelection(command.request);
  const matcher = new SynMatcher();
  return {
    take(response) {
      matcher.take(response, () => selection.passes(response));
    },
    done: false,
    idle() {},
    async finish() {
      const syns = slowSyns(matcher.waits(), thresholdNs);
      const isJson = command.printing.output === "jsonpb" || command.printing.output === "json-legacy";
      output.add(isJson ? slowSynJson(syns, matcher.sawAnswers) : slowSynText(syns, matcher.sawAnswers, command.printing.ipTranslation));
      await output.finish();
    },
  };
}

function wantsPaint(color: ObserveCommand["color"]): boolean {
  return color === "always" || (color === "auto" && wantsColor(process.stdout.isTTY === true, process.env));
}
