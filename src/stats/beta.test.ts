import { describe, expect, it } from "vitest";
import { betaProbability, betaQuantile, binomialProbability } from "./beta.js";

describe("betaProbability", () => {
  it("equals closed forms", () => {
    expect(betaProbability(0.3, 1, 1)).toBeCloseTo(0.3, 13);
    expect(betaProbability(0.3, 4, 1)).toBeCloseTo(0.3 ** 4, 13);
    expect(betaProbability(0.3, 1, 4)).toBeCloseTo(1 - 0.7 ** 4, 13);
    // The arcsine distribution.
    expect(betaProbability(0.25, 0.5, 0.5)).toBeCloseTo(1 / 3, 14);
    expect(betaProbability(-1, 2, 3)).toBe(0);
    expect(betaProbability(1.5, 2, 3)).toBe(1);
  });

  it("keeps its digits for large samples (SciPy 1.17 betainc)", () => {
    for (const [a, b, x, p] of [
      [300, 1e5, 0.003, 0.5283579572065613],
      [1e6, 17, 0.99998, 0.22105096016303605],
      [1e4, 1e4, 0.495, 0.0786470088816631],
    ] as const) {
      expect(betaProbability(x, a, b)).toBeCloseTo(p, 11);
    }
  });

  it("refuses shapes that are not positive", () => {
    expect(() => betaProbability(0.5, 0, 1)).toThrow(RangeError);
    expect(() => betaProbability(0.5, 1, NaN)).toThrow(RangeError);
    expect(() => betaQuantile(1.1, 1, 1)).toThrow(RangeError);
  });
});

describe("binomialProbability", () => {
  it("sums the terms", () => {
    // Ten tosses: 1 + 10 + 45 + 120 of 1024.
    expect(binomialProbability(3, 10, 0.5)).toBeCloseTo(176 / 1024, 14);
    expect(binomialProbability(-1, 10, 0.5)).toBe(0);
    expect(binomialProbability(10, 10, 0.5)).toBe(1);
  });
});

describe("betaQuantile", () => {
  it("inverts", () => {
    expect(betaQuantile(0.5, 3, 3)).toBeCloseTo(0.5, 13);
    expect(betaQuantile(0.008, 3, 1)).toBeCloseTo(0.2, 14);
    expect(betaQuantile(0, 2, 2)).toBe(0);
    expect(betaQuantile(1, 2, 2)).toBe(1);
    // Relative precision far down: 1 - 0.975^(1e-9).
    expect(betaQuantile(0.025, 1, 1e9) / 2.5317808e-11).toBeCloseTo(1, 6);
  });
});
