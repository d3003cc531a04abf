/** The queue against a plain twin: an array kept sorted by (time, order of arrival). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventQueue } from "./event-queue.js";

interface Pending {
  readonly time: number;
  readonly a: number;
}

class SortedArrayQueue {
  readonly #pending: Pending[] = [];

  push(time: number, a: number): void {
    let at = this.#pending.length;
    while (at > 0 && this.#pending[at - 1]!.time > time) at--;
    this.#pending.splice(at, 0, { time, a });
  }

  pop(): Pending | undefined {
    return this.#pending.shift();
  }

  peekTime(): number {
    return this.#pending[0]?.time ?? Infinity;
  }
}

/** One step of a history: push that far after the current time, or pop that many times. */
type Step = { readonly push: number } | { readonly pop: number };

const delay = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 45 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: delay.map((push) => ({ push })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }).map((pop) => ({ pop })) },
);

describe("EventQueue against a sorted array", () => {
  it("gives the same events in the same order over any history", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        replay(steps);
      }),
      { numRuns: 300 },
    );
  });
});

function replay(steps: readonly Step[]): void {
  const queue = new EventQueue();
  const twin = new SortedArrayQueue();
  let pushed = 0;
  const popBoth = (): boolean => {
    expect(queue.peekTime()).toBe(twin.peekTime());
    const expected = twin.pop();
    expect(queue.pop()).toBe(expected !== undefined);
    if (expected === undefined) return false;
    expect([queue.time, queue.kind, queue.a, queue.b]).toEqual([expected.time, expected.a % 7, expected.a, ~expected.a]);
    return true;
  };
  for (const step of steps) {
    if ("pop" in step) {
      for (let i = 0; i < step.pop; i++) popBoth();
      continue;
    }
    const time = queue.time + step.push;
    queue.push(time, pushed % 7, pushed, ~pushed);
    twin.push(time, pushed);
    pushed++;
  }
  while (popBoth());
  expect(queue.size).toBe(0);
}
