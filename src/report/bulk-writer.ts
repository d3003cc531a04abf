/** The thread of a `BulkStream`: writes its full blocks in their order, and tells what it has written or why it can't. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { blockOf, BLOCK_BYTES, controlOf, ENDED, FILLED, type Handed, setFailed, STARTED, WRITTEN } from "./bulk-blocks.js";

/** After so long a silence it looks whether it is still needed, ms: the word that it isn't may have come before it listened. */
const LOOK_MS = 500;

const { memory, file } = workerData as Handed;
const control = controlOf(memory);
Atomics.store(control, STARTED, 1);
let failed = false;
for (let written = 0; ; written++) {
  while (Atomics.load(control, FILLED) === written && Atomics.load(control, ENDED) === 0) Atomics.wait(control, FILLED, written, LOOK_MS);
  if (Atomics.load(control, FILLED) === written) break;
  // Whoever fills the blocks goes on until it looks; what comes after an error is let go.
  if (!failed) failed = !write(blockOf(memory, written));
  Atomics.store(control, WRITTEN, written + 1);
  Atomics.notify(control, WRITTEN);
}

function write(block: Uint8Array): boolean {
  try {
    for (let at = 0; at < BLOCK_BYTES;) at += writeSync(file, block, at, BLOCK_BYTES - at);
    return true;
  } catch (error) {
    setFailed(control, error instanceof Error && "code" in error ? String(error.code) : String(error));
    return false;
  }
}
