/**
 * What changes between two resolutions (two files, or two releases), and what that does to connections that are alive
 * when the agents restart with the second one.
 */

import type { MapHost } from "../bpf/spec.js";
import { maglevCauses, recreationCauses } from "../cilium/agent/map-recreation.js";
import type { MapDifference } from "../cilium/agent/map-recreation.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { settingName } from "./lint-rule.js";
import { specOf } from "./map-cost.js";
import type { ResolvedMap } from "./map-cost.js";
import type { Resolution, ResolvedNode } from "./resolve.js";

/** What becomes of a map: none means that it didn't exist, or no longer does. */
export interface MapChange {
  readonly label: string;
  readonly before: ResolvedMap | null;
  readonly after: ResolvedMap | null;
  /** The pinned map is replaced, for these reasons; empty when it is kept. */
  readonly recreatedFor: readonly MapDifference[];
  /** Bytes while old and new exist together, of all copies on the node. */
  readonly peakBytes: number;
}

/** What a lost map means for connections. */
export interface ConnectionImpact {
  readonly map: string;
  readonly severity: "breaks" | "may break" | "unnoticed";
  readonly effect: string;
}

export interface SettingChange {
  /** Helm key, or flag where there is none. */
  readonly setting: string;
  readonly before: string;
  readonly after: string;
}

export interface NodeDiff {
  readonly shape: ResolvedNode["shape"];
  readonly maps: readonly MapChange[];
  readonly connections: readonly ConnectionImpact[];
  /** Change of memory at creation, bytes. */
  readonly memoryBytes: number;
  /** Most that maps take while they are replaced, bytes. */
  readonly peakBytes: number;
  /** Warnings that are new, and codes of those that are gone. */
  readonly newWarnings: ResolvedNode["warnings"];
  readonly goneWarnings: ResolvedNode["warnings"];
}

export interface ResolutionDiff {
  readonly cilium: readonly [before: string, after: string];
  readonly kernel: readonly [before: string, after: string];
  readonly settings: readonly SettingChange[];
  /** Facts of the releases that differ, by their path in the profile. */
  readonly facts: readonly SettingChange[];
  readonly behaviour: readonly SettingChange[];
  readonly nodes: readonly NodeDiff[];
}

/** Compares two resolutions of the same shapes, in order. */
export function diffResolutions(before: Resolution, after: Resolution): ResolutionDiff {
  return {
    cilium: [before.cilium, after.cilium],
    kernel: [before.kernel, after.kernel],
    settings: settingChanges(before.settings, after.settings),
    facts: factChanges(before.cilium, after.cilium),
    behaviour: behaviourChanges(before.nodes[0], after.nodes[0]),
    nodes: after.nodes.flatMap((node, i) => {
      const old = before.nodes[i];
      return old === undefined ? [] : [diffNode(old, node, maglevCauses(before.settings.maglevTableSize, after.settings.maglevTableSize))];
    }),
  };
}

function diffNode(before: ResolvedNode, after: ResolvedNode, maglev: readonly MapDifference[]): NodeDiff {
  const host: MapHost = { possibleCpus: after.shape.possibleCpus, refill: "scaled" }; // the refill plays no part here
  const labels = new Set([...before.maps, ...after.maps].map(({ label }) => label));
  const maps = [...labels].map((label) => mapChange(label, before, after, host, MAGLEV.test(label) ? maglev : []));
  const has = (node: ResolvedNode, code: string, title: string): boolean =>
    node.warnings.some((each) => each.code === code && each.title === title);
  return {
    shape: after.shape,
    maps,
    connections: maps.flatMap(impactOf),
    memoryBytes: after.memory.created - before.memory.created,
    peakBytes: maps.reduce((sum, { peakBytes }) => sum + peakBytes, 0),
    newWarnings: after.warnings.filter(({ code, title }) => !has(before, code, title)),
    goneWarnings: before.warnings.filter(({ code, title }) => !has(after, code, title)),
  };
}

const MAGLEV = /^lb[46]_maglev$/;

function mapChange(label: string, before: ResolvedNode, after: ResolvedNode, host: MapHost, causes: readonly MapDifference[]): MapChange {
  const old = before.maps.find((map) => map.label === label) ?? null;
  const now = after.maps.find((map) => map.label === label) ?? null;
  const recreatedFor = old === null || now === null ? [] : [...recreationCauses(specOf(old), specOf(now), host), ...causes];
  const bytes = (map: ResolvedMap | null): number => (map === null ? 0 : map.memory.created * map.copies);
  const kept = recreatedFor.length === 0;
  return { label, before: old, after: now, recreatedFor, peakBytes: kept ? Math.max(bytes(old), bytes(now)) : bytes(old) + bytes(now) };
}

/** What the loss of a map's entries means. Filled anew by the agent: unnoticed. */
const IMPACT: readonly { readonly match: RegExp; readonly impact: Omit<ConnectionImpact, "map"> }[] = [
  {
    match: /^ct[46]_global$/,
    impact: {
      severity: "breaks",
      effect:
        "every TCP connection loses its entries: packets of the initiator make new ones, but a reply that comes first is judged as a new connection by policy (default deny drops it), loses its service translation, and per-packet load balancing may choose another backend",
    },
  },
  {
    match: /^ct_any[46]_global$/,
    impact: {
      severity: "may break",
      effect: "UDP, ICMP and SCTP flows lose their entries: replies that come first are judged as new, flows through a service may move to another backend",
    },
  },
  {
    match: /^snat_v[46]_external$/,
    impact: {
      severity: "breaks",
      effect: "masqueraded connections and those through NodePort lose their ports: they are given new ones, and the remote side resets or ignores them",
    },
  },
  {
    match: /^lb[46]_reverse_sk$/,
    impact: {
      severity: "may break",
      effect: "sockets that socket LB connected keep working, but getpeername() and UDP replies show the backend instead of the service",
    },
  },
  {
    match: /^lb[46]_affinity$/,
    impact: { severity: "may break", effect: "clients with session affinity are given a backend anew with their next connection" },
  },
  {
    match: /^nodeport_neigh[46]$/,
    impact: { severity: "unnoticed", effect: "neighbours are learnt again from the next packet" },
  },
  {
    match: MAGLEV,
    impact: {
      severity: "may break",
      effect:
        "services have no table until the agent has written theirs; then most sources map to another backend: connections keep theirs through conntrack only, and break where their entry is gone or they reach another node",
    },
  },
  {
    match: /^ipv[46]_frag_datagrams$/,
    impact: { severity: "may break", effect: "fragments that are on their way are dropped when the first of their datagram came before" },
  },
  {
    match: /^(metrics|policystats)$/,
    impact: { severity: "unnoticed", effect: "counters begin at 0 again" },
  },
];

function impactOf(change: MapChange): readonly ConnectionImpact[] {
  const { label, before, after, recreatedFor } = change;
  const found = IMPACT.find(({ match }) => match.test(label));
  if (before !== null && after === null) {
    if (found === undefined || found.impact.severity === "unnoticed") return [];
    return [{ map: label, severity: found.impact.severity, effect: "the map is no longer used, and what rests on its entries with it" }];
  }
  if (recreatedFor.length === 0) return [];
  if (found === undefined) {
    return [{ map: label, severity: "unnoticed", effect: "the agent writes its entries again before the new programs run" }];
  }
  return [{ map: label, ...found.impact }];
}

function settingChanges(before: CiliumSettings, after: CiliumSettings): readonly SettingChange[] {
  return (Object.keys(after) as (keyof CiliumSettings)[])
    .map((field) => ({ setting: settingName(field), before: JSON.stringify(before[field]), after: JSON.stringify(after[field]) }))
    .filter((change) => change.before !== change.after);
}

function behaviourChanges(before: ResolvedNode | undefined, after: ResolvedNode | undefined): readonly SettingChange[] {
  if (before === undefined || after === undefined) return [];
  const parts = [
    ["GC interval loop", (node: ResolvedNode) => node.gc.form],
    ["GC walk", (node: ResolvedNode) => node.gc.iteration],
    ["GC interval metric", (node: ResolvedNode) => String(node.gc.intervalMetric)],
    ["inserts can fail during GC (M3)", (node: ResolvedNode) => String(node.gc.refusesNestedInserts)],
    ["GC can delete a revived entry (M5)", (node: ResolvedNode) => String(node.gc.deletesRefreshed)],
    ["one family can starve the other (M9)", (node: ResolvedNode) => String(node.gc.starvesFamilies)],
  ] as const;
  return parts
    .map(([setting, read]) => ({ setting, before: read(before), after: read(after) }))
    .filter((change) => change.before !== change.after);
}

/** Facts of the two releases that differ, by their path in the profile (`nat.tries`). */
function factChanges(before: string, after: string): readonly SettingChange[] {
  const old = leaves(ciliumProfile(before));
  const now = leaves(ciliumProfile(after));
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => !/^(version|minor|patch|inferred)/.test(path) && old.get(path) !== now.get(path))
    .map((path) => ({ setting: path, before: old.get(path) ?? "absent", after: now.get(path) ?? "absent" }));
}

/** Every value below an object, as JSON, by dotted path; lists count as values. */
function leaves(value: object, path = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    const at = path === "" ? name : `${path}.${name}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      for (const [deeper, text] of leaves(inner, at)) found.set(deeper, text);
    } else {
      found.set(at, JSON.stringify(inner));
    }
  }
  return found;
}
