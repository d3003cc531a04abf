import { HistogramLogReader } from "hdr-histogram-js";
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../core/log-linear.js";
import { hdrLog } from "./hlog.js";

function counterOf(...values: readonly number[]): LogLinearCounter {
  const counter = new LogLinearCounter(3, 3600e9);
  for (const value of values) counter.record(value);
  return counter;
}

describe("histogram log", () => {
  it("has the head and one line for each interval", () => {
    const log = hdrLog(
      [
        { startNs: 0, endNs: 1e9, counter: counterOf(100_000) },
        { tag: "syn_latency", startNs: 1e9, endNs: 2.5e9, counter: counterOf(517_000_000) },
      ],
      { startMs: 1_753_750_000_000, comments: ["two channels"] },
    );
    const lines = log.split("\n");
    expect(lines.slice(0, 4)).toEqual([
      "#two channels",
      "#[Histogram log format version 1.3]",
      "#[StartTime: 1753750000.000 (seconds since epoch), Tue Jul 29 00:46:40 UTC 2025]",
      '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]);
    expect(lines[4]).toMatch(/^1753750000\.000,1\.000,0\.100,HISTFA/);
    expect(lines[5]).toMatch(/^Tag=syn_latency,1753750001\.000,1\.500,517\.210,HISTFA/);
    expect(lines.slice(6)).toEqual([""]);
  });

  it("starts at zero unless told otherwise, as simulated time has no date", () => {
    const [, start, , interval] = hdrLog([{ startNs: 12_345_678, endNs: 20_000_000, counter: counterOf() }]).split("\n");
    expect(start).toBe("#[StartTime: 0.000 (seconds since epoch), Thu Jan 01 00:00:00 UTC 1970]");
    expect(interval).toMatch(/^0\.012,0\.008,0\.000,/);
  });

  it("divides the maximum by the ratio asked for", () => {
    const log = hdrLog([{ startNs: 0, endNs: 1e9, counter: counterOf(2000) }], { maxValueUnitRatio: 1000 });
    expect(log.split("\n")[3]).toMatch(/^0\.000,1\.000,2\.000,/);
  });

  it("is read by hdr-histogram-js, tags and stamps and values", () => {
    const log = hdrLog(
      [
        { startNs: 0, endNs: 1e9, counter: counterOf(1, 2, 3) },
        { tag: "forward", startNs: 60e9, endNs: 61e9, counter: counterOf(5e8, 7e8) },
      ],
      { startMs: 1_000_000 },
    );
    const reader = new HistogramLogReader(log);
    const first = reader.nextIntervalHistogram()!;
    const second = reader.nextIntervalHistogram()!;
    expect(reader.nextIntervalHistogram()).toBeNull();
    expect([first.tag, first.totalCount, first.getValueAtPercentile(50), first.startTimeStampMsec]).toEqual(["NO TAG", 3, 2, 1_000_000]);
    expect([second.tag, second.totalCount, second.startTimeStampMsec, second.endTimeStampMsec]).toEqual(["forward", 2, 1_060_000, 1_061_000]);
    expect(second.getValueAtPercentile(100)).toBe(counterOf(7e8).max);
  });

  it.each(["", "a b", "a,b", "a\nb"])("refuses the tag %j", (tag) => {
    expect(() => hdrLog([{ tag, startNs: 0, endNs: 1, counter: counterOf() }])).toThrow(RangeError);
  });

  it("refuses times before its start, backwards intervals and comments of several lines", () => {
    expect(() => hdrLog([{ startNs: -1e9, endNs: 1e9, counter: counterOf() }])).toThrow(RangeError);
    expect(() => hdrLog([{ startNs: 2e9, endNs: 1e9, counter: counterOf() }])).toThrow(RangeError);
    expect(() => hdrLog([], { comments: ["a\nb"] })).toThrow(RangeError);
  });
});
