/** The queue against plain twins: a sorted array over any history, a stable sort for large numbers of events. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventQueue } from "./event-queue.js";
import { RandomStreams, type RandomStream } from "./random.js";

interface Pending {
  readonly time: number;
  readonly a: number;
}

/** Kept sorted by (time, order of arrival). */
class SortedArrayQueue {
  #pending: Pending[] = [];
  #front = 0;

  push(time: number, a: number): void {
    let low = this.#front;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pending[middle]!.time <= time) low = middle + 1;
      else high = middle;
    }
    this.#pending.splice(low, 0, { time, a });
  }

  pop(): Pending | undefined {
    const first = this.#pending[this.#front];
    if (first !== undefined) this.#front++;
    if (this.#front === 1024) {
      this.#pending = this.#pending.slice(this.#front);
      this.#front = 0;
    }
    return first;
  }

  get size(): number {
    return this.#pending.length - this.#front;
  }

  peekTime(): number {
    return this.#pending[this.#front]?.time ?? Infinity;
  }
}

/** Both queues side by side; every pop and every peek is compared. */
class Pair {
  readonly queue = new EventQueue();
  readonly #twin = new SortedArrayQueue();
  #pushed = 0;

  push(time: number): void {
    const a = this.#pushed++;
    this.queue.push(time, a % 7, a, ~a);
    this.#twin.push(time, a);
  }

  peek(): void {
    if (this.queue.peekTime() !== this.#twin.peekTime()) expect(this.queue.peekTime()).toBe(this.#twin.peekTime());
  }

  /** False when both are empty. */
  pop(): boolean {
    const queue = this.queue;
    const expected = this.#twin.pop();
    const popped = queue.pop();
    if (expected === undefined || !popped) {
      expect([popped, queue.size]).toEqual([expected !== undefined, 0]);
      return false;
    }
    const { time, a } = expected;
    if (queue.time !== time || queue.a !== a || queue.b !== ~a || queue.kind !== a % 7) {
      expect([queue.time, queue.kind, queue.a, queue.b]).toEqual([time, a % 7, a, ~a]);
    }
    return true;
  }

  drain(): void {
    expect(this.queue.size).toBe(this.#twin.size);
    while (this.pop());
  }
}

describe("EventQueue against a sorted array", () => {
  /** One step of a short history: push that far after the current time, pop that many times, or look. */
  type Step = { readonly push: number } | { readonly pop: number } | "peek";
  const delay = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 45 }) },
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: delay.map((push) => ({ push })) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }).map((pop) => ({ pop })) },
    { weight: 1, arbitrary: fc.constant("peek" as const) },
  );

  it("gives the same events in the same order over short histories of any kind", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
        const pair = new Pair();
        for (const step of steps) {
          if (step === "peek") pair.peek();
          else if ("push" in step) pair.push(pair.queue.time + step.push);
          else for (let i = 0; i < step.pop; i++) pair.pop();
        }
        pair.drain();
      }),
      { numRuns: 200 },
    );
  });

  /** Delays as simulations have them, and as they would hurt. */
  const DELAYS = {
    now: () => 0,
    constant: () => 1000,
    ties: (random) => random.below(3),
    exponential: (random) => Math.floor(random.exponential(1e6)),
    uniform: (random) => random.below(10_000),
    farFuture: () => 5e11,
    packetsAndTimers: (random) => (random.chance(0.95) ? 500 + random.below(2000) : 1e9 * (1 + random.below(60))),
    everyScale: (random) => Math.floor(2 ** (36 * random.nextFloat())),
    heavyTail: (random) => Math.min(1e12, Math.floor(random.pareto(100, 0.7))),
    threeTimers: (random) => [1000, 1e6, 1e9][random.below(3)]!,
  } as const satisfies Readonly<Record<string, (random: RandomStream) => number>>;
  type DelayName = keyof typeof DELAYS;

  interface Phase {
    readonly operations: number;
    readonly pushShare: number;
    readonly delays: readonly [DelayName, DelayName];
    readonly peekShare: number;
  }
  const delayName = fc.constantFrom(...(Object.keys(DELAYS) as DelayName[]));
  const phase: fc.Arbitrary<Phase> = fc.record({
    operations: fc.constantFrom(30, 300, 3000),
    pushShare: fc.constantFrom(0.05, 0.45, 0.5, 0.55, 0.9, 1),
    delays: fc.tuple(delayName, delayName),
    peekShare: fc.constantFrom(0, 0.02, 0.5),
  });

  it("gives the same events in the same order over long phases of growing, holding and shrinking", () => {
    fc.assert(
      fc.property(fc.array(phase, { minLength: 1, maxLength: 8, size: "max" }), fc.nat(), (phases, seed) => {
        const pair = new Pair();
        const random = new RandomStreams(seed).stream("history");
        for (const { operations, pushShare, delays, peekShare } of phases) {
          for (let i = 0; i < operations; i++) {
            if (random.chance(pushShare)) pair.push(pair.queue.time + DELAYS[delays[random.below(2)]!](random));
            else pair.pop();
            if (random.chance(peekShare)) pair.peek();
          }
        }
        pair.drain();
      }),
      { numRuns: 60 },
    );
  });

  it("keeps order when events come ever earlier, looked at in between: each look adds a rung until none is left", () => {
    const pair = new Pair();
    const random = new RandomStreams("earlier").stream("history");
    for (let second = 40; second > 0; second--) {
      for (let i = 0; i < 200; i++) pair.push(1e9 * second + random.below(1e9));
      pair.peek();
    }
    // The finest rung, the last one that could be added, lies somewhere here; its buckets become too big to be sorted.
    for (let second = 14; second <= 22; second++) {
      for (let i = 0; i < 2500; i++) pair.push(1e9 * second + random.below(1e9));
    }
    for (let i = 0; i < 5000; i++) {
      pair.pop();
      pair.push(pair.queue.time + random.below(2e9));
    }
    pair.drain();
  });
});

describe("EventQueue with many events", () => {
  const EVENTS = 200_000;

  it.each([
    ["spread evenly", (random: RandomStream) => random.below(1e9)],
    ["nearly all at one time", (random: RandomStream) => (random.chance(0.999) ? 1e6 : random.below(2e6))],
    ["in two clusters, hours apart", (random: RandomStream) => random.below(5000) + (random.chance(0.5) ? 0 : 2e13)],
    ["at every scale", (random: RandomStream) => Math.floor(2 ** (50 * random.nextFloat()))],
  ])("sorts events %s as a stable sort does", (_, draw) => {
    const random = new RandomStreams("many").stream("times");
    const queue = new EventQueue();
    const times = Array.from({ length: EVENTS }, () => draw(random));
    times.forEach((time, i) => {
      queue.push(time, 0, i, 0);
    });
    const order = times.map((_, i) => i).sort((left, right) => times[left]! - times[right]!);
    let wrong = 0;
    for (const i of order) if (!queue.pop() || queue.a !== i || queue.time !== times[i]) wrong++;
    expect(wrong).toBe(0);
    expect([queue.pop(), queue.size]).toEqual([false, 0]);
  });

  it("keeps (time, arrival) order while holding many events", () => {
    const random = new RandomStreams("hold").stream("times");
    const queue = new EventQueue();
    for (let i = 0; i < EVENTS; i++) queue.push(Math.floor(random.exponential(1e5)), 0, i, 0);
    let inversions = 0;
    let lastTime = 0;
    let lastArrival = -1;
    for (let i = EVENTS; i < 4 * EVENTS; i++) {
      queue.pop();
      if (queue.time < lastTime || (queue.time === lastTime && queue.a < lastArrival)) inversions++;
      lastTime = queue.time;
      lastArrival = queue.a;
      queue.push(queue.time + Math.floor(random.exponential(1e5)), 0, i, 0);
    }
    expect([inversions, queue.size]).toEqual([0, EVENTS]);
  });
});
