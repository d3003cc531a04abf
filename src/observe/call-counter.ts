/** What each workload tried and what came of it, by its number in the scenario. Counted for each connection and drop, not for each packet. */

const CAPACITY_FIRST = 16;

export interface CallCounts {
  readonly opened: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly broken: number;
  readonly dropped: number;
}

/** What can happen to a call: its column in the counter. */
export const Call = { opened: 0, succeeded: 1, failed: 2, broken: 3, dropped: 4 } as const satisfies Record<keyof CallCounts, number>;
const COLUMNS = 5;

export class CallCounter {
  #counts = new Float64Array(CAPACITY_FIRST * COLUMNS);

  /** One more of `what` (see `Call`) of a workload. */
  count(workload: number, what: number): void {
    const at = workload * COLUMNS + what;
    if (at >= this.#counts.length) this.#grow(workload);
    this.#counts[at]!++;
  }

  of(workload: number): CallCounts {
    const read = (what: keyof CallCounts): number => this.#counts[workload * COLUMNS + Call[what]] ?? 0;
    return { opened: read("opened"), succeeded: read("succeeded"), failed: read("failed"), broken: read("broken"), dropped: read("dropped") };
  }

  #grow(workload: number): void {
    const wider = new Float64Array(2 * (workload + 1) * COLUMNS);
    wider.set(this.#counts);
    this.#counts = wider;
  }
}
