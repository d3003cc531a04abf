/**
 * Values that know where they were written. YAML files, `--set` arguments and variants become trees; trees are merged,
 * turned into plain data for the validator, and asked for the place of a path when something is wrong with it.
 */

import type { Place } from "./source.js";

export type ScalarValue = string | number | boolean | null;

export interface TreeScalar {
  readonly kind: "scalar";
  readonly value: ScalarValue;
  /** As written, without quotes: `1.10` stays `1.10`. */
  readonly text: string;
  readonly quoted: boolean;
  readonly at: Place;
}

export interface TreeEntry {
  readonly keyAt: Place;
  readonly value: Tree;
}

export interface TreeMap {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, TreeEntry>;
  readonly at: Place;
}

export interface TreeList {
  readonly kind: "list";
  readonly items: readonly Tree[];
  readonly at: Place;
}

export type Tree = TreeScalar | TreeMap | TreeList;

/** Keys and indices from the root. */
export type Path = readonly (string | number)[];

/** `workloads[0].arrivals.poisson` */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

export function isNull(tree: Tree): boolean {
  return tree.kind === "scalar" && tree.value === null;
}

/** The value below a path; undefined when there is none. */
export function treeAt(tree: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = tree;
  for (const step of path) {
    if (node === undefined) return undefined;
    if (node.kind === "map") node = node.entries.get(String(step))?.value;
    else if (node.kind === "list" && typeof step === "number") node = node.items[step];
    else return undefined;
  }
  return node;
}

/** The key at the end of a path. */
export function entryAt(tree: Tree, path: Path): TreeEntry | undefined {
  const parent = treeAt(tree, path.slice(0, -1));
  const key = path.at(-1);
  return parent?.kind === "map" && key !== undefined ? parent.entries.get(String(key)) : undefined;
}

/**
 * Where to point for a path: its value if it was written, else the nearest key above it (a missing value is a mistake of
 * what should hold it).
 */
export function placeOf(tree: Tree, path: Path): Place {
  const found = treeAt(tree, path);
  if (found !== undefined && (found.kind === "scalar" || path.length === 0)) return found.at;
  for (let length = path.length; length > 0; length--) {
    const prefix = path.slice(0, length);
    const entry = entryAt(tree, prefix);
    if (entry !== undefined) return entry.keyAt;
    const item = treeAt(tree, prefix);
    if (item !== undefined) return item.at;
  }
  return tree.at;
}

/** Plain data. Scalars for which `asText` holds are given as written instead of as YAML understands them. */
export function plain(tree: Tree, asText: (path: Path) => boolean = () => false, path: Path = []): unknown {
  switch (tree.kind) {
    case "scalar":
      return tree.value !== null && asText(path) ? tree.text : tree.value;
    case "list":
      return tree.items.map((item, index) => plain(item, asText, [...path, index]));
    case "map":
      // fromEntries defines own properties, so a key "__proto__" is just a key.
      return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value, asText, [...path, key])]));
  }
}

/**
 * `over` on top of `base`: maps merge, everything else replaces, a null takes the key away, or stays as a null for a
 * later merge to take away.
 */
export function mergeTrees(base: Tree, over: Tree, nulls: "take away" | "stay" = "take away"): Tree {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    if (isNull(entry.value) && nulls === "take away") entries.delete(key);
    else entries.set(key, below === undefined ? entry : { keyAt: entry.keyAt, value: mergeTrees(below.value, entry.value, nulls) });
  }
  return { kind: "map", entries, at: base.at };
}

/** A map with one entry more or replaced. */
export function withEntry(map: TreeMap, key: string, entry: TreeEntry): TreeMap {
  return { ...map, entries: new Map(map.entries).set(key, entry) };
}

/** A map without some keys. */
export function withoutKeys(map: TreeMap, keys: readonly string[]): TreeMap {
  return { ...map, entries: new Map([...map.entries].filter(([key]) => !keys.includes(key))) };
}

/** How many scalars, and empty lists or maps, a tree holds; without those below a name (`a.b.0`) for which `skips` holds. */
export function countLeaves(tree: Tree, skips: (name: string) => boolean = () => false, name = ""): number {
  if (skips(name)) return 0;
  if (tree.kind === "scalar") return 1;
  const below: Iterable<readonly [string | number, Tree]> =
    tree.kind === "list" ? tree.items.entries() : [...tree.entries].map(([key, { value }]) => [key, value]);
  let count = 0;
  let isEmpty = true;
  for (const [step, value] of below) {
    isEmpty = false;
    count += countLeaves(value, skips, `${name}.${step}`);
  }
  return isEmpty ? 1 : count;
}

/** What a value is, for messages: `a list`, `the text "5x"`, `nothing`. */
export function describe(tree: Tree | undefined): string {
  if (tree === undefined) return "nothing";
  if (tree.kind !== "scalar") return tree.kind === "list" ? "a list" : "a mapping";
  if (tree.value === null) return "nothing";
  if (typeof tree.value === "string") return `the text "${shortened(tree.value)}"`;
  return `${typeof tree.value === "boolean" ? "the truth value" : "the number"} ${shortened(tree.text)}`;
}

const TEXT_SHOWN_MAX = 60;

/** A text short enough for a message. */
export function shortened(text: string): string {
  return text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text;
}
