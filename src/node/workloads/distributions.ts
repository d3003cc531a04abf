/** Draws from the spans of time that a scenario describes. */
import type { RandomStream } from "../../core/random.js";
import type { Distribution } from "../../scenario/types.js";

/** A span of time, ns, not rounded. */
export function draw(distribution: Distribution, random: RandomStream): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.valueNs;
    case "exponential":
      return random.exponential(distribution.meanNs);
    case "uniform":
      return distribution.lowNs + random.nextFloat() * (distribution.highNs - distribution.lowNs);
  }
}
