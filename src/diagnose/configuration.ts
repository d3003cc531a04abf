/** What runs on the node: release, kernel, CPUs, map sizes; from options, Helm values, `cilium status` and metrics. */
import { settled } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import { UnknownVersionError } from "../cilium/profile/version.js";
import { NS_PER_S } from "../core/units.js";
import type { AgentStatus } from "../ingest/index.js";
import { readResolveInputs } from "../resolve/inputs.js";
import { resolveConfiguration } from "../resolve/resolve.js";
import { Diagnostics } from "../scenario/diagnostics.js";
import { readNodeShape } from "../scenario/node-shape.js";
import { place, SourceText } from "../scenario/source.js";
import { CT_MAPS, NAT_MAPS, type MapName, type NodeFacts } from "./facts.js";

export interface ConfigurationOptions {
  /** Helm values or ConfigMaps, later ones win. */
  readonly values: readonly string[];
  readonly cilium: string | undefined;
  readonly kernel: string | undefined;
  /** `16cpu,64Gi`. */
  readonly node: string | undefined;
}

export interface Configuration {
  readonly node: NodeFacts;
  readonly sizes: ReadonlyMap<MapName, number>;
  /** How many of them the Helm values gave; null when these were not used. */
  readonly sizesOfValues: number | null;
  /** Sentences about what is not known and would matter. */
  readonly unsaid: readonly string[];
}

/** Sizes that do not depend on the node's memory are known without it. */
const STAND_IN_NODE = "8cpu,32Gi";
const INDEPENDENT_ORIGINS = ["given", "default", "fixed"];
/** Maps as `cilium status --verbose` calls them: `daemon/cmd/status.go`. */
const STATUS_MAPS: readonly (readonly [RegExp, readonly MapName[]])[] = [
  [/^TCP connection tracking$/, ["ct4_global", "ct6_global"]],
  [/^Non-TCP connection tracking$/, ["ct_any4_global", "ct_any6_global"]],
  [/^NAT$/, ["snat_v4_external", "snat_v6_external"]],
];

/** Throws an `InputError` with everything that is wrong with options and values. */
export function configurationOf(options: ConfigurationOptions, status: AgentStatus | undefined): Configuration {
  const found = new Diagnostics();
  const version = options.cilium ?? status?.version;
  const cilium = version === undefined ? null : versionOf("--cilium", version, ciliumProfile, found, options.cilium !== undefined);
  const kernel = options.kernel === undefined ? null : versionOf("--kernel", options.kernel, kernelProfile, found, true);
  const shape = options.node === undefined ? undefined : readNodeShape("--node", options.node, found);
  found.throwIfErrors();
  const values = options.values.length === 0 || cilium === null ? null : sizesOfValues(options, cilium.version);
  const sizes = new Map<MapName, number>([...(values?.sizes ?? []), ...statusSizes(status)]);
  const cpus = shape?.possibleCpus ?? status?.cpus ?? null;
  return {
    node: { cilium: cilium === null ? null : settled(cilium), kernel, cpus, gcIntervalS: values?.gcIntervalS ?? null },
    sizes,
    sizesOfValues: values?.sizes.size ?? null,
    unsaid: [
      ...(cilium === null ? [version === undefined ? "Cilium's release is not known (--cilium)." : `Nothing is known of Cilium ${version} (--cilium).`] : []),
      ...(options.values.length > 0 && values === null ? ["The Helm values were not used: what they mean depends on the release (--cilium)."] : []),
      ...(kernel === null ? ["The kernel is not known (--kernel): M2 and M3 depend on it."] : []),
      ...(cpus === null ? ["The number of CPUs is not known (--node): M2 depends on it."] : []),
    ],
  };
}

/** Of a status a version that nobody knows is as good as none. */
function versionOf<Profile>(option: string, version: string, read: (text: string) => Profile, found: Diagnostics, isGiven: boolean): Profile | null {
  try {
    return read(version);
  } catch (error) {
    if (!(error instanceof UnknownVersionError)) throw error;
    if (isGiven) found.error(place(new SourceText(option, version), 0, version.length), error.message, { nearest: error.nearest });
    return null;
  }
}

function sizesOfValues({ values, node, kernel }: ConfigurationOptions, cilium: string): { sizes: Map<MapName, number>; gcIntervalS: number | null } {
  const inputs = readResolveInputs({
    files: values, set: [], nodes: [node ?? STAND_IN_NODE], cilium: [cilium], kernel, alerts: [], backends: null, diff: null, pin: false,
  });
  const resolution = resolveConfiguration(inputs.before.request);
  const sizes = new Map<MapName, number>();
  for (const { pinnedName, entries, origin } of resolution.nodes[0]?.maps ?? []) {
    const map = pinnedName.replace(/^cilium_/, "");
    const isKnown = node !== undefined || INDEPENDENT_ORIGINS.includes(origin.kind);
    if (isKnown && isOfInterest(map)) sizes.set(map, entries);
  }
  const interval = resolution.settings.conntrackGcInterval / NS_PER_S;
  return { sizes, gcIntervalS: interval > 0 ? interval : null };
}

function isOfInterest(map: string): map is MapName {
  return ([...CT_MAPS, ...NAT_MAPS] as readonly string[]).includes(map);
}

function statusSizes(status: AgentStatus | undefined): readonly (readonly [MapName, number])[] {
  return (status?.maps ?? []).flatMap(({ name, size }) =>
    STATUS_MAPS.flatMap(([title, maps]) => (title.test(name) ? maps.map((map) => [map, size] as const) : [])),
  );
}

