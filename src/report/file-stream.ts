/** A file that is written piece by piece: buffered, synchronous, on disk when `close` returns. Usable in any thread. */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { outputError } from "./output-error.js";

/** Bytes gathered before a write call. */
const BUFFER_BYTES = 256 * 1024;

export class FileStream {
  readonly path: string;
  /** What messages call the file: the name inside the run folder. */
  readonly #label: string;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #fill = 0;
  #file: number | null;
  /** Bytes taken so far. */
  bytes = 0;

  /** Creates or empties the file. Throws `OutputError`. */
  constructor(path: string, label = path) {
    this.path = path;
    this.#label = label;
    try {
      this.#file = openSync(path, "w");
    } catch (error) {
      throw outputError(label, error);
    }
  }

  /** Text is written as UTF-8. Throws `OutputError` (disk full …); the stream is closed then. */
  write(chunk: string | Uint8Array): void {
    // A character takes at most 3 bytes per UTF-16 unit.
    if (typeof chunk === "string" && chunk.length * 3 <= BUFFER_BYTES) {
      if (this.#fill + chunk.length * 3 > BUFFER_BYTES) this.#flush();
      const written = this.#buffer.write(chunk, this.#fill);
      this.#fill += written;
      this.bytes += written;
      return;
    }
    this.#flush();
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    this.bytes += bytes.length;
    this.#put(bytes, bytes.length);
  }

  /** Writes what is left and waits for the disk. Calling it again does nothing. */
  close(): void {
    if (this.#file === null) return;
    this.#flush();
    const file = this.#file;
    try {
      syncFile(file);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#file = null;
    closeSync(file);
  }

  /** Closes without waiting for the disk and without an error: the file is about to be deleted. */
  discard(): void {
    if (this.#file === null) return;
    const file = this.#file;
    this.#file = null;
    this.#fill = 0;
    closeSync(file);
  }

  #flush(): void {
    if (this.#fill === 0) return;
    const length = this.#fill;
    this.#fill = 0;
    this.#put(this.#buffer, length);
  }

  #put(bytes: Uint8Array, length: number): void {
    if (this.#file === null) throw new Error(`${this.#label}: write after close`);
    try {
      for (let at = 0; at < length;) at += writeSync(this.#file, bytes, at, length - at);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): unknown {
    this.discard();
    return outputError(this.#label, error);
  }
}

/** Waits until a file is on disk; pipes and character devices can't be synchronised, and need not be. */
export function syncFile(file: number): void {
  try {
    fsyncSync(file);
  } catch (error) {
    const isRefused = error instanceof Error && "code" in error && (error.code === "EINVAL" || error.code === "ENOTSUP");
    if (!isRefused) throw error;
  }
}
