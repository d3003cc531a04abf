/** Sizes that follow from what is configured, not from connections: services, policies, Maglev. */
import { effectiveSettings } from "../../cilium/agent/effective-settings.js";
import { MAGLEV_TABLE_SIZES } from "../../cilium/agent/maglev.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { formatCount } from "../../core/units.js";
import type { VariantResult } from "../../observe/result.js";
import type { OtherSize } from "../../observe/size-result.js";
import type { Scenario } from "../../scenario/types.js";
import type { ConfiguredNode } from "./configured.js";
import { niceSize } from "./sized-maps.js";

/** Slots for each backend that keep the busiest one within about 1 % more than its share. Cilium's documentation on Maglev. */
const SLOTS_PER_BACKEND = 100;

/** `margin`: room above what there is, as a share. A current size that is enough is kept. */
export function otherSizes(scenario: Scenario, { policyEntries }: ConfiguredNode, run: VariantResult, margin: number): readonly OtherSize[] {
  const settings = effectiveSettings(scenario.helm.settings, ciliumProfile(scenario.profile.cilium));
  const services = run.maps.filter(({ name }) => name === "lb4_services_v2" || name === "lb4_backends_v3");
  const fullest = services.reduce((most, map) => (map.entriesMax > most.entriesMax ? map : most), services[0]!);
  const lb = {
    value: "bpf.lbMapMax",
    current: fullest.maxEntries,
    recommended: enough(fullest.maxEntries, fullest.entriesMax * (1 + margin)),
    reason: `${fullest.name} holds ${formatCount(fullest.entriesMax)}: a frontend and each of its backends is an entry`,
  };
  const policy = {
    value: "bpf.policyMapMax",
    current: settings.policyMapMax,
    recommended: enough(settings.policyMapMax, policyEntries * (1 + margin)),
    reason: `the endpoint with the most rules has ${formatCount(policyEntries)} entries at the start`,
  };
  if (settings.lbAlgorithm !== "maglev") return [lb, policy];
  const backends = scenario.services.reduce((most, service) => Math.max(most, service.backends + service.localBackends), 1);
  const fits = MAGLEV_TABLE_SIZES.find((size) => size >= SLOTS_PER_BACKEND * backends) ?? MAGLEV_TABLE_SIZES.at(-1)!;
  const maglev = {
    value: "maglev.tableSize",
    current: settings.maglevTableSize,
    recommended: Math.max(settings.maglevTableSize, fits),
    reason: `${SLOTS_PER_BACKEND} slots for each of the ${formatCount(backends)} backends that the largest service has`,
  };
  return [lb, policy, maglev];
}

function enough(current: number, needed: number): number {
  return current >= needed ? current : niceSize(needed);
}
