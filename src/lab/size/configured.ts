/** The node as it is configured, before anything happens: what the present sizes are, and what is in the maps from the start. */
import { RandomStreams } from "../../core/random.js";
import { Simulation } from "../../core/simulation.js";
import { buildNode } from "../../node/build.js";
import { RunRecorder } from "../../observe/recorder.js";
import type { MapResult } from "../../observe/result.js";
import { Windows } from "../../observe/windows.js";
import type { Scenario } from "../../scenario/types.js";

export interface ConfiguredNode {
  readonly maps: readonly MapResult[];
  /** Entries of the fullest policy map. */
  readonly policyEntries: number;
}

export function configuredNode(scenario: Scenario): ConfiguredNode {
  const simulation = new Simulation();
  const recorder = new RunRecorder(new Windows([]), 0, simulation);
  const { maps, watch } = buildNode(scenario, simulation, new RandomStreams(scenario.seed), recorder, { write: () => {} });
  return {
    maps: watch.results(),
    policyEntries: [...maps.policies()].reduce((most, [, { map }]) => Math.max(most, map.count), 0),
  };
}
