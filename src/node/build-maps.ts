/** Creates the node's maps at the sizes that the agent would choose, plus what the scenario changes, and says why each size. */
import type { BpfMap } from "../bpf/map.js";
import { MapType, type MapHost, type MapSpec } from "../bpf/spec.js";
import { planMaps, usesDistributedLru, type EntriesOrigin } from "../cilium/agent/map-plan.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { CiliumMaps } from "../cilium/maps.js";
import { CILIUM_MAPS, type CiliumMapName, type MapOverride } from "../cilium/maps/definitions.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { Scenario } from "../scenario/types.js";

export interface BuiltMaps {
  readonly maps: CiliumMaps;
  /** Where each size came from, in words. */
  readonly origins: ReadonlyMap<CiliumMapName, string>;
}

/** Throws a `RangeError` with the agent's own message when the agent would refuse these sizes. */
export function buildMaps(
  scenario: Scenario,
  settings: CiliumSettings,
  profile: SettledProfile,
  kernel: KernelProfile,
  standIn: (spec: MapSpec, host: MapHost) => BpfMap | null,
): BuiltMaps {
  const { cpus, memoryBytes } = scenario.cluster;
  const plan = planMaps(settings, profile, { totalMemoryBytes: memoryBytes, possibleCpus: cpus });
  if (plan.sizes.refusal !== null) throw new RangeError(plan.sizes.refusal.message);
  const overrides: Partial<Record<CiliumMapName, MapOverride>> = {};
  const origins = new Map<CiliumMapName, string>();
  for (const { spec, origin, roundedToCpus } of plan.maps) {
    const name = spec.name as CiliumMapName;
    if (!(name in CILIUM_MAPS)) continue;
    overrides[name] = { maxEntries: spec.maxEntries };
    origins.set(name, originText(origin, roundedToCpus, scenario));
  }
  applyScenario(scenario, overrides, origins);
  const host: MapHost = { possibleCpus: cpus, refill: kernel.lruRefill };
  const maps = new CiliumMaps(
    {
      ipv4: settings.enableIpv4,
      ipv6: settings.enableIpv6,
      flavour: { preallocate: settings.preallocateMaps, distributedLru: usesDistributedLru(settings, profile) },
      overrides,
      // Nothing in a run reads an entry's packets and bytes; without room for them 68 bytes hold an entry instead of 96.
      ctCounters: "none",
      ctNatAddress: profile.conntrack.valueLayout === "nat-in-ct" && settings.lbMode !== "snat",
      policyNamePrefix: profile.policy.mapNamePrefix,
      policyValueSize: profile.policy.valueBytes === 8 ? 8 : 24,
      policyMaxEntries: settings.policyMapMax,
      maglevTableSize: settings.maglevTableSize,
      standIn,
    },
    host,
  );
  return { maps, origins };
}

function applyScenario(
  scenario: Scenario,
  overrides: Partial<Record<CiliumMapName, MapOverride>>,
  origins: Map<CiliumMapName, string>,
): void {
  for (const [label, { type, maxEntries }] of Object.entries(scenario.maps)) {
    const name = label as CiliumMapName;
    overrides[name] = {
      ...overrides[name],
      // A plain hash in place of an LRU map is preallocated, as the LRU map is.
      ...(type === null ? {} : { type: type === "hash" ? MapType.hash : MapType.lruHash, flags: 0 }),
      ...(maxEntries === null ? {} : { maxEntries }),
    };
    if (maxEntries !== null) origins.set(name, `the scenario's maps.${label}.maxEntries`);
  }
}

function originText(origin: EntriesOrigin, roundedToCpus: number | null, scenario: Scenario): string {
  const written = origin.setting === null ? undefined : scenario.helm.origins[origin.setting];
  const rounding = roundedToCpus === null ? "" : `, rounded to ${roundedToCpus} CPUs`;
  switch (origin.kind) {
    case "set":
    case "setting":
    case "common setting":
      return written ?? "default";
    case "static default":
      return "default";
    case "fixed":
      return "fixed by Cilium";
    case "share of memory":
      return `bpf.mapDynamicSizeRatio of the node's memory${rounding}`;
    case "floor":
      return `floor of dynamic sizing (the ratio gives ${origin.computed})${rounding}`;
    case "ceiling":
      return `ceiling of dynamic sizing (the ratio gives ${origin.computed})${rounding}`;
    case "two thirds of conntrack":
      return "two thirds of the conntrack maps";
    case "follows NAT":
      return "as bpf.natMax";
  }
}
