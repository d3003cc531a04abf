import { describe, expect, it } from "vitest";
import { RandomStreams } from "../core/random.js";
import { draw, flawOf, meanOf, type Distribution } from "./distributions.js";

const DRAWS = 200_000;

function sample(distribution: Distribution): Float64Array {
  const random = new RandomStreams(7).stream("distribution");
  return Float64Array.from({ length: DRAWS }, () => draw(distribution, random)).sort();
}

/** Distributions with their cumulative probabilities at some points, from their formulas. */
const CASES: [Distribution, [at: number, share: number][]][] = [
  [{ kind: "uniform", low: 2, high: 6 }, [[3, 0.25], [5, 0.75]]],
  [{ kind: "exponential", mean: 5 }, [[5, 1 - Math.exp(-1)], [15, 1 - Math.exp(-3)]]],
  [{ kind: "lognormal", median: 10, sigma: 0.5 }, [[10, 0.5], [10 * Math.exp(0.5), 0.841345]]],
  [{ kind: "pareto", scale: 2, shape: 3 }, [[4, 1 - 1 / 8], [20, 1 - 1 / 1000]]],
  [{ kind: "pareto", scale: 1, shape: 1, highest: 100 }, [[2, 0.5 / 0.99], [10, 0.9 / 0.99]]],
  [{ kind: "pareto", scale: 1, shape: 0.5, highest: 10_000 }, [[4, 0.5 / 0.99], [100, 0.9 / 0.99]]],
  [{ kind: "weibull", scale: 3, shape: 2 }, [[3, 1 - Math.exp(-1)], [6, 1 - Math.exp(-4)]]],
  [{ kind: "empirical", values: [1, 2, 10], shares: [0.5, 0.75, 1] }, [[1, 0.5], [1.5, 0.625], [6, 0.875]]],
];

describe("distributions", () => {
  it.each(CASES)("%j has its cumulative probabilities and mean", (distribution, points) => {
    expect(flawOf(distribution)).toBeUndefined();
    const sorted = sample(distribution);
    for (const [at, share] of points) {
      // Five standard deviations of a share: a false alarm in two million.
      const tolerance = 5 * Math.sqrt((share * (1 - share)) / DRAWS);
      const found = sorted.findIndex((value) => value > at) / DRAWS;
      expect(Math.abs(found - share), `share at ${at}`).toBeLessThan(tolerance);
    }
    const mean = sorted.reduce((sum, value) => sum + value, 0) / DRAWS;
    const variance = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS;
    expect(Math.abs(mean - meanOf(distribution))).toBeLessThan(5 * Math.sqrt(variance / DRAWS));
  });

  it("knows when there is no mean", () => {
    expect(meanOf({ kind: "pareto", scale: 1, shape: 1 })).toBe(Infinity);
    expect(draw({ kind: "constant", value: 4 }, new RandomStreams(1).stream("x"))).toBe(4);
    expect(meanOf({ kind: "constant", value: 4 })).toBe(4);
  });

  it.each<[Distribution, RegExp]>([
    [{ kind: "constant", value: -1 }, /at least 0/],
    [{ kind: "uniform", low: 3, high: 2 }, /low ≤ high/],
    [{ kind: "exponential", mean: 0 }, /above 0/],
    [{ kind: "lognormal", median: 1, sigma: -1 }, /sigma/],
    [{ kind: "pareto", scale: 0, shape: 1 }, /above 0/],
    [{ kind: "pareto", scale: 5, shape: 1, highest: 4 }, /highest/],
    [{ kind: "weibull", scale: 1, shape: NaN }, /above 0/],
    [{ kind: "empirical", values: [1], shares: [] }, /as many/],
    [{ kind: "empirical", values: [2, 1], shares: [0.5, 1] }, /rise/],
    [{ kind: "empirical", values: [1, 2], shares: [0.5, 0.9] }, /must be 1/],
  ])("says what is wrong with %j", (distribution, reason) => {
    expect(flawOf(distribution)).toMatch(reason);
  });
});
