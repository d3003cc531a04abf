/**
 * The kinds of recorded ground truth, and the one loop that compares files with the model.
 * Verifiers are loaded only when their kind is asked for.
 */
import type { CaseOutcome, Difference, Verifier } from "./case.js";
import { VectorFileError } from "./case.js";
import { readVectorFile } from "./vector-file.js";

type Loader = () => Promise<Verifier>;

const LOADERS = {
  maps: async () => (await import("./maps.js")).verifyMaps,
  jhash: async () => (await import("./jhash.js")).verifyJhash,
  "map-create": async () => (await import("./map-create.js")).verifyMapCreate,
  conntrack: async () => (await import("./conntrack.js")).verifyConntrack,
  programs: async () => (await import("./programs.js")).verifyPrograms,
  "gc-interval": async () => (await import("./gc-interval.js")).verifyGcInterval,
  maglev: async () => (await import("./maglev.js")).verifyMaglev,
  "map-size": async () => (await import("./map-size.js")).verifyMapSize,
  testbed: async () => (await import("./testbed.js")).verifyTestbed,
  hist: async () => (await import("./hist.js")).verifyHist,
  "flow-lines": async () => (await import("./flow-lines.js")).verifyFlowLines,
  "flow-streams": async () => (await import("./flow-streams.js")).verifyFlowStreams,
  filters: async () => (await import("./filters.js")).verifyFilters,
  status: async () => (await import("./status.js")).verifyStatus,
  lists: async () => (await import("./lists.js")).verifyLists,
  "grpc-streams": async () => (await import("./grpc-streams.js")).verifyGrpcStreams,
  hdr: async () => (await import("./hdr.js")).verifyHdr,
} as const satisfies Readonly<Record<string, Loader>>;

export type VectorKind = keyof typeof LOADERS;

/** Every kind that `ctlab verify` knows, in the order in which help lists them. */
export const VECTOR_KINDS = Object.keys(LOADERS) as readonly VectorKind[];

export function isVectorKind(kind: string): kind is VectorKind {
  return Object.hasOwn(LOADERS, kind);
}

/** The result of one file: how many cases, and the first difference of each failed one. */
export interface FileReport {
  readonly file: string;
  readonly cases: number;
  /** Operations, packets … compared over all cases, when the verifier counts them. */
  readonly compared: number;
  readonly failures: readonly { readonly id: string; readonly difference: Difference }[];
  /** Lines of the validation report's table; empty for kinds without one. */
  readonly rows: readonly (readonly string[])[];
  /** Why the file can't be used at all; then nothing else counts. */
  readonly unreadable?: string;
}

/** Compares files one after the other; a file that can't be read is reported and the others still run. */
export async function* verifyFiles(kind: VectorKind, paths: readonly string[]): AsyncGenerator<FileReport> {
  const verifier = await LOADERS[kind]();
  for (const path of paths) yield await verifyFile(verifier, path);
}

async function verifyFile(verifier: Verifier, path: string): Promise<FileReport> {
  const failures: { id: string; difference: Difference }[] = [];
  const rows: (readonly string[])[] = [];
  let cases = 0;
  let compared = 0;
  try {
    for await (const outcome of verifier(readVectorFile(path)) as AsyncIterable<CaseOutcome>) {
      cases++;
      compared += outcome.compared ?? 0;
      if (outcome.row !== undefined) rows.push(outcome.row);
      if (outcome.difference !== undefined) failures.push({ id: outcome.id, difference: outcome.difference });
    }
  } catch (error) {
    if (!(error instanceof VectorFileError)) throw error;
    return { file: path, cases: 0, compared: 0, failures: [], rows: [], unreadable: error.message };
  }
  return { file: path, cases, compared, failures, rows };
}
