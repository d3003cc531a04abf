/**
 * When conntrack is collected next: `calculateInterval` and `GetInterval` of pkg/maps/ctmap/ctmap.go, and the loop of
 * pkg/maps/ctmap/gc/gc.go with its three forms.
 *
 *   oldest  1.14, 1.15.0 and .1     the ratio of a pass counts as it is
 *   older   1.15.2 to 1.18.0        a pass that came early has its ratio scaled up
 *   newer   1.19                    and a full pass has a deadline that partial passes can't push back
 *
 * Oldest and older remember the step's result before the upper limit, newer what was returned.
 */

import type { Nanoseconds } from "../../core/units.js";
import type { GcFacts } from "../profile/cilium-profile.js";

/** First interval, 5 min. pkg/defaults, ConntrackGCStartingInterval. */
export const GC_START_NS = 300_000_000_000;
/** Smallest interval, applied when shrinking only, 10 s. ConntrackGCMinInterval. */
export const GC_MIN_NS = 10_000_000_000;
/** Largest interval for LRU maps, applied when growing only, 12 h. ConntrackGCMaxLRUInterval. */
export const GC_MAX_NS = 43_200_000_000_000;
/** Intervals are whole seconds. */
const ROUNDING_NS = 1_000_000_000;

/** Above this share of deleted entries the interval shrinks … */
const SHRINK_ABOVE = 0.25;
/** … by as much, at most. */
const SHRINK_MOST = 0.9;
/** Below this share it grows … */
const GROW_BELOW = 0.05;
/** … by this factor. */
const GROWTH = 1.5;

/** Forms of the loop. */
export type GcForm = NonNullable<GcFacts["scheduler"]>;

/** The pure step: the interval after `previous` when the pass deleted `ratio` of the fullest-hit map. */
export function nextInterval(previous: number, ratio: number): Nanoseconds {
  if (ratio === 0) return previous as Nanoseconds;
  if (ratio > SHRINK_ABOVE) {
    const shrunk = roundToSecond(Math.trunc(previous * (1 - Math.min(ratio, SHRINK_MOST))));
    return Math.max(shrunk, GC_MIN_NS) as Nanoseconds;
  }
  if (ratio < GROW_BELOW) {
    return Math.min(roundToSecond(Math.trunc(previous * GROWTH)), GC_MAX_NS) as Nanoseconds;
  }
  return previous as Nanoseconds;
}

/** Go's Duration.Round(time.Second): halves away from zero. */
function roundToSecond(span: number): number {
  const rest = span % ROUNDING_NS;
  return rest * 2 < ROUNDING_NS ? span - rest : span - rest + ROUNDING_NS;
}

/** The agent's two interval options. */
export interface GcIntervalOptions {
  readonly form: GcForm;
  /** `conntrack-gc-interval`; 0 = adaptive. */
  readonly fixed: number;
  /** `conntrack-gc-max-interval`; 0 = none. */
  readonly max: number;
}

/** What decided an interval. */
export type IntervalReason =
  | "fixed"
  | "unchanged: nothing deleted"
  | "unchanged"
  | "shortened"
  | "lengthened"
  | "limited by the maximum"
  | "rest until the full pass is due";

export interface IntervalChoice {
  /** Interval to wait. */
  readonly interval: Nanoseconds;
  /** Ratio that entered the step; null with a fixed interval. */
  readonly ratio: number | null;
  /** What the oldest and older forms remember afterwards. */
  readonly remembered: Nanoseconds;
  readonly reason: IntervalReason;
}

/**
 * The full interval function.
 * `remembered`: interval kept from before, 0 at start. `actual`: start of this pass minus start of the one before, 0 on
 * the first. `ratio`: largest share deleted of a map's `max_entries`.
 */
export function chooseInterval(
  options: GcIntervalOptions,
  remembered: number,
  actual: number,
  ratio: number,
): IntervalChoice {
  if (options.fixed !== 0) {
    return { interval: options.fixed as Nanoseconds, ratio: null, remembered: remembered as Nanoseconds, reason: "fixed" };
  }
  let expected = remembered;
  let corrected = ratio;
  if (expected === 0) {
    expected = GC_START_NS;
  } else if (options.form !== "oldest" && actual > 0 && actual < expected) {
    corrected = ratio * (expected / actual);
  }
  const step = nextInterval(expected, corrected);
  const limited = options.max !== 0 && step > options.max;
  return {
    interval: (limited ? options.max : step) as Nanoseconds,
    ratio: corrected,
    remembered: (corrected === 0 ? remembered : step) as Nanoseconds,
    reason: limited ? "limited by the maximum" : stepReason(expected, step, corrected),
  };
}

function stepReason(expected: number, step: number, ratio: number): IntervalReason {
  if (ratio === 0) return "unchanged: nothing deleted";
  if (step === expected) return "unchanged";
  return step < expected ? "shortened" : "lengthened";
}

/** How a pass went, as the loop sees it. */
export interface PassOutcome {
  /** Every map of the families asked for could be walked to the end. */
  readonly success: boolean;
  /** All enabled families were asked for. */
  readonly full: boolean;
  readonly ratio: number;
}

export interface WaitChoice {
  /** Span from the end of the pass to the next one, unless a signal comes. */
  readonly wait: Nanoseconds;
  /** What the interval metric shows; null when it is not written (fixed interval). */
  readonly metric: Nanoseconds | null;
  readonly reason: IntervalReason;
}

/** The loop's memory between passes. */
export class GcSchedule {
  readonly options: GcIntervalOptions;
  /** Remembered interval, 0 at start. */
  remembered: Nanoseconds = 0 as Nanoseconds;
  /** Newer form: when the next full pass is due at the latest. */
  fullPassDue: Nanoseconds = 0 as Nanoseconds;
  #previousStart = -1;
  #actual = 0;
  #passes = 0;

  constructor(options: GcIntervalOptions) {
    this.options = options;
  }

  /** Whether no pass has ended yet. */
  get isFirstPass(): boolean {
    return this.#passes === 0;
  }

  /** A pass begins. Returns the span since the one before began, 0 on the first. */
  beginPass(now: number): Nanoseconds {
    this.#actual = this.#previousStart < 0 ? 0 : now - this.#previousStart;
    this.#previousStart = now;
    return this.#actual as Nanoseconds;
  }

  /** The pass has ended: how long to wait now. */
  endPass(now: number, outcome: PassOutcome): WaitChoice {
    const choice = chooseInterval(this.options, this.remembered, this.#actual, outcome.ratio);
    const metric = this.options.fixed === 0 ? choice.interval : null;
    const first = this.isFirstPass;
    this.#passes++;
    if (this.options.form !== "newer") {
      this.remembered = choice.remembered;
      return { wait: choice.interval, metric, reason: choice.reason };
    }
    if (outcome.success && outcome.full) {
      this.fullPassDue = (now + choice.interval) as Nanoseconds;
      this.remembered = choice.interval;
      return { wait: choice.interval, metric, reason: choice.reason };
    }
    if (first) return { wait: choice.interval, metric, reason: choice.reason };
    const rest = Math.max(0, this.fullPassDue - now);
    if (rest < choice.interval) {
      return { wait: rest as Nanoseconds, metric, reason: "rest until the full pass is due" };
    }
    this.remembered = choice.interval;
    return { wait: choice.interval, metric, reason: choice.reason };
  }
}
