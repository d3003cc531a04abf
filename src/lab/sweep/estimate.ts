/** How long a sweep will take, by trying: a few of its points simulated for a moment. */
import { availableParallelism } from "node:os";
import type { Scenario } from "../../scenario/types.js";
import { simulateAll } from "../simulate-all.js";

/** Wall-clock time for which each point is watched once its simulated time has begun to pass, ms. */
const WATCHED_MS = 1500;
/** Longest trial, ms. */
const TRIAL_MS = 20_000;

/** When simulated time was first and last seen, wall-clock ms since the trial began. */
interface Watched {
  readonly firstMs: number;
  readonly firstNs: number;
  lastMs: number;
  lastNs: number;
}

/** Wall-clock milliseconds that one run of these scenarios takes on one thread, on average. Zero when the trial said nothing. */
export async function estimateRunMs(scenarios: readonly Scenario[], jobs: number | undefined, signal: AbortSignal | undefined): Promise<number> {
  const tried = scenarios.slice(0, jobs ?? availableParallelism());
  const watched: (Watched | undefined)[] = tried.map(() => undefined);
  const enough = new AbortController();
  const startedAt = performance.now();
  const see = (reached: readonly number[]): void => {
    const nowMs = performance.now() - startedAt;
    reached.forEach((ns, i) => {
      const seen = watched[i];
      if (seen === undefined && ns > 0) watched[i] = { firstMs: nowMs, firstNs: ns, lastMs: nowMs, lastNs: ns };
      else if (seen !== undefined && ns > seen.lastNs) [seen.lastMs, seen.lastNs] = [nowMs, ns];
    });
    const isKnown = (seen: Watched | undefined): boolean => seen !== undefined && seen.lastMs - seen.firstMs >= WATCHED_MS;
    if (watched.every((seen, i) => isKnown(seen) || seen?.lastNs === tried[i]!.durationNs)) enough.abort();
  };
  await simulateAll(
    tried.map((scenario) => ({ scenario, streamFolder: null, traces: [] })),
    {
      run: 0,
      signal: AbortSignal.any([AbortSignal.timeout(TRIAL_MS), enough.signal, ...(signal === undefined ? [] : [signal])]),
      ...(jobs === undefined ? {} : { jobs }),
      onProgress: ({ variants }) => see(variants.map(({ reachedNs }) => reachedNs)),
    },
  );
  const whole = watched.flatMap((seen, i) => (seen === undefined ? [] : [wholeMs(seen, tried[i]!.durationNs)]));
  return whole.length === 0 ? 0 : whole.reduce((sum, ms) => sum + ms, 0) / whole.length;
}

/** What came before simulated time passed, and that time at the pace that was seen. */
function wholeMs({ firstMs, firstNs, lastMs, lastNs }: Watched, durationNs: number): number {
  return lastNs === firstNs ? firstMs : firstMs + ((lastMs - firstMs) / (lastNs - firstNs)) * (durationNs - firstNs);
}
