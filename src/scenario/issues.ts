/** What the validator found, as diagnostics: zod's issues with the places of the tree that was validated. */

import type { z } from "zod";
import type { Diagnostics } from "./diagnostics.js";
import { keysAt, unionOptions } from "./schema-walk.js";
import { describe, entryAt, pathText, placeOf, treeAt, type Path, type Tree } from "./tree.js";
import { unsupportedKey } from "./unsupported.js";

type Issue = z.core.$ZodIssue;

interface Context {
  readonly tree: Tree;
  readonly found: Diagnostics;
}

/** Reports every issue of a tree that `schema` refused. */
export function reportIssues(issues: readonly Issue[], schema: z.core.$ZodType, tree: Tree, found: Diagnostics): void {
  for (const issue of issues) report(issue, schema, [], { tree, found });
}

/** `base` is where `schema` starts; the issue's own path is relative to it. */
function report(issue: Issue, schema: z.core.$ZodType, base: Path, context: Context): void {
  const own = issue.path.filter((step) => typeof step !== "symbol");
  const path = [...base, ...own];
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys) unknownKey(key, path, keysAt(schema, own), context);
      return;
    case "invalid_union":
      reportUnion(issue, schema, base, context);
      return;
    case "invalid_value":
      misfit(path, oneOf(issue.values), context, { names: issue.values.map(String) });
      return;
    case "invalid_type":
      misfit(path, TYPE_WORDS[issue.expected] ?? `a ${issue.expected}`, context);
      return;
    case "too_small":
    case "too_big":
      misfit(path, `a list of ${String(issue.code === "too_small" ? issue.minimum : issue.maximum)} values`, context);
      return;
    default:
      misfit(path, expectedOf(issue), context, { reason: issue.message });
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = { object: "a mapping", record: "a mapping", array: "a list", tuple: "a list" };

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(", ")}`;
}

function expectedOf(issue: Issue): string | undefined {
  const expected: unknown = issue.code === "custom" ? issue.params?.["expected"] : undefined;
  return typeof expected === "string" ? expected : undefined;
}

function unknownKey(key: string, path: Path, valid: readonly string[] | undefined, { tree, found }: Context): void {
  const at = entryAt(tree, [...path, key])?.keyAt ?? placeOf(tree, path);
  const unsupported = unsupportedKey([...path, key]);
  if (unsupported !== undefined) {
    found.error(at, `"${key}" can't be simulated: ${unsupported}`);
    return;
  }
  const where = path.length === 0 ? "" : ` in ${pathText(path)}`;
  const expected = valid === undefined ? undefined : `one of ${[...valid].sort().join(", ")}`;
  const absent = (valid ?? []).filter((name) => entryAt(tree, [...path, name]) === undefined);
  found.error(at, `unknown key "${key}"${where}`, { expected, names: { written: key, valid: absent } });
}

interface MisfitDetails {
  readonly reason?: string;
  readonly names?: readonly string[];
}

function misfit(path: Path, expected: string | undefined, { tree, found }: Context, { reason, names }: MisfitDetails = {}): void {
  const value = treeAt(tree, path);
  const name = path.length === 0 ? "the scenario" : pathText(path);
  if (value === undefined) {
    found.error(placeOf(tree, path), `"${String(path.at(-1))}" is missing${placeWords(path.slice(0, -1))}`, { expected });
    return;
  }
  const why = reason === undefined || reason === "" ? "" : `: ${reason}`;
  const written = value.kind === "scalar" ? value.text : undefined;
  found.error(placeOf(tree, path), `${name} can't be ${describe(value)}${why}`, {
    expected,
    names: names === undefined || written === undefined ? undefined : { written, valid: names },
  });
}

function placeWords(path: Path): string {
  return path.length === 0 ? "" : ` in ${pathText(path)}`;
}

type UnionIssue = z.core.$ZodIssueInvalidUnion;

/** Several forms were possible: the form that was most likely meant is the one with the fewest mistakes. */
function reportUnion(issue: UnionIssue, schema: z.core.$ZodType, base: Path, context: Context): void {
  const own = issue.path.filter((step) => typeof step !== "symbol");
  const path = [...base, ...own];
  const all: readonly (readonly Issue[])[] = issue.errors;
  const branches = all.filter((errors) => !errors.some(isRootMisfit));
  if (branches.length === 0) {
    const forms = all.flat().filter(isRootMisfit);
    const reasons = forms.map(({ message, code }) => (code === "custom" ? message : "")).find((message) => message !== "");
    const words = forms.map((each) => (each.code === "invalid_type" ? (TYPE_WORDS[each.expected] ?? each.expected) : expectedOf(each)));
    const expected = [...new Set(words.filter((each) => each !== undefined))].join(", or ");
    misfit(path, expected, context, reasons === undefined ? {} : { reason: reasons });
    return;
  }
  const likely = branches.reduce((best, each) => (mistakes(each) < mistakes(best) ? each : best));
  for (const nested of likely) report(nested, branchSchema(schema, own, all.indexOf(likely)), path, context);
}

/** The value as a whole does not have the form, for example a number where a mapping could stand. */
function isRootMisfit({ path, code }: Issue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "custom");
}

function mistakes(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
}

function branchSchema(schema: z.core.$ZodType, path: Path, index: number): z.core.$ZodType {
  return unionOptions(schema, path)[index] ?? schema;
}
