import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  assertHorizon,
  clockSeconds,
  formatBytes,
  formatCount,
  formatDuration,
  HORIZON_NS,
  ns,
  NS_PER_MS,
  NS_PER_S,
  NS_PER_US,
  parseCount,
  parseDuration,
  seconds,
  type Bytes,
  type Nanoseconds,
  type Seconds,
} from "./units.js";

describe("brands", () => {
  it("keep quantities apart when compiled, and are plain numbers when run", () => {
    expectTypeOf<Nanoseconds>().not.toEqualTypeOf<Seconds>();
    expectTypeOf<Nanoseconds>().not.toEqualTypeOf<number>();
    expectTypeOf<Nanoseconds>().toExtend<number>();
    expectTypeOf<number>().not.toExtend<Nanoseconds>();
    expectTypeOf<Seconds>().not.toExtend<Nanoseconds>();
    expectTypeOf<Bytes>().not.toExtend<Seconds>();
    expect(typeof ns(1.5)).toBe("number");
  });
});

describe("time", () => {
  it("rounds to whole nanoseconds", () => {
    expect([ns(1.4), ns(1.5), seconds(1.5), seconds(0.1234567894), seconds(1e-9)]).toEqual([1, 2, 1.5e9, 123_456_789, 1]);
  });

  it("truncates to whole seconds as the datapath clock does", () => {
    expect([0, 999_999_999, 1e9, 1_999_999_999, 86_400 * 1e9].map((at) => clockSeconds(at as Nanoseconds))).toEqual([0, 0, 1, 1, 86_400]);
  });

  it("asserts the horizon", () => {
    expect(() => assertHorizon(HORIZON_NS)).not.toThrow();
    expect(() => assertHorizon(0 as Nanoseconds)).not.toThrow();
    for (const end of [2 ** 53, -1, NaN, Infinity]) expect(() => assertHorizon(end as Nanoseconds)).toThrow(RangeError);
  });
});

describe("parseDuration", () => {
  it.each([
    ["0", 0],
    ["0s", 0],
    ["250us", 250 * NS_PER_US],
    ["250µs", 250 * NS_PER_US],
    ["500ms", 500 * NS_PER_MS],
    ["10s", 10 * NS_PER_S],
    ["5m0s", 300 * NS_PER_S],
    ["2h13m20s", 8000 * NS_PER_S],
    ["1.5h", 5400 * NS_PER_S],
    ["0.1s", 1e8],
    ["3d", 3 * 86_400 * NS_PER_S],
    [" 7ns ", 7],
  ])("reads %j", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(["", "s", "5", "-5s", "5 s", "5sec", "5s!", "1m 2s", ".5s", "5.s", "1e3s", "5S", "５s"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it("adds parts up", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * NS_PER_S + ms * NS_PER_MS);
      }),
    );
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0 s"],
    [7, "7 ns"],
    [2400, "2.4 µs"],
    [517e6, "517 ms"],
    [1.02e9, "1.02 s"],
    [90e9, "90 s"],
    [750e9, "12m30s"],
    [7200e9, "2h0m"],
    [8000e9, "2h13m20s"],
    [-5e6, "-5 ms"],
    [119.99e9, "120 s"],
  ])("%d ns is %s", (span, text) => {
    expect(formatDuration(span)).toBe(text);
  });

  it("never strays from the value by more than half a percent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (span) => {
        const back = parseDuration(formatDuration(span).replace(" ", ""))!;
        expect(Math.abs(back - span) / span).toBeLessThanOrEqual(0.005);
      }),
    );
  });
});

describe("counts", () => {
  it.each([
    ["524288", 524_288],
    ["512Ki", 524_288],
    ["2Mi", 2_097_152],
    ["10k", 10_000],
    ["64Gi", 64 * 2 ** 30],
    ["1.5Ki", 1536],
    ["0", 0],
  ])("parseCount reads %j", (text, expected) => {
    expect(parseCount(text)).toBe(expected);
  });

  it.each(["", "Ki", "-1", "1.5", "1e6", "5K", "5 Ki", "9007199254740993", "9007199254740992Ti", "0x10"])("parseCount refuses %j", (text) => {
    expect(parseCount(text)).toBeUndefined();
  });

  it.each([
    [0, "0"],
    [999, "999"],
    [524_288, "524,288"],
    [-1_234_567, "-1,234,567"],
    [1234.5, "1,234.5"],
  ])("formatCount(%d) is %s", (value, text) => {
    expect(formatCount(value)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [136 * 2 ** 20, "136.0 MiB"],
    [-(2 ** 31), "-2.0 GiB"],
    [5 * 2 ** 50, "5120.0 TiB"],
  ])("formatBytes(%d) is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
