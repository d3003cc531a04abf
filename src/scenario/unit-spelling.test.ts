import { describe, expect, it } from "vitest";
import { respeltCount, respeltDuration, respeltRate } from "./unit-spelling.js";

describe("units as scenarios spell them", () => {
  it.each([
    ["3sec", "3s"],
    ["5 min", "5m"],
    ["1 hour 30 minutes", "1h30m"],
    ["250 MS", "250ms"],
    ["5x", undefined],
    ["5", undefined],
    ["many", undefined],
  ])("duration %s", (written, meant) => {
    expect(respeltDuration(written)).toBe(meant);
  });

  it.each([
    ["512ki", "512Ki"],
    ["64 GiB", "64Gi"],
    ["64gb", "64G"],
    ["10K", "10k"],
    ["1Mx", undefined],
    ["lots", undefined],
  ])("count %s", (written, meant) => {
    expect(respeltCount(written)).toBe(meant);
  });

  it.each([
    ["100/sec", "100/s"],
    ["1.5K/s", "1.5k/s"],
    ["100 per minute", "100/m"],
    ["100rps", "100/s"],
    ["2 k per second", "2k/s"],
    ["100/day", undefined],
    ["100", undefined],
  ])("rate %s", (written, meant) => {
    expect(respeltRate(written)).toBe(meant);
  });
});
