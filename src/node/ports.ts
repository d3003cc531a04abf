/**
 * Ephemeral TCP ports of the local pods: which are taken towards one remote address and port, and since when they are free.
 *
 * Linux takes any port of `ip_local_port_range` for which the whole 4-tuple is unused; a tuple in TIME_WAIT counts as
 * used (`tcp_tw_reuse` = 2 allows reuse on loopback only). `client.portSearch` says how one is looked for: from a random
 * start each time, or as the kernel searches (traffic/ephemeral-ports.ts), which takes a pair's ports in order and one half
 * of them first.
 */
import type { RandomStream } from "../core/random.js";

/** What sockets need of either kind. */
export interface TcpPorts {
  /** A free port towards `pair` (any small number for client and remote address), or -1 (EADDRNOTAVAIL). */
  take(pair: number, nowNs: number): number;
  /** Free again at once. */
  release(pair: number, port: number): void;
  /** Free again after TIME_WAIT. */
  wait(pair: number, port: number, nowNs: number): void;
}

const TAKEN = Infinity;

export class RandomPorts implements TcpPorts {
  readonly #first: number;
  readonly #ports: number;
  readonly #timeWaitNs: number;
  readonly #random: RandomStream;
  /** For each pair of addresses, the time (ns) from which each port is free. Made when a pair is first used. */
  readonly #freeFrom: (Float64Array | undefined)[] = [];

  /** `range`: `ip_local_port_range`, both ends included; `timeWaitNs`: how long a port waits. */
  constructor(range: readonly [first: number, last: number], timeWaitNs: number, random: RandomStream) {
    this.#timeWaitNs = timeWaitNs;
    this.#first = range[0];
    this.#ports = range[1] - range[0] + 1;
    this.#random = random;
  }

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

  release(pair: number, port: number): void {
    this.#freeFrom[pair]![port - this.#first] = 0;
  }

  wait(pair: number, port: number, nowNs: number): void {
    this.#freeFrom[pair]![port - this.#first] = nowNs + this.#timeWaitNs;
  }
}
