/** Times as readers of a trace find them again. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { us } from "./trace-events.js";

it("a reader finds the very nanoseconds, whether it rounds or cuts, numbers or their text", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (ns) => {
      const value = us(ns);
      const [whole, fraction = "0"] = JSON.stringify(value).split(".");
      expect([Math.round(value * 1000), Math.trunc(value * 1000), Number(whole) * 1000 + Math.trunc(Number(`0.${fraction}`) * 1000)]).toEqual([ns, ns, ns]);
    }),
    { numRuns: 20_000 },
  );
});
