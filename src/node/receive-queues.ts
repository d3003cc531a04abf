/** Receive hashing of the NIC: which CPU takes a packet. */
import { jhash } from "../bpf/jhash.js";

/** Bytes of a 4-tuple. */
const TUPLE_BYTES = 12;

export class ReceiveQueues {
  readonly #count: number;
  readonly #tuple = new Int32Array(TUPLE_BYTES / 4);

  constructor(count: number) {
    this.#count = count;
  }

  /** Stands in for the NIC's Toeplitz hash: any good hash of the 4-tuple spreads flows over the queues alike. */
  cpuOf(saddr: number, daddr: number, ports: number): number {
    this.#tuple[0] = saddr;
    this.#tuple[1] = daddr;
    this.#tuple[2] = ports;
    return (jhash(this.#tuple, 0, TUPLE_BYTES, 0) >>> 0) % this.#count;
  }
}
