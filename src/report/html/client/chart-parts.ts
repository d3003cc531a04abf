/**
 * What the page's charts share: axes, legends, tooltips, bands for bursts and lines for GC runs, as parts of ECharts
 * options. Runs inside the page: `makeChartParts` is put there by its source text, so it must use nothing from outside
 * itself (types aside).
 */
import type { ExperimentResult, VariantResult } from "../../../observe/result.js";
import type { Wording } from "./wording.js";

/** Colours and font, read from the page's style. */
export interface ChartTheme {
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly burst: string;
  readonly gcTimer: string;
  readonly gcSignal: string;
  readonly mark: string;
  readonly pending: string;
  readonly palette: readonly string[];
  readonly font: string;
  readonly narrow: boolean;
}

/** What a person has set on a chart, and its size. */
export interface ChartState {
  /** Pixels across. */
  readonly width: number;
  readonly fromZero: boolean;
  /** What was chosen where a chart shows one of several. */
  readonly column: string;
}

export type Option = Record<string, unknown>;
export type ChartKind =
  | "comparePressure" | "compareLatency" | "pressure" | "contents" | "scraped" | "latency" | "drops" | "hook" | "histogram" | "alerts" | "calls" | "column";
/** What a figure in a page can be; `sweep` is that of a sweep's page. */
export type FigureKind = ChartKind | "sweep";
export type Draw = (variant: VariantResult, state: ChartState, index: number) => Option;
export type Charts = Readonly<Record<ChartKind, Draw>>;

/** What charts are made from. */
export interface ChartSource {
  readonly result: ExperimentResult;
  readonly wording: Wording;
  readonly theme: ChartTheme;
  readonly parts: ChartParts;
}

/** What ECharts hands to a tooltip for each series under the pointer. */
export interface HoverPoint {
  readonly seriesName: string;
  readonly marker: string;
  readonly dataIndex: number;
  readonly axisValue: number | string;
  readonly value: readonly number[];
}

export interface ChartParts {
  color(index: number): string;
  /** Lines differ in dashes besides, for those who don't tell colours apart. */
  lineStyle(index: number): Option;
  /** A coloured dot for tooltips. */
  dot(index: number): string;
  axis(extra: Option): Option;
  timeAxis(durationNs: number): Option;
  /** The whole option; `room` is left free above and below the plot. */
  chart(state: ChartState, extra: Option & { readonly series: readonly Option[] }, room?: Room): Option;
  tooltip(formatter: (params: readonly HoverPoint[]) => string, extra?: Option): Option;
  card(title: string, rows: readonly string[]): string;
  row(marker: string, name: string, value: string): string;
  /** Bars of a few buckets should not look like walls, pixels. */
  readonly barMaxWidth: number;
  /** A series that shades the bursts; none without them. */
  bursts(variant: VariantResult): readonly Option[];
  /** A series for GC runs by timer and one for those by signal, where there were any. */
  gcLines(variant: VariantResult, state: ChartState): readonly Option[];
}

export interface Room {
  readonly above: number;
  readonly below: number;
}

export function makeChartParts(wording: Wording, theme: ChartTheme): ChartParts {
  const NS = 1e9;
  /** GC runs wider than this are shaded. */
  const SHADED_PIXELS = 2;
  const DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3], [2, 2], [12, 4]];
  const color: ChartParts["color"] = (index) => theme.palette[index % theme.palette.length]!;

  const lineStyle: ChartParts["lineStyle"] = (index) => ({ width: 2, type: DASHES[index % DASHES.length] });

  const dot: ChartParts["dot"] = (index) =>
    `<span style="display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:6px;background:${color(index)}"></span>`;

  const axis: ChartParts["axis"] = ({ axisLabel, splitLine, ...extra }) => ({
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { lineStyle: { color: theme.line } },
    axisLabel: { color: theme.muted, fontSize: 12, hideOverlap: true, ...(axisLabel as Option) },
    splitLine: { lineStyle: { color: theme.line, opacity: 0.55 }, ...(splitLine as Option) },
    nameTextStyle: { color: theme.muted, fontSize: 12 },
    ...extra,
  });

  /** Seconds from 0 to the end, with round steps. */
  const timeAxis: ChartParts["timeAxis"] = (durationNs) => {
    const seconds = durationNs / NS;
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
    const interval = steps.find((step) => seconds / step <= (theme.narrow ? 5 : 10)) ?? 86400;
    return axis({
      type: "value",
      min: 0,
      max: seconds,
      interval,
      axisLabel: { formatter: wording.moment },
      splitLine: { show: false },
    });
  };

  /** Height of a legend whose entries flow over several lines, pixels; widths are estimated. */
  const legendHeight = (names: readonly string[], width: number): number => {
    let lines = 1;
    let used = 0;
    for (const name of new Set(names)) {
      const needed = 26 + 5 + 7.4 * name.length + 16;
      if (used > 0 && used + needed > width) {
        lines++;
        used = 0;
      }
      used += needed;
    }
    return lines * 24;
  };

  const chart: ChartParts["chart"] = (state, extra, room = { above: 0, below: 0 }) => ({
    animation: false,
    textStyle: { fontFamily: theme.font, color: theme.ink },
    grid: {
      left: 4,
      right: theme.narrow ? 14 : 26,
      bottom: 4 + room.below,
      containLabel: true,
      top:
        legendHeight(
          extra.series.flatMap(({ name }) => (name === undefined ? [] : [String(name)])),
          state.width,
        ) +
        14 +
        room.above,
    },
    legend: {
      top: 0,
      left: 0,
      width: "100%",
      padding: 0,
      itemWidth: 26,
      itemGap: 16,
      inactiveColor: theme.muted,
      textStyle: { color: theme.ink, fontSize: 12.5 },
    },
    ...extra,
  });

  const tooltip: ChartParts["tooltip"] = (formatter, extra = {}) => ({
    trigger: "axis",
    confine: true,
    backgroundColor: theme.surface,
    borderColor: theme.line,
    textStyle: { color: theme.ink, fontSize: 13 },
    axisPointer: { type: "line", lineStyle: { color: theme.muted, type: "dashed" }, label: { show: false } },
    formatter: (params: readonly HoverPoint[]) => (params.length === 0 ? "" : formatter(params)),
    ...extra,
  });

  const card: ChartParts["card"] = (title, rows) => `<div>${wording.escape(title)}</div><table>${rows.join("")}</table>`;
  const row: ChartParts["row"] = (marker, name, value) =>
    `<tr><td>${marker}${wording.escape(name)}</td>` +
    `<td style="text-align:right;padding-left:1.2em"><b>${wording.escape(value)}</b></td></tr>`;

  const burstSeries = (variant: VariantResult): Option => ({
    name: "burst",
    type: "line",
    data: [],
    color: theme.burst,
    symbol: "none",
    lineStyle: { width: 8, color: theme.burst },
    markArea: {
      silent: true,
      itemStyle: { color: theme.burst },
      label: { show: false },
      data: variant.windows.map(({ startNs, endNs }) => [{ xAxis: startNs / NS }, { xAxis: endNs / NS }]),
    },
  });

  const bursts: ChartParts["bursts"] = (variant) => (variant.windows.length === 0 ? [] : [burstSeries(variant)]);

  /** A line for each run, at its start, as most are too short to be seen; long ones are shaded. Fainter when they stand close. */
  const gcSeries = (variant: VariantResult, { width }: ChartState, bySignal: boolean): Option => {
    const stroke = bySignal ? theme.gcSignal : theme.gcTimer;
    const opacity = Math.min(0.55, Math.max(0.12, width / (20 * Math.max(1, variant.gcRuns.length))));
    const runs = variant.gcRuns.filter(({ cause }) => (cause === "signal") === bySignal);
    const wide = runs.filter(({ startNs, endNs }) => endNs - startNs > (variant.durationNs * SHADED_PIXELS) / Math.max(1, width));
    return {
      name: bySignal ? "GC run by signal" : "GC run",
      type: "line",
      data: [],
      color: stroke,
      symbol: "none",
      lineStyle: { width: 2, color: stroke },
      markLine: {
        silent: true,
        symbol: "none",
        label: { show: false },
        lineStyle: { color: stroke, width: 1, type: "solid", opacity },
        data: runs.map(({ startNs }) => ({ xAxis: startNs / NS })),
      },
      markArea: {
        silent: true,
        itemStyle: { color: stroke, opacity: 0.18 },
        label: { show: false },
        data: wide.map(({ startNs, endNs }) => [{ xAxis: startNs / NS }, { xAxis: endNs / NS }]),
      },
    };
  };

  const gcLines: ChartParts["gcLines"] = (variant, state) =>
    [false, true].filter((signal) => variant.gcRuns.some(({ cause }) => (cause === "signal") === signal)).map((signal) => gcSeries(variant, state, signal));

  return { barMaxWidth: 72, color, lineStyle, dot, axis, timeAxis, chart, tooltip, card, row, bursts, gcLines };
}
