/**
 * A file that may become larger than the machine's memory: written past the page cache (O_DIRECT) in large blocks where the system
 * can, on disk when `close` returns. What is written once and read later, if at all, would only drive other things out of the
 * cache, and taking pages for it costs a machine of the cloud more than the disk does (measured: 2 to 3 s for a gigabyte, 0.5 s
 * past the cache). A long file is written by a thread of its own, so that nobody waits for a disk that keeps up. Usable in any thread.
 */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { BLOCK_BYTES, blockOf, BLOCKS, controlOf, ENDED, failureOf, FILLED, type Handed, sharedMemory, STARTED, WRITTEN } from "./bulk-blocks.js";
import { syncFile } from "./file-stream.js";
import { outputError } from "./output-error.js";

/** From this length on a thread writes: starting one takes as long as writing some MB. */
const THREAD_FROM_BYTES = 32 * 1024 * 1024;
/** What places and lengths of such writes are multiples of on every file system: a page. */
const UNIT_BYTES = 4096;

export class BulkStream {
  /** What messages call the file: the name inside the run folder. */
  readonly #label: string;
  readonly #path: string;
  /** bulk-writer.js; null: no thread is ever started. */
  readonly #writer: URL | null;
  readonly #memory = sharedMemory();
  readonly #control = controlOf(this.#memory);
  /** Blocks handed over; the next one is filled now. */
  #filled = 0;
  #block = blockOf(this.#memory, 0);
  #thread: Worker | null = null;
  #fill = 0;
  #file: number | null;
  #direct: boolean;
  /** Bytes in the file. */
  #position = 0;

  /** Creates or empties the file. `writer`: the thread for long ones. Throws `OutputError`. */
  constructor(path: string, label = path, writer: URL | null = null) {
    this.#path = path;
    this.#label = label;
    this.#writer = writer;
    try {
      const direct = openDirect(path);
      this.#direct = direct !== null;
      this.#file = direct ?? openSync(path, "w");
    } catch (error) {
      throw outputError(label, error);
    }
  }

  /** Throws `OutputError` (disk full …); the stream is closed then. */
  write(bytes: Uint8Array): void {
    if (this.#file === null) throw new Error(`${this.#label}: write after close`);
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(bytes.length - at, BLOCK_BYTES - this.#fill);
      this.#block.set(bytes.subarray(at, at + taken), this.#fill);
      this.#fill += taken;
      at += taken;
      if (this.#fill === BLOCK_BYTES) this.#pass();
    }
  }

  /** Writes what is left and waits for the disk. Calling it again does nothing. */
  close(): void {
    if (this.#file === null) return;
    this.#endThread();
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

  /** The block is full: to the thread, or to the file. */
  #pass(): void {
    if (this.#thread === null && this.#writer !== null && this.#position >= THREAD_FROM_BYTES) {
      this.#thread = new Worker(this.#writer, { workerData: { memory: this.#memory, file: this.#file! } satisfies Handed });
      this.#thread.unref();
    }
    if (this.#thread === null || Atomics.load(this.#control, STARTED) === 0) {
      this.#flush();
      return;
    }
    this.#fill = 0;
    this.#position += BLOCK_BYTES;
    this.#filled++;
    Atomics.store(this.#control, FILLED, this.#filled);
    Atomics.notify(this.#control, FILLED);
    this.#waitUntilLess(BLOCKS);
    this.#block = blockOf(this.#memory, this.#filled);
  }

  /** Waits until fewer blocks than these are to be written; throws when one could not be. */
  #waitUntilLess(blocks: number): void {
    const control = this.#control;
    for (let written = Atomics.load(control, WRITTEN); this.#filled - written >= blocks; written = Atomics.load(control, WRITTEN)) {
      Atomics.wait(control, WRITTEN, written);
    }
    const failure = failureOf(control);
    if (failure !== null) throw this.#failed(failure);
  }

  #endThread(): void {
    if (this.#thread === null) return;
    Atomics.store(this.#control, ENDED, 1);
    Atomics.notify(this.#control, FILLED);
    this.#waitUntilLess(1);
  }

  #flush(): void {
    const length = this.#fill;
    if (length === 0) return;
    this.#fill = 0;
    try {
      if (!this.#direct || !this.#putDirect(this.#file!, length)) this.#put(length);
      this.#position += length;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #put(length: number): void {
    for (let at = 0; at < length;) at += writeSync(this.#file!, this.#block, at, length - at);
  }

  /** Writes whole units and cuts off what the last one has too much. False: the system wants none of it after all. */
  #putDirect(file: number, length: number): boolean {
    const whole = Math.ceil(length / UNIT_BYTES) * UNIT_BYTES;
    try {
      for (let at = 0; at < whole;) at += writeSync(file, this.#block, at, whole - at);
      if (whole !== length) ftruncateSync(file, this.#position + length);
      return true;
    } catch (error) {
      if (!isInvalid(error)) throw error;
    }
    this.#file = null;
    closeSync(file);
    this.#file = openSync(this.#path, "a");
    ftruncateSync(this.#file, this.#position);
    this.#direct = false;
    return false;
  }

  #failed(error: unknown): unknown {
    const file = this.#file;
    this.#file = null;
    this.#fill = 0;
    Atomics.store(this.#control, ENDED, 1);
    Atomics.notify(this.#control, FILLED);
    if (file !== null) closeSync(file);
    return outputError(this.#label, error);
  }
}

/** Null where the system or the file system has no such writes. */
function openDirect(path: string): number | null {
  // Not defined on every system, whatever its type says.
  const direct = constants.O_DIRECT as number | undefined;
  if (direct === undefined) return null;
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | direct);
  } catch (error) {
    if (isInvalid(error)) return null;
    throw error;
  }
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EINVAL";
}
