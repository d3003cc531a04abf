/** What `ctlab serve` is given: the folder of a run, a file of flows, or a scenario that is simulated while it is served. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST_FORMAT, MANIFEST_NAME } from "../../report/run-folder.js";
import { variantFile } from "../../report/write-run.js";
import { refusal } from "../../scenario/diagnostics.js";
import { nearestPath } from "../../scenario/nearest-path.js";
import { unknownVariant } from "../input.js";
import { AGENT_EVENTS_FILE, FLOWS_FILE, METRICS_FILE } from "../run-files.js";

/** A node whose flows lie in a file. */
export interface RecordedNode {
  /** Name of the variant; null when there is one file only, whose flows name their node. */
  readonly variant: string | null;
  /** Release of Cilium; null when nothing tells. */
  readonly cilium: string | null;
  readonly flowsPath: string;
  /** Null when the agent said nothing, or its events lie among the flows. */
  readonly eventsPath: string | null;
  readonly metricsPath: string | null;
  /** Simulated time that the run reached, ns; null for a bare file. */
  readonly reachedNs: number | null;
}

interface Manifest {
  readonly variants: readonly { readonly name: string | null; readonly reachedNs: number; readonly profile: { readonly cilium: string } }[];
  readonly files: readonly { readonly name: string }[];
}

/** What there is to serve from. */
const SOURCES = "a run's folder, flows as JSON lines, or a scenario";

/** True for a scenario file, by its name. */
export function isScenario(path: string): boolean {
  return /\.ya?ml$/.test(path);
}

/** The nodes of a run's folder, one for each variant that was asked for (none = all), or of a file. Throws an `InputError`. */
export function recordedNodes(path: string, variants: readonly string[]): readonly RecordedNode[] {
  if (!existsSync(path)) throw refusal(path, "is not there", { expected: SOURCES, nearest: nearestPath(path) });
  if (!statSync(path).isDirectory()) {
    if (variants.length > 0) throw refusal(path, "is a file of flows and has no variants");
    return [{ variant: null, cilium: null, flowsPath: path, eventsPath: null, metricsPath: null, reachedNs: null }];
  }
  const manifest = readManifest(path);
  const known = manifest.variants.map(({ name }) => name ?? "");
  for (const name of variants) if (!known.includes(name)) throw unknownVariant(path, name, known);
  const chosen = manifest.variants.filter(({ name }) => variants.length === 0 || variants.includes(name ?? ""));
  const files = new Set(manifest.files.map(({ name }) => name));
  const find = (variant: string | null, file: string): string | null => {
    const name = [2, 1].map((count) => variantFile(variant, count, file)).find((each) => files.has(each));
    return name === undefined ? null : join(path, name);
  };
  return chosen.map(({ name, reachedNs, profile }) => {
    const flowsPath = find(name, FLOWS_FILE);
    if (flowsPath === null) throw refusal(join(path, FLOWS_FILE), "is not there: the run wrote no flows", { expected: "a scenario with `observe.flows: dropped` or `all`" });
    const beside = { eventsPath: find(name, AGENT_EVENTS_FILE), metricsPath: find(name, METRICS_FILE) };
    return { variant: chosen.length === 1 ? null : name, cilium: profile.cilium, flowsPath, ...beside, reachedNs };
  });
}

function readManifest(dir: string): Manifest {
  const path = join(dir, MANIFEST_NAME);
  if (!existsSync(path)) throw refusal(path, "is not there: serve needs the folder that ctlab run left behind", { expected: SOURCES });
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as Partial<Manifest> & { readonly format?: unknown };
    if (manifest.format === MANIFEST_FORMAT && Array.isArray(manifest.variants) && Array.isArray(manifest.files)) return manifest as Manifest;
  } catch {
    // Said below, as of anything else that is no manifest.
  }
  throw refusal(path, "is not the manifest of a run");
}
