/** The counter against hdr-histogram-js with the same data. */
import fc from "fast-check";
import { build, type Histogram } from "hdr-histogram-js";
import { describe, expect, it } from "vitest";
import { LogLinearCounter, type SignificantDigits } from "./log-linear.js";

const PERCENTILES = [0, 0.1, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100];
/** From here on hdr-histogram-js 3.0.1 may take the wrong bucket's middle for its mean: its `Math.log2` rounds up. */
const LOG2_EXACT = 2 ** 47;
const digits = fc.constantFrom<SignificantDigits>(2, 3);
/** Values of every magnitude, and bucket edges: a power of two, one below, one above. */
const value = fc.oneof(
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.maxSafeNat(),
  fc.tuple(fc.integer({ min: 0, max: 47 }), fc.integer({ min: -1, max: 1 })).map(([power, step]) => Math.max(0, 2 ** power + step)),
);
const records = fc.array(fc.tuple(value, fc.integer({ min: 1, max: 1000 })), { maxLength: 200 });

function both(significantDigits: SignificantDigits, data: readonly (readonly [number, number])[]): [LogLinearCounter, Histogram] {
  const counter = new LogLinearCounter(significantDigits, Number.MAX_SAFE_INTEGER);
  const histogram = build({
    numberOfSignificantValueDigits: significantDigits,
    highestTrackableValue: Number.MAX_SAFE_INTEGER,
    bitBucketSize: 64,
    autoResize: false,
  });
  for (const [value, count] of data) {
    counter.record(value, count);
    histogram.recordValueWithCount(value, count);
  }
  return [counter, histogram];
}

describe("LogLinearCounter against hdr-histogram-js", () => {
  it("gives equal percentiles, count and mean", () => {
    fc.assert(
      fc.property(digits, records, (significantDigits, data) => {
        const [counter, histogram] = both(significantDigits, data);
        expect(counter.count).toBe(histogram.totalCount);
        if (data.every(([value]) => value < LOG2_EXACT)) expect(counter.mean).toBe(histogram.mean);
        for (const percentile of PERCENTILES) {
          expect([percentile, counter.valueAtPercentile(percentile)]).toEqual([percentile, histogram.getValueAtPercentile(percentile)]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("merging equals recording everything into one", () => {
    fc.assert(
      fc.property(digits, records, records, (significantDigits, left, right) => {
        const [merged] = both(significantDigits, left);
        merged.merge(both(significantDigits, right)[0]);
        const [whole] = both(significantDigits, [...left, ...right]);
        expect(buckets(merged)).toEqual(buckets(whole));
        expect(merged.count).toBe(whole.count);
      }),
    );
  });

  it("every value lies in its bucket, whose width keeps the promised precision", () => {
    fc.assert(
      fc.property(digits, value, (significantDigits, value) => {
        const [counter] = both(significantDigits, [[value, 1]]);
        const [[lowest, highest, count]] = buckets(counter) as [[number, number, number]];
        expect(count).toBe(1);
        expect(lowest <= value && value <= highest).toBe(true);
        expect(highest - lowest).toBeLessThanOrEqual(lowest / 10 ** significantDigits);
      }),
      { numRuns: 1000 },
    );
  });
});

function buckets(counter: LogLinearCounter): [number, number, number][] {
  const all: [number, number, number][] = [];
  counter.forEach((lowest, highest, count) => all.push([lowest, highest, count]));
  return all;
}
