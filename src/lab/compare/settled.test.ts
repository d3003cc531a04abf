import { expect, it } from "vitest";
import type { ComparedFigure } from "../../observe/comparison-result.js";
import { isSettled } from "./settled.js";

function figure(mean: number | null, low: number, high: number, direction: ComparedFigure["direction"]): ComparedFigure {
  const side = { mean, trials: null, values: [] };
  const difference = mean === null ? null : { mean: (low + high) / 2, low, high };
  return { name: "drops", label: "drops", unit: "count", decides: true, first: side, second: side, difference, direction };
}

it("is settled once decided, and with a wanted width once the interval is that narrow in terms of the first side", () => {
  expect(isSettled(figure(100, -60, -20, "undecided"), undefined)).toBe(false);
  expect(isSettled(figure(100, -60, -20, "lower"), undefined)).toBe(true);
  // 20 to either side of a difference, of 100: wider than 10 / 1.1 and 20 / 1.2, narrower than 30 / 1.3.
  expect([0.1, 0.2, 0.3].map((width) => isSettled(figure(100, -60, -20, "lower"), width))).toEqual([false, false, true]);
  expect(isSettled(figure(100, -60, -20, "undecided"), 0.3)).toBe(false);
});

it("asks for no width where there is nothing to measure it by", () => {
  expect(isSettled(figure(0, 1, 5, "higher"), 0.01)).toBe(true);
  expect(isSettled(figure(null, 0, 0, "no data"), 0.01)).toBe(true);
});
