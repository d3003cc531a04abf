/** Reads a file that an operator brings, plain or gzip, line by line: the kind is found by its content. */
import { basename } from "node:path";
import { fileLines, streamLines, type LineBatch } from "../hubble/line-source.js";
import { ConntrackText } from "./conntrack-text.js";
import type { Dump } from "./dump.js";
import { DUMP_KIND_TEXT, DumpError, WrongKindError, type DumpKind } from "./dump-kind.js";
import { DumpJson } from "./json-dumps.js";
import { beginOfJson, kindOf, kindOfName } from "./kind-of.js";
import { MetricsList } from "./metrics-list.js";
import { MetricsText } from "./metrics-text.js";
import { NatRetriesText } from "./nat-retries-text.js";
import { NatText } from "./nat-text.js";
import { StatusText } from "./status-text.js";

/** What takes the lines of one kind. */
interface Reader {
  add(line: string): void;
  finish(): object;
}

/** Characters that tell the kind of a file. */
const HEAD = 64 * 1024;

export interface ReadDumpOptions {
  /** What the file must be; without it the content decides. */
  readonly kind?: DumpKind;
}

/** `path`: a file, or `-` for stdin. Throws a `DumpError` when it can't be read, is of another kind, or of none that is known. */
export async function readDump(path: string, options: ReadDumpOptions = {}): Promise<Dump> {
  try {
    return await readLines(path, path === "-" ? streamLines(process.stdin) : fileLines(path), options.kind);
  } catch (error) {
    if (error instanceof WrongKindError) throw error;
    throw error instanceof DumpError ? error : new DumpError(reasonOf(path, error as NodeJS.ErrnoException));
  }
}

async function readLines(path: string, batches: AsyncIterable<LineBatch>, wanted: DumpKind | undefined): Promise<Dump> {
  const kept: string[] = [];
  let length = 0;
  let reader: Reader | undefined;
  let kind: DumpKind | undefined;
  for await (const { lines } of batches) {
    if (reader !== undefined) {
      for (const line of lines) reader.add(withoutReturn(line));
      continue;
    }
    for (const line of lines) {
      kept.push(withoutReturn(line));
      length += line.length;
    }
    if (length < HEAD) continue;
    kind = decide(path, kept, wanted);
    if (isLeftToOthers(kind)) break;
    reader = fed(kind, kept.splice(0));
  }
  kind ??= decide(path, kept, wanted);
  if (isLeftToOthers(kind)) return { path, kind };
  reader ??= fed(kind, kept);
  return { path, kind, ...reader.finish() } as Dump;
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function isLeftToOthers(kind: DumpKind): kind is "flows" | "helm-values" {
  return kind === "flows" || kind === "helm-values";
}

function decide(path: string, lines: readonly string[], wanted: DumpKind | undefined): DumpKind {
  const seems = kindOf(lines.join("\n"));
  if (wanted !== undefined) {
    if (seems !== undefined && seems !== wanted) throw new WrongKindError(path, wanted, seems);
    return wanted;
  }
  if (seems !== undefined) return seems;
  const isEmpty = lines.every((line) => line.trim() === "");
  const named = isEmpty ? kindOfName(basename(path)) : undefined;
  if (named !== undefined) return named;
  const known = Object.values(DUMP_KIND_TEXT).join("; ");
  throw new DumpError(`${path}: ${isEmpty ? "is empty, and its name tells none of these kinds" : "is none of these kinds"}: ${known}`);
}

function fed(kind: DumpKind, lines: readonly string[]): Reader {
  const reader = readerOf(kind, lines);
  for (const line of lines) reader.add(line);
  return reader;
}

function readerOf(kind: DumpKind, lines: readonly string[]): Reader {
  if (lines.some((line) => beginOfJson(line) >= 0)) return new DumpJson(kind);
  switch (kind) {
    case "conntrack":
      return new ConntrackText();
    case "nat":
      return new NatText();
    case "nat-retries":
      return new NatRetriesText();
    case "status":
      return new StatusText();
    default:
      return lines.some((line) => /^Metric\s+Labels\s+Value\s*$/.test(line)) ? new MetricsList() : new MetricsText();
  }
}

function reasonOf(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return `${path}: no such file`;
  if (error.code === "EISDIR") return `${path}: is a folder`;
  return `${path}: ${error.message}`;
}
