/**
 * Which maps the agent creates with given settings on a node, how large, and why: the map set-up of daemon/cmd and of the
 * cells under pkg/maps.
 *
 * Left out: program arrays, event rings, and maps of features that have no part in capacity (tunnel, L2, SRv6, …).
 */

import { MapFlag, MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { CILIUM_MAPS, mapSpec, policyMapSpec } from "../maps/definitions.js";
import type { CiliumMapDefinition, CiliumMapName } from "../maps/definitions.js";
import type { CiliumProfile } from "../profile/cilium-profile.js";
import { effectiveSettings } from "./effective-settings.js";
import { mapSizes, sizeRequest } from "./map-size.js";
import type { DynamicMap, MapSizes, SizeOrigin } from "./map-size.js";
import type { CiliumSettings } from "./settings.js";

/** Where a number of entries came from, and the setting that decides it. */
export type EntriesOrigin =
  | (SizeOrigin & { readonly setting: keyof CiliumSettings })
  /** The value of a setting that has a default of its own. */
  | { readonly kind: "setting"; readonly setting: keyof CiliumSettings }
  /** A load balancer map without a size of its own. */
  | { readonly kind: "common setting"; readonly setting: keyof CiliumSettings }
  | { readonly kind: "fixed"; readonly setting: null };

export interface PlannedMap {
  /** As in metrics: `ct4_global`, `policy_v2_*`. */
  readonly label: string;
  readonly pinnedName: string;
  readonly spec: MapSpec;
  readonly origin: EntriesOrigin;
  /** Set when the agent rounded the number to a multiple of the CPUs. */
  readonly roundedToCpus: number | null;
  /** One map for the node, or one for each endpoint. */
  readonly per: "node" | "endpoint";
}

export interface MapPlan {
  readonly maps: readonly PlannedMap[];
  readonly sizes: MapSizes;
}

export interface PlanNode {
  readonly totalMemoryBytes: number;
  readonly possibleCpus: number;
}

/** The map a dynamic size is for, and the setting that fixes it. */
const DYNAMIC: Readonly<Partial<Record<CiliumMapName, readonly [DynamicMap, keyof CiliumSettings]>>> = {
  ct4_global: ["ctTcp", "ctTcpMax"],
  ct6_global: ["ctTcp", "ctTcpMax"],
  ct_any4_global: ["ctAny", "ctAnyMax"],
  ct_any6_global: ["ctAny", "ctAnyMax"],
  snat_v4_external: ["nat", "natMax"],
  snat_v6_external: ["nat", "natMax"],
  nodeport_neigh4: ["neigh", "neighMax"],
  nodeport_neigh6: ["neigh", "neighMax"],
  lb4_reverse_sk: ["sockRev", "sockRevMax"],
  lb6_reverse_sk: ["sockRev", "sockRevMax"],
};

/** Load balancer maps and the setting that overrides the common size. */
const LOAD_BALANCER: Readonly<Partial<Record<CiliumMapName, keyof CiliumSettings>>> = {
  lb4_services_v2: "lbServiceMapMax",
  lb6_services_v2: "lbServiceMapMax",
  lb4_backends_v3: "lbBackendMapMax",
  lb6_backends_v3: "lbBackendMapMax",
  lb4_reverse_nat: "lbRevNatMapMax",
  lb6_reverse_nat: "lbRevNatMapMax",
  lb4_affinity: "lbAffinityMapMax",
  lb6_affinity: "lbAffinityMapMax",
  lb_affinity_match: "lbAffinityMapMax",
  lb4_source_range: "lbSourceRangeMapMax",
  lb6_source_range: "lbSourceRangeMapMax",
  lb4_maglev: "lbMaglevMapMax",
  lb6_maglev: "lbMaglevMapMax",
};

/** Other maps whose size is one setting. */
const SETTING: Readonly<Partial<Record<CiliumMapName, keyof CiliumSettings>>> = {
  ipv4_frag_datagrams: "fragmentsMapMax",
  ipv6_frag_datagrams: "fragmentsMapMax",
  egress_gw_policy_v4: "egressGatewayPolicyMapMax",
};

/** The plan for one node. Sizes that the agent refuses are planned all the same; see `sizes.refusal`. */
export function planMaps(settings: CiliumSettings, profile: CiliumProfile, node: PlanNode): MapPlan {
  const effective = effectiveSettings(settings, profile);
  const request = sizeRequest(effective, profile.sizes, node.totalMemoryBytes, node.possibleCpus);
  const sizes = mapSizes(request);
  const names = (Object.keys(CILIUM_MAPS) as CiliumMapName[]).filter((name) => exists(name, effective));
  const maps = names.map((name) => planMap(name, effective, profile, sizes));
  return { maps: [...maps, ...otherMaps(effective, profile)], sizes };
}

/** Whether the agent creates a map at all. */
function exists(name: CiliumMapName, settings: CiliumSettings): boolean {
  const { family }: CiliumMapDefinition = CILIUM_MAPS[name];
  if ((family === 4 && !settings.enableIpv4) || (family === 6 && !settings.enableIpv6)) return false;
  const nodePort = settings.enableNodePort;
  switch (name) {
    case "snat_v4_external":
    case "snat_v6_external":
      return nodePort || settings.enableBpfMasquerade;
    case "nodeport_neigh4":
    case "nodeport_neigh6":
      return nodePort;
    case "lb4_reverse_sk":
    case "lb6_reverse_sk":
      return settings.socketLb;
    case "lb4_maglev":
    case "lb6_maglev":
      return settings.lbAlgorithm === "maglev" || settings.lbAlgorithmAnnotation;
    case "lb4_affinity":
    case "lb6_affinity":
    case "lb_affinity_match":
      return settings.enableSessionAffinity;
    case "lb4_source_range":
    case "lb6_source_range":
      return settings.enableSvcSourceRangeCheck;
    case "ipv4_frag_datagrams":
      return settings.enableIpv4FragmentTracking;
    case "ipv6_frag_datagrams":
      return false; // later than every profile
    case "ipmasq_v4":
    case "ipmasq_v6":
      return settings.enableIpMasqAgent;
    case "egress_gw_policy_v4":
      return settings.enableEgressGateway;
    case "throttle":
      return false; // bandwidth manager only
    default:
      return true;
  }
}

function planMap(name: CiliumMapName, settings: CiliumSettings, profile: CiliumProfile, sizes: MapSizes): PlannedMap {
  const [entries, origin, roundedToCpus] = entriesOf(name, settings, profile, sizes);
  const flavour = { preallocate: settings.preallocateMaps, distributedLru: usesDistributedLru(settings, profile) };
  const pinnedName = name === "ipcache" ? profile.ipcache.map : CILIUM_MAPS[name].pinnedName;
  return {
    label: pinnedName.replace(/^cilium_/, ""),
    pinnedName,
    spec: mapSpec(name, flavour, { maxEntries: entries }),
    origin,
    roundedToCpus,
    per: "node",
  };
}

/** Whether LRU maps get a list set per CPU; the option has no effect where the release doesn't know it. */
export function usesDistributedLru(settings: CiliumSettings, profile: CiliumProfile): boolean {
  return settings.distributedLru && profile.sizes.distributedLruOption;
}

function entriesOf(
  name: CiliumMapName,
  settings: CiliumSettings,
  profile: CiliumProfile,
  sizes: MapSizes,
): readonly [entries: number, origin: EntriesOrigin, roundedToCpus: number | null] {
  const dynamic = DYNAMIC[name];
  if (dynamic !== undefined) {
    const sized = sizes.sizes[dynamic[0]];
    return [sized.entries, { ...sized.origin, setting: dynamic[1] }, sized.roundedToCpus];
  }
  const own = LOAD_BALANCER[name];
  if (own !== undefined) {
    const set = settings[own] as number | null;
    return set === null || set === 0
      ? [settings.lbMapMax, { kind: "common setting", setting: "lbMapMax" }, null]
      : [set, { kind: "set", setting: own }, null];
  }
  const setting = SETTING[name];
  if (setting !== undefined) return [settings[setting] as number, { kind: "setting", setting }, null];
  const { sizes: facts, ipcache } = profile;
  const fixed: Readonly<Partial<Record<CiliumMapName, number>>> = {
    ipcache: ipcache.entries,
    lxc: facts.endpointEntries,
    ipmasq_v4: facts.ipMasqEntries,
    ipmasq_v6: facts.ipMasqEntries,
    metrics: facts.metricsEntries,
  };
  return [fixed[name] ?? CILIUM_MAPS[name].maxEntries, { kind: "fixed", setting: null }, null];
}

/** Bytes of keys and values: pkg/maps/authmap, pkg/maps/nodemap, pkg/maps/policymap of v1.17 and 1.18. */
const AUTH_BYTES = { key: 12, value: 8 } as const;
const NODE_BYTES = { key: 20, value: 4 } as const;
const POLICY_STATS_BYTES = { key: 12, value: 16 } as const;

/** Maps that no program of the model reads. */
function otherMaps(settings: CiliumSettings, profile: CiliumProfile): readonly PlannedMap[] {
  const hashFlags = settings.preallocateMaps ? 0 : MapFlag.noPrealloc;
  const maps: PlannedMap[] = [
    plain("auth_map", MapType.hash, AUTH_BYTES, settings.authMapMax, hashFlags, "authMapMax"),
    plain("node_map", MapType.hash, NODE_BYTES, settings.nodeMapMax, hashFlags, "nodeMapMax"),
  ];
  if (profile.policy.statsMap !== null) {
    const label = profile.policy.statsMap.replace(/^cilium_/, "");
    const flags = usesDistributedLru(settings, profile) ? MapFlag.noCommonLru : 0;
    maps.push(plain(label, MapType.lruPercpuHash, POLICY_STATS_BYTES, settings.policyStatsMapMax, flags, "policyStatsMapMax"));
  }
  const { mapNamePrefix, valueBytes } = profile.policy;
  const valueSize = valueBytes === 8 ? 8 : 24;
  maps.push({
    label: `${mapNamePrefix.replace(/^cilium_/, "")}*`,
    pinnedName: `${mapNamePrefix}<endpoint>`,
    spec: policyMapSpec(mapNamePrefix, 0, valueSize, settings.policyMapMax),
    origin: { kind: "setting", setting: "policyMapMax" },
    roundedToCpus: null,
    per: "endpoint",
  });
  return maps;
}

function plain(
  label: string,
  type: MapType,
  bytes: { readonly key: number; readonly value: number },
  maxEntries: number,
  flags: number,
  setting: keyof CiliumSettings,
): PlannedMap {
  return {
    label,
    pinnedName: `cilium_${label}`,
    spec: { name: label, type, keySize: bytes.key, valueSize: bytes.value, maxEntries, flags },
    origin: { kind: "setting", setting },
    roundedToCpus: null,
    per: "node",
  };
}
