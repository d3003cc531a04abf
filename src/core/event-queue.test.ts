import { describe, expect, it } from "vitest";
import { allocatedBytes } from "../../test/support/allocated-bytes.js";
import { EventQueue } from "./event-queue.js";

describe("EventQueue", () => {
  it("is empty at first and after the last event", () => {
    const queue = new EventQueue();
    expect([queue.pop(), queue.size, queue.peekTime()]).toEqual([false, 0, Infinity]);
    queue.push(5, 1, 2, 3);
    expect([queue.size, queue.peekTime()]).toEqual([1, 5]);
    expect([queue.pop(), queue.time, queue.kind, queue.a, queue.b]).toEqual([true, 5, 1, 2, 3]);
    expect([queue.pop(), queue.size]).toEqual([false, 0]);
  });

  it("gives events of one time in the order in which they were pushed", () => {
    const queue = new EventQueue();
    for (let a = 0; a < 1000; a++) queue.push(7, 0, a, 0);
    for (let a = 0; a < 1000; a++) {
      queue.pop();
      expect(queue.a).toBe(a);
    }
  });

  it("keeps all 32 bits of kind and payload, with sign", () => {
    const queue = new EventQueue();
    const [low, high] = [-(2 ** 31), 2 ** 31 - 1];
    queue.push(0, low, high, -1);
    queue.pop();
    expect([queue.kind, queue.a, queue.b]).toEqual([low, high, -1]);
  });

  it("takes times up to the horizon", () => {
    const queue = new EventQueue();
    queue.push(Number.MAX_SAFE_INTEGER, 0, 1, 0);
    queue.push(0, 0, 2, 0);
    for (let i = 0; i < 200; i++) queue.push(Number.MAX_SAFE_INTEGER - i, 0, 3, 0);
    queue.pop();
    expect(queue.a).toBe(2);
    for (let i = 199; i > 0; i--) {
      queue.pop();
      expect(queue.time).toBe(Number.MAX_SAFE_INTEGER - i);
    }
    queue.pop();
    expect([queue.time, queue.a]).toEqual([Number.MAX_SAFE_INTEGER, 1]);
  });

  it("popUntil leaves later events alone", () => {
    const queue = new EventQueue();
    queue.push(10, 0, 1, 0);
    expect([queue.popUntil(9), queue.size]).toEqual([false, 1]);
    queue.push(9, 0, 2, 0);
    expect([queue.popUntil(9), queue.a]).toEqual([true, 2]);
    expect([queue.popUntil(10), queue.a]).toEqual([true, 1]);
  });

  it("tells a lookout of each event of its kind before it comes, and of no other", () => {
    const queue = new EventQueue();
    const told = new Set<number>();
    const batches: number[] = [];
    queue.watch(1, {
      foresee(words, count) {
        batches.push(count);
        for (let i = 0; i < count; i++) told.add(words[i]!);
      },
    });
    for (let a = 0; a < 5000; a++) queue.push((a * 7919) % 5000, a % 2, a, 0);
    while (queue.pop()) if (queue.kind === 1) expect(told.has(queue.a)).toBe(true);
    expect([told.size, [...told].every((a) => a % 2 === 1)]).toEqual([2500, true]);
    expect(Math.max(...batches)).toBeGreaterThan(2);
    queue.pushAfter(0, 1, -1, 0);
    expect([queue.pop(), queue.a]).toEqual([true, -1]);
  });

  it("pushAfter counts from the current time", () => {
    const queue = new EventQueue();
    queue.push(1e12, 0, 1, 0);
    queue.pop();
    queue.pushAfter(5, 7, 8, 9);
    expect([queue.peekTime(), queue.pop(), queue.kind, queue.a, queue.b]).toEqual([1e12 + 5, true, 7, 8, 9]);
    expect(() => queue.pushAfter(-1, 0, 0, 0)).toThrow(RangeError);
    expect(() => queue.pushAfter(0.5, 0, 0, 0)).toThrow(RangeError);
  });

  it("advance moves the time up to the next event, not over it and not back", () => {
    const queue = new EventQueue();
    queue.push(10, 0, 0, 0);
    queue.advance(10);
    expect([queue.time, queue.size]).toEqual([10, 1]);
    expect(() => queue.advance(11)).toThrow("can't advance from 10 to 11 ns, over the event at 10 ns");
    expect(() => queue.advance(9)).toThrow(RangeError);
    expect(() => queue.push(9, 0, 0, 0)).toThrow(RangeError);
    queue.pop();
    queue.advance(11);
    expect(queue.time).toBe(11);
  });

  it.each([
    ["in the past", 9],
    ["with a fraction of a nanosecond", 10.5],
    ["not a number", NaN],
    ["beyond the horizon", 2 ** 53],
  ])("refuses a time %s", (_, time) => {
    const queue = new EventQueue();
    queue.push(10, 0, 0, 0);
    queue.pop();
    expect(() => queue.push(time, 0, 0, 0)).toThrow(RangeError);
    expect(queue.size).toBe(0);
  });

  it("allocates nothing while it holds its size", () => {
    const queue = new EventQueue();
    let state = 1;
    const hold = (events: number): void => {
      for (let i = 0; i < events; i++) {
        queue.pop();
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        queue.push(queue.time + (state >>> 12), 0, i, 0);
      }
    };
    for (let i = 0; i < 5000; i++) queue.push(i, 0, i, 0);
    hold(1_000_000);
    const buffers = process.memoryUsage().arrayBuffers;
    // One heap number per event would be 16 MB here.
    expect(allocatedBytes(() => hold(1_000_000))).toBeLessThan(500_000);
    expect(process.memoryUsage().arrayBuffers - buffers).toBeLessThanOrEqual(0);
  });
});
