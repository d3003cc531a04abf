/**
 * The node's CPUs as packet processors: each works its softirq queue off in order of arrival.
 *
 * Decisions are taken when a packet arrives and time is charged afterwards, so packets of one CPU keep their order and
 * packets of different CPUs touch the maps in order of arrival. A CPU that is behind makes later packets wait.
 */
export class CpuQueues {
  readonly count: number;
  /** Time until which each CPU is taken by packets, ns. */
  readonly #busyUntil: Float64Array;
  /** Time that packets have taken on each CPU, ns. */
  readonly #usedNs: Float64Array;

  constructor(count: number) {
    this.count = count;
    this.#busyUntil = new Float64Array(count);
    this.#usedNs = new Float64Array(count);
  }

  /** Puts `costNs` of work at the end of the queue; returns when it is done. */
  work(cpu: number, now: number, costNs: number): number {
    const done = Math.max(now, this.#busyUntil[cpu]!) + costNs;
    this.#busyUntil[cpu] = done;
    this.#usedNs[cpu]! += costNs;
    return done;
  }

  /** Time that packets have taken on all CPUs, ns. */
  get usedNs(): number {
    return this.#usedNs.reduce((sum, used) => sum + used, 0);
  }
}
