/** The node's hooks, with an eye on the followed connections: their packets' walks, step by step. */
import { errnoName } from "../../bpf/errno.js";
import type { BpfMap } from "../../bpf/map.js";
import type { DatapathContext } from "../../cilium/datapath/context.js";
import { dropText } from "../../cilium/datapath/drop-reasons.js";
import { protocolText } from "../../cilium/datapath/trace/describe.js";
import { tcpFlagsText, WalkTrace } from "../../cilium/datapath/trace/walk-trace.js";
import { RECREATABLE, type CiliumMaps } from "../../cilium/maps.js";
import type { Collector } from "../../node/collector.js";
import { NodeHooks, Outcome } from "../../node/hooks.js";
import { fillOf, OwnEntries } from "./own-entries.js";
import { tupleText } from "./request.js";
import type { MapFill, PacketFacts } from "./result.js";
import type { Following } from "./sockets.js";
import type { ConnectionTracer, FollowedConnects, Walked } from "./tracer.js";

const OUTCOMES: Readonly<Record<number, PacketFacts["outcome"]>> = {
  [Outcome.dropped]: "dropped",
  [Outcome.pod]: "delivered",
  [Outcome.wire]: "sent",
  [Outcome.host]: "host",
  [Outcome.answered]: "answered",
  [Outcome.proxy]: "proxy",
};

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

/** What belongs to one followed connection. */
interface Followed {
  readonly tracer: ConnectionTracer;
  readonly walk: WalkTrace;
  readonly entries: OwnEntries;
}

export class FollowedHooks extends NodeHooks implements FollowedConnects {
  readonly #following: Following;
  readonly #tracers: readonly ConnectionTracer[];
  #maps!: CiliumMaps;
  #collector!: Collector;
  readonly #followed = new Map<ConnectionTracer, Followed>();
  connect: Walked | null = null;

  constructor(
    following: Following,
    tracers: readonly ConnectionTracer[],
    datapath: DatapathContext,
    own: readonly number[],
    endpoints: ReadonlyMap<number, number>,
  ) {
    super(datapath, own, endpoints);
    this.#following = following;
    this.#tracers = tracers;
  }

  attach(maps: CiliumMaps, collector: Collector): void {
    this.#maps = maps;
    this.#collector = collector;
    for (const tracer of this.#tracers) {
      const entries = new OwnEntries(maps, this.datapath, (text, entry) => tracer.record("entry", text, { entry }));
      this.#followed.set(tracer, { tracer, entries, walk: new FollowedWalk(maps, entries) });
    }
  }

  override sendFromPod(endpointId: number, ifindex: number): void {
    const followed = this.#whose();
    if (followed !== undefined) this.#packet(followed, "sends", () => super.sendFromPod(endpointId, ifindex));
    else super.sendFromPod(endpointId, ifindex);
  }

  override sendFromHost(): void {
    const followed = this.#whose();
    if (followed !== undefined) this.#packet(followed, "sends", () => super.sendFromHost());
    else super.sendFromHost();
  }

  override sendFromProxy(mark: number, identity: number): void {
    const followed = this.#whose();
    if (followed !== undefined) this.#packet(followed, "(the L7 proxy) sends", () => super.sendFromProxy(mark, identity));
    else super.sendFromProxy(mark, identity);
  }

  override receiveFromNetwork(): void {
    const followed = this.#whose();
    if (followed !== undefined) this.#packet(followed, "sent; at the NIC:", () => super.receiveFromNetwork());
    else super.receiveFromNetwork();
  }

  override receiveWithDsrOption(service: Int32Array, at: number, port: number): void {
    const followed = this.#whose();
    if (followed !== undefined) this.#packet(followed, "sent; at the NIC with a DSR option:", () => super.receiveWithDsrOption(service, at, port));
    else super.receiveWithDsrOption(service, at, port);
  }

  override connectSocket(cookie: number, inHostNamespace: boolean): boolean {
    const { saddr, daddr, dport, protocol, ipv6 } = this.header;
    // Each of them is asked, because each takes note.
    const [wanting] = this.#tracers.filter((tracer) => tracer.wantsConnect(saddr, daddr, dport));
    if (wanting === undefined) return super.connectSocket(cookie, inHostNamespace);
    let connected = false;
    const text = `${protocolText(protocol)} ${tupleText(saddr, 0, daddr, dport, ipv6)}`;
    this.connect = this.#walked(this.#followed.get(wanting)!.walk, text, () => {
      connected = super.connectSocket(cookie, inHostNamespace);
      return connected ? "connects" : "fails";
    });
    return connected;
  }

  #whose(): Followed | undefined {
    const { protocol, sender } = this.header;
    const tracer = this.#following.find(protocol, sender >> 1);
    return tracer === undefined ? undefined : this.#followed.get(tracer);
  }

  #packet({ tracer, walk, entries }: Followed, how: string, run: () => void): void {
    entries.look();
    const fills = this.#fills();
    const agentWalks = this.#collector.busy;
    const { saddr, sport, daddr, dport, protocol, tcpFlags, length, sender, ipv6 } = this.header;
    const headers = `${protocolText(protocol)} ${tupleText(saddr, sport, daddr, dport, ipv6)}`;
    const who = tracer.senderName(sender, saddr, sport);
    const walked = this.#walked(walk, headers, () => {
      run();
      return this.#outcomeText();
    });
    entries.note();
    const again = tracer.retransmissions(sender & 1);
    const flags = tcpFlagsText(tcpFlags);
    const what = [flags, `${length} bytes`].filter((text) => text !== "").join(" ");
    const from = who === "client" || who === "server" ? who : "stranger";
    const packet: PacketFacts = { from, flags, again, outcome: OUTCOMES[this.outcome] ?? "lost", drop: this.#drop(), fills, agentWalks };
    tracer.record("packet", `${who} ${how} ${what}${again === 0 ? "" : `, retransmission ${again}`}`, { ...walked, packet });
  }

  #fills(): readonly MapFill[] {
    return RECREATABLE.flatMap((name) => {
      const map = this.#maps.get(name);
      return map === undefined ? [] : [fillOf(map)];
    });
  }

  #drop(): PacketFacts["drop"] {
    const { dropReason, extError } = this.datapath;
    if (this.outcome !== Outcome.dropped) return null;
    return { code: dropReason, reason: dropText(dropReason), errno: extError === 0 ? null : errnoName(extError) };
  }

  #walked(walk: WalkTrace, headers: string, run: () => string): Walked {
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
      case Outcome.proxy:
        return "to the L7 proxy";
      default:
        return "no route, lost";
    }
  }
}
