/** Reads input files with bounds: size, encoding, kind of file. Every failure is a sentence, never an exception. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { formatBytes } from "../core/units.js";
import { nearestPath } from "./nearest-path.js";
import { place, SourceText, type Place } from "./source.js";

/** Largest input, bytes. Kubernetes refuses a ConfigMap, and so a values file that it holds, above 1 MiB. */
export const INPUT_BYTES_MAX = 1024 * 1024;

/** Path that stands for standard input. */
export const STDIN = "-";
const STDIN_FD = 0;
const CHUNK_BYTES = 64 * 1024;

export type ReadResult =
  | { readonly ok: true; readonly source: SourceText }
  | {
      readonly ok: false;
      readonly message: string;
      readonly expected?: string;
      readonly nearest?: string | undefined;
      /** Where the text stops being one; absent when there is no text at all. */
      readonly at?: Place;
    };

/** Reads a text file whole, or standard input for `-`. */
export function readInput(path: string): ReadResult {
  let fd: number;
  try {
    fd = path === STDIN ? STDIN_FD : openSync(path, "r");
  } catch (error) {
    return { ok: false, message: `can't be opened: ${reasonOf(error)}`, nearest: nearestPath(path, "file") };
  }
  try {
    if (fstatSync(fd).isDirectory()) return { ok: false, message: "is a directory", expected: "a file" };
    const bytes = readUpTo(fd, INPUT_BYTES_MAX);
    if (bytes === undefined) {
      const size = fstatSync(fd).size;
      const how = size > INPUT_BYTES_MAX ? ` (${formatBytes(size)})` : "";
      return { ok: false, message: `is too large${how}`, expected: `at most ${formatBytes(INPUT_BYTES_MAX)}` };
    }
    return decode(path === STDIN ? "<stdin>" : path, bytes);
  } catch (error) {
    return { ok: false, message: `can't be read: ${reasonOf(error)}` };
  } finally {
    if (fd !== STDIN_FD) closeSync(fd);
  }
}

/** All bytes, or undefined when there are more than `limit`. */
function readUpTo(fd: number, limit: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const length = readOnce(fd, chunk);
    if (length === 0) return Buffer.concat(chunks);
    total += length;
    if (total > limit) return undefined;
    chunks.push(chunk.subarray(0, length));
  }
}

/** A pipe without data yet answers EAGAIN, and some platforms report the end of a pipe as EOF. */
function readOnce(fd: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, chunk);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function decode(name: string, bytes: Buffer): ReadResult {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { ok: false, message: "is UTF-16 text", expected: "UTF-8" };
  }
  try {
    return { ok: true, source: new SourceText(name, new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    const good = validPrefix(bytes);
    const at = place(new SourceText(name, bytes.toString("utf8")), bytes.subarray(0, good).toString("utf8").length);
    return { ok: false, message: `is not UTF-8 text: byte 0x${bytes[good]!.toString(16).padStart(2, "0")}`, expected: "UTF-8", at };
  }
}

/** Length of the longest start of the bytes that is UTF-8: where a lenient decoding first differs. */
function validPrefix(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString("utf8"), "utf8");
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at++;
  // A replacement character in the input is itself valid; the first difference lies at or after the broken byte.
  return Math.min(at, bytes.length - 1);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOTDIR: "a part of its path is not a directory",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "its name is too long",
  EISDIR: "it is a directory",
  EIO: "the device reports an error",
  ERR_INVALID_ARG_VALUE: "its name is not a path",
};

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return REASONS[code ?? ""] ?? code ?? String(error);
}
