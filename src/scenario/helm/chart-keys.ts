/** Which keys a release's chart reads: `lookUp` and `lookUpBelow` tell known keys from older ones and from typing mistakes. */

import { CHART_KEYS } from "./chart-keys-table.js";

/** Minors (of 1.x) that have a key, and the patch of the first of them. */
interface KeyRange {
  readonly first: number;
  readonly firstPatch: number;
  readonly last: number;
}

/** A key of the chart, with those below it. */
export interface ChartKey extends KeyRange {
  /** Anything may stand below. */
  readonly open: boolean;
  /** One value may stand for the keys: an image as `repository:tag`. */
  readonly single: boolean;
  readonly keys: ReadonlyMap<string, ChartKey>;
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
  | { readonly status: "known"; readonly key: ChartKey; readonly container: boolean; readonly single: boolean }
  /** Some chart has it, but not this one. */
  | { readonly status: "other release"; readonly when: string }
  | { readonly status: "unknown"; readonly siblings: readonly string[] };

/** What the chart of a release makes of a key, given by its path. */
export function lookUp(path: readonly string[], release: ChartRelease): KeyStatus {
  let key = chartRoot();
  let found: KeyStatus = { status: "known", key, container: true, single: false };
  for (const step of path) {
    found = lookUpBelow(key, step, release);
    if (found.status !== "known") return found;
    key = found.key;
  }
  return found;
}

/** The same for a key right below a known one. */
export function lookUpBelow(parent: ChartKey, step: string, release: ChartRelease): KeyStatus {
  if (parent.open || parent.keys.size === 0) return { status: "known", key: parent, container: false, single: true };
  const key = parent.keys.get(step);
  if (key === undefined) return { status: "unknown", siblings: present(parent, release) };
  if (!covers(key, release)) return { status: "other release", when: rangeText(key, release) };
  return { status: "known", key, container: !key.open && hasAny(key, release), single: key.single };
}

function present({ keys }: ChartKey, release: ChartRelease): readonly string[] {
  return [...keys].filter(([, node]) => covers(node, release)).map(([name]) => name);
}

function hasAny({ keys }: ChartKey, release: ChartRelease): boolean {
  for (const key of keys.values()) if (covers(key, release)) return true;
  return false;
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

let parsed: ChartKey | undefined;

/** What holds all keys of the chart: the table of `chart-keys-table.ts` as a tree. */
export function chartRoot(): ChartKey {
  parsed ??= new Group(EVER, "", () => readKeys(EVER, CHART_KEYS.match(/[{}]|[^\s{}]+/g) ?? [], 0));
  return parsed;
}

/** A key; those below it are read when somebody asks for them, as a file touches few of the chart's groups. */
class Group implements ChartKey {
  readonly first: number;
  readonly firstPatch: number;
  readonly last: number;
  readonly open: boolean;
  readonly single: boolean;
  readonly #read: () => ReadonlyMap<string, ChartKey>;
  #keys: ReadonlyMap<string, ChartKey> | undefined;

  constructor({ first, firstPatch, last }: KeyRange, mark: string, read: () => ReadonlyMap<string, ChartKey> = noKeys) {
    this.first = first;
    this.firstPatch = firstPatch;
    this.last = last;
    this.open = mark === "*";
    this.single = mark === "%";
    this.#read = read;
  }

  get keys(): ReadonlyMap<string, ChartKey> {
    this.#keys ??= this.#read();
    return this.#keys;
  }
}

/** The keys from one token of the table up to the brace that closes their group. */
function readKeys(parent: KeyRange, tokens: readonly string[], from: number): ReadonlyMap<string, ChartKey> {
  const keys = new Map<string, ChartKey>();
  for (let at = from; at < tokens.length && tokens[at] !== "}"; at++) {
    const [, name, mark, range] = /^([^@*%]+)([*%]?)(?:@(.*))?$/.exec(tokens[at]!)!;
    const own = range === undefined ? parent : readRange(range);
    if (tokens[at + 1] === "{") {
      const below = at + 2;
      keys.set(name!, new Group(own, mark!, () => readKeys(own, tokens, below)));
      at = closingBrace(tokens, below);
    } else {
      keys.set(name!, mark === "%" ? new Group(own, mark, () => imageKeys(own)) : new Group(own, mark!));
    }
  }
  return keys;
}

/** The brace that ends the group whose keys begin at a token. */
function closingBrace(tokens: readonly string[], from: number): number {
  let depth = 1;
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at] === "{") depth++;
    else if (tokens[at] === "}" && --depth === 0) return at;
  }
  return tokens.length;
}

function noKeys(): ReadonlyMap<string, ChartKey> {
  return new Map();
}

function imageKeys(range: KeyRange): ReadonlyMap<string, ChartKey> {
  return new Map(IMAGE_KEYS.map((key) => [key, new Group(range, "%")]));
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
