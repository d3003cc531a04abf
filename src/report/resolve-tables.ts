/** Tables of a resolution: the maps of a node, the fleet, GC's walks. No line is wider than `TABLE_WIDTH`. */

import { formatBytes, formatCount, formatDuration } from "../core/units.js";
import type { MapDocument, NodeDocument, ResolveDocument } from "./resolve-document.js";
import { keepEnd, keepStart, originText, TABLE_WIDTH, type Paint } from "./resolve-wording.js";
import { plainTable, widthOf, wrap, type Column } from "./text-layout.js";

const GAP = 2;
/** Longest name of a node shape in a table. */
const NODE_MAX = 22;

export const left = (title: string): Column => ({ title, align: "left" });
export const right = (title: string): Column => ({ title, align: "right" });

/**
 * A table whose last column is prose: it takes what is left of the width and goes on in further lines. Lines of a row
 * stay together in one item; the first item is the header.
 */
export function proseTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[][] {
  const last = columns.length - 1;
  const fixed = columns
    .slice(0, last)
    .reduce((sum, { title }, index) => sum + GAP + Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ""))), 0);
  const room = TABLE_WIDTH - fixed;
  const split = rows.map((row) => {
    const words = (row[last] ?? "").split(" ").map((word) => keepEnd(word, room));
    const lines = wrap(words.join(" "), room);
    return lines.map((line, index) => [...(index === 0 ? row.slice(0, last) : Array<string>(last).fill("")), line]);
  });
  const [head, ...lines] = plainTable(columns, split.flat());
  let at = 0;
  return [[head!], ...split.map(({ length }) => lines.slice(at, (at += length)))];
}

const MAP_COLUMNS = [left("map"), right("entries"), right("key+val"), right("created"), right("full"), left("from")];

/** Maps in the order of the plan, those that evict before those that refuse, with a line between. */
export function mapTable(node: NodeDocument, maps: readonly MapDocument[], dim: Paint): string[] {
  const groups = [
    { title: "evict when full (LRU)", own: maps.filter(({ whenFull }) => whenFull === "evicts") },
    { title: "refuse new entries when full", own: maps.filter(({ whenFull }) => whenFull !== "evicts") },
  ].filter(({ own }) => own.length > 0);
  const ordered = groups.flatMap(({ own }) => own);
  const [head, ...rows] = proseTable(
    MAP_COLUMNS,
    ordered.map((map) => mapRow(map, node)),
  );
  let at = 0;
  return [
    ...head!.map(dim),
    ...groups.flatMap(({ title, own }) => [dim(`${title}${perCpu(own)}`), ...rows.slice(at, (at += own.length)).flat()]),
  ];
}

function perCpu(maps: readonly MapDocument[]): string {
  return maps.some(({ kind }) => kind.includes("each CPU")) ? ", each CPU from its own share" : "";
}

/** The cells of a map's row. */
export function mapRow(map: MapDocument, node: NodeDocument): string[] {
  const { copies, memory } = map;
  const bytes = (size: number): string => (size === 0 ? "0" : formatBytes(size * copies));
  return [
    copies === 1 ? map.map : `${map.map} ×${copies}`,
    formatCount(map.entries),
    `${map.keyBytes}+${map.valueBytes}`,
    bytes(memory.createdBytes),
    bytes(memory.fullBytes),
    originText(map, node),
  ];
}

/** One line for each shape, and their sum. */
export function fleetTable({ nodes, fleet }: ResolveDocument, dim: Paint): string[] {
  const columns = [left("node"), right("nodes"), right("CT TCP"), right("CT other"), right("NAT"), right("created"), right("full"), right("fleet")];
  const entries = (node: NodeDocument, pattern: RegExp): string => {
    const map = node.maps.find(({ map: name }) => pattern.test(name));
    return map === undefined ? "–" : formatCount(map.entries);
  };
  const figures = nodes.map((node) => [
    formatCount(node.nodes),
    entries(node, /^ct[46]_global$/),
    entries(node, /^ct_any[46]_global$/),
    entries(node, /^snat_v[46]_external$/),
    formatBytes(node.memory.createdBytes),
    formatBytes(node.memory.fullBytes),
    formatBytes(node.memory.createdBytes * node.nodes),
  ]);
  const total = [formatCount(fleet.nodes), "", "", "", "", "", formatBytes(fleet.memory.createdBytes)];
  const room = TABLE_WIDTH - widthOf(plainTable(columns, [["", ...total], ...figures.map((row) => ["", ...row])])[0]!) + widthOf("node");
  const rows = figures.map((row, index) => [keepStart(nodes[index]!.node, room), ...row]);
  const [head, ...lines] = plainTable(columns, [...rows, ["all", ...total]]);
  return [dim(head!), ...lines];
}

/** CPU time of walks and, where the interval adapts, the deletions that move it; shapes with the same walks together. */
export function walkTable(nodes: readonly NodeDocument[], dim: Paint): string[] {
  const adaptive = nodes.some(({ gc }) => gc.adaptive);
  const rows = new Map<string, { readonly cells: readonly string[]; readonly on: string[] }>();
  for (const { node, gc } of nodes) {
    for (const { map, fullWalkNs, shortensAbove, lengthensBelow } of gc.walks) {
      const cells = [map, formatDuration(fullWalkNs), ...(adaptive ? [formatCount(shortensAbove), formatCount(lengthensBelow)] : [])];
      const row = rows.get(cells.join()) ?? { cells, on: [] };
      rows.set(cells.join(), row);
      row.on.push(keepStart(node, NODE_MAX));
    }
  }
  if (rows.size === 0) return [];
  const everywhere = [...rows.values()].every(({ on }) => on.length === nodes.length);
  const columns = [
    left("map"),
    right("walk when full"),
    ...(adaptive ? [right("shortens above"), right("lengthens below")] : []),
    ...(everywhere ? [] : [left("on")]),
  ];
  const lines = [...rows.values()].map(({ cells, on }) => [...cells, ...(everywhere ? [] : [on.join(" ")])]);
  const [head, ...body] = everywhere ? plainTable(columns, lines) : proseTable(columns, lines).flat();
  return [dim(head!), ...body];
}
