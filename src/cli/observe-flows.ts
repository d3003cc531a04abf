/** What `ctlab observe` does: reads lines, selects, prints. */
import { parseObserve, type ObserveCommand } from "../hubble/command-line.js";
import { FilterError } from "../hubble/flow-test.js";
import { FlagError } from "../hubble/flags.js";
import { FlowLineReader } from "../hubble/line-reader.js";
import { fileLines, streamLines, type LineBatch } from "../hubble/line-source.js";
import { FlowPrinter } from "../hubble/printer.js";
import { rawFiltersYaml } from "../hubble/raw-filters.js";
import { FlowSelection } from "../hubble/selection.js";
import { instantFromNs, type Instant } from "../hubble/times.js";
import { wantsColor } from "../report/terminal.js";
import { EXIT, type ExitCode } from "./exit.js";
import { SourceError, flowSource, lastTime, type FlowSource } from "./flow-source.js";
import { LineProblems } from "./line-problems.js";
import { TextOutput } from "./text-output.js";

const NS_PER_MS = 1_000_000n;

/** Runs the command; throws FlagError for a command line that can't be used. */
export async function observe(args: readonly string[]): Promise<ExitCode> {
  try {
    const { variant, rest } = takeVariant(args);
    const parsed = parse(rest, now());
    if (parsed.printRawFilters) {
      process.stdout.write(rawFiltersYaml(parsed.request.whitelist, parsed.request.blacklist));
      return EXIT.good;
    }
    const source = flowSource(operandOf(parsed), variant);
    // The clock of a run is its own.
    const end = source.isRun ? lastTime(source.path) : undefined;
    return await print(source, end === undefined ? parsed : parse(rest, end));
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

/** `--variant NAME` or `--variant=NAME`, which the client has not. */
function takeVariant(args: readonly string[]): { readonly variant: string | undefined; readonly rest: readonly string[] } {
  const at = args.findIndex((arg) => arg === "--variant" || arg.startsWith("--variant="));
  if (at < 0) return { variant: undefined, rest: args };
  const joined = args[at] !== "--variant";
  const variant = joined ? args[at]!.slice("--variant=".length) : args[at + 1];
  if (variant === undefined) throw new FlagError("flag needs an argument: --variant");
  return { variant, rest: [...args.slice(0, at), ...args.slice(at + (joined ? 1 : 2))] };
}

function operandOf({ operands, inputFile }: ObserveCommand): string {
  const given = [...operands, ...(inputFile === undefined ? [] : [inputFile])];
  const [operand] = given;
  if (operand === undefined) throw new FlagError("observe needs a run folder, a file, or - for stdin");
  if (given.length > 1) throw new FlagError(`observe reads one run or file, not ${given.length}: ${given.join(", ")}`);
  return operand;
}

async function print(source: FlowSource, command: ObserveCommand): Promise<ExitCode> {
  const { request, silent } = command;
  const selection = new FlowSelection(request);
  const output = new TextOutput(process.stdout);
  const problems = new LineProblems(source.name, (text) => void (silent || process.stderr.write(text)));
  const printer = new FlowPrinter(
    { ...command.printing, color: wantsPaint(command.color) },
    { out: (text) => output.add(text), err: (text) => void (silent || process.stderr.write(text)) },
  );
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
    const printRest = (): void => {
      for (const response of selection.drain()) printer.print(response);
    };
    const onIdle = (): void => {
      printRest();
      output.flushNow();
    };
    const batches = linesOf(source, request.follow ? { signal: interrupt.signal, onIdle } : undefined);
    for await (const { lines, tooLong } of endingWith(batches, interrupt.signal)) {
      problems.tooLong(tooLong);
      for (const line of lines) {
        problems.next();
        const response = reader.read(line);
        const selected = response === undefined ? undefined : selection.take(response);
        if (selected !== undefined) printer.print(selected);
        if (selection.done) break;
      }
      await output.drained();
      if (selection.done || interrupt.signal.aborted) break;
    }
    printRest();
    printer.close();
    await output.finish();
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
