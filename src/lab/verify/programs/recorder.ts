/** Events of the simulator's programs in the form of the recorded files. */

import type { DatapathEvents } from "../../../cilium/datapath/events.js";
import { POLICY_MATCH_NAMES, TRACE_POINT_NAMES, TRACE_REASON_NAMES } from "../../../cilium/datapath/events.js";
import type { Packet } from "../../../cilium/datapath/packet.js";
import { formatAddress } from "../../../cilium/maps/address.js";
import { protocolName } from "../map-entries.js";

export class EventRecorder implements DatapathEvents {
  /** Events of the current step, in order. */
  events: Record<string, unknown>[] = [];
  readonly #deviceNames: ReadonlyMap<number, string | number>;

  /** `deviceNames`: how the files write interface indexes. */
  constructor(deviceNames: ReadonlyMap<number, string | number>) {
    this.#deviceNames = deviceNames;
  }

  trace(
    packet: Packet,
    point: number,
    source: number,
    srcLabel: number,
    dstLabel: number,
    dstId: number,
    ifindex: number,
    reason: number,
    _monitor: number,
    origAddrAt: number,
  ): void {
    this.events.push({
      type: "trace",
      point: TRACE_POINT_NAMES[point],
      source,
      srcLabel,
      dstLabel,
      dstId,
      reason: TRACE_REASON_NAMES[reason],
      ifindex: this.#device(ifindex),
      ...(origAddrAt < 0 ? {} : { origAddr: formatAddress(packet.row, origAddrAt, packet.addressWords) }),
    });
  }

  drop(packet: Packet, source: number, srcLabel: number, dstLabel: number, dstId: number, reason: number, extError: number): void {
    this.events.push({ type: "drop", reason, extError, source, srcLabel, dstLabel, dstId, ifindex: this.#device(packet.ifindex) });
  }

  policyVerdict(
    packet: Packet,
    source: number,
    remoteLabel: number,
    verdict: number,
    dstPort: number,
    egress: number,
    match: number,
    audited: number,
  ): void {
    this.events.push({
      type: "verdict",
      source,
      remoteLabel,
      verdict,
      dstPort,
      proto: protocolName(packet.protocol),
      dir: egress === 1 ? "egress" : "ingress",
      match: POLICY_MATCH_NAMES[match],
      ...(audited === 0 ? {} : { audited }),
    });
  }

  traceSock(): void {
    // Socket load balancing is not part of these recordings.
  }

  #device(ifindex: number): string | number {
    return this.#deviceNames.get(ifindex) ?? ifindex;
  }
}
