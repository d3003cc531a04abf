/** Which keys a release's chart reads: `lookUp` tells known keys from older ones and from typing mistakes. */

import { CHART_KEYS } from "./chart-keys-table.js";

/** Minors (of 1.x) that have a key, and the patch of the first of them. */
interface KeyRange {
  readonly first: number;
  readonly firstPatch: number;
  readonly last: number;
}

interface KeyNode extends KeyRange {
  /** Anything may stand below. */
  readonly open: boolean;
  /** One value may stand for the keys: an image as `repository:tag`. */
  readonly single: boolean;
  readonly keys: ReadonlyMap<string, KeyNode>;
}

const OLDEST_MINOR = 8;
const NEWEST_MINOR = 19;
const IMAGE_KEYS = ["override", "repository", "tag", "pullPolicy", "digest", "useDigest"];
const EVER: KeyRange = { first: OLDEST_MINOR, firstPatch: 0, last: NEWEST_MINOR };

/** A Cilium release as far as its chart is concerned. */
export interface ChartRelease {
  /** 17 of 1.17.6. */
  readonly minor: number;
  readonly patch: number;
}

export type KeyStatus =
  /** A container has keys of its own; `single` says that one value may stand for them. */
  | { readonly status: "known"; readonly container: boolean; readonly single: boolean }
  /** Some chart has it, but not this one. */
  | { readonly status: "other release"; readonly when: string }
  | { readonly status: "unknown"; readonly siblings: readonly string[] };

/** What the chart of a release makes of a key, given by its path. Ancestors must be known. */
export function lookUp(path: readonly string[], release: ChartRelease): KeyStatus {
  let node = root();
  for (const [depth, step] of path.entries()) {
    if (node.open || node.keys.size === 0) return { status: "known", container: false, single: true };
    const below = node.keys.get(step);
    if (below === undefined) return { status: "unknown", siblings: depth === path.length - 1 ? present(node, release) : [] };
    if (!covers(below, release)) return { status: "other release", when: rangeText(below, release) };
    node = below;
  }
  return { status: "known", container: !node.open && present(node, release).length > 0, single: node.single };
}

function present({ keys }: KeyNode, release: ChartRelease): readonly string[] {
  return [...keys].filter(([, node]) => covers(node, release)).map(([name]) => name);
}

function covers({ first, firstPatch, last }: KeyRange, { minor, patch }: ChartRelease): boolean {
  if (minor < first || minor > last) return false;
  return minor > first || patch >= firstPatch;
}

function rangeText({ first, firstPatch, last }: KeyRange, { minor }: ChartRelease): string {
  return minor > last
    ? `the last chart with it is 1.${last}`
    : `charts have it from 1.${first}${firstPatch > 0 ? `.${firstPatch}` : ""} on`;
}

let parsed: KeyNode | undefined;

/** The table as a tree; read once, when first needed. */
function root(): KeyNode {
  parsed ??= { ...EVER, open: false, single: false, keys: new TableReader(CHART_KEYS).keys(EVER) };
  return parsed;
}

/** Reads the compact form of `chart-keys-table.ts`. */
class TableReader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(table: string) {
    this.#tokens = table.match(/[{}]|[^\s{}]+/g) ?? [];
  }

  keys(parent: KeyRange): Map<string, KeyNode> {
    const keys = new Map<string, KeyNode>();
    while (this.#at < this.#tokens.length && this.#tokens[this.#at] !== "}") {
      const [, name, mark, range] = /^([^@*%]+)([*%]?)(?:@(.*))?$/.exec(this.#tokens[this.#at++]!)!;
      const own = range === undefined ? parent : readRange(range);
      let below = mark === "%" ? imageKeys(own) : new Map<string, KeyNode>();
      if (this.#tokens[this.#at] === "{") {
        this.#at++;
        below = this.keys(own);
        this.#at++;
      }
      keys.set(name!, { ...own, open: mark === "*", single: mark === "%", keys: below });
    }
    return keys;
  }
}

function imageKeys(range: KeyRange): Map<string, KeyNode> {
  return new Map(IMAGE_KEYS.map((key) => [key, { ...range, open: false, single: true, keys: new Map<string, KeyNode>() }]));
}

/** `17`, `17.2`, `14-17`, `-13`. */
function readRange(text: string): KeyRange {
  const [from, to] = text.split("-") as [string, string?];
  const [minor, patch] = from.split(".");
  return {
    first: minor === "" ? OLDEST_MINOR : Number(minor),
    firstPatch: Number(patch ?? 0),
    last: to === undefined ? NEWEST_MINOR : Number(to),
  };
}
