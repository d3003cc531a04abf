/** Where `ctlab observe` reads from: a run folder's flows, a file, or stdin. */
import { closeSync, existsSync, fstatSync, openSync, readSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { FlowLineReader } from "../hubble/line-reader.js";
import type { Instant } from "../hubble/times.js";
import { nearestName } from "../scenario/nearest.js";
import { didYouMean } from "../scenario/nearest-path.js";

const FLOWS_FILE = "flows.jsonl";
const MANIFEST = "manifest.json";

export interface FlowSource {
  /** A file, or `-`. */
  readonly path: string;
  /** As messages name it. */
  readonly name: string;
  /** Flows of a simulated run: its clock is not the wall's. */
  readonly isRun: boolean;
}

/** There is nothing to read from; the message says why. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** `operand`: as the user gave it. `variant`: of a run with several. */
export function flowSource(operand: string, variant: string | undefined): FlowSource {
  if (operand === "-") return { path: "-", name: "stdin", isRun: false };
  let isFolder: boolean;
  try {
    isFolder = statSync(operand).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SourceError(`${operand}: ${code === "ENOENT" ? `no such file or run folder${didYouMean(operand)}` : (error as Error).message}`);
  }
  if (!isFolder) {
    if (variant !== undefined) throw new SourceError(`--variant is for run folders; ${operand} is a file`);
    return { path: operand, name: operand, isRun: false };
  }
  return runSource(operand, variant);
}

function runSource(folder: string, variant: string | undefined): FlowSource {
  const own = join(folder, FLOWS_FILE);
  if (!existsSync(join(folder, MANIFEST)) && !existsSync(own)) throw new SourceError(`${folder} is no run folder: it has no ${MANIFEST}`);
  const variants = readdirSync(folder).filter((name) => existsSync(join(folder, name, FLOWS_FILE)));
  if (existsSync(own) && variant === undefined) return { path: own, name: own, isRun: true };
  const only = variant ?? (variants.length === 1 ? variants[0] : undefined);
  if (only !== undefined && variants.includes(only)) {
    const path = join(folder, only, FLOWS_FILE);
    return { path, name: path, isRun: true };
  }
  if (variants.length > 0) {
    const problem = variant === undefined ? "has several variants" : `has no variant ${variant}`;
    const nearest = variant === undefined ? undefined : nearestName(variant, variants);
    const hint = nearest === undefined ? "" : `\n   did you mean "${nearest}"?`;
    throw new SourceError(`${folder} ${problem}; choose one with --variant: ${variants.join(", ")}${hint}`);
  }
  if (variant !== undefined && existsSync(own)) throw new SourceError(`${folder} has one variant only; leave out --variant`);
  throw new SourceError(`${folder} holds no flows; run the scenario again with observe.flows`);
}

/** Enough for the last lines of a run. */
const TAIL_BYTES = 64 * 1024;

/** The time of the last flow of a file; undefined when it has none. */
export function lastTime(path: string): Instant | undefined {
  const ignored = (): void => {};
  const reader = new FlowLineReader("latest", { skipped: ignored, unknownField: ignored });
  const lines = tailOf(path).split("\n").filter((line) => line !== "");
  return lines.map((line) => reader.read(line)?.time).findLast((time) => time !== undefined);
}

function tailOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8");
  } finally {
    closeSync(file);
  }
}
