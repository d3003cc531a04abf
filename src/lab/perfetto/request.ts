/** What `--perfetto FILE --window FROM..TO` asks for. */
import { DURATION_FORM, formatDuration, parseDuration } from "../../core/units.js";
import { refusal } from "../../scenario/diagnostics.js";
import type { Scenario } from "../../scenario/types.js";

/** A span of simulated time, whole ns. */
export interface TimeWindow {
  readonly fromNs: number;
  readonly toNs: number;
}

export interface PerfettoRequest {
  /** Where the trace goes. */
  readonly file: string;
  readonly window: TimeWindow;
}

/** Reads `610s..625s` and holds it to the scenario; one variant only, as there is one file. Throws `InputError`. */
export function parsePerfetto(file: string, window: string | undefined, scenarios: readonly Scenario[]): PerfettoRequest {
  const [scenario, second] = scenarios;
  if (second !== undefined) {
    const names = scenarios.map(({ variant }) => variant ?? "").join(", ");
    throw refusal("--perfetto", "a trace has one variant, and this run has several", { expected: `--variant with one of ${names}` });
  }
  const parts = window?.split("..").map(parseDuration);
  const [fromNs, toNs] = parts ?? [];
  if (parts?.length !== 2 || fromNs === undefined || toNs === undefined || fromNs >= toNs) {
    const message = window === undefined ? "is missing: a trace of a whole run would be too large to open" : `"${window}" is no span of time`;
    throw refusal("--window", message, { expected: `FROM..TO, such as 610s..625s; each ${DURATION_FORM}` });
  }
  if (fromNs >= scenario!.durationNs) {
    throw refusal("--window", `the window begins at ${formatDuration(fromNs)}, and the run ends at ${formatDuration(scenario!.durationNs)}`, { expected: "a start within the run" });
  }
  return { file, window: { fromNs, toNs: Math.min(toNs, scenario!.durationNs) } };
}
