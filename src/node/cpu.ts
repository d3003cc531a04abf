/** Softirqs get something even of a CPU that is taken away: one part in a thousand. */
const SHARE_LEFT_MIN = 0.001;

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

  /** How much longer work takes on each CPU, when others take a share of some; null while nobody does. */
  #slowdown: Float64Array | null = null;

  constructor(count: number) {
    this.count = count;
    this.#busyUntil = new Float64Array(count);
    this.#usedNs = new Float64Array(count);
  }

  /** Puts `costNs` of work at the end of the queue; returns when it is done. */
  work(cpu: number, now: number, costNs: number): number {
    const takes = this.#slowdown === null ? costNs : Math.round(costNs * this.#slowdown[cpu]!);
    const done = Math.max(now, this.#busyUntil[cpu]!) + takes;
    this.#busyUntil[cpu] = done;
    this.#usedNs[cpu]! += costNs;
    return done;
  }

  /** From now on others take this share (0 … 1) of the first `cpus` CPUs; 0 ends it. */
  steal(share: number, cpus: number): void {
    const left = Math.max(1 - share, SHARE_LEFT_MIN);
    this.#slowdown = share === 0 ? null : Float64Array.from({ length: this.count }, (_, cpu) => (cpu < cpus ? 1 / left : 1));
  }

  /** Time that packets have taken on all CPUs, ns. */
  get usedNs(): number {
    return this.#usedNs.reduce((sum, used) => sum + used, 0);
  }
}
