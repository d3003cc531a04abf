import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Windows, WHERE } from "./windows.js";

const spans = fc.array(
  fc.record({ startNs: fc.nat(1000), length: fc.integer({ min: 1, max: 300 }) }).map(({ startNs, length }) => ({
    name: "burst",
    startNs,
    endNs: startNs + length,
  })),
  { maxLength: 8 },
);

describe("windows", () => {
  it("says inside exactly when some burst covers the moment, in any order of asking", () => {
    fc.assert(
      fc.property(spans, fc.array(fc.nat(1500), { maxLength: 50 }), (list, moments) => {
        const windows = new Windows(list);
        for (const at of moments) {
          const covered = list.some(({ startNs, endNs }) => startNs <= at && at < endNs);
          expect(windows.whereIs(at)).toBe(covered ? WHERE.inside : WHERE.outside);
        }
      }),
    );
  });
});
