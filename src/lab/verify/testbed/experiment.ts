/** One recorded experiment: read, simulated, measured. */
import { RandomStreams } from "../../../core/random.js";
import type { Difference, VectorFile } from "../case.js";
import type { Fields } from "../fields.js";
import { contradiction } from "./consistency.js";
import { cpuHistory } from "./cpu-history.js";
import { bootTimeOf } from "./host-clock.js";
import { measure, type Measure } from "./measures.js";
import { readRecording } from "./recording.js";
import { settingsOf } from "./settings.js";
import { simulateExperiment } from "./simulate.js";

export interface ExperimentReport {
  readonly name: string;
  readonly connections: number;
  /** Where the recording contradicts itself; then nothing was simulated. */
  readonly contradiction: Difference | undefined;
  readonly measures: readonly Measure[];
}

/** Everything random that a recording leaves open (phases of a clock that it doesn't show) is drawn from this seed. */
const SEED = "testbed";

export function runExperiment(root: Fields, file: VectorFile): ExperimentReport {
  const recording = readRecording(root, file);
  const { name, offered, events, hz } = recording;
  const connections = offered.startUs.length;
  const settings = settingsOf(recording);
  const inconsistent = contradiction(recording);
  if (inconsistent !== undefined) return { name, connections, contradiction: inconsistent, measures: [] };
  const streams = new RandomStreams(SEED);
  const bootedNs = bootTimeOf(events, hz, streams.stream("boot"));
  const observed = simulateExperiment(settings, offered, { bootedNs, cpuOf: cpuHistory(recording, settings, bootedNs) });
  return { name, connections, contradiction: undefined, measures: measure(recording, observed) };
}
