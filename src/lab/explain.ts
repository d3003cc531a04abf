/**
 * `ctlab explain`: why did this one connection die? Repeats the variant of a recorded run with an eye on the chosen
 * connections and tells what happened to each. A run is repeated exactly or not at all: fingerprints are compared.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../core/version.js";
import { causeOf, type Cause } from "./explain/cause.js";
import { choose, type Chosen, type Wanted } from "./explain/choose.js";
import { readRecordedRun, type RecordedRun, type RecordedVariant } from "./explain/recorded-run.js";
import { beatsOf, type Beat } from "./explain/story.js";
import type { RecordedConnection } from "./recorded-files.js";
import { simulateAll, type RunProgress } from "./simulate-all.js";
import type { ConnectionTrace, TracedConnection } from "./trace/result.js";

export interface ExplainOptions extends Wanted {
  /** Folder of a run. */
  readonly dir: string;
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface Explanation {
  readonly variant: string | null;
  readonly request: string;
  /** What the run noted about the connection; null when it noted nothing. */
  readonly noted: RecordedConnection | null;
  /** Null when no such connection was opened; `missing` says what there was. */
  readonly connection: TracedConnection | null;
  readonly missing: string | null;
  readonly cause: Cause | null;
  readonly beats: readonly Beat[];
  readonly trace: ConnectionTrace;
}

export interface ExplainResult {
  readonly run: RecordedRun;
  /** What the run noted, when nothing was asked for. */
  readonly noted: readonly Chosen[] | null;
  readonly explanations: readonly Explanation[];
  /** Variants that did not come out as recorded, each with a sentence; their connections are not explained. */
  readonly differing: readonly string[];
  readonly interrupted: boolean;
}

/** Throws an `InputError` when the folder holds no run or the wish can't be met. */
export async function explain(options: ExplainOptions): Promise<ExplainResult> {
  const run = readRecordedRun(options.dir);
  const chosen = choose(run, options);
  const asked = options.connection !== undefined || options.worst !== undefined || options.dropped === true;
  const noted = asked ? null : noteworthy(run, options);
  if (chosen.length === 0) return { run, noted, explanations: [], differing: [], interrupted: false };
  const variants = run.variants.filter((each) => chosen.some(({ variant }) => variant === each));
  const folder = mkdtempSync(join(tmpdir(), "ctlab-explain-"));
  try {
    const tasks = variants.map((variant) => ({
      scenario: variant.scenario,
      streamFolder: mkdtempSync(join(folder, "variant-")),
      traces: chosen.filter((each) => each.variant === variant).map(({ request }) => request),
    }));
    const simulated = await simulateAll(tasks, { ...options, run: run.run });
    if (options.signal?.aborted === true) return { run, noted, explanations: [], differing: [], interrupted: true };
    const results = new Map(variants.map((variant, index) => [variant, simulated[index]!]));
    const differing = variants.flatMap((variant) => difference(run, variant, results.get(variant)!.variant.fingerprint));
    const explanations = chosen.flatMap(({ variant, request, noted: note }) => {
      const { variant: figures, traces } = results.get(variant)!;
      if (difference(run, variant, figures.fingerprint).length > 0) return [];
      const trace = traces.find((each) => each.request === request.text)!;
      const { connection, missing } = trace;
      const cause = connection === null ? null : causeOf(trace, figures, variant.scenario);
      return [{ variant: variant.name, request: request.text, noted: note, connection, missing, cause, beats: beatsOf(trace, figures), trace }];
    });
    return { run, noted, explanations, differing, interrupted: false };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function noteworthy(run: RecordedRun, options: ExplainOptions): readonly Chosen[] {
  return choose(run, { ...options, worst: Infinity, dropped: true });
}

/** An interrupted variant has no fingerprint to compare with: it goes on past the end of what was recorded. */
function difference({ ctlab }: RecordedRun, { name, fingerprint, complete }: RecordedVariant, again: string): readonly string[] {
  if (!complete || again === fingerprint) return [];
  const versions = ctlab === VERSION ? `both by ctlab ${VERSION}` : `it was made by ctlab ${ctlab}, this is ${VERSION}`;
  return [`${name === null ? "the run" : `variant ${name}`} can't be repeated: fingerprint ${again} instead of ${fingerprint} (${versions})`];
}
