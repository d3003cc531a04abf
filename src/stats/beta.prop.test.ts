import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { betaProbability, betaQuantile, binomialProbability } from "./beta.js";

const shape = fc.double({ min: 0.1, max: 1e4, noNaN: true });
const share = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });

/** The sum of the terms, each by its ratio to the one before; only for small n. */
function plainBinomial(k: number, n: number, p: number): number {
  let term = (1 - p) ** n;
  let sum = term;
  for (let i = 1; i <= k; i++) {
    term *= ((n - i + 1) / i) * (p / (1 - p));
    sum += term;
  }
  return sum;
}

describe("the beta distribution", () => {
  it("is symmetric: I(x; a, b) = 1 - I(1 - x; b, a)", () => {
    fc.assert(
      fc.property(share, shape, shape, (x, a, b) => {
        expect(betaProbability(x, a, b) + betaProbability(1 - x, b, a)).toBeCloseTo(1, 9);
      }),
    );
  });

  it("equals the sum of binomial terms", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 60 }), fc.double({ min: 0.001, max: 0.999, noNaN: true }), (n, k, p) => {
        expect(binomialProbability(k, n, p)).toBeCloseTo(k >= n ? 1 : plainBinomial(k, n, p), 9);
      }),
    );
  });

  it("takes its quantile back to the probability", () => {
    fc.assert(
      fc.property(share, fc.double({ min: 0.5, max: 1e3, noNaN: true }), fc.double({ min: 0.5, max: 1e3, noNaN: true }), (p, a, b) => {
        const x = betaQuantile(p, a, b);
        // Beside 1 the doubles are too far apart for a steep end.
        fc.pre(x < 1 - 1e-6);
        expect(betaProbability(x, a, b)).toBeCloseTo(p, 7);
      }),
    );
  });
});
