import { describe, expect, it } from "vitest";
import { RandomStreams } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import { arrivalProcess, type Arrivals } from "./arrivals.js";

const HOUR = 3600 * NS_PER_S;

function moments(arrivals: Arrivals, untilNs: number, seed = 1): number[] {
  const process = arrivalProcess(arrivals, new RandomStreams(seed).stream("arrivals"));
  const list: number[] = [];
  for (let at = process.next(); at < untilNs; at = process.next()) list.push(at);
  return list;
}

/** Within five standard deviations of a Poisson count. */
function expectCount(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1);
}

function within(list: readonly number[], from: number, to: number): number {
  return list.filter((at) => at >= from && at < to).length;
}

const ALL: Arrivals[] = [
  { kind: "poisson", perSecond: 100 },
  { kind: "constant", perSecond: 100 },
  { kind: "bursts", firstNs: NS_PER_S, everyNs: 15 * NS_PER_S, widthNs: 0.2 * NS_PER_S, count: 600 },
  { kind: "on-off", perSecond: 200, on: { kind: "exponential", mean: NS_PER_S }, off: { kind: "constant", value: NS_PER_S } },
  { kind: "series", points: [{ atNs: 0, perSecond: 10 }, { atNs: 50 * NS_PER_S, perSecond: 210 }] },
  { kind: "diurnal", perSecond: 100, swing: 0.5, peakHour: 14 },
  { kind: "recorded", atNs: [5, 6, 6, 9], repeatNs: 100 },
];

describe("arrival processes", () => {
  it.each(ALL)("%j gives rising whole nanoseconds, the same for the same seed", (arrivals) => {
    const until = arrivals.kind === "recorded" ? 1000 : 60 * NS_PER_S;
    const list = moments(arrivals, until);
    expect(list.length).toBeGreaterThan(30);
    expect(list.every((at, i) => Number.isSafeInteger(at) && at >= (list[i - 1] ?? 0))).toBe(true);
    expect(moments(arrivals, until)).toEqual(list);
    if (arrivals.kind !== "recorded") expect(moments(arrivals, until, 2)).not.toEqual(list);
  });

  it("Poisson: count and variance of counts", () => {
    const list = moments({ kind: "poisson", perSecond: 100 }, 1000 * NS_PER_S);
    expectCount(list.length, 100_000);
    const perSecond = Array.from({ length: 1000 }, () => 0);
    for (const at of list) perSecond[Math.floor(at / NS_PER_S)]!++;
    const variance = perSecond.reduce((sum, count) => sum + (count - 100) ** 2, 0) / 1000;
    expect(variance).toBeGreaterThan(80);
    expect(variance).toBeLessThan(120);
  });

  it("constant: even gaps", () => {
    const list = moments({ kind: "constant", perSecond: 1000 }, NS_PER_S);
    expect(list.length).toBe(1000);
    expect(new Set(list.slice(1).map((at, i) => at - list[i]!))).toEqual(new Set([1_000_000]));
  });

  it("bursts: all within their width", () => {
    const list = moments({ kind: "bursts", firstNs: 2e9, everyNs: 5e9, widthNs: 2e8, count: 50 }, 20e9);
    expect(list.length).toBe(200);
    expect(list.every((at) => at >= 2e9 && (at - 2e9) % 5e9 < 2e8)).toBe(true);
  });

  it("on-off: the on rate while on, nothing while off", () => {
    const list = moments({ kind: "on-off", perSecond: 100, on: { kind: "constant", value: 2e9 }, off: { kind: "constant", value: 3e9 } }, 500e9);
    expect(list.every((at) => at % 5e9 >= 3e9)).toBe(true);
    expectCount(list.length, 100 * 200);
  });

  it("series: follows the rate between its points, and its end", () => {
    const points = [{ atNs: 10e9, perSecond: 0 }, { atNs: 20e9, perSecond: 1000 }, { atNs: 40e9, perSecond: 1000 }, { atNs: 50e9, perSecond: 0 }];
    const list = moments({ kind: "series", points }, 1e12);
    expect(within(list, 0, 10e9)).toBe(0);
    expectCount(within(list, 10e9, 15e9), 1250);
    expectCount(within(list, 15e9, 20e9), 3750);
    expectCount(within(list, 20e9, 40e9), 20_000);
    expectCount(within(list, 40e9, 45e9), 3750);
    expectCount(within(list, 45e9, 50e9), 1250);
    expect(within(list, 50e9, 1e12)).toBe(0);
  });

  it("series: repeats, and ends when it can bring nothing", () => {
    const points = [{ atNs: 0, perSecond: 100 }, { atNs: 10e9, perSecond: 0 }];
    const list = moments({ kind: "series", points, repeatNs: 20e9 }, 200e9);
    expectCount(list.length, 10 * 500);
    expect(list.every((at) => at % 20e9 < 10e9)).toBe(true);
    const none = arrivalProcess({ kind: "series", points: [{ atNs: 0, perSecond: 0 }], repeatNs: 1e9 }, new RandomStreams(1).stream("none"));
    expect([none.next(), none.next()]).toEqual([Infinity, Infinity]);
    const forever = arrivalProcess({ kind: "series", points: [{ atNs: 0, perSecond: 0 }] }, new RandomStreams(1).stream("never"));
    expect([forever.next(), forever.next()]).toEqual([Infinity, Infinity]);
  });

  it("diurnal: the mean over a day, most at the peak hour, day after day", () => {
    const list = moments({ kind: "diurnal", perSecond: 2, swing: 0.8, peakHour: 14.5 }, 48 * HOUR);
    expectCount(list.length, 2 * 48 * 3600);
    for (const day of [0, 24]) {
      expectCount(within(list, (day + 14) * HOUR, (day + 15) * HOUR), 2 * 3600 * 1.8 * 0.983);
      expectCount(within(list, (day + 2) * HOUR, (day + 3) * HOUR), 2 * 3600 * 0.2 * 1.068);
    }
  });

  it("recorded: as it was, and again", () => {
    const once = arrivalProcess({ kind: "recorded", atNs: [3, 8] }, new RandomStreams(1).stream("once"));
    expect([once.next(), once.next(), once.next()]).toEqual([3, 8, Infinity]);
    expect(moments({ kind: "recorded", atNs: [3, 8], repeatNs: 10 }, 40)).toEqual([3, 8, 13, 18, 23, 28, 33, 38]);
    const empty = arrivalProcess({ kind: "recorded", atNs: [], repeatNs: 10 }, new RandomStreams(1).stream("empty"));
    expect(empty.next()).toBe(Infinity);
  });
});
