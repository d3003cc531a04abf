/** When a workload opens its next connection: at a rate, all the time or in bursts, or as the traffic room's processes say. */
import type { RandomStream } from "../../core/random.js";
import { NS_PER_S } from "../../core/units.js";
import type { Arrivals, Bursts } from "../../scenario/types.js";
import { arrivalProcess, type Arrivals as TrafficArrivals } from "../../traffic/arrivals.js";
import { inTraffic } from "./distributions.js";

/** Arrival times in rising order. */
export interface ArrivalTimes {
  /** The first arrival after `afterNs`, the one before it; start with 0. Infinity when none comes any more. */
  next(afterNs: number): number;
}

/** The times of one workload, from its own stream, so that nothing else moves them; null for a closed loop. */
export function arrivalTimes(arrivals: Arrivals, bursts: Bursts | null, random: RandomStream): ArrivalTimes | null {
  switch (arrivals.kind) {
    case "loop":
      return null;
    case "poisson":
    case "constant":
      return new SteadyArrivals(arrivals.kind, arrivals.perSecond, bursts, random);
    default: {
      const process = arrivalProcess(inTrafficWords(arrivals), random);
      return { next: () => process.next() };
    }
  }
}

function inTrafficWords(arrivals: Extract<Arrivals, { kind: "on-off" | "series" | "recorded" | "diurnal" }>): TrafficArrivals {
  switch (arrivals.kind) {
    case "on-off":
      return { ...arrivals, on: inTraffic(arrivals.on), off: inTraffic(arrivals.off) };
    case "series":
      return { kind: "series", points: arrivals.points, ...(arrivals.repeatNs === null ? {} : { repeatNs: arrivals.repeatNs }) };
    case "recorded":
      return { kind: "recorded", atNs: arrivals.atNs, ...(arrivals.repeatNs === null ? {} : { repeatNs: arrivals.repeatNs }) };
    case "diurnal":
      return arrivals;
  }
}

/** Poisson or evenly spaced, all the time or in bursts. */
class SteadyArrivals implements ArrivalTimes {
  readonly #kind: "poisson" | "constant";
  readonly #bursts: Bursts | null;
  readonly #random: RandomStream;
  readonly #meanGapNs: number;

  constructor(kind: "poisson" | "constant", perSecond: number, bursts: Bursts | null, random: RandomStream) {
    this.#kind = kind;
    this.#bursts = bursts;
    this.#random = random;
    this.#meanGapNs = NS_PER_S / perSecond;
  }

  next(afterNs: number): number {
    const gap = this.#kind === "poisson" ? this.#random.exponential(this.#meanGapNs) : this.#meanGapNs;
    const bursts = this.#bursts;
    if (bursts === null) return Math.round(afterNs + gap);
    return Math.round(atActiveTime(bursts, activeTime(bursts, afterNs) + gap));
  }
}

/** How much of the time up to `at` lies inside bursts. */
function activeTime({ firstNs, everyNs, lengthNs }: Bursts, at: number): number {
  if (at < firstNs) return 0;
  const burst = Math.floor((at - firstNs) / everyNs);
  return burst * lengthNs + Math.min(at - firstNs - burst * everyNs, lengthNs);
}

/** The moment at which that much time has been spent inside bursts. */
function atActiveTime({ firstNs, everyNs, lengthNs }: Bursts, active: number): number {
  const burst = Math.floor(active / lengthNs);
  return firstNs + burst * everyNs + (active - burst * lengthNs);
}
