import { describe, expect, it } from "vitest";
import { RandomStreams } from "../../core/random.js";
import { seconds } from "../../core/units.js";
import type { Bursts } from "../../scenario/types.js";
import { arrivalTimes, type ArrivalTimes } from "./arrivals.js";

function steady(kind: "poisson" | "constant", perSecond: number, bursts: Bursts | null): ArrivalTimes {
  return arrivalTimes({ kind, perSecond }, bursts, new RandomStreams("t").stream("a"))!;
}

function arrivals(process: ArrivalTimes, untilNs: number): number[] {
  const times: number[] = [];
  for (let at = process.next(0); at < untilNs; at = process.next(at)) times.push(at);
  return times;
}

const BURSTS: Bursts = { firstNs: seconds(30), everyNs: seconds(60), lengthNs: seconds(10) };

describe("arrivals", () => {
  it("come evenly spaced when constant", () => {
    const process = steady("constant", 4, null);
    expect(arrivals(process, seconds(1.1))).toEqual([0.25, 0.5, 0.75, 1].map(seconds));
  });

  it("stay inside bursts, also when the mean gap is longer than a burst", () => {
    for (const perSecond of [0.05, 3, 500]) {
      const process = steady("poisson", perSecond, BURSTS);
      const times = arrivals(process, seconds(20_000 / perSecond));
      expect(times.length).toBeGreaterThan(100);
      for (const at of times) expect((at - BURSTS.firstNs) % BURSTS.everyNs).toBeLessThanOrEqual(BURSTS.lengthNs);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(BURSTS.firstNs);
    }
  });

  it("have the asked-for rate while a burst lasts (false alarm below 1e-6)", () => {
    const process = steady("poisson", 1000, BURSTS);
    const count = arrivals(process, seconds(600)).length;
    // 10 bursts of 10 s: mean 100,000, standard deviation 316; five of those.
    expect(Math.abs(count - 100_000)).toBeLessThan(5 * 316);
  });

  it("follow a series of rates, on-off spells and the day", () => {
    const random = new RandomStreams("t").stream("a");
    const points = [{ atNs: seconds(0), perSecond: 0 }, { atNs: seconds(100), perSecond: 200 }];
    const ramp = arrivals(arrivalTimes({ kind: "series", points, repeatNs: null }, null, random)!, seconds(100));
    // Half of the arrivals of a straight ramp come in its last 29.3 %; 10,000 in all, standard deviation 100.
    expect(Math.abs(ramp.length - 10_000)).toBeLessThan(500);
    expect(Math.abs(ramp.filter((at) => at > seconds(70.7)).length - 5000)).toBeLessThan(400);
    const spell = { kind: "constant", valueNs: seconds(10) } as const;
    const onOff = arrivals(arrivalTimes({ kind: "on-off", perSecond: 100, on: spell, off: spell }, null, random)!, seconds(40));
    expect(onOff.every((at) => at % seconds(20) >= seconds(10))).toBe(true);
    expect(Math.abs(onOff.length - 2000)).toBeLessThan(225);
    const day = arrivals(arrivalTimes({ kind: "diurnal", perSecond: 1, swing: 1, peakHour: 12 }, null, random)!, seconds(86_400));
    const noon = day.filter((at) => at > seconds(9 * 3600) && at < seconds(15 * 3600)).length;
    expect(noon).toBeGreaterThan(day.length * 0.4);
  });

  it("of a closed loop come from the ends of what went before", () => {
    const think = { kind: "constant", valueNs: seconds(1) } as const;
    expect(arrivalTimes({ kind: "loop", clients: 3, think }, null, new RandomStreams("t").stream("a"))).toBeNull();
  });
});
