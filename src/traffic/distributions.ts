/** Distributions of times, sizes and counts: plain data that a scenario can hold, and the way to draw from them. */
import { portableExp, portableLog } from "../core/portable-math.js";
import type { RandomStream } from "../core/random.js";

/** Values are in whatever unit the caller means: nanoseconds, bytes, requests. */
export type Distribution =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "exponential"; readonly mean: number }
  /** `sigma`: standard deviation of the logarithm. */
  | { readonly kind: "lognormal"; readonly median: number; readonly sigma: number }
  /** At least `scale`; P(X > x) = (scale / x)^shape up to `highest`, beyond which nothing lies. */
  | { readonly kind: "pareto"; readonly scale: number; readonly shape: number; readonly highest?: number }
  /** P(X > x) = exp(-(x / scale)^shape). */
  | { readonly kind: "weibull"; readonly scale: number; readonly shape: number }
  /** A measured distribution: values with the share of observations at or below each, rising, the last share being 1. */
  | { readonly kind: "empirical"; readonly values: readonly number[]; readonly shares: readonly number[] };

/** One draw. */
export function draw(distribution: Distribution, random: RandomStream): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.value;
    case "uniform":
      return distribution.low + (distribution.high - distribution.low) * random.nextFloat();
    case "exponential":
      return random.exponential(distribution.mean);
    case "lognormal":
      return random.lognormal(distribution.median, distribution.sigma);
    case "pareto":
      return drawPareto(distribution.scale, distribution.shape, distribution.highest, random);
    case "weibull":
      return random.weibull(distribution.scale, distribution.shape);
    case "empirical":
      return quantile(distribution.values, distribution.shares, random.nextFloat());
  }
}

function drawPareto(scale: number, shape: number, highest: number | undefined, random: RandomStream): number {
  if (highest === undefined) return random.pareto(scale, shape);
  const tail = portableExp(shape * portableLog(scale / highest));
  return scale * portableExp(-portableLog(1 - random.nextFloat() * (1 - tail)) / shape);
}

/** The value at a share, straight between the given points; below the first share, the first value. */
function quantile(values: readonly number[], shares: readonly number[], share: number): number {
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (shares[middle]! < share) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return values[0]!;
  const [before, after] = [shares[low - 1]!, shares[low]!];
  const part = after === before ? 1 : (share - before) / (after - before);
  return values[low - 1]! + (values[low]! - values[low - 1]!) * part;
}

/** Expected value; Infinity where the tail is too heavy to have one. */
export function meanOf(distribution: Distribution): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.value;
    case "uniform":
      return (distribution.low + distribution.high) / 2;
    case "exponential":
      return distribution.mean;
    case "lognormal":
      return distribution.median * Math.exp(distribution.sigma ** 2 / 2);
    case "pareto":
      return meanOfPareto(distribution.scale, distribution.shape, distribution.highest);
    case "weibull":
      return distribution.scale * gamma(1 + 1 / distribution.shape);
    case "empirical":
      return meanOfEmpirical(distribution.values, distribution.shares);
  }
}

function meanOfPareto(scale: number, shape: number, highest: number | undefined): number {
  if (highest === undefined) return shape > 1 ? (scale * shape) / (shape - 1) : Infinity;
  const tail = (scale / highest) ** shape;
  if (shape === 1) return (scale * Math.log(highest / scale)) / (1 - tail);
  return ((shape / (shape - 1)) * (scale - highest * tail)) / (1 - tail);
}

function meanOfEmpirical(values: readonly number[], shares: readonly number[]): number {
  let mean = values[0]! * shares[0]!;
  for (let i = 1; i < values.length; i++) mean += ((values[i]! + values[i - 1]!) / 2) * (shares[i]! - shares[i - 1]!);
  return mean;
}

/** Gamma function for arguments from 1 on: Stirling's series, after moving to where it is good to 1e-12. */
function gamma(x: number): number {
  let factor = 1;
  let at = x;
  for (; at < 12; at++) factor *= at;
  const series = 1 + 1 / (12 * at) + 1 / (288 * at ** 2) - 139 / (51_840 * at ** 3) - 571 / (2_488_320 * at ** 4);
  return (Math.sqrt((2 * Math.PI) / at) * (at / Math.E) ** at * series) / factor;
}

/** Why a distribution can't be drawn from, in words; undefined when it can. Negative values are not allowed. */
export function flawOf(distribution: Distribution): string | undefined {
  switch (distribution.kind) {
    case "constant":
      return distribution.value >= 0 ? undefined : "value must be at least 0";
    case "uniform":
      return distribution.low >= 0 && distribution.high >= distribution.low ? undefined : "must hold: 0 ≤ low ≤ high";
    case "exponential":
      return distribution.mean > 0 ? undefined : "mean must be above 0";
    case "lognormal":
      return distribution.median > 0 && distribution.sigma >= 0 ? undefined : "median must be above 0 and sigma at least 0";
    case "pareto":
      if (!(distribution.scale > 0 && distribution.shape > 0)) return "scale and shape must be above 0";
      return (distribution.highest ?? Infinity) > distribution.scale ? undefined : "highest must be above scale";
    case "weibull":
      return distribution.scale > 0 && distribution.shape > 0 ? undefined : "scale and shape must be above 0";
    case "empirical":
      return flawOfEmpirical(distribution.values, distribution.shares);
  }
}

function flawOfEmpirical(values: readonly number[], shares: readonly number[]): string | undefined {
  if (values.length === 0 || values.length !== shares.length) return "needs as many shares as values, at least one";
  const rises = (list: readonly number[]): boolean => list.every((value, i) => value >= (list[i - 1] ?? 0));
  if (!rises(values) || !rises(shares)) return "values and shares must rise from 0 on";
  return shares.at(-1) === 1 ? undefined : "the last share must be 1";
}
