/** Draws from the spans of time that a scenario describes. */
import type { RandomStream } from "../../core/random.js";
import type { Distribution } from "../../scenario/types.js";
import * as traffic from "../../traffic/distributions.js";

/** A span of time, ns, not rounded. */
export function draw(distribution: Distribution, random: RandomStream): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.valueNs;
    case "exponential":
      return random.exponential(distribution.meanNs);
    case "uniform":
      return distribution.lowNs + random.nextFloat() * (distribution.highNs - distribution.lowNs);
    default:
      return traffic.draw(inTraffic(distribution), random);
  }
}

/** The same distribution in the traffic room's words. */
export function inTraffic(distribution: Distribution): traffic.Distribution {
  switch (distribution.kind) {
    case "constant":
      return { kind: "constant", value: distribution.valueNs };
    case "exponential":
      return { kind: "exponential", mean: distribution.meanNs };
    case "uniform":
      return { kind: "uniform", low: distribution.lowNs, high: distribution.highNs };
    case "lognormal":
      return { kind: "lognormal", median: distribution.medianNs, sigma: distribution.sigma };
    case "pareto": {
      const { scaleNs, shape, highestNs } = distribution;
      return { kind: "pareto", scale: scaleNs, shape, ...(highestNs === null ? {} : { highest: highestNs }) };
    }
    case "weibull":
      return { kind: "weibull", scale: distribution.scaleNs, shape: distribution.shape };
    case "empirical":
      return { kind: "empirical", values: distribution.valuesNs, shares: distribution.shares };
  }
}
