import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialProbability } from "./beta.js";
import { bucketQuantileInterval, quantileInterval, quantileRanks } from "./quantile.js";

const confidence = fc.double({ min: 0.5, max: 0.999, noNaN: true });
const quantile = fc.double({ min: 0.001, max: 0.999, noNaN: true });

/** The ranks by trying all. */
function plainRanks(n: number, q: number, tail: number): readonly [low: number | null, high: number | null] {
  const ranks = Array.from({ length: n }, (_, i) => i + 1);
  return [
    ranks.findLast((rank) => binomialProbability(rank - 1, n, q) <= tail) ?? null,
    ranks.find((rank) => binomialProbability(rank - 1, n, q) >= 1 - tail) ?? null,
  ];
}

describe("order-statistic intervals", () => {
  it("are the narrowest that keep each tail", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), quantile, confidence, (n, q, sure) => {
        const ranks = quantileRanks(n, q, sure);
        expect([ranks.low, ranks.high]).toEqual(plainRanks(n, q, (1 - sure) / 2));
        if (ranks.low !== null && ranks.high !== null) expect(ranks.coverage).toBeGreaterThanOrEqual(sure - 1e-12);
      }),
    );
  });

  it("are the same from a histogram of single values", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }), quantile, (values, q) => {
        const counts = new Map<number, number>();
        for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
        const buckets = [...counts].sort(([a], [b]) => a - b).map(([value, count]) => [value, value, count] as const);
        expect(bucketQuantileInterval(buckets, q)).toEqual(quantileInterval(values, q));
      }),
    );
  });
});
