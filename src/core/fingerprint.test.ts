import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fingerprint } from "./fingerprint.js";

function of(words: readonly number[]): string {
  const fingerprint = new Fingerprint();
  for (const word of words) fingerprint.mix(word);
  return fingerprint.hex();
}

describe("Fingerprint", () => {
  it("is 16 hexadecimal digits, recorded for these words", () => {
    expect([of([]), of([0]), of([0, 0]), of([1, 2, 3])]).toMatchInlineSnapshot(`
      [
        "0000000000000000",
        "c877bc7d6d8952f7",
        "a51d93064523a99c",
        "c7d7282e71af9df1",
      ]
    `);
  });

  it("can be read at any time without changing it", () => {
    const fingerprint = new Fingerprint();
    fingerprint.mix(5);
    expect(fingerprint.hex()).toBe(fingerprint.hex());
    fingerprint.mix(6);
    expect(fingerprint.hex()).toBe(of([5, 6]));
  });

  it("differs when one word, the order or the length differs", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 2, maxLength: 20 }), fc.nat(), fc.integer({ min: 1, max: 2 ** 31 - 1 }), (words, at, flip) => {
        const i = at % words.length;
        const changed = words.with(i, words[i]! ^ flip);
        expect(of(changed)).not.toBe(of(words));
        expect(of([...words, 0])).not.toBe(of(words));
        if (words[0] !== words[1]) expect(of([words[1]!, words[0]!, ...words.slice(2)])).not.toBe(of(words));
      }),
    );
  });

  it("flips about half of the bits when one input bit flips", () => {
    let flipped = 0;
    const trials = 64 * 32;
    for (let trial = 0; trial < trials; trial++) {
      const word = Math.imul(trial, 0x9e3779b1);
      const change = BigInt(`0x${of([word, 7])}`) ^ BigInt(`0x${of([word ^ (1 << (trial & 31)), 7])}`);
      flipped += change.toString(2).replaceAll("0", "").length;
    }
    expect(flipped / trials).toBeGreaterThan(30);
    expect(flipped / trials).toBeLessThan(34);
  });

  it("mixes wide numbers by both of their words", () => {
    const wide = (value: number): string => {
      const fingerprint = new Fingerprint();
      fingerprint.mixWide(value);
      return fingerprint.hex();
    };
    expect(new Set([wide(1), wide(2 ** 32 + 1), wide(2 ** 52 + 1), wide(2 ** 53 - 1)]).size).toBe(4);
    expect(wide(2 ** 40 + 3)).toBe(of([3, 2 ** 8]));
  });
});
