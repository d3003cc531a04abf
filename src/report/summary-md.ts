/** `summary.md`: the verdict in words first, then the figures it rests on, variant by variant. */
import { formatBytes, formatCount, formatDuration } from "../core/units.js";
import type { ExperimentResult, GcRun, HookHistogram, NamedHistogram, VariantResult, Verdict } from "../observe/result.js";
import { alertRows, evaluatorText } from "./alert-text.js";
import { histRows, rowsText } from "./bpftrace-hist.js";
import { hookComparison } from "./hook-text.js";
import { windowNames } from "./summary-json.js";
import { type Column, markdownTable } from "./text-layout.js";
import {
  dropsTotal,
  dropText,
  evictionsLive,
  extremeText,
  gcStatistics,
  insertsRefused,
  mapMemory,
  outcomeText,
  peakPressure,
  quantileText,
  ratioText,
  seenText,
  shareText,
  tightestMap,
  variantName,
} from "./wording.js";

/** GC runs listed at the beginning and at the end. */
const GC_LISTED = 3;

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

export function summaryMarkdown(result: ExperimentResult): string {
  const several = result.variants.length > 1;
  return `${[
    `# ${result.scenario.name}`,
    "",
    ...(result.partial ? ["> **Partial**: the run was interrupted. Variants may be missing or shorter than asked for.", ""] : []),
    ...verdictLines(result.verdict),
    ...(several ? ["## Side by side", "", ...sideBySide(result), ""] : []),
    ...result.variants.flatMap((variant) => variantLines(result, variant, several)),
    ...repeatLines(result),
  ].join("\n")}\n`;
}

function verdictLines(verdict: Verdict): string[] {
  return [
    `**${verdict.headline}**`,
    "",
    ...verdict.findings.map(({ label, text }) => `- **${label}.** ${text}`),
    ...(verdict.findings.length > 0 ? [""] : []),
    ...assumptionLines(verdict),
  ];
}

function assumptionLines(verdict: Verdict): string[] {
  if (verdict.assumptions.length === 0) return [];
  return ["This rests on:", "", ...verdict.assumptions.map((text) => `- ${text}`), ""];
}

function sideBySide(result: ExperimentResult): string[] {
  const columns = [
    left("variant"),
    right("SYN p50"),
    right("p99 inside"),
    right("p99 outside"),
    right("dropped"),
    right("refused inserts"),
    right("live evictions"),
    right("peak fill"),
    right("map memory"),
    left("expectations"),
  ];
  const rows = result.variants.map((variant) => {
    const tightest = tightestMap(variant);
    const latency = (window: string, quantile: "p50Ns" | "p99Ns"): string => {
      const summary = variant.synLatency[window];
      return summary === undefined ? "–" : quantileText(summary, quantile);
    };
    return [
      variantName(result, variant),
      latency("all", "p50Ns"),
      latency("inside", "p99Ns"),
      latency("outside", "p99Ns"),
      formatCount(dropsTotal(variant)),
      formatCount(insertsRefused(variant)),
      formatCount(evictionsLive(variant)),
      tightest === undefined ? "–" : `${ratioText(peakPressure(tightest))} ${tightest.name}`,
      formatBytes(mapMemory(variant)),
      outcomeText(variant.expectations),
    ];
  });
  return markdownTable(columns, rows);
}

function variantLines(result: ExperimentResult, variant: VariantResult, several: boolean): string[] {
  const title = several ? [`## ${variantName(result, variant)}`, "", ...(variant.about === "" ? [] : [variant.about, ""])] : [];
  return [
    ...title,
    ...(several ? verdictLines(variant.verdict) : []),
    ...section("Expectations", expectationLines(variant)),
    ...section("Alerts", alertLines(variant)),
    ...section("SYN latency", latencyLines(variant, variant.synLatency)),
    ...section("Request latency", latencyLines(variant, variant.requestLatency)),
    ...section("Drops", dropLines(variant)),
    ...section("Maps", mapLines(variant)),
    ...section("Conntrack GC", gcLines(variant)),
    ...variant.hooks.flatMap((hook) => section(`Time at hook ${hook.hook}`, hookLines(hook))),
    ...(variant.histograms ?? []).flatMap((histogram) => section(`Histogram: ${histogram.about}`, histogramLines(histogram))),
    ...section("What was simulated", countLines(variant)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`### ${title}`, "", ...lines, ""];
}

function expectationLines(variant: VariantResult): string[] {
  if (variant.expectations.length === 0) return [];
  const rows = variant.expectations.map(({ text, outcome, actual, file, line }) => [
    outcome,
    `\`${text}\``,
    actual,
    `${file}:${line}`,
  ]);
  return markdownTable([left("outcome"), left("expected"), left("measured"), left("stated in")], rows);
}

function alertLines({ alerts }: VariantResult): string[] {
  if (alerts === undefined) return [];
  const rows = alertRows(alerts).map(({ rule, labels, text }) => [rule.alert, formatDuration(rule.forNs), labels, text, `${rule.file}:${rule.line}`]);
  const columns = [left("alert"), left("for"), left("labels"), left("states"), left("stated in")];
  return [evaluatorText(alerts), "", ...markdownTable(columns, rows)];
}

function latencyLines(variant: VariantResult, latencies: VariantResult["synLatency"]): string[] {
  const names = windowNames(latencies).filter((name) => latencies[name]!.count > 0 || name === "all");
  if (names.length === 0 || latencies["all"]?.count === 0) return [];
  const columns = [left("connections opened"), ...["n", "min", "p50", "p90", "p99", "p99.9", "max", "mean"].map(right)];
  const rows = names.map((name) => {
    const summary = latencies[name]!;
    return [
      windowTitle(name, variant),
      formatCount(summary.count),
      extremeText(summary, "minNs"),
      quantileText(summary, "p50Ns"),
      quantileText(summary, "p90Ns"),
      quantileText(summary, "p99Ns"),
      quantileText(summary, "p999Ns"),
      extremeText(summary, "maxNs"),
      extremeText(summary, "meanNs"),
    ];
  });
  return markdownTable(columns, rows);
}

function windowTitle(name: string, variant: VariantResult): string {
  if (name === "inside") return `inside bursts (${variant.windows.length})`;
  if (name === "outside") return "outside bursts";
  return name;
}

function dropLines(variant: VariantResult): string[] {
  const { packets } = variant.counts;
  const columns = [
    left("reason (Cilium's number)"),
    left("direction"),
    right("packets"),
    right("inside"),
    right("outside"),
    right("established"),
    right("first"),
    right("last"),
  ];
  const rows = variant.drops.map((drop) => [
    dropText(drop),
    drop.direction,
    formatCount(drop.count),
    formatCount(drop.inside),
    formatCount(drop.outside),
    formatCount(drop.established),
    formatDuration(drop.firstNs),
    formatDuration(drop.lastNs),
  ]);
  const total = `Dropped: ${seenText(dropsTotal(variant), packets)} packets.`;
  const established = variant.drops.reduce((sum, drop) => sum + drop.established, 0);
  const ofEstablished = `Of established connections: ${seenText(established, packets)} packets.`;
  return rows.length === 0 ? [total] : [...markdownTable(columns, rows), "", `${total} ${ofEstablished}`];
}

function mapLines(variant: VariantResult): string[] {
  const columns = [
    left("map"),
    left("type"),
    right("max_entries"),
    right("peak entries"),
    right("peak pressure"),
    right("at"),
    right("at end"),
    right("refused"),
    right("evicted"),
    right("evicted live"),
    right("memory"),
    left("size from"),
  ];
  const rows = variant.maps.map((map) => [
    map.name,
    map.type,
    formatCount(map.maxEntries),
    formatCount(map.entriesMax),
    ratioText(peakPressure(map)),
    formatDuration(map.entriesMaxAtNs),
    formatCount(map.entriesAtEnd),
    formatCount(map.insertsRefused),
    formatCount(map.evictions),
    formatCount(map.evictionsLive),
    formatBytes(map.memoryBytes),
    map.origin,
  ]);
  if (rows.length === 0) return [];
  return [...markdownTable(columns, rows), "", `Kernel memory of these maps on one node: ${formatBytes(mapMemory(variant))}.`];
}

function gcLines(variant: VariantResult): string[] {
  const statistics = gcStatistics(variant.gcRuns);
  if (statistics === undefined) return ["GC did not run."];
  const { byCause } = statistics;
  const listed = variant.gcRuns.length <= 2 * GC_LISTED ? variant.gcRuns : variant.gcRuns.slice(0, GC_LISTED);
  const closing = variant.gcRuns.length <= 2 * GC_LISTED ? [] : variant.gcRuns.slice(-GC_LISTED);
  const skipped = variant.gcRuns.length - listed.length - closing.length;
  const columns = [
    right("start"),
    left("cause"),
    right("duration"),
    right("scanned"),
    right("deleted"),
    right("delete ratio"),
    right("next interval"),
  ];
  const gap = skipped > 0 ? [["…", `${skipped} more`, "", "", "", "", ""]] : [];
  return [
    `${formatCount(statistics.runs)} runs: ${byCause.start} at start, ${byCause.timer} by timer, ${byCause.signal} by signal. ` +
      `Duration ${formatDuration(statistics.durationMinNs)} to ${formatDuration(statistics.durationMaxNs)}, median ` +
      `${formatDuration(statistics.durationMedianNs)}. ${formatCount(statistics.deleted)} entries deleted, highest delete ratio ` +
      `${shareText(statistics.deleteRatioMax)}. Interval ${formatDuration(statistics.intervalMinNs)} to ` +
      `${formatDuration(statistics.intervalMaxNs)}.`,
    "",
    ...markdownTable(columns, [...listed.map(gcRow), ...gap, ...closing.map(gcRow)]),
  ];
}

function gcRow(run: GcRun): string[] {
  return [
    formatDuration(run.startNs),
    run.cause,
    formatDuration(run.endNs - run.startNs),
    formatCount(run.scanned),
    formatCount(run.deleted),
    shareText(run.deleteRatio),
    formatDuration(run.nextIntervalNs),
  ];
}

function hookLines(hook: HookHistogram): string[] {
  return ["```text", ...hookComparison(hook), "```"];
}

function histogramLines({ name, unit, buckets }: NamedHistogram): string[] {
  return ["```text", `@${name}_${unit}: `, ...rowsText(histRows(buckets)), "```"];
}

function countLines(variant: VariantResult): string[] {
  const { counts, flows } = variant;
  const retransmitted = seenText(counts.synRetransmitted, counts.synSent);
  const cut = variant.reachedNs < variant.durationNs ? ` of ${formatDuration(variant.durationNs)} (interrupted)` : "";
  return [
    `- Cilium ${variant.profile.cilium}, kernel ${variant.profile.kernel}; ${formatDuration(variant.reachedNs)}${cut} of simulated time; ` +
      `fingerprint \`${variant.fingerprint}\``,
    `- ${formatCount(counts.packets)} packets, ${formatCount(counts.events)} events, ${formatCount(counts.preloadedEntries)} preloaded entries`,
    `- ${formatCount(counts.connectionsOpened)} connections opened: ${formatCount(counts.connectionsEstablished)} established, failed ` +
      `${seenText(counts.connectionsFailed, counts.connectionsOpened)}, broken later ` +
      `${seenText(counts.connectionsBroken, counts.connectionsEstablished)}, ${formatCount(counts.connectionsPending)} still in the handshake`,
    `- SYNs retransmitted: ${retransmitted}`,
    `- flows: ${formatCount(flows.seen)} seen, ${formatCount(flows.written)} written (filter ${flows.filter})`,
  ];
}

function repeatLines(result: ExperimentResult): string[] {
  return [
    "## How to repeat it",
    "",
    "```sh",
    result.command,
    "```",
    "",
    `ctlab ${result.ctlab}, seed ${result.seed}, run ${result.run}, scenario \`${result.scenario.hash}\`, fingerprint \`${result.fingerprint}\`. ` +
      "The same version, scenario and seed give the same bytes.",
  ];
}
