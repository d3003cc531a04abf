/**
 * Charts of distributions: SYN latency, time at a hook. Runs inside the page: `makeDistributionCharts` is put there by
 * its source text, so it must use nothing from outside itself (types aside).
 */
import type { LatencySummary, VariantResult } from "../../../observe/result.js";
import type { Charts, ChartSource, ChartState, Option } from "./chart-parts.js";

export function makeDistributionCharts({
  result,
  wording,
  theme,
  parts,
}: ChartSource): Pick<Charts, "latency" | "compareLatency" | "hook"> {
  /** Powers of ten that the hook's chart spans below 100 %. */
  const DECADES = 6;
  /** Ratio of neighbouring points on a flat stretch. */
  const POINTER_STEP = 1.1;
  const WINDOW_TITLES: Readonly<Record<string, string>> = { all: "all", inside: "inside bursts", outside: "outside bursts" };

  interface Line {
    readonly name: string;
    readonly summary: LatencySummary;
    /** Place in the palette. */
    readonly index: number;
  }

  /** [latency, share of samples above it], at the bounds of every bucket. */
  const tailOf = ({ buckets, count: total }: LatencySummary): number[][] => {
    const points: number[][] = [];
    let above = total;
    for (const [low, high, count] of buckets) {
      points.push([Math.max(1, low), above / total]);
      above -= count;
      points.push([Math.max(1, high), above / total]);
    }
    return points;
  };

  /** The same with points where nothing changes, so that the pointer finds one everywhere. */
  const withRests = (tail: readonly number[][]): number[][] =>
    tail.flatMap(([at, above], place) => {
      const rests: number[][] = [];
      const next = tail[place + 1]?.[0] ?? 0;
      for (let rest = at! * POINTER_STEP; rest < next; rest *= POINTER_STEP) rests.push([rest, above!]);
      return [[at!, above!], ...rests];
    });

  const shareAbove = (tail: readonly (readonly number[])[], latency: number): number => {
    let share = 1;
    for (const [at, above] of tail) if (at! <= latency) share = above!;
    return share;
  };

  /** Nines upwards: the vertical axis is the share still waiting, logarithmic and upside down, labelled with its complement. */
  const latencyChart = (state: ChartState, lines: readonly Line[], steps: readonly number[]): Option => {
    const tails = lines.map(({ name, summary, index }) => ({ name, index, tail: tailOf(summary) }));
    const smallest = lines.reduce((least, { summary }) => Math.min(least, 1 / summary.count), 0.1);
    const floor = 10 ** Math.floor(Math.log10(smallest));
    const bounds = [...tails.flatMap(({ tail }) => tail.map(([at]) => at!)), ...steps];
    return parts.chart(
      state,
      {
        xAxis: parts.axis({
          type: "log",
          name: "time to establish",
          nameLocation: "middle",
          nameGap: 28,
          min: 10 ** Math.floor(Math.log10(Math.min(...bounds))),
          max: 10 ** Math.ceil(Math.log10(Math.max(...bounds) * 1.01)),
          axisLabel: { formatter: wording.duration },
        }),
        yAxis: parts.axis({
          type: "log",
          inverse: true,
          min: floor,
          max: 1,
          axisLabel: { formatter: (share: number) => `${Number(((1 - share) * 100).toPrecision(8))} %` },
        }),
        tooltip: parts.tooltip((params) => {
          const at = Number(params[0]!.axisValue);
          const rows = tails.map(({ name, index, tail }) => parts.row(parts.dot(index), name, wording.share(shareAbove(tail, at))));
          return parts.card(`slower than ${wording.duration(at)}`, rows);
        }),
        series: tails.map(({ name, index, tail }, place) => ({
          name,
          type: "line",
          symbol: "none",
          color: parts.color(index),
          lineStyle: parts.lineStyle(index),
          data: withRests(tail).map(([at, above]) => [at, Math.max(above!, floor)]),
          ...(place === 0 ? { markLine: stepMarks(steps) } : {}),
        })),
      },
      { above: steps.length > 1 ? 24 : 10, below: 22 },
    );
  };

  /** Labels stand above the plot (where an inverse axis starts), on two levels, as neighbours are close on a log axis. */
  const stepMarks = (steps: readonly number[]): Option => ({
    silent: true,
    symbol: "none",
    lineStyle: { color: theme.mark, type: "dashed", width: 1.25 },
    data: steps.map((at, order) => ({
      xAxis: at,
      label: {
        color: theme.mark,
        fontSize: 12,
        position: "start",
        distance: order % 2 === 0 ? 4 : 18,
        formatter: order === 0 || steps.length < 3 ? `SYN again ${wording.duration(at)}` : wording.duration(at),
      },
    })),
  });

  /** Retransmissions that the clients came to; later ones would only stretch the axis. */
  const stepsOf = (variant: VariantResult): number[] => {
    const slowest = variant.synLatency["all"]?.maxNs ?? 0;
    return (variant.synRetransmitNs ?? []).filter((step, at) => at === 0 || step <= slowest * 1.1);
  };

  const latency: Charts["latency"] = (variant, state) => {
    const names = ["all", ...(variant.windows.length === 0 ? [] : ["inside", "outside"])].filter((name) => (variant.synLatency[name]?.count ?? 0) > 0);
    const lines = names.map((name, index) => ({ name: WINDOW_TITLES[name]!, summary: variant.synLatency[name]!, index }));
    return latencyChart(state, lines, stepsOf(variant));
  };

  const compareLatency: Charts["compareLatency"] = (_variant, state) => {
    const hasBursts = result.variants.some(({ synLatency }) => (synLatency["inside"]?.count ?? 0) > 0);
    const lines = result.variants.flatMap((variant, index) => {
      const summary = variant.synLatency[hasBursts ? "inside" : "all"];
      return summary === undefined || summary.count === 0 ? [] : [{ name: variant.name ?? result.scenario.name, summary, index }];
    });
    const steps = new Set(result.variants.flatMap((variant) => stepsOf(variant).slice(0, 1)));
    return latencyChart(
      state,
      lines,
      [...steps].sort((a, b) => a - b),
    );
  };

  const hook: Charts["hook"] = (variant, state, index) => {
    const { buckets, observed } = variant.hooks[index]!;
    const lows = [...new Set([...buckets, ...(observed ?? [])].map(([low]) => low))].sort((a, b) => a - b);
    const sides = [
      { name: "simulated", counted: buckets },
      ...(observed === undefined ? [] : [{ name: "observed", counted: observed }]),
    ];
    const shares = sides.map(({ name, counted }) => ({
      name,
      total: counted.reduce((sum, [, count]) => sum + count, 0),
      counts: lows.map((low) => counted.find((bucket) => bucket[0] === low)?.[1] ?? 0),
    }));
    /** Height of a bar, in decades above the axis; bars on a log axis of the library hang from its top. */
    const height = (count: number, total: number): number | null =>
      count === 0 || total === 0 ? null : Math.max(0, DECADES + Math.log10(count / total));
    return parts.chart(
      state,
      {
        xAxis: parts.axis({
          type: "category",
          data: lows.map(wording.bucket),
          name: "time at the hook, ns",
          nameLocation: "middle",
          nameGap: 28,
          splitLine: { show: false },
        }),
        yAxis: parts.axis({
          type: "value",
          min: 0,
          max: DECADES,
          interval: 1,
          axisLabel: { formatter: (decades: number) => `${Number((10 ** (decades - DECADES + 2)).toPrecision(1))} %` },
        }),
        tooltip: parts.tooltip(
          (params) => {
            const rows = shares.map(({ name, counts, total }, at) => {
              const count = counts[params[0]!.dataIndex]!;
              const share = total === 0 ? "" : ` of ${wording.count(total)} (${wording.share(count / total)})`;
              return parts.row(parts.dot(at), name, wording.count(count) + share);
            });
            return parts.card(`${params[0]!.axisValue} ns`, rows);
          },
          { axisPointer: { type: "shadow" } },
        ),
        series: shares.map(({ name, counts, total }, at) => ({
          name,
          type: "bar",
          color: parts.color(at),
          barGap: "8%",
          barMaxWidth: parts.barMaxWidth,
          data: counts.map((count) => height(count, total)),
        })),
      },
      { above: 0, below: 22 },
    );
  };

  return { latency, compareLatency, hook };
}
