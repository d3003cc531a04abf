/**
 * What a file given as Helm values holds: values, a `cilium-config` ConfigMap (also inside a list or the output of
 * `helm template`), Flux's HelmRelease, or the values of an umbrella chart with Cilium below `cilium`.
 */

import type { Diagnostics } from "../diagnostics.js";
import type { ReadResult } from "../read-file.js";
import { place, type Place, type SourceText } from "../source.js";
import { describe, treeAt, type Tree, type TreeMap } from "../tree.js";
import { parseYaml } from "../yaml.js";

export type ValuesFile =
  | { readonly kind: "values"; readonly tree: TreeMap }
  /** The `data` of a ConfigMap. */
  | { readonly kind: "config"; readonly data: TreeMap };

const CONFIG_MAP_NAME = "cilium-config";

/** Opens and reads one values file. `at` is where it is named, if a file names it. Failures are reported. */
export function openValuesFile(
  path: string,
  read: (path: string) => ReadResult,
  at: Place | undefined,
  found: Diagnostics,
): ValuesFile | undefined {
  const result = read(path);
  if (result.ok) return readValuesFile(result.source, found);
  if (result.at !== undefined) found.error(result.at, `the values file ${result.message}`, result);
  else if (at === undefined) found.unreadable(path, `the values file ${result.message}`, result);
  else found.error(at, `the values file ${path} ${result.message}`, result);
  return undefined;
}

/** Reads a text that Helm or kubectl would take; undefined when it is neither (then diagnostics say why). */
export function readValuesFile(source: SourceText, found: Diagnostics): ValuesFile | undefined {
  const documents = parseYaml(source, found, { helmBooleans: true });
  if (documents === undefined) return undefined;
  const configMaps = documents.flatMap(itemsOf).filter(isConfigMap);
  if (configMaps.length > 0) return readConfigMap(configMaps, found);
  if (documents.length > 1) {
    found.error(documents[1]!.at, "a second document begins here", { expected: "one document of values, or a cilium-config ConfigMap" });
    return undefined;
  }
  const tree = documents[0];
  // Helm takes an empty file for values without any key.
  if (tree === undefined) return { kind: "values", tree: { kind: "map", entries: new Map(), at: place(source, 0) } };
  if (tree.kind !== "map") {
    found.error(tree.at, `Helm values can't be ${describe(tree)}`, { expected: "a mapping" });
    return undefined;
  }
  return { kind: "values", tree: inner(tree) };
}

/** A document, or the items of a `kind: List`. */
function itemsOf(document: Tree): readonly Tree[] {
  const items = treeAt(document, ["items"]);
  return textAt(document, ["kind"])?.endsWith("List") === true && items?.kind === "list" ? items.items : [document];
}

function textAt(tree: Tree, path: readonly string[]): string | undefined {
  const value = treeAt(tree, path);
  return value?.kind === "scalar" ? value.text : undefined;
}

function isConfigMap(tree: Tree): boolean {
  return textAt(tree, ["kind"]) === "ConfigMap";
}

function readConfigMap(configMaps: readonly Tree[], found: Diagnostics): ValuesFile | undefined {
  const named = configMaps.find((tree) => textAt(tree, ["metadata", "name"]) === CONFIG_MAP_NAME);
  const chosen = named ?? (configMaps.length === 1 ? configMaps[0]! : undefined);
  if (chosen === undefined) {
    found.error(configMaps[0]!.at, `none of these ConfigMaps is named ${CONFIG_MAP_NAME}`, { expected: `a ConfigMap ${CONFIG_MAP_NAME}` });
    return undefined;
  }
  const data = treeAt(chosen, ["data"]);
  if (data?.kind === "map") return { kind: "config", data };
  found.error(data?.at ?? chosen.at, `the ConfigMap's data can't be ${describe(data)}`, { expected: "a mapping from flags to texts" });
  return undefined;
}

/** The values themselves: `spec.values` of a HelmRelease, `cilium` of an umbrella chart, or the whole. */
function inner(tree: TreeMap): TreeMap {
  const release = textAt(tree, ["kind"]) === "HelmRelease" ? treeAt(tree, ["spec", "values"]) : undefined;
  if (release?.kind === "map") return release;
  const sub = tree.entries.get("cilium")?.value;
  return sub?.kind === "map" ? sub : tree;
}
