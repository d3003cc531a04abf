/** What a configuration gives, for a terminal: the answer, the maps, collection, what deserves a warning. */

import pc from "picocolors";
import { formatBytes, formatCount, formatDuration } from "../core/units.js";
import type { GcDocument, MapDocument, NodeDocument, ResolveDocument } from "./resolve-document.js";
import { fleetTable, mapRow, mapTable, walkTable } from "./resolve-tables.js";
import { INDENT, listed, placeText, plural, PROSE_WIDTH, proseLines, shapeText, tally, warningLines } from "./resolve-wording.js";
import { wrap } from "./text-layout.js";

type Colors = ReturnType<typeof pc.createColors>;

export interface ResolveTextOptions {
  readonly color: boolean;
}

/** Text with a final newline. */
export function resolveText(document: ResolveDocument, { color }: ResolveTextOptions): string {
  const colors = pc.createColors(color);
  const { nodes } = document;
  return `${[
    ...headLines(document, colors),
    "",
    ...answerLines(document, colors),
    ...(nodes.length > 1 ? ["", ...fleetTable(document, colors.dim)] : []),
    ...nodes.flatMap((node, index) => nodeLines(node, index === 0 ? null : nodes[0]!, colors)),
    ...gcLines(nodes, colors),
    ...section("Warnings", warningLines(document.warnings, nodes.length, severityPaint(colors)), colors),
    ...restLines(document, colors),
  ].join("\n")}\n`;
}

export function severityPaint(colors: Colors): Readonly<Record<"error" | "warning" | "note", (text: string) => string>> {
  return { error: colors.red, warning: colors.yellow, note: (text) => text };
}

/** Lines under a heading, with a blank line before; nothing without lines. */
export function section(title: string, lines: readonly string[], colors: Colors): string[] {
  return lines.length === 0 ? [] : ["", colors.cyan(title), ...lines];
}

function headLines({ cilium, kernel, nodes, values }: ResolveDocument, colors: Colors): string[] {
  const files = values.files.length === 0 ? ["chart defaults"] : values.files;
  const set = values.set.length === 0 ? [] : [plural(values.set.length, "--set", "--set")];
  const facts = [`Cilium ${cilium}`, `kernel ${kernel}`, ...nodes.map(shapeText), ...files, ...set];
  return proseLines(facts.join(" · "), PROSE_WIDTH, "").map(colors.dim);
}

function answerLines(document: ResolveDocument, colors: Colors): string[] {
  const { warnings, starts, nodes } = document;
  const errors = warnings.filter(({ severity }) => severity === "error");
  const paint = starts ? colors.bold : (text: string) => colors.bold(colors.red(text));
  const fault = errors.length === 0 ? "" : ` But ${listed(errors.map(({ title }) => title))}.`;
  const verdict = starts ? `The agent starts.${fault}` : `The agent does not start${refusedOn(document)}.`;
  const reasons = [...new Set(nodes.flatMap(({ refusal }) => refusal ?? []))].map((reason) => `It says: ${reason}.`);
  const text = [verdict, ...(starts ? [] : reasons), ...memorySentences(document)].join(" ");
  return [...wrap(text, PROSE_WIDTH).map(paint), `${tally(warnings)}. ${usedValues(document)}`];
}

/** The shapes on which it doesn't start, unless it is all of them. */
function refusedOn({ nodes }: ResolveDocument): string {
  const refused = nodes.filter(({ refusal }) => refusal !== null);
  return refused.length === 0 || refused.length === nodes.length ? "" : ` on ${listed(refused.map(({ node }) => node))}`;
}

function memorySentences({ nodes, fleet, starts }: ResolveDocument): string[] {
  const [only] = nodes;
  const take = starts ? "Its maps take" : "Its maps would take";
  const all = `${formatBytes(fleet.memory.createdBytes)} over ${plural(fleet.nodes, "node")}, at most ${formatBytes(fleet.memory.fullBytes)}`;
  if (nodes.length > 1 || only === undefined) return [`${take} ${all} when all are full.`];
  const { createdBytes, fullBytes } = only.memory;
  const node = `${formatBytes(createdBytes)} of kernel memory on a node, at most ${formatBytes(fullBytes)} when all are full`;
  return [`${take} ${node}${fleet.nodes > 1 ? `; ${all}` : ""}.`];
}

function usedValues({ values: { files, set, given, ignored } }: ResolveDocument): string {
  if (files.length === 0 && set.length === 0) return "No value was given.";
  const used = `${plural(given.length, "value that was given counts", "values that were given count")} here`;
  return ignored === 0 ? `${used}.` : `${used}, ${plural(ignored, "value decides", "values decide")} nothing.`;
}

/** The maps of a shape; of a further shape those that differ from the first one's. */
function nodeLines(node: NodeDocument, first: NodeDocument | null, colors: Colors): string[] {
  const shown = first === null ? new Set<string>() : new Set(first.maps.map((map) => mapRow(map, first).join()));
  const same = (map: MapDocument): boolean => shown.has(mapRow(map, node).join());
  const own = node.maps.filter((map) => !same(map));
  const others = node.maps.length - own.length;
  const lines = [
    ...sizingLines(node),
    ...mapTable(node, own, colors.dim),
    ...(others > 0 && first !== null ? [`the other ${plural(others, "map")} as on ${first.node}`] : []),
    ...(node.maglevBytesPerService === null
      ? []
      : [`${formatBytes(node.maglevBytesPerService)} more for Maglev's table of each service and address family`]),
  ];
  return section(`Maps on ${shapeText(node)}`, lines, colors);
}

/** How dynamic sizing arrives at its share. */
function sizingLines({ sizing, totalMemoryBytes, maps }: NodeDocument): string[] {
  const ratioGiven = maps.find(({ origin }) => origin.setting === "bpf.mapDynamicSizeRatio")?.origin.given ?? null;
  const where = ratioGiven === null ? "" : ` (${placeText(ratioGiven)})`;
  if (sizing === null) return proseLines(`dynamic sizing is off${where}: static defaults`, PROSE_WIDTH, "");
  const { ratio, availableBytes, divisorBytes } = sizing;
  const times = Number((availableBytes / divisorBytes).toPrecision(3));
  const share = `${ratio}${where} of ${formatBytes(totalMemoryBytes)} is ${formatBytes(availableBytes)}`;
  return proseLines(`dynamic sizing: ${share}, ${formatCount(times)} times the ${formatBytes(divisorBytes)} of the static defaults`, PROSE_WIDTH, "");
}

/** Everything but the walks is the same on all shapes. */
function gcLines(nodes: readonly NodeDocument[], colors: Colors): string[] {
  const gc = nodes[0]?.gc;
  if (gc === undefined) return [];
  const walk = gc.iteration === "batch" ? "Entries are read in batches" : "Entries are read one by one, two system calls each";
  const times = nodes.map((node) => node.gc.fullPassNs);
  const bounds = [...new Set([Math.min(...times), Math.max(...times)].map(formatDuration))];
  const moves = gc.adaptive ? " What moves the interval is how many entries of a map a pass deletes." : "";
  const text = `${intervalText(gc)} ${walk}; a pass over full maps takes ${bounds.join(" to ")} of CPU time.${moves}`;
  return section("Garbage collection", [...proseLines(text, PROSE_WIDTH, ""), ...walkTable(nodes, colors.dim)], colors);
}

function intervalText(gc: GcDocument): string {
  const where = gc.given === null ? "" : ` (${placeText(gc.given)})`;
  const metric = gc.intervalMetric ? "cilium_datapath_conntrack_gc_interval_seconds shows it" : "No metric shows it";
  if (!gc.adaptive) return `Every ${formatDuration(gc.maxIntervalNs)}, fixed${where}. ${metric}.`;
  const bounds = `${formatDuration(gc.minIntervalNs)} and ${formatDuration(gc.maxIntervalNs)}${where}`;
  const idle = `${formatDuration(gc.firstIdleIntervalNs)} after the first pass of an idle node`;
  return `The interval adapts between ${bounds} (${gc.form} form of the loop): ${idle}. ${metric}.`;
}

export function restLines({ assumptions }: Pick<ResolveDocument, "assumptions">, colors: Colors): string[] {
  const lines = [...new Set(assumptions)].flatMap((text) => wrap(text, PROSE_WIDTH, "- ", INDENT));
  return lines.length === 0 ? [] : ["", ...["Rests on", ...lines].map(colors.dim)];
}
