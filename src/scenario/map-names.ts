/**
 * Cilium's maps by the label that `cilium_bpf_map_pressure` gives them, as scenarios name them. A name with the prefix
 * `cilium_` is accepted too.
 */

const PREFIX = "cilium_";

/** Maps that a scenario may give another type or size, and ask about. */
export const MAP_NAMES = [
  "ct4_global",
  "ct_any4_global",
  "ct6_global",
  "ct_any6_global",
  "snat_v4_external",
  "snat_v6_external",
  "lb4_services_v2",
  "lb4_backends_v3",
  "lb4_reverse_nat",
  "lb4_reverse_sk",
  "lb4_affinity",
  "lb4_maglev",
  "lb4_source_range",
  "ipcache",
  "lxc",
  "nodeport_neigh4",
  "ipv4_frag_datagrams",
] as const;
export type MapName = (typeof MAP_NAMES)[number];

/** What entries of a map can be given before the first packet: none for maps whose entries have no lifetime. */
export const PRELOADABLE: Readonly<Record<string, readonly string[]>> = {
  ct4_global: ["established", "closing", "syn"],
  ct_any4_global: ["udp"],
  lb4_services_v2: [],
  lb4_backends_v3: [],
};

/** Maps that an agent's restart may create anew. */
export const RESIZABLE = ["ct4_global", "ct_any4_global", "snat_v4_external"] as const satisfies readonly MapName[];

/** The label of a map name with or without prefix; undefined when there is no such map. */
export function mapLabel(name: string): MapName | undefined {
  const bare = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  return MAP_NAMES.find((each) => each === bare);
}
