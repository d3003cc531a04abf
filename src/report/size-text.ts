/** `ctlab size` in words, at most 80 columns: what to set, why, what it costs, and when that is wrong. */
import pc from "picocolors";
import { formatBytes, formatCount, formatDuration } from "../core/units.js";
import type { ClosedForm, ClosedFormLine, GoalResult, OtherSize, SizedMapResult, SizeResult } from "../observe/size-result.js";
import { type Column, plainTable, wrap } from "./text-layout.js";
import { ratioText, shareText } from "./wording.js";

const WIDTH = 80;
const INDENT = "  ";
const SIGN: Readonly<Record<GoalResult["outcome"], string>> = { met: "✓", missed: "✗", inconclusive: "?" };

type Colors = ReturnType<typeof pc.createColors>;
const right = (title: string): Column => ({ title, align: "right" });
const left = (title: string): Column => ({ title, align: "left" });

/** Text with a final newline. */
export function sizeText(result: SizeResult, color: boolean): string {
  const colors = pc.createColors(color);
  const loaded = result.sizes.filter(({ peak }) => peak > 0);
  return `${[
    ...headLines(result, colors),
    "",
    ...wrap(headline(result), WIDTH).map(colors.bold),
    "",
    ...snippetLines(result, colors),
    "",
    ...tableLines(loaded, colors),
    "",
    ...loaded.flatMap((map) => mapLines(map, colors)),
    ...result.others.flatMap(otherLines),
    "",
    colors.cyan("By hand"),
    ...result.closedForm.filter(({ entries }) => entries > 0).flatMap(formLines),
    "",
    colors.cyan("Goals"),
    ...result.goals.flatMap(({ text, outcome, actual }) => wrap(`${SIGN[outcome]} ${text}: ${actual}`, WIDTH, INDENT, `${INDENT}${INDENT}`)),
    "",
    colors.cyan("Wrong when"),
    ...result.wrongWhen.flatMap((text) => wrap(`- ${text}`, WIDTH, INDENT, `${INDENT}${INDENT}`)),
  ].join("\n")}\n`;
}

/** The settings to change, as Helm values; empty when none. */
export function helmSnippet({ sizes, others }: SizeResult): string {
  const changed = new Map<string, number>();
  for (const { value, current, recommended } of [...sizes, ...others]) {
    if (recommended !== current) changed.set(value, Math.max(recommended, changed.get(value) ?? 0));
  }
  const groups = new Map<string, string[]>();
  for (const [value, size] of changed) {
    const [group, name] = value.split(".") as [string, string];
    groups.set(group, [...(groups.get(group) ?? []), `  ${name}: ${size}`]);
  }
  return [...groups].map(([group, lines]) => `${group}:\n${lines.join("\n")}\n`).join("");
}

function headLines({ scenario, profile, seed, runs, partial }: SizeResult, colors: Colors): string[] {
  const name = scenario.variant === null ? scenario.name : `${scenario.name} ${scenario.variant}`;
  const facts = `${name} · Cilium ${profile.cilium}, kernel ${profile.kernel} · seed ${seed} · ${runs.length} confirming ${runs.length === 1 ? "run" : "runs"}`;
  return [...wrap(facts, WIDTH).map(colors.dim), ...(partial ? [colors.yellow("PARTIAL: interrupted before the sizes were confirmed")] : [])];
}

function headline(result: SizeResult): string {
  const changed = result.sizes.filter(({ current, recommended }) => current !== recommended);
  const [first, second] = [...result.sizes].filter(({ peak }) => peak > 0).sort((a, b) => b.needed / b.current - a.needed / a.current);
  const bound = first === undefined ? "No map of connections has a load." : `First limit: ${limit(first)}.${second === undefined ? "" : ` Second: ${limit(second)}.`}`;
  const told = changed.length === 0 ? "The present sizes are right." : `${changed.map(({ value, current, recommended }) => `${value} ${formatCount(current)} → ${formatCount(recommended)}`).join(", ")}.`;
  const proof = { met: "The goals hold there.", missed: "The goals are MISSED even there.", inconclusive: "So few runs can't decide the goals there." }[result.outcome];
  return `${told} ${proof} ${bound}`;
}

function limit({ map, needed, current }: SizedMapResult): string {
  return `${map}, which needs ${shareText(needed / current)} of its present size`;
}

function snippetLines(result: SizeResult, colors: Colors): string[] {
  const snippet = helmSnippet(result);
  if (snippet === "") return [colors.dim("No Helm value to change.")];
  const cost = result.sizes.reduce((sum, { memoryNow, memoryThen }) => sum + memoryThen - memoryNow, 0);
  const sign = cost < 0 ? "less" : "more";
  return [
    ...snippet.trimEnd().split("\n").map((line) => `${INDENT}${line}`),
    "",
    ...wrap(`Kernel memory: ${formatBytes(Math.abs(cost))} ${sign} per node, ${formatBytes(Math.abs(cost) * result.nodes)} over ${result.nodes} nodes.`, WIDTH),
  ];
}

function tableLines(maps: readonly SizedMapResult[], colors: Colors): string[] {
  if (maps.length === 0) return [];
  const rows = maps.map(({ map, current, recommended, needed, peak, memoryThen, months }) => [
    map,
    formatCount(current),
    formatCount(recommended),
    formatCount(needed),
    peak === 0 ? "–" : ratioText(peak / recommended),
    formatBytes(memoryThen),
    months === null ? "–" : months.toFixed(0),
  ]);
  const [head, ...lines] = plainTable([left("map"), right("now"), right("then"), right("needs"), right("pressure"), right("memory"), right("months")], rows);
  return [colors.dim(head!), ...lines];
}

function mapLines({ map, reason, origin, current, recommended, enough, disagreement, warnings, headroom }: SizedMapResult, colors: Colors): string[] {
  const alerts = warnings.flatMap(({ pressure, leadNs }) => (leadNs === null ? [] : [`${pressure}: ${formatDuration(Math.round(leadNs / 1e9) * 1e9)}`]));
  return [
    colors.cyan(map),
    ...wrap(`${capital(reason)}. Now ${formatCount(current)} (${origin}).${headroom === null ? "" : ` Room above the peak: ${shareText(headroom)}.`}`, WIDTH, INDENT),
    ...(enough < recommended ? wrap(`${formatCount(enough)} would be enough (--shrink).`, WIDTH, INDENT) : []),
    ...(alerts.length === 0 ? [] : wrap(`An alert at this pressure comes so long before it is full: ${alerts.join(", ")}.`, WIDTH, INDENT)),
    ...(disagreement === null ? [] : wrap(`By hand it differs: ${disagreement}.`, WIDTH, INDENT).map(colors.yellow)),
  ];
}

function otherLines({ value, current, recommended, reason }: OtherSize): string[] {
  const what = current === recommended ? `${value} ${formatCount(current)} is enough` : `${value} ${formatCount(current)} → ${formatCount(recommended)}`;
  return wrap(`${what}: ${reason}.`, WIDTH, "", INDENT);
}

function formLines({ map, there, lines, gcIntervalNs, gcIsAdaptive, entries }: ClosedForm): string[] {
  const gc = `GC every ${formatDuration(gcIntervalNs)}${gcIsAdaptive ? ", where the adaptive interval begins" : ""}`;
  return [
    ...wrap(`${map} = ${formatCount(entries)} (${gc})`, WIDTH, INDENT),
    ...(there === 0 ? [] : [`${INDENT}${INDENT}${formatCount(there)} from the start`]),
    ...lines.flatMap((line) => wrap(`${formatCount(Math.ceil(line.entries))} ${line.workload}: ${termsOf(line, gcIntervalNs)}`, WIDTH, `${INDENT}${INDENT}`, `${INDENT}${INDENT}${INDENT}`)),
  ];
}

function termsOf({ perSecond, connections, entriesEach, connectionNs, lifetimeNs, spanNs, atMost }: ClosedFormLine, gcIntervalNs: number): string {
  if (connections !== null) return `${formatCount(connections)} connections × ${entriesEach}`;
  const stays = connectionNs + lifetimeNs + gcIntervalNs;
  const cut = spanNs < stays ? `, cut to ${formatDuration(Math.round(spanNs))}` : "";
  const parts = [connectionNs, lifetimeNs, gcIntervalNs].map((span) => formatDuration(Math.round(span / 1e6) * 1e6)).join(" + ");
  const shared = atMost === null ? "" : `, at most ${formatCount(atMost)}: one for each pair of addresses`;
  return `${Number(perSecond.toPrecision(6))}/s × ${entriesEach} × (${parts}${cut})${shared}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
