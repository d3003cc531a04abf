/** Variants side by side: the same figures in columns, and two charts that hold all of them. */
import { formatBytes, formatCount } from "../../core/units.js";
import type { ExperimentResult, VariantResult } from "../../observe/result.js";
import {
  dropsTotal,
  evictionsLive,
  extremeText,
  gcStatistics,
  insertsRefused,
  mapMemory,
  peakPressure,
  quantileText,
  ratioText,
  seenParts,
  tightestMap,
  variantName,
} from "../wording.js";
import { figureOf, zeroButton } from "./figures.js";
import { html, type Html } from "./markup.js";
import { table, text } from "./table.js";
import { badge } from "./verdict-section.js";

type Row = readonly [label: string, of: (variant: VariantResult) => Html | string];

const ROWS: readonly Row[] = [
  ["Expectations", ({ expectations }) => badge(expectations)],
  ["SYN latency, median", (variant) => quantile(variant, "all", "p50Ns")],
  ["SYN latency, p99 inside bursts", (variant) => quantile(variant, "inside", "p99Ns")],
  ["SYN latency, p99 outside", (variant) => quantile(variant, "outside", "p99Ns")],
  ["SYN latency, slowest", ({ synLatency: { all } }) => (all === undefined ? "–" : extremeText(all, "maxNs"))],
  ["SYNs sent again", ({ counts }) => seen(counts.synRetransmitted, counts.synSent)],
  ["Connections failed", ({ counts }) => seen(counts.connectionsFailed, counts.connectionsOpened)],
  ["Established, then broken", ({ counts }) => seen(counts.connectionsBroken, counts.connectionsEstablished)],
  ["Packets dropped", (variant) => seen(dropsTotal(variant), variant.counts.packets)],
  [
    "… of established connections",
    ({ drops, counts }) =>
      seen(
        drops.reduce((sum, drop) => sum + drop.established, 0),
        counts.packets,
      ),
  ],
  ["Inserts refused by maps", (variant) => formatCount(insertsRefused(variant))],
  ["Live entries evicted", (variant) => formatCount(evictionsLive(variant))],
  [
    "Highest pressure",
    (variant) => {
      const map = tightestMap(variant);
      return map === undefined ? "–" : twoLines(ratioText(peakPressure(map)), map.name);
    },
  ],
  ["Map memory per node", (variant) => formatBytes(mapMemory(variant))],
  [
    "GC runs",
    ({ gcRuns }) => {
      const statistics = gcStatistics(gcRuns);
      return statistics === undefined
        ? "none"
        : twoLines(formatCount(statistics.runs), `${formatCount(statistics.byCause.signal)} by signal`);
    },
  ],
];

function twoLines(main: string, detail: string): Html {
  return html`${main}<small>${detail}</small>`;
}

function seen(count: number, trials: number): Html {
  return twoLines(...seenParts(count, trials));
}

function quantile({ synLatency }: VariantResult, window: string, which: "p50Ns" | "p99Ns"): string {
  const summary = synLatency[window];
  return summary === undefined ? "–" : quantileText(summary, which);
}

export function compareSection(result: ExperimentResult): Html {
  const heads = [
    { title: "Figure" },
    ...result.variants.map((variant) => ({ title: variantName(result, variant), numeric: true })),
  ];
  const rows = ROWS.map(([label, of]) => [text(label), ...result.variants.map((variant) => text(of(variant)))]);
  const peaks = result.variants.map((variant) => {
    const map = tightestMap(variant);
    return `${variantName(result, variant)} ${map === undefined ? "not sampled" : ratioText(peakPressure(map))}`;
  });
  const shown = hasBursts(result) ? "inside" : "all";
  const slow = result.variants.map((variant) => `${variantName(result, variant)} ${quantile(variant, shown, "p99Ns")}`);
  return html`<section id="compare" aria-labelledby="compare-title"><h2 id="compare-title">Side by side</h2>
${table("Figures of all variants", heads, rows, false)}
<div class="pair">
${figureOf({
  id: "compare-pressure",
  kind: "comparePressure",
  variant: 0,
  title: "How full the tightest map is",
  controls: zeroButton("compare-pressure"),
  note: `Entries as a share of max_entries; bursts shaded. Highest: ${peaks.join(", ")}.`,
})}
${figureOf({
  id: "compare-latency",
  kind: "compareLatency",
  variant: 0,
  title: shown === "inside" ? "SYN latency inside bursts" : "SYN latency",
  note: `Share of connections established within a time. p99: ${slow.join(", ")}.`,
})}
</div></section>
`;
}

function hasBursts(result: ExperimentResult): boolean {
  return result.variants.some(({ synLatency }) => (synLatency["inside"]?.count ?? 0) > 0);
}
