/** What the recorded vectors leave open; every text here was printed by bpftrace 0.17.0 itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../core/log-linear.js";
import { blocksText, countedValues, histBlocks, histJson, histRows, lhistRows, rowsText } from "./bpftrace-hist.js";

describe("hist()", () => {
  it("prints nothing for nothing", () => {
    expect(histRows([])).toEqual([]);
    expect(histBlocks([{ map: "@", rows: [] }])).toEqual([{ header: "@: ", rows: [] }]);
  });

  it("lets counts wider than their column push the bar", () => {
    expect(rowsText(histRows([[0, 123_456_789]]))).toEqual([`[0]             123456789 |${"@".repeat(52)}|`]);
  });

  it("is exact on what a counter has kept", () => {
    const value = fc.oneof(fc.nat(5000), fc.nat(), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.integer({ min: 1, max: 9 })), { maxLength: 50 }), (values) => {
        const counter = new LogLinearCounter(2, Number.MAX_SAFE_INTEGER);
        for (const [each, count] of values) counter.record(each, count);
        expect(histRows(countedValues(counter))).toEqual(histRows(values));
      }),
    );
  });
});

describe("lhist()", () => {
  it("labels with K and M, but without G", () => {
    const range = { min: 0, max: 2147483647, step: 536870912 };
    expect(rowsText(lhistRows([[0, 1], [1073741824, 1], [2147483646, 1]], range))).toEqual([
      `[0, 512M)              1 |${"@".repeat(52)}|`,
      `[512M, 1024M)          0 |${" ".repeat(52)}|`,
      `[1024M, 1536M)         1 |${"@".repeat(52)}|`,
      `[2147483647, ...)       1 |${"@".repeat(52)}|`,
    ]);
  });

  it("counts what lies above the last full step as above the maximum", () => {
    const values = [38, 39, 40, 41, 31, 30, 2].map((value) => [value, 1] as const);
    const rows = lhistRows(values, { min: 3, max: 40, step: 7 });
    expect(rows.map(({ label, count }) => [label, count])).toEqual([
      ["(..., 3)", 1],
      ["[3, 10)", 0],
      ["[10, 17)", 0],
      ["[17, 24)", 0],
      ["[24, 31)", 1],
      ["[31, 38)", 1],
      ["[40, ...)", 4],
    ]);
    expect(histJson([{ map: "@", rows }])).toEqual([
      '{"type": "hist", "data": {"@": [{"max": 2, "count": 1}, {"min": 3, "max": 9, "count": 0}, ' +
        '{"min": 10, "max": 16, "count": 0}, {"min": 17, "max": 23, "count": 0}, {"min": 24, "max": 30, "count": 1}, ' +
        '{"min": 31, "max": 37, "count": 1}, {"min": 40, "count": 4}]}}',
    ]);
  });

  it.each([
    { min: -1, max: 10, step: 1 },
    { min: 10, max: 10, step: 1 },
    { min: 0, max: 10, step: 0 },
    { min: 0, max: 10, step: 0.5 },
  ])("refuses the range %j", (range) => {
    expect(() => lhistRows([], range)).toThrow(RangeError);
  });
});

describe("several histograms", () => {
  const one = histRows([[4, 1]]);
  const two = histRows([[4, 2]]);

  it("come by name, then rising total, then the bytes of their keys", () => {
    const blocks = histBlocks([
      { map: "@d", key: [1], rows: two },
      { map: "@d", key: [256], rows: one },
      { map: "@d", key: [-1], rows: one },
      { map: "@c", key: ["b"], rows: one },
      { map: "@c", key: ["a"], rows: two },
      { map: "@c", key: ["ab"], rows: one },
      { map: "@c", key: ["B"], rows: one },
    ]);
    expect(blocks.map(({ header }) => header)).toEqual(["@c[B]: ", "@c[ab]: ", "@c[b]: ", "@c[a]: ", "@d[256]: ", "@d[-1]: ", "@d[1]: "]);
  });

  it("join the parts of a key by a comma and a blank in text, by a comma in JSON", () => {
    const entries = [
      { map: "@b", key: [3, "x"], rows: one },
      { map: "@b", key: [4, "y"], rows: one },
    ];
    expect(blocksText(histBlocks(entries))).toBe(
      ["@b[3, x]: ", rowsText(one)[0], "", "@b[4, y]: ", rowsText(one)[0], "", ""].join("\n"),
    );
    expect(histJson(entries)).toEqual([
      '{"type": "hist", "data": {"@b": {"3,x": [{"min": 4, "max": 7, "count": 1}], "4,y": [{"min": 4, "max": 7, "count": 1}]}}}',
    ]);
  });
});
