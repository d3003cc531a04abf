/** `manifest.json`: what made a run, which files belong to it, and how to repeat it. */
import type { ExperimentResult } from "../observe/result.js";
import { layOut } from "./json.js";
import { MANIFEST_FORMAT, type RunFile } from "./run-folder.js";

/** Version of the manifest's shape. */
const MANIFEST_VERSION = 1;

/** Text of the manifest. `files`: everything else in the folder. */
export function manifestJson(result: ExperimentResult, files: readonly RunFile[]): string {
  return layOut({
    format: MANIFEST_FORMAT,
    schemaVersion: MANIFEST_VERSION,
    ctlab: result.ctlab,
    scenario: { name: result.scenario.name, hash: result.scenario.hash },
    seed: result.seed,
    run: result.run,
    command: result.command,
    partial: result.partial,
    fingerprint: result.fingerprint,
    variants: result.variants.map((variant) => ({
      name: variant.name,
      profile: { cilium: variant.profile.cilium, kernel: variant.profile.kernel },
      durationNs: variant.durationNs,
      reachedNs: variant.reachedNs,
      fingerprint: variant.fingerprint,
    })),
    files: files.map(({ name, bytes }) => ({ name, bytes })),
  });
}
