import { describe, expect, it } from "vitest";
import { RandomStreams } from "../core/random.js";
import { batchMeans, warmUp } from "./series.js";

/** A level with noise after a start that fades away. */
function fading(length: number, start: number, over: number, seed = 1): number[] {
  const noise = new RandomStreams(seed).stream("noise");
  return Array.from({ length }, (_, i) => 100 + noise.normal(0, 1) + (i < over ? start * (1 - i / over) : 0));
}

describe("warmUp", () => {
  it("cuts off the start", () => {
    const { length, settled } = warmUp(fading(2000, 50, 300));
    expect(settled).toBe(true);
    expect(length).toBeGreaterThanOrEqual(270);
    expect(length).toBeLessThanOrEqual(320);
  });

  it("cuts little off a run that is settled from the start", () => {
    const cuts = Array.from({ length: 20 }, (_, seed) => warmUp(fading(2000, 0, 0, seed)).length);
    expect(cuts.filter((length) => length <= 200).length).toBeGreaterThanOrEqual(15);
    expect(warmUp(new Array<number>(200).fill(7))).toEqual({ length: 0, settled: true });
  });

  it("follows its formula: the cut with the smallest sum of squares over the square of the remaining batches", () => {
    // Squares around the mean of the rest, over its length squared: 0.584 with nothing left out, 0.159 without the 9, 0.031 without
    // the 5 too, 0.035 without the next.
    const levels = [9, 5, 1, 2, 1, 2, 1, 2, 1, 2];
    expect(warmUp(levels.flatMap((level) => [level, level, level, level, level]))).toEqual({ length: 10, settled: true });
  });

  it("says when a run is too short", () => {
    expect(warmUp(Array.from({ length: 500 }, (_, i) => i))).toEqual({ length: 500, settled: false });
    expect(warmUp([1, 2, 3])).toEqual({ length: 3, settled: false });
  });
});

describe("batchMeans", () => {
  it("averages equal batches, leaving out the first that don't fill one", () => {
    // 11 values in 2 batches of 5: the first is left out.
    const { value, n, low, high } = batchMeans([1000, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6], 2);
    expect([value, n]).toEqual([3.5, 2]);
    // ± 12.706 · (1 / √2) / √2.
    expect(high - low).toBeCloseTo(12.706, 2);
  });

  it("sees batches that are too short", () => {
    const noise = new RandomStreams(3).stream("noise");
    let level = 0;
    const drifting = Array.from({ length: 2000 }, () => (level = 0.999 * level + noise.normal(0, 1)));
    expect(batchMeans(drifting).independent).toBe(false);
    expect(batchMeans(fading(2000, 0, 0)).independent).toBe(true);
  });

  it("refuses more batches than values", () => {
    expect(() => batchMeans([1, 2, 3])).toThrow("don't fill 20 batches");
  });
});
