import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PowerOfTwoHistogram } from "./power-of-two.js";

describe("power-of-two histogram", () => {
  it("puts every value below 2^53 between the bounds of its bucket", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const histogram = new PowerOfTwoHistogram();
        histogram.record(value);
        expect(histogram.buckets()).toHaveLength(1);
        const [low, count] = histogram.buckets()[0]!;
        expect(count).toBe(1);
        expect(low).toBeLessThanOrEqual(value);
        expect(value).toBeLessThan(low === 0 ? 1 : low * 2);
      }),
    );
  });

  it("lists the empty buckets between the first and the last", () => {
    const histogram = new PowerOfTwoHistogram();
    histogram.record(1);
    histogram.record(9);
    expect(histogram.buckets()).toEqual([[1, 1], [2, 0], [4, 0], [8, 1]]);
  });
});
