/** How the parts of a resolution are put into words, the same for one configuration and for a comparison. */

import { formatCount } from "../core/units.js";
import type { EntriesOriginDocument, Given, MapDocument, NodeDocument, Severity, ShapeDocument, WarningDocument } from "./resolve-document.js";
import { widthOf, wrap } from "./text-layout.js";

/** Prose, columns. */
export const PROSE_WIDTH = 80;
/** Tables, columns. */
export const TABLE_WIDTH = 100;
export const INDENT = "  ";

/** Longest path in a table, columns. */
const PATH_MAX = 28;

/** `1 node`, `20 nodes`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)!}`;
}

/** A text of at most `width` columns; what is left out is at the front. */
export function keepEnd(text: string, width: number): string {
  return widthOf(text) <= width ? text : `…${[...text].slice(1 - width).join("")}`;
}

/** A text of at most `width` columns; what is left out is at the end. */
export function keepStart(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join("")}…`;
}

/** `values.yaml:12 bpf.ctTcpMax`, `--set bpf.ctTcpMax`. */
export function givenText(given: Given): string {
  return `${placeText(given)} ${given.name}`;
}

/** Only where: `values.yaml:12`, `--set`. */
export function placeText({ file, line }: Given): string {
  return line === null ? file : `${shortPath(file)}:${line}`;
}

/** As many folders from the end of a path as there is room for; the head of a report names files in full. */
function shortPath(path: string): string {
  if (widthOf(path) <= PATH_MAX) return path;
  const steps = path.split("/");
  let kept = steps.pop()!;
  while (steps.length > 0 && widthOf(kept) + widthOf(steps.at(-1)!) + 3 <= PATH_MAX) kept = `${steps.pop()!}/${kept}`;
  return keepEnd(`…/${kept}`, PATH_MAX);
}

/** The last step of a path alone, where two stand side by side. */
export function briefPlaceText({ file, line }: Given): string {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return line === null ? file : `${keepEnd(name, PATH_MAX)}:${line}`;
}

/** Where a number of entries came from, in a few words. */
export function originText({ origin, entries, requestedEntries }: MapDocument, node: NodeDocument): string {
  const rounded = entries === requestedEntries ? "" : `; the kernel rounds ${formatCount(requestedEntries)} up`;
  return reason(origin, node) + rounded;
}

function reason(origin: EntriesOriginDocument, { sizing }: NodeDocument): string {
  const { kind, setting, given, computed, roundedToCpus } = origin;
  const memory = computed === null ? "" : `memory gives ${formatCount(computed)}`;
  const toCpus = roundedToCpus === null ? "" : `, a multiple of ${plural(roundedToCpus, "CPU")}`;
  switch (kind) {
    case "given":
      return given === null ? (setting ?? "") : givenText(given);
    case "default":
      return `default of ${setting ?? ""}`;
    case "static default":
      return "static default, ratio 0";
    case "share of memory":
      return `${sizing?.ratio ?? 0} of memory${toCpus}`;
    case "floor":
    case "ceiling":
      return `${kind}, ${memory}${toCpus}`;
    case "two thirds of conntrack":
      return `2/3 of conntrack, not ${formatCount(computed ?? 0)}`;
    case "follows NAT":
    case "fixed":
      return kind;
  }
}

/** `16cpu,64Gi × 78`. */
export function shapeText({ node, nodes }: ShapeDocument): string {
  return nodes === 1 ? node : `${node} × ${formatCount(nodes)}`;
}

const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

/** `2 errors, 1 warning, 3 notes`, or `nothing to remark on`. */
export function tally(warnings: readonly WarningDocument[]): string {
  const parts = SEVERITIES.flatMap((severity) => {
    const count = warnings.filter((each) => each.severity === severity).length;
    return count === 0 ? [] : [plural(count, severity)];
  });
  return parts.length === 0 ? "Nothing to remark on" : parts.join(", ");
}

export type Paint = (text: string) => string;

/** How loud each severity is. */
export type SeverityPaint = Readonly<Record<Severity, Paint>>;

/** Warnings with their reasons and the settings to look at. `shapes` is how many node shapes there are. */
export function warningLines(warnings: readonly WarningDocument[], shapes: number, paint: SeverityPaint): string[] {
  return warnings.flatMap(({ severity, code, title, settings, cases }) => {
    const head = wrap(`${severity}: ${title} (${code})`, PROSE_WIDTH, "", INDENT).map(paint[severity]);
    const body = cases.flatMap(({ why, nodes }) => {
      const where = nodes.length === shapes ? "" : `On ${listed(nodes)}: `;
      return proseLines(where + why);
    });
    const places = settings.map(({ name, given }) => (given === null ? name : `${name} (${placeText(given)})`));
    return [...head, ...body, ...(places.length === 0 ? [] : proseLines(`→ ${places.join(", ")}`))];
  });
}

/** Indented prose; words longer than a line are cut. */
export function proseLines(text: string, width = PROSE_WIDTH, indent = INDENT): string[] {
  const fitting = text
    .split(/\s+/)
    .map((word) => keepStart(word, width - indent.length))
    .join(" ");
  return wrap(fitting, width, indent);
}
