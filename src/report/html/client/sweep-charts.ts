/**
 * A figure of a sweep over the values of the first axis, a line for each combination of the rest, with intervals. Runs inside the
 * page: `makeSweepCharts` is put there by its source text, so it must use nothing from outside itself (types aside).
 */
import type { FigureUnit } from "../../../observe/run-figures.js";
import type { SweepTable } from "../../../observe/sweep-result.js";
import type { ChartParts, ChartState, HoverPoint, Option } from "./chart-parts.js";
import type { Wording } from "./wording.js";

export interface SweepSource {
  readonly table: SweepTable;
  readonly wording: Wording;
  readonly parts: ChartParts;
}

export function makeSweepCharts({ table, wording, parts }: SweepSource): (state: ChartState) => Option {
  /** Distance of neighbouring lines across, in steps of the axis, so that intervals stand beside one another. */
  const SPREAD = 0.07;
  /** Figures that span more than this ratio are drawn on a logarithmic axis, when none is zero. */
  const LOG_FROM = 50;
  const { axes } = table.plan;
  const axis = axes[0]!;
  const path = axis.paths[0]!;
  const places = axis.values.map(([value]) => value!);

  /** Which of an axis' values a point has: the last axis moves fastest, variants slowest. */
  const placeOf = (point: number, at: number): number => {
    const faster = axes.slice(at + 1).reduce((product, { values }) => product * values.length, 1);
    return Math.floor(point / faster) % axes[at]!.values.length;
  };

  const told = (value: number, unit: FigureUnit): string => {
    const MIB = 2 ** 20;
    if (unit === "ns") return wording.duration(value);
    if (unit === "share") return wording.share(value);
    if (unit === "bytes") return `${Number((value / MIB).toPrecision(4))} MiB`;
    return wording.count(Number(value.toPrecision(value >= 1000 ? 7 : 3)));
  };

  return (state) => {
    const named = table.rows.map((row) => ({ row, figure: row.figures.find(({ name }) => name === state.column) }));
    const lines = new Map<string, { place: number; mean: number | null; low: number | null; high: number | null }[]>();
    for (const { row, figure } of named) {
      const others = axes.flatMap(({ paths, values }, at) => {
        return at === 0 ? [] : paths.map((each, nth) => `${each.split(".").at(-1)!} ${values[placeOf(row.point, at)]![nth]!}`);
      });
      const name = [...(row.variant === null ? [] : [row.variant]), ...others].join(", ");
      const points = lines.get(name) ?? [];
      lines.set(name, points);
      points.push({ place: placeOf(row.point, 0), mean: figure?.mean ?? null, low: figure?.low ?? null, high: figure?.high ?? null });
    }
    const { unit, label } = named.find(({ figure }) => figure !== undefined)?.figure ?? { unit: "count" as const, label: state.column };
    const means = [...lines.values()].flatMap((points) => points.flatMap(({ mean }) => (mean === null ? [] : [mean])));
    const lowest = means.reduce((least, mean) => Math.min(least, mean), Number.POSITIVE_INFINITY);
    const highest = means.reduce((most, mean) => Math.max(most, mean), 0);
    const isLog = lowest > 0 && highest / lowest > LOG_FROM;
    const across = (place: number, line: number): number => place + (line - (lines.size - 1) / 2) * SPREAD;
    const series = [...lines].map(([name, points], line) => ({
      name: name === "" ? label : name,
      type: "line",
      color: parts.color(line),
      lineStyle: parts.lineStyle(line),
      symbol: "circle",
      symbolSize: 8,
      z: 5,
      data: points.map(({ place, mean }) => [across(place, line), mean ?? "-"]),
      markLine: {
        silent: true,
        symbol: "none",
        label: { show: false },
        lineStyle: { color: parts.color(line), width: 1.75, type: "solid" },
        data: points.flatMap(({ place, low, high }) => {
          if (low === null || high === null || high <= low || (isLog && low <= 0)) return [];
          return [[low, high].map((bound) => ({ coord: [across(place, line), bound] }))];
        }),
      },
    }));
    return parts.chart(
      state,
      {
        xAxis: parts.axis({
          type: "value",
          min: -0.5,
          max: places.length - 0.5,
          interval: 0.5,
          name: path,
          nameLocation: "middle",
          nameGap: 28,
          axisTick: { show: false },
          axisLabel: { formatter: (at: number) => (Number.isInteger(at) ? (places[at] ?? "") : "") },
          splitLine: { show: false },
        }),
        yAxis: parts.axis({
          axisLine: { show: false },
          axisTick: { show: false },
          type: isLog ? "log" : "value", ...(isLog ? {} : { min: 0 }), axisLabel: { formatter: (value: number) => told(value, unit) },
        }),
        tooltip: {
          ...parts.tooltip(() => ""),
          trigger: "item",
          formatter: ({ seriesIndex, dataIndex, marker, seriesName }: HoverPoint & { readonly seriesIndex: number }) => {
            const { place, mean, low, high } = [...lines.values()][seriesIndex]![dataIndex]!;
            const interval = low === null || high === null ? "" : ` (${told(low, unit)} … ${told(high, unit)})`;
            return parts.card(`${path} ${places[place]!}`, [parts.row(marker, seriesName, mean === null ? "too few" : told(mean, unit) + interval)]);
          },
        },
        series,
      },
      { above: 0, below: 22 },
    );
  };
}
