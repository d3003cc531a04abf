/** The clock that programs read (`bpf_mono_now`: seconds since boot, or jiffies >> 8), kept in step with the simulated time. */
import type { DatapathContext } from "../cilium/datapath/context.js";

export class DatapathClock {
  readonly #datapath: DatapathContext;
  readonly #simulation: { readonly now: number };
  /** Uptime at simulated time 0, and the clock's unit, ns. */
  readonly #bootNs: number;
  readonly #unitNs: number;
  /** A nanosecond before the clock shows another value: units of kernels whose HZ is 300 are no whole ones. */
  #nextNs = -Infinity;

  constructor(datapath: DatapathContext, simulation: { readonly now: number }, { bootNs, unitNs }: { readonly bootNs: number; readonly unitNs: number }) {
    this.#datapath = datapath;
    this.#simulation = simulation;
    this.#bootNs = bootNs;
    this.#unitNs = unitNs;
  }

  /** A program begins on this CPU: it is now. */
  set(cpu: number): void {
    const { now } = this.#simulation;
    this.#datapath.cpu = cpu;
    this.#datapath.nowNs = now;
    if (now >= this.#nextNs) this.#advance(now);
  }

  #advance(now: number): void {
    const units = Math.floor((this.#bootNs + now) / this.#unitNs);
    this.#datapath.now = units;
    this.#nextNs = (units + 1) * this.#unitNs - this.#bootNs - 1;
  }
}
