/**
 * `ctlab verify conntrack`: function-level and scenario vectors of Cilium's conntrack, NAT, collection and programs, run
 * on the simulator's own functions.
 *
 * Information only, in every kind: `title`, `basis`, `source`, `notes`, `note`, `upstreamNote`, `versionSensitive`,
 * `callerAction`; the file's `baseline`.
 */

import type { z } from "zod";
import { TRACE_PAYLOAD_LEN } from "../../cilium/datapath/conntrack.js";
import { failed, passed, VectorFileError } from "./case.js";
import type { CaseOutcome, Difference, VectorFile } from "./case.js";
import { compareCt, compareReport } from "./conntrack/ct.js";
import { compareConfiguredIntervals, compareGc, compareIntervals, compareOrphans } from "./conntrack/gc.js";
import { compareHash } from "./conntrack/hash.js";
import { compareNat } from "./conntrack/nat.js";
import { compareIcmpError, compareStatistics } from "./conntrack/nat-extra.js";
import { compareProgram } from "./conntrack/program.js";
import { programVector } from "./conntrack/program-shape.js";
import type { ProgramVector } from "./conntrack/program-shape.js";
import {
  ctVector,
  gcVector,
  hashVector,
  icmpErrorVector,
  intervalConfigVector,
  intervalVector,
  natVector,
  orphanVector,
  reportVector,
  statisticsVector,
} from "./conntrack/shapes.js";
import { isFields, parseVectors } from "./fields.js";

const FORMAT = "ctlab-cilium-vectors/1";

/** What all vectors of a file see of each other. */
interface Context {
  readonly programs: ReadonlyMap<string, ProgramVector>;
}

type Compare = (vector: unknown, context: Context) => { difference?: Difference | undefined; shape?: string };

/** Binds a kind's shape to its comparison. */
function kind<S extends z.ZodType>(shape: S, compare: (vector: z.infer<S>, context: Context) => Difference | undefined): Compare {
  return (vector, context) => {
    const parsed = shape.safeParse(vector);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      return { shape: `${issue.path.join(".")}: ${issue.message}` };
    }
    return { difference: compare(parsed.data, context) };
  };
}

const KINDS: Readonly<Record<string, Compare>> = {
  ct: kind(ctVector, (vector) => wrongPayloadLength(vector.config.tracePayloadLen) ?? compareCt(vector)),
  "ct-report": kind(reportVector, compareReport),
  nat: kind(natVector, (vector) => wrongPayloadLength(vector.config.tracePayloadLen) ?? compareNat(vector)),
  "nat-icmp-error": kind(icmpErrorVector, compareIcmpError),
  "nat-statistics": kind(statisticsVector, compareStatistics),
  gc: kind(gcVector, compareGc),
  "gc-orphan": kind(orphanVector, compareOrphans),
  "gc-interval": kind(intervalVector, compareIntervals),
  "gc-interval-config": kind(intervalConfigVector, compareConfiguredIntervals),
  hash: kind(hashVector, compareHash),
  program: kind(programVector, (vector, { programs }) => compareProgram(vector, programs)),
};

/** Bytes that a report carries are compiled in: a vector recorded with others can't be compared. */
function wrongPayloadLength(bytes: number | undefined): Difference | undefined {
  if (bytes === undefined || bytes === TRACE_PAYLOAD_LEN) return undefined;
  return { where: "config.tracePayloadLen", expected: String(bytes), actual: String(TRACE_PAYLOAD_LEN) };
}

export function* verifyConntrack(file: VectorFile): Generator<CaseOutcome> {
  const root = parseVectors(file, ["vectors"]);
  if (root["format"] !== FORMAT) throw new VectorFileError(file.path, `format is not ${FORMAT}`, 1);
  const vectors = root["vectors"] as readonly unknown[];
  if (root["count"] !== vectors.length) {
    throw new VectorFileError(file.path, `says ${String(root["count"])} vectors and holds ${vectors.length}`, 1);
  }
  const context = { programs: programsOf(vectors) };
  for (const [i, vector] of vectors.entries()) yield verifyVector(i, vector, context);
}

function programsOf(vectors: readonly unknown[]): ReadonlyMap<string, ProgramVector> {
  const programs = new Map<string, ProgramVector>();
  for (const vector of vectors) {
    const parsed = programVector.safeParse(vector);
    if (parsed.success) programs.set(parsed.data.id, parsed.data);
  }
  return programs;
}

function verifyVector(index: number, vector: unknown, context: Context): CaseOutcome {
  const fields = isFields(vector) ? vector : {};
  const id = typeof fields["id"] === "string" ? fields["id"] : `vector ${index}`;
  const compare = typeof fields["kind"] === "string" ? KINDS[fields["kind"]] : undefined;
  if (compare === undefined) return failed(id, "kind", `one of ${Object.keys(KINDS).join(", ")}`, fields["kind"]);
  try {
    const { difference, shape } = compare(vector, context);
    if (shape !== undefined) return failed(id, "format", "a vector of known fields", shape);
    return difference === undefined ? passed(id, stepsOf(fields)) : { id, difference };
  } catch (error) {
    // Texts inside a vector (flows, names) that can't be read are differences of that vector, not defects of the run.
    if (error instanceof RangeError) return failed(id, "content", "texts that can be read", error.message);
    throw error;
  }
}

/** Steps or cases, for the summary. */
function stepsOf(fields: Readonly<Record<string, unknown>>): number {
  const list = fields["steps"] ?? fields["cases"];
  return Array.isArray(list) ? list.length : 1;
}
