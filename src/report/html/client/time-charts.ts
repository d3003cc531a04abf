/**
 * Charts over simulated time: map fill, drops, any series. Runs inside the page: `makeTimeCharts` is put there by its
 * source text, so it must use nothing from outside itself (types aside).
 */
import type { MapResult, VariantResult } from "../../../observe/result.js";
import type { Charts, ChartSource, ChartState, Option } from "./chart-parts.js";

export function makeTimeCharts({
  result,
  wording,
  theme,
  parts,
}: ChartSource): Pick<Charts, "pressure" | "comparePressure" | "drops" | "column"> {
  const NS = 1e9;
  /** Bars that are still told apart. */
  const BARS_MAX = theme.narrow ? 60 : 120;
  /** Maps that never reach this share of their size start hidden. */
  const SHOWN_FROM = 0.5;

  const columnOf = (variant: VariantResult, name: string): readonly number[] | undefined =>
    variant.series.columns.find((column) => column.name === name)?.values;

  /** [seconds, percent of max_entries, entries] of a map, undefined when it was not sampled. */
  const fillOf = (variant: VariantResult, map: MapResult): number[][] | undefined => {
    const entries = columnOf(variant, `${map.name}_entries`);
    const ratio = entries?.map((value) => value / map.maxEntries) ?? columnOf(variant, `${map.name}_pressure`);
    return ratio?.map((value, at) => {
      const count = entries?.[at] ?? Math.round(value * map.maxEntries);
      return [variant.series.timeNs[at]! / NS, value * 100, count];
    });
  };

  /** How close a map came to a limit that matters; one that fills by design never does. */
  const peak = (map: MapResult): number => (map.maxEntries === 0 || map.fillsByDesign ? 0 : map.entriesMax / map.maxEntries);

  const fullLine = {
    silent: true,
    symbol: "none",
    lineStyle: { color: theme.mark, type: "dashed", width: 1.5 },
    data: [{ yAxis: 100 }],
    label: { position: "insideEndTop", color: theme.mark, formatter: "max_entries", fontSize: 12 },
  };

  const valueAxis = (state: ChartState, formatter: (value: number) => string): Option =>
    parts.axis({ type: "value", scale: !state.fromZero, ...(state.fromZero ? { min: 0 } : {}), axisLabel: { formatter } });

  const percent = (value: number): string => `${Number(value.toFixed(2))} %`;

  const pressure: Charts["pressure"] = (variant, state) => {
    const maps = variant.maps.flatMap((map) => {
      const fill = fillOf(variant, map);
      return fill === undefined ? [] : [{ map, fill }];
    });
    const fullest = maps.reduce((most, { map }) => Math.max(most, peak(map)), 0);
    const option = parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: valueAxis(state, percent),
      tooltip: parts.tooltip((params) => {
        const rows = params.map(({ marker, seriesName, value }) => {
          const size = maps.find(({ map }) => map.name === seriesName)!.map.maxEntries;
          const told = `${wording.count(value[2]!)} of ${wording.count(size)} (${wording.share(value[1]! / 100)})`;
          return parts.row(marker, seriesName, told);
        });
        return parts.card(`at ${wording.moment(params[0]!.value[0]!)}`, rows);
      }),
      series: [
        ...maps.map(({ map, fill }, at) => ({
          name: map.name,
          type: "line",
          data: fill,
          symbol: "none",
          color: parts.color(at),
          lineStyle: parts.lineStyle(at),
          z: 5,
          ...(peak(map) === fullest ? { markLine: fullLine } : {}),
        })),
        ...parts.bursts(variant),
        ...parts.gcLines(variant, state),
      ],
    });
    const selected = Object.fromEntries(maps.map(({ map }) => [map.name, peak(map) >= Math.min(SHOWN_FROM, fullest)]));
    return { ...option, legend: { ...(option["legend"] as Option), selected } };
  };

  const comparePressure: Charts["comparePressure"] = (_variant, state) => {
    const lines = result.variants.flatMap((variant, index) => {
      const tightest = [...variant.maps].sort((a, b) => peak(b) - peak(a))[0];
      const fill = tightest === undefined ? undefined : fillOf(variant, tightest);
      return tightest === undefined || fill === undefined ? [] : [{ variant, tightest, fill, index }];
    });
    const longest = result.variants.reduce((most, { durationNs }) => Math.max(most, durationNs), 0);
    return parts.chart(state, {
      xAxis: parts.timeAxis(longest),
      yAxis: valueAxis(state, percent),
      tooltip: parts.tooltip((params) => {
        const rows = params.map(({ marker, seriesName, value }) => {
          const { tightest } = lines.find(({ variant }) => variant.name === seriesName)!;
          return parts.row(marker, `${seriesName}, ${tightest.name}`, wording.share(value[1]! / 100));
        });
        return parts.card(`at ${wording.moment(params[0]!.value[0]!)}`, rows);
      }),
      series: [
        ...lines.map(({ variant, fill, index }, place) => ({
          name: variant.name,
          type: "line",
          data: fill,
          symbol: "none",
          color: parts.color(index),
          lineStyle: parts.lineStyle(index),
          z: 5,
          ...(place === 0 ? { markLine: fullLine } : {}),
        })),
        ...lines.slice(0, 1).flatMap(({ variant }) => parts.bursts(variant)),
      ],
    });
  };

  const drops: Charts["drops"] = (variant, state) => {
    const byReason = variant.series.columns.filter(({ name }) => /^drops_\d+$/.test(name));
    const columns = byReason.length > 0 ? byReason : variant.series.columns.filter(({ name }) => name === "drops");
    const every = Math.max(1, Math.ceil(variant.series.timeNs.length / BARS_MAX));
    const spanNs = variant.series.stepNs * every;
    /** [middle of the span, packets, start of the span]. */
    const bins = (values: readonly number[]): number[][] => {
      const sums: number[][] = [];
      values.forEach((value, at) => {
        const start = variant.series.timeNs[at]!;
        if (at % every === 0) sums.push([(start + spanNs / 2) / NS, 0, start / NS]);
        sums.at(-1)![1]! += value;
      });
      return sums;
    };
    const nameOf = (column: string): string => {
      const codes = new Set(column === "drops" ? variant.drops.map(({ code }) => code) : [Number(column.slice("drops_".length))]);
      if (codes.size !== 1) return "all reasons";
      const [code] = codes;
      const reason = variant.drops.find((drop) => drop.code === code)?.reason;
      return reason === undefined ? `code ${code}` : `${reason} (${code})`;
    };
    return parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: parts.axis({ type: "value", axisLabel: { formatter: wording.count } }),
      tooltip: parts.tooltip((params) => {
        const rows = params.map(({ marker, seriesName, value }) =>
          parts.row(marker, seriesName, `${wording.count(value[1]!)} packets`),
        );
        return parts.card(`from ${wording.moment(params[0]!.value[2]!)} on, ${wording.duration(spanNs)}`, rows);
      }),
      series: [
        ...columns.map(({ name, values }, at) => ({
          name: nameOf(name),
          type: "bar",
          stack: "drops",
          data: bins(values),
          color: parts.color(at),
          barCategoryGap: "10%",
          z: 5,
        })),
        ...parts.bursts(variant),
      ],
    });
  };

  const column: Charts["column"] = (variant, state) => {
    const shown = variant.series.columns.find(({ name }) => name === state.column) ?? variant.series.columns[0]!;
    return parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: valueAxis(state, wording.count),
      tooltip: parts.tooltip((params) => {
        const rows = params.map(({ marker, seriesName, value }) =>
          parts.row(marker, seriesName, `${wording.count(value[1]!)} ${shown.unit}`),
        );
        return parts.card(`at ${wording.moment(params[0]!.value[0]!)}`, rows);
      }),
      series: [
        {
          name: shown.name,
          type: "line",
          symbol: "none",
          color: parts.color(0),
          lineStyle: { width: 1.75 },
          z: 5,
          data: shown.values.map((value, at) => [variant.series.timeNs[at]! / NS, value]),
        },
        ...parts.bursts(variant),
      ],
    });
  };

  return { pressure, comparePressure, drops, column };
}
