/**
 * Which features of a Helm file a run covers. `ctlab resolve` takes any; a run refuses what somebody switched on and no
 * model covers, and names what is on by default or does not touch the simulated traffic.
 */

import { mapSizes, sizeRequest, type RefusalRule } from "../cilium/agent/map-size.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import { CHART_SUPPORT, refusedFlag } from "./chart-support.js";
import type { Diagnostics } from "./diagnostics.js";
import type { HelmRead } from "./helm/read-helm.js";
import type { ScenarioInput } from "./schema.js";
import type { Place } from "./source.js";
import { isNull, treeAt, type Tree } from "./tree.js";
import type { Cluster } from "./types.js";

type Field = keyof CiliumSettings;

interface Gap {
  readonly field: Field;
  readonly applies: (settings: CiliumSettings) => boolean;
  /** What is not modelled. */
  readonly what: string;
}

const GAPS: readonly Gap[] = [
  { field: "enableIpv4", applies: ({ enableIpv4 }) => !enableIpv4, what: "a node without IPv4" },
  {
    field: "enableWireguard",
    applies: ({ enableWireguard, routingMode }) => enableWireguard && routingMode === "tunnel",
    what: "WireGuard with a tunnel",
  },
  {
    field: "enableIpsec",
    applies: ({ enableIpsec, routingMode }) => enableIpsec && routingMode === "tunnel",
    what: "IPsec with a tunnel",
  },
  {
    field: "lbMode",
    applies: ({ lbMode, routingMode, dsrDispatch }) => lbMode !== "snat" && routingMode === "tunnel" && dsrDispatch !== "geneve",
    what: "DSR through a tunnel without Geneve, with which no agent starts",
  },
  {
    field: "dsrDispatch",
    applies: ({ lbMode, dsrDispatch }) => lbMode !== "snat" && dsrDispatch === "ipip",
    what: "DSR by IPIP",
  },
  {
    field: "lbAcceleration",
    applies: ({ lbMode, dsrDispatch, lbAcceleration }) => lbMode !== "snat" && dsrDispatch === "geneve" && lbAcceleration !== "disabled",
    what: "DSR by Geneve in XDP",
  },
  { field: "cniChainingMode", applies: ({ cniChainingMode }) => cniChainingMode !== "none", what: "CNI chaining" },
  {
    field: "datapathMode",
    applies: ({ datapathMode }) => datapathMode !== "veth",
    what: "a datapath mode other than veth",
  },
];

/** Reports what a run can't simulate; returns a sentence for each feature that it leaves out and may. */
export function checkCoverage(helm: HelmRead, found: Diagnostics): readonly string[] {
  checkValues(helm, found);
  checkFlags(helm, found);
  const { input, places } = helm;
  const assumptions: string[] = [];
  for (const { field, applies, what } of GAPS) {
    if (!applies(input.settings)) continue;
    const at = places.get(field);
    if (at !== undefined) found.error(at, `${what} can't be simulated`, { expected: "a setting that does without it" });
    else assumptions.push(`${input.origins[field] ?? "By default"}: ${what} would be there, and is not modelled.`);
  }
  return assumptions;
}

/** What the node's own netfilter would do to the traffic of this scenario, and no model does. */
export function checkNetfilter({ input: { settings } }: HelmRead, { workloads }: ScenarioInput): readonly string[] {
  const toWorld = workloads.some(({ from, to }) => "workload" in from && to.startsWith("world "));
  if (!toWorld || !settings.enableIpv4Masquerade || settings.enableBpfMasquerade) return [];
  return ["Pods' packets to the world keep their addresses: masquerading by netfilter (bpf.masquerade is off) is not modelled."];
}

/** Values of the chart that would change what the programs do, and that no model covers. */
function checkValues({ values }: HelmRead, found: Diagnostics): void {
  for (const { support, keys, off, why, instead } of CHART_SUPPORT) {
    if (support !== "refused") continue;
    for (const key of keys) {
      const value = treeAt(values, key.split("."));
      if (value === undefined || isOff(value, off)) continue;
      found.error(value.at, `${key} can't be simulated: ${why}`, { expected: instead });
    }
  }
}

/** The same for flags of a ConfigMap, of extraConfig and of extraArgs. */
function checkFlags({ config }: HelmRead, found: Diagnostics): void {
  for (const [flag, { text, at, name }] of config) {
    const line = refusedFlag(flag);
    // What a value of the chart has written is reported as that value.
    if (line === undefined || line.off.includes(text) || line.keys.includes(name)) continue;
    found.error(at, `${name} can't be simulated: ${line.why}`, { expected: line.instead });
  }
}

/** Null is "not set"; a group or list is off when everything in it is. */
function isOff(value: Tree, off: readonly string[]): boolean {
  if (isNull(value)) return true;
  if (value.kind === "scalar") return off.includes(value.text);
  return value.kind === "list" ? value.items.length === 0 : [...value.entries.values()].every((entry) => isOff(entry.value, off));
}

const REFUSED_FIELDS: Readonly<Record<RefusalRule, readonly Field[]>> = {
  ratio: ["mapDynamicSizeRatio"],
  "ct range": ["ctTcpMax", "ctAnyMax"],
  "nat range": ["natMax"],
  "nat above tcp+any": ["natMax", "ctTcpMax", "ctAnyMax"],
  "sock-rev range": ["sockRevMax"],
  auth: ["authMapMax"],
  fragments: ["fragmentsMapMax"],
};

/** Sizes with which the agent would not start are reported in its own words. */
export function checkSizes(helm: HelmRead, profile: CiliumProfile, cluster: Cluster, otherwise: Place, found: Diagnostics): void {
  const { settings } = helm.input;
  const { refusal } = mapSizes(sizeRequest(settings, profile.sizes, cluster.memoryBytes, cluster.cpus));
  if (refusal === null) return;
  const { entriesMin, entriesMax } = profile.sizes;
  // Of two sizes that the message speaks of, the one outside the bounds is to blame.
  const outside = (field: Field): boolean => Number(settings[field] ?? entriesMin) < entriesMin || Number(settings[field]) > entriesMax;
  const given = REFUSED_FIELDS[refusal.rule].filter((field) => helm.places.has(field));
  const field = given.find(outside) ?? given[0];
  const at = (field === undefined ? undefined : helm.places.get(field)) ?? otherwise;
  found.error(at, `the agent refuses to start: ${refusal.message}`);
}
