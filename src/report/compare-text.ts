/** `ctlab compare` in words: for a terminal of 80 columns, and as Markdown. */
import pc from "picocolors";
import { formatCount } from "../core/units.js";
import type { ComparedFigure, ComparisonResult } from "../observe/comparison-result.js";
import { ruleOfThree } from "../stats/binomial.js";
import { figureText, meanText, rangeText } from "./figure-text.js";
import { type Column, markdownTable, plainTable, wrap } from "./text-layout.js";
import { shareText } from "./wording.js";

const WIDTH = 80;
/** Settings listed; two unrelated files differ in hundreds. */
const SETTINGS_LISTED = 20;
/** A map that is nowhere near its limit on either side says nothing. */
const FILL_SHOWN = 0.01;

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

/** Whether what users feel is decided one way or the other. */
export function comparisonDecided({ figures, runs, partial }: ComparisonResult): boolean {
  return !partial && runs.length > 0 && figures.every(({ decides, direction }) => !decides || direction !== "undecided");
}

/** Text with a final newline. */
export function comparisonText(result: ComparisonResult, color: boolean): string {
  const colors = pc.createColors(color);
  const [head, ...rows] = plainTable(columnsOf(result), shown(result).map((figure) => cellsOf(result, figure)));
  return `${[
    ...sideLines(result).flatMap((line) => wrap(line, WIDTH, "", "   ")),
    ...settingLines(result).flatMap((line) => wrap(line, WIDTH, "   ", "     ")),
    "",
    ...(result.runs.length === 0 ? [] : [colors.bold(head!), ...rows, ""]),
    ...closing(result).flatMap((line) => wrap(line, WIDTH)),
  ].join("\n")}\n`;
}

/** The same for a page, with a final newline. */
export function comparisonMarkdown(result: ComparisonResult): string {
  return `${[
    `## ctlab compare`,
    "",
    ...sideLines(result).map((line) => `- ${line}`),
    ...settingLines(result).map((line) => `  - ${line}`),
    "",
    ...markdownTable(columnsOf(result), shown(result).map((figure) => cellsOf(result, figure))),
    "",
    ...closing(result).flatMap((line) => [line, ""]),
    `Repeat with \`${result.command}\` (ctlab ${result.ctlab}, seed ${result.seed}).`,
  ].join("\n")}\n`;
}

function columnsOf({ confidence }: ComparisonResult): readonly Column[] {
  return [left("per run"), right("A"), right("B"), right(`B - A, ${shareText(confidence)}`), left("B is")];
}

function cellsOf({ runs }: ComparisonResult, { label, unit, first, second, difference, direction }: ComparedFigure): readonly string[] {
  return [
    label,
    meanText(first.mean, unit, runs.length, first.trials),
    meanText(second.mean, unit, runs.length, second.trials),
    difference === null ? "–" : difference.low === 0 && difference.high === 0 ? "0" : rangeText(difference.low, difference.high, unit),
    direction === "none" ? "the same" : direction,
  ];
}

/** All but the maps that neither side fills nor sizes differently; their counts are in the JSON. */
function shown({ figures }: ComparisonResult): readonly ComparedFigure[] {
  return figures.filter(({ name, first, second, direction }) => {
    if (name.endsWith("_entries_max")) return false;
    if (!name.endsWith("_fill_max")) return true;
    const matters = Math.max(first.mean ?? 0, second.mean ?? 0) >= FILL_SHOWN;
    return matters && direction !== "none";
  });
}

function sideLines({ sides }: ComparisonResult): readonly string[] {
  return sides.map(({ label, file, scenario, variant }) => `${label}: ${scenario}${variant === null ? "" : ` ${variant}`} (${file})`);
}

function settingLines({ settings }: ComparisonResult): readonly string[] {
  if (settings.length === 0) return ["No setting differs."];
  const more = settings.length - SETTINGS_LISTED;
  return [
    ...settings.slice(0, SETTINGS_LISTED).map(({ setting, first, second }) => `${setting}: ${first ?? "none"} → ${second ?? "none"}`),
    ...(more > 0 ? [`and ${more} more (--json lists all)`] : []),
  ];
}

function closing(result: ComparisonResult): readonly string[] {
  const { runs, figures, identical, partial, tolerance, confidence } = result;
  if (runs.length === 0) return ["Interrupted before a pair of runs was finished."];
  const pairs = `${runs.length} ${runs.length === 1 ? "pair" : "pairs"} of runs on the same random numbers`;
  if (identical) return [`No difference in what happens: in ${pairs} both sides did the same, event for event.`, ...partialLines(partial)];
  const named = (wanted: ComparedFigure["direction"]): readonly string[] =>
    figures.filter(({ decides, direction }) => decides && direction === wanted).map(({ label }) => label);
  const parts = [
    ...sentence("B is lower in", named("lower")),
    ...sentence("B is higher in", named("higher")),
    ...sentence(`no difference of more than ${shareText(tolerance)} in`, named("none")),
    ...sentence("undecided (more runs would tell):", named("undecided")),
    ...sentence("too few samples for", named("no data")),
  ].join("; ");
  return [
    `${parts.charAt(0).toUpperCase()}${parts.slice(1)}.`,
    ...noneLines(result),
    `${pairs}; each interval holds the true difference with ${shareText(confidence)}, so of twenty rows one may err.`,
    ...partialLines(partial),
  ];
}

function sentence(start: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`${start} ${names.join(", ")}`];
}

/** What "none" in a row says. */
function noneLines({ figures, runs }: ComparisonResult): readonly string[] {
  const failed = figures.find(({ name }) => name === "failed_share");
  const trials = failed === undefined ? 0 : Math.min(failed.first.trials ?? 0, failed.second.trials ?? 0);
  const none = figures.some(({ unit, first, second }) => unit === "count" && (first.mean === 0 || second.mean === 0));
  return [
    ...(none ? [`"none" in ${runs.length} runs: on average below ${figureText(3 / runs.length, "count")} a run (rule of three).`] : []),
    ...(failed?.first.mean === 0 || failed?.second.mean === 0
      ? [`"<": none failed in ${formatCount(trials)} connections and queries, so fewer than ${shareText(ruleOfThree(trials))} do.`]
      : []),
  ];
}

function partialLines(partial: boolean): readonly string[] {
  return partial ? ["Interrupted: more runs were wanted."] : [];
}
