/** The charts' options: that they show the result's figures, from the functions' source texts as the page runs them. */
import { describe, expect, it } from "vitest";
import { experimentFixture } from "../../../../test/fixtures/experiment-result.js";
import { pageData } from "../page-data.js";
import { type Charts, type ChartParts, type ChartSource, type ChartState, type ChartTheme, makeChartParts } from "./chart-parts.js";
import { makeDistributionCharts } from "./distribution-charts.js";
import { makeNodeCharts } from "./node-charts.js";
import { makeTimeCharts } from "./time-charts.js";
import { makeWording, type Wording } from "./wording.js";

const result = pageData(experimentFixture());
const theme: ChartTheme = {
  ink: "#000",
  muted: "#555",
  line: "#ccc",
  surface: "#fff",
  burst: "#fda",
  gcTimer: "#888",
  gcSignal: "#c00",
  mark: "#a00",
  pending: "#ca0",
  palette: ["#1", "#2", "#3", "#4", "#5", "#6"],
  font: "sans-serif",
  narrow: false,
};
const state: ChartState = { width: 1000, fromZero: false, column: "" };

/** A function made again from its text, which sees nothing of this module. */
function fromSource<T>(make: T): T {
  return new Function(`"use strict"; return (${String(make)});`)() as T;
}

function chartsOf(shown: typeof result): Charts {
  const wording: Wording = fromSource(makeWording)();
  const parts: ChartParts = fromSource(makeChartParts)(wording, theme);
  const source: ChartSource = { result: shown, wording, theme, parts };
  return { ...fromSource(makeTimeCharts)(source), ...fromSource(makeDistributionCharts)(source), ...fromSource(makeNodeCharts)(source) };
}

interface Series {
  readonly name: string;
  readonly type: string;
  readonly data: readonly (readonly number[])[];
  readonly markLine?: { readonly data: readonly { readonly xAxis?: number; readonly yAxis?: number }[] };
  readonly markArea?: { readonly data: readonly (readonly { readonly xAxis: number }[])[] };
}

const seriesOf = (option: Record<string, unknown>): readonly Series[] => option["series"] as readonly Series[];
const charts = chartsOf(result);
const [asTold, , asLru] = result.variants;

describe("pressure", () => {
  const option = charts.pressure(asTold!, state, 0);
  const series = seriesOf(option);

  it("shows every sampled map in percent, and its peak", () => {
    expect(series.map(({ name }) => name)).toEqual(["ct4_global", "ct_any4_global", "burst", "GC run", "GC run by signal"]);
    const peak = Math.max(...series[0]!.data.map((point) => point[1]!));
    expect(peak).toBe((100 * asTold!.maps[0]!.entriesMax) / asTold!.maps[0]!.maxEntries);
    expect(series[0]!.markLine!.data).toEqual([{ yAxis: 100 }]);
  });

  it("shades every burst and marks every GC run, by cause", () => {
    expect(series[2]!.markArea!.data).toEqual(
      asTold!.windows.map(({ startNs, endNs }) => [{ xAxis: startNs / 1e9 }, { xAxis: endNs / 1e9 }]),
    );
    const marked = series.slice(3).map(({ markLine }) => markLine!.data.length);
    const signalled = asTold!.gcRuns.filter(({ cause }) => cause === "signal").length;
    expect(marked).toEqual([asTold!.gcRuns.length - signalled, signalled]);
  });

  it("starts at zero when asked to, and says in its tooltip how many entries there are", () => {
    expect(charts.pressure(asTold!, { ...state, fromZero: true }, 0)["yAxis"]).toMatchObject({ scale: false, min: 0 });
    const { formatter } = option["tooltip"] as { formatter: (params: unknown) => string };
    const text = formatter([{ seriesName: "ct4_global", marker: "", dataIndex: 0, axisValue: 60, value: [60, 97.65625, 512_000] }]);
    expect(text).toContain("at 1m");
    expect(text).toContain("512,000 of 524,288 (97.7 %)");
    expect(formatter([])).toBe("");
  });

  it("hides maps that stay small, but never all", () => {
    const small = {
      ...asTold!,
      maps: asTold!.maps.map((map, at) => ({ ...map, entriesMax: map.maxEntries * (at === 0 ? 0.1 : 0.2) })),
    };
    const { selected } = charts.pressure(small, state, 0)["legend"] as { selected: Record<string, boolean> };
    expect(selected).toEqual({ ct4_global: false, ct_any4_global: true });
  });
});

describe("latency", () => {
  it("has the share above p99 where the summary has p99", () => {
    const series = seriesOf(charts.latency(asTold!, state, 0));
    expect(series.map(({ name }) => name)).toEqual(["all", "inside bursts", "outside bursts"]);
    const { p99Ns, count } = asTold!.synLatency["inside"]!;
    const points = series[1]!.data;
    const after = points.find((point) => point[0]! >= p99Ns!)!;
    const before = points.findLast((point) => point[0]! < p99Ns!)!;
    expect(before[1]).toBeGreaterThanOrEqual(0.01);
    expect(after[1]! <= before[1]! && points.at(-1)![1]! <= 1 / count).toBe(true);
    points.forEach((point, at) => {
      if (at > 0) expect(point[0]! >= points[at - 1]![0]! && point[1]! <= points[at - 1]![1]!).toBe(true);
    });
  });

  it("marks the retransmissions that clients came to", () => {
    const marks = (variant: number): unknown =>
      seriesOf(charts.latency(result.variants[variant]!, state, 0))[0]!.markLine!.data.map(({ xAxis }) => xAxis);
    expect(marks(0)).toEqual([0.5e9, 1.5e9]);
    expect(marks(2)).toEqual([0.5e9]);
  });

  it("compares variants inside bursts, with each initial timeout once", () => {
    const series = seriesOf(charts.compareLatency(asTold!, state, 0));
    expect(series.map(({ name }) => name)).toEqual(result.variants.map(({ name }) => name));
    expect(series[0]!.markLine!.data.map(({ xAxis }) => xAxis)).toEqual([0.5e9, 1e9]);
  });
});

describe("drops, hooks and single series", () => {
  it("adds up to the drops that were sampled", () => {
    const [bars] = seriesOf(charts.drops(asTold!, state, 0));
    const sampled = asTold!.series.columns.find(({ name }) => name === "drops_155")!.values;
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    expect(bars!.name).toBe("CT: Map insertion failed (155)");
    expect(sum(bars!.data.map((point) => point[1]!))).toBe(sum(sampled));
    expect(bars!.data.length).toBeLessThanOrEqual(120);
  });

  it("takes the sum over reasons where reasons were not sampled apart", () => {
    const columns = asTold!.series.columns.map((column) => (column.name === "drops_155" ? { ...column, name: "drops" } : column));
    const together = { ...asTold!, series: { ...asTold!.series, columns } };
    expect(seriesOf(charts.drops(together, state, 0))[0]!.name).toBe("CT: Map insertion failed (155)");
    const two = { ...together, drops: [...together.drops, { ...together.drops[0]!, code: 133 }] };
    expect(seriesOf(charts.drops(two, state, 0))[0]!.name).toBe("all reasons");
  });

  it("sets shares of each side's own total side by side", () => {
    const series = seriesOf(charts.hook(asTold!, state, 0));
    expect(series.map(({ name }) => name)).toEqual(["simulated", "observed"]);
    for (const { data } of series) {
      const shares = (data as unknown as (number | null)[]).map((height) => (height === null ? 0 : 10 ** (height - 6)));
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    }
  });

  it("shows the chosen series, else the first", () => {
    expect(seriesOf(charts.column(asLru!, { ...state, column: "connections_open" }, 0))[0]!.name).toBe("connections_open");
    expect(seriesOf(charts.column(asLru!, state, 0))[0]!.name).toBe("ct4_global_entries");
  });

  it("leaves room for a legend that needs several lines", () => {
    const top = (width: number): number => (charts.comparePressure(asTold!, { ...state, width }, 0)["grid"] as { top: number }).top;
    expect(top(320)).toBeGreaterThan(top(1000));
  });
});

describe("what the node held and did", () => {
  it("stacks a map's classes up to its entries, and begins below a class that hardly moves unless told otherwise", () => {
    const option = charts.contents(asTold!, { ...state, column: "ct4_global by state" }, 0);
    const series = seriesOf(option);
    expect(series.slice(0, 2).map(({ name }) => name)).toEqual(["alive", "expired"]);
    expect(series[0]!.data[10]).toEqual([600, 501_000]);
    expect(series[1]!.data[10]).toEqual([600, 7_000]);
    const min = (shown: Record<string, unknown>): number => (shown["yAxis"] as { min: number }).min;
    expect(min(option)).toBeGreaterThan(400_000);
    expect(min(option)).toBeLessThan(500_000);
    expect(min(charts.contents(asTold!, { ...state, fromZero: true }, 0))).toBe(0);
    expect(series[0]!.markLine!.data).toEqual([{ yAxis: 524_288 }]);
  });

  it("lets a scraped sample stand until the next scrape, and leaves gaps where a scrape has no series", () => {
    const line = seriesOf(charts.scraped(asTold!, { ...state, column: "ct4_global" }, 0)).find(({ name }) => name === "as scraped")!;
    const data = line.data as unknown as readonly (readonly [number, number | "-"])[];
    const at = (seconds: number): readonly unknown[] => data.filter(([time]) => time === seconds).map(([, value]) => value);
    expect(at(120)).toEqual(["-"]);
    expect(at(180)).toEqual([96.3]);
    expect(at(240)).toEqual([96.3, 96.39999999999999]);
    expect(at(1200)).toEqual([97.89999999999999, "-"]);
    expect(data.at(-2)).toEqual([2400, data.at(-3)![1]]);
    const { tooltip } = charts.scraped(asTold!, { ...state, column: "ct4_global" }, 0) as { tooltip: { formatter: (params: unknown) => string } };
    expect(tooltip.formatter([{ seriesName: "as scraped", marker: "", value: [1200, "-"] }])).toContain("no series");
  });

  it("draws a line where no scrape has a map at all: the truth alone", () => {
    const names = seriesOf(charts.scraped(asTold!, { ...state, column: "ct_any4_global" }, 0)).map(({ name }) => name);
    expect(names).toEqual(["true fill", "burst"]);
  });

  it("shows distributions as shares: of seconds straight, of tries in decades", () => {
    expect(seriesOf(charts.histogram(asTold!, state, 1))[0]!.data).toEqual([40, 60]);
    const [tries] = seriesOf(charts.histogram(asTold!, state, 0));
    (tries!.data as unknown as number[]).forEach((height, at) => expect(10 ** (height - 6)).toBeCloseTo([0.9, 0.09, 0.01][at]!, 9));
  });

  it("lays alerts out in time", () => {
    const [pending, firing] = seriesOf(charts.alerts(asTold!, state, 0));
    expect([pending!.data, firing!.data]).toEqual([[[540, 0], [600, 0], ["-", "-"]], [[600, 0], [660, 0], ["-", "-"]]]);
  });

  it("draws a line for each workload, with its rate, failures and drops, from caller to called", () => {
    const lines = seriesOf(charts.calls(asTold!, state, 0)).filter(({ type }) => type === "line") as unknown as readonly {
      readonly name: string;
      readonly data: readonly (readonly number[])[];
      readonly markPoint: { readonly label: { readonly formatter: string } };
    }[];
    expect(lines.map(({ name }) => name)).toEqual(["calls", "calls with failures or drops"]);
    expect(lines.map(({ markPoint }) => markPoint.label.formatter)).toEqual(["base · 10/s", "job · 4/s · 10 failed · 41 dropped"]);
    expect(lines.map(({ data }) => [data[0], data.at(-1)])).toEqual([[[0, 0.5], [1, 0]], [[0, 0.5], [1, 1]]]);
  });
});
