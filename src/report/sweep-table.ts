/** A sweep's table as CSV, as Markdown and for a terminal. */
import pc from "picocolors";
import { formatCount } from "../core/units.js";
import type { SweepRow, SweepTable, SweptFigure } from "../observe/sweep-result.js";
import { figureText } from "./figure-text.js";
import { sweepColumns } from "./sweep-columns.js";
import { type Column, markdownTable, plainTable, wrap } from "./text-layout.js";
import { shareText } from "./wording.js";

const WIDTH = 80;
/** Figures in tables for people, with their titles there. */
const SHOWN: Readonly<Record<string, string>> = {
  syn_latency_p99: "SYN p99",
  failed_share: "failed",
  drops: "drops",
  inserts_refused: "refused",
  evictions_live: "live evictions",
  fill_max: "fill",
  map_memory: "memory",
};
/** Of those, the ones that a terminal has room for. */
const SHOWN_NARROW = ["syn_latency_p99", "failed_share", "evictions_live", "fill_max", "map_memory"];

/** Of settings that move together, those that tables for people show. */
const JOINED_SHOWN = 2;

/** Means and bounds in full, times in ns, an empty cell where a run could not state a figure. */
export function sweepCsv(table: SweepTable): string {
  const columns = sweepColumns(table);
  const cell = (value: number | string | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.map(({ name }) => cell(name)), ...table.rows.map((_, row) => columns.map(({ values }) => cell(values[row]!)))];
  return `${lines.map((line) => line.join(",")).join("\n")}\n`;
}

export function sweepMarkdown(table: SweepTable): string {
  const { plan } = table;
  return `${[
    `# ${plan.scenario}`,
    "",
    ...markdownTable(columnsOf(table, Object.keys(SHOWN)), table.rows.map((row) => cellsOf(table, row, Object.keys(SHOWN), true))),
    "",
    legend(table, "in brackets"),
    "",
    `ctlab ${plan.ctlab}, seed ${plan.seed}, run ${plan.runs[0]!} to ${plan.runs.at(-1)!}, sweep ${plan.hash.slice(0, 16)}.`,
  ].join("\n")}\n`;
}

/** Text with a final newline, 80 columns if the settings' names allow. */
export function sweepText(table: SweepTable, color: boolean): string {
  const colors = pc.createColors(color);
  const [head, ...rows] = plainTable(columnsOf(table, SHOWN_NARROW), table.rows.map((row) => cellsOf(table, row, SHOWN_NARROW, false)));
  return `${[colors.bold(head!), ...rows, "", ...wrap(legend(table, "in table.csv and table.json"), WIDTH)].join("\n")}\n`;
}

/** What the table says beyond its cells; `where` its bounds stand. */
function legend({ plan, rows, partial, confidence }: SweepTable, where: string): string {
  const joined = plan.axes.flatMap(({ paths }) => (paths.length > JOINED_SHOWN ? [`With ${paths[0]!} move ${paths.slice(1).join(", ")}. `] : [])).join("");
  const idle = idleLines({ plan, rows }).map((line) => `${line} `).join("");
  const missing = partial ? `${rows.length} of ${plan.points} points are finished. ` : "";
  return (
    `${missing}${joined}${idle}Means of ${plan.runs.length} ${plan.runs.length === 1 ? "run" : "runs"}; bounds of ${shareText(confidence)} stand ${where}. ` +
    "\"<\": nothing seen, which leaves so much possible (rule of three)."
  );
}

function columnsOf({ plan, rows }: SweepTable, figures: readonly string[]): readonly Column[] {
  const left = (title: string): Column => ({ title, align: "left" });
  const right = (title: string): Column => ({ title, align: "right" });
  return [
    ...(hasVariants(plan.variants) ? [left("variant")] : []),
    ...shownPaths(plan).map((path) => right(path.split(".").at(-1)!)),
    ...(rows.some(({ holds }) => holds !== null) ? [right("holds")] : []),
    ...figures.map((name) => right(SHOWN[name]!)),
  ];
}

function cellsOf({ plan, rows }: SweepTable, row: SweepRow, figures: readonly string[], withBounds: boolean): readonly string[] {
  return [
    ...(hasVariants(plan.variants) ? [row.variant ?? ""] : []),
    ...shownPaths(plan).map((path) => settingText(row.settings[path] ?? "")),
    ...(rows.some(({ holds }) => holds !== null) ? [row.holds === null ? "–" : `${row.holds} of ${row.runs}`] : []),
    ...figures.map((name) => cellOf(row.figures.find((figure) => figure.name === name), withBounds)),
  ];
}

/** A sentence for each setting that changes nothing that packets feel; evictions that none of them missed still count. */
export function idleLines(table: Pick<SweepTable, "plan" | "rows">): readonly string[] {
  const moves = new Set(table.rows.flatMap(({ figures }) => figures.flatMap(({ name, mean }) => (name === "evictions_live" && mean !== 0 ? [name] : []))));
  const what = moves.size === 0 ? "nothing" : "nothing for packets";
  return pathsWithoutEffect(table).map((path) => `${path} changes ${what}: the runs are the same, event for event.`);
}

/** First paths of axes along which every run is the same. */
function pathsWithoutEffect({ plan, rows }: Pick<SweepTable, "plan" | "rows">): readonly string[] {
  return plan.axes.flatMap(({ paths, values }) => {
    const alike = new Map<string, Set<string>>();
    for (const { variant, settings, fingerprints } of rows) {
      const others = JSON.stringify([variant, ...Object.entries(settings).filter(([path]) => !paths.includes(path))]);
      alike.set(others, (alike.get(others) ?? new Set()).add(fingerprints.join()));
    }
    return values.length > 1 && rows.length === plan.points && [...alike.values()].every(({ size }) => size === 1) ? [paths[0]!] : [];
  });
}

function shownPaths({ axes }: SweepTable["plan"]): readonly string[] {
  return axes.flatMap(({ paths }) => paths.slice(0, JOINED_SHOWN));
}

function hasVariants(variants: SweepTable["plan"]["variants"]): boolean {
  return variants.some((variant) => variant !== null);
}

function settingText(value: string): string {
  return /^\d{5,}$/.test(value) ? formatCount(Number(value)) : value;
}

function cellOf(figure: SweptFigure | undefined, withBounds: boolean): string {
  if (figure === undefined) return "–";
  const { mean, low, high, unit } = figure;
  if (mean === null) return "too few";
  if (mean === 0 && high !== null && high > 0) return `< ${figureText(high, unit)}`;
  const value = figureText(mean, unit);
  if (!withBounds || low === null || high === null) return value;
  const [from, to] = [figureText(low, unit), figureText(high, unit)];
  return from === to ? value : `${value} (${from} … ${to})`;
}
