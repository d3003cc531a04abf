import { describe, expect, it } from "vitest";
import { formatGoDuration, formatTime, instantFromNs, instantNs, parseGoDuration, parseTime, timeLayout, type Instant } from "./times.js";

const at = (text: string): Instant => parseTime(text, { seconds: 0n, nanos: 0 });

describe("formatTime", () => {
  const instant: Instant = { ...at("2025-07-09T03:04:05Z"), nanos: 6_007_008 };
  it.each([
    ["StampMilli", "Jul  9 03:04:05.006"],
    ["YearMonthDay", "2025-07-09"],
    ["YearMonthDayHour", "2025-07-09T03Z"],
    ["YearMonthDayHourMinute", "2025-07-09T03:04Z"],
    ["RFC3339", "2025-07-09T03:04:05Z"],
    ["RFC3339Milli", "2025-07-09T03:04:05.006Z"],
    ["RFC3339Micro", "2025-07-09T03:04:05.006007Z"],
    ["RFC3339Nano", "2025-07-09T03:04:05.006007008Z"],
    ["RFC1123Z", "Wed, 09 Jul 2025 03:04:05 +0000"],
    ["rfc3339NANO", "2025-07-09T03:04:05.006007008Z"],
    ["Kitchen", "Jul  9 03:04:05.006"],
  ])("%s", (name, text) => {
    expect(formatTime(timeLayout(name), instant)).toBe(text);
  });

  it("leaves trailing zeros of fractions out", () => {
    expect(formatTime("rfc3339milli", { ...instant, nanos: 120_000_000 })).toBe("2025-07-09T03:04:05.12Z");
    expect(formatTime("rfc3339milli", { ...instant, nanos: 999 })).toBe("2025-07-09T03:04:05Z");
  });

  it("has no time outside of the years 1 to 9999", () => {
    expect(formatTime("rfc3339", undefined)).toBe("N/A");
    expect(formatTime("rfc3339", { seconds: -62_135_596_800n, nanos: 0 })).toBe("0001-01-01T00:00:00Z");
    expect(formatTime("rfc3339", { seconds: -62_135_596_801n, nanos: 0 })).toBe("N/A");
    expect(formatTime("rfc3339", { seconds: 253_402_300_800n, nanos: 0 })).toBe("N/A");
  });
});

describe("parseTime", () => {
  const now = at("2019-07-01T14:00:00Z");
  it.each([
    ["10s", "2019-07-01T13:59:50Z"],
    ["1h30m", "2019-07-01T12:30:00Z"],
    ["-5m", "2019-07-01T14:05:00Z"],
    ["2019-06-30", "2019-06-30T00:00:00Z"],
    ["2019-06-30T18Z", "2019-06-30T18:00:00Z"],
    ["2019-06-30T18+02:00", "2019-06-30T16:00:00Z"],
    ["2019-06-30T18:45-01:30", "2019-06-30T20:15:00Z"],
    ["2019-06-30T18:45:06.25Z", "2019-06-30T18:45:06.25Z"],
    ["Sun, 30 Jun 2019 18:45:06 +0200", "2019-06-30T16:45:06Z"],
  ])("%s", (text, expected) => {
    expect(formatTime("rfc3339nano", parseTime(text, now))).toBe(expected);
  });

  it.each(["yesterday", "2019-02-30", "2019-13-01", "2019-06-30T25Z", "2019-06-30T18:61Z", "2019-06-30 18:00", "5", "1d", ""])("refuses %j", (text) => {
    expect(() => parseTime(text, now)).toThrow(`failed to convert ${text} to time`);
  });
});

describe("durations", () => {
  it.each([
    [0n, "0s"],
    [1n, "1ns"],
    [1500n, "1.5µs"],
    [345_678_901n, "345.678901ms"],
    [2_000_000_000n, "2s"],
    [60_000_000_000n, "1m0s"],
    [3_661_500_000_000n, "1h1m1.5s"],
    [-90_000_000_000n, "-1m30s"],
  ])("%d ns is %s", (ns, text) => {
    expect(formatGoDuration(ns)).toBe(text);
    expect(parseGoDuration(text)).toBe(ns);
  });

  it("reads fractions, all units, and nothing else", () => {
    expect(parseGoDuration("1.5h.5s3us2µs1ns")).toBe(5_400_500_005_001n);
    expect(parseGoDuration("0")).toBe(0n);
    for (const text of ["", "s", "1", "1.s.", "1 s", "9999999h", "1s-1s"]) expect(parseGoDuration(text)).toBeUndefined();
  });

  it("instants keep nanoseconds that are not negative", () => {
    expect(instantFromNs(-1n)).toEqual({ seconds: -1n, nanos: 999_999_999 });
    expect(instantNs(instantFromNs(-1_500_000_000n))).toBe(-1_500_000_000n);
  });
});
