/**
 * Charts of what the node held and did: contents of maps, pressure as scraped, distributions in powers of two, alerts, who
 * called whom. Runs inside the page: `makeNodeCharts` is put there by its source text, so it must use nothing from outside
 * itself (types aside).
 */
import type { MapContents, NamedHistogram, VariantResult } from "../../../observe/result.js";
import type { Charts, ChartSource, Option } from "./chart-parts.js";

export function makeNodeCharts({
  wording,
  theme,
  parts,
}: ChartSource): Pick<Charts, "contents" | "scraped" | "histogram" | "alerts" | "calls"> {
  const NS = 1e9;
  /** A map's size is marked when the map comes this near to it. */
  const SIZE_SHOWN_FROM = 0.5;
  /** The vertical axis of contents begins at zero when the first class ever lies below this share of the highest fill. */
  const STEADY_FROM = 0.7;
  /** Powers of ten below 100 % that a logarithmic axis of shares spans. */
  const DECADES = 6;

  /** The one that was chosen by its label, else the first. */
  const chosen = (variant: VariantResult, label: string): MapContents => {
    const all = variant.contents!;
    return all.find(({ map, by }) => `${map} by ${by}` === label) ?? all[0]!;
  };

  const contents: Charts["contents"] = (variant, state) => {
    const { map, timeNs, classes } = chosen(variant, state.column);
    const size = variant.maps.find(({ name }) => name === map)?.maxEntries ?? 0;
    const total = (at: number): number => classes.reduce((sum, { entries }) => sum + entries[at]!, 0);
    const most = timeNs.reduce((peak, _, at) => Math.max(peak, total(at)), 0);
    const sizeLine = {
      silent: true,
      symbol: "none",
      lineStyle: { color: theme.mark, type: "dashed", width: 1.5 },
      data: [{ yAxis: size }],
      label: { position: "insideEndTop", color: theme.mark, formatter: "max_entries", fontSize: 12 },
    };
    const isNear = size > 0 && most >= size * SIZE_SHOWN_FROM;
    const top = Math.max(most, isNear ? size : 0);
    // A large class that hardly changes would leave the others a line: the axis begins just below it.
    const floor = (classes[0]?.entries ?? [0]).reduce((least, count) => Math.min(least, count), top);
    const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, top - floor))));
    const min = state.fromZero || floor < top * STEADY_FROM ? 0 : Math.max(0, (Math.floor(floor / step) - 1) * step);
    const max = isNear ? { max: Math.ceil(top + (top - min) * 0.06), axisLabel: { formatter: wording.count, showMaxLabel: false } } : {};
    return parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: parts.axis({ type: "value", min, axisLabel: { formatter: wording.count }, ...max }),
      tooltip: parts.tooltip((params) => {
        const whole = params.reduce((sum, { value }) => sum + value[1]!, 0);
        const rows = params.map(({ marker, seriesName, value }) =>
          parts.row(marker, seriesName, `${wording.count(value[1]!)} (${wording.share(whole === 0 ? 0 : value[1]! / whole)})`),
        );
        return parts.card(`${map} at ${wording.moment(params[0]!.value[0]!)}: ${wording.count(whole)}`, rows);
      }),
      series: [
        ...classes.map(({ name, entries }, at) => ({
          name,
          type: "line",
          stack: "entries",
          symbol: "none",
          color: parts.color(at),
          lineStyle: { width: 1 },
          areaStyle: { opacity: 0.55 },
          z: 5,
          data: entries.map((count, moment) => [timeNs[moment]! / NS, count]),
          ...(at === 0 && isNear ? { markLine: sizeLine } : {}),
        })),
        ...parts.bursts(variant),
        ...parts.gcLines(variant, state),
      ],
    });
  };

  /** Every sample stands until the next scrape; where that has no series, the line ends. */
  const scrapedLine = (timeNs: readonly number[], pressure: readonly (number | null)[]): (readonly (number | string)[])[] => {
    const points: (readonly (number | string)[])[] = [];
    let last: number | null = null;
    pressure.forEach((value, at) => {
      const seconds = timeNs[at]! / NS;
      if (last !== null) points.push([seconds, last * 100]);
      points.push([seconds, value === null ? "-" : value * 100]);
      last = value;
    });
    return points;
  };

  const scraped: Charts["scraped"] = (variant, state) => {
    const { timeNs, maps } = variant.scraped!;
    const map = state.column;
    const found = maps.find((each) => each.map === map);
    const size = variant.maps.find(({ name }) => name === map)?.maxEntries ?? 0;
    const entries = variant.series.columns.find(({ name }) => name === `${map}_entries`)?.values;
    const truth = entries === undefined || size === 0 ? [] : entries.map((count, at) => [variant.series.timeNs[at]! / NS, (100 * count) / size]);
    const line = (name: string, at: number, data: unknown, extra: Option): Option => {
      return { name, type: "line", symbol: "none", color: parts.color(at), lineStyle: { width: 2 }, z: 5, data, ...extra };
    };
    return parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: parts.axis({
        type: "value",
        scale: !state.fromZero,
        ...(state.fromZero ? { min: 0 } : {}),
        axisLabel: { formatter: (value: number) => `${Number(value.toFixed(2))} %` },
      }),
      tooltip: parts.tooltip((params) => {
        const rows = params.map(({ marker, seriesName, value }) => {
          const told = typeof value[1] === "number" ? wording.share(value[1] / 100) : "no series";
          return parts.row(marker, seriesName, told);
        });
        return parts.card(`${map} at ${wording.moment(params[0]!.value[0]!)}`, rows);
      }),
      series: [
        ...(truth.length === 0 ? [] : [line("true fill", 0, truth, { lineStyle: { width: 1.25 } })]),
        ...(found === undefined ? [] : [line("as scraped", 1, scrapedLine([...timeNs, variant.reachedNs], [...found.pressure, null]), { z: 6 })]),
        ...parts.bursts(variant),
      ],
    });
  };

  /** A bucket's bound in words. */
  const boundText = (unit: NamedHistogram["unit"], bound: number): string => {
    if (unit === "tries") return wording.count(bound);
    return wording.duration(unit === "s" ? bound * NS : bound);
  };

  const histogram: Charts["histogram"] = (variant, state, index) => {
    const { unit, count: total, buckets, about } = variant.histograms![index]!;
    const isLog = unit !== "s";
    const height = (count: number): number | null => {
      if (!isLog) return (100 * count) / total;
      return count === 0 ? null : Math.max(0, DECADES + Math.log10(count / total));
    };
    const decadeText = (decades: number): string => `${Number((10 ** (decades - DECADES + 2)).toPrecision(1))} %`;
    const yAxis = isLog
      ? { min: 0, max: DECADES, interval: 1, axisLabel: { formatter: decadeText } }
      : { min: 0, axisLabel: { formatter: (percent: number) => `${Number(percent.toFixed(2))} %` } };
    return parts.chart(state, {
      xAxis: parts.axis({ type: "category", data: buckets.map(([low]) => boundText(unit, low)), splitLine: { show: false } }),
      yAxis: parts.axis({ type: "value", ...yAxis }),
      tooltip: parts.tooltip(
        (params) => {
          const [low, count] = buckets[params[0]!.dataIndex]!;
          const range = low < 2 ? boundText(unit, low) : `${boundText(unit, low)} up to ${boundText(unit, low * 2)}`;
          return parts.card(about, [parts.row(parts.dot(0), range, `${wording.count(count)} (${wording.share(count / total)})`)]);
        },
        { axisPointer: { type: "shadow" } },
      ),
      series: [
        {
          name: isLog ? "share, logarithmic" : "share",
          type: "bar",
          color: parts.color(0),
          barCategoryGap: "12%",
          barMaxWidth: parts.barMaxWidth,
          data: buckets.map(([, count]) => height(count)),
        },
      ],
    });
  };

  const alerts: Charts["alerts"] = (variant, state) => {
    const rows = variant.alerts!.rules.flatMap(({ alert, instances }) => {
      return instances.map(({ labels, spans }) => ({ name: [alert, ...Object.values(labels)].join(" "), spans }));
    });
    const longest = theme.narrow ? 18 : 48;
    const cut = (name: string): string => (name.length > longest ? `${name.slice(0, longest - 1)}…` : name);
    const spansOf = (wanted: string): (readonly (number | string)[])[] =>
      rows.flatMap(({ spans }, row) =>
        spans.flatMap(({ state: was, startNs, endNs }) => (was === wanted ? [[startNs / NS, row], [endNs / NS, row], ["-", "-"]] : [])),
      );
    const bar = (name: string, color: string): Option => {
      return { name, type: "line", symbol: "none", color, lineStyle: { width: 12, cap: "butt" }, silent: true, z: 5, data: spansOf(name) };
    };
    return parts.chart(state, {
      xAxis: parts.timeAxis(variant.durationNs),
      yAxis: parts.axis({
        type: "category",
        inverse: true,
        data: rows.map(({ name }) => name),
        axisLabel: { formatter: cut, hideOverlap: false, interval: 0 },
        splitLine: { show: true },
      }),
      series: [bar("pending", theme.pending), bar("firing", theme.mark), ...parts.bursts(variant)],
    });
  };

  /** Callers left, called right, a row for each workload between them. */
  const calls: Charts["calls"] = (variant, state) => {
    const { edges, spanNs } = variant.calls!;
    const FINE = "calls";
    const TROUBLE = "calls with failures or drops";
    const rowsOf = (side: "from" | "to"): Map<string, number> => {
      const rows = new Map<string, number[]>();
      edges.forEach((edge, row) => rows.set(edge[side], [...(rows.get(edge[side]) ?? []), row]));
      return new Map([...rows].map(([name, at]) => [name, at.reduce((sum, row) => sum + row, 0) / at.length]));
    };
    const callers = rowsOf("from");
    const called = rowsOf("to");
    const isFine = ({ failed, broken, dropped }: (typeof edges)[number]): boolean => failed + broken + dropped === 0;
    const longest = theme.narrow ? 22 : 60;
    /** Without the namespace where both ends would meet in the middle; the table has the whole name. */
    const cut = (name: string): string => {
      const short = name.length > longest / 2 && theme.narrow ? name.replace(/^(pods of )?[^/ ]+\/(?=\D)/, "$1") : name;
      return short.length > longest ? `${short.slice(0, longest - 1)}…` : short;
    };
    const told = (edge: (typeof edges)[number]): string => {
      const perSecond = spanNs === 0 ? 0 : edge.opened / (spanNs / NS);
      const rate = `${wording.count(Number(perSecond.toPrecision(3)))}/s`;
      const failed = edge.failed + edge.broken;
      return [
        edge.workload,
        rate,
        ...(failed > 0 ? [`${wording.count(failed)} failed`] : []),
        ...(edge.dropped > 0 ? [`${wording.count(edge.dropped)} dropped`] : []),
      ].join(" · ");
    };
    const lines = edges.map((edge, row) => {
      const perSecond = spanNs === 0 ? 0 : edge.opened / (spanNs / NS);
      const middle = { symbol: "none", label: { show: true, position: "bottom", distance: 9, fontSize: 12, color: theme.ink, formatter: told(edge) } };
      return {
        name: isFine(edge) ? FINE : TROUBLE,
        type: "line",
        smooth: 0.35,
        silent: true,
        symbol: "none",
        color: isFine(edge) ? parts.color(0) : theme.mark,
        lineStyle: { width: 1.5 + Math.log10(1 + perSecond), type: isFine(edge) ? "solid" : "dashed" },
        z: 4,
        data: [[0, callers.get(edge.from)!], [0.3, row], [0.7, row], [1, called.get(edge.to)!]],
        markPoint: { ...middle, symbol: "circle", symbolSize: 0.1, data: [{ coord: [0.5, row] }] },
      };
    });
    const ends = (places: Map<string, number>, x: number, align: string): Option => ({
      type: "scatter",
      silent: true,
      symbol: "circle",
      symbolSize: 13,
      color: theme.ink,
      z: 6,
      itemStyle: { opacity: 1 },
      data: [...places].map(([name, row]) => ({
        value: [x, row],
        label: {
          show: true,
          position: [x === 0 ? 0 : 13, -8],
          align,
          verticalAlign: "bottom",
          color: theme.ink,
          fontSize: 12.5,
          fontWeight: 600,
          formatter: cut(name),
          backgroundColor: theme.surface,
          padding: [2, 5, 2, 0],
        },
      })),
    });
    const hidden = { show: false, axisLine: { show: false }, axisLabel: { show: false } };
    return parts.chart(state, {
      xAxis: { type: "value", min: -0.01, max: 1.01, ...hidden },
      yAxis: { type: "value", inverse: true, min: -0.6, max: edges.length - 0.3, ...hidden },
      series: [...lines, ends(callers, 0, "left"), ends(called, 1, "right")],
    });
  };

  return { contents, scraped, histogram, alerts, calls };
}
