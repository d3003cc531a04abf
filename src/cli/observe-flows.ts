/** What `ctlab observe` does: reads lines, selects, prints. */
import { parseObserve, type ObserveCommand } from "../hubble/command-line.js";
import { FilterError } from "../hubble/flow-test.js";
import { FlagError } from "../hubble/flags.js";
import { FlowLineReader } from "../hubble/line-reader.js";
import { fileLines, streamLines, type LineBatch } from "../hubble/line-source.js";
import { FlowPrinter } from "../hubble/printer.js";
import type { GetFlowsResponse } from "../hubble/proto/observer_pb.js";
import { rawFiltersYaml } from "../hubble/raw-filters.js";
import { FlowSelection } from "../hubble/selection.js";
import { instantFromNs, parseGoDuration, type Instant } from "../hubble/times.js";
import { wantsColor } from "../report/terminal.js";
import { EXIT, type ExitCode } from "./exit.js";
import { SourceError, flowSource, lastTime, type FlowSource } from "./flow-source.js";
import { LineProblems } from "./line-problems.js";
import { TextOutput } from "./text-output.js";

const NS_PER_MS = 1_000_000n;

/** Runs the command; throws FlagError for a command line that can't be used. */
export async function observe(args: readonly string[]): Promise<ExitCode> {
  try {
    const { own, rest } = takeOwn(args);
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
    if (!(error instanceof FilterError || error instanceof SourceError)) throw error;
    process.stderr.write(`ctlab: ${error.message}\n`);
    return EXIT.invalid;
  }
}

function now(): Instant {
  return instantFromNs(BigInt(Date.now()) * NS_PER_MS);
}

function parse(args: readonly string[], at: Instant): ObserveCommand {
  const legacyJson = (process.env["HUBBLE_COMPAT"] ?? "").toLowerCase().split(",").includes("legacy-json-output");
  return parseObserve(args, { release: "latest", now: at, legacyJson });
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

function operandOf({ operands, inputFile }: ObserveCommand): string {
  const given = [...operands, ...(inputFile === undefined ? [] : [inputFile])];
  const [operand] = given;
  if (operand === undefined) throw new FlagError("observe needs a run folder, a file, or - for stdin");
  if (given.length > 1) throw new FlagError(`observe reads one run or file, not ${given.length}: ${given.join(", ")}`);
  return operand;
}

/** What is done with each response, and at the end. */
interface Task {
  take(response: GetFlowsResponse): void;
  /** Nothing more is wanted. */
  readonly done: boolean;
  /** Everything that is there has been read; more may come. */
  idle(): void;
  finish(): Promise<void>;
}

async function print(source: FlowSource, command: ObserveCommand, slowSynNs: bigint | undefined): Promise<ExitCode> {
  const { request, silent } = command;
  const say = (text: string): void => void (silent || process.stderr.write(text));
  const output = new TextOutput(process.stdout);
  const task = slowSynNs === undefined ? printing(command, output, say) : await summing(command, output, slowSynNs);
  const problems = new LineProblems(source.name, say);
  const interrupt = new AbortController();
  const onSignal = (): void => {
    interrupt.abort();
    // Else the end of what it waits for would be awaited.
    if (source.path === "-") process.stdin.destroy();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const reader = new FlowLineReader(command.printing.release, problems);
    const follow = request.follow ? { signal: interrupt.signal, onIdle: () => task.idle() } : undefined;
    for await (const { lines, tooLong } of endingWith(linesOf(source, follow), interrupt.signal)) {
      problems.tooLong(tooLong);
      for (const line of lines) {
        problems.next();
        const response = reader.read(line);
        if (response !== undefined) task.take(response);
        if (task.done) break;
      }
      await output.drained();
      if (task.done || interrupt.signal.aborted) break;
    }
    await task.finish();
    problems.conclude();
    if (interrupt.signal.aborted && !request.follow) return EXIT.interrupted;
    return problems.nothingRead ? EXIT.invalid : EXIT.good;
  } catch (error) {
    throw describe(source, error);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function printing(command: ObserveCommand, output: TextOutput, say: (text: string) => void): Task {
  const selection = new FlowSelection(command.request);
  const printer = new FlowPrinter({ ...command.printing, color: wantsPaint(command.color) }, { out: (text) => output.add(text), err: say });
  const printKept = (): void => {
    for (const response of selection.drain()) printer.print(response);
  };
  return {
    take(response) {
      const selected = selection.take(response);
      if (selected !== undefined) printer.print(selected);
    },
    get done() {
      return selection.done;
    },
    idle() {
      printKept();
      output.flushNow();
    },
    async finish() {
      printKept();
      printer.close();
      await output.finish();
    },
  };
}

/** `--slow-syn`: filters and times choose the connections by their first SYN. */
async function summing(command: ObserveCommand, output: TextOutput, thresholdNs: bigint): Promise<Task> {
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

function linesOf(source: FlowSource, follow: Parameters<typeof fileLines>[1]): AsyncGenerator<LineBatch> {
  return source.path === "-" ? streamLines(process.stdin as AsyncIterable<Buffer>) : fileLines(source.path, follow);
}

/** A stream that the signal closes has ended, not failed. */
async function* endingWith(batches: AsyncGenerator<LineBatch>, signal: AbortSignal): AsyncGenerator<LineBatch> {
  try {
    yield* batches;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Faults of the file system and of damaged gzip are those of the input. */
function describe(source: FlowSource, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== "string" || !/^(?:E[A-Z]+|Z_[A-Z_]+)$/.test(code)) return error;
  return new SourceError(`${source.name} can't be read: ${(error as Error).message}`);
}

function wantsPaint(color: ObserveCommand["color"]): boolean {
  return color === "always" || (color === "auto" && wantsColor(process.stdout.isTTY === true, process.env));
}
