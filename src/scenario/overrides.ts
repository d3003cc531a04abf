/** `--set path=value`: single values laid over a scenario, validated like the file itself. */

import type { Diagnostics } from "./diagnostics.js";
import { scenarioSchema } from "./schema.js";
import { isListAt, keysAt } from "./schema-walk.js";
import { SourceText, place, type Place } from "./source.js";
import { pathText, withEntry, type Path, type Tree, type TreeMap } from "./tree.js";
import { unsupportedKey } from "./unsupported.js";
import { parseYaml } from "./yaml.js";

/** Name under which `--set` arguments appear in diagnostics and provenance. */
export const SET_SOURCE = "--set";

interface Step {
  readonly text: string;
  readonly at: Place;
}

/** One `--set` argument, read but not yet laid over anything. */
export interface Override {
  readonly steps: readonly Step[];
  readonly value: Tree;
}

const FORM = "path=value, such as workloads.job.arrivals.poisson=3000/s";

/** Reads the arguments of all `--set` options; mistakes are reported. */
export function readOverrides(texts: readonly string[], found: Diagnostics): readonly Override[] {
  return texts.map((text) => readOverride(text, found)).filter((override) => override !== undefined);
}

function readOverride(text: string, found: Diagnostics): Override | undefined {
  const source = new SourceText(SET_SOURCE, text);
  const equals = text.indexOf("=");
  if (equals <= 0) {
    found.error(place(source, 0, text.length), "this sets nothing", { expected: FORM });
    return undefined;
  }
  const steps = readSteps(source, equals, found);
  const documents = parseYaml(source, found, { from: equals + 1 });
  if (steps === undefined || documents === undefined) return undefined;
  const at = place(source, equals + 1, text.length);
  const value: Tree = documents[0] ?? { kind: "scalar", value: null, text: "", quoted: false, at };
  return { steps, value };
}

/** `workloads[0].name` and `workloads.0.name` are the same; a dot inside a name is written `\.`. */
function readSteps(source: SourceText, end: number, found: Diagnostics): readonly Step[] | undefined {
  const steps: Step[] = [];
  const part = /((?:\\.|[^.[\]\\=])+)|\[(\d+)\]/y;
  for (let at = 0; at < end;) {
    part.lastIndex = at;
    const match = part.exec(source.text.slice(0, end));
    if (match === null) {
      found.error(place(source, at, at + 1), `"${source.text[at]}" can't stand here in a path`, { expected: FORM });
      return undefined;
    }
    const text = match[2] ?? match[1]!.replace(/\\(.)/g, "$1");
    steps.push({ text, at: place(source, at, part.lastIndex) });
    at = part.lastIndex;
    if (source.text[at] === ".") at++;
  }
  return steps;
}

/** Whether the override is meant for one variant: `variants.fixed.duration=1h`. */
export function isForVariant({ steps }: Override): boolean {
  return steps[0]!.text === "variants";
}

/** The file with an override for one of its variants. The variant must exist. */
export function overrideVariant(root: TreeMap, { steps, value }: Override, found: Diagnostics): TreeMap {
  const variants = root.entries.get("variants");
  const names = variants?.value.kind === "map" ? [...variants.value.entries.keys()] : [];
  const name = steps[1];
  if (name === undefined || steps.length < 3 || !names.includes(name.text)) {
    const expected = names.length === 0 ? "a scenario with variants" : `variants.NAME.path with one of ${names.join(", ")}`;
    const written = name?.text ?? "";
    found.error((name ?? steps[0]!).at, `there is no variant "${written}"`, { expected, names: { written, valid: names } });
    return root;
  }
  if (variants?.value.kind !== "map") return root;
  const variant = variants.value.entries.get(name.text)!;
  if (variant.value.kind !== "map") return root;
  const changed = override(variant.value, { steps: steps.slice(2), value }, found);
  const value2 = withEntry(variants.value, name.text, { ...variant, value: changed });
  return withEntry(root, "variants", { ...variants, value: value2 });
}

/** A scenario with an override. A path that the format does not have is reported, and the scenario stays as it is. */
export function override(root: TreeMap, { steps, value }: Override, found: Diagnostics): TreeMap {
  const result = setAt(root, [], steps, value, found);
  return result?.kind === "map" ? result : root;
}

function setAt(tree: Tree | undefined, path: Path, steps: readonly Step[], value: Tree, found: Diagnostics): Tree | undefined {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (isListAt(scenarioSchema, path)) return setInList(tree, path, steps, value, found);
  const valid = keysAt(scenarioSchema, path);
  if (valid !== undefined && !valid.includes(step.text)) {
    const unsupported = unsupportedKey([...path, step.text]);
    const where = path.length === 0 ? "" : ` in ${pathText(path)}`;
    const expected = valid.length === 0 ? `nothing below ${pathText(path)}` : `one of ${[...valid].sort().join(", ")}`;
    const message = unsupported === undefined ? `there is no "${step.text}"${where}` : `"${step.text}" can't be simulated: ${unsupported}`;
    found.error(step.at, message, unsupported === undefined ? { expected, names: { written: step.text, valid } } : {});
    return undefined;
  }
  const map: TreeMap = tree?.kind === "map" ? tree : { kind: "map", entries: new Map(), at: step.at };
  const below = setAt(map.entries.get(step.text)?.value, [...path, step.text], rest, value, found);
  return below === undefined ? undefined : withEntry(map, step.text, { keyAt: step.at, value: below });
}

/** Items of a list are chosen by index or by their `name`. */
function setInList(tree: Tree | undefined, path: Path, steps: readonly Step[], value: Tree, found: Diagnostics): Tree | undefined {
  const step = steps[0]!;
  const items = tree?.kind === "list" ? tree.items : [];
  const names = items.map(nameOf);
  const index = /^\d+$/.test(step.text) ? Number(step.text) : names.indexOf(step.text);
  if (index < 0 || index >= items.length) {
    const valid = names.filter((name) => name !== undefined);
    const expected =
      items.length === 0
        ? "a list with items"
        : `an index from 0 to ${items.length - 1}${valid.length > 0 ? `, or one of ${valid.join(", ")}` : ""}`;
    found.error(step.at, `${pathText(path)} has no item "${step.text}"`, { expected, names: { written: step.text, valid } });
    return undefined;
  }
  const changed = setAt(items[index], [...path, index], steps.slice(1), value, found);
  if (changed === undefined || tree?.kind !== "list") return undefined;
  return { ...tree, items: items.map((item, each) => (each === index ? changed : item)) };
}

function nameOf(tree: Tree): string | undefined {
  const name = tree.kind === "map" ? tree.entries.get("name")?.value : undefined;
  return name?.kind === "scalar" ? name.text : undefined;
}
