/** When a workload opens its next connection: Poisson or evenly spaced, all the time or in bursts. */
import type { RandomStream } from "../../core/random.js";
import { NS_PER_S } from "../../core/units.js";
import type { Bursts, PoolWorkload, Workload } from "../../scenario/types.js";

/** Arrival times of one workload, in rising order. Its own stream, so that nothing else moves them. */
export class ArrivalProcess {
  readonly #workload: Exclude<Workload, PoolWorkload>;
  readonly #random: RandomStream;
  readonly #meanGapNs: number;

  constructor(workload: Exclude<Workload, PoolWorkload>, random: RandomStream) {
    this.#workload = workload;
    this.#random = random;
    this.#meanGapNs = NS_PER_S / workload.arrivals.perSecond;
  }

  /** The first arrival after `afterNs`; start with 0. */
  next(afterNs: number): number {
    const gap = this.#workload.arrivals.kind === "poisson" ? this.#random.exponential(this.#meanGapNs) : this.#meanGapNs;
    const { bursts } = this.#workload;
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
