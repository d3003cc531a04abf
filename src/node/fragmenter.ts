/** Datagrams that don't fit into one packet leave their sender in fragments (net/ipv4/ip_output.c, ip_fragment), first to last. */
import { UDP_HEADER_BYTES } from "../cilium/datapath/packet.js";
import type { FlowTable } from "./flow-table.js";
import type { NodeNetwork } from "./network.js";
import { fragmentBytes, fragmentOf } from "./segments.js";

const IDENTIFICATION_MASK = 0xffff;

export class Fragmenter {
  readonly #network: NodeNetwork;
  readonly #mtu: number;
  /** Of the next datagram; one counter for all senders stands for theirs. */
  #identification = 0;

  /** `mtu`: of the routes of pods and processes. */
  constructor(network: NodeNetwork, mtu: number) {
    this.#network = network;
    this.#mtu = mtu;
  }

  /** Sends a datagram of so many bytes, in fragments where it must. */
  send(table: FlowTable, flow: number, fromSide: number, bytes: number, tag: number): void {
    const ipv6 = table.ipv6[flow] === 1;
    const total = bytes + UDP_HEADER_BYTES;
    const each = fragmentBytes(this.#mtu, ipv6);
    if (total <= each) {
      this.#network.send(table, flow, fromSide, 0, bytes, tag);
      return;
    }
    this.#identification = (this.#identification + 1) & IDENTIFICATION_MASK;
    const count = Math.ceil(total / each);
    for (let number = 1; number <= count; number++) {
      // What a datagram's packet is longer than its payload is counted for every packet.
      const payload = Math.min(each, total - (number - 1) * each) - (ipv6 ? 0 : UDP_HEADER_BYTES);
      this.#network.send(table, flow, fromSide, 0, payload, tag, fragmentOf(number, count, this.#identification));
    }
  }
}
