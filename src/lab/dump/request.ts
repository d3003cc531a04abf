/** What `--dump AT` asks for: the state of the node at a moment, as an operator's commands would show it. */
import { DURATION_FORM, formatDuration, ns, parseDuration } from "../../core/units.js";
import { refusal } from "../../scenario/diagnostics.js";
import type { Scenario } from "../../scenario/types.js";

/** Files of a dump inside a variant's part of the run folder. */
export const DUMP_FILES = {
  conntrack: "dumps/ct-global.txt",
  nat: "dumps/nat.txt",
  retries: "dumps/nat-retries.txt",
  status: "dumps/status.txt",
  metrics: "dumps/metrics.txt",
} as const;
export type DumpFile = keyof typeof DUMP_FILES;

/** Where each file goes; the folder is there. */
export type DumpPlaces = Readonly<Record<DumpFile, string>>;

export interface DumpRequest {
  /** Simulated time; null: when the run ends, early or not. */
  readonly atNs: number | null;
  readonly places: DumpPlaces;
}

const END = "end";

/** Reads `610s` or `end` and holds it to the scenarios. Throws `InputError`. */
export function parseDumpTime(text: string, scenarios: readonly Scenario[]): number | null {
  if (text === END) return null;
  const atNs = parseDuration(text);
  if (atNs === undefined) throw refusal("--dump", `"${text}" is no time`, { expected: `${DURATION_FORM}, or ${END}` });
  const durationNs = ns(Math.min(...scenarios.map((scenario) => scenario.durationNs)));
  if (atNs > durationNs) throw refusal("--dump", `${text} is after the run's end at ${formatDuration(durationNs)}`, { expected: `a time within the run, or ${END}` });
  return atNs;
}
