/** What changes between two resolutions as the document that reports print. */

import { SETTING_SOURCES, type CiliumSettings } from "../cilium/agent/settings.js";
import { formatDuration } from "../core/units.js";
import { RESOLVE_SCHEMA_VERSION } from "../report/resolve-document.js";
import type {
  ChangeDocument,
  MapChangeDocument,
  MapSideDocument,
  NodeDiffDocument,
  ResolveDiffDocument,
  ResolveDocument,
} from "../report/resolve-document.js";
import { diffResolutions, type MapChange, type NodeDiff, type SettingChange } from "./diff.js";
import { givenByName, memoryDocument, mergedWarnings, shapeDocument } from "./document.js";
import type { ResolveSide } from "./inputs.js";
import { settingName } from "./lint-rule.js";
import type { Resolution, ResolvedMap } from "./resolve.js";

/** One side of the comparison. */
export interface DiffPart {
  readonly side: ResolveSide;
  readonly resolution: Resolution;
  readonly document: ResolveDocument;
}

export function diffDocument(before: DiffPart, after: DiffPart): ResolveDiffDocument {
  const diff = diffResolutions(before.resolution, after.resolution);
  const warnings = (of: (node: NodeDiff) => NodeDiff["newWarnings"], side: ResolveSide): ResolveDiffDocument["newWarnings"] =>
    mergedWarnings(diff.nodes.map((node) => ({ node: node.shape.name, warnings: of(node) })), side.helm);
  return {
    schemaVersion: RESOLVE_SCHEMA_VERSION,
    kind: "diff",
    before: before.document,
    after: after.document,
    settings: diff.settings.map((change) => ({
      ...plainChange({ ...change, before: shown(change.setting, change.before), after: shown(change.setting, change.after) }),
      givenBefore: givenByName(before.side.helm, change.setting),
      givenAfter: givenByName(after.side.helm, change.setting),
    })),
    behaviour: diff.behaviour.map(plainChange),
    facts: diff.facts.map(plainChange),
    nodes: diff.nodes.map(nodeDiffDocument),
    fleetMemoryBytes: diff.nodes.reduce((sum, { memoryBytes, shape }) => sum + memoryBytes * shape.count, 0),
    newWarnings: warnings((node) => node.newWarnings, after.side),
    goneWarnings: warnings((node) => node.goneWarnings, before.side),
  };
}

function plainChange({ setting, before, after }: SettingChange): ChangeDocument {
  return { name: setting, before, after, givenBefore: null, givenAfter: null };
}

const DURATIONS_NS: readonly (keyof CiliumSettings)[] = [
  "conntrackGcInterval",
  "conntrackGcMaxInterval",
  "monitorAggregationInterval",
  "natMapStatsInterval",
];
const DURATION_NAMES = new Set(DURATIONS_NS.map(settingName));
/** Sizes and ports that the agent chooses when they are not set. */
const AUTOMATIC = "automatic";
const NUMBER_OR_AUTOMATIC = new Set(
  (Object.keys(SETTING_SOURCES) as (keyof CiliumSettings)[]).filter((field) => /Max$|QueueSize$|Port$/.test(field)).map(settingName),
);

/** A setting's JSON as people write it. */
function shown(name: string, json: string): string {
  const value = JSON.parse(json) as unknown;
  if (value === null) return NUMBER_OR_AUTOMATIC.has(name) ? AUTOMATIC : "not set";
  if (typeof value === "number" && DURATION_NAMES.has(name)) return formatDuration(value);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(" ");
  if (typeof value === "object") return Object.values(value).join(",");
  return String(value);
}

function nodeDiffDocument({ shape, maps, connections, memoryBytes, peakBytes }: NodeDiff): NodeDiffDocument {
  return { ...shapeDocument(shape), maps: maps.map(mapChangeDocument), connections, memoryBytes, peakBytes };
}

function mapChangeDocument({ label, before, after, recreatedFor, peakBytes }: MapChange): MapChangeDocument {
  return {
    map: label,
    fate: before === null ? "new" : after === null ? "no longer used" : recreatedFor.length > 0 ? "replaced" : "kept",
    before: sideOf(before),
    after: sideOf(after),
    causes: recreatedFor.map(({ property, pinned, wanted }) => ({ property, before: pinned, after: wanted })),
    peakBytes,
  };
}

function sideOf(map: ResolvedMap | null): MapSideDocument | null {
  if (map === null) return null;
  const { entries, keyBytes, valueBytes, flags, memory, copies } = map;
  return { entries, keyBytes, valueBytes, flags, memory: memoryDocument(memory, copies) };
}
