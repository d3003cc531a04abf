/**
 * `ctlab verify programs`: Cilium's compiled programs, recorded packet by packet, replayed on the simulator's hooks with
 * the recorded clock and random numbers. Verdict, drop code, headers, events, signals, number of random draws, map
 * operations where they were counted, and the complete contents of conntrack, NAT and affinity maps after each step.
 *
 * Information only: `title`, `note`, `badChecksum` (a property of the original), `baseline` of the file.
 */

import type { z } from "zod";
import { failed, passed, VectorFileError } from "./case.js";
import type { CaseOutcome, Difference, VectorFile } from "./case.js";
import { parseVectors } from "./fields.js";
import { compareMaglev } from "./programs/maglev-hash.js";
import { packetCount, Replay } from "./programs/replay.js";
import { buildConfig } from "./programs/test-node.js";
import { maglevVector, programFile, programVector } from "./programs/vectors.js";
import type { ProgramVector } from "./programs/vectors.js";

export function* verifyPrograms(file: VectorFile): Generator<CaseOutcome> {
  const header = programFile.safeParse(parseVectors(file, ["vectors"]));
  if (!header.success) throw new VectorFileError(file.path, issueText(header.error), 1);
  const { vectors, count } = header.data;
  if (vectors.length !== count) throw new VectorFileError(file.path, `says ${count} vectors and holds ${vectors.length}`, 1);
  for (const [i, vector] of vectors.entries()) yield verifyVector(i, vector);
}

function verifyVector(index: number, vector: unknown): CaseOutcome {
  const isMaglev = typeof vector === "object" && vector !== null && "cases" in vector;
  const shape = isMaglev ? maglevVector : programVector;
  const id = idOf(vector) ?? `vector ${index}`;
  const parsed = shape.safeParse(vector);
  if (!parsed.success) return failed(id, "format", "a vector of known kind and fields", issueText(parsed.error));
  const { data } = parsed;
  try {
    if ("cases" in data) return settle(id, compareMaglev(data), data.cases.length);
    return settle(id, wrongTableSize(data) ?? new Replay(data).run(), packetCount(data));
  } catch (error) {
    // An address or name that can't be read is a difference of its vector, not a defect of the run.
    if (error instanceof RangeError) return failed(id, "content", "texts that can be read", error.message);
    throw error;
  }
}

/** The build decides the length of Maglev tables; a setup that says another can't be replayed on it. */
function wrongTableSize({ config, setup }: ProgramVector): Difference | undefined {
  const { maglevTableSize } = buildConfig(config).loadBalancer;
  if (setup.maglev === undefined || setup.maglev === maglevTableSize) return undefined;
  return { where: "setup.maglev", expected: String(setup.maglev), actual: `${maglevTableSize} in build ${config}` };
}

function settle(id: string, difference: Difference | undefined, compared: number): CaseOutcome {
  return difference === undefined ? passed(id, compared) : { id, difference, compared };
}

function idOf(vector: unknown): string | undefined {
  if (typeof vector !== "object" || vector === null || !("id" in vector)) return undefined;
  return typeof vector.id === "string" ? vector.id : undefined;
}

/** The first complaint about a shape, with its place. */
function issueText(error: z.ZodError): string {
  const issue = error.issues[0]!;
  return `${issue.path.join(".")}: ${issue.message}`;
}
