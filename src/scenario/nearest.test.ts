import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearestName } from "./nearest.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["abc", "", 3],
    ["duration", "durtion", 1],
    ["duration", "duratoin", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3], // optimal string alignment: no edit inside a swapped pair
  ])("%s → %s is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it("is symmetric, zero only for equal texts, and obeys its limit", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, fc.nat(6), (a, b, limit) => {
        const distance = editDistance(a, b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, b, limit)).toBe(distance <= limit ? distance : limit + 1);
      }),
    );
  });
});

describe("nearestName", () => {
  const names = ["duration", "warmup", "seed", "ctTcpMax", "ctAnyMax"];
  it.each([
    ["durtion", "duration"],
    ["sede", "seed"],
    ["cttcpmax", "ctTcpMax"],
    ["ctTcpMaks", "ctTcpMax"],
    ["bananas", undefined],
    ["", undefined],
    ["x".repeat(101), undefined],
  ])("%s → %s", (written, nearest) => {
    expect(nearestName(written, names)).toBe(nearest);
  });

  it("prefers the nearer name whatever the order", () => {
    expect(nearestName("ctAnyMx", ["ctTcpMax", "ctAnyMax"])).toBe("ctAnyMax");
    expect(nearestName("ctAnyMx", ["ctAnyMax", "ctTcpMax"])).toBe("ctAnyMax");
  });
});
