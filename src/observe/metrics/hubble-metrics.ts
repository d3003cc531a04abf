/**
 * Hubble's metrics, counted flow by flow as its handlers do (pkg/hubble/metrics/*): what `hubble.metrics.enabled` lists,
 * with the labels of its context options.
 *
 * Flows are counted by kind: all that a label could depend on, as a row of numbers. What a kind counts for is worked out
 * once, when its first flow comes. What proxies tell is counted flow by flow, as are flows whose ends go by names.
 * Kafka is not modelled: `kafka` stays without series.
 */
import { dropReason, DROP_POLICY } from "../../cilium/datapath/drop-reasons.js";
import { POLICY_MATCH_NAMES, TRACE_POINT_NAMES } from "../../cilium/datapath/events.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from "../../cilium/datapath/packet.js";
import { IPV4_WORDS } from "../../cilium/maps/address.js";
import { FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, type FlowRow, ROW_DESTINATION, ROW_ORIGINAL, ROW_SOURCE, VERDICT_NAMES } from "../flow-row.js";
import type { FlowTables } from "../flow-tables.js";
import { icmpSummary } from "../flow-text.js";
import { layer7Protocol } from "../layer7.js";
import { contextLabels, type MetricContexts, needsAddresses, needsEnds, needsNames } from "./flow-contexts.js";
import { dnsHandlers, DURATION_BOUNDS_S, HTTP_HANDLERS, HTTP_V2_HANDLERS, type Handler } from "./layer7-metrics.js";
import { labelText, type MetricFamily, type MetricStore } from "./metric-store.js";
import { RowNumbers } from "./row-numbers.js";

/** One entry of the list. */
export interface HubbleMetricSpec extends MetricContexts {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Where an event was lost on its way into Hubble: `flow.LostEventSource`. */
export type LostEventSource = "perf_event_ring_buffer" | "observer_events_queue" | "hubble_ring_buffer";

const IDENTITY_HOST = 1;
const IDENTITY_HEALTH = 4;
const WORLD_LABELS = ["reserved:world", "reserved:world-ipv4", "reserved:world-ipv6"];
/** TCP flags in the header's byte, as `tcp_flags_total` names them; SYN-ACK is not counted as SYN. */
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
/** Tells types of ICMP from ports in the same word. */
const ICMP_MARK = 1 << 24;

interface Counter {
  readonly handler: Handler;
  readonly contexts: MetricContexts;
  /** Number of a label set. */
  readonly numbers: Map<string, number>;
  /** Flows that were counted one by one, by the number of their label set. */
  readonly alone: number[];
  /** Of a histogram: counts by bucket and the sum, by the number of the label set. */
  readonly spreads: Spread[];
}

interface Spread {
  readonly counts: Float64Array;
  sum: number;
}

/** The label set of a counter that a kind of flow counts in. */
interface Share {
  readonly counter: number;
  readonly series: number;
}

const family = (name: string, help: string): MetricFamily => ({ name: `hubble_${name}`, type: "counter", help });
const LOST_EVENTS = family("lost_events", "Number of lost events");

/** Metrics whose own labels depend on nothing but what a packet is and what became of it. */
const END_BLIND: readonly string[] = ["dns", "drop", "flow", "http", "httpV2", "icmp", "kafka", "tcp"];

/** Words of a row that tells kinds of flows apart: those without ends, with ends, with addresses. See `#fillKey`. */
const KIND_WORDS = 3;
const KEY_WORDS = 7;
const ADDRESS_WORDS = 8;

export class HubbleMetrics {
  readonly needsEnds: boolean;
  readonly #tables: FlowTables;
  readonly #counters: readonly Counter[];
  readonly #byAddress: boolean;
  readonly #byPort: boolean;
  /** Ends go by the names that were looked up, as long as there are any. */
  readonly #byName: boolean;
  /** Kinds of flows seen: what labels could depend on. */
  readonly #kinds: RowNumbers;
  /** Flows of each kind, and what they count for. */
  #flows = new Float64Array(16);
  readonly #shares: (readonly Share[])[] = [];
  readonly #lost = new Map<LostEventSource, number>();

  constructor(specs: readonly HubbleMetricSpec[], tables: FlowTables) {
    this.#tables = tables;
    this.#byAddress = specs.some(needsAddresses);
    this.#byName = specs.some(needsNames);
    this.#byPort = specs.some(({ name, flags }) => name === "port-distribution" || flags.includes("port"));
    this.needsEnds = specs.some((spec) => needsEnds(spec) || !END_BLIND.includes(spec.name));
    this.#kinds = new RowNumbers(!this.needsEnds ? KIND_WORDS : KEY_WORDS + (this.#byAddress ? ADDRESS_WORDS : 0));
    this.#counters = specs.flatMap((spec) =>
      handlersOf(spec, tables).map((handler) => ({ handler, contexts: spec, numbers: new Map<string, number>(), alone: [], spreads: [] })),
    );
  }

  /** A flow has reached Hubble. */
  count(row: FlowRow): void {
    if (row.layer7 !== null || (this.#byName && this.#tables.knowsNames)) {
      this.#countAlone(row);
      return;
    }
    this.#fillKey(row);
    const before = this.#kinds.count;
    const kind = this.#kinds.numberOfKey();
    if (kind === before) this.#learn(row);
    this.#flows[kind]!++;
  }

  /** Events were lost before anybody could count them. */
  lost(source: LostEventSource, events: number): void {
    this.#lost.set(source, (this.#lost.get(source) ?? 0) + events);
  }

  /** The agent is gone, and with it what Hubble had counted. */
  forget(): void {
    this.#kinds.clear();
    this.#flows.fill(0);
    this.#shares.length = 0;
    for (const { numbers, alone, spreads } of this.#counters) {
      numbers.clear();
      alone.length = 0;
      spreads.length = 0;
    }
    this.#lost.clear();
  }

  collect(store: MetricStore): void {
    const sums = this.#counters.map(({ numbers }) => new Float64Array(numbers.size));
    this.#shares.forEach((shares, kind) => {
      for (const { counter, series } of shares) sums[counter]![series]! += this.#flows[kind]!;
    });
    this.#counters.forEach(({ handler, numbers, alone, spreads }, counter) => {
      for (const [labels, series] of numbers) {
        const spread = spreads[series];
        if (spread !== undefined) store.setHistogram(handler.family, labels, DURATION_BOUNDS_S, spread.counts, spread.sum);
        else store.set(handler.family, labels, sums[counter]![series]! + (alone[series] ?? 0));
      }
    });
    for (const [source, events] of this.#lost) store.set(LOST_EVENTS, labelText([["source", source]]), events);
  }

  /** One flow in all counters. */
  #countAlone(row: FlowRow): void {
    for (const { handler, contexts, numbers, alone, spreads } of this.#counters) {
      for (const own of handler.labelsOf(row)) {
        const labels = labelText([...own, ...contextLabels(contexts, row, this.#tables, handler.inverted === true)]);
        const series = numberOf(numbers, labels);
        if (handler.secondsOf === undefined) alone[series] = (alone[series] ?? 0) + 1;
        else observe((spreads[series] ??= { counts: new Float64Array(DURATION_BOUNDS_S.length + 1), sum: 0 }), handler.secondsOf(row));
      }
    }
  }

  #fillKey(row: FlowRow): void {
    const { key } = this.#kinds;
    const icmp = (row.icmpType << 8) | row.icmpCode | ICMP_MARK;
    key[0] = row.eventType | (row.subType << 8) | (row.verdict << 16);
    key[1] = row.protocol | (row.tcpFlags << 8) | (row.dropCode << 16) | (row.hasPorts << 26) | (row.family << 27);
    key[2] = this.#byPort && row.icmpType === 0 ? row.dport : icmp;
    if (!this.needsEnds) return;
    key[0] |= (row.direction << 20) | (row.policyMatch << 24);
    key[1] |= (row.reply + 1) << 24;
    key[3] = row.sourceEndpoint;
    key[4] = row.destinationEndpoint;
    key[5] = row.sourceIdentity;
    key[6] = row.destinationIdentity;
    if (this.#byAddress) this.#fillAddresses(row);
  }

  #fillAddresses({ addresses, translated, family: words }: FlowRow): void {
    const { key } = this.#kinds;
    const sourceAt = translated === 1 ? ROW_ORIGINAL : ROW_SOURCE;
    for (let i = 0; i < ADDRESS_WORDS / 2; i++) {
      key[KEY_WORDS + i] = i < words ? addresses[sourceAt + i]! : 0;
      key[KEY_WORDS + ADDRESS_WORDS / 2 + i] = i < words ? addresses[ROW_DESTINATION + i]! : 0;
    }
  }

  /** A kind of flow has come up for the first time. */
  #learn(row: FlowRow): void {
    const shares: Share[] = [];
    this.#counters.forEach(({ handler, contexts, numbers }, counter) => {
      for (const own of handler.labelsOf(row)) {
        const labels = labelText([...own, ...contextLabels(contexts, row, this.#tables)]);
        shares.push({ counter, series: numberOf(numbers, labels) });
      }
    });
    if (this.#shares.push(shares) > this.#flows.length) {
      const flows = new Float64Array(2 * this.#flows.length);
      flows.set(this.#flows);
      this.#flows = flows;
    }
  }
}

function numberOf(numbers: Map<string, number>, labels: string): number {
  const series = numbers.get(labels) ?? numbers.size;
  numbers.set(labels, series);
  return series;
}

function observe(spread: Spread, seconds: number): void {
  const bucket = DURATION_BOUNDS_S.findIndex((bound) => seconds <= bound);
  spread.counts[bucket === -1 ? DURATION_BOUNDS_S.length : bucket]!++;
  spread.sum += seconds;
}

function handlersOf(spec: HubbleMetricSpec, tables: FlowTables): readonly Handler[] {
  switch (spec.name) {
    case "flow":
      return [FLOWS];
    case "drop":
      return [DROPS];
    case "tcp":
      return [TCP_FLAGS];
    case "icmp":
      return [ICMP];
    case "port-distribution":
      return [PORT_DISTRIBUTION];
    case "flows-to-world":
      return [flowsToWorld(spec.flags, tables)];
    case "policy":
      return [POLICY];
    case "dns":
      return dnsHandlers(spec.flags);
    case "http":
      return HTTP_HANDLERS;
    case "httpV2":
      return HTTP_V2_HANDLERS;
    default:
      return [];
  }
}

/** Layer 4 as labels name it. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [IPPROTO_TCP]: "TCP",
  [IPPROTO_UDP]: "UDP",
  [IPPROTO_ICMP]: "ICMPv4",
  [IPPROTO_ICMPV6]: "ICMPv6",
  [IPPROTO_SCTP]: "SCTP",
};

function protocolName({ hasPorts, protocol, layer7, eventType }: FlowRow): string {
  if (layer7 !== null) return layer7Protocol(layer7);
  if (eventType === FLOW_EVENT.traceSock) return "Unknown flow";
  return (hasPorts === 1 ? PROTOCOL_NAMES[protocol] : undefined) ?? "Unknown L4";
}

const passed = ({ verdict }: FlowRow): boolean => verdict === FLOW_VERDICT.forwarded || verdict === FLOW_VERDICT.redirected;

const EVENT_NAMES: Readonly<Record<number, string>> = {
  [FLOW_EVENT.drop]: "Drop",
  [FLOW_EVENT.trace]: "Trace",
  [FLOW_EVENT.policyVerdict]: "PolicyVerdict",
  [FLOW_EVENT.accessLog]: "L7",
  [FLOW_EVENT.traceSock]: "Unknown",
};

function subtypeOf({ eventType, subType, layer7 }: FlowRow): string {
  if (layer7 !== null) return layer7Protocol(layer7);
  if (eventType === FLOW_EVENT.traceSock) return String(eventType);
  return eventType === FLOW_EVENT.trace ? (TRACE_POINT_NAMES[subType] ?? "") : "";
}

const FLOWS: Handler = {
  family: family("flows_processed", "Total number of flows processed"),
  labelsOf: (row) => [
    [
      ["protocol", protocolName(row)],
      ["type", EVENT_NAMES[row.eventType]!],
      ["subtype", subtypeOf(row)],
      ["verdict", VERDICT_NAMES[row.verdict]!],
    ],
  ],
};

const DROPS: Handler = {
  family: family("drop", "Number of drops"),
  labelsOf: (row) => {
    if (row.verdict !== FLOW_VERDICT.dropped) return [];
    // What a proxy denies has no reason.
    const reason = row.dropCode === 0 ? "DROP_REASON_UNKNOWN" : (dropReason(row.dropCode)?.flowName ?? String(row.dropCode));
    return [[["reason", reason], ["protocol", protocolName(row)]]];
  },
};

const TCP_FLAGS: Handler = {
  family: family("tcp_flags", "TCP flag occurrences"),
  labelsOf: (row) => {
    if (!passed(row) || protocolName(row) !== "TCP") return [];
    const { tcpFlags } = row;
    const opening = tcpFlags & (SYN | ACK);
    const flags = [
      ...((tcpFlags & FIN) === 0 ? [] : ["FIN"]),
      ...(opening === SYN ? ["SYN"] : []),
      ...(opening === (SYN | ACK) ? ["SYN-ACK"] : []),
      ...((tcpFlags & RST) === 0 ? [] : ["RST"]),
    ];
    return flags.map((flag) => [["flag", flag], ["family", row.family === IPV4_WORDS ? "IPv4" : "IPv6"]]);
  },
};

const ICMP: Handler = {
  family: family("icmp", "Number of ICMP messages"),
  labelsOf: (row) => {
    const protocol = protocolName(row);
    if (row.verdict !== FLOW_VERDICT.forwarded || (protocol !== "ICMPv4" && protocol !== "ICMPv6")) return [];
    const type = icmpSummary(protocol === "ICMPv4" ? 4 : 6, row.icmpType, row.icmpCode).replace(/^ICMPv[46] /, "");
    // Of ICMPv6 the handler says "IPv4" too.
    return [[["family", "IPv4"], ["type", type]]];
  },
};

const PORT_DISTRIBUTION: Handler = {
  family: family("port_distribution", "Numbers of packets distributed by destination port"),
  labelsOf: (row) => {
    const protocol = protocolName(row);
    if (!passed(row) || protocol === "Unknown L4" || row.reply !== FLOW_REPLY.no) return [];
    return [[["protocol", protocol], ["port", String(row.dport)]]];
  },
};

const POLICY: Handler = {
  family: family("policy_verdicts", "Total number of Cilium network policy verdicts"),
  labelsOf: (row) => {
    if (row.layer7 === null) {
      if (row.eventType !== FLOW_EVENT.policyVerdict || row.sourceIdentity === IDENTITY_HOST) return [];
      if (row.sourceIdentity === IDENTITY_HEALTH || row.destinationIdentity === IDENTITY_HEALTH) return [];
    }
    const match = row.layer7 === null ? (POLICY_MATCH_NAMES[row.policyMatch] ?? String(row.policyMatch)) : `l7/${layer7Protocol(row.layer7).toLowerCase()}`;
    return [
      [
        ["direction", row.direction === FLOW_DIRECTION.egress ? "egress" : "ingress"],
        ["match", match],
        ["action", VERDICT_NAMES[row.verdict]!.toLowerCase()],
      ],
    ];
  },
};

/** Options: `any-drop`, `port`, `syn-only`. */
function flowsToWorld(flags: readonly string[], tables: FlowTables): Handler {
  const isWorld = (row: FlowRow): boolean =>
    tables.labelsSeen(row.destinationEndpoint, row.destinationIdentity).some((label) => WORLD_LABELS.includes(label));
  return {
    family: family("flows_to_world", "Total number of flows to reserved:world"),
    labelsOf: (row) => {
      const protocol = protocolName(row);
      const dropped = row.verdict === FLOW_VERDICT.dropped;
      const isReply = row.reply === FLOW_REPLY.yes;
      if (protocol === "Unknown L4" || !isWorld(row) || (!dropped && isReply)) return [];
      if (dropped && !flags.includes("any-drop") && row.dropCode !== -DROP_POLICY) return [];
      if (flags.includes("syn-only") && (protocol !== "TCP" || (row.tcpFlags & SYN) === 0 || isReply)) return [];
      const port = protocol.startsWith("ICMP") ? "" : String(row.dport);
      return [[["protocol", protocol], ["verdict", VERDICT_NAMES[row.verdict]!], ...(flags.includes("port") ? [["port", port] as const] : [])]];
    },
  };
}
