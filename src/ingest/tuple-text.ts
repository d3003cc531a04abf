/**
 * The beginning of a line of `cilium bpf ct list` and `cilium bpf nat list`: `TCP OUT a:p -> b:q [related ]…` (pkg/tuple/ipv4.go
 * and ipv6.go, pkg/maps/ctmap/types.go, `Dump`). IPv6 addresses stand without brackets, with them in the newest versions.
 *
 * Services: `TCP SVC client -> frontend` from 1.15 on (PR 28913). Before, `TCP OUT frontend -> client service`, both ends in
 * each other's place; here the client is the source always.
 */
import { TUPLE_F_IN, TUPLE_F_RELATED, TUPLE_F_SERVICE } from "../cilium/maps/tuple.js";
import { NO_ADDRESS, type AddressPool } from "./address-pool.js";
import { protocolNumber } from "./tuple-table.js";

const ARROW = " -> ";
const PORT_MAX = 0xffff;
/** Flags of a tuple by the word that tells its direction. */
const DIRECTIONS: Readonly<Record<string, number>> = { OUT: 0, IN: TUPLE_F_IN, SVC: TUPLE_F_SERVICE };

/** One line's tuple; used again for the next line. */
export class TupleReader {
  readonly #addresses: AddressPool;
  protocol = 0;
  flags = 0;
  source = 0;
  sourcePort = 0;
  destination = 0;
  destinationPort = 0;
  /** Where the rest of the line begins. */
  end = 0;

  constructor(addresses: AddressPool) {
    this.#addresses = addresses;
  }

  /** Reads a line's tuple into the fields. Returns what is wrong, else undefined. */
  read(line: string): string | undefined {
    const first = line.indexOf(" ");
    const second = line.indexOf(" ", first + 1);
    const arrow = line.indexOf(ARROW, second + 1);
    if (first < 0 || second < 0 || arrow < 0) return "is no entry";
    const protocol = protocolNumber(line.slice(0, first));
    if (protocol === undefined) return `names an unknown protocol "${line.slice(0, first).slice(0, 20)}"`;
    this.protocol = protocol;
    const direction = line.slice(first + 1, second);
    const flags = DIRECTIONS[direction];
    if (flags === undefined) return `has none of IN, OUT and SVC after ${line.slice(0, first)}`;
    this.flags = flags;
    const from = arrow + ARROW.length;
    const blank = line.indexOf(" ", from);
    const to = blank < 0 ? line.length : blank;
    this.source = this.#address(line, second + 1, arrow);
    this.sourcePort = portOf(line, second + 1, arrow);
    this.destination = this.#address(line, from, to);
    this.destinationPort = portOf(line, from, to);
    if (this.source === NO_ADDRESS || this.sourcePort < 0) return `has no source address and port: "${line.slice(second + 1, arrow).slice(0, 60)}"`;
    if (this.destination === NO_ADDRESS || this.destinationPort < 0) return `has no destination address and port: "${line.slice(from, to).slice(0, 60)}"`;
    this.end = this.#words(line, to);
    if (direction === "OUT" && (this.flags & TUPLE_F_SERVICE) !== 0) this.#turn();
    return undefined;
  }

  /** Address and port between two places of a line: the number of the address or `NO_ADDRESS`, and the port or -1. */
  endpoint(line: string, from: number, to: number): { readonly address: number; readonly port: number } {
    return { address: this.#address(line, from, to), port: portOf(line, from, to) };
  }

  #address(line: string, from: number, to: number): number {
    const colon = line.lastIndexOf(":", to - 1);
    if (colon <= from) return NO_ADDRESS;
    const bracketed = line.charCodeAt(from) === 0x5b && line.charCodeAt(colon - 1) === 0x5d;
    return bracketed ? this.#addresses.internPart(line, from + 1, colon - 1) : this.#addresses.internPart(line, from, colon);
  }

  #turn(): void {
    [this.source, this.destination] = [this.destination, this.source];
    [this.sourcePort, this.destinationPort] = [this.destinationPort, this.sourcePort];
  }

  /** Takes `related` and `service`; returns where the rest begins. */
  #words(line: string, at: number): number {
    let next = at + 1;
    for (;;) {
      if (line.startsWith("related ", next)) {
        this.flags |= TUPLE_F_RELATED;
        next += "related ".length;
      } else if (line.startsWith("service ", next)) {
        this.flags |= TUPLE_F_SERVICE;
        next += "service ".length;
      } else {
        return next;
      }
    }
  }
}

function portOf(line: string, from: number, to: number): number {
  const colon = line.lastIndexOf(":", to - 1);
  if (colon < from || colon === to - 1) return -1;
  let port = 0;
  for (let at = colon + 1; at < to; at++) {
    const digit = line.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
    if (port > PORT_MAX) return -1;
  }
  return port;
}
