/** What a `BulkStream` and its thread (bulk-writer.ts) share: blocks that go round, and how far both are. */

/** Bytes gathered before a write call: the least with which one call after the other keeps a disk busy; measured. */
export const BLOCK_BYTES = 1024 * 1024;
/** Blocks that go round: a disk may pause for as long as it takes to fill them, before anybody waits. */
export const BLOCKS = 16;
/** A page of WebAssembly's memory; its first one begins with a page of the machine's, as O_DIRECT wants it. */
const WASM_PAGE_BYTES = 65_536;

/** Words of the control part: the thread runs; blocks handed over and written, modulo 2^32; no more will come; why writing failed. */
export const STARTED = 0;
export const FILLED = 1;
export const WRITTEN = 2;
export const ENDED = 3;
export const FAILED = 4;
const CODE = 5;
/** Room for the system's code of an error, as in `ENOSPC`. */
const CODE_BYTES = 32;
const CONTROL_WORDS = CODE + CODE_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** As far as it is used here; it is no part of the language's own types. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number; readonly shared: true }) => { readonly buffer: SharedArrayBuffer };
};

/** What the thread is given: the shared memory and the open file. */
export interface Handed {
  readonly memory: SharedArrayBuffer;
  readonly file: number;
}

/** Memory for the blocks and the control part; it begins with a page where the system lets it. */
export function sharedMemory(): SharedArrayBuffer {
  const pages = (BLOCKS * BLOCK_BYTES) / WASM_PAGE_BYTES + 1;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch (error) {
    // It asks for gigabytes of addresses, which may be limited.
    if (!(error instanceof RangeError)) throw error;
    return new SharedArrayBuffer(pages * WASM_PAGE_BYTES);
  }
}

export function blockOf(memory: SharedArrayBuffer, number: number): Uint8Array {
  return new Uint8Array(memory, (number % BLOCKS) * BLOCK_BYTES, BLOCK_BYTES);
}

export function controlOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, BLOCKS * BLOCK_BYTES, CONTROL_WORDS);
}

/** Notes an error's code. */
export function setFailed(control: Int32Array, code: string): void {
  const bytes = new TextEncoder().encode(code.slice(0, CODE_BYTES));
  codeBytes(control).set(bytes);
  Atomics.store(control, FAILED, bytes.length);
}

/** The error that the thread has met, or null. */
export function failureOf(control: Int32Array): Error | null {
  const length = Atomics.load(control, FAILED);
  if (length === 0) return null;
  const code = new TextDecoder().decode(codeBytes(control).slice(0, length));
  return Object.assign(new Error(code), { code, syscall: "write" });
}

function codeBytes(control: Int32Array): Uint8Array {
  return new Uint8Array(control.buffer, control.byteOffset + CODE * Int32Array.BYTES_PER_ELEMENT, CODE_BYTES);
}
