import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStreams } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import { EphemeralPorts } from "./ephemeral-ports.js";

function ports(range: readonly [number, number], reuse = false): EphemeralPorts {
  return new EphemeralPorts({ range, timeWaitS: 60, reuse }, new RandomStreams(1).stream("ports"));
}

const step = fc.record({
  pair: fc.integer({ min: 0, max: 3 }),
  waitS: fc.integer({ min: 0, max: 40 }),
  what: fc.constantFrom("take", "take", "take", "release", "wait"),
  which: fc.nat(),
});

describe("ephemeral ports", () => {
  it("never gives a port that is in use or waits, and refuses only when all are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.boolean(), fc.array(step, { maxLength: 150 }), (count, reuse, steps) => {
        const space = ports([1000, 999 + count], reuse);
        const heldS = reuse ? 1 : 60;
        // For each pair and port the second from which it is free; Infinity while in use.
        const plain = new Map<string, number>();
        let now = 0;
        for (const { pair, waitS, what, which } of steps) {
          now += waitS;
          const used = [...plain].filter(([key, free]) => key.startsWith(`${pair}/`) && free === Infinity).map(([key]) => key);
          if (what === "take") {
            const port = space.take(pair, now * NS_PER_S);
            const usable = count > 1 ? count & ~1 : 1;
            const taken = Array.from({ length: usable }, (_, i) => plain.get(`${pair}/${1000 + i}`) ?? 0).filter((free) => free > now);
            expect(port === -1).toBe(taken.length === usable);
            if (port === -1) continue;
            expect(plain.get(`${pair}/${port}`) ?? 0).toBeLessThanOrEqual(now);
            plain.set(`${pair}/${port}`, Infinity);
          } else if (used.length > 0) {
            const key = used[which % used.length]!;
            const port = Number(key.split("/")[1]);
            if (what === "release") space.release(pair, port);
            else space.wait(pair, port, now * NS_PER_S);
            plain.set(key, what === "release" ? 0 : now + heldS);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("goes up in steps of two, through one parity first", () => {
    const space = ports([32_768, 60_999]);
    const taken = Array.from({ length: 28_232 }, () => space.take(7, 0));
    expect(new Set(taken).size).toBe(28_232);
    expect(taken.slice(0, 14_116).every((port) => port % 2 === 0)).toBe(true);
    const gaps = taken.slice(1, 2000).map((port, i) => (port - taken[i]! + 28_232) % 28_232);
    expect(new Set(gaps)).toEqual(new Set([2, 4]));
    // One in sixteen skips a candidate.
    expect(gaps.filter((gap) => gap === 4).length / gaps.length).toBeCloseTo(1 / 16, 1);
    expect(space.take(7, 0)).toBe(-1);
    expect(space.take(8, 0)).toBeGreaterThan(0);
    expect(space.size).toBe(28_233);
  });
});
