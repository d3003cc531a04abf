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
const RELEASE_NAME = "cilium";
const EXPECTED_OBJECT = "values, a cilium-config ConfigMap, or a HelmRelease with spec.values";

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
  const documents = parseYaml(source, found, { helm: true });
  if (documents === undefined) return undefined;
  const objects = documents.flatMap(itemsOf);
  const configMaps = objects.filter((tree) => textAt(tree, ["kind"]) === "ConfigMap");
  if (configMaps.length > 0) return readConfigMap(configMaps, found);
  const release = releaseOf(objects);
  if (release !== undefined) return readRelease(release, found);
  return readPlainValues(documents, source, found);
}

/** The HelmRelease among the objects; of several the one of Cilium. */
function releaseOf(objects: readonly Tree[]): Tree | undefined {
  const releases = objects.filter((tree) => textAt(tree, ["kind"]) === "HelmRelease");
  return releases.find((tree) => textAt(tree, ["metadata", "name"]) === RELEASE_NAME) ?? releases[0];
}

function readRelease(release: Tree, found: Diagnostics): ValuesFile | undefined {
  const values = treeAt(release, ["spec", "values"]);
  if (values?.kind === "map") return { kind: "values", tree: values };
  found.error(values?.at ?? release.at, `the values of a HelmRelease can't be ${describe(values)}`, { expected: "a mapping in spec.values" });
  return undefined;
}

function readPlainValues(documents: readonly Tree[], source: SourceText, found: Diagnostics): ValuesFile | undefined {
  const [tree, second] = documents;
  // Helm takes an empty file for values without any key.
  if (tree === undefined) return { kind: "values", tree: { kind: "map", entries: new Map(), at: place(source, 0) } };
  const kind = textAt(tree, ["kind"]);
  if (second !== undefined) {
    found.error(second.at, "a second document begins here", { expected: "one document of values, or a cilium-config ConfigMap" });
  } else if (tree.kind !== "map") {
    found.error(tree.at, `Helm values can't be ${describe(tree)}`, { expected: "a mapping" });
  } else if (kind !== undefined && textAt(tree, ["apiVersion"]) !== undefined) {
    found.error(tree.at, `this is an object of kind ${kind}, not values`, { expected: EXPECTED_OBJECT });
  } else {
    // In an umbrella chart the values of a subchart stand below its name.
    const sub = tree.entries.get(RELEASE_NAME)?.value;
    return { kind: "values", tree: sub?.kind === "map" ? sub : tree };
  }
  return undefined;
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
