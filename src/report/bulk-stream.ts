/**
 * A file that may become larger than the machine's memory: written past the page cache (O_DIRECT) in large blocks where the system
 * can, on disk when `close` returns. What is written once and read later, if at all, would only drive other things out of the
 * cache, and taking pages for it costs a machine of the cloud more than the disk does (measured: 2 to 3 s for a gigabyte, 0.5 s
 * past the cache). Usable in any thread.
 */
import { closeSync, constants, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { isNotSynchronisable } from "./file-stream.js";
import { outputError } from "./output-error.js";

/** Bytes gathered before a write call: the least with which one call after the other keeps a disk busy; measured. */
const BLOCK_BYTES = 1024 * 1024;
/** What places and lengths of such writes are multiples of on every file system: a page. */
const UNIT_BYTES = 4096;
/** A page of WebAssembly's memory; its first one begins with a page of the machine's, as O_DIRECT wants it. */
const WASM_PAGE_BYTES = 65_536;

/** As far as it is used here; it is no part of the language's own types. */
declare const WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } };

export class BulkStream {
  /** What messages call the file: the name inside the run folder. */
  readonly #label: string;
  readonly #path: string;
  readonly #block = new Uint8Array(new WebAssembly.Memory({ initial: BLOCK_BYTES / WASM_PAGE_BYTES }).buffer);
  #fill = 0;
  #file: number | null;
  #direct: boolean;
  /** Bytes in the file. */
  #position = 0;

  /** Creates or empties the file. Throws `OutputError`. */
  constructor(path: string, label = path) {
    this.#path = path;
    this.#label = label;
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
      if (this.#fill === BLOCK_BYTES) this.#flush();
    }
  }

  /** Writes what is left and waits for the disk. Calling it again does nothing. */
  close(): void {
    if (this.#file === null) return;
    this.#flush();
    const file = this.#file;
    try {
      fsyncSync(file);
    } catch (error) {
      if (!isNotSynchronisable(error)) throw this.#failed(error);
    }
    this.#file = null;
    closeSync(file);
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
