import { describe, expect, it } from "vitest";
import { RandomStreams } from "../../core/random.js";
import { seconds } from "../../core/units.js";
import type { ArrivalWorkload, Bursts } from "../../scenario/types.js";
import { ArrivalProcess } from "./arrivals.js";

function workload(kind: "poisson" | "constant", perSecond: number, bursts: Bursts | null): ArrivalWorkload {
  return { arrivals: { kind, perSecond }, bursts } as ArrivalWorkload;
}

function arrivals(process: ArrivalProcess, untilNs: number): number[] {
  const times: number[] = [];
  for (let at = process.next(0); at < untilNs; at = process.next(at)) times.push(at);
  return times;
}

const BURSTS: Bursts = { firstNs: seconds(30), everyNs: seconds(60), lengthNs: seconds(10) };

describe("arrivals", () => {
  it("come evenly spaced when constant", () => {
    const process = new ArrivalProcess(workload("constant", 4, null), new RandomStreams("t").stream("a"));
    expect(arrivals(process, seconds(1.1))).toEqual([0.25, 0.5, 0.75, 1].map(seconds));
  });

  it("stay inside bursts, also when the mean gap is longer than a burst", () => {
    for (const perSecond of [0.05, 3, 500]) {
      const process = new ArrivalProcess(workload("poisson", perSecond, BURSTS), new RandomStreams("t").stream("a"));
      const times = arrivals(process, seconds(20_000 / perSecond));
      expect(times.length).toBeGreaterThan(100);
      for (const at of times) expect((at - BURSTS.firstNs) % BURSTS.everyNs).toBeLessThanOrEqual(BURSTS.lengthNs);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(BURSTS.firstNs);
    }
  });

  it("have the asked-for rate while a burst lasts (false alarm below 1e-6)", () => {
    const process = new ArrivalProcess(workload("poisson", 1000, BURSTS), new RandomStreams("t").stream("a"));
    const count = arrivals(process, seconds(600)).length;
    // 10 bursts of 10 s: mean 100,000, standard deviation 316; five of those.
    expect(Math.abs(count - 100_000)).toBeLessThan(5 * 316);
  });
});
