/** Shares of independent trials, for events so rare that a mean says little: exact intervals, and what "none seen" means. */
import { portableExp, portableLog } from "../core/portable-math.js";
import { betaQuantile } from "./beta.js";
import { assertConfidence, CONFIDENCE, type Estimate } from "./interval.js";

/**
 * Share of trials with an event, with Clopper's and Pearson's exact interval (Biometrika 26, 1934): never less sure than asked for.
 * `events` ≤ `trials`, whole numbers. Trials of one run that hurt each other are not independent: their interval is too narrow.
 */
export function shareInterval(events: number, trials: number, confidence = CONFIDENCE): Estimate {
  assertConfidence(confidence);
  if (!(Number.isSafeInteger(events) && Number.isSafeInteger(trials) && events >= 0 && events <= trials && trials > 0)) {
    throw new RangeError(`${events} events in ${trials} trials are no share`);
  }
  const tail = (1 - confidence) / 2;
  return {
    value: events / trials,
    low: events === 0 ? 0 : betaQuantile(tail, events, trials - events + 1),
    high: events === trials ? 1 : betaQuantile(1 - tail, events + 1, trials - events),
    confidence,
    n: trials,
  };
}

/** Events that 95 % of experiments with a mean of this many would show at least once: -ln 0.05, rounded up. */
const RULE_OF_THREE = 3;

/** No event in so many trials: the share is below this with 95 % confidence. Simple enough to check by hand: 3 / n, at most 1. */
export function ruleOfThree(trials: number): number {
  if (!(trials > 0)) throw new RangeError(`${trials} trials say nothing`);
  return Math.min(1, RULE_OF_THREE / trials);
}

/** The same exactly and for any confidence: 1 - (1 - confidence)^(1/n). */
export function noneSeen(trials: number, confidence = CONFIDENCE): number {
  assertConfidence(confidence);
  if (!(trials > 0)) throw new RangeError(`${trials} trials say nothing`);
  return minusExpMinusOne(portableLog(1 - confidence) / trials);
}

/** Below this a series replaces the difference from 1. */
const SERIES_BELOW = 1e-5;

/** 1 - eˣ without loss for small x. */
function minusExpMinusOne(x: number): number {
  if (Math.abs(x) > SERIES_BELOW) return 1 - portableExp(x);
  return -x * (1 + x / 2 + (x * x) / 6);
}
