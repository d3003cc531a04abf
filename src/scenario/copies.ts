/**
 * Templates: an item of a list with `copies: 40` stands for forty, in whose texts `$n` is 1, 2 … 40. Every copy keeps the
 * places of the one that was written.
 */
import type { Diagnostics } from "./diagnostics.js";
import { describe, withEntry, withoutKeys, type Tree, type TreeEntry, type TreeMap } from "./tree.js";

/** Lists whose items may have copies. */
const LISTS = ["services", "policies", "workloads"] as const;
export const COPIES_MAX = 1000;
/** What stands for the copy's number. */
const NUMBER = "$n";

/** The scenario with every copy written out; undefined when that can't be done (then diagnostics say why). */
export function withCopies(tree: TreeMap, found: Diagnostics): TreeMap | undefined {
  return LISTS.reduce<TreeMap | undefined>((map, name) => {
    const entry = map?.entries.get(name);
    if (map === undefined || entry?.value.kind !== "list") return map;
    const items = entry.value.items.map((item) => copiesOf(item, found));
    if (items.includes(null)) return undefined;
    return withEntry(map, name, { ...entry, value: { ...entry.value, items: items.flatMap((copies) => copies ?? []) } });
  }, tree);
}

/** Null for a mistake. */
function copiesOf(item: Tree, found: Diagnostics): readonly Tree[] | null {
  const copies = item.kind === "map" ? item.entries.get("copies") : undefined;
  if (item.kind !== "map" || copies === undefined) {
    return reportNumbers(item, found) ? null : [item];
  }
  const count = copies.value.kind === "scalar" ? copies.value.value : null;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > COPIES_MAX) {
    const what = copies.value.kind === "scalar" ? copies.value.text : describe(copies.value);
    found.error(copies.value.at, `copies can't be ${what}`, { expected: `a whole number from 1 to ${COPIES_MAX}` });
    return null;
  }
  const template = withoutKeys(item, ["copies"]);
  return Array.from({ length: count }, (_, i) => numbered(template, String(i + 1)));
}

/** `$n` in an item that has no copies is a mistake; the first one is reported. */
function reportNumbers(tree: Tree, found: Diagnostics): boolean {
  if (tree.kind !== "scalar") return (tree.kind === "list" ? tree.items : valuesOf(tree)).some((child) => reportNumbers(child, found));
  if (typeof tree.value !== "string" || !tree.value.includes(NUMBER)) return false;
  found.error(tree.at, `${NUMBER} stands for the number of a copy, and this has none`, { expected: "copies: N beside it, or another text" });
  return true;
}

function valuesOf(map: TreeMap): readonly Tree[] {
  return [...map.entries.values()].map(({ value }) => value);
}

function numbered(tree: Tree, number: string): Tree {
  if (tree.kind === "list") return { ...tree, items: tree.items.map((item) => numbered(item, number)) };
  if (tree.kind === "map") {
    const entries = new Map([...tree.entries].map(([key, { keyAt, value }]): [string, TreeEntry] => [key, { keyAt, value: numbered(value, number) }]));
    return { ...tree, entries };
  }
  if (typeof tree.value !== "string" || !tree.value.includes(NUMBER)) return tree;
  return { ...tree, value: tree.value.replaceAll(NUMBER, number), text: tree.text.replaceAll(NUMBER, number) };
}
