import { describe, expect, it } from "vitest";
import { meanInterval, moments, pairedDifference, studentQuantile } from "./mean.js";

/** `sleep` of R's datasets: hours of sleep gained under two drugs by the same ten people (Student 1908; Cushny, Peebles 1905). */
const DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
const DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

describe("studentQuantile", () => {
  it.each([
    // NIST/SEMATECH e-Handbook 1.3.6.7.2, upper critical values of Student's t.
    [0.9, 1, 3.078],
    [0.975, 1, 12.706],
    [0.975, 2, 4.303],
    [0.975, 5, 2.571],
    [0.995, 5, 4.032],
    [0.95, 9, 1.833],
    [0.975, 9, 2.262],
    [0.999, 5, 5.893],
    [0.975, 30, 2.042],
    [0.975, 100, 1.984],
  ])("P(T ≤ t) = %f with %i degrees of freedom: %f", (p, freedom, t) => {
    expect(studentQuantile(p, freedom)).toBeCloseTo(t, 3);
    expect(studentQuantile(1 - p, freedom)).toBeCloseTo(-t, 3);
  });

  it("has a closed form for one and two degrees of freedom", () => {
    expect(studentQuantile(0.8, 1)).toBeCloseTo(Math.tan(Math.PI * 0.3), 12);
    expect(studentQuantile(0.8, 2)).toBeCloseTo((0.6 * Math.SQRT2) / Math.sqrt(4 * 0.8 * 0.2), 12);
    expect(studentQuantile(0.5, 7)).toBe(0);
    expect(() => studentQuantile(1, 7)).toThrow(RangeError);
  });
});

describe("meanInterval", () => {
  it("gives Law's example: 90 % of ten delays, 1.34 ± 0.24", () => {
    // Law: Simulation Modeling and Analysis, example 4.26.
    const { value, low, high } = meanInterval([1.2, 1.5, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.5, 1.09], 0.9);
    expect(value).toBeCloseTo(1.343, 3);
    expect((high - low) / 2).toBeCloseTo(0.24, 2);
  });

  it("gives R's t.test(extra ~ 1) for the second drug of sleep", () => {
    const { value, low, high, n } = meanInterval(DRUG_2);
    expect([value, n]).toEqual([expect.closeTo(2.33, 12), 10]);
    expect(low).toBeCloseTo(0.8976775, 6);
    expect(high).toBeCloseTo(3.7623225, 6);
  });

  it("has no width when nothing varies, and no bounds with one value", () => {
    expect(meanInterval([0.1, 0.1, 0.1])).toEqual({ value: 0.1, low: 0.1, high: 0.1, confidence: 0.95, n: 3 });
    expect(meanInterval([4])).toMatchObject({ value: 4, low: -Infinity, high: Infinity });
    expect(() => meanInterval([])).toThrow(RangeError);
    expect(() => meanInterval([1, 2], 1)).toThrow(RangeError);
  });

  it("keeps the variance of values far from zero", () => {
    expect(moments([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toEqual({ n: 4, mean: 1e9 + 10, variance: 30 });
  });
});

describe("pairedDifference", () => {
  it("gives R's t.test(extra, paired = TRUE) for sleep", () => {
    // ?t.test: mean difference -1.58, 95 % -2.4598858 … -0.7001142.
    const { value, low, high } = pairedDifference(DRUG_2, DRUG_1);
    expect(value).toBeCloseTo(-1.58, 12);
    expect(low).toBeCloseTo(-2.4598858, 7);
    expect(high).toBeCloseTo(-0.7001142, 7);
  });

  it("needs as many on both sides", () => {
    expect(() => pairedDifference([1], [1, 2])).toThrow("can't be paired");
  });
});
