import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStreams } from "../../../core/random.js";
import { changed, type Turn } from "./history-changes.js";

const FIRST = 100;
const LAST = 600;

const history = fc.uniqueArray(fc.integer({ min: FIRST, max: LAST - 1 }), { maxLength: 8 }).map((moments): readonly Turn[] => [
  { at: -1, cpu: 0 },
  ...moments.sort((a, b) => a - b).map((at, i) => ({ at, cpu: (i + 1) % 2 })),
]);

/** Inserts of the span that CPU 1 makes. */
function madeElsewhere(turns: readonly Turn[]): number {
  return turns.reduce((sum, { at, cpu }, i) => sum + cpu * ((turns[i + 1]?.at ?? LAST) - Math.max(at, FIRST)), 0);
}

describe("changes of a history", () => {
  it("keep the first turn, the order of time and the span, and no turn that changes nothing", () => {
    fc.assert(
      fc.property(history, fc.integer(), fc.integer({ min: 2, max: 4 }), (turns, seed, cpus) => {
        const random = new RandomStreams(seed).stream("changes");
        const result = changed(turns, { first: FIRST, last: LAST, cpus, random });
        if (result === undefined) return;
        expect(result[0]).toEqual(turns[0]);
        result.slice(1).forEach(({ at, cpu }, i) => {
          const before = result[i]!;
          expect(at).toBeGreaterThanOrEqual(FIRST);
          expect(at).toBeLessThan(LAST);
          expect(at).toBeGreaterThan(before.at);
          expect(cpu).not.toBe(before.cpu);
          expect(cpu).toBeLessThan(cpus);
        });
      }),
    );
  });

  it("leave the number of each CPU's entries as it was in a good part, though not the history", () => {
    const random = new RandomStreams("kept").stream("changes");
    const turns: readonly Turn[] = [{ at: -1, cpu: 0 }, ...[150, 230, 310, 400, 480, 520].map((at, i) => ({ at, cpu: (i + 1) % 2 }))];
    const made = Array.from({ length: 2000 }, () => changed(turns, { first: FIRST, last: LAST, cpus: 2, random })).filter((each) => each !== undefined);
    const kept = made.filter((each) => madeElsewhere(each) === madeElsewhere(turns));
    expect(made.length).toBeGreaterThan(1500);
    expect(kept.length / made.length).toBeGreaterThan(0.3);
    expect(kept.filter((each) => JSON.stringify(each) !== JSON.stringify(turns)).length).toBeGreaterThan(0.9 * kept.length);
  });
});
