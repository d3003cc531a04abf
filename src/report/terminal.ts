/** The verdict for a terminal: at most 80 columns, one table, two small charts. */
import pc from "picocolors";
import { formatCount, formatDuration, NS_PER_S } from "../core/units.js";
import type { ExperimentResult, VariantResult, Verdict, Window } from "../observe/result.js";
import { alertRows } from "./alert-text.js";
import { latencyChart } from "./latency-chart.js";
import { pressureOf } from "./series-access.js";
import { type Column, highestPerCell, pad, plainTable, sparkline, widthOf, wrap } from "./text-layout.js";
import {
  dropsTotal,
  type Outcome,
  outcomeOf,
  peakPressure,
  quantileText,
  ratioText,
  shareText,
  tightestMap,
  TOO_SMALL,
  variantName,
} from "./wording.js";

/** Widest line, columns. */
const WIDTH = 80;
/** A variant's name is cut to this when the table would be too wide, and not below it. */
const NAME_MIN = 12;
/** Cells of the pressure chart. */
const CHART_CELLS = 40;
/** What the chart's cells and the range beside them leave for a name. */
const CHART_NAME_MAX = 20;
const INDENT = "  ";

export interface TerminalOptions {
  readonly color: boolean;
  /** Wall time of the run, ns; printed here and nowhere else. */
  readonly wallNs?: number;
  /** Where the report lies, as the user may open it. */
  readonly reportPath?: string;
}

type Colors = ReturnType<typeof pc.createColors>;

/** Colour only on a terminal, and never when `NO_COLOR` is set (no-color.org: to anything but the empty text). */
export function wantsColor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && (env["NO_COLOR"] ?? "") === "";
}

/** Text with a final newline. */
export function terminalReport(result: ExperimentResult, options: TerminalOptions): string {
  const colors = pc.createColors(options.color);
  return `${[
    ...headLines(result, colors),
    ...verdictLines(result, colors),
    "",
    ...tableLines(result, colors),
    ...chartLines(result, colors),
    ...latencyLines(result, colors),
    ...missedLines(result, colors),
    ...alertLines(result, colors),
    "",
    ...costLines(result, options, colors),
  ].join("\n")}\n`;
}

function headLines(result: ExperimentResult, colors: Colors): string[] {
  const profiles = [...new Set(result.variants.map(({ profile }) => `Cilium ${profile.cilium}, kernel ${profile.kernel}`))];
  const facts = [result.scenario.name, ...profiles, `seed ${result.seed}`, ...(result.run === 0 ? [] : [`run ${result.run}`])];
  const lines = wrap(facts.join(" · "), WIDTH).map(colors.dim);
  return result.partial ? [...lines, colors.yellow("PARTIAL: the run was interrupted")] : lines;
}

function verdictLines(result: ExperimentResult, colors: Colors): string[] {
  const { verdict } = result;
  return [
    "",
    ...wrap(verdict.headline, WIDTH).map(colors.bold),
    ...findingLines(verdict, colors),
    ...verdict.assumptions.flatMap((text, index) => [
      ...(index === 0 ? ["", colors.dim("Rests on")] : []),
      ...wrap(text, WIDTH, "- ", INDENT).map(colors.dim),
    ]),
  ];
}

function findingLines(verdict: Verdict, colors: Colors): string[] {
  return verdict.findings.flatMap(({ label, text }) => ["", colors.cyan(label), ...wrap(text, WIDTH, INDENT)]);
}

function tableLines(result: ExperimentResult, colors: Colors): string[] {
  const right = (title: string): Column => ({ title, align: "right" });
  const columns: Column[] = [
    { title: "variant", align: "left" },
    right("SYN p50"),
    right("p99 burst"),
    right("p99 else"),
    right("dropped"),
    right("peak"),
    { title: "expected", align: "left" },
  ];
  const lines = (nameMax: number): string[] =>
    plainTable(
      columns,
      result.variants.map((variant) => [shorten(variantName(result, variant), nameMax), ...tableFigures(variant)]),
    );
  const tooWide = Math.max(...lines(WIDTH).map(widthOf)) - WIDTH;
  const longest = Math.max(...result.variants.map((variant) => widthOf(variantName(result, variant))));
  const [head, ...rows] = lines(tooWide > 0 ? Math.max(NAME_MIN, longest - tooWide) : longest);
  return [colors.dim(head!), ...rows.map((row, index) => paint(row, outcomeOf(result.variants[index]!.expectations), colors))];
}

function tableFigures(variant: VariantResult): string[] {
  const { all, inside, outside } = variant.synLatency;
  const tightest = tightestMap(variant);
  return [
    all === undefined ? "–" : brief(quantileText(all, "p50Ns")),
    inside === undefined || inside.count === 0 ? "–" : brief(quantileText(inside, "p99Ns")),
    outside === undefined ? "–" : brief(quantileText(outside, "p99Ns")),
    formatCount(dropsTotal(variant)),
    tightest === undefined ? "–" : shareText(peakPressure(tightest)),
    outcomeBrief(variant),
  ];
}

/** `met 4/4`, `missed 1/4`. */
function outcomeBrief({ expectations }: VariantResult): string {
  const worst = outcomeOf(expectations);
  if (worst === "none") return "–";
  const count = expectations.filter(({ outcome }) => outcome === worst).length;
  return `${worst === "inconclusive" ? "unsure" : worst} ${count}/${expectations.length}`;
}

/** Keeps the table within the width. */
function brief(text: string): string {
  return text === TOO_SMALL ? "small n" : text;
}

function shorten(name: string, widest: number): string {
  return widthOf(name) <= widest ? name : `${[...name].slice(0, widest - 1).join("")}…`;
}

function paint(row: string, outcome: Outcome, colors: Colors): string {
  if (outcome === "missed") return colors.red(row);
  return outcome === "inconclusive" ? colors.yellow(row) : row;
}

/** Pressure of the tightest map, one line per variant, each on its own scale, which stands beside it. */
function chartLines(result: ExperimentResult, colors: Colors): string[] {
  const charted = result.variants.flatMap((variant) => {
    const map = tightestMap(variant);
    const values = map === undefined ? undefined : pressureOf(variant, map);
    return map === undefined || values === undefined || values.length === 0 ? [] : [{ variant, map, values }];
  });
  if (charted.length === 0) return [];
  const nameOf = (variant: VariantResult): string => shorten(variantName(result, variant), CHART_NAME_MAX);
  const nameWidth = Math.max(...charted.map(({ variant }) => widthOf(nameOf(variant))));
  const maps = [...new Set(charted.map(({ map }) => map.name))].join(", ");
  const lines = charted.map(({ variant, values }) => {
    const cells = perCell(values);
    const [low, high] = [Math.min(...cells), Math.max(...cells)];
    const name = pad(nameOf(variant), nameWidth, "left");
    return `${name}  ${colors.cyan(pad(sparkline(cells, low, high), CHART_CELLS, "left"))}  ${ratioText(low)} to ${ratioText(high)}`;
  });
  const longest = charted.reduce((most, { variant }) => Math.max(most, variant.durationNs), 0);
  const bursts = burstMarks(charted[0]!.variant.windows, charted[0]!.variant.durationNs);
  return [
    "",
    colors.dim(`pressure of ${maps}, 0 to ${formatDuration(longest)}, each line on its own scale`),
    ...lines,
    ...(bursts.trim() === "" ? [] : [colors.dim(`${pad("bursts", nameWidth, "left")}  ${bursts}`.trimEnd())]),
  ];
}

/** How long connections took to establish, one line per variant on a common scale. */
function latencyLines(result: ExperimentResult, colors: Colors): string[] {
  const charted = result.variants.flatMap((variant) => {
    const all = variant.synLatency["all"];
    return all === undefined || all.count === 0 ? [] : [{ name: shorten(variantName(result, variant), CHART_NAME_MAX), all }];
  });
  const chart = latencyChart(charted.map(({ all }) => all), CHART_CELLS);
  if (chart === null) return [];
  const nameWidth = Math.max(...charted.map(({ name }) => widthOf(name)));
  return [
    "",
    colors.dim("SYN latency, how many took how long, both logarithmic"),
    ...charted.map(({ name, all }, at) => {
      const slowest = all.maxNs === null ? "" : `  up to ${formatDuration(all.maxNs)}`;
      return `${pad(name, nameWidth, "left")}  ${colors.cyan(chart.lines[at]!)}${slowest}`;
    }),
    colors.dim(`${pad("", nameWidth, "left")}  ${chart.axis}`),
  ];
}

/** As many cells whatever was sampled, so that they stand above the marks of bursts. */
function perCell(values: readonly number[]): readonly number[] {
  if (values.length >= CHART_CELLS) return highestPerCell(values, CHART_CELLS);
  return Array.from({ length: CHART_CELLS }, (_, cell) => values[Math.floor((cell * values.length) / CHART_CELLS)]!);
}

function burstMarks(windows: readonly Window[], durationNs: number): string {
  return Array.from({ length: CHART_CELLS }, (_, cell) => {
    const from = (cell * durationNs) / CHART_CELLS;
    const to = ((cell + 1) * durationNs) / CHART_CELLS;
    return windows.some(({ startNs, endNs }) => startNs < to && endNs > from) ? "▔" : " ";
  }).join("");
}

function missedLines(result: ExperimentResult, colors: Colors): string[] {
  const open = result.variants.flatMap((variant) =>
    variant.expectations.filter(({ outcome }) => outcome !== "met").map((expectation) => ({ variant, expectation })),
  );
  if (open.length === 0) return [];
  return [
    "",
    ...open.flatMap(({ variant, expectation: { text, actual, outcome, file, line } }) => {
      const told = `${outcome}: ${text}, measured ${actual} (${variantName(result, variant)}, ${file}:${line})`;
      return wrap(told, WIDTH, "", INDENT).map(outcome === "missed" ? colors.red : colors.yellow);
    }),
  ];
}

/** Alerts that fired or could have, one line each; which rules stayed silent is in the report. */
function alertLines(result: ExperimentResult, colors: Colors): string[] {
  const lines = result.variants.flatMap((variant) => {
    const name = result.variants.length > 1 ? ` (${variantName(result, variant)})` : "";
    const rows = variant.alerts === undefined ? [] : alertRows(variant.alerts).filter(({ state }) => state === "fired" || state === "pending");
    return rows.flatMap(({ rule, labels, text }) => wrap(`${rule.alert}${name}: ${text}; ${labels}`, WIDTH, INDENT, `${INDENT}${INDENT}`));
  });
  const asked = result.variants.some(({ alerts }) => alerts !== undefined && alerts.evaluator !== null);
  return asked ? ["", colors.cyan("Alerts"), ...(lines.length === 0 ? [`${INDENT}None fired.`] : lines)] : [];
}

function costLines(result: ExperimentResult, options: TerminalOptions, colors: Colors): string[] {
  const sum = (of: (variant: VariantResult) => number): number =>
    result.variants.reduce((total, variant) => total + of(variant), 0);
  const simulatedNs = sum(({ reachedNs }) => reachedNs);
  const counted = `${formatCount(sum(({ counts }) => counts.packets))} packets, ${formatCount(sum(({ counts }) => counts.events))} events`;
  const wall = options.wallNs === undefined ? "" : ` in ${formatDuration(options.wallNs)}${speed(simulatedNs, options.wallNs)}`;
  return [
    ...wrap(`${counted}; ${formatDuration(simulatedNs)} simulated${wall}`, WIDTH).map(colors.dim),
    colors.dim(`fingerprint ${result.fingerprint}`),
    ...(options.reportPath === undefined ? [] : [`Report: ${options.reportPath}`]),
  ];
}

function speed(simulatedNs: number, wallNs: number): string {
  return wallNs < NS_PER_S / 1000 ? "" : ` (${formatCount(Math.round(simulatedNs / wallNs))} times real time)`;
}
