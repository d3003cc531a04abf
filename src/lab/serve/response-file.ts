/** Responses from a file of JSON lines, one by one, as an exporter or `hubble observe -o jsonpb` writes them. */
import { statSync } from "node:fs";
import { FlowLineReader, NodeEventReader } from "../../hubble/line-reader.js";
import { fileLines, type LineBatch } from "../../hubble/line-source.js";
import type { ReadingProblems } from "../../hubble/message-reader.js";
import type { GetFlowsResponse } from "../../hubble/proto/observer_pb.js";
import type { NodeEvent } from "../../hubble/server/flow-history.js";
import { instantNs } from "../../hubble/times.js";

export interface RecordedResponse {
  /** When it is due, ns since 1970: its time, but never before the one that it follows. */
  readonly ns: bigint;
  readonly response: GetFlowsResponse | NodeEvent;
}

/** Lines that could not be read. */
export interface SkippedLines {
  skipped: number;
  firstReason: string | null;
  /** Why a file could not be read to its end; null when it could. */
  broken: string | null;
}

export function noProblems(): SkippedLines {
  return { skipped: 0, firstReason: null, broken: null };
}

export class ResponseFile {
  readonly #batches: AsyncGenerator<LineBatch>;
  readonly #problems: SkippedLines;
  readonly #flows: FlowLineReader;
  readonly #events: NodeEventReader;
  #lines: readonly string[] = [];
  #next = 0;
  #lastNs = 0n;

  /** The file may be gzipped. */
  constructor(path: string, problems: SkippedLines) {
    this.#batches = fileLines(path);
    this.#problems = problems;
    const reading: ReadingProblems = { skipped: (reason) => this.#skip(1, reason), unknownField: () => {} };
    this.#flows = new FlowLineReader("latest", reading);
    this.#events = new NodeEventReader(reading);
  }

  /** The next response that can be read; null at the end. */
  async next(): Promise<RecordedResponse | null> {
    for (;;) {
      const line = this.#lines[this.#next++];
      if (line === undefined) {
        if (!(await this.#read())) return null;
        continue;
      }
      const read = this.#flows.read(line);
      if (read === undefined) continue;
      const response = read.responseTypes.case === undefined ? this.#events.read(line) : read;
      if (response === undefined) continue;
      const ns = response.time === undefined ? this.#lastNs : instantNs(response.time);
      if (ns > this.#lastNs) this.#lastNs = ns;
      return { ns: this.#lastNs, response };
    }
  }

  async close(): Promise<void> {
    await this.#batches.return(undefined);
  }

  async #read(): Promise<boolean> {
    try {
      const { value, done } = await this.#batches.next();
      if (done === true) return false;
      this.#lines = value.lines;
      this.#next = 0;
      if (value.tooLong > 0) this.#skip(value.tooLong, "is too long");
      return true;
    } catch (error) {
      if (!isOfTheFile(error)) throw error;
      this.#problems.broken ??= error.message;
      return false;
    }
  }

  #skip(lines: number, reason: string): void {
    this.#problems.skipped += lines;
    this.#problems.firstReason ??= reason;
  }
}

/** Faults of the file system, and of damaged gzip. */
function isOfTheFile(error: unknown): error is Error {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^(?:E[A-Z]+|Z_[A-Z_]+)$/.test(code);
}

/** Lines that are looked through for the node's name. */
const LINES_LOOKED_AT = 100;
/** Of a file that never tells. */
export const UNNAMED = "node";

/** Nothing of a file can be served; `message` says why, in the words of a refusal. */
export class NothingToServe extends Error {
  override readonly name = "NothingToServe";
}

/** The name that the first responses of a file give their node. Throws `NothingToServe`. */
export async function firstNodeName(path: string): Promise<string> {
  const problems = noProblems();
  const file = new ResponseFile(path, problems);
  try {
    for (let n = 0; n < LINES_LOOKED_AT; n++) {
      const next = await file.next();
      if (next === null && n === 0) throw new NothingToServe(whyNothing(path, problems));
      if (next === null) break;
      if (next.response.nodeName !== "") return next.response.nodeName;
    }
    return UNNAMED;
  } finally {
    await file.close();
  }
}

function whyNothing(path: string, { skipped, firstReason, broken }: SkippedLines): string {
  if (broken !== null) return `can't be read: ${broken}`;
  if (skipped > 0) return `holds no line that can be read as a flow; the first: ${firstReason ?? ""}`;
  return statSync(path).size === 0 ? "is empty" : "holds no flow";
}

/** Gives a response to another node. */
export function rename(response: GetFlowsResponse | NodeEvent, name: string): void {
  response.nodeName = name;
  if (response.$typeName !== "observer.GetFlowsResponse") return;
  if (response.responseTypes.case === "flow") response.responseTypes.value.nodeName = name;
  if (response.responseTypes.case === "nodeStatus") response.responseTypes.value.nodeNames = [name];
}
