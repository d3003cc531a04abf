/** The node's hooks, with an eye on the followed connection: its packets' walks, step by step. */
import type { BpfMap } from "../../bpf/map.js";
import type { DatapathContext } from "../../cilium/datapath/context.js";
import { dropText } from "../../cilium/datapath/drop-reasons.js";
import { tcpFlagsText, WalkTrace } from "../../cilium/datapath/trace/walk-trace.js";
import { protocolText } from "../../cilium/datapath/trace/describe.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import { NodeHooks, Outcome } from "../../node/hooks.js";
import type { OwnEntries } from "./own-entries.js";
import { tupleText } from "./request.js";
import type { ConnectionTracer, Walked } from "./tracer.js";

/** Remembers the entries that it sees written. */
class FollowedWalk extends WalkTrace {
  readonly #entries: OwnEntries;

  constructor(maps: CiliumMaps, entries: OwnEntries) {
    super(maps);
    this.#entries = entries;
  }

  override update(op: number, map: BpfMap, key: Int32Array, slot: number): void {
    super.update(op, map, key, slot);
    if (slot >= 0) this.#entries.remember(map, key);
  }

  override remove(op: number, map: BpfMap, key: Int32Array, result: number): void {
    super.remove(op, map, key, result);
    if (result === 0) this.#entries.forget(map, key);
  }
}

export class FollowedHooks extends NodeHooks {
  readonly #tracer: ConnectionTracer;
  #walk: WalkTrace | undefined;
  #entries: OwnEntries | undefined;
  /** The last connect() that was worth recording. */
  #connect: Walked | null = null;

  constructor(tracer: ConnectionTracer, datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>) {
    super(datapath, own, endpoints);
    this.#tracer = tracer;
  }

  attach(maps: CiliumMaps, entries: OwnEntries): void {
    this.#walk = new FollowedWalk(maps, entries);
    this.#entries = entries;
  }

  override sendFromPod(endpointId: number, ifindex: number): void {
    if (this.#isFollowed()) this.#packet("sends", () => super.sendFromPod(endpointId, ifindex));
    else super.sendFromPod(endpointId, ifindex);
  }

  override sendFromHost(): void {
    if (this.#isFollowed()) this.#packet("sends", () => super.sendFromHost());
    else super.sendFromHost();
  }

  override receiveFromNetwork(): void {
    if (this.#isFollowed()) this.#packet("sent; at the NIC:", () => super.receiveFromNetwork());
    else super.receiveFromNetwork();
  }

  override receiveWithDsrOption(service: Int32Array, at: number, port: number): void {
    if (this.#isFollowed()) this.#packet("sent; at the NIC with a DSR option:", () => super.receiveWithDsrOption(service, at, port));
    else super.receiveWithDsrOption(service, at, port);
  }

  override connectSocket(cookie: number, inHostNamespace: boolean): boolean {
    const { saddr, daddr, dport, protocol } = this.header;
    if (!this.#tracer.wantsConnect(saddr, daddr, dport)) return super.connectSocket(cookie, inHostNamespace);
    let connected = false;
    const text = `${protocolText(protocol)} ${tupleText(saddr, 0, daddr, dport)}`;
    this.#connect = this.#walked(text, () => {
      connected = super.connectSocket(cookie, inHostNamespace);
      return connected ? "connects" : "fails";
    });
    return connected;
  }

  /** The walk of the last connect(), when it was worth recording. */
  takeConnect(): Walked | null {
    const connect = this.#connect;
    this.#connect = null;
    return connect;
  }

  #isFollowed(): boolean {
    const { protocol, sender } = this.header;
    return this.#tracer.follows(protocol, sender >> 1);
  }

  #packet(how: string, run: () => void): void {
    this.#entries!.look();
    const { saddr, sport, daddr, dport, protocol, tcpFlags, length, sender } = this.header;
    const headers = `${protocolText(protocol)} ${tupleText(saddr, sport, daddr, dport)}`;
    const who = this.#tracer.senderName(sender, saddr, sport);
    const walked = this.#walked(headers, () => {
      run();
      return this.#outcomeText();
    });
    const again = this.#tracer.retransmissions(sender & 1);
    const what = [tcpFlagsText(tcpFlags), `${length} bytes`].filter((text) => text !== "").join(" ");
    this.#tracer.record("packet", `${who} ${how} ${what}${again === 0 ? "" : `, retransmission ${again}`}`, walked);
  }

  #walked(headers: string, run: () => string): Walked {
    const walk = this.#walk!;
    const { datapath } = this;
    datapath.observer = walk;
    walk.begin(headers, datapath);
    const outcome = run();
    const costNs = walk.end(outcome, datapath);
    datapath.observer = null;
    return { cpu: datapath.cpu, costNs, steps: walk.take() };
  }

  #outcomeText(): string {
    const { datapath } = this;
    switch (this.outcome) {
      case Outcome.dropped:
        return `dropped, ${datapath.dropReason} ${dropText(datapath.dropReason, datapath.extError)}`;
      case Outcome.pod:
        return `delivered to endpoint ${this.endpoint}`;
      case Outcome.wire:
        return "leaves by the NIC";
      case Outcome.host:
        return "to the node's own sockets";
      case Outcome.answered:
        return "answered with an ICMP error";
      default:
        return "no route, lost";
    }
  }
}
