/** How a scenario writes a random span of time. */

import { z } from "zod";
import type { Nanoseconds } from "../core/units.js";
import { decimal, duration, durationRange, share } from "./quantities.js";
import type { Distribution } from "./types.js";

/** Beyond these a distribution is a slip of the finger. */
const SIGMA_MAX = 10;
const SHAPE_MIN = 0.05;
const SHAPE_MAX = 100;
const ONE_NS = 1 as Nanoseconds;

/** A random span: fixed, exponential with a mean, or uniform. */
export const distribution = (): z.ZodType<Distribution> =>
  z
    .union([
      duration().transform((valueNs) => ({ kind: "constant", valueNs }) as const),
      z
        .strictObject({ exponential: duration().describe("Mean.") })
        .transform((d) => ({ kind: "exponential", meanNs: d.exponential }) as const),
      z
        .strictObject({ uniform: durationRange() })
        .transform(({ uniform }) => ({ kind: "uniform", lowNs: uniform.fromNs, highNs: uniform.toNs }) as const),
      z
        .strictObject({ lognormal: z.strictObject({ median: duration({ min: ONE_NS }), sigma: decimal(0, SIGMA_MAX) }) })
        .transform(({ lognormal: { median, sigma } }) => ({ kind: "lognormal", medianNs: median, sigma }) as const),
      z
        .strictObject({ pareto: z.strictObject({ min: duration({ min: ONE_NS }), shape: decimal(SHAPE_MIN, SHAPE_MAX), max: duration().optional() }) })
        .transform(({ pareto: { min, shape, max } }) => ({ kind: "pareto", scaleNs: min, shape, highestNs: max ?? null }) as const),
      z
        .strictObject({ weibull: z.strictObject({ scale: duration({ min: ONE_NS }), shape: decimal(SHAPE_MIN, SHAPE_MAX) }) })
        .transform(({ weibull: { scale, shape } }) => ({ kind: "weibull", scaleNs: scale, shape }) as const),
      z
        .strictObject({ empirical: z.array(z.tuple([duration(), share()])).min(1).describe("Values, and the share of observations up to each.") })
        .transform(({ empirical }) => {
          return { kind: "empirical", valuesNs: empirical.map(([value]) => value), shares: empirical.map(([, part]) => part) } as const;
        }),
    ])
    .meta({ examples: ["2ms", { exponential: "2ms" }, { uniform: "1ms..3ms" }] });
