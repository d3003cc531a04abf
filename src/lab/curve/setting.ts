/** What a scenario's run is like, as far as curves need to know. */
import { MEASURED_GC_COSTS } from "../../cilium/agent/gc-costs.js";
import { settled } from "../../cilium/profile/assumptions.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { kernelProfile } from "../../cilium/profile/kernel.js";
import type { Scenario } from "../../scenario/types.js";
import { synRetransmissions } from "../figures.js";
import type { CurveSetting } from "./curve-observer.js";

export function curveSetting(scenario: Scenario, simulation: { readonly now: number }): CurveSetting {
  const kernel = kernelProfile(scenario.profile.kernel);
  const { gc } = settled(ciliumProfile(scenario.profile.cilium));
  const batch = gc.iteration === "batch" && kernel.batchOperations;
  return {
    simulation,
    synRetryNs: synRetransmissions(scenario, kernel),
    gcEntryNs: batch ? MEASURED_GC_COSTS.batchEntryNs : MEASURED_GC_COSTS.keyWalkEntryNs,
  };
}
