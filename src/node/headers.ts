/** Packets in flight as the hooks get them: addresses from the sender's row, and in what they come from another node. */
import { IPPROTO_TCP } from "../cilium/datapath/packet.js";
import { rowOf, type FlowTable } from "./flow-table.js";
import type { NodeHooks } from "./hooks.js";
import type { PacketsInFlight } from "./segments.js";
import type { Underlay } from "./underlay.js";
import { wrapBytes, Wrapping } from "./wrapping.js";

/** An IPv6 header takes 40 bytes, an IPv4 header 20. */
const IPV6_MORE_BYTES = 20;

export class HeaderWriter {
  readonly #hooks: NodeHooks;
  readonly #flying: PacketsInFlight;
  readonly #underlay: Underlay;

  constructor(hooks: NodeHooks, flying: PacketsInFlight, underlay: Underlay) {
    this.#hooks = hooks;
    this.#flying = flying;
    this.#underlay = underlay;
  }

  /** A packet of the end at `from`. */
  write(table: FlowTable, from: number, row: number): void {
    const { header } = this.#hooks;
    header.ipv6 = table.ipv6[from >> 1] === 1;
    header.saddr = table.wireSource[from]!;
    header.daddr = table.wireTarget[from]!;
    header.sport = table.wireSourcePort[from]!;
    header.dport = table.wireTargetPort[from]!;
    header.wrapping = table.wrapping[from]!;
    if (header.wrapping !== Wrapping.none) this.#wrap(table.wrappedBy[from]!, table.tunnelKey[from]!);
    this.#describe(row, table.protocolOf[from >> 1]!);
  }

  /** An answer to a packet that nobody knew. */
  writeStray(table: FlowTable, row: number): void {
    const { header } = this.#hooks;
    header.ipv6 = table.ipv6[this.#flying.flow[row]!] === 1;
    header.saddr = this.#flying.saddr[row]!;
    header.daddr = this.#flying.daddr[row]!;
    header.sport = this.#flying.sport[row]!;
    header.dport = this.#flying.dport[row]!;
    header.wrapping = this.#underlay.find(header.saddr, header.daddr, header.ipv6);
    if (header.wrapping !== Wrapping.none) this.#wrap(this.#underlay.wrappedBy, this.#underlay.tunnelKey);
    this.#describe(row, IPPROTO_TCP);
  }

  /** Bytes of a packet from the IP header on. */
  bytes(row: number, ipv6: boolean): number {
    return this.#flying.bytes(row) + (ipv6 ? IPV6_MORE_BYTES : 0);
  }

  /** Bytes that a packet of the end at `from` is longer on its way here. */
  wrapBytes(table: FlowTable, from: number): number {
    const wrapping = table.wrapping[from]!;
    return wrapping === Wrapping.none ? 0 : wrapBytes(wrapping, this.#hooks.datapath.config.encryption);
  }

  #wrap(wrappedBy: number, tunnelKey: number): void {
    const { header } = this.#hooks;
    header.wrappedBy = wrappedBy;
    header.tunnelKey = tunnelKey;
    header.wrapBytes = wrapBytes(header.wrapping, this.#hooks.datapath.config.encryption);
  }

  #describe(row: number, protocol: number): void {
    const { header } = this.#hooks;
    header.protocol = protocol;
    header.special = this.#flying.special[row]!;
    header.tcpFlags = this.#flying.tcpFlags[row]!;
    header.length = this.bytes(row, header.ipv6);
    header.sender = rowOf(this.#flying.flow[row]!, this.#flying.side[row]! ^ 1);
  }
}
