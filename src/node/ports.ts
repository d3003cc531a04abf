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

/** Room of a queue at first; it doubles as needed. */
const INITIAL_WAITING = 1024;

export class RandomPorts implements TcpPorts {
  readonly #first: number;
  readonly #ports: number;
  readonly #timeWaitNs: number;
  readonly #random: RandomStream;
  /** For each pair of addresses a bit for each port that is taken or waits. Made when a pair is first used. */
  readonly #taken: (Int32Array | undefined)[] = [];
  /** Ports in TIME_WAIT in order of their end: a ring of `#count` from `#head` on. All wait equally long. */
  #freeFrom = new Float64Array(INITIAL_WAITING);
  #pair = new Int32Array(INITIAL_WAITING);
  #port = new Int32Array(INITIAL_WAITING);
  #head = 0;
  #count = 0;

  /** `range`: `ip_local_port_range`, both ends included; `timeWaitNs`: how long a port waits. */
  constructor(range: readonly [first: number, last: number], timeWaitNs: number, random: RandomStream) {
    this.#timeWaitNs = timeWaitNs;
    this.#first = range[0];
    this.#ports = range[1] - range[0] + 1;
    this.#random = random;
  }

  take(pair: number, nowNs: number): number {
    this.#expire(nowNs);
    const taken = (this.#taken[pair] ??= new Int32Array((this.#ports >>> 5) + 1));
    let at = this.#random.below(this.#ports);
    for (let tried = 0; tried < this.#ports; tried++) {
      const bit = 1 << (at & 31);
      if ((taken[at >>> 5]! & bit) === 0) {
        taken[at >>> 5]! |= bit;
        return this.#first + at;
      }
      at = at + 1 === this.#ports ? 0 : at + 1;
    }
    return -1;
  }

  release(pair: number, port: number): void {
    const at = port - this.#first;
    this.#taken[pair]![at >>> 5]! &= ~(1 << (at & 31));
  }

  wait(pair: number, port: number, nowNs: number): void {
    if (this.#count === this.#pair.length) this.#grow();
    const at = (this.#head + this.#count++) & (this.#pair.length - 1);
    this.#freeFrom[at] = nowNs + this.#timeWaitNs;
    this.#pair[at] = pair;
    this.#port[at] = port;
  }

  #expire(nowNs: number): void {
    while (this.#count > 0 && this.#freeFrom[this.#head]! <= nowNs) {
      this.release(this.#pair[this.#head]!, this.#port[this.#head]!);
      this.#head = (this.#head + 1) & (this.#pair.length - 1);
      this.#count--;
    }
  }

  #grow(): void {
    const [freeFrom, pair, port, head] = [this.#freeFrom, this.#pair, this.#port, this.#head];
    const room = pair.length;
    this.#freeFrom = new Float64Array(room * 2);
    this.#pair = new Int32Array(room * 2);
    this.#port = new Int32Array(room * 2);
    for (let i = 0; i < room; i++) {
      this.#freeFrom[i] = freeFrom[(head + i) & (room - 1)]!;
      this.#pair[i] = pair[(head + i) & (room - 1)]!;
      this.#port[i] = port[(head + i) & (room - 1)]!;
    }
    this.#head = 0;
  }
}
