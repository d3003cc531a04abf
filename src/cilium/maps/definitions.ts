/**
 * Every map of Cilium's datapath that ctlab holds: names, kinds, key and value sizes, default limits.
 *
 * Names are those of metrics and dumps (`ct4_global`); `pinnedName` is the file under /sys/fs/bpf/tc/globals.
 * Sources: bpf/lib/{common,maps,conntrack_map,nat,lb,nodeport,eps,metrics,edt,egress_gateway}.h and pkg/maps/* of
 * v1.17.1, pkg/option/config.go for limits. Flags: LPM tries always allocate on demand; hashes do unless
 * `preallocate-bpf-maps`; LRU maps never do.
 *
 * Not here: program arrays, perf rings, and maps of features that ctlab does not model (SRv6, VTEP, multicast, IPsec,
 * L2 announcements, recorder).
 */

import { MapFlag, MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { IPV4_WORDS, IPV6_WORDS } from "./address.js";
import { CT_VALUE_BYTES } from "./ct-map.js";
import { ENDPOINT_STORED_WORDS } from "./identity-maps.js";
import { NAT4_VALUE_BYTES, NAT6_VALUE_BYTES, natStoredWords } from "./nat-map.js";
import { tupleBytes } from "./tuple.js";

/** Which address family a map serves; 0 = both. */
export type MapFamily = 0 | 4 | 6;

export interface CiliumMapDefinition {
  readonly pinnedName: string;
  readonly type: MapType;
  readonly family: MapFamily;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  /** Default limit. */
  readonly maxEntries: number;
  readonly storedWords?: readonly number[];
}

const CT4_KEY = tupleBytes(IPV4_WORDS);
const CT6_KEY = tupleBytes(IPV6_WORDS);
/** Default of every load balancer map, `bpf-lb-map-max`. */
const LB_MAX = 65536;
/** Defaults of pkg/option/config.go and pkg/defaults. */
const CT_TCP_MAX = 524288;
const CT_ANY_MAX = 262144;
const NAT_MAX = 524288;
const SOCK_REV_MAX = 262144;
const FRAGMENTS_MAX = 8192;
const IPCACHE_MAX = 512000;
const ENDPOINTS_MAX = 65535;
const METRICS_MAX = 1024;
const LPM_AGENT_MAX = 16384;

const ct = (name: string, family: 4 | 6, maxEntries: number): CiliumMapDefinition => ({
  pinnedName: `cilium_${name}`,
  type: MapType.lruHash,
  family,
  keySize: family === 4 ? CT4_KEY : CT6_KEY,
  valueSize: CT_VALUE_BYTES,
  maxEntries,
});

const map = (
  name: string,
  type: MapType,
  family: MapFamily,
  [keySize, valueSize]: readonly [number, number],
  maxEntries: number,
  storedWords?: readonly number[],
): CiliumMapDefinition => ({
  pinnedName: `cilium_${name}`,
  type,
  family,
  keySize,
  valueSize,
  maxEntries,
  ...(storedWords === undefined ? {} : { storedWords }),
});

/** All maps by name. */
export const CILIUM_MAPS = {
  ct4_global: ct("ct4_global", 4, CT_TCP_MAX),
  ct_any4_global: ct("ct_any4_global", 4, CT_ANY_MAX),
  ct6_global: ct("ct6_global", 6, CT_TCP_MAX),
  ct_any6_global: ct("ct_any6_global", 6, CT_ANY_MAX),
  snat_v4_external: map("snat_v4_external", MapType.lruHash, 4, [CT4_KEY, NAT4_VALUE_BYTES], NAT_MAX, natStoredWords(IPV4_WORDS)),
  snat_v6_external: map("snat_v6_external", MapType.lruHash, 6, [CT6_KEY, NAT6_VALUE_BYTES], NAT_MAX, natStoredWords(IPV6_WORDS)),
  lb4_services_v2: map("lb4_services_v2", MapType.hash, 4, [12, 12], LB_MAX),
  lb6_services_v2: map("lb6_services_v2", MapType.hash, 6, [24, 12], LB_MAX),
  lb4_backends_v3: map("lb4_backends_v3", MapType.hash, 4, [4, 12], LB_MAX),
  lb6_backends_v3: map("lb6_backends_v3", MapType.hash, 6, [4, 24], LB_MAX),
  lb4_reverse_nat: map("lb4_reverse_nat", MapType.hash, 4, [2, 6], LB_MAX),
  lb6_reverse_nat: map("lb6_reverse_nat", MapType.hash, 6, [2, 18], LB_MAX),
  lb4_maglev: map("lb4_maglev", MapType.hashOfMaps, 4, [2, 4], LB_MAX),
  lb6_maglev: map("lb6_maglev", MapType.hashOfMaps, 6, [2, 4], LB_MAX),
  lb4_affinity: map("lb4_affinity", MapType.lruHash, 4, [16, 16], LB_MAX, [0, 2]),
  lb6_affinity: map("lb6_affinity", MapType.lruHash, 6, [24, 16], LB_MAX, [0, 2]),
  lb_affinity_match: map("lb_affinity_match", MapType.hash, 0, [8, 1], LB_MAX),
  lb4_source_range: map("lb4_source_range", MapType.lpmTrie, 4, [12, 1], LB_MAX),
  lb6_source_range: map("lb6_source_range", MapType.lpmTrie, 6, [24, 1], LB_MAX),
  lb4_reverse_sk: map("lb4_reverse_sk", MapType.lruHash, 4, [16, 8], SOCK_REV_MAX),
  // 28 bytes, padded to the alignment of the 8-byte cookie.
  lb6_reverse_sk: map("lb6_reverse_sk", MapType.lruHash, 6, [32, 20], SOCK_REV_MAX),
  ipcache: map("ipcache", MapType.lpmTrie, 0, [24, 12], IPCACHE_MAX),
  lxc: map("lxc", MapType.hash, 0, [20, 48], ENDPOINTS_MAX, ENDPOINT_STORED_WORDS),
  nodeport_neigh4: map("nodeport_neigh4", MapType.lruHash, 4, [4, 8], NAT_MAX),
  nodeport_neigh6: map("nodeport_neigh6", MapType.lruHash, 6, [16, 8], NAT_MAX),
  ipv4_frag_datagrams: map("ipv4_frag_datagrams", MapType.lruHash, 4, [12, 4], FRAGMENTS_MAX),
  ipv6_frag_datagrams: map("ipv6_frag_datagrams", MapType.lruHash, 6, [40, 4], FRAGMENTS_MAX),
  ipmasq_v4: map("ipmasq_v4", MapType.lpmTrie, 4, [8, 1], LPM_AGENT_MAX),
  ipmasq_v6: map("ipmasq_v6", MapType.lpmTrie, 6, [20, 1], LPM_AGENT_MAX),
  egress_gw_policy_v4: map("egress_gw_policy_v4", MapType.lpmTrie, 4, [12, 8], LPM_AGENT_MAX),
  throttle: map("throttle", MapType.hash, 0, [8, 56], ENDPOINTS_MAX, [0, 1, 2, 3]),
  metrics: map("metrics", MapType.percpuHash, 0, [8, 16], METRICS_MAX),
} as const satisfies Readonly<Record<string, CiliumMapDefinition>>;

/** Name of a map as metrics and dumps use it. */
export type CiliumMapName = keyof typeof CILIUM_MAPS;

/** Policy maps exist once for each endpoint: kind and sizes of one. 24-byte values up to 1.17, 8 bytes from 1.18. */
export const POLICY_MAP_KEY_BYTES = 12;
export const POLICY_MAP_MAX = 16384;
/** Value words with meaning: proxy port and flags, proxy priority. The counters belong to accounting, which is not modelled. */
const POLICY_STORED_WORDS = [0, 1];

/** What a caller may decide about a map; the rest is the definition's. */
export interface MapOverride {
  readonly maxEntries?: number;
  /** Another kind: `MapType.hash` for "as where LRU maps are missing". */
  readonly type?: MapType;
  readonly flags?: number;
  readonly storedWords?: readonly number[];
  /** Template of the inner maps of a map of maps. */
  readonly inner?: MapSpec;
}

/** Flags that the agent creates a map of that kind with. */
export interface MapFlavour {
  /** `preallocate-bpf-maps`. */
  readonly preallocate: boolean;
  /** `bpf-distributed-lru`: LRU maps without common list. */
  readonly distributedLru: boolean;
}

function agentFlags(type: MapType, flavour: MapFlavour): number {
  switch (type) {
    case MapType.lruHash:
      return flavour.distributedLru ? MapFlag.noCommonLru : 0;
    case MapType.lpmTrie:
      return MapFlag.noPrealloc;
    case MapType.hash:
    case MapType.hashOfMaps:
      return flavour.preallocate ? 0 : MapFlag.noPrealloc;
    default:
      return 0;
  }
}

/** The specification that the agent would create the map with. */
export function mapSpec(name: CiliumMapName, flavour: MapFlavour, override: MapOverride = {}): MapSpec {
  const definition: CiliumMapDefinition = CILIUM_MAPS[name];
  const type = override.type ?? definition.type;
  const storedWords = override.storedWords ?? definition.storedWords;
  return {
    name,
    type,
    keySize: definition.keySize,
    valueSize: definition.valueSize,
    maxEntries: override.maxEntries ?? definition.maxEntries,
    flags: override.flags ?? agentFlags(type, flavour),
    ...(storedWords === undefined ? {} : { storedWords }),
    ...(override.inner === undefined ? {} : { inner: override.inner }),
  };
}

/** The specification of one endpoint's policy map. */
export function policyMapSpec(namePrefix: string, endpointId: number, valueSize: 8 | 24, maxEntries: number): MapSpec {
  return {
    name: `${namePrefix}${endpointId}`,
    type: MapType.lpmTrie,
    keySize: POLICY_MAP_KEY_BYTES,
    valueSize,
    maxEntries,
    flags: MapFlag.noPrealloc,
    storedWords: POLICY_STORED_WORDS,
  };
}
