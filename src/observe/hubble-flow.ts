/**
 * One flow as a line of Hubble's exporter: protobuf JSON of `ExportEvent{flow, node_name, time}` with .proto names in
 * declaration order, zero values left out. Stands for what pkg/hubble/parser/threefour fills from a datapath event.
 *
 * What the proxies tell is pkg/hubble/parser/seven's (`layer7.ts`), socket translations are pkg/hubble/parser/sock's.
 *
 * Absent because nothing in the model knows it: `tunnel` (1.18 on), and `file` of drops (1.17 on): agents fill its name and its line
 * always together, and the line is that of the patch release's own source (`__MAGIC_LINE__`). The deprecated `drop_reason` and `reply`
 * are written, as agents still do.
 */
import { IPV4_WORDS, type AddressWords } from "../cilium/maps/address.js";
import { DROP_POLICY_DENY, dropReason } from "../cilium/datapath/drop-reasons.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from "../cilium/datapath/packet.js";
import type { Ethernet } from "./ethernet.js";
import { OBSERVATION_POINTS, SOCKET_POINTS, TRACE_REASONS } from "./flow-names.js";
import { type FlowTables, NOBODY } from "./flow-tables.js";
import { layer7Json, layer7Summary, type Layer7 } from "./layer7.js";
import { FlowUuids, goString, icmpSummary, TCP_FLAGS_JSON, TCP_SUMMARIES, TimestampText } from "./flow-text.js";

/** `flow.Verdict`. */
export const FLOW_VERDICT = {
  unknown: 0,
  forwarded: 1,
  dropped: 2,
  error: 3,
  audit: 4,
  redirected: 5,
  traced: 6,
  translated: 7,
} as const;
export const VERDICT_NAMES = ["VERDICT_UNKNOWN", "FORWARDED", "DROPPED", "ERROR", "AUDIT", "REDIRECTED", "TRACED", "TRANSLATED"] as const;

/** `flow.TrafficDirection`. */
export const FLOW_DIRECTION = { unknown: 0, ingress: 1, egress: 2 } as const;
const DIRECTION_NAMES = ["", "INGRESS", "EGRESS"] as const;

/** Monitor message types in `event_type.type`: pkg/monitor/api. */
export const FLOW_EVENT = { drop: 1, trace: 4, policyVerdict: 5, traceSock: 7, accessLog: 129 } as const;

/** `is_reply`, a wrapper that can be absent. */
export const FLOW_REPLY = { absent: -1, no: 0, yes: 1 } as const;

/** Which fields the agent's version knows; nothing that its readers would warn about is written. */
export interface FlowFormat {
  /** `trace_reason`, from 1.16 on. */
  readonly traceReason: boolean;
  /** `IP.source_xlated`, from 1.16 on; before it only the address before translation is shown. */
  readonly sourceXlated: boolean;
  /** `node_labels` and an endpoint's `cluster_name`, from 1.16 on. */
  readonly nodeLabels: boolean;
  readonly clusterName: boolean;
  /** `egress_allowed_by` and its twin, from 1.15 on; `egress_denied_by` and its twin from 1.16 on; `Policy.kind` from 1.17 on. */
  readonly allowedBy: boolean;
  readonly deniedBy: boolean;
  readonly policyKind: boolean;
  /** Version in `emitter`, from 1.19 on; null before. */
  readonly emitterVersion: string | null;
}

/** Fields of Cilium 1.14. */
export const FLOW_FORMAT_114: FlowFormat = flowFormat([], "");

/**
 * The format of a version. `fields`: what flow.proto has gained since 1.14, in the profile's form
 * (`Flow.trace_reason=36`); `version`: the agent's, without `v`.
 */
export function flowFormat(fields: readonly string[], version: string): FlowFormat {
  const has = (name: string): boolean => fields.some((field) => field.startsWith(`${name}=`));
  return {
    traceReason: has("Flow.trace_reason"),
    sourceXlated: has("IP.source_xlated"),
    nodeLabels: has("Flow.node_labels"),
    clusterName: has("Endpoint.cluster_name"),
    allowedBy: has("Flow.egress_allowed_by"),
    deniedBy: has("Flow.egress_denied_by"),
    policyKind: has("Policy.kind"),
    emitterVersion: has("Flow.emitter") ? version : null,
  };
}

/** A flow in plain numbers, filled again for each event. */
export class FlowRow {
  /** Simulated time, ns. */
  timeNs = 0;
  /** Source at 0, destination at 4, source before translation at 8; IPv4 uses the first word of each. */
  readonly addresses = new Int32Array(12);
  family: AddressWords = IPV4_WORDS;
  /** 1 when the third address is set. */
  translated = 0;
  encrypted = 0;
  protocol = 0;
  /** 0 for fragments after the first. */
  hasPorts = 1;
  sport = 0;
  dport = 0;
  tcpFlags = 0;
  icmpType = 0;
  icmpCode = 0;
  /** Indices into the tables, or `NOBODY`; identities as the event has them, 0 = not known. */
  sourceEndpoint: number = NOBODY;
  destinationEndpoint: number = NOBODY;
  sourceIdentity = 0;
  destinationIdentity = 0;
  sourceService: number = NOBODY;
  destinationService: number = NOBODY;
  /** FLOW_EVENT, with the drop code or observation point as sub type. */
  eventType = 0;
  subType = 0;
  /** FLOW_VERDICT, FLOW_DIRECTION, FLOW_REPLY. */
  verdict = 0;
  direction = 0;
  reply: number = FLOW_REPLY.absent;
  /** Positive drop code of drops and denied verdicts, else 0. */
  dropCode = 0;
  policyMatch = 0;
  /** The datapath's number; read for trace events only. */
  traceReason = 0;
  ifindex = 0;
  proxyPort = 0;
  /** Bytes of the packet that the event carries. */
  captured = 0;
  /** Cookie of the socket; of translations only. */
  cookie = 0;
  /** FRAME: whose addresses the captured frame bears; of a pod's frame the endpoint number. */
  frame = 0;
  frameEndpoint = 0;
  /** What a proxy told; null for what programs report. */
  layer7: Layer7 | null = null;
}

/** Where the three addresses of a row lie. */
export const ROW_SOURCE = 0;
export const ROW_DESTINATION = 4;
export const ROW_ORIGINAL = 8;

/** Whose rules a verdict goes by: pkg/policy/correlation. */
export interface PolicyNames {
  /** JSON of `flow.Policy` messages, comma-separated; empty when nothing is known. */
  rulesBehind(row: FlowRow): string;
}

export interface FlowEncoderOptions {
  readonly tables: FlowTables;
  /** `cluster/node`, or the bare name in the cluster `default`. */
  readonly nodeName: string;
  readonly epochSeconds: number;
  /** Four words from a random stream of the run. */
  readonly uuidKey: ArrayLike<number>;
  readonly format: FlowFormat;
  /** `key=value`, sorted. */
  readonly nodeLabels?: readonly string[];
  readonly policies?: PolicyNames;
  /** Default: no flow shows addresses of devices. */
  readonly ethernet?: Ethernet | null;
}

export class FlowEncoder {
  readonly #tables: FlowTables;
  readonly #time: TimestampText;
  readonly #uuids: FlowUuids;
  readonly #format: FlowFormat;
  /** Pieces that are equal in every line. */
  readonly #afterUuid: string;
  readonly #typeAndNode: string;
  readonly #end: string;
  readonly #node: string;
  /** After the node's name. */
  readonly #nodeLabels: string;
  readonly #policies: PolicyNames | null;
  readonly #ethernet: Ethernet | null;
  readonly #dropNames = new Map<number, string>();

  constructor(options: FlowEncoderOptions) {
    const node = goString(options.nodeName);
    const { emitterVersion } = options.format;
    this.#tables = options.tables;
    this.#time = new TimestampText(options.epochSeconds);
    this.#uuids = new FlowUuids(options.uuidKey);
    this.#format = options.format;
    this.#afterUuid =
      emitterVersion === null ? '","verdict":"' : `","emitter":{"name":"Hubble","version":${goString(emitterVersion)}},"verdict":"`;
    const labels = options.nodeLabels ?? [];
    this.#nodeLabels = !options.format.nodeLabels || labels.length === 0 ? "" : `,"node_labels":[${labels.map(goString).join(",")}]`;
    this.#policies = options.format.allowedBy ? (options.policies ?? null) : null;
    this.#ethernet = options.ethernet ?? null;
    this.#typeAndNode = `,"Type":"L3_L4","node_name":${node}${this.#nodeLabels}`;
    this.#end = `},"node_name":${node},"time":"`;
    this.#node = node;
  }

  /** What Relay says when it loses a node or finds it (relay.NodeStatusEvent), with its newline. */
  nodeStatusLine(state: "NODE_UNAVAILABLE" | "NODE_CONNECTED", atNs: number): string {
    return `{"node_status":{"state_change":"${state}","node_names":[${this.#node}]},"node_name":${this.#node},"time":"${this.#time.at(atNs)}"}\n`;
  }

  /** What Hubble says about events that were lost (flow.LostEvent), with its newline. `cpu`: null where none is known. */
  lostLine(source: string, count: number, cpu: number | null, atNs: number): string {
    const where = cpu === null ? "" : `,"cpu":${cpu}`;
    return `{"lost_events":{"source":"${source}","num_events_lost":"${count}"${where}},"node_name":${this.#node},"time":"${this.#time.at(atNs)}"}\n`;
  }

  /** The line of a flow, with its newline. `number`: which event of the run it is, from 0; the UUID depends on it. */
  line(row: FlowRow, number: number): string {
    const time = this.#time.at(row.timeNs);
    const tables = this.#tables;
    if (row.layer7 !== null) return this.#layer7Line(row, row.layer7, number, time);
    if (row.eventType === FLOW_EVENT.traceSock) return this.#socketLine(row, number, time);
    return (
      `{"flow":{"time":"${time}","uuid":"${this.#uuids.text(number)}${this.#afterUuid}${VERDICT_NAMES[row.verdict]!}"` +
      (row.dropCode === 0 ? "" : `,"drop_reason":${row.dropCode}`) +
      (this.#ethernet === null ? "" : this.#ethernet.json(row)) +
      this.#network(row) +
      transport(row) +
      `,"source":${tables.endpointJson(row.sourceEndpoint, row.sourceIdentity)}` +
      `,"destination":${tables.endpointJson(row.destinationEndpoint, row.destinationIdentity)}` +
      this.#typeAndNode +
      (tables.knowsNames ? this.#names(row) : "") +
      (row.reply === FLOW_REPLY.yes ? ',"reply":true' : "") +
      `,"event_type":{"type":${row.eventType}${row.subType === 0 ? "" : `,"sub_type":${row.subType}`}}` +
      (row.sourceService === NOBODY ? "" : `,"source_service":${tables.serviceJson(row.sourceService)}`) +
      (row.destinationService === NOBODY ? "" : `,"destination_service":${tables.serviceJson(row.destinationService)}`) +
      (row.direction === FLOW_DIRECTION.unknown ? "" : `,"traffic_direction":"${DIRECTION_NAMES[row.direction]!}"`) +
      (row.policyMatch === 0 ? "" : `,"policy_match_type":${row.policyMatch}`) +
      (row.eventType === FLOW_EVENT.trace ? this.#trace(row) : "") +
      (row.dropCode === 0 ? "" : this.#dropName(row.dropCode)) +
      (row.reply === FLOW_REPLY.absent ? "" : row.reply === FLOW_REPLY.yes ? ',"is_reply":true' : ',"is_reply":false') +
      (row.ifindex === 0 ? "" : `,"interface":${tables.interfaceJson(row.ifindex)}`) +
      (row.proxyPort === 0 ? "" : `,"proxy_port":${row.proxyPort}`) +
      `,"Summary":"${summaryOf(row)}"${row.eventType === FLOW_EVENT.policyVerdict ? this.#rules(row) : ""}${this.#end}${time}"}\n`
    );
  }

  /** What a proxy told of a request or an answer: no flags of TCP, no observation point. */
  #layer7Line(row: FlowRow, layer7: Layer7, number: number, time: string): string {
    const tables = this.#tables;
    const isReply = row.reply === FLOW_REPLY.yes;
    return (
      `{"flow":{"time":"${time}","uuid":"${this.#uuids.text(number)}${this.#afterUuid}${VERDICT_NAMES[row.verdict]!}"` +
      this.#network(row) +
      `,"l4":{"${row.protocol === IPPROTO_TCP ? "TCP" : "UDP"}":{${portsOf(row)}}}` +
      `,"source":${tables.endpointJson(row.sourceEndpoint, row.sourceIdentity)}` +
      `,"destination":${tables.endpointJson(row.destinationEndpoint, row.destinationIdentity)}` +
      `,"Type":"L7","node_name":${this.#node}${this.#nodeLabels}` +
      (tables.knowsNames ? this.#names(row) : "") +
      `,"l7":${layer7Json(layer7)}${isReply ? ',"reply":true' : ""},"event_type":{"type":${row.eventType}}` +
      (row.sourceService === NOBODY ? "" : `,"source_service":${tables.serviceJson(row.sourceService)}`) +
      (row.destinationService === NOBODY ? "" : `,"destination_service":${tables.serviceJson(row.destinationService)}`) +
      `,"traffic_direction":"${DIRECTION_NAMES[row.direction]!}","is_reply":${isReply}` +
      `,"Summary":${layer7Summary(layer7)}},"node_name":${this.#node},"time":"${time}"}\n`
    );
  }

  /** Of a socket translation only the socket's own pod and the far end are known: pkg/hubble/parser/sock. */
  #socketLine(row: FlowRow, number: number, time: string): string {
    const tables = this.#tables;
    const protocol = row.protocol === IPPROTO_TCP ? "TCP" : "UDP";
    const cgroupId = row.sourceEndpoint === NOBODY ? undefined : tables.endpoint(row.sourceEndpoint).cgroupId;
    return (
      `{"flow":{"time":"${time}","uuid":"${this.#uuids.text(number)}${this.#afterUuid}${VERDICT_NAMES[row.verdict]!}"` +
      this.#network(row) +
      `,"l4":{"${protocol}":{${portsOf(row)}}}` +
      `,"source":${tables.endpointJson(row.sourceEndpoint, 0)},"destination":${tables.endpointJson(row.destinationEndpoint, row.destinationIdentity)}` +
      `,"Type":"SOCK","node_name":${this.#node}${this.#nodeLabels}` +
      (tables.knowsNames ? this.#names(row) : "") +
      `,"event_type":{"type":${row.eventType},"sub_type":${row.subType}}` +
      (row.destinationService === NOBODY ? "" : `,"destination_service":${tables.serviceJson(row.destinationService)}`) +
      `,"sock_xlate_point":"${SOCKET_POINTS[row.subType]!}"${row.cookie === 0 ? "" : `,"socket_cookie":"${row.cookie}"`}` +
      (cgroupId === undefined ? "" : `,"cgroup_id":"${cgroupId}"`) +
      `,"Summary":"${protocol}"${this.#end}${time}"}\n`
    );
  }

  /** Each end by the names under which the other one, an endpoint of the node, has looked it up. */
  #names(row: FlowRow): string {
    const source = namesJson("source_names", namesOfEnd(row, "source", this.#tables));
    return source + namesJson("destination_names", namesOfEnd(row, "destination", this.#tables));
  }

  /** Behind what passed, and behind what a deny rule stopped: `CorrelatePolicy`. */
  #rules(row: FlowRow): string {
    if (this.#policies === null || row.direction === FLOW_DIRECTION.unknown) return "";
    const denied = row.verdict === FLOW_VERDICT.dropped;
    const explicit = row.verdict === FLOW_VERDICT.forwarded || row.verdict === FLOW_VERDICT.redirected || (denied && row.dropCode === -DROP_POLICY_DENY);
    if (!explicit || (denied && !this.#format.deniedBy)) return "";
    const rules = this.#policies.rulesBehind(row);
    if (rules === "") return "";
    return `,"${row.direction === FLOW_DIRECTION.egress ? "egress" : "ingress"}_${denied ? "denied" : "allowed"}_by":[${rules}]`;
  }

  #network(row: FlowRow): string {
    const { addresses, family } = row;
    const tables = this.#tables;
    const seen = tables.addressText(addresses, ROW_SOURCE, family);
    const destination = tables.addressText(addresses, ROW_DESTINATION, family);
    const before = row.translated === 1 ? tables.addressText(addresses, ROW_ORIGINAL, family) : seen;
    const xlated = before !== seen && this.#format.sourceXlated ? `","source_xlated":"${seen}` : "";
    const version = family === IPV4_WORDS ? "IPv4" : "IPv6";
    const encrypted = row.encrypted === 1 ? ',"encrypted":true' : "";
    return `,"IP":{"source":"${before}${xlated}","destination":"${destination}","ipVersion":"${version}"${encrypted}}`;
  }

  #trace(row: FlowRow): string {
    const point = OBSERVATION_POINTS[row.subType];
    const reason = this.#format.traceReason ? (TRACE_REASONS[row.traceReason] ?? "") : "";
    return (
      (point === undefined ? "" : `,"trace_observation_point":"${point}"`) + (reason === "" ? "" : `,"trace_reason":"${reason}"`)
    );
  }

  /** The enum's name; a code without one is written as a number, as protobuf does. */
  #dropName(code: number): string {
    let json = this.#dropNames.get(code);
    if (json === undefined) {
      const name = dropReason(code)?.flowName;
      json = `,"drop_reason_desc":${name === undefined ? code : `"${name}"`}`;
      this.#dropNames.set(code, json);
    }
    return json;
  }
}

/** pkg/hubble/parser/threefour `resolveNames`: an end's names are in the other end's history of lookups. */
export function namesOfEnd(row: FlowRow, end: "source" | "destination", tables: FlowTables): readonly string[] {
  const isSource = end === "source";
  const at = !isSource ? ROW_DESTINATION : row.translated === 1 ? ROW_ORIGINAL : ROW_SOURCE;
  return tables.namesOf(tables.endpointId(isSource ? row.destinationEndpoint : row.sourceEndpoint), row.addresses, at, row.family, row.timeNs);
}

function namesJson(field: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `,"${field}":[${names.map(goString).join(",")}]`;
}

function transport(row: FlowRow): string {
  if (row.hasPorts === 0) return "";
  switch (row.protocol) {
    case IPPROTO_TCP: {
      const ports = portsOf(row);
      return `,"l4":{"TCP":{${ports}${ports === "" ? "" : ","}${TCP_FLAGS_JSON[row.tcpFlags & 0xff]!}}}`;
    }
    case IPPROTO_UDP:
      return `,"l4":{"UDP":{${portsOf(row)}}}`;
    case IPPROTO_SCTP:
      return `,"l4":{"SCTP":{${portsOf(row)}}}`;
    case IPPROTO_ICMP:
      return `,"l4":{"ICMPv4":{${typeAndCode(row)}}}`;
    case IPPROTO_ICMPV6:
      return `,"l4":{"ICMPv6":{${typeAndCode(row)}}}`;
    default:
      return "";
  }
}

function portsOf({ sport, dport }: FlowRow): string {
  if (sport === 0) return dport === 0 ? "" : `"destination_port":${dport}`;
  return dport === 0 ? `"source_port":${sport}` : `"source_port":${sport},"destination_port":${dport}`;
}

function typeAndCode({ icmpType, icmpCode }: FlowRow): string {
  if (icmpType === 0) return icmpCode === 0 ? "" : `"code":${icmpCode}`;
  return icmpCode === 0 ? `"type":${icmpType}` : `"type":${icmpType},"code":${icmpCode}`;
}

/** Text of the last layer that could be read. */
function summaryOf(row: FlowRow): string {
  if (row.hasPorts === 1) {
    switch (row.protocol) {
      case IPPROTO_TCP:
        return TCP_SUMMARIES[row.tcpFlags & 0xff]!;
      case IPPROTO_UDP:
        return "UDP";
      case IPPROTO_SCTP:
        return "SCTP";
      case IPPROTO_ICMP:
        return icmpSummary(4, row.icmpType, row.icmpCode);
      case IPPROTO_ICMPV6:
        return icmpSummary(6, row.icmpType, row.icmpCode);
      default:
        break;
    }
  }
  return row.family === IPV4_WORDS ? "IPv4" : "IPv6";
}
