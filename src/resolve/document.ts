/** A resolution, with where its values came from, as the document that reports print. */

import { MapType } from "../bpf/spec.js";
import type { EntriesOrigin } from "../cilium/agent/map-plan.js";
import { SETTING_SOURCES, type CiliumSettings } from "../cilium/agent/settings.js";
import { RESOLVE_SCHEMA_VERSION } from "../report/resolve-document.js";
import type {
  EntriesOriginDocument,
  GcDocument,
  Given,
  MapDocument,
  MemoryDocument,
  NodeDocument,
  RemarkDocument,
  ResolveDocument,
  ShapeDocument,
  WarningDocument,
} from "../report/resolve-document.js";
import type { Diagnostic } from "../scenario/diagnostics.js";
import type { HelmRead } from "../scenario/helm/read-helm.js";
import { lineOf } from "../scenario/source.js";
import type { ResolveSide } from "./inputs.js";
import { settingName } from "./lint-rule.js";
import type { LintWarning, MemoryTotals, NodeShape, Resolution, ResolvedMap, ResolvedNode } from "./resolve.js";

type Field = keyof CiliumSettings;
const FIELDS = Object.keys(SETTING_SOURCES) as readonly Field[];

export interface DocumentParts {
  readonly side: ResolveSide;
  readonly resolution: Resolution;
  readonly remarks: readonly Diagnostic[];
  /** Beside those of the resolution. */
  readonly assumptions: readonly string[];
}

export function resolveDocument({ side, resolution, remarks, assumptions }: DocumentParts): ResolveDocument {
  const { helm, files, set } = side;
  const warnings = mergedWarnings(resolution.nodes.map(({ shape, warnings: own }) => ({ node: shape.name, warnings: own })), helm);
  return {
    schemaVersion: RESOLVE_SCHEMA_VERSION,
    kind: "resolution",
    cilium: resolution.cilium,
    kernel: resolution.kernel,
    values: {
      files,
      set,
      given: FIELDS.flatMap((field) => {
        const given = givenAt(helm, field);
        return given === null ? [] : [{ setting: settingName(field), value: resolution.settings[field], given }];
      }),
      ignored: helm.input.ignored,
    },
    starts: resolution.nodes.every(({ refusal }) => refusal === null),
    nodes: resolution.nodes.map((node) => nodeDocument(node, resolution.settings, helm)),
    fleet: { nodes: resolution.fleet.nodes, memory: memoryDocument(resolution.fleet.memory) },
    warnings,
    remarks: remarks.map(remarkDocument),
    assumptions: [...assumptions, ...resolution.assumptions],
  };
}

/** Where a setting was given; null when it has its default. */
export function givenAt(helm: HelmRead, field: Field): Given | null {
  const at = helm.places.get(field);
  const origin = helm.input.origins[field];
  if (at === undefined || origin === undefined) return null;
  const file = at.source.name;
  const line = file.startsWith("--") ? null : at.source.position(at.start).line;
  return { file, line, name: origin.slice(lineOf(at).length + 1) };
}

/** Where a setting was given, by its Helm key or flag; two settings may share a key. */
export function givenByName(helm: HelmRead, name: string): Given | null {
  const fields = FIELDS.filter((field) => settingName(field) === name);
  return fields.map((field) => givenAt(helm, field)).find((given) => given !== null) ?? null;
}

export function shapeDocument({ name, count, possibleCpus, totalMemoryBytes, endpoints }: NodeShape): ShapeDocument {
  return { node: name, nodes: count, possibleCpus, totalMemoryBytes, pods: endpoints };
}

export function memoryDocument({ created, full }: MemoryTotals, times = 1): MemoryDocument {
  return { createdBytes: created * times, fullBytes: full * times };
}

function nodeDocument(node: ResolvedNode, settings: CiliumSettings, helm: HelmRead): NodeDocument {
  return {
    ...shapeDocument(node.shape),
    refusal: node.refusal,
    sizing: node.sizing === null ? null : { ratio: settings.mapDynamicSizeRatio, ...node.sizing },
    memory: memoryDocument(node.memory),
    maglevBytesPerService: node.maglevBytesPerService,
    maps: node.maps.map((map) => mapDocument(map, helm)),
    gc: gcDocument(node, settings, helm),
  };
}

function mapDocument(map: ResolvedMap, helm: HelmRead): MapDocument {
  const { label, pinnedName, kind, type, entries, requestedEntries, keyBytes, valueBytes, flags, copies, memory } = map;
  const origin = originDocument(map.origin, map.roundedToCpus, helm);
  const whenFull = WHEN_FULL[type];
  return {
    map: label,
    pinnedName,
    kind,
    whenFull,
    entries,
    requestedEntries,
    origin,
    keyBytes,
    valueBytes,
    flags,
    copies,
    memory: memoryDocument(memory),
  };
}

const WHEN_FULL: Readonly<Record<MapType, MapDocument["whenFull"]>> = {
  [MapType.hash]: "refuses",
  [MapType.percpuHash]: "refuses",
  [MapType.lpmTrie]: "refuses",
  [MapType.hashOfMaps]: "refuses",
  [MapType.lruHash]: "evicts",
  [MapType.lruPercpuHash]: "evicts",
  [MapType.array]: "can't be full",
  [MapType.arrayOfMaps]: "can't be full",
};

function originDocument(origin: EntriesOrigin, roundedToCpus: number | null, helm: HelmRead): EntriesOriginDocument {
  const decidedBy = (field: Field | null): Pick<EntriesOriginDocument, "setting" | "given"> => ({
    setting: field === null ? null : settingName(field),
    given: field === null ? null : givenAt(helm, field),
  });
  const plain = { computed: null, roundedToCpus };
  switch (origin.kind) {
    case "set":
      return { kind: "given", ...decidedBy(origin.setting), ...plain };
    case "setting":
    case "common setting": {
      const by = decidedBy(origin.setting);
      return { kind: by.given === null ? "default" : "given", ...by, ...plain };
    }
    case "share of memory":
    case "floor":
    case "ceiling":
      return { kind: origin.kind, ...decidedBy("mapDynamicSizeRatio"), computed: origin.computed, roundedToCpus };
    case "two thirds of conntrack":
      return { kind: origin.kind, ...decidedBy(origin.setting), computed: origin.computed, roundedToCpus };
    case "static default":
      return { kind: origin.kind, ...decidedBy("mapDynamicSizeRatio"), ...plain };
    case "follows NAT":
    case "fixed":
      return { kind: origin.kind, ...decidedBy(null), ...plain };
  }
}

function gcDocument({ gc }: ResolvedNode, settings: CiliumSettings, helm: HelmRead): GcDocument {
  return {
    form: gc.form,
    iteration: gc.iteration,
    adaptive: gc.fixedInterval === 0,
    minIntervalNs: gc.minInterval,
    maxIntervalNs: gc.maxInterval,
    firstIdleIntervalNs: gc.firstIdleInterval,
    given: givenAt(helm, settings.conntrackGcInterval === 0 ? "conntrackGcMaxInterval" : "conntrackGcInterval"),
    intervalMetric: gc.intervalMetric,
    fullPassNs: gc.fullPassNs,
    walks: gc.walks,
    refusesNestedInserts: gc.refusesNestedInserts,
    deletesRefreshed: gc.deletesRefreshed,
    starvesFamilies: gc.starvesFamilies,
  };
}

/** Warnings of all shapes, each thing once, with the shapes that it holds for; in the order in which they were found. */
export function mergedWarnings(
  nodes: readonly { readonly node: string; readonly warnings: readonly LintWarning[] }[],
  helm: HelmRead,
): readonly WarningDocument[] {
  const merged = new Map<string, { readonly warning: LintWarning; readonly cases: Map<string, string[]> }>();
  for (const { node, warnings } of nodes) {
    for (const warning of warnings) {
      const key = JSON.stringify([warning.severity, warning.code, warning.title]);
      const one = merged.get(key) ?? { warning, cases: new Map<string, string[]>() };
      merged.set(key, one);
      one.cases.set(warning.why, [...(one.cases.get(warning.why) ?? []), node]);
    }
  }
  const order = ["error", "warning", "note"];
  return [...merged.values()]
    .map(({ warning: { code, severity, title, settings }, cases }) => ({
      code,
      severity,
      title,
      settings: settings.map((name) => ({ name, given: givenByName(helm, name) })),
      cases: [...cases].map(([why, names]) => ({ why, nodes: [...new Set(names)] })),
    }))
    .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function remarkDocument({ file, line, column, message, expected, nearest }: Diagnostic): RemarkDocument {
  return { file, line, column, message, expected, nearest };
}
