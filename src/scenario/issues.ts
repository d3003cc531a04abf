/** What the validator found, as diagnostics: zod's issues with the places of the tree that was validated. */

import type { z } from "zod";
import type { Diagnostics } from "./diagnostics.js";
import { nearestName } from "./nearest.js";
import { keysAt, unionOptions } from "./schema-walk.js";
import { describe, entryAt, pathText, placeOf, treeAt, type Path, type Tree } from "./tree.js";
import { unsupportedKey } from "./unsupported.js";

type Issue = z.core.$ZodIssue;
type UnknownKeys = z.core.$ZodIssueUnrecognizedKeys;

interface Context {
  readonly tree: Tree;
  readonly found: Diagnostics;
}

/** Reports every issue of a tree that `schema` refused. */
export function reportIssues(issues: readonly Issue[], schema: z.core.$ZodType, tree: Tree, found: Diagnostics): void {
  reportAll(issues, schema, [], { tree, found });
}

/** A key that is missing because it was mistyped is reported once, as the mistyped key. */
function reportAll(issues: readonly Issue[], schema: z.core.$ZodType, base: Path, context: Context): void {
  const meant = new Set(
    issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? meantKeys(issue, schema, base, context.tree) : [])),
  );
  for (const issue of issues) {
    const path = [...base, ...stepsOf(issue)];
    const missing = treeAt(context.tree, path) === undefined;
    if (!(missing && meant.has(pathText(path)))) report(issue, schema, base, context);
  }
}

function stepsOf({ path }: Issue): (string | number)[] {
  return path.filter((step) => typeof step !== "symbol");
}

/** Paths of the valid keys that unknown ones of a mapping most likely stand for. */
function meantKeys(issue: UnknownKeys, schema: z.core.$ZodType, base: Path, tree: Tree): readonly string[] {
  const own = stepsOf(issue);
  const valid = keysAt(schema, own) ?? [];
  return issue.keys.flatMap((key) => {
    const meant = meantKey(key, [...base, ...own], valid, tree);
    return meant === undefined ? [] : [pathText([...base, ...own, meant])];
  });
}

/** The nearest valid key; first among those that are not there yet. */
function meantKey(key: string, path: Path, valid: readonly string[], tree: Tree): string | undefined {
  const absent = valid.filter((name) => entryAt(tree, [...path, name]) === undefined);
  return nearestName(key, absent) ?? nearestName(key, valid);
}

/** `base` is where `schema` starts; the issue's own path is relative to it. */
function report(issue: Issue, schema: z.core.$ZodType, base: Path, context: Context): void {
  const own = stepsOf(issue);
  const path = [...base, ...own];
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys) unknownKey(key, path, keysAt(schema, own), context);
      return;
    case "invalid_union":
      reportUnion(issue, schema, base, context);
      return;
    case "invalid_value":
      misfit(path, oneOf(issue.values), context, { names: issue.values.filter((value) => typeof value === "string") });
      return;
    case "invalid_type":
      misfit(path, mappingWords(issue.expected, keysAt(schema, own)), context);
      return;
    case "too_small":
    case "too_big":
      misfit(path, `a list of ${String(issue.code === "too_small" ? issue.minimum : issue.maximum)} values`, context);
      return;
    default:
      misfit(path, param(issue, "expected"), context, { reason: param(issue, "reason"), nearest: param(issue, "nearest") });
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = { object: "a mapping", record: "a mapping", array: "a list", tuple: "a list" };

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(", ")}`;
}

/** What a leaf type says about a value that does not fit it. */
function param(issue: Issue, name: "expected" | "reason" | "nearest"): string | undefined {
  const value: unknown = issue.code === "custom" ? issue.params?.[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

function unknownKey(key: string, path: Path, valid: readonly string[] | undefined, { tree, found }: Context): void {
  const at = entryAt(tree, [...path, key])?.keyAt ?? placeOf(tree, path);
  const unsupported = unsupportedKey([...path, key]);
  if (unsupported !== undefined) {
    found.error(at, `"${key}" can't be simulated: ${unsupported}`);
    return;
  }
  const where = path.length === 0 ? "" : ` in ${pathText(path)}`;
  const expected = valid === undefined ? undefined : oneOf([...valid].sort());
  found.error(at, `unknown key "${key}"${where}`, { expected, nearest: meantKey(key, path, valid ?? [], tree) });
}

interface MisfitDetails {
  readonly reason?: string | undefined;
  readonly nearest?: string | undefined;
  readonly names?: readonly string[];
}

function misfit(path: Path, expected: string | undefined, { tree, found }: Context, { reason, nearest, names }: MisfitDetails = {}): void {
  const value = treeAt(tree, path);
  const name = path.length === 0 ? "the scenario" : pathText(path);
  if (value === undefined) {
    found.error(placeOf(tree, path), `"${String(path.at(-1))}" is missing${placeWords(path.slice(0, -1))}`, { expected });
    return;
  }
  const why = reason === undefined ? "" : `: ${reason}`;
  const written = value.kind === "scalar" ? value.text : undefined;
  found.error(placeOf(tree, path), `${name} can't be ${describe(value)}${why}`, {
    expected,
    nearest,
    names: names === undefined || written === undefined ? undefined : { written, valid: names },
  });
}

function placeWords(path: Path): string {
  return path.length === 0 ? "" : ` in ${pathText(path)}`;
}

type UnionIssue = z.core.$ZodIssueInvalidUnion;

/** Several forms were possible: the form that was most likely meant is the one with the fewest mistakes. */
function reportUnion(issue: UnionIssue, schema: z.core.$ZodType, base: Path, context: Context): void {
  const own = stepsOf(issue);
  const path = [...base, ...own];
  const all: readonly (readonly Issue[])[] = issue.errors;
  const branches = all.filter((errors) => !errors.some(isRootMisfit));
  if (branches.length === 0) {
    const forms = all.map((errors, index) => formOf(errors.find(isRootMisfit), branchSchema(schema, own, index)));
    const first = (name: "reason" | "nearest"): string | undefined =>
      all
        .flat()
        .map((each) => param(each, name))
        .find((each) => each !== undefined);
    misfit(path, [...new Set(forms)].join(", or "), context, { reason: first("reason"), nearest: first("nearest") });
    return;
  }
  const forms = new Set(all.flatMap((_, index) => keysAt(branchSchema(schema, own, index), []) ?? []));
  const likely = branches.reduce((best, each) => (mistakes(each, forms) < mistakes(best, forms) ? each : best));
  reportAll(likely, branchSchema(schema, own, all.indexOf(likely)), path, context);
}

/** What one form of a union looks like. */
function formOf(issue: Issue | undefined, branch: z.core.$ZodType): string {
  if (issue?.code !== "invalid_type") return issue === undefined ? "another value" : (param(issue, "expected") ?? "another value");
  return mappingWords(issue.expected, keysAt(branch, []));
}

function mappingWords(type: string, keys: readonly string[] | undefined): string {
  const words = TYPE_WORDS[type] ?? `a ${type}`;
  return keys === undefined || keys.length === 0 ? words : `${words} with ${keys.join(", ")}`;
}

/** The value as a whole does not have the form, for example a number where a mapping could stand. */
function isRootMisfit({ path, code }: Issue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "custom");
}

/** A word or a key that only another form takes (`direction: ingress`, `query:`) decides more than mistyped keys do. */
const WRONG_FORM_WEIGHT = 4;

/** `keys`: those of all forms together. */
function mistakes(issues: readonly Issue[], keys: ReadonlySet<string>): number {
  return issues.reduce((sum, issue) => {
    if (issue.code === "invalid_value") return sum + (issue.path.length <= 1 ? WRONG_FORM_WEIGHT : 1);
    if (issue.code !== "unrecognized_keys") return sum + 1;
    const weights = issue.keys.map((key) => (issue.path.length === 0 && keys.has(key) ? WRONG_FORM_WEIGHT : 1));
    return sum + weights.reduce((a, b) => a + b, 0);
  }, 0);
}

function branchSchema(schema: z.core.$ZodType, path: Path, index: number): z.core.$ZodType {
  return unionOptions(schema, path)[index] ?? schema;
}
