import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../core/log-linear.js";
import { powerOfTwoBuckets } from "./power-of-two.js";

const counterOf = (digits: 2 | 3, values: readonly number[]): LogLinearCounter => {
  const counter = new LogLinearCounter(digits, Number.MAX_SAFE_INTEGER);
  for (const value of values) counter.record(value);
  return counter;
};

describe("power-of-two buckets", () => {
  it("have every value below 2^53 between the bounds of its bucket, whatever the counter's digits", () => {
    fc.assert(
      fc.property(fc.constantFrom<2 | 3>(2, 3), fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 20 }), (digits, values) => {
        const buckets = powerOfTwoBuckets(counterOf(digits, values));
        for (const [low, count] of buckets) {
          expect(count).toBe(values.filter((value) => value >= low && value < (low === 0 ? 1 : low * 2)).length);
        }
        expect(buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(values.length);
      }),
    );
  });

  it("list the empty ones between the first and the last", () => {
    expect(powerOfTwoBuckets(counterOf(2, [1, 9]))).toEqual([[1, 1], [2, 0], [4, 0], [8, 1]]);
    expect(powerOfTwoBuckets(counterOf(3, []))).toEqual([]);
  });
});
