/**
 * The beta distribution's function and quantile: what exact binomial, order-statistic and Student intervals come from.
 *
 * I(x; a, b) is a density-like factor times a continued fraction (DLMF 8.17.22, evaluated as Lentz does, with Thompson's and
 * Barnett's guards). The factor is computed as Loader ("Fast and accurate computation of binomial probabilities", 2000)
 * does it, by deviances and Stirling's remainder instead of three large logarithms of gamma, so that a sample of 10⁹ loses no digits.
 * Logarithm and exponential are the portable ones: the same interval to the last bit on every machine.
 */
import { portableExp, portableLog } from "../core/portable-math.js";

const TWO_PI = 2 * Math.PI;
/** From here on four terms of Stirling's series are exact to a double's precision. */
const STIRLING_FROM = 16;
/** Relative step at which the fraction has converged. */
const CONVERGED = 1e-15;
/** Stands in for a zero denominator. */
const TINY = 1e-300;
/** The fraction needs about √max(a, b) steps. */
const STEPS_MAX = 1_000_000;
/** Halvings from [0, 1] down to the smallest normal double and its last bit. */
const HALVINGS_MAX = 1100;

/** Regularized incomplete beta function I(x; a, b): P(X ≤ x) of a beta distribution. `a`, `b` > 0; x outside 0 … 1 gives 0 or 1. */
export function betaProbability(x: number, a: number, b: number): number {
  assertShape(a, b);
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean; above, the other tail is the one to compute.
  return x <= (a + 1) / (a + b + 2) ? lowerTail(x, 1 - x, a, b) : 1 - lowerTail(1 - x, x, b, a);
}

/** The x with I(x; a, b) = p, by halving, to the last bit that the function resolves. */
export function betaQuantile(p: number, a: number, b: number): number {
  assertShape(a, b);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`a probability of ${p} is outside 0 … 1`);
  if (p === 0 || p === 1) return p;
  let low = 0;
  let high = 1;
  for (let i = 0; i < HALVINGS_MAX; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (betaProbability(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return high;
}

/** P(B ≤ k) for B successes in n trials of probability p; k and n whole numbers. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  return k >= n ? 1 : betaProbability(1 - p, n - k, k + 1);
}

function assertShape(a: number, b: number): void {
  if (!(a > 0 && b > 0 && a < Infinity && b < Infinity)) throw new RangeError(`shapes ${a}, ${b} of a beta distribution are not positive`);
}

/** I(x; a, b) for x up to the mean; y = 1 - x. */
function lowerTail(x: number, y: number, a: number, b: number): number {
  return (scaled(x, y, a, b) / a) * fraction(x, a, b);
}

/** x^a · y^b / B(a, b), without cancellation. */
function scaled(x: number, y: number, a: number, b: number): number {
  const n = a + b;
  const exponent = stirlingRemainder(n) - stirlingRemainder(a) - stirlingRemainder(b) - deviance(a, n * x) - deviance(b, n * y);
  return Math.sqrt((a * b) / (TWO_PI * n)) * portableExp(exponent);
}

/** ln Γ(z + 1) - (z + ½) ln z + z - ½ ln 2π. */
function stirlingRemainder(z: number): number {
  let rest = 0;
  let at = z;
  for (; at < STIRLING_FROM; at++) rest += (at + 0.5) * portableLog((at + 1) / at) - 1;
  const square = at * at;
  return rest + (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / at;
}

/** x ln(x / m) + m - x, by its series where the terms would cancel. */
function deviance(x: number, m: number): number {
  const difference = x - m;
  if (Math.abs(difference) >= 0.1 * (x + m)) return x * portableLog(x / m) - difference;
  const v = difference / (x + m);
  let sum = difference * v;
  let term = 2 * x * v;
  for (let j = 3; ; j += 2) {
    term *= v * v;
    const next = sum + term / j;
    if (next === sum) return sum;
    sum = next;
  }
}

function fraction(x: number, a: number, b: number): number {
  const guard = (value: number): number => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= STEPS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < CONVERGED) return value;
  }
  throw new RangeError(`the beta function of ${x}, ${a}, ${b} does not converge`);
}
