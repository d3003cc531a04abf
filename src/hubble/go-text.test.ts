import { describe, expect, it } from "vitest";
import { compareBytes, fixed2, goQuote, grouped, joinHostPort, joinPath } from "./go-text.js";

describe("text as Go writes it", () => {
  it("quotes", () => {
    expect(goQuote('a"\\\n\t\u0001\u007f é\u00a0\u2028\u{1f600}\u{e0001}')).toBe('"a\\"\\\\\\n\\t\\x01\\x7f é\\u00a0\\u2028\u{1f600}\\U000e0001"');
  });

  it.each([
    [0.125, "0.12"],
    [0.375, "0.38"],
    [-0.125, "-0.12"],
    [2.675, "2.67"],
    [33.716, "33.72"],
    [100, "100.00"],
    [9.232604641496271e24, "9232604641496270871986176.00"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
  ])("%d to two digits is %s: ties go to the even one", (value, text) => {
    expect(fixed2(value)).toBe(text);
  });

  it("groups thousands", () => {
    expect([0n, 999n, 1000n, 98_765_432_109n, (1n << 64n) - 1n].map(grouped)).toEqual([
      "0",
      "999",
      "1,000",
      "98,765,432,109",
      "18,446,744,073,709,551,615",
    ]);
  });

  it("joins hosts, ports and paths", () => {
    expect(joinHostPort("::1", "80")).toBe("[::1]:80");
    expect(joinHostPort("a,b", "80")).toBe("a,b:80");
    expect([joinPath("ns", "pod"), joinPath("", "pod"), joinPath("ns", ""), joinPath("a/", "./b"), joinPath("..", "/b"), joinPath("/", "..")]).toEqual([
      "ns/pod",
      "pod",
      "ns",
      "a/b",
      "../b",
      "/",
    ]);
  });

  it("orders by bytes", () => {
    expect(["\u{10000}", "\uffff", "b", "a"].sort(compareBytes)).toEqual(["a", "b", "\uffff", "\u{10000}"]);
  });
});
