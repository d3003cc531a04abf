/**
 * Ephemeral ports of the local pods: which are taken towards one remote address and port, and since when they are free.
 *
 * Linux takes any port of `ip_local_port_range` for which the whole 4-tuple is unused; a tuple in TIME_WAIT counts as
 * used (`tcp_tw_reuse` = 2 allows reuse on loopback only). The kernel's search starts at a hashed, randomised offset; a
 * random start gives the same spread.
 */
import type { RandomStream } from "../core/random.js";

const TAKEN = Infinity;

export class PortSpace {
  /** `ip_local_port_range`, both ends included. */
  readonly range: readonly [first: number, last: number];
  readonly #first: number;
  readonly #ports: number;
  readonly #random: RandomStream;
  /** For each pair of addresses, the time (ns) from which each port is free. Made when a pair is first used. */
  readonly #freeFrom: (Float64Array | undefined)[] = [];

  constructor(range: readonly [first: number, last: number], random: RandomStream) {
    this.range = range;
    this.#first = range[0];
    this.#ports = range[1] - range[0] + 1;
    this.#random = random;
  }

  /** A free port towards `pair` (any small number for client and remote address), or -1 (EADDRNOTAVAIL). */
  take(pair: number, nowNs: number): number {
    const freeFrom = (this.#freeFrom[pair] ??= new Float64Array(this.#ports));
    let at = this.#random.below(this.#ports);
    for (let tried = 0; tried < this.#ports; tried++) {
      if (freeFrom[at]! <= nowNs) {
        freeFrom[at] = TAKEN;
        return this.#first + at;
      }
      at = at + 1 === this.#ports ? 0 : at + 1;
    }
    return -1;
  }

  /** Gives a port back, to be used again from `freeFromNs` on. */
  release(pair: number, port: number, freeFromNs: number): void {
    this.#freeFrom[pair]![port - this.#first] = freeFromNs;
  }
}
