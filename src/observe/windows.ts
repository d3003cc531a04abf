/**
 * The spans of a run that figures are split by: every burst of a workload is a window named after it.
 * A connection belongs to the window in which it was opened, however late it ends.
 */
import type { Window } from "./result.js";

/** Where a moment lies, as a small integer for hot counters. */
export const WHERE = { outside: 0, inside: 1 } as const;

/** Bursts in time order, asked about mostly in rising time. */
export class Windows {
  readonly list: readonly Window[];
  readonly #edges: Float64Array;
  #next = 0;

  constructor(list: readonly Window[]) {
    this.list = [...list].sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
    this.#edges = mergedEdges(this.list);
  }

  /** Inside any burst or not; amortised constant for rising `atNs`, correct for any. */
  whereIs(atNs: number): number {
    const edges = this.#edges;
    if (this.#next > 0 && atNs < edges[this.#next - 1]!) this.#next = 0;
    while (this.#next < edges.length && atNs >= edges[this.#next]!) this.#next++;
    return this.#next & 1;
  }
}

/** Start, end, start, end … of the union of all windows. */
function mergedEdges(sorted: readonly Window[]): Float64Array {
  const edges: number[] = [];
  for (const { startNs, endNs } of sorted) {
    const last = edges.length - 1;
    if (last > 0 && startNs <= edges[last]!) edges[last] = Math.max(edges[last]!, endNs);
    else edges.push(startNs, endNs);
  }
  return Float64Array.from(edges);
}
