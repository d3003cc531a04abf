/** How long a sweep will take, by trying: a few of its points simulated for a moment. */
import { availableParallelism } from "node:os";
import type { Scenario } from "../../scenario/types.js";
import { simulateAll } from "../simulate-all.js";

/** Wall-clock time of the trial, ms. */
const TRIAL_MS = 2000;

/** Wall-clock milliseconds that one run of these scenarios takes on one thread, on average. Zero when the trial was interrupted. */
export async function estimateRunMs(scenarios: readonly Scenario[], jobs: number | undefined, signal: AbortSignal | undefined): Promise<number> {
  const tried = scenarios.slice(0, jobs ?? availableParallelism());
  const startedAt = performance.now();
  const wholeMs = tried.map(() => 0);
  const trial = AbortSignal.any([AbortSignal.timeout(TRIAL_MS), ...(signal === undefined ? [] : [signal])]);
  await simulateAll(
    tried.map((scenario) => ({ scenario, streamFolder: null, traces: [] })),
    {
      run: 0,
      signal: trial,
      ...(jobs === undefined ? {} : { jobs }),
      onProgress: ({ variants }) =>
        variants.forEach(({ reachedNs, durationNs }, i) => {
          const elapsed = performance.now() - startedAt;
          // The time of its own when it was at the end, not that of those that go on.
          if (reachedNs > 0 && (reachedNs < durationNs || wholeMs[i] === 0)) wholeMs[i] = (elapsed / reachedNs) * durationNs;
        }),
    },
  );
  const known = wholeMs.filter((ms) => ms > 0);
  return known.length === 0 ? 0 : known.reduce((sum, ms) => sum + ms, 0) / known.length;
}
