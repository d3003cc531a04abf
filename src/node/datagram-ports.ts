/**
 * Ports of connected UDP sockets (net/ipv4/udp.c, udp_lib_get_port): a port belongs to one socket of its network namespace,
 * whatever it is connected to. The kernel tries ports in a random order; a random start and the next free one gives the
 * same spread while few are taken. Free again as soon as the socket is closed.
 */
import type { RandomStream } from "../core/random.js";

export class DatagramPorts {
  /** `ip_local_port_range`, both ends included. */
  readonly range: readonly [first: number, last: number];
  readonly #random: RandomStream;
  /** By owner: 1 for each port that is taken. */
  readonly #taken: (Uint8Array | undefined)[] = [];

  constructor(range: readonly [first: number, last: number], random: RandomStream) {
    this.range = range;
    this.#random = random;
  }

  /** A free port of the owner (a small number for a network namespace), or -1 (EAGAIN). */
  take(owner: number): number {
    const [first, last] = this.range;
    const ports = last - first + 1;
    const taken = (this.#taken[owner] ??= new Uint8Array(ports));
    let at = this.#random.below(ports);
    for (let tried = 0; tried < ports; tried++) {
      if (taken[at] === 0) {
        taken[at] = 1;
        return first + at;
      }
      at = at + 1 === ports ? 0 : at + 1;
    }
    return -1;
  }

  release(owner: number, port: number): void {
    this.#taken[owner]![port - this.range[0]] = 0;
  }
}
