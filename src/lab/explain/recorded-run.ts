/** A run folder read back: what was run, with which fingerprint, and the connections that it named. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST_FORMAT, MANIFEST_NAME } from "../../report/run-folder.js";
import { variantFile } from "../../report/write-run.js";
import { refusal } from "../../scenario/diagnostics.js";
import { hashOf } from "../../scenario/load.js";
import { nearestPath } from "../../scenario/nearest-path.js";
import type { Scenario } from "../../scenario/types.js";
import { CONNECTIONS_FILE, SCENARIO_FILE, type RecordedConnection } from "../recorded-files.js";

/** Of `manifest.json`, what is needed to repeat the run. */
interface Manifest {
  readonly ctlab: string;
  readonly scenario: { readonly name: string; readonly hash: string };
  readonly seed: string;
  readonly run: number;
  readonly command: string;
  readonly variants: readonly ManifestVariant[];
  readonly files: readonly { readonly name: string }[];
}

interface ManifestVariant {
  readonly name: string | null;
  readonly durationNs: number;
  readonly reachedNs: number;
  readonly fingerprint: string;
}

export interface RecordedVariant {
  readonly name: string | null;
  /** With the seed of the run. */
  readonly scenario: Scenario;
  readonly fingerprint: string;
  /** False when the run was interrupted before the variant's end. */
  readonly complete: boolean;
  readonly connections: readonly RecordedConnection[];
}

export interface RecordedRun {
  readonly dir: string;
  readonly ctlab: string;
  readonly run: number;
  readonly command: string;
  readonly variants: readonly RecordedVariant[];
}

/** Throws an `InputError` that says what the folder lacks. */
export function readRecordedRun(dir: string): RecordedRun {
  const left = readJson(dir, MANIFEST_NAME, "is not there: explain needs the folder that ctlab run left behind");
  const manifest = left as Partial<Manifest> & { readonly format?: unknown };
  if (manifest.format !== MANIFEST_FORMAT || !Array.isArray(manifest.variants) || !Array.isArray(manifest.files)) {
    throw refusal(join(dir, MANIFEST_NAME), "is not the manifest of a run");
  }
  const { ctlab, seed, run, command, variants, files, scenario } = manifest as Manifest;
  const repeat = `make the run again: ${command}`;
  const kept = readJson(dir, SCENARIO_FILE, "is not there: the run was made by a ctlab that did not keep it", repeat);
  const scenarios = (kept as { variants?: unknown }).variants;
  if (!Array.isArray(scenarios) || hashOf(scenarios as readonly Scenario[]) !== scenario.hash) {
    throw refusal(join(dir, SCENARIO_FILE), "is not the scenario of this run, or was changed since", { expected: repeat });
  }
  const names = new Set(files.map(({ name }) => name));
  return {
    dir,
    ctlab,
    run,
    command,
    variants: variants.map(({ name, durationNs, reachedNs, fingerprint }) => {
      const found = (scenarios as readonly Scenario[]).find((each) => each.variant === name);
      if (found === undefined) throw refusal(join(dir, SCENARIO_FILE), `has no variant "${name ?? ""}", which the run had`, { expected: repeat });
      // A run of one variant keeps its files at the top.
      const file = [2, 1].map((count) => variantFile(name, count, CONNECTIONS_FILE)).find((each) => names.has(each)) ?? CONNECTIONS_FILE;
      const { connections } = readJson(dir, file, "is not there", repeat) as { connections?: readonly RecordedConnection[] };
      if (!Array.isArray(connections)) throw refusal(join(dir, file), "holds no connections", { expected: repeat });
      return { name, scenario: { ...found, seed }, fingerprint, complete: reachedNs >= durationNs, connections };
    }),
  };
}

function readJson(dir: string, name: string, missing: string, expected?: string): object {
  const path = join(dir, name);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as { code?: string }).code;
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    throw refusal(path, isMissing ? missing : `can't be read (${code ?? "unknown error"})`, { expected, nearest: nearestPath(dir, "folder") });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw refusal(path, "is damaged: it is no JSON object", { expected });
}
