/**
 * `loadScenario`: a scenario file, its variants, its Helm values and the overrides of the command line become resolved
 * scenarios, or an `InputError` with everything that is wrong.
 *
 *     file ─ YAML ─ tree ─┬─ base ───────────────┬─ --set ─ schema ─ checks ─ resolve ─ Scenario
 *                         └─ variant over base ──┘                    Helm ──┘
 */

import { createHash } from "node:crypto";
import { dirname, isAbsolute, join } from "node:path";
import { checkNeeds } from "./check-pods.js";
import { withCopies } from "./copies.js";
import { Diagnostics, type Diagnostic } from "./diagnostics.js";
import type { ExpectationNames } from "./expect.js";
import { readExpectations } from "./expect-lines.js";
import { nestDottedKeys, readHelm } from "./helm/read-helm.js";
import { openValuesFile, type ValuesFile } from "./helm/values-file.js";
import { readHubbleMetrics } from "./hubble-metrics.js";
import { isForVariant, override, overrideVariant, readOverrides, type Override } from "./overrides.js";
import { readInput, STDIN, type ReadResult } from "./read-file.js";
import { readRecording, recordingsNamed, type Recordings } from "./recording.js";
import { clusterOf, resolve, resolveProfile } from "./resolve.js";
import { readRuleFile, ruleFilesNamed, type RuleFiles, type RuleGroup } from "./rule-groups.js";
import { checkCoverage, checkNetfilter, checkSizes } from "./settings-support.js";
import { place, type Place, type SourceText } from "./source.js";
import { describe, isNull, mergeTrees, placeOf, treeAt, withEntry, withoutKeys, type Tree, type TreeMap } from "./tree.js";
import type { Note, Scenario, ScenarioFile } from "./types.js";
import { validate } from "./validate.js";
import { parseYaml } from "./yaml.js";

export interface LoadOptions extends ExpectationNames {
  /** `path=value`, as given to `--set`; applied after variants. */
  readonly set?: readonly string[];
  /** Further values files, over those that the scenario names; paths relative to the current folder. */
  readonly helmFiles?: readonly string[];
}

/** Reads a scenario file, or standard input for `-`. Throws an `InputError` for anything that is wrong with it. */
export function loadScenario(path: string, options: LoadOptions = {}): ScenarioFile {
  return new Loader(path, readInput, options).load();
}

/** The same for a text; files that it names are read through `read`. */
export function loadScenarioText(source: SourceText, read: (path: string) => ReadResult, options: LoadOptions = {}): ScenarioFile {
  return new Loader(source.name, (path) => (path === source.name ? { ok: true, source } : read(path)), options).load();
}

const EXPECTED_ROOT = "a scenario, that is, a mapping with apiVersion: ctlab/v1, name, profile, duration …";
const VARIANT_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/** What a variant can't change. */
const FIXED_KEYS = ["apiVersion", "name", "variants"];

interface Variant {
  readonly name: string;
  readonly about: string;
  readonly tree: TreeMap;
}

class Loader {
  readonly #path: string;
  readonly #read: (path: string) => ReadResult;
  readonly #options: LoadOptions;
  readonly #found = new Diagnostics();
  readonly #valuesFiles = new Map<string, ValuesFile | undefined>();
  readonly #recorded = new Map<string, readonly number[] | undefined>();
  readonly #rules = new Map<string, readonly RuleGroup[] | undefined>();

  constructor(path: string, read: (path: string) => ReadResult, options: LoadOptions) {
    this.#path = path;
    this.#read = read;
    this.#options = options;
  }

  load(): ScenarioFile {
    const overrides = readOverrides(this.#options.set ?? [], this.#found);
    let root = this.#root();
    if (root === undefined) throw this.#failure();
    for (const each of overrides.filter(isForVariant)) root = overrideVariant(root, each, this.#found);
    const later = overrides.filter((each) => !isForVariant(each));
    const base = this.#scenario(withoutKeys(root, ["variants"]), null, later);
    const variants = this.#variants(root).map((variant) => this.#scenario(variant.tree, variant, later));
    if (base === undefined || variants.includes(undefined) || this.#found.hasErrors) throw this.#failure();
    const run = variants.length === 0 ? [base] : variants.filter((variant) => variant !== undefined);
    return { path: this.#path, base, variants: run, hash: hashOf(run), warnings: this.#found.warnings().map(noteOf) };
  }

  /** Errors were reported on every way that leads here. */
  #failure(): Error {
    try {
      this.#found.throwIfErrors();
    } catch (error) {
      if (error instanceof Error) return error;
    }
    return new Error("a scenario was refused without a reason");
  }

  #root(): TreeMap | undefined {
    const read = this.#read(this.#path);
    if (!read.ok) {
      if (read.at === undefined) this.#found.unreadable(this.#path, `the scenario ${read.message}`, read);
      else this.#found.error(read.at, `the scenario ${read.message}`, read);
      return undefined;
    }
    const { source } = read;
    this.#found.openFile(source.name);
    const documents = parseYaml(source, this.#found);
    if (documents === undefined) return undefined;
    const [root, second] = documents;
    if (second !== undefined) {
      this.#found.error(second.at, "a second document begins here", { expected: "one scenario in a file" });
      return undefined;
    }
    if (root?.kind === "map") return this.#withNestedSet(root);
    const what = root === undefined || isNull(root) ? "the file is empty" : `a scenario can't be ${describe(root)}`;
    this.#found.error(root?.at ?? place(source, 0), what, { expected: EXPECTED_ROOT });
    return undefined;
  }

  /** `helm.set` with nested keys instead of dotted ones, so that variants and `--set` merge with it. */
  #withNestedSet(map: TreeMap): TreeMap {
    const helm = map.entries.get("helm");
    const set = helm?.value.kind === "map" ? helm.value.entries.get("set") : undefined;
    if (helm?.value.kind !== "map" || set?.value.kind !== "map") return map;
    const nested = withEntry(helm.value, "set", { ...set, value: nestDottedKeys(set.value, this.#found) });
    return withEntry(map, "helm", { ...helm, value: nested });
  }

  #variants(root: TreeMap): readonly Variant[] {
    const variants = root.entries.get("variants");
    if (variants === undefined) return [];
    if (variants.value.kind !== "map") {
      this.#found.error(placeOf(root, ["variants"]), `variants can't be ${describe(variants.value)}`, {
        expected: "a mapping from names to changes",
      });
      return [];
    }
    const base = withoutKeys(root, ["variants"]);
    return [...variants.value.entries].flatMap(([name, { keyAt, value }]) => this.#variant(base, name, keyAt, value) ?? []);
  }

  #variant(base: TreeMap, name: string, keyAt: Place, value: Tree): Variant | undefined {
    if (!VARIANT_NAME.test(name)) {
      this.#found.error(keyAt, `"${name}" can't be the name of a variant`, { expected: "small letters, digits and dashes" });
    }
    // A variant without changes is the base under a name.
    const changes: Tree = isNull(value) ? { kind: "map", entries: new Map(), at: keyAt } : value;
    if (changes.kind !== "map") {
      this.#found.error(changes.at, `a variant can't be ${describe(changes)}`, { expected: "a mapping with what differs from the base" });
      return undefined;
    }
    for (const key of FIXED_KEYS) {
      const fixed = changes.entries.get(key);
      if (fixed !== undefined) this.#found.error(fixed.keyAt, `a variant can't change ${key}`);
    }
    const about = treeAt(changes, ["about"]);
    if (about !== undefined && about.kind !== "scalar") {
      this.#found.error(about.at, `about can't be ${describe(about)}`, { expected: "a text" });
    }
    const over = this.#withNestedSet(withoutKeys(changes, ["about", ...FIXED_KEYS]));
    const tree = withSet(mergeTrees(base, over), base, over);
    return { name, about: about?.kind === "scalar" ? String(about.value ?? "").trim() : "", tree: tree.kind === "map" ? tree : base };
  }

  #scenario(merged: TreeMap, variant: Variant | null, overrides: readonly Override[]): Scenario | undefined {
    const tree = withCopies(overrides.reduce((each, over) => override(each, over, this.#found), merged), this.#found);
    if (tree === undefined) return undefined;
    const recordings = this.#recordings(tree);
    const rules = this.#ruleFiles(tree);
    const { input, parts } = validate(tree, this.#found);
    const expect = readExpectations(parts, tree, this.#options, this.#found);
    const profile = resolveProfile(tree, this.#found);
    const files = this.#helmFiles(tree);
    if (profile === undefined) return undefined;
    const set = treeAt(tree, ["helm", "set"]);
    const helm = readHelm({ profile: profile.cilium, files, set: set?.kind === "map" ? set : undefined }, this.#found);
    const leftOut = checkCoverage(helm, this.#found);
    if (input === undefined || recordings === undefined || rules === undefined) return undefined;
    const assumptions = [...leftOut, ...checkNetfilter(helm, input)];
    if (rules.size > 0 && input.observe.scrape === null) {
      this.#found.error(placeOf(tree, ["observe", "alerts"]), "alerts can't be evaluated: nothing is scraped", { expected: "observe.scrape, such as 15s" });
    }
    checkNeeds(helm.input.settings, input, tree, this.#found);
    checkSizes(helm, profile.cilium, clusterOf(input.cluster), placeOf(tree, ["helm"]), this.#found);
    const { enableHubble, hubbleMetrics: specs } = helm.input.settings;
    const hubbleMetrics = enableHubble ? readHubbleMetrics(specs, helm.places.get("hubbleMetrics"), this.#found) : [];
    return resolve({ tree, input, variant, profile: profile.choice, helm, assumptions, expect, recordings, rules, hubbleMetrics });
  }

  /** The values files of the scenario, relative to it, then those of the command line. */
  #helmFiles(tree: TreeMap): { readonly path: string; readonly content: ValuesFile }[] {
    const named = treeAt(tree, ["helm", "values"]);
    const items = named?.kind === "list" ? named.items : named === undefined ? [] : [named];
    const own = items.filter((item) => item.kind === "scalar" && typeof item.value === "string");
    const folder = this.#path === STDIN ? "" : dirname(this.#path);
    const paths = own.map((item) => ({
      path: item.kind === "scalar" ? resolvePath(folder, item.text) : "",
      at: item.at as Place | undefined,
    }));
    const given = (this.#options.helmFiles ?? []).map((path) => ({ path, at: undefined }));
    return [...paths, ...given].flatMap(({ path, at }) => {
      const content = this.#valuesFile(path, at);
      return content === undefined ? [] : [{ path, content }];
    });
  }

  /** What the workloads' recordings hold; undefined when one can't be used. */
  #recordings(tree: TreeMap): Recordings | undefined {
    const folder = this.#path === STDIN ? "" : dirname(this.#path);
    for (const { text, at } of recordingsNamed(tree)) {
      if (this.#recorded.has(text)) continue;
      const path = resolvePath(folder, text);
      this.#recorded.set(text, readRecording(path, this.#read(path), at, this.#found));
    }
    const read = [...this.#recorded].flatMap(([path, moments]) => (moments === undefined ? [] : [[path, moments] as const]));
    return read.length < this.#recorded.size ? undefined : new Map(read);
  }

  /** The rules of `observe.alerts`; undefined when a file can't be used. */
  #ruleFiles(tree: TreeMap): RuleFiles | undefined {
    const folder = this.#path === STDIN ? "" : dirname(this.#path);
    const named = ruleFilesNamed(tree);
    for (const { text, at } of named) {
      if (this.#rules.has(text)) continue;
      const path = resolvePath(folder, text);
      this.#rules.set(text, readRuleFile(path, this.#read(path), at, this.#found));
    }
    const read = named.map(({ text }) => [text, this.#rules.get(text)] as const);
    return read.some(([, groups]) => groups === undefined) ? undefined : new Map(read.map(([text, groups]) => [text, groups ?? []]));
  }

  /** Reads each file once, whatever the number of variants that name it. */
  #valuesFile(path: string, at: Place | undefined): ValuesFile | undefined {
    if (this.#valuesFiles.has(path)) return this.#valuesFiles.get(path);
    const content = openValuesFile(path, this.#read, at, this.#found);
    this.#valuesFiles.set(path, content);
    return content;
  }
}

/** In `helm.set` a null is Helm's: it takes away what the values files say, so it outlasts the merge. */
function withSet(tree: Tree, base: Tree, over: Tree): Tree {
  const [below, above] = [treeAt(base, ["helm", "set"]), treeAt(over, ["helm", "set"])];
  const helm = tree.kind === "map" ? tree.entries.get("helm") : undefined;
  if (tree.kind !== "map" || helm?.value.kind !== "map" || above?.kind !== "map") return tree;
  const set = below === undefined ? above : mergeTrees(below, above, "stay");
  return withEntry(tree, "helm", { ...helm, value: withEntry(helm.value, "set", { keyAt: above.at, value: set }) });
}

function resolvePath(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** A warning in one line. */
function noteOf({ file, line, column, message, expected, nearest }: Diagnostic): Note {
  const more = [...(expected === null ? [] : [`expected ${expected}`]), ...(nearest === null ? [] : [`did you mean "${nearest}"?`])];
  return { file, line, column, message: [message, ...more].join("; ") };
}

/** Paths and lines say where a value stood, not what it is: they leave the hash alone. */
const UNHASHED = ["origins", "files", "file", "line"];

/** SHA-256 over what decides the outcome, hex. */
export function hashOf(scenarios: readonly Scenario[]): string {
  const canonical = (_key: string, value: unknown): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !UNHASHED.includes(key))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  };
  return createHash("sha256").update(JSON.stringify(scenarios, canonical)).digest("hex");
}
