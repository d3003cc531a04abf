/** A sweep's page as text: verdicts, the outermost good value, figures as in the table, the command; its chart from its source text. */
import { describe, expect, it } from "vitest";
import { sweepFixture } from "../../../test/fixtures/sweep-table.js";
import type { SweepTable } from "../../observe/sweep-result.js";
import { boundOf, pointVerdict, sweepHeadline } from "../sweep-verdict.js";
import { type ChartParts, type ChartTheme, makeChartParts } from "./client/chart-parts.js";
import { makeSweepCharts } from "./client/sweep-charts.js";
import { makeWording } from "./client/wording.js";
import { sweepPageSource } from "./scripts.js";
import { sweepHtml } from "./sweep-page.js";

const table = sweepFixture();
const page = sweepHtml(table);
const body = page.replace(/<script[\s\S]*?<\/script>/g, "").replace(/<style[\s\S]*?<\/style>/g, "");

describe("verdicts", () => {
  it("are those of the expectations, else what was lost", () => {
    expect(table.rows.map((row) => pointVerdict(row).text)).toEqual(["does not hold", "does not hold", "holds", "holds in 3 of 5"]);
    const unstated = sweepFixture([null, null, null, null]);
    expect(unstated.rows.map((row) => pointVerdict(row).text)).toEqual(["live evictions", "live evictions", "nothing lost", "live evictions"]);
    expect(sweepHeadline(table)).toBe("At 1 of 4 points every expectation is met in every run; at the other 3 not.");
    expect(sweepHeadline(sweepFixture([0, 0, 0, 0]))).toBe("Of 4 points, no point meets its expectations in every run.");
    expect(sweepHeadline(sweepFixture([5, 5, 5, 5]))).toBe("At all 4 points every expectation is met in every run.");
  });

  it("name the smallest value that is good, where more is better", () => {
    expect(boundOf(table)).toEqual({
      path: "bpf.ctTcpMax",
      which: "smallest",
      lines: [
        { others: "poisson 100/s", value: "8Ki", unsteady: false },
        { others: "poisson 300/s", value: null, unsteady: false },
      ],
    });
  });

  it("name the largest value that is good, where less is", () => {
    const falling = boundOf(sweepFixture([5, 5, 5, 0]))!;
    expect([falling.which, falling.lines.map(({ value }) => value)]).toEqual(["largest", ["8Ki", "2Ki"]]);
  });

  it("name none for words, for settings that move together, and where nothing changes", () => {
    const { plan } = table;
    const words: SweepTable = { ...table, plan: { ...plan, axes: [{ paths: ["profile.cilium"], values: [["1.14.5"], ["1.15.6"]] }, plan.axes[1]!] } };
    const joined: SweepTable = { ...table, plan: { ...plan, axes: [{ paths: ["a", "b"], values: [["1", "2"], ["3", "4"]] }, plan.axes[1]!] } };
    for (const none of [words, joined, { ...table, partial: true }, sweepFixture([5, 5, 5, 5]), sweepFixture([0, 5, 5, 0])]) expect(boundOf(none)).toBeNull();
  });

  it("order values by size, whatever order they were written in", () => {
    const { plan, rows } = sweepFixture([5, 5, 0, 0]);
    const turned: SweepTable = { ...table, rows, plan: { ...plan, axes: [{ ...plan.axes[0]!, values: [["1Mi"], ["512Ki"]] }, plan.axes[1]!] } };
    expect(boundOf(turned)).toMatchObject({ which: "smallest", lines: [{ value: "1Mi" }, { value: "1Mi" }] });
  });
});

describe("the page", () => {
  it("is the same bytes every time, loads nothing, and holds the table as data", () => {
    expect(sweepHtml(sweepFixture()) === page).toBe(true);
    expect(body).not.toMatch(/\b(?:src|href)="(?!#)|url\(|@import|<link|<img/);
    const data = /<script type="application\/json" id="ctlab-result"[^>]*>([\s\S]*?)<\/script>/.exec(page)![1]!;
    expect(JSON.parse(data)).toEqual(table);
  });

  it("states every point, leaves out what never moves, and says how to repeat it", () => {
    expect(body.match(/<tr>/g)!.length).toBe(1 + 2 + 1 + 2 + 1 + 2 + 1 + 4);
    expect(body).toContain('<option value="evictions_live">');
    expect(body).not.toContain('<option value="syn_latency_p99">');
    expect(body).toContain("90,000<small>81,000 … 99,000</small>");
    expect(body).toContain("none<small>below 0.6</small>");
    expect(body).toContain("--grid &#39;bpf.ctTcpMax=2Ki,8Ki&#39; --grid &#39;workloads.web.arrivals.poisson=100/s,300/s&#39; --runs 5 --seed &#39;1&#39;");
    const shades = [...body.matchAll(/--shade:(\d+)%/g)].map((match) => Number(match[1]));
    expect(shades).toEqual([2, 0, 38, 8]);
  });

  it("has unique ids, and every reference to one resolves", () => {
    const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of body.matchAll(/ (?:aria-labelledby|aria-describedby|data-for|data-beside|href)="#?([^"]+)"/g)) expect(ids).toContain(id);
  });

  it("escapes names", () => {
    const evil = "</script><script>alert(1)</script>";
    const attacked = sweepHtml({ ...table, plan: { ...table.plan, scenario: evil, seed: evil } });
    expect([...attacked.matchAll(/<script/g)].length).toBe([...page.matchAll(/<script/g)].length);
  });
});

interface Line {
  readonly name: string;
  readonly data: readonly number[][];
  readonly markLine: { readonly data: readonly unknown[] };
}

describe("the chart", () => {
  it("draws a line for each load, with intervals, side by side", () => {
    const fromSource = <T>(make: T): T => new Function(`"use strict"; return (${String(make)});`)() as T;
    const wording = fromSource(makeWording)();
    const parts: ChartParts = fromSource(makeChartParts)(wording, { palette: ["#1", "#2"], narrow: false } as unknown as ChartTheme);
    const option = fromSource(makeSweepCharts)({ table, wording, parts })({ width: 800, fromZero: false, column: "evictions_live" });
    const series = option["series"] as readonly Line[];
    expect(series.map(({ name }) => name)).toEqual(["poisson 100/s", "poisson 300/s"]);
    expect(series.map(({ data }) => data.map(([, mean]) => mean))).toEqual([[4000, 0], [90_000, 20_000]]);
    series.forEach(({ data }) => data.forEach(([at], place) => expect(Math.abs(at! - place)).toBeLessThan(0.1)));
    expect(series[1]!.markLine.data).toHaveLength(2);
    const { formatter } = option["tooltip"] as { formatter: (point: unknown) => string };
    expect(formatter({ seriesIndex: 1, dataIndex: 1, marker: "", seriesName: "poisson 300/s" })).toMatch(/bpf.ctTcpMax 8Ki.*20,000 \(18,000 … 22,000\)/);
  });

  it("is a program on its own", () => {
    expect(() => new Function(sweepPageSource())).not.toThrow();
    expect(sweepPageSource()).not.toMatch(/__vi_|__name|import\s*\(|\brequire\(/);
  });
});
