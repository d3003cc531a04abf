/** Numbers of rows against a map of texts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowNumbers } from "./row-numbers.js";

const WORDS = 3;
const row = fc.tuple(fc.integer({ min: -2, max: 40 }), fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)));

describe("RowNumbers", () => {
  it("gives equal rows one number and different rows different ones, in order of appearance", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 3000 }), (rows) => {
        const numbers = new RowNumbers(WORDS);
        const plain = new Map<string, number>();
        for (const each of rows) {
          numbers.key.set(each);
          const text = each.join();
          if (!plain.has(text)) plain.set(text, plain.size);
          expect(numbers.numberOfKey()).toBe(plain.get(text));
        }
        expect(numbers.count).toBe(plain.size);
      }),
      { numRuns: 30 },
    );
  });

  it("grows, and begins anew", () => {
    const numbers = new RowNumbers(WORDS);
    for (let n = 0; n < 10_000; n++) {
      numbers.key.set([n, n >> 3, 7]);
      expect(numbers.numberOfKey()).toBe(n);
    }
    numbers.key.set([4321, 4321 >> 3, 7]);
    expect(numbers.numberOfKey()).toBe(4321);
    numbers.clear();
    expect(numbers.numberOfKey()).toBe(0);
  });
});
