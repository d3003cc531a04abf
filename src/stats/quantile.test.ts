import { describe, expect, it } from "vitest";
import { bucketQuantileInterval, quantileInterval, quantileRanks } from "./quantile.js";

describe("quantileRanks", () => {
  it.each([
    // Ranks for the median, 95 %, and what they give (Conover: Practical Nonparametric Statistics, 3.2; Dixon, Massey, table A-25).
    [6, 1, 6, 0.969],
    [8, 1, 8, 0.9922],
    [9, 2, 8, 0.9609],
    [10, 2, 9, 0.9785],
    [15, 4, 12, 0.9648],
    [20, 6, 15, 0.9586],
    [30, 10, 21, 0.9572],
  ])("median of %i: ranks %i and %i", (n, low, high, coverage) => {
    const ranks = quantileRanks(n, 0.5);
    expect([ranks.low, ranks.high]).toEqual([low, high]);
    expect(ranks.coverage).toBeCloseTo(coverage, 3);
  });

  it("has no bound where the sample is too small: Wilks' 59 and 299", () => {
    // One-sided 95 % for the 95th and 99th percentile (Wilks 1941), that is, two-sided at 90 %.
    expect(quantileRanks(58, 0.95, 0.9).high).toBeNull();
    expect(quantileRanks(59, 0.95, 0.9).high).toBe(59);
    expect(quantileRanks(298, 0.99, 0.9).high).toBeNull();
    expect(quantileRanks(299, 0.99, 0.9).high).toBe(299);
    expect(quantileRanks(5, 0.5)).toMatchObject({ low: null, high: null });
    expect(quantileRanks(100, 0.001).low).toBeNull();
  });

  it("refuses what has no quantiles", () => {
    expect(() => quantileRanks(0, 0.5)).toThrow(RangeError);
    expect(() => quantileRanks(10, 1)).toThrow(RangeError);
  });
});

describe("quantileInterval", () => {
  it("takes the observations of those ranks", () => {
    const values = [9, 3, 10, 1, 7, 5, 2, 8, 6, 4].map((rank) => rank * 10);
    expect(quantileInterval(values, 0.5)).toEqual({ value: 50, low: 20, high: 90, confidence: 0.95, n: 10 });
    expect(quantileInterval([5, 7], 0.9)).toEqual({ value: 7, low: 5, high: null, confidence: 0.95, n: 2 });
  });

  it("takes the outer edges of a histogram's buckets", () => {
    // The ranks of 20 are 6 and 15.
    expect(bucketQuantileInterval([[0, 9, 5], [10, 19, 5], [20, 29, 4], [30, 39, 6]], 0.5)).toMatchObject({ value: 19, low: 10, high: 39, n: 20 });
  });
});
