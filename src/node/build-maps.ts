/** Creates the node's maps at the sizes that the agent would choose, plus what the scenario changes, and says why each size. */
import { MapType, type MapHost } from "../bpf/spec.js";
import { mapSizes, sizeRequest, type DynamicMap, type SizedMap } from "../cilium/agent/map-size.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { CiliumMaps } from "../cilium/maps.js";
import type { CiliumMapName, MapOverride } from "../cilium/maps/definitions.js";
import type { CtCounters } from "../cilium/maps/ct-map.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { Scenario } from "../scenario/types.js";

export interface BuiltMaps {
  readonly maps: CiliumMaps;
  /** Where each size came from, in words. */
  readonly origins: ReadonlyMap<CiliumMapName, string>;
}

/** Maps whose size the agent works out, and the setting that a user fixes it with. */
const DYNAMIC: readonly (readonly [CiliumMapName, DynamicMap, keyof CiliumSettings])[] = [
  ["ct4_global", "ctTcp", "ctTcpMax"],
  ["ct_any4_global", "ctAny", "ctAnyMax"],
  ["snat_v4_external", "nat", "natMax"],
  ["nodeport_neigh4", "neigh", "neighMax"],
  ["lb4_reverse_sk", "sockRev", "sockRevMax"],
];
/** Maps whose size is one setting, with the setting that overrides the common one. */
const LOAD_BALANCER: readonly (readonly [CiliumMapName, keyof CiliumSettings])[] = [
  ["lb4_services_v2", "lbServiceMapMax"],
  ["lb4_backends_v3", "lbBackendMapMax"],
  ["lb4_reverse_nat", "lbRevNatMapMax"],
  ["lb4_affinity", "lbAffinityMapMax"],
  ["lb4_source_range", "lbSourceRangeMapMax"],
  ["lb4_maglev", "lbMaglevMapMax"],
];

/** Throws a `RangeError` with the agent's own message when the agent would refuse these sizes. */
export function buildMaps(scenario: Scenario, settings: CiliumSettings, profile: SettledProfile, kernel: KernelProfile): BuiltMaps {
  const { cpus, memoryBytes } = scenario.cluster;
  const sized = mapSizes(sizeRequest(settings, profile.sizes, memoryBytes, cpus));
  if (sized.refusal !== null) throw new RangeError(sized.refusal.message);
  const overrides: Partial<Record<CiliumMapName, MapOverride>> = {};
  const origins = new Map<CiliumMapName, string>();
  for (const [name, dynamic, setting] of DYNAMIC) {
    overrides[name] = { maxEntries: sized.sizes[dynamic].entries };
    origins.set(name, dynamicOrigin(sized.sizes[dynamic], scenario.helm.origins[setting]));
  }
  for (const [name, setting] of LOAD_BALANCER) {
    overrides[name] = { maxEntries: (settings[setting] as number | null) ?? settings.lbMapMax };
    origins.set(name, scenario.helm.origins[setting] ?? scenario.helm.origins.lbMapMax ?? "default");
  }
  applyScenario(scenario, overrides, origins);
  const host: MapHost = { possibleCpus: cpus, refill: kernel.lruRefill };
  const maps = new CiliumMaps(
    {
      ipv4: settings.enableIpv4,
      ipv6: false,
      flavour: { preallocate: settings.preallocateMaps, distributedLru: settings.distributedLru },
      overrides,
      ctCounters: ctCounters(profile, settings),
      ctNatAddress: profile.conntrack.valueLayout === "nat-in-ct",
      policyNamePrefix: profile.policy.mapNamePrefix,
      policyValueSize: profile.policy.valueBytes === 8 ? 8 : 24,
      policyMaxEntries: settings.policyMapMax,
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

function ctCounters(profile: SettledProfile, settings: CiliumSettings): CtCounters {
  if (!settings.ctAccounting) return "none";
  return profile.conntrack.valueLayout === "rx-tx-stats" ? "rx-tx" : "single";
}

function dynamicOrigin({ origin, roundedToCpus }: SizedMap, written: string | undefined): string {
  const rounding = roundedToCpus === null ? "" : `, rounded to ${roundedToCpus} CPUs`;
  switch (origin.kind) {
    case "set":
      return written ?? "Helm";
    case "static default":
      return "default";
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
