/**
 * Datagrams whose fragments arrive at sockets (net/ipv4/ip_fragment.c): handed on when all are there. Each end of a flow
 * puts one datagram together at a time: fragments of a later one make it forget what is left of an earlier one, which the
 * kernel keeps for 30 s.
 */
import { fragmentCount, fragmentNumber, identificationOf } from "./segments.js";

interface Incomplete {
  readonly identification: number;
  /** One bit for each fragment that is missing, as numbers. */
  readonly missing: Set<number>;
}

export class Reassembly {
  /** By row of the flow table. */
  readonly #incomplete = new Map<number, Incomplete>();

  /** Takes a fragment for the end at `row`. True: it was the last one missing. */
  completes(row: number, special: number): boolean {
    let datagram = this.#incomplete.get(row);
    const identification = identificationOf(special);
    if (datagram?.identification !== identification) {
      datagram = { identification, missing: new Set(Array.from({ length: fragmentCount(special) }, (_, i) => i + 1)) };
      this.#incomplete.set(row, datagram);
    }
    datagram.missing.delete(fragmentNumber(special));
    if (datagram.missing.size > 0) return false;
    this.#incomplete.delete(row);
    return true;
  }
}
