import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { portableExp, portableLog, unitInLastPlace } from "./portable-math.js";

/** Distance in units of the last place of the wanted value. */
function ulps(got: number, wanted: number): number {
  return got === wanted ? 0 : Math.abs(got - wanted) / 2 ** (Math.floor(Math.log2(Math.abs(wanted))) - 52);
}

describe("portable logarithm and exponential", () => {
  it("log stays within 2 units in the last place of the engine's", () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true }), (x) => {
        expect(ulps(portableLog(x), Math.log(x))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 5000 },
    );
  });

  it("log is as close near 1, where the result is small", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 2, noNaN: true }), (x) => {
        expect(ulps(portableLog(x), Math.log(x))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 5000 },
    );
  });

  it("exp stays within 3 units in the last place of the engine's", () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 709, noNaN: true }), (x) => {
        expect(ulps(portableExp(x), Math.exp(x))).toBeLessThanOrEqual(3);
      }),
      { numRuns: 5000 },
    );
  });

  it("handles the ends of the range", () => {
    expect([portableLog(0), portableLog(-1), portableLog(NaN), portableLog(Infinity), portableLog(1)]).toEqual([
      -Infinity,
      NaN,
      NaN,
      Infinity,
      0,
    ]);
    expect([portableExp(0), portableExp(710), portableExp(-746), portableExp(NaN)]).toEqual([1, Infinity, 0, NaN]);
    expect(portableExp(709.7)).toBeGreaterThan(1e308);
    expect(portableExp(-740)).toBeGreaterThan(0);
  });

  it("keeps these bits (recorded; they must not depend on the machine)", () => {
    expect([portableLog(0.1), portableLog(123456.789), portableExp(-1), portableExp(12.5)]).toMatchInlineSnapshot(`
      [
        -2.3025850929940455,
        11.723646487185881,
        0.36787944117144233,
        268337.2865208745,
      ]
    `);
  });

  it.each([1, 1.5, 2, 1000, 2 ** 53, 1e-290])("unitInLastPlace(%d) is the distance to the next double", (x) => {
    const unit = unitInLastPlace(x);
    expect(x + unit).toBeGreaterThan(x);
    expect(unit).toBe(2 ** (Math.floor(Math.log2(x)) - 52));
  });
});
