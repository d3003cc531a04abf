/**
 * When things begin: arrival processes as plain data, and the moments that follow from them.
 *
 * Every process is a `rate over time` with Poisson or even spacing, or a list of moments. Poisson arrivals of a changing
 * rate are exact: unit exponentials are laid along the integral of the rate, not thinned from its maximum.
 */
import type { RandomStream } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import { draw, type Distribution } from "./distributions.js";

/** Times are nanoseconds from the start of the run, rates per second. */
export type Arrivals =
  | { readonly kind: "poisson"; readonly perSecond: number }
  /** Evenly spaced, from a random phase on. */
  | { readonly kind: "constant"; readonly perSecond: number }
  /** `count` arrivals at random moments of `widthNs`, again every `everyNs`. */
  | { readonly kind: "bursts"; readonly firstNs: number; readonly everyNs: number; readonly widthNs: number; readonly count: number }
  /** Poisson while on, nothing while off; both times in ns; begins with off. */
  | { readonly kind: "on-off"; readonly perSecond: number; readonly on: Distribution; readonly off: Distribution }
  /** Poisson with a rate that runs straight between the points; before the first and after the last it stays. */
  | { readonly kind: "series"; readonly points: readonly RatePoint[]; readonly repeatNs?: number }
  /** Poisson over a day: hour by hour around the mean, `swing` 0 … 1, highest at `peakHour`; the run begins at hour 0. */
  | { readonly kind: "diurnal"; readonly perSecond: number; readonly swing: number; readonly peakHour: number }
  /** The moments of a trace, rising; again every `repeatNs` when given. */
  | { readonly kind: "recorded"; readonly atNs: ArrayLike<number>; readonly repeatNs?: number };

export interface RatePoint {
  readonly atNs: number;
  readonly perSecond: number;
}

/** The moments of one process, in rising order. */
export interface ArrivalProcess {
  /** The next arrival, whole nanoseconds; Infinity when there is none. */
  next(): number;
}

export function arrivalProcess(arrivals: Arrivals, random: RandomStream): ArrivalProcess {
  switch (arrivals.kind) {
    case "poisson":
      return new Poisson(NS_PER_S / arrivals.perSecond, random);
    case "constant":
      return new Even(NS_PER_S / arrivals.perSecond, random);
    case "bursts":
      return new Bursts(arrivals, random);
    case "on-off":
      return new OnOff(arrivals.perSecond, arrivals.on, arrivals.off, random);
    case "series":
      return new RateSeries(arrivals.points, arrivals.repeatNs ?? Infinity, random);
    case "diurnal":
      return new RateSeries(dayOf(arrivals.perSecond, arrivals.swing, arrivals.peakHour), DAY_NS, random);
    case "recorded":
      return new Recorded(arrivals.atNs, arrivals.repeatNs ?? Infinity);
  }
}

class Poisson implements ArrivalProcess {
  readonly #meanNs: number;
  readonly #random: RandomStream;
  #at = 0;

  constructor(meanNs: number, random: RandomStream) {
    this.#meanNs = meanNs;
    this.#random = random;
  }

  next(): number {
    this.#at += this.#random.exponential(this.#meanNs);
    return Math.round(this.#at);
  }
}

class Even implements ArrivalProcess {
  readonly #gapNs: number;
  readonly #phaseNs: number;
  #count = 0;

  constructor(gapNs: number, random: RandomStream) {
    this.#gapNs = gapNs;
    this.#phaseNs = random.nextFloat() * gapNs;
  }

  next(): number {
    return Math.round(this.#phaseNs + this.#count++ * this.#gapNs);
  }
}

class Bursts implements ArrivalProcess {
  readonly #shape: Extract<Arrivals, { kind: "bursts" }>;
  readonly #random: RandomStream;
  #burst = 0;
  #moments: number[] = [];
  #used = 0;

  constructor(shape: Extract<Arrivals, { kind: "bursts" }>, random: RandomStream) {
    this.#shape = shape;
    this.#random = random;
  }

  next(): number {
    if (this.#shape.count === 0) return Infinity;
    if (this.#used === this.#moments.length) this.#fill();
    return this.#moments[this.#used++]!;
  }

  #fill(): void {
    const { firstNs, everyNs, widthNs, count } = this.#shape;
    const start = firstNs + this.#burst++ * everyNs;
    this.#moments = Array.from({ length: count }, () => Math.floor(start + this.#random.nextFloat() * widthNs)).sort((a, b) => a - b);
    this.#used = 0;
  }
}

class OnOff implements ArrivalProcess {
  readonly #meanNs: number;
  readonly #on: Distribution;
  readonly #off: Distribution;
  readonly #random: RandomStream;
  #at: number;
  #onUntil: number;

  constructor(perSecond: number, on: Distribution, off: Distribution, random: RandomStream) {
    this.#meanNs = NS_PER_S / perSecond;
    this.#on = on;
    this.#off = off;
    this.#random = random;
    this.#at = draw(off, random);
    this.#onUntil = this.#at + draw(on, random);
  }

  next(): number {
    let gap = this.#random.exponential(this.#meanNs);
    // What is left of the gap when a spell ends goes on in the next one: the process knows only the time spent on.
    while (this.#at + gap > this.#onUntil) {
      gap -= this.#onUntil - this.#at;
      this.#at = this.#onUntil + draw(this.#off, this.#random);
      this.#onUntil = this.#at + draw(this.#on, this.#random);
    }
    this.#at += gap;
    return Math.round(this.#at);
  }
}

/** A rate that runs straight between points, and stays outside them; with a period it begins again. */
class RateSeries implements ArrivalProcess {
  readonly #random: RandomStream;
  /** Segments: start, ns within the period; rate at the start and its slope, arrivals per ns and per ns². */
  readonly #starts: number[] = [];
  readonly #rates: number[] = [];
  readonly #slopes: number[] = [];
  readonly #periodNs: number;
  #segment = 0;
  /** Where in the period, and where the period began. */
  #at = 0;
  #base = 0;

  constructor(points: readonly RatePoint[], periodNs: number, random: RandomStream) {
    this.#random = random;
    this.#periodNs = periodNs;
    const first = points[0]!;
    if (first.atNs > 0) this.#addSegment(0, first.perSecond, 0);
    points.forEach((point, i) => {
      const next = points[i + 1];
      const slope = next === undefined ? 0 : (next.perSecond - point.perSecond) / (next.atNs - point.atNs);
      this.#addSegment(point.atNs, point.perSecond, slope);
    });
  }

  next(): number {
    if (this.#at === Infinity) return Infinity;
    let area = this.#random.exponential(1);
    for (;;) {
      const end = Math.min(this.#starts[this.#segment + 1] ?? Infinity, this.#periodNs);
      const slope = this.#slopes[this.#segment]!;
      const rate = this.#rates[this.#segment]! + slope * (this.#at - this.#starts[this.#segment]!);
      const span = timeFor(area, rate, slope);
      if (this.#at + span <= end) {
        this.#at += span;
        return span === Infinity ? Infinity : Math.round(this.#base + this.#at);
      }
      const rest = end - this.#at;
      area -= rest * (rate + (slope * rest) / 2);
      if (!this.#moveOn(end)) return Infinity;
    }
  }

  #addSegment(atNs: number, perSecond: number, slopePerSecond: number): void {
    this.#starts.push(atNs);
    this.#rates.push(perSecond / NS_PER_S);
    this.#slopes.push(slopePerSecond / NS_PER_S);
  }

  /** To the segment that begins at `end`; false when nothing will ever come again. */
  #moveOn(end: number): boolean {
    this.#at = end;
    this.#segment++;
    if (end < this.#periodNs) return true;
    if (this.#rates.every((rate) => rate === 0)) return false;
    this.#base += this.#periodNs;
    this.#at = 0;
    this.#segment = 0;
    return true;
  }
}

/** How long a rate that changes by `slope` takes to bring `area` arrivals; Infinity when it never does. */
function timeFor(area: number, rate: number, slope: number): number {
  if (slope === 0) return rate > 0 ? area / rate : Infinity;
  const square = rate * rate + 2 * slope * area;
  return square < 0 ? Infinity : (2 * area) / (rate + Math.sqrt(square));
}

class Recorded implements ArrivalProcess {
  readonly #atNs: ArrayLike<number>;
  readonly #repeatNs: number;
  #used = 0;
  #base = 0;

  constructor(atNs: ArrayLike<number>, repeatNs: number) {
    this.#atNs = atNs;
    this.#repeatNs = repeatNs;
  }

  next(): number {
    if (this.#used === this.#atNs.length) {
      if (this.#repeatNs === Infinity || this.#used === 0) return Infinity;
      this.#used = 0;
      this.#base += this.#repeatNs;
    }
    return this.#base + this.#atNs[this.#used++]!;
  }
}

const HOURS = 24;
const HOUR_NS = 3600 * NS_PER_S;
const DAY_NS = HOURS * HOUR_NS;
/** Cosines of 0°, 15° … 90°: the shape of the day, an hour a step. Written out, as Math.cos may differ between machines. */
const COSINE = [1, 0.9659258262890683, 0.8660254037844386, 0.7071067811865476, 0.5, 0.2588190451025207, 0];

/** Rates at full hours of a day that swings around its mean. */
function dayOf(perSecond: number, swing: number, peakHour: number): RatePoint[] {
  return Array.from({ length: HOURS + 1 }, (_, hour) => {
    const away = Math.abs(((hour - peakHour + HOURS + HOURS / 2) % HOURS) - HOURS / 2);
    const cosine = away <= HOURS / 4 ? interpolated(away) : -interpolated(HOURS / 2 - away);
    return { atNs: hour * HOUR_NS, perSecond: perSecond * (1 + swing * cosine) };
  });
}

/** The cosine `hours` after the peak, 0 … 6, straight between full hours. */
function interpolated(hours: number): number {
  const whole = Math.floor(hours);
  const before = COSINE[whole]!;
  const after = COSINE[whole + 1] ?? before;
  return before + (after - before) * (hours - whole);
}
