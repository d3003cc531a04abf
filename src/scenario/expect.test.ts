import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMPARISONS, ExpectationError, parseExpectation } from "./expect.js";
import { METRICS } from "./metrics.js";

describe("an expectation", () => {
  it.each([
    [
      'syn_latency_p99{window="inside"} < 10ms',
      { metric: "syn_latency_p99", labels: { window: "inside" }, comparison: "<", value: 1e7, upper: 1e7 },
    ],
    ["gc_runs>=5", { metric: "gc_runs", labels: {}, comparison: ">=", value: 5 }],
    ["burst_spacing in 10m..15m", { comparison: "in", value: 600e9, upper: 900e9 }],
    ['map_pressure_before{ map = "cilium_ct4_global" } in 90%..0.98', { labels: { map: "ct4_global" }, value: 0.9, upper: 0.98 }],
    ["drops{} == 0", { metric: "drops", labels: {}, comparison: "==", value: 0 }],
    [
      'drops{reason="CT: Map insertion failed",window="all"} != 1k',
      { labels: { reason: "CT: Map insertion failed", window: "all" }, value: 1000 },
    ],
    ['evictions{map="ct4_global",} <= 512Ki', { value: 524_288 }],
    ['map_pressure_max{map="ct4_global"} > 1.5', { value: 1.5 }],
  ])("%s", (text, parsed) => {
    expect(parseExpectation(text)).toMatchObject({ text, ...parsed });
  });

  it.each([
    ["", 0, /line ends here/],
    ["  ", 2, /line ends here/],
    ["< 5", 0, /"<" does not fit here/],
    ["toString < 5", 0, /no figure "toString"/],
    ['drops{toString="x"} < 5', 6, /no label "toString"/],
    ["drops", 5, /line ends here/],
    ["drops <", 7, /line ends here/],
    ["drops < 5 6", 10, /"6" does not fit here/],
    ["drops < -5", 8, /"-5" does not fit this figure/],
    ["drops < 1e5", 8, /does not fit this figure/],
    ["drops in 5", 9, /"5" is no range/],
    ["drops in 5..3", 9, /ends before it begins/],
    ["drops in 5..x", 12, /"x" does not fit/],
    ["drops{window=inside} < 5", 13, /"inside} does|"inside}" does not fit/],
    ['drops{window="inside" < 5', 22, /"<" does not fit/],
    ['drops{window="inside",window="all"} < 5', 22, /stands twice/],
    ["inside", 0, /no figure/],
  ])("%j is wrong at %i", (text, start, message) => {
    expect(() => parseExpectation(text)).toThrow(ExpectationError);
    try {
      parseExpectation(text);
    } catch (error) {
      expect((error as ExpectationError).start).toBe(start);
      expect((error as ExpectationError).message).toMatch(message);
    }
  });

  it("checks drop reasons when it knows them", () => {
    const names = { dropReasons: ["Policy denied", "CT: Map insertion failed"] };
    expect(parseExpectation('drops{reason="Policy denied"} == 0', names).labels).toEqual({ reason: "Policy denied" });
    expect(() => parseExpectation('drops{reason="Policy denide"} == 0', names)).toThrow(/no drop reason "Policy denide"/);
    expect(parseExpectation('drops{reason="Policy denide"} == 0').labels).toEqual({ reason: "Policy denide" });
  });

  it("any text is an expectation or an error inside the text", () => {
    const pieces = fc.constantFrom(
      ...Object.keys(METRICS),
      ...COMPARISONS,
      "{",
      "}",
      '"',
      "=",
      ",",
      "window",
      "map",
      '"inside"',
      '"ct4_global"',
      "10ms",
      "0.5",
      "5..6",
      "%",
      " ",
      "é",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (line) => {
        try {
          const { value, upper } = parseExpectation(line);
          expect(value).toBeLessThanOrEqual(upper);
          expect(Number.isFinite(upper)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpectationError);
          const { start, end } = error as ExpectationError;
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start).toBeLessThanOrEqual(line.length);
          expect(end).toBeGreaterThanOrEqual(start);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
