/** Charts of what the node held and did, with the words beside them: contents of maps, scraped pressure, distributions, alerts, calls. */
import { formatCount, formatDuration, NS_PER_S } from "../../core/units.js";
import type { CallsResult, MapContents, NamedHistogram, VariantResult } from "../../observe/result.js";
import { peakPressure, shareText } from "../wording.js";
import { choice, figureOf, zeroButton } from "./figures.js";
import { html, type Html, idOf } from "./markup.js";
import { figure, table, text } from "./table.js";

/** Height of an alert's line and of the axes around them, pixels. */
const ALERT_ROW = 30;
const ALERT_AXES = 90;
/** The same for a workload of the service map. */
const CALL_ROW = 62;
const CALL_AXES = 60;

/** Fullest maps first, state before direction. */
function contentsInOrder({ contents = [], maps }: VariantResult): readonly MapContents[] {
  const fill = (name: string): number => {
    const map = maps.find((each) => each.name === name);
    return map === undefined || map.fillsByDesign ? 0 : peakPressure(map);
  };
  return [...contents].sort((a, b) => fill(b.map) - fill(a.map));
}

export function contentsFigure(variant: VariantResult, index: number, id: string): Html | undefined {
  const inOrder = contentsInOrder(variant);
  const [first] = inOrder;
  if (first === undefined) return undefined;
  const { sampled } = first;
  const looked = sampled === null ? "Every entry was looked at." : `Classes are shares of a sample of ${formatCount(sampled)} entries or more at each moment.`;
  return figureOf({
    id,
    kind: "contents",
    variant: index,
    title: "What the entries are",
    note: `${fullestMoment(first)} ${looked} GC runs as lines, shaded where long.`,
    controls: html`${choice(id, "Map", inOrder.map(({ map, by }) => [`${map} by ${by}`, `${map} by ${by}`]))}${zeroButton(id)}`,
  });
}

function fullestMoment({ map, timeNs, classes }: MapContents): string {
  const totals = timeNs.map((_, at) => classes.reduce((sum, { entries }) => sum + entries[at]!, 0));
  const at = totals.indexOf(totals.reduce((most, total) => Math.max(most, total), 0));
  const parts = classes.map(({ name, entries }) => `${formatCount(entries[at]!)} ${name}`).join(", ");
  return `${map} at its fullest look, ${formatDuration(timeNs[at]!)}: ${formatCount(totals[at]!)} entries, ${parts}.`;
}

export function scrapedFigure(variant: VariantResult, index: number, id: string): Html | undefined {
  const maps = variant.scraped?.maps ?? [];
  if (variant.scraped === undefined || maps.length === 0) return undefined;
  // The fullest first, whether or not a scrape has it: that it has not is worth knowing.
  const names = [...new Set([...contentsInOrder(variant).map(({ map }) => map), ...maps.map(({ map }) => map)])];
  return figureOf({
    id,
    kind: "scraped",
    variant: index,
    title: "Map pressure as scraped, and as it was",
    note:
      `${scrapedText(variant, names[0]!)} The agent counts now and then, a scrape shows its last count, and a sample stands until the next ` +
      `scrape (every ${formatDuration((variant.scraped.timeNs[1] ?? 0) - (variant.scraped.timeNs[0] ?? 0))}).`,
    controls: html`${choice(id, "Map", names.map((name) => [name, name] as const))}${zeroButton(id)}`,
  });
}

function scrapedText({ scraped, maps, profile }: VariantResult, map: string): string {
  const pressure = scraped!.maps.find((each) => each.map === map)?.pressure;
  const size = maps.find(({ name }) => name === map);
  const truth = size === undefined ? "" : `, in truth ${shareText(peakPressure(size))}`;
  if (pressure === undefined) return `No scrape has cilium_bpf_map_pressure of ${map}: the agent of Cilium ${profile.cilium} never showed it${truth.replace(",", ";")}.`;
  const present = pressure.filter((value) => value !== null);
  const highest = present.reduce((most, value) => Math.max(most, value), 0);
  const gaps = pressure.length - present.length;
  const without = gaps === 0 ? "" : `; ${formatCount(gaps)} of ${formatCount(pressure.length)} scrapes have no such series (gaps)`;
  return `cilium_bpf_map_pressure of ${map} reaches ${shareText(highest)}${truth}${without}.`;
}

/** Distributions whose names begin with one of these, side by side. */
export function histogramFigures(variant: VariantResult, index: number, id: string, starts: readonly string[]): Html | undefined {
  const all = variant.histograms ?? [];
  const shown = all.flatMap((histogram, at) => (starts.some((start) => histogram.name.startsWith(start)) && histogram.count > 0 ? [{ histogram, at }] : []));
  if (shown.length === 0) return undefined;
  return html`<div class="pair">
${shown.map(({ histogram, at }) =>
    figureOf({ id: idOf(id, histogram.name), kind: "histogram", variant: index, index: at, title: titleOf(histogram), note: noteOf(histogram) }),
  )}</div>`;
}

function titleOf({ about }: NamedHistogram): string {
  return about.charAt(0).toUpperCase() + about.slice(1);
}

function noteOf({ count, buckets, unit }: NamedHistogram): string {
  const [low, most] = buckets.reduce((top, bucket) => (bucket[1] > top[1] ? bucket : top));
  const bound = (value: number): string => (unit === "tries" ? formatCount(value) : formatDuration(unit === "s" ? value * NS_PER_S : value));
  const range = low < 2 ? bound(low) : `${bound(low)} to ${bound(low * 2)}`;
  return `${formatCount(count)} in all; most often ${range} (${shareText(most / count)}), at most ${bound(Math.max(1, buckets.at(-1)![0]) * 2)}. Each bar is named after its lower end.`;
}

export function alertFigure({ alerts }: VariantResult, index: number, id: string): Html | undefined {
  const instances = alerts?.rules.flatMap((rule) => rule.instances) ?? [];
  if (instances.length === 0) return undefined;
  const fired = instances.filter(({ spans }) => spans.some(({ state }) => state === "firing")).length;
  return figureOf({
    id,
    kind: "alerts",
    variant: index,
    title: "When alerts were pending and firing",
    note: `${formatCount(instances.length)} active, ${formatCount(fired)} of them fired.`,
    height: instances.length * ALERT_ROW + ALERT_AXES,
  });
}

export function callsFigure({ calls }: VariantResult, index: number, id: string): Html | undefined {
  if (calls === undefined || calls.edges.length === 0) return undefined;
  const sum = (of: (edge: CallsResult["edges"][number]) => number): string => formatCount(calls.edges.reduce((total, edge) => total + of(edge), 0));
  return figureOf({
    id,
    kind: "calls",
    variant: index,
    title: "Who calls whom",
    note:
      `${calls.edges.length === 1 ? "1 workload" : `${formatCount(calls.edges.length)} workloads`}: ${sum(({ opened }) => opened)} calls, ${sum(({ failed, broken }) => failed + broken)} failed or broken, ` +
      `${sum(({ dropped }) => dropped)} packets dropped. The table says the same.`,
    height: calls.edges.length * CALL_ROW + CALL_AXES,
  });
}

export function callsTable({ calls }: VariantResult): Html | undefined {
  if (calls === undefined || calls.edges.length === 0) return undefined;
  const seconds = calls.spanNs / NS_PER_S;
  const rows = calls.edges.map((edge) => {
    const rate = seconds === 0 ? 0 : edge.opened / seconds;
    return [
      text(html`${edge.workload}<small>${edge.kind}</small>`),
      text(edge.from),
      text(edge.to),
      figure(`${formatCount(Number(rate.toPrecision(3)))}/s`, rate),
      ...[edge.opened, edge.succeeded, edge.failed, edge.broken, edge.dropped].map((count) => figure(formatCount(count), count)),
    ];
  });
  const heads = ["rate", "begun", "succeeded", "failed", "broken", "packets dropped"].map((title) => ({ title, numeric: true }));
  return table("Calls by workload", [{ title: "workload" }, { title: "from" }, { title: "to" }, ...heads], rows);
}

/** What a reader may look for in vain, and why it is not there. */
export function missingList(variant: VariantResult): Html | undefined {
  const { scraped, alerts, histograms = [], contents } = variant;
  const has = (start: string): boolean => histograms.some(({ name, count }) => name.startsWith(start) && count > 0);
  const missing = [
    ...(contents === undefined ? ["What the entries of maps are: nobody looked into them."] : []),
    ...(scraped === undefined
      ? ["Map pressure as scraped: nothing was scraped (observe.scrape: 15s in the scenario has it so)."]
      : scraped.maps.length === 0
        ? ["Map pressure as scraped: no scrape had the series."]
        : []),
    ...(alerts === undefined ? ["Alerts: the scenario names no rules (observe.alerts)."] : []),
    ...(has("eviction_") ? [] : ["Age of evicted entries: no map evicted an entry whose age is known."]),
    ...(has("nat_tries") ? [] : ["Tries for a source port: SNAT looked for none."]),
  ];
  return missing.length === 0 ? undefined : html`<ul class="missing">${missing.map((line) => html`<li>${line}</li>`)}</ul>`;
}
