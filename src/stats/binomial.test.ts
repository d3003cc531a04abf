import { describe, expect, it } from "vitest";
import { noneSeen, ruleOfThree, shareInterval } from "./binomial.js";

describe("shareInterval", () => {
  it("gives Mendel's peas as R's binom.test does", () => {
    // ?binom.test: 682 of 925, 95 % 0.7076683 … 0.7654066.
    const { value, low, high, n } = shareInterval(682, 925);
    expect([value, n]).toEqual([682 / 925, 925]);
    expect(low).toBeCloseTo(0.7076683, 7);
    expect(high).toBeCloseTo(0.7654066, 7);
  });

  it.each([
    // Tables of Clopper and Pearson's limits, 95 %, in per cent (Documenta Geigy, 7th edition).
    [0, 10, 0, 30.85],
    [1, 10, 0.25, 44.5],
    [3, 10, 6.67, 65.25],
    [5, 10, 18.71, 81.29],
    [10, 10, 69.15, 100],
    [1, 100, 0.03, 5.45],
    [10, 100, 4.9, 17.62],
  ])("%i of %i: %f … %f %%", (events, trials, low, high) => {
    const share = shareInterval(events, trials);
    expect(share.low * 100).toBeCloseTo(low, 2);
    expect(share.high * 100).toBeCloseTo(high, 2);
  });

  it("stays precise for one event in a billion", () => {
    const { low, high } = shareInterval(1, 1e9);
    // Of a Poisson count of 1: 0.0253 … 5.5716 (Garwood 1936).
    expect(low * 1e9).toBeCloseTo(0.0253, 4);
    expect(high * 1e9).toBeCloseTo(5.5716, 4);
  });

  it("refuses what is no share", () => {
    for (const [events, trials] of [[1, 0], [3, 2], [-1, 2], [0.5, 2]] as const) {
      expect(() => shareInterval(events, trials)).toThrow(RangeError);
    }
  });
});

describe("no event", () => {
  it("is below three in n", () => {
    expect(ruleOfThree(1500)).toBe(0.002);
    expect(ruleOfThree(2)).toBe(1);
    expect(() => ruleOfThree(0)).toThrow(RangeError);
  });

  it("is within 1 % of the exact bound from 100 trials on (Hanley, Lippman-Hand 1983)", () => {
    expect(noneSeen(10)).toBeCloseTo(0.2589, 4);
    expect(noneSeen(100)).toBeCloseTo(0.0295, 4);
    for (const n of [100, 1e4, 1e9]) expect(Math.abs(ruleOfThree(n) / noneSeen(n) - 1)).toBeLessThan(0.02);
    // The exact one agrees with Clopper's and Pearson's at twice the tail.
    expect(noneSeen(1e6, 0.975)).toBeCloseTo(shareInterval(0, 1e6).high, 14);
  });
});
