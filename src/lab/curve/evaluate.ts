/** Reads curves: what a map of some size would have done, and the smallest one that does no more than allowed. */
import type { CurvePoint, MapCurve } from "./result.js";

/** An estimate, and what it lies between: the nearest sizes followed, and about 95 % of what the sample leaves open. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export type Question = Exclude<keyof CurvePoint, "maxEntries">;

/** Standard deviations to either side. */
const SPREAD = 2;
const NOTHING = 0;

export function estimate(curve: MapCurve, maxEntries: number, question: Question): Estimate {
  const { share } = curve;
  // A sample holds more or fewer of the elements than its share: as if the map were a little smaller or larger.
  const blur = SPREAD * Math.sqrt((1 - share) / (share * maxEntries));
  const deviation = (count: number): number => SPREAD * Math.sqrt((count * (1 - share)) / share);
  const value = between(curve, maxEntries, question);
  const fewest = isFollowed(curve, maxEntries) ? between(curve, maxEntries * (1 + blur), question) : rungAbove(curve, maxEntries, question);
  const most = isFollowed(curve, maxEntries) ? between(curve, maxEntries * (1 - blur), question) : rungBelow(curve, maxEntries, question);
  return { value, low: Math.max(0, fewest - deviation(fewest)), high: most + deviation(most) };
}

/** Smallest size, between the sizes followed, with at most so many; never more than the run's own peak needs. */
export function smallest(curve: MapCurve, allowed: number, question: Question): number {
  const all = [...curve.points.filter(({ maxEntries }) => maxEntries < curve.peak), peakPoint(curve)];
  const fits = all.findLastIndex((point) => point[question] > allowed) + 1;
  const above = all[fits] ?? peakPoint(curve);
  const below = all[fits - 1];
  if (below === undefined) return above.maxEntries;
  const part = (below[question] - allowed) / (below[question] - above[question]);
  return Math.ceil(below.maxEntries + part * (above.maxEntries - below.maxEntries));
}

/** Straight between the two nearest points; beyond the last one, up to the peak, towards nothing. */
function between(curve: MapCurve, maxEntries: number, question: Question): number {
  if (maxEntries >= curve.peak) return NOTHING;
  const points = [...curve.points.filter((point) => point.maxEntries < curve.peak), peakPoint(curve)];
  const above = points.find((point) => point.maxEntries >= maxEntries)!;
  const below = points.findLast((point) => point.maxEntries < maxEntries) ?? above;
  if (above === below || above.maxEntries === maxEntries) return above[question];
  const part = (maxEntries - below.maxEntries) / (above.maxEntries - below.maxEntries);
  return below[question] + part * (above[question] - below[question]);
}

function isFollowed({ points }: MapCurve, maxEntries: number): boolean {
  return points.some((point) => point.maxEntries === maxEntries);
}

function rungBelow({ points, peak }: MapCurve, maxEntries: number, question: Question): number {
  if (maxEntries >= peak) return NOTHING;
  return (points.findLast((point) => point.maxEntries <= maxEntries) ?? points[0])?.[question] ?? NOTHING;
}

function rungAbove(curve: MapCurve, maxEntries: number, question: Question): number {
  if (maxEntries >= curve.peak) return NOTHING;
  return (curve.points.find((point) => point.maxEntries >= maxEntries) ?? peakPoint(curve))[question];
}

function peakPoint({ peak }: MapCurve): CurvePoint {
  return { maxEntries: peak, refused: 0, evictions: 0, evictionsLive: 0, missed: 0 };
}
