/** One variant in full: its verdict, charts and tables. */
import { formatBytes, formatCount, formatDuration } from "../../core/units.js";
import type { ExperimentResult, HookHistogram, VariantResult } from "../../observe/result.js";
import { pairBuckets } from "../hook-text.js";
import { hasDrops, pressureOf } from "../series-access.js";
import { dropsTotal, peakPressure, quantileText, ratioText, seenText, shareText, tightestMap, variantName } from "../wording.js";
import { columnSelect, figureOf, zeroButton } from "./figures.js";
import { html, type Html, idOf } from "./markup.js";
import { alertFigure, callsFigure, callsTable, contentsFigure, histogramFigures, missingList, scrapedFigure } from "./node-figures.js";
import { alertTable, dropTable, expectationTable, gcTable, hookTable, latencyTable, mapTable } from "./variant-tables.js";
import { assumptionsList, findingsList } from "./verdict-section.js";

/** Anchor of a variant's panel. */
export function panelId(result: ExperimentResult, index: number): string {
  return idOf("variant", String(index + 1), variantName(result, result.variants[index]!));
}

/** `several`: the variant stands among others, so it says what it is and what came of it. */
export function variantSection(result: ExperimentResult, index: number, several: boolean): Html {
  const variant = result.variants[index]!;
  const id = (name: string): string => idOf(panelId(result, index), name);
  return html`${several && introduction(result, variant)}
${section("Expectations", id("expectations"), expectationTable(variant))}
${section("Alerts", id("alerts"), alertFigure(variant, index, id("alert-times")), alertTable(variant))}
${section("Service map", id("calls"), callsFigure(variant, index, id("call-map")), callsTable(variant))}
${section("Map fill", id("fill"), fillFigure(variant, index, id("pressure")), contentsFigure(variant, index, id("contents")), mapTable(variant), gcTable(variant))}
${section("Map pressure as monitoring has it", id("scrape"), scrapedFigure(variant, index, id("scraped")))}
${section("SYN latency", id("syn"), latencyFigure(variant, index, id("latency")), latencyTable("SYN latency", variant, variant.synLatency))}
${section("Request latency on established connections", id("request"), latencyTable("Request latency", variant, variant.requestLatency))}
${section("Drops", id("drop"), dropFigure(variant, index, id("drops")), dropTable(variant))}
${section("Age of evicted entries", id("evictions"), histogramFigures(variant, index, id("evicted"), ["eviction_"]))}
${section("Tries for a source port", id("nat"), histogramFigures(variant, index, id("nat"), ["nat_"]))}
${section("Time at hooks", id("hooks"), hookFigures(variant, index, id("hook")))}
${section("Handshakes and GC", id("spans"), histogramFigures(variant, index, id("span"), ["handshake", "gc_"]))}
${section("Everything that was sampled", id("series"), columnFigure(variant, index, id("column")))}
${section("What was simulated", id("counts"), counts(variant))}
${section("Not in this run", id("missing"), missingList(variant))}
`;
}

function introduction(result: ExperimentResult, variant: VariantResult): Html {
  return html`<h3 class="variant-name">${variantName(result, variant)}</h3>
${variant.about !== "" && html`<p class="about">${variant.about}</p>`}
<p class="variant-headline">${variant.verdict.headline}</p>${findingsList(variant.verdict)}${assumptionsList(variant.verdict)}`;
}

function section(title: string, id: string, ...parts: readonly (Html | undefined)[]): Html | undefined {
  const present = parts.filter((part) => part !== undefined);
  return present.length === 0
    ? undefined
    : html`<section class="part" aria-labelledby="${id}"><h3 id="${id}">${title}</h3>
${present}</section>`;
}

function fillFigure(variant: VariantResult, index: number, id: string): Html | undefined {
  if (!variant.maps.some((map) => pressureOf(variant, map) !== undefined)) return undefined;
  const tightest = tightestMap(variant)!;
  return figureOf({
    id,
    kind: "pressure",
    variant: index,
    title: "Entries over time, share of max_entries",
    controls: zeroButton(id),
    note:
      `${tightest.name} peaks at ${formatCount(tightest.entriesMax)} of ${formatCount(tightest.maxEntries)} entries ` +
      `(${ratioText(peakPressure(tightest))}) at ${formatDuration(tightest.entriesMaxAtNs)}. ` +
      `${shadingText(variant)}Lines from top to bottom: GC runs (${formatCount(variant.gcRuns.length)}), shaded where long.`,
  });
}

function shadingText({ windows }: VariantResult): string {
  return windows.length === 0 ? "" : `Shaded: ${windows.length === 1 ? "the burst" : `${windows.length} bursts`}. `;
}

function latencyFigure(variant: VariantResult, index: number, id: string): Html | undefined {
  const all = variant.synLatency["all"];
  if (all === undefined || all.count === 0) return undefined;
  const again = variant.synRetransmitNs?.[0];
  const mark = again === undefined ? "" : ` A lost SYN is sent again after ${formatDuration(again)}, nominally; marked.`;
  return figureOf({
    id,
    kind: "latency",
    variant: index,
    title: "Share of connections established within a time",
    note: `A step to the right of a mark is a retransmission. Median ${quantileText(all, "p50Ns")}, p99 ${quantileText(all, "p99Ns")}.${mark}`,
  });
}

function dropFigure(variant: VariantResult, index: number, id: string): Html {
  const total = dropsTotal(variant);
  const told = `Dropped: ${seenText(total, variant.counts.packets)} packets.`;
  if (total === 0 || !hasDrops(variant.series)) return html`<p>${told}</p>`;
  return figureOf({
    id,
    kind: "drops",
    variant: index,
    title: "Packets dropped over time, by reason",
    note: `${told}${variant.windows.length === 0 ? "" : " Bursts shaded."}`,
  });
}

function hookFigures({ hooks }: VariantResult, index: number, id: string): Html | undefined {
  const recorded = hooks.flatMap((hook, at) => (hook.buckets.length === 0 ? [] : [{ hook, at }]));
  if (recorded.length === 0) return undefined;
  return html`<div class="pair">
${recorded.map(({ hook, at }) => html`<div>${hookFigure(hook, index, at, idOf(id, String(at)))}${hookTable(hook)}</div>
`)}</div>`;
}

function hookFigure(hook: HookHistogram, index: number, at: number, id: string): Html | undefined {
  if (hook.buckets.length === 0) return undefined;
  const pairs = pairBuckets(hook);
  // The variation distance: half the sum of the differences of shares, 0 (equal) to 1 (nothing in common).
  const distance = pairs.reduce((sum, { modelShare, observedShare }) => sum + Math.abs(modelShare - observedShare), 0) / 2;
  const observed =
    hook.observed === undefined
      ? "Nobody has measured this hook on the real system."
      : `Observed: ${hook.observedSource ?? "source not given"}. The two differ in ${shareText(distance)} of their samples.`;
  return figureOf({
    id,
    kind: "hook",
    variant: index,
    index: at,
    title: `${hook.hook}: share of packets by time spent, logarithmic`,
    note: `Buckets as bpftrace's hist() has them. ${observed}`,
  });
}

function columnFigure(variant: VariantResult, index: number, id: string): Html | undefined {
  const { columns } = variant.series;
  if (columns.length === 0) return undefined;
  return figureOf({
    id,
    kind: "column",
    variant: index,
    title: "One series",
    note: `${columns.length} series, a sample every ${formatDuration(variant.series.stepNs)}; all are in series.csv.${variant.windows.length === 0 ? "" : " Bursts shaded."}`,
    controls: html`${columnSelect(
      id,
      columns.map(({ name, unit }) => [name, unit] as const),
    )}${zeroButton(id)}`,
  });
}

function counts(variant: VariantResult): Html {
  const { counts: of, flows } = variant;
  const cut = variant.reachedNs < variant.durationNs ? ` of ${formatDuration(variant.durationNs)}, interrupted` : "";
  const memory = variant.maps.reduce((sum, map) => sum + map.memoryBytes, 0);
  const facts: readonly (readonly [string, string])[] = [
    ["Versions", `Cilium ${variant.profile.cilium}, kernel ${variant.profile.kernel}`],
    ["Simulated time", `${formatDuration(variant.reachedNs)}${cut}`],
    ["Packets", formatCount(of.packets)],
    ["Events", formatCount(of.events)],
    ["Preloaded entries", formatCount(of.preloadedEntries)],
    ["Connections opened", formatCount(of.connectionsOpened)],
    ["Connections established", formatCount(of.connectionsEstablished)],
    ["Connections failed", seenText(of.connectionsFailed, of.connectionsOpened)],
    ["Established, then broken", seenText(of.connectionsBroken, of.connectionsEstablished)],
    ["Still in the handshake", formatCount(of.connectionsPending)],
    ["SYNs sent again", seenText(of.synRetransmitted, of.synSent)],
    ["Flows seen, written", `${formatCount(flows.seen)}, ${formatCount(flows.written)} (filter ${flows.filter})`],
    ["Kernel memory of the maps", formatBytes(memory)],
    ["Fingerprint", variant.fingerprint],
  ];
  return html`<dl class="facts-list">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
