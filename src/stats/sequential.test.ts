import { describe, expect, it } from "vitest";
import { directionOf, isPrecise, looks, relativeWidth, sideOf } from "./sequential.js";

const between = (low: number, high: number) => ({ value: (low + high) / 2, low, high, confidence: 0.95, n: 10 });

describe("looks", () => {
  it("double the runs and share the doubt", () => {
    expect(looks(5, 40).map(({ runs }) => runs)).toEqual([5, 10, 20, 40]);
    expect(looks(5, 30).map(({ runs }) => runs)).toEqual([5, 10, 20, 30]);
    for (const { confidence } of looks(5, 40)) expect(confidence).toBeCloseTo(0.9875, 12);
    expect(looks(7, 7)).toEqual([{ runs: 7, confidence: 0.95 }]);
    expect(() => looks(5, 4)).toThrow(RangeError);
  });
});

describe("isPrecise", () => {
  it("asks a little more than the wanted width, for the value is estimated too", () => {
    expect(relativeWidth(between(90, 110))).toBeCloseTo(0.1, 12);
    expect(isPrecise(between(90, 110), 0.1)).toBe(false);
    expect(isPrecise(between(91, 109), 0.1)).toBe(true);
    expect(relativeWidth(between(-1, 1))).toBe(Infinity);
    expect(relativeWidth(between(0, 0))).toBe(0);
  });
});

describe("directionOf", () => {
  it.each([
    [0, 0, 0, "none"],
    [-0.5, 0.5, 1, "none"],
    [0.2, 0.9, 1, "none"],
    [0.2, 1.9, 1, "higher"],
    [-3, -2, 1, "lower"],
    [-3, 0.1, 1, "undecided"],
    [-Infinity, Infinity, 1, "undecided"],
  ])("%f … %f with tolerance %f: %s", (low, high, tolerance, direction) => {
    expect(directionOf(between(low, high), tolerance)).toBe(direction);
  });
});

describe("sideOf", () => {
  it("says on which side of a threshold the value lies", () => {
    expect([sideOf(between(1, 2), 3), sideOf(between(4, 5), 3), sideOf(between(2, 4), 3)]).toEqual(["below", "above", "undecided"]);
  });
});
