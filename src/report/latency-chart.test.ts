/** The terminal's chart of SYN latencies: where connections lie, on a scale that all lines share. */
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../core/log-linear.js";
import { summarise } from "../observe/latency.js";
import { latencyChart } from "./latency-chart.js";

const CELLS = 40;

function summaryOf(...samples: readonly (readonly [ns: number, count: number])[]): ReturnType<typeof summarise> {
  const counter = new LogLinearCounter(3, 3600e9);
  for (const [ns, count] of samples) counter.record(ns, count);
  return summarise(counter);
}

describe("latencyChart", () => {
  it("puts a bar where connections lie, the higher the more there are, on powers of ten around all of them", () => {
    const chart = latencyChart([summaryOf([252e3, 10_000], [1.02e9, 100], [9e9, 1]), summaryOf([252e3, 10_000])], CELLS)!;
    expect([chart.fromNs, chart.toNs]).toEqual([100e3, 10e9]);
    // 8 cells a decade: 252 µs lies 0.4 of one after 100 µs, 1.02 s just after four decades.
    const [first, second] = chart.lines;
    expect([...first!].map((bar, cell) => [bar, cell] as const).filter(([bar]) => bar !== " ")).toEqual([["█", 3], ["▄", 32], ["▁", 39]]);
    expect(second!.trim()).toBe("█");
    expect(chart.axis).toBe("100 µs  1 ms    10 ms   100 ms  1 s");
  });

  it("leaves out labels that would touch or stand out, and lines have their width whatever they show", () => {
    const chart = latencyChart([summaryOf([50, 1], [3000e9, 1]), summaryOf()], CELLS)!;
    for (const line of chart.lines) expect([...line].length).toBe(CELLS);
    expect([...chart.axis].length).toBeLessThanOrEqual(CELLS);
    expect(chart.axis).toMatch(/^10 ns/);
    expect(chart.lines[1]!.trim()).toBe("");
  });

  it("is none when nothing was measured", () => {
    expect(latencyChart([summaryOf()], CELLS)).toBeNull();
    expect(latencyChart([], CELLS)).toBeNull();
  });
});
