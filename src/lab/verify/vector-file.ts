/** Reads vector files: plain or gzip by content, by any path, `-` for stdin. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { didYouMean } from "../../scenario/nearest-path.js";
import { VectorFileError, type VectorFile } from "./case.js";

const GZIP_MAGIC = 0x1f8b;
const STDIN = 0;

/** Reads and decompresses one file; throws `VectorFileError` with the reason when that fails. */
export function readVectorFile(path: string): VectorFile {
  return {
    path,
    text: decode(path, readBytes(path)),
    sibling: (name) => readVectorFile(siblingPath(join(dirname(path), name))),
  };
}

/** A file that lies there compressed answers to its plain name too. */
function siblingPath(path: string): string {
  return !existsSync(path) && existsSync(`${path}.gz`) ? `${path}.gz` : path;
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path === "-" ? STDIN : path);
  } catch (error) {
    const hint = (error as NodeJS.ErrnoException).code === "ENOENT" ? didYouMean(path, "file") : "";
    throw new VectorFileError(path, `can't be read: ${describe(error)}${hint}`);
  }
}

function decode(path: string, bytes: Buffer): string {
  if (bytes.length === 0) throw new VectorFileError(path, "is empty");
  const zipped = bytes.length > 1 && bytes.readUInt16BE(0) === GZIP_MAGIC;
  try {
    const plain = zipped ? gunzipSync(bytes) : bytes;
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch (error) {
    const what = zipped ? "is damaged or truncated gzip" : "is not UTF-8 text";
    throw new VectorFileError(path, `${what}: ${describe(error)}`);
  }
}

function describe(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    EISDIR: "is a directory",
    EACCES: "permission denied",
    Z_BUF_ERROR: "ends too early",
  };
  return known[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
}
