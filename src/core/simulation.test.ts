import { describe, expect, it } from "vitest";
import { allocatedBytes } from "../../test/support/allocated-bytes.js";
import { Simulation } from "./simulation.js";

describe("Simulation", () => {
  it("calls each handler at its time, equal times in the order of scheduling", () => {
    const sim = new Simulation();
    const seen: [string, number, number, number][] = [];
    const x = sim.on((a, b) => seen.push(["x", sim.now, a, b]));
    const y = sim.on((a, b) => seen.push(["y", sim.now, a, b]));
    sim.at(30, x, 1, -1);
    sim.at(10, y, 2, -2);
    sim.at(30, y, 3, -3);
    sim.at(20, x, 4, -4);
    expect(sim.run(100)).toBe("until");
    expect(seen).toEqual([
      ["y", 10, 2, -2],
      ["x", 20, 4, -4],
      ["x", 30, 1, -1],
      ["y", 30, 3, -3],
    ]);
    expect([sim.now, sim.events]).toEqual([100, 4]);
  });

  it("lets a handler schedule at its own time, behind what is due then already", () => {
    const sim = new Simulation();
    const seen: number[] = [];
    const kind = sim.on((a) => {
      seen.push(a);
      if (a === 1) sim.at(sim.now, kind, 3, 0);
    });
    sim.at(5, kind, 1, 0);
    sim.at(5, kind, 2, 0);
    sim.run(5);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("runs up to and including the limit, and goes on from there", () => {
    const sim = new Simulation();
    const seen: number[] = [];
    const kind = sim.on(() => seen.push(sim.now));
    for (const time of [1, 10, 11]) sim.at(time, kind, 0, 0);
    sim.run(10);
    expect([seen, sim.now]).toEqual([[1, 10], 10]);
    sim.run(20);
    expect([seen, sim.now]).toEqual([[1, 10, 11], 20]);
  });

  it("stops after the current event", () => {
    const sim = new Simulation();
    const kind = sim.on((a) => {
      if (a === 2) sim.stop();
    });
    for (const a of [1, 2, 3]) sim.at(a * 10, kind, a, 0);
    expect(sim.run(100)).toBe("stopped");
    expect([sim.now, sim.events, sim.queue.size]).toEqual([20, 2, 1]);
    expect(sim.run(100)).toBe("until");
    expect(sim.events).toBe(3);
  });

  it("asks the watch now and then, and ends when told to", () => {
    const sim = new Simulation();
    const tick = sim.on(() => sim.at(sim.now + 1, tick, 0, 0));
    sim.at(0, tick, 0, 0);
    let asked = 0;
    expect(sim.run(1e9, { aborted: () => ++asked === 3 })).toBe("aborted");
    expect(asked).toBe(3);
    expect(sim.events).toBeLessThan(100_000);
  });

  it("reports progress by simulated time", () => {
    const sim = new Simulation();
    const tick = sim.on(() => sim.at(sim.now + 1, tick, 0, 0));
    sim.at(0, tick, 0, 0);
    const reports: number[] = [];
    sim.run(200_000, { onProgress: (now) => reports.push(now), progressEvery: 50_000 });
    expect(reports.length).toBeGreaterThanOrEqual(3);
    expect(reports.length).toBeLessThanOrEqual(4);
    for (let i = 1; i < reports.length; i++) expect(reports[i]! - reports[i - 1]!).toBeGreaterThanOrEqual(50_000);
  });

  it("refuses events in the past and times beyond the horizon", () => {
    const sim = new Simulation();
    const kind = sim.on(() => {
      expect(() => sim.at(sim.now - 1, kind, 0, 0)).toThrow(RangeError);
    });
    sim.at(10, kind, 0, 0);
    sim.run(10);
    expect(sim.events).toBe(1);
    expect(() => sim.at(2 ** 53, kind, 0, 0)).toThrow(RangeError);
    expect(() => sim.at(NaN, kind, 0, 0)).toThrow(RangeError);
    expect(() => sim.run(2 ** 53)).toThrow(RangeError);
    expect(() => sim.at(9, kind, 0, 0)).toThrow("event at 9 ns: not a whole number of nanoseconds from the current time 10");
  });

  it("allocates nothing per event", () => {
    const sim = new Simulation();
    let state = 1;
    const kinds = [0, 1, 2].map((index) =>
      sim.on((a, b) => {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        sim.after(state >>> 10, kinds[(index + 1) % 3]!, b, a);
      }),
    );
    for (let i = 0; i < 500; i++) sim.at(i, kinds[i % 3]!, i, -i);
    sim.run(2 ** 33);
    const before = sim.events;
    // One heap number per event would be 16 bytes.
    const bytes = allocatedBytes(() => void sim.run(2 ** 34));
    expect(bytes / (sim.events - before)).toBeLessThan(1);
    expect(sim.events - before).toBeGreaterThan(1_000_000);
  });
});
