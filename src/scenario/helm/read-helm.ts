/**
 * What Cilium is told by Helm: files in order, single values over them, read as the chart and the agent of one release
 * read them. `readHelm` is the way in, for scenarios and for `ctlab resolve`.
 */

import { defaultSettings, type CiliumSettings } from "../../cilium/agent/settings.js";
import type { CiliumProfile } from "../../cilium/profile/cilium-profile.js";
import type { Diagnostics } from "../diagnostics.js";
import { place, SourceText, type Place } from "../source.js";
import { describe, isNull, mergeTrees, withEntry, type Tree, type TreeMap } from "../tree.js";
import type { HelmInput } from "../types.js";
import { chartToConfig, minorNumber } from "./chart-to-config.js";
import { checkKeys } from "./check-keys.js";
import type { CiliumConfig, ConfigValue } from "./config.js";
import { configToSettings } from "./config-to-settings.js";
import type { ValuesFile } from "./values-file.js";

export interface HelmRequest {
  readonly profile: CiliumProfile;
  /** In the order of `-f`: later ones win. */
  readonly files: readonly { readonly path: string; readonly content: ValuesFile }[];
  /** Single values over all files, nested (`nestDottedKeys`), as with `--set`. */
  readonly set: TreeMap | undefined;
}

export interface HelmRead {
  readonly input: HelmInput;
  /** Where the settings that somebody gave stand. */
  readonly places: ReadonlyMap<keyof CiliumSettings, Place>;
  /** All values that the chart reads, merged. */
  readonly values: TreeMap;
  /** The agent's flags, those of the values included. */
  readonly config: CiliumConfig;
}

/** Settings, and where they came from. What is wrong or worth a remark is reported; check `found.hasErrors`. */
export function readHelm({ profile, files, set }: HelmRequest, found: Diagnostics): HelmRead {
  const release = { minor: minorNumber(profile.minor), patch: profile.patch };
  const sources = new Set(files.map(({ content }) => (content.kind === "values" ? content.tree : content.data).at.source));
  const merged = files.reduce<Tree>((tree, { content }) => (content.kind === "values" ? mergeTrees(tree, content.tree) : tree), EMPTY);
  const values = set === undefined ? merged : mergeTrees(merged, set);
  const checked = checkKeys(values.kind === "map" ? values : EMPTY, release, found);
  const written = chartToConfig(checked.values, profile, ({ at }) => sources.has(at.source), found);
  const config = new Map(configMapOf(files, found));
  for (const [flag, value] of written.config) config.set(flag, value);
  const { settings, places, origins, ignored } = configToSettings(config, defaultSettings(profile), found);
  const input = { files: files.map(({ path }) => path), settings, origins, ignored: checked.left + written.ignored + ignored };
  return { input, places, values: checked.values, config };
}

const EMPTY: TreeMap = { kind: "map", entries: new Map(), at: place(new SourceText("", ""), 0) };

/** Flags of the ConfigMaps among the files, later ones over earlier ones. */
function configMapOf(files: HelmRequest["files"], found: Diagnostics): CiliumConfig {
  const config = new Map<string, ConfigValue>();
  for (const { content } of files) {
    if (content.kind !== "config") continue;
    for (const [flag, { value }] of content.data.entries) {
      if (value.kind !== "scalar") found.error(value.at, `${flag} can't be ${describe(value)}`, { expected: "a text" });
      else if (!isNull(value)) config.set(flag, { text: value.text, at: value.at, name: flag });
    }
  }
  return config;
}

/**
 * `bpf.ctTcpMax: 1` as `bpf: { ctTcpMax: 1 }`, as `--set` means it; a dot of the name itself is written `\.`. Mixed
 * forms are fine; a value that is given twice is reported.
 */
export function nestDottedKeys(map: TreeMap, found: Diagnostics): TreeMap {
  let result: TreeMap = { ...map, entries: new Map() };
  for (const [key, { keyAt, value }] of map.entries) {
    const steps = key.split(/(?<!\\)\./).map((step) => step.replaceAll("\\.", "."));
    const leaf = value.kind === "map" ? nestDottedKeys(value, found) : value;
    result = insert(result, steps, leaf, keyAt, found);
  }
  return result;
}

function insert(map: TreeMap, steps: readonly string[], value: Tree, at: Place, found: Diagnostics): TreeMap {
  const [step, ...rest] = steps as [string, ...string[]];
  const there = map.entries.get(step);
  if (rest.length === 0) {
    if (there === undefined) return withEntry(map, step, { keyAt: at, value });
    if (there.value.kind === "map" && value.kind === "map") {
      const both = [...value.entries].reduce((sum, [key, entry]) => insert(sum, [key], entry.value, entry.keyAt, found), there.value);
      return withEntry(map, step, { keyAt: at, value: both });
    }
    const { line } = there.keyAt.source.position(there.keyAt.start);
    found.error(at, `"${step}" is already set, in line ${line}`, { expected: "each value once" });
    return map;
  }
  const below = there?.value.kind === "map" ? there.value : { ...EMPTY, at };
  return withEntry(map, step, { keyAt: at, value: insert(below, rest, value, at, found) });
}
