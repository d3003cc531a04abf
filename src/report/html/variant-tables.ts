/** The tables of one variant. */
import { formatBytes, formatCount, formatDuration } from "../../core/units.js";
import type { HookHistogram, LatencySummary, VariantResult } from "../../observe/result.js";
import { alertRows, evaluatorText } from "../alert-text.js";
import { bucketLabel, pairBuckets } from "../hook-text.js";
import { windowNames } from "../summary-json.js";
import { dropText, extremeText, gcStatistics, peakPressure, quantileText, ratioText, shareText } from "../wording.js";
import { html, type Html } from "./markup.js";
import { type Cell, figure, type Head, table, text } from "./table.js";
import { outcomeBadge } from "./verdict-section.js";

const word = (title: string): Head => ({ title });
const number = (title: string): Head => ({ title, numeric: true });

export function expectationTable({ expectations }: VariantResult): Html | undefined {
  if (expectations.length === 0) return undefined;
  const rows = expectations.map((one) => [
    text(html`<code>${one.text}</code>`),
    text(outcomeBadge(one.outcome)),
    text(one.actual),
    text(`${one.file}:${one.line}`),
  ]);
  return table(
    "Expectations and what was measured",
    [word("expected"), word("outcome"), word("measured"), word("stated in")],
    rows,
  );
}

export function alertTable({ alerts }: VariantResult): Html | undefined {
  if (alerts === undefined) return undefined;
  const rows = alertRows(alerts).map(({ rule, labels, text: states }) => [
    text(rule.alert),
    figure(formatDuration(rule.forNs), rule.forNs),
    text(labels),
    text(states),
    text(`${rule.file}:${rule.line}`),
  ]);
  const heads = [word("alert"), number("for"), word("labels"), word("states"), word("stated in")];
  return html`<p>${evaluatorText(alerts)}</p>${table("Alert rules over the run's metrics", heads, rows)}`;
}

export function latencyTable(caption: string, variant: VariantResult, latencies: VariantResult["synLatency"]): Html | undefined {
  if ((latencies["all"]?.count ?? 0) === 0) return undefined;
  const titles: Readonly<Record<string, string>> = {
    inside: `inside bursts (${variant.windows.length})`,
    outside: "outside bursts",
  };
  const rows = windowNames(latencies)
    .filter((name) => latencies[name]!.count > 0 && (name === "all" || variant.windows.length > 0))
    .map((name) => [text(titles[name] ?? name), ...latencyCells(latencies[name]!)]);
  const heads = ["n", "min", "p50", "p90", "p99", "p99.9", "max", "mean"].map(number);
  return table(`${caption} by when the connection was opened`, [word("opened"), ...heads], rows);
}

function latencyCells(summary: LatencySummary): Cell[] {
  const quantile = (which: "p50Ns" | "p90Ns" | "p99Ns" | "p999Ns"): Cell =>
    figure(quantileText(summary, which), summary[which] ?? -1);
  const extreme = (which: "minNs" | "maxNs" | "meanNs"): Cell => figure(extremeText(summary, which), summary[which] ?? -1);
  return [
    figure(formatCount(summary.count), summary.count),
    extreme("minNs"),
    quantile("p50Ns"),
    quantile("p90Ns"),
    quantile("p99Ns"),
    quantile("p999Ns"),
    extreme("maxNs"),
    extreme("meanNs"),
  ];
}

export function dropTable({ drops }: VariantResult): Html | undefined {
  if (drops.length === 0) return undefined;
  const rows = drops.map((drop) => [
    text(dropText(drop)),
    text(drop.direction),
    figure(formatCount(drop.count), drop.count),
    figure(formatCount(drop.inside), drop.inside),
    figure(formatCount(drop.outside), drop.outside),
    figure(formatCount(drop.established), drop.established),
    figure(formatDuration(drop.firstNs), drop.firstNs),
    figure(formatDuration(drop.lastNs), drop.lastNs),
  ]);
  const heads = [
    word("reason (Cilium's number)"),
    word("direction"),
    ...["packets", "inside bursts", "outside", "of established", "first", "last"].map(number),
  ];
  return table("Drops by reason", heads, rows);
}

export function mapTable({ maps }: VariantResult): Html | undefined {
  if (maps.length === 0) return undefined;
  const rows = maps.map((map) => [
    text(html`${map.name}<small>${map.type}, size from ${map.origin}${map.fillsByDesign && "; full by design"}</small>`),
    figure(formatCount(map.maxEntries), map.maxEntries),
    { show: html`${formatCount(map.entriesMax)}<small>at ${formatDuration(map.entriesMaxAtNs)}</small>`, key: map.entriesMax },
    figure(ratioText(peakPressure(map)), peakPressure(map)),
    figure(formatCount(map.insertsRefused), map.insertsRefused),
    figure(formatCount(map.evictions), map.evictions),
    figure(formatCount(map.evictionsLive), map.evictionsLive),
    figure(formatBytes(map.memoryBytes), map.memoryBytes),
  ]);
  const heads = [
    word("map"),
    ...["max_entries", "peak entries", "peak pressure", "refused", "evicted", "evicted live", "memory"].map(number),
  ];
  return table("Maps", heads, rows);
}

export function gcTable({ gcRuns }: VariantResult): Html {
  const statistics = gcStatistics(gcRuns);
  if (statistics === undefined) return html`<p>GC did not run.</p>`;
  const rows = gcRuns.map((run) => [
    figure(formatDuration(run.startNs), run.startNs),
    text(run.cause),
    figure(formatDuration(run.endNs - run.startNs), run.endNs - run.startNs),
    figure(formatCount(run.scanned), run.scanned),
    figure(formatCount(run.deleted), run.deleted),
    figure(shareText(run.deleteRatio), run.deleteRatio),
    figure(formatDuration(run.nextIntervalNs), run.nextIntervalNs),
  ]);
  const heads = [
    number("start"),
    word("cause"),
    ...["duration", "scanned", "deleted", "delete ratio", "next interval"].map(number),
  ];
  const told = [
    `Conntrack GC: ${formatCount(statistics.runs)} runs, ${formatCount(statistics.byCause.signal)} by signal`,
    `duration ${formatDuration(statistics.durationMinNs)} to ${formatDuration(statistics.durationMaxNs)}`,
    `interval ${formatDuration(statistics.intervalMinNs)} to ${formatDuration(statistics.intervalMaxNs)}`,
    `${formatCount(statistics.deleted)} entries deleted`,
  ].join("; ");
  return html`<details><summary>${told}</summary>${table("GC runs", heads, rows)}</details>`;
}

export function hookTable(hook: HookHistogram): Html | undefined {
  if (hook.buckets.length === 0) return undefined;
  const observed = hook.observed !== undefined;
  const rows = pairBuckets(hook).map((pair) => [
    figure(bucketLabel(pair.low), pair.low),
    figure(formatCount(pair.model), pair.model),
    figure(shareText(pair.modelShare), pair.modelShare),
    ...(observed
      ? [figure(formatCount(pair.observed), pair.observed), figure(shareText(pair.observedShare), pair.observedShare)]
      : []),
  ]);
  const heads = [number(hook.unit), ...["simulated", "share", ...(observed ? ["observed", "share"] : [])].map(number)];
  return html`<details><summary>Counts by bucket</summary>${table(`Time at hook ${hook.hook}`, heads, rows)}</details>`;
}
