/** What `ctlab observe` does with lines, whether they hold flows or events of the agent: reads, hands on, and stops in good order. */
import type { ObserveCommand } from "../hubble/command-line.js";
import { FlagError } from "../hubble/flags.js";
import type { ReadingProblems } from "../hubble/message-reader.js";
import { fileLines, streamLines, type LineBatch } from "../hubble/line-source.js";
import type { ResponseSelection, Timed } from "../hubble/selection.js";
import { instantFromNs, type Instant } from "../hubble/times.js";
import { EXIT, type ExitCode } from "./exit.js";
import { SourceError, type FlowSource } from "./flow-source.js";
import { LineProblems } from "./line-problems.js";
import { TextOutput } from "./text-output.js";

const NS_PER_MS = 1_000_000n;

export function now(): Instant {
  return instantFromNs(BigInt(Date.now()) * NS_PER_MS);
}

/** The run or file that is asked for. */
export function operandOf({ operands, inputFile }: Pick<ObserveCommand, "operands" | "inputFile">): string {
  const given = [...operands, ...(inputFile === undefined ? [] : [inputFile])];
  const [operand] = given;
  if (operand === undefined) throw new FlagError("observe needs a run folder, a file, or - for stdin");
  if (given.length > 1) throw new FlagError(`observe reads one run or file, not ${given.length}: ${given.join(", ")}`);
  return operand;
}

/** What is done with each response, and at the end. */
export interface Task<Response> {
  take(response: Response): void;
  /** Nothing more is wanted. */
  readonly done: boolean;
  /** Everything that is there has been read; more may come. */
  idle(): void;
  finish(): Promise<void>;
}

/** Turns a line into a response; undefined when it is skipped, or none. */
export interface Reader<Response> {
  read(line: string): Response | undefined;
}

/** What is read, and what comes of it. */
export interface Reading<Response> {
  readonly readerOf: (problems: ReadingProblems) => Reader<Response>;
  readonly taskOf: (output: TextOutput, say: (text: string) => void) => Task<Response> | Promise<Task<Response>>;
}

export async function readThrough<Response>(
  source: FlowSource,
  { request, silent }: Pick<ObserveCommand, "request" | "silent">,
  { readerOf, taskOf }: Reading<Response>,
): Promise<ExitCode> {
  const say = (text: string): void => void (silent || process.stderr.write(text));
  const output = new TextOutput(process.stdout);
  const task = await taskOf(output, say);
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
    const reader = readerOf(problems);
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

/** Prints what a selection lets through: at once, or what it has kept when there is nothing more for now. */
export function printing<Response extends Timed>(
  selection: ResponseSelection<Response>,
  printer: { print(response: Response): void; close(): void },
  output: TextOutput,
): Task<Response> {
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
