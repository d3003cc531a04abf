/** For the tests of verifiers: recorded files, tampered copies, outcomes as a list. */

import { fileURLToPath } from "node:url";
import type { CaseOutcome, VectorFile, Verifier } from "../../src/lab/verify/case.js";
import { readVectorFile } from "../../src/lab/verify/vector-file.js";

/** A file under test/vectors/cilium. */
export function recorded(name: string): VectorFile {
  return readVectorFile(fileURLToPath(new URL(`../vectors/cilium/${name}`, import.meta.url)));
}

/**
 * The same with one value replaced or added at a dotted path such as `calc.3.next_ns`, and only the first `keep` items
 * of each list.
 */
export function tampered(name: string, path: string, value: unknown, keep = Number.MAX_SAFE_INTEGER): VectorFile {
  const file = recorded(name);
  const root = JSON.parse(file.text) as Record<string, unknown>;
  for (const [section, items] of Object.entries(root)) {
    if (Array.isArray(items) && typeof items[0] === "object") root[section] = items.slice(0, keep);
  }
  const steps = path.split(".");
  const last = steps.pop()!;
  let at = root;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  if (JSON.stringify(at[last]) === JSON.stringify(value)) throw new Error(`${path} is ${JSON.stringify(value)} already`);
  at[last] = value;
  return { ...file, text: JSON.stringify(root) };
}

export async function outcomes(verifier: Verifier, file: VectorFile): Promise<CaseOutcome[]> {
  const all: CaseOutcome[] = [];
  for await (const each of verifier(file) as AsyncIterable<CaseOutcome>) all.push(each);
  return all;
}
