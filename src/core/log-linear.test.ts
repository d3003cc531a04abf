import { describe, expect, it } from "vitest";
import { allocatedBytes } from "../../test/support/allocated-bytes.js";
import { LogLinearCounter } from "./log-linear.js";

describe("LogLinearCounter", () => {
  it("is empty at first", () => {
    const counter = new LogLinearCounter(3, 1000);
    expect([counter.count, counter.quantile(0.5), counter.min, counter.max, counter.mean]).toEqual([0, 0, 0, 0, 0]);
  });

  it("keeps small values apart and large ones within one part in a thousand", () => {
    const counter = new LogLinearCounter(3, 3.6e9);
    counter.record(500, 3);
    counter.record(1500, 10);
    counter.record(1_200_000);
    expect(counter.count).toBe(14);
    expect(counter.quantile(0)).toBe(500);
    expect(counter.quantile(0.5)).toBe(1500);
    expect(counter.quantile(1)).toBe(1_200_127);
  });

  it("visits used buckets only, rising, with inclusive bounds", () => {
    const counter = new LogLinearCounter(2, 10_000);
    counter.record(4096, 2);
    counter.record(0);
    const visits: number[][] = [];
    counter.forEach((...bucket) => visits.push(bucket));
    expect(visits).toEqual([
      [0, 0, 1],
      [4096, 4127, 2],
    ]);
  });

  it("counts beyond 32 bits", () => {
    const counter = new LogLinearCounter(2, 10);
    counter.record(3, 2 ** 40);
    counter.record(3);
    expect(counter.count).toBe(2 ** 40 + 1);
  });

  it.each([-1, NaN, Infinity, 2 ** 53])("refuses %d", (value) => {
    const counter = new LogLinearCounter(3, Number.MAX_SAFE_INTEGER);
    expect(() => counter.record(value)).toThrow(RangeError);
    expect(counter.count).toBe(0);
  });

  it("refuses what lies above the power of two that holds the highest value", () => {
    const counter = new LogLinearCounter(3, 5000);
    counter.record(8191);
    expect(() => counter.record(8192)).toThrow("8192 is above the highest value 5000");
    expect(() => counter.record(2 ** 40)).toThrow(RangeError);
    expect(counter.count).toBe(1);
  });

  it.each([0, -5, 1.5, 2 ** 53])("refuses %d as highest value", (highest) => {
    expect(() => new LogLinearCounter(3, highest)).toThrow(RangeError);
  });

  it("merges only what fits", () => {
    const small = new LogLinearCounter(3, 1000);
    const large = new LogLinearCounter(3, 1e9);
    large.record(700);
    small.merge(large);
    expect(small.count).toBe(1);
    large.record(1e8);
    expect(() => small.merge(large)).toThrow("merged values exceed the highest value 1000");
    expect(() => small.merge(new LogLinearCounter(2, 1000))).toThrow("can't merge 2 digits into 3");
  });

  it("forgets on reset", () => {
    const counter = new LogLinearCounter(3, 1000);
    counter.record(7);
    counter.reset();
    expect([counter.count, counter.max]).toEqual([0, 0]);
  });
});

describe("recording", () => {
  it("allocates nothing, for small and for large values", () => {
    const counter = new LogLinearCounter(3, Number.MAX_SAFE_INTEGER);
    const values = Float64Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? i * 1000 : i * 1e9));
    const record = (): void => {
      for (let round = 0; round < 1000; round++) for (let i = 0; i < 1000; i++) counter.record(values[i]!);
    };
    record();
    // One heap number per value would be 16 MB.
    expect(allocatedBytes(record)).toBeLessThan(500_000);
    expect(counter.count).toBe(2_000_000);
  });
});
