/**
 * Are 95 % intervals right in 95 of 100 experiments? Measured over 1000 replications of queues whose answer is known; 930 to 970 must
 * hold it. Of a rightly covering interval the count has a standard deviation of 6.9, so the bounds are 2.9 of them away.
 * Intervals that are exact by construction (binomial, order statistics) cover more where values are discrete: only bounded below.
 */
import { describe, expect, it } from "vitest";
import { type RandomStream, RandomStreams } from "../core/random.js";
import { shareInterval } from "./binomial.js";
import type { Interval } from "./interval.js";
import { meanInterval, pairedDifference } from "./mean.js";
import { quantileInterval } from "./quantile.js";
import { isPrecise, looks } from "./sequential.js";
import { batchMeans, warmUp } from "./series.js";

const REPLICATIONS = 1000;
const RUNS = 20;

/** How many of 1000 experiments, each with random numbers of its own, gave an interval with the true value in it. */
function covering(name: string, truth: number, experiment: (stream: RandomStream) => { readonly low: number | null; readonly high: number | null }): number {
  let held = 0;
  for (let run = 0; run < REPLICATIONS; run++) {
    const { low, high } = experiment(new RandomStreams("coverage", run).stream(name));
    if ((low ?? -Infinity) <= truth && truth <= (high ?? Infinity)) held++;
  }
  return held;
}

function expectRight(held: number): void {
  expect(held).toBeGreaterThanOrEqual(930);
  expect(held).toBeLessThanOrEqual(970);
}

/** Share of arrivals that find the server of an M/M/1 queue busy. Its mean wait in line is load / (1 - load) services. */
const LOAD = 0.5;
const MEAN_WAIT = LOAD / (1 - LOAD);

/** Waits of successive customers by Lindley's recursion, the first drawn from the steady state. Mean service 1. */
function waits(stream: RandomStream, customers: number): number[] {
  let wait = stream.chance(LOAD) ? stream.exponential(1 / (1 - LOAD)) : 0;
  return Array.from({ length: customers }, () => {
    const own = wait;
    wait = Math.max(0, wait + stream.exponential(1) - stream.exponential(1 / LOAD));
    return own;
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

describe("wait in an M/M/1 queue", () => {
  it("mean over runs", () => {
    expectRight(covering("M/M/1 runs", MEAN_WAIT, (stream) => meanInterval(times(RUNS, () => mean(waits(stream, 400))))));
  });

  it("mean of one run by batches", () => {
    expectRight(covering("M/M/1 batches", MEAN_WAIT, (stream) => batchMeans(waits(stream, 10_000))));
  });

  it("until it is known to 10 %, looking after 10, 20 and 40 runs", () => {
    const experiment = (stream: RandomStream): Interval => {
      const runs: number[] = [];
      const steps = looks(10, 40).map((look) => {
        while (runs.length < look.runs) runs.push(mean(waits(stream, 200)));
        return meanInterval(runs, look.confidence);
      });
      return steps.find((estimate) => isPrecise(estimate, 0.1)) ?? steps.at(-1)!;
    };
    // Bonferroni errs on the safe side.
    expect(covering("M/M/1 sequential", MEAN_WAIT, experiment)).toBeGreaterThanOrEqual(940);
  });

  it("difference between two loads on the same random numbers, narrower than without", () => {
    const faster = 0.9;
    // Services shortened by the factor: mean wait s · r / (1 - r) with r = load · s.
    const truth = (faster * LOAD * faster) / (1 - LOAD * faster) - MEAN_WAIT;
    let paired = 0;
    let separate = 0;
    const held = covering("M/M/1 paired", truth, (stream) => {
      const both = times(RUNS, () => {
        let [slow, fast, sumSlow, sumFast] = [0, 0, 0, 0];
        for (let customer = -60; customer < 200; customer++) {
          if (customer >= 0) [sumSlow, sumFast] = [sumSlow + slow, sumFast + fast];
          const [service, gap] = [stream.exponential(1), stream.exponential(1 / LOAD)];
          slow = Math.max(0, slow + service - gap);
          fast = Math.max(0, fast + faster * service - gap);
        }
        return [sumSlow / 200, sumFast / 200] as const;
      });
      const first = both.map(([a]) => a);
      const second = both.map(([, b]) => b);
      const difference = pairedDifference(first, second);
      paired += difference.high - difference.low;
      const unrelated = pairedDifference(first, [...second.slice(1), second[0]!]);
      separate += unrelated.high - unrelated.low;
      return difference;
    });
    expectRight(held);
    expect(paired).toBeLessThan(separate / 3);
  });

  it("quantile of independent waits", () => {
    // P(wait > t) = load · exp(-(1 - load) t).
    const p90 = Math.log(LOAD / 0.1) / (1 - LOAD);
    const wait = (stream: RandomStream): number => (stream.chance(LOAD) ? stream.exponential(1 / (1 - LOAD)) : 0);
    expectRight(covering("M/M/1 quantile", p90, (stream) => quantileInterval(times(500, () => wait(stream)), 0.9)));
  });
});

describe("occupancy of M/G/∞", () => {
  /** Arrivals a second, and seconds that each stays: two thirds 1 s, one third 8 s, as half-open and established entries do. */
  const RATE = 30;
  const stay = (stream: RandomStream): number => (stream.chance(2 / 3) ? 1 : 8);
  const OCCUPANCY = RATE * (2 / 3 + 8 / 3);

  /** Average occupancy in each second from an empty start. */
  function occupancy(stream: RandomStream, spanS: number): number[] {
    const filled = new Array<number>(spanS).fill(0);
    for (let at = stream.exponential(1 / RATE); at < spanS; at += stream.exponential(1 / RATE)) {
      const end = at + stay(stream);
      for (let second = Math.floor(at); second < Math.min(spanS, end); second++) {
        filled[second]! += Math.min(end, second + 1) - Math.max(at, second);
      }
    }
    return filled;
  }

  it("mean over runs without the first longest stay", () => {
    const run = (stream: RandomStream): number => mean(occupancy(stream, 28).slice(8));
    expectRight(covering("M/G/inf runs", OCCUPANCY, (stream) => meanInterval(times(RUNS, () => run(stream)))));
  });

  it("mean of one run from where MSER-5 ends its warm-up, by batches", () => {
    let cut = 0;
    expectRight(
      covering("M/G/inf series", OCCUPANCY, (stream) => {
        const seconds = occupancy(stream, 500);
        const { length, settled } = warmUp(seconds);
        if (settled) cut++;
        return batchMeans(seconds.slice(settled ? length : 0));
      }),
    );
    expect(cut).toBeGreaterThan(800);
  });
});

describe("Erlang's loss", () => {
  const SERVERS = 5;
  const OFFERED = 3;
  /** B(5, 3) = 0.11005: 3⁵/5! over the sum of 3ᵏ/k!. */
  const BLOCKED = 3 ** 5 / 120 / (1 + 3 + 9 / 2 + 27 / 6 + 81 / 24 + 243 / 120);

  /** Lets one more customer arrive, after those who leave meanwhile; whether it found a free server. */
  function arrive(stream: RandomStream, busy: number): { readonly busy: number; readonly refused: boolean } {
    let [left, gap] = [busy, stream.exponential(1 / OFFERED)];
    for (let next = stream.exponential(1 / left); left > 0 && next < gap; next = stream.exponential(1 / left)) {
      gap -= next;
      left--;
    }
    return left === SERVERS ? { busy: left, refused: true } : { busy: left + 1, refused: false };
  }

  function refusals(stream: RandomStream, warm: number, arrivals: number): number {
    let [busy, refused] = [0, 0];
    for (let i = 0; i < warm + arrivals; i++) {
      const next = arrive(stream, busy);
      busy = next.busy;
      if (next.refused && i >= warm) refused++;
    }
    return refused;
  }

  it("share refused, mean over runs", () => {
    expectRight(covering("Erlang runs", BLOCKED, (stream) => meanInterval(times(RUNS, () => refusals(stream, 30, 200) / 200))));
  });

  it("share of independent arrivals refused, exactly", () => {
    // Thirty arrivals apart nothing is left of the past.
    const share = (stream: RandomStream): Interval => shareInterval(times(400, () => refusals(stream, 30, 1)).reduce((a, b) => a + b, 0), 400);
    expectRight(covering("Erlang exact", BLOCKED, share));
  });
});
