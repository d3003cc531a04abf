/**
 * What Hubble's flows say: who was dropped in the midst of what, who did not answer, who reset whom. One pass over the
 * responses in the order of the file.
 *
 * An exchange is a TCP connection or the datagrams between two sockets, seen from who began it. With service translation
 * one connection may be two exchanges, before and after it; that changes shares little, as both are answered or neither.
 */
import { dropTypeText } from "../hubble/names.js";
import { Verdict, type Endpoint, type Flow } from "../hubble/proto/flow_pb.js";
import type { GetFlowsResponse } from "../hubble/proto/observer_pb.js";
import { instantNs } from "../hubble/times.js";
import { worstDestination } from "./conntrack-facts.js";
import type { FlowFacts, ResetFacts, SilentFacts, SpreadFacts } from "./facts.js";
import { patternOf } from "./pattern.js";

const NS_PER_S = 1e9;
/** Hubble's event types: pkg/monitor/api. */
const EVENT_DROP = 1;
const EVENT_POLICY_VERDICT = 5;
const EVENT_TRACE_SOCK = 7;
/** Drop reasons, pkg/monitor/api/drop.go. */
export const DENIED = [133, 181] as const;
export const CT_INSERT_FAILED = 155;
/** Sightings of one packet at several points lie closer than this, s; a retransmission comes after 200 ms at the earliest. */
const SAME_PACKET_S = 0.05;
/** What began so shortly before the recording ended may still be answered, s. */
const ANSWER_S = 2;
const HOST_IDENTITY = 1;
/** Ports up to here are servers', where nothing else tells. */
const SERVER_PORT_MAX = 1023;
/** Exchanges remembered; of a longer recording the first ones. */
const EXCHANGES_MAX = 1_000_000;

interface Exchange {
  readonly destination: string;
  readonly service: string;
  readonly tcp: boolean;
  readonly beganS: number;
  /** Its first packet was seen. */
  readonly whole: boolean;
  requestS: number;
  requests: number;
  /** SYNs that opened it: more than one when a client comes again from the same port. */
  opened: number;
  answered: boolean;
  dropped: boolean;
  deniedMidS: number;
  resetS: number;
}

interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: "TCP" | "UDP";
}

export class FlowCollector {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #drops = new Map<number, { text: string; count: number }>();
  readonly #denied = { opening: 0, midStream: 0, unclear: 0 };
  readonly #dropsSeen = new Set<string>();
  readonly #nodes = new Set<string>();
  readonly #insertTimes: number[] = [];
  readonly #resetBy = new Map<string, number>();
  #resets: number[] = [];
  #byHost = 0;
  #synsAgain = 0;
  #flows = 0;
  #forwarded = 0;
  #lost = 0;
  #firstS = Number.POSITIVE_INFINITY;
  #lastS = Number.NEGATIVE_INFINITY;

  take({ responseTypes }: GetFlowsResponse): void {
    if (responseTypes.case === "lostEvents") this.#lost += Number(responseTypes.value.numEventsLost);
    if (responseTypes.case !== "flow") return;
    const flow = responseTypes.value;
    if (flow.time === undefined) return;
    const atS = Number(instantNs(flow.time)) / NS_PER_S;
    this.#flows++;
    if (flow.nodeName !== "") this.#nodes.add(flow.nodeName);
    this.#firstS = Math.min(this.#firstS, atS);
    this.#lastS = Math.max(this.#lastS, atS);
    // A verdict is followed by the packet's own event, its drop or its way on.
    if (flow.eventType?.type === EVENT_POLICY_VERDICT) return;
    // A socket's destination has been translated: no packet has gone anywhere yet, and none has this address and no port.
    if (flow.eventType?.type === EVENT_TRACE_SOCK) return;
    const packet = packetOf(flow);
    if (flow.eventType?.type === EVENT_DROP || flow.verdict === Verdict.DROPPED) this.#dropped(flow, packet, atS);
    else this.#passed(flow, packet, atS);
  }

  facts(): FlowFacts | null {
    if (this.#flows === 0 && this.#lost === 0) return null;
    const spanS = this.#flows === 0 ? 0 : this.#lastS - this.#firstS;
    const exchanges = [...this.#exchanges.values()];
    const due = exchanges.filter(({ requests, dropped, beganS }) => requests > 0 && !dropped && beganS <= this.#lastS - ANSWER_S);
    const deniedTimes = exchanges.flatMap(({ deniedMidS }) => (Number.isNaN(deniedMidS) ? [] : [deniedMidS]));
    const onlyDrops = this.#forwarded === 0;
    const begun = exchanges.filter(({ tcp, whole }) => tcp && whole).length;
    return {
      flows: this.#flows,
      spanS,
      nodes: this.#nodes.size,
      onlyDrops,
      drops: [...this.#drops].map(([code, { text, count }]) => ({ code, reason: text, count })).sort((a, b) => b.count - a.count),
      denied: { ...this.#denied },
      deniedPattern: deniedTimes.length === 0 ? null : patternOf(deniedTimes, spanS),
      insertPattern: this.#insertTimes.length === 0 ? null : patternOf(this.#insertTimes, spanS),
      exchanges: due.length,
      unanswered: due.filter(({ answered }) => !answered).length,
      silent: onlyDrops ? null : silentOf(due),
      synsAgain: onlyDrops || begun === 0 ? null : { connections: begun, again: this.#synsAgain },
      resets: onlyDrops ? null : this.#resetFacts(exchanges.filter(({ tcp }) => tcp).length, spanS),
      lostEvents: this.#lost,
      spread: onlyDrops ? null : spreadOf(exchanges),
    };
  }

  #dropped(flow: Flow, packet: Packet | null, atS: number): void {
    // The same drop may be in a file of drops and in one of all flows.
    if (flow.uuid !== "" && this.#dropsSeen.has(flow.uuid)) return;
    this.#dropsSeen.add(flow.uuid);
    const code = flow.eventType?.type === EVENT_DROP ? flow.eventType.subType : flow.dropReasonDesc;
    const known = this.#drops.get(code);
    if (known === undefined) this.#drops.set(code, { text: dropTypeText("latest", code), count: 1 });
    else known.count++;
    if (code === CT_INSERT_FAILED) this.#insertTimes.push(atS);
    if (packet === null) {
      if (isDenied(code)) this.#denied.unclear++;
      return;
    }
    const kind = this.#kindOf(flow, packet);
    if (isDenied(code)) this.#denied[kind]++;
    const exchange = this.#exchange(flow, packet, atS, kind === "midStream");
    if (exchange === undefined) return;
    if (kind === "opening") exchange.dropped = true;
    else if (isDenied(code) && kind === "midStream" && Number.isNaN(exchange.deniedMidS)) exchange.deniedMidS = atS;
  }

  /** Whether a dropped packet opens something or belongs to something that was allowed before. */
  #kindOf({ l4 }: Flow, packet: Packet): "opening" | "midStream" | "unclear" {
    if (l4?.protocol.case === "TCP") {
      const { SYN: syn = false, ACK: ack = false, RST: rst = false } = l4.protocol.value.flags ?? {};
      if (rst) return "unclear";
      return syn && !ack ? "opening" : "midStream";
    }
    if (this.#exchanges.has(keyOf(packet, true))) return "midStream";
    if (packet.sourcePort <= SERVER_PORT_MAX && packet.destinationPort > SERVER_PORT_MAX) return "midStream";
    return packet.destinationPort <= SERVER_PORT_MAX ? "opening" : "unclear";
  }

  #passed(flow: Flow, packet: Packet | null, atS: number): void {
    this.#forwarded++;
    if (packet === null) return;
    const flags = flow.l4?.protocol.case === "TCP" ? flow.l4.protocol.value.flags : undefined;
    const backwards = this.#isReply(flow, packet);
    const exchange = this.#exchange(flow, packet, atS, backwards);
    if (exchange === undefined) return;
    if (flags?.RST === true) this.#reset(flow, packet, exchange, atS);
    if (backwards) exchange.answered = true;
    else if (atS - exchange.requestS > SAME_PACKET_S) {
      exchange.requests++;
      exchange.requestS = atS;
      if (flags?.SYN === true && exchange.answered) exchange.opened++;
      else if (flags?.SYN === true) this.#synsAgain++;
    }
  }

  #isReply(flow: Flow, packet: Packet): boolean {
    if (flow.l4?.protocol.case === "TCP" && flow.l4.protocol.value.flags?.SYN === true) return flow.l4.protocol.value.flags.ACK;
    if (this.#exchanges.has(keyOf(packet, false))) return false;
    return this.#exchanges.has(keyOf(packet, true)) || flow.isReply === true;
  }

  /** The exchange of a packet, begun with it when it is the first one; undefined when there are too many. */
  #exchange(flow: Flow, packet: Packet, atS: number, backwards: boolean): Exchange | undefined {
    const key = keyOf(packet, backwards);
    const known = this.#exchanges.get(key);
    if (known !== undefined) return known;
    if (this.#exchanges.size >= EXCHANGES_MAX) return undefined;
    const syn = flow.l4?.protocol.case === "TCP" && flow.l4.protocol.value.flags?.SYN === true;
    const [destination, port, endpoint] = backwards
      ? [packet.source, packet.sourcePort, flow.source]
      : [packet.destination, packet.destinationPort, flow.destination];
    const tcp = packet.protocol === "TCP";
    const begun: Exchange = {
      destination,
      service: `${serviceName(endpoint)}:${port}/${packet.protocol}`,
      tcp,
      beganS: atS,
      whole: !backwards && (!tcp || syn),
      requestS: atS,
      requests: backwards ? 0 : 1,
      opened: !backwards && syn ? 1 : 0,
      answered: false,
      dropped: false,
      deniedMidS: Number.NaN,
      resetS: Number.NaN,
    };
    this.#exchanges.set(key, begun);
    return begun;
  }

  #reset(flow: Flow, packet: Packet, exchange: Exchange, atS: number): void {
    if (!Number.isNaN(exchange.resetS)) return;
    exchange.resetS = atS;
    this.#resets.push(atS);
    this.#resetBy.set(packet.source, (this.#resetBy.get(packet.source) ?? 0) + 1);
    if (flow.source?.identity === HOST_IDENTITY) this.#byHost++;
  }

  #resetFacts(seen: number, spanS: number): ResetFacts | null {
    if (seen === 0) return null;
    const [top] = [...this.#resetBy].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    const connections = this.#resets.length;
    return {
      connections,
      seen,
      topShare: connections === 0 ? 0 : top![1] / connections,
      topSource: top?.[0] ?? "",
      byHost: this.#byHost,
      pattern: patternOf(this.#resets, spanS),
    };
  }
}

export function isDenied(code: number): boolean {
  return (DENIED as readonly number[]).includes(code);
}

function packetOf({ IP: ip, l4 }: Flow): Packet | null {
  if (ip === undefined || (l4?.protocol.case !== "TCP" && l4?.protocol.case !== "UDP")) return null;
  const { sourcePort, destinationPort } = l4.protocol.value;
  return { source: ip.source, destination: ip.destination, sourcePort, destinationPort, protocol: l4.protocol.case };
}

function keyOf({ source, sourcePort, destination, destinationPort, protocol }: Packet, turned: boolean): string {
  const [from, to] = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`];
  return turned ? `${protocol} ${to} ${from}` : `${protocol} ${from} ${to}`;
}

function serviceName(endpoint: Endpoint | undefined): string {
  if (endpoint === undefined) return "";
  const [workload] = endpoint.workloads;
  const app = endpoint.labels.find((label) => /^k8s:(?:app|k8s-app|app\.kubernetes\.io\/name)=/.test(label))?.split("=")[1];
  const name = workload?.name ?? app ?? "";
  return name === "" ? "" : `${endpoint.namespace}/${name}`;
}

function silentOf(due: readonly Exchange[]): SilentFacts | null {
  const byDestination = new Map<string, { asked: number; unanswered: number }>();
  const all = { asked: 0, unanswered: 0 };
  for (const { destination, answered } of due) {
    let found = byDestination.get(destination);
    if (found === undefined) byDestination.set(destination, (found = { asked: 0, unanswered: 0 }));
    for (const each of [found, all]) {
      each.asked++;
      if (!answered) each.unanswered++;
    }
  }
  return worstDestination([...byDestination], all);
}

/** The service with most requests, as far as its backends have names. */
function spreadOf(exchanges: readonly Exchange[]): SpreadFacts | null {
  const byService = new Map<string, { backends: Set<string>; requests: number; clientPorts: number }>();
  for (const { service, destination, requests, opened, tcp } of exchanges) {
    if (service.startsWith(":") || requests === 0) continue;
    let found = byService.get(service);
    if (found === undefined) byService.set(service, (found = { backends: new Set(), requests: 0, clientPorts: 0 }));
    found.backends.add(destination);
    found.requests += tcp ? opened : requests;
    found.clientPorts++;
  }
  const [top] = [...byService].sort(([a, x], [b, y]) => y.requests - x.requests || (a < b ? -1 : 1));
  if (top === undefined) return null;
  const [service, { backends, requests, clientPorts }] = top;
  return { service, backends: backends.size, requests, clientPorts };
}
