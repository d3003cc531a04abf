/**
 * `--grid 'bpf.ctTcpMax=256Ki,512Ki'`: a path and the values that it takes in turn. Paths of the scenario are written as for `--set`; what
 * the scenario does not have is a Helm value, with or without `helm.set.` before it. Paths joined by `&` move together.
 */
import { parseCount } from "../../core/units.js";
import type { GridAxis } from "../../observe/sweep-result.js";
import type { Diagnostics } from "../../scenario/diagnostics.js";
import { lookUp } from "../../scenario/helm/chart-keys.js";
import { scenarioSchema } from "../../scenario/schema.js";
import { keysAt } from "../../scenario/schema-walk.js";
import { place, SourceText } from "../../scenario/source.js";

/** Name under which `--grid` arguments appear in diagnostics. */
export const GRID_SOURCE = "--grid";
const FORM = "path=value,value…, such as bpf.ctTcpMax=256Ki,512Ki or cluster.pods&bpf.ctTcpMax=500&256Ki,2000&512Ki";
const HELM = "helm.set.";
/** The newest chart: a key of any release is a Helm value, the loader knows which release has it. */
const NEWEST = { minor: 19, patch: 99 };
/** Counts as people write them, which Helm would take as texts. */
const COUNT_WITH_UNIT = /^\d+(?:\.\d+)?(?:k|M|G|Ki|Mi|Gi)$/;

/** Reads the arguments of all `--grid` options; mistakes are reported. */
export function readGrid(texts: readonly string[], found: Diagnostics): readonly GridAxis[] {
  const taken = new Set<string>();
  return texts.flatMap((text) => {
    const axis = readAxis(new SourceText(GRID_SOURCE, text), found);
    if (axis === undefined) return [];
    for (const path of axis.paths) {
      const full = fullPath(path);
      const at = text.indexOf(path);
      if (taken.has(full)) found.error(place(new SourceText(GRID_SOURCE, text), at, at + path.length), `${path} is already varied`, { expected: "each path once" });
      taken.add(full);
    }
    return [axis];
  });
}

function readAxis(source: SourceText, found: Diagnostics): GridAxis | undefined {
  const { text } = source;
  const equals = text.indexOf("=");
  if (equals <= 0) {
    found.error(place(source, 0, text.length), "this varies nothing", { expected: FORM });
    return undefined;
  }
  const paths = text.slice(0, equals).split("&");
  let at = 0;
  let known = true;
  for (const path of paths) {
    known = checkPath(path, source, at, found) && known;
    at += path.length + 1;
  }
  const values: (readonly string[])[] = [];
  for (const value of splitTop(text.slice(equals + 1), ",")) {
    const parts = splitTop(value, "&");
    const start = at;
    at += value.length + 1;
    if (value.trim() === "") found.error(place(source, start, start + Math.max(1, value.length)), "a value is missing here", { expected: FORM });
    else if (parts.length !== paths.length) {
      const message = `${parts.length} ${parts.length === 1 ? "value" : "values"} for ${paths.length} paths`;
      found.error(place(source, start, start + value.length), message, { expected: `as many values joined by & as paths: ${FORM}` });
    } else if (values.some((each) => each.join("&") === parts.join("&"))) {
      found.error(place(source, start, start + value.length), `${value} stands here twice`, { expected: "each value once" });
    } else values.push(parts);
  }
  return known ? { paths, values } : undefined;
}

/** Only the first step: the rest is checked when the scenario is loaded. */
function checkPath(path: string, source: SourceText, at: number, found: Diagnostics): boolean {
  const [step] = path.split(/[.[]/) as [string];
  if (path !== "" && (isScenarioKey(step) || isHelmKey(step))) return true;
  const keys = keysAt(scenarioSchema, []) ?? [];
  const helm = lookUp([step], NEWEST);
  found.error(place(source, at, at + Math.max(1, step.length)), path === "" ? "a path is missing here" : `neither the scenario nor Helm has "${step}"`, {
    expected: `a path of the scenario, beginning with ${keys.join(", ")}, or a Helm value`,
    names: { written: step, valid: [...keys, ...(helm.status === "unknown" ? helm.siblings : [])] },
  });
  return false;
}

function isScenarioKey(step: string): boolean {
  return keysAt(scenarioSchema, [])?.includes(step) === true;
}

function isHelmKey(step: string): boolean {
  return lookUp([step], NEWEST).status !== "unknown";
}

function fullPath(path: string): string {
  return isScenarioKey(path.split(/[.[]/)[0]!) ? path : HELM + path;
}

/** The values of one point: `helm.set.bpf.ctTcpMax=262144` for each path, as `--set` takes them. */
export function overridesOf(axes: readonly GridAxis[], choice: readonly number[]): readonly string[] {
  return axes.flatMap(({ paths, values }, axis) => paths.map((path, i) => `${fullPath(path)}=${valueFor(path, values[choice[axis]!]![i]!)}`));
}

/** The same for people and tables, by path as written. */
export function settingsOf(axes: readonly GridAxis[], choice: readonly number[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    axes.flatMap(({ paths, values }, axis) => paths.map((path, i) => [path, valueFor(path, values[choice[axis]!]![i]!)] as const)),
  );
}

function valueFor(path: string, value: string): string {
  const isCount = fullPath(path).startsWith(HELM) && COUNT_WITH_UNIT.test(value);
  return isCount ? String(parseCount(value) ?? value) : value;
}

/** How many combinations there are. */
export function gridSize(axes: readonly GridAxis[]): number {
  return axes.reduce((product, { values }) => product * values.length, 1);
}

/** Which value of each axis the n-th combination has; the last axis moves fastest. */
export function choiceAt(axes: readonly GridAxis[], n: number): readonly number[] {
  let rest = n;
  return axes
    .toReversed()
    .map(({ values }) => {
      const index = rest % values.length;
      rest = (rest - index) / values.length;
      return index;
    })
    .reverse();
}

/** Splits outside of brackets, braces and quotes. */
function splitTop(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let [depth, quote, start] = [0, "", 0];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quote !== "") quote = letter === quote ? "" : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if ("[{".includes(letter)) depth++;
    else if ("]}".includes(letter)) depth--;
    else if (letter === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
