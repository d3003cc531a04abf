import { describe, expect, it } from "vitest";
import { GcSchedule, chooseInterval, nextInterval } from "./gc-interval.js";
import type { GcForm } from "./gc-interval.js";

const S = 1e9;

describe("nextInterval", () => {
  it("rounds halves up and keeps the asymmetric bounds", () => {
    expect(nextInterval(11 * S, 0.01)).toBe(17 * S); // 16.5 s
    expect(nextInterval(1 * S, 0.01)).toBe(2 * S); // below the minimum, but growing
    expect(nextInterval(86_400 * S, 0.4)).toBe(51_840 * S); // above the maximum, but shrinking
    expect(nextInterval(86_400 * S, 0)).toBe(86_400 * S);
    expect(nextInterval(60 * S, 0.25)).toBe(60 * S);
    expect(nextInterval(60 * S, 0.05)).toBe(60 * S);
  });
});

describe("chooseInterval", () => {
  const options = { form: "newer" as GcForm, fixed: 0, max: 0 };

  it("scales the ratio of an early pass, except in the oldest form", () => {
    expect(chooseInterval(options, 300 * S, 30 * S, 0.02)).toMatchObject({ interval: 300 * S, reason: "unchanged" });
    expect(chooseInterval(options, 300 * S, 30 * S, 0.03)).toMatchObject({ interval: 210 * S, reason: "shortened" });
    expect(chooseInterval({ ...options, form: "oldest" }, 300 * S, 30 * S, 0.03)).toMatchObject({
      interval: 450 * S,
      ratio: 0.03,
    });
  });

  it("does not correct the first pass", () => {
    expect(chooseInterval(options, 0, 1 * S, 0.01).interval).toBe(450 * S);
  });

  it("says what decided", () => {
    expect(chooseInterval({ ...options, fixed: 5 * S }, 0, 0, 0.9)).toMatchObject({ interval: 5 * S, reason: "fixed", ratio: null });
    expect(chooseInterval({ ...options, max: 60 * S }, 0, 0, 0.001)).toMatchObject({
      interval: 60 * S,
      remembered: 450 * S,
      reason: "limited by the maximum",
    });
    expect(chooseInterval(options, 0, 0, 0).reason).toBe("unchanged: nothing deleted");
  });
});

describe("GcSchedule", () => {
  /** Runs the loop with one-family signals every `period`; returns the starts of full passes. */
  function fullPasses(form: GcForm, period: number, max: number, until: number): number[] {
    const schedule = new GcSchedule({ form, fixed: 0, max });
    const starts: number[] = [];
    let now = 0;
    let full = true;
    while (now < until) {
      schedule.beginPass(now);
      if (full) starts.push(now);
      const { wait } = schedule.endPass(now, { success: true, full, ratio: 0.1 });
      full = wait <= period;
      now += Math.min(wait, period);
    }
    return starts;
  }

  it("newer: one-family signals can't put off the full pass", () => {
    expect(fullPasses("newer", 0.05 * S, 0.5 * S, 3 * S).length).toBeGreaterThan(5);
  });

  it("older: they starve the other family", () => {
    expect(fullPasses("older", 0.05 * S, 0.5 * S, 3 * S)).toEqual([0]);
  });

  it("newer: a failed first pass leaves nothing remembered", () => {
    const schedule = new GcSchedule({ form: "newer", fixed: 0, max: 0 });
    schedule.beginPass(0);
    expect(schedule.endPass(1, { success: false, full: true, ratio: 0.01 }).wait).toBe(450 * S);
    expect(schedule.remembered).toBe(0);
    expect(schedule.isFirstPass).toBe(false);
  });
});
