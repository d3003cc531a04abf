/** How events lie in time: in one burst, in pulses, all the time. */
import type { Pattern } from "./facts.js";

/** Events further apart belong to two bursts, s. */
const BURST_GAP_S = 2;
/** Two intervals, the fewest of which one can say that they are alike. */
const PERIODS_MIN = 2;

/** `times`: seconds, in any order. `spanS`: of the whole observation. */
export function patternOf(times: readonly number[], spanS: number): Pattern {
  const sorted = [...times].sort((a, b) => a - b);
  const starts = sorted.filter((at, i) => i === 0 || at - sorted[i - 1]! > BURST_GAP_S);
  const seconds = new Set(sorted.map(Math.floor));
  const periods = starts.slice(1).map((at, i) => at - starts[i]!).sort((a, b) => a - b);
  return {
    count: sorted.length,
    bursts: starts.length,
    busyShare: Math.min(1, seconds.size / Math.max(1, Math.ceil(spanS))),
    periodS: periods.length < PERIODS_MIN ? null : periods[Math.floor(periods.length / 2)]!,
  };
}

/** Words for it. */
export function patternText({ bursts, busyShare, periodS }: Pattern): string {
  if (busyShare > STEADY_SHARE) return "all the time";
  if (bursts === 1) return "all in one burst";
  return `in ${bursts} bursts${periodS === null ? "" : `, about ${periodS.toFixed(1)} s apart`}`;
}

/** More seconds with an event than without one. */
export const STEADY_SHARE = 0.5;
