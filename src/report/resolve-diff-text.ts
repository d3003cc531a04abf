/** What changes between two configurations or releases, for a terminal: live connections first. */

import pc from "picocolors";
import { formatBytes, formatCount } from "../core/units.js";
import type { ChangeDocument, ImpactDocument, MapChangeDocument, NodeDiffDocument, ResolveDiffDocument, ResolveDocument } from "./resolve-document.js";
import { left, proseTable, right } from "./resolve-tables.js";
import { restLines, section, severityPaint, type ResolveTextOptions } from "./resolve-text.js";
import { briefPlaceText, INDENT, keepStart, listed, plural, PROSE_WIDTH, proseLines, shapeText, warningLines } from "./resolve-wording.js";
import { plainTable, wrap } from "./text-layout.js";

type Colors = ReturnType<typeof pc.createColors>;

const ARROW = " → ";
/** Longest value in a table. */
const VALUE_MAX = 22;
const NAME_MAX = 46;

/** Text with a final newline. */
export function resolveDiffText(diff: ResolveDiffDocument, { color }: ResolveTextOptions): string {
  const colors = pc.createColors(color);
  const { before, after, nodes } = diff;
  const shapes = nodes.length;
  const paint = severityPaint(colors);
  return `${[
    ...proseLines(headFacts(before, after).join(" · "), PROSE_WIDTH, "").map(colors.dim),
    "",
    ...answerLines(diff, colors),
    ...section("Live connections, when the agents restart", impactLines(nodes, colors), colors),
    ...section("Settings", changeLines(diff.settings, colors), colors),
    ...nodes.flatMap((node, index) => mapLines(node, index === 0 ? null : nodes[0]!, colors)),
    ...section("Garbage collection", changeLines(diff.behaviour, colors), colors),
    ...section("Facts of the releases", changeLines(diff.facts.filter(isFactOfAgent).map(bare), colors), colors),
    ...section("Warnings that come", warningLines(diff.newWarnings, shapes, paint), colors),
    ...section("Warnings that go", warningLines(diff.goneWarnings, shapes, { error: colors.dim, warning: colors.dim, note: colors.dim }), colors),
    ...restLines({ assumptions: [...before.assumptions, ...after.assumptions] }, colors),
  ].join("\n")}\n`;
}

/** The chart's own facts show in what is said about the values. */
function isFactOfAgent({ name }: ChangeDocument): boolean {
  return !name.startsWith("helm.");
}

/** Values of a profile without JSON's quotes; null there is what does not exist or is not known. */
function bare(change: ChangeDocument): ChangeDocument {
  const text = (json: string): string => (json === "null" ? "–" : json.replaceAll('"', ""));
  return { ...change, before: text(change.before), after: text(change.after) };
}

/** Each fact once when it is the same on both sides. */
function headFacts(before: ResolveDocument, after: ResolveDocument): string[] {
  const pair = (a: string, b: string): string => (a === b ? a : a + ARROW + b);
  const files = ({ values }: ResolveDocument): string => (values.files.length === 0 ? "chart defaults" : values.files.join(", "));
  return [
    `Cilium ${pair(before.cilium, after.cilium)}`,
    `kernel ${pair(before.kernel, after.kernel)}`,
    ...after.nodes.map(shapeText),
    pair(files(before), files(after)),
  ];
}

function answerLines(diff: ResolveDiffDocument, colors: Colors): string[] {
  const { after, nodes, settings } = diff;
  const replaced = replacedMaps(nodes);
  const impacts = nodes.flatMap(({ connections }) => connections);
  const hit = (severity: ImpactDocument["severity"]): string[] => [
    ...new Set(impacts.filter((impact) => impact.severity === severity).map(({ map }) => map)),
  ];
  const breaks = hit("breaks");
  const mayBreak = hit("may break");
  const starts = after.starts ? [] : [`The agent does not start with what comes${refusalText(after)}.`];
  const fate =
    breaks.length > 0
      ? `Live connections break: ${listed(breaks)} ${breaks.length === 1 ? "loses its" : "lose their"} entries when an agent restarts.`
      : mayBreak.length > 0
        ? `Live connections may break: ${listed(mayBreak)} ${mayBreak.length === 1 ? "loses its" : "lose their"} entries when an agent restarts.`
        : replaced.length > 0
          ? `No live connection is touched: ${listed(replaced)} ${replaced.length === 1 ? "is" : "are"} replaced, and the entries written again.`
          : "No live connection is touched: no map is replaced.";
  const count = settings.length === 0 ? "No setting changes" : plural(settings.length, "setting changes", "settings change");
  const paint = after.starts ? colors.bold : (text: string) => colors.bold(colors.red(text));
  return [...wrap([...starts, fate, `${count}.`].join(" "), PROSE_WIDTH).map(paint), ...memoryLines(diff)];
}

function refusalText({ nodes }: ResolveDocument): string {
  const refusal = nodes.map((node) => node.refusal).find((each) => each !== null);
  return refusal === undefined ? "" : `: ${refusal}`;
}

function replacedMaps(nodes: readonly NodeDiffDocument[]): string[] {
  return [...new Set(nodes.flatMap(({ maps }) => maps.filter(({ fate }) => fate === "replaced").map(({ map }) => map)))];
}

function memoryLines({ nodes, before, after, fleetMemoryBytes }: ResolveDiffDocument): string[] {
  const sentences = nodes.map((node, index) => {
    const [old, now] = [before.nodes[index]!.memory.createdBytes, after.nodes[index]!.memory.createdBytes];
    const name = nodes.length > 1 ? ` with ${node.node}` : "";
    const peak = node.peakBytes > Math.max(old, now) ? `, ${formatBytes(node.peakBytes)} while old and new exist together` : "";
    return `A node${name}: ${formatBytes(old)}${ARROW}${formatBytes(now)} of kernel memory for maps as created (${signed(node.memoryBytes)})${peak}.`;
  });
  const fleet = after.fleet.nodes > 1 ? [`${plural(after.fleet.nodes, "node")}: ${signed(fleetMemoryBytes)}.`] : [];
  return [...sentences, ...fleet].flatMap((sentence) => wrap(sentence, PROSE_WIDTH, "", INDENT));
}

function signed(bytes: number): string {
  return bytes === 0 ? "no change" : `${bytes > 0 ? "+" : "−"}${formatBytes(Math.abs(bytes))}`;
}

/** Every effect once, with the maps whose loss has it. */
function impactLines(nodes: readonly NodeDiffDocument[], colors: Colors): string[] {
  const byEffect = new Map<string, { readonly impact: ImpactDocument; readonly maps: Set<string>; readonly on: Set<string> }>();
  for (const node of nodes) {
    for (const impact of node.connections) {
      const known = byEffect.get(impact.effect) ?? { impact, maps: new Set<string>(), on: new Set<string>() };
      byEffect.set(impact.effect, known);
      known.maps.add(impact.map);
      known.on.add(node.node);
    }
  }
  const paint = { breaks: colors.red, "may break": colors.yellow, unnoticed: colors.dim };
  return [...byEffect.values()].flatMap(({ impact, maps, on }) => {
    const where = on.size === nodes.length ? "" : ` on ${listed([...on])}`;
    const head = wrap(`${impact.severity}: ${[...maps].join(", ")}${where}`, PROSE_WIDTH, "", INDENT);
    return [...head.map(paint[impact.severity]), ...proseLines(impact.effect)];
  });
}

function changeLines(changes: readonly ChangeDocument[], colors: Colors): string[] {
  if (changes.length === 0) return [];
  const where = ({ givenBefore, givenAfter }: ChangeDocument): string => {
    if (givenBefore === null && givenAfter === null) return "";
    const text = (given: ChangeDocument["givenAfter"]): string => (given === null ? "default" : briefPlaceText(given));
    return text(givenBefore) + ARROW + text(givenAfter);
  };
  const rows = changes.map((change) => [
    keepStart(change.name, NAME_MAX),
    keepStart(change.before, VALUE_MAX),
    keepStart(change.after, VALUE_MAX),
    where(change),
  ]);
  const placed = rows.some((row) => row[3] !== "");
  const columns = [left("name"), left("before"), left("after"), ...(placed ? [left("where")] : [])];
  if (!placed) return headed(plainTable(columns, rows.map((row) => row.slice(0, 3))), colors);
  return headed(proseTable(columns, rows).flat(), colors);
}

function headed([head, ...rows]: readonly string[], colors: Colors): string[] {
  return [colors.dim(head!), ...rows];
}

/** Maps of a shape that change; of a further shape only when they are not those of the first. */
function mapLines(node: NodeDiffDocument, first: NodeDiffDocument | null, colors: Colors): string[] {
  const changed = node.maps.filter(isChanged);
  const title = `Maps on ${shapeText(node)}`;
  if (changed.length === 0) return section(title, ["no map changes"], colors);
  if (first !== null && JSON.stringify(first.maps.filter(isChanged)) === JSON.stringify(changed)) {
    return section(title, [`as on ${first.node}`], colors);
  }
  const columns = [left("map"), right("before"), right("after"), right("memory"), left("what becomes of it")];
  const rows = changed.map((map) => [map.map, entriesText(map.before), entriesText(map.after), signed(memoryChange(map)), fateText(map)]);
  return section(title, headed(proseTable(columns, rows).flat(), colors), colors);
}

function isChanged(map: MapChangeDocument): boolean {
  return map.fate !== "kept" || map.before?.entries !== map.after?.entries || memoryChange(map) !== 0;
}

function memoryChange({ before, after }: MapChangeDocument): number {
  return (after?.memory.createdBytes ?? 0) - (before?.memory.createdBytes ?? 0);
}

function entriesText(side: MapChangeDocument["before"]): string {
  return side === null ? "–" : formatCount(side.entries);
}

function fateText({ fate, causes }: MapChangeDocument): string {
  const reasons = causes.map(({ property, before, after }) => `${property} ${formatCount(before)}${ARROW}${formatCount(after)}`);
  return reasons.length === 0 ? fate : `${fate}: ${reasons.join(", ")}`;
}
