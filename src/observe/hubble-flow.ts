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
import { DROP_POLICY_DENY, dropReason } from "../cilium/datapath/drop-reasons.js";
import { IPPROTO_TCP } from "../cilium/datapath/packet.js";
import type { Ethernet } from "./ethernet.js";
import type { FlowFormat } from "./flow-format.js";
import { OBSERVATION_POINTS, SOCKET_POINTS, TRACE_REASONS } from "./flow-names.js";
import { DIRECTION_NAMES, FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, type FlowRow, ROW_DESTINATION, ROW_ORIGINAL, ROW_SOURCE, VERDICT_NAMES } from "./flow-row.js";
import { type FlowTables, NOBODY } from "./flow-tables.js";
import { FlowUuids, goString, TimestampText } from "./flow-text.js";
import { behindPortsText, hasPorts, icmpKey, isPacket, putPorts, summaryOf, transportKey, upToPortsText } from "./flow-transport.js";
import { layer7Json, layer7Summary, type Layer7 } from "./layer7.js";
import { type LineBytes, piece, type Piece } from "./line-bytes.js";
import { PieceCache } from "./piece-cache.js";

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

/** Slots of the caches; a run's lines have some hundred different beginnings and ends, and the addresses of its pods. */
const CACHED_PIECES = 4096;
const CACHED_ADDRESSES = 16_384;

/** What stands between the parts that differ. */
const BEGIN = piece('{"flow":{"time":"');
const UUID = piece('","uuid":"');
const SOURCE_XLATED = piece('","source_xlated":"');
const DESTINATION = piece('","destination":"');
const DESTINATION_END = piece(',"destination":');
const COOKIE = piece(',"socket_cookie":"');
const COOKIE_END = piece('"');
const END = piece('"}\n');

export class FlowEncoder {
  readonly #tables: FlowTables;
  readonly #time: TimestampText;
  readonly #uuids: FlowUuids;
  readonly #format: FlowFormat;
  readonly #policies: PolicyNames | null;
  readonly #ethernet: Ethernet | null;
  readonly #node: string;
  /** Pieces that are equal in every line, or in every one of a type. */
  readonly #afterUuid: string;
  readonly #packetType: Piece;
  readonly #socketType: Piece;
  readonly #layer7Type: Piece;
  readonly #end: Piece;
  /** Pieces by what they depend on: up to the addresses, these, up to the ports, behind them, and from the event's type to the summary. */
  readonly #heads = new PieceCache(4, CACHED_PIECES);
  readonly #addresses = new PieceCache(5, CACHED_ADDRESSES);
  readonly #beforePorts = new PieceCache(2, CACHED_PIECES);
  readonly #afterPorts = new PieceCache(2, CACHED_PIECES);
  readonly #packetTails = new PieceCache(9, CACHED_PIECES);
  readonly #socketTails = new PieceCache(2, CACHED_PIECES);
  readonly #socketEnds = new PieceCache(2, CACHED_PIECES);

  constructor(options: FlowEncoderOptions) {
    const node = goString(options.nodeName);
    const { emitterVersion } = options.format;
    this.#tables = options.tables;
    this.#time = new TimestampText(options.epochSeconds);
    this.#uuids = new FlowUuids(options.uuidKey);
    this.#format = options.format;
    this.#policies = options.format.allowedBy ? (options.policies ?? null) : null;
    this.#ethernet = options.ethernet ?? null;
    this.#node = node;
    this.#afterUuid =
      emitterVersion === null ? '","verdict":"' : `","emitter":{"name":"Hubble","version":${goString(emitterVersion)}},"verdict":"`;
    const labels = options.nodeLabels ?? [];
    const nodeLabels = !options.format.nodeLabels || labels.length === 0 ? "" : `,"node_labels":[${labels.map(goString).join(",")}]`;
    const typed = (type: string): Piece => piece(`,"Type":"${type}","node_name":${node}${nodeLabels}`);
    this.#packetType = typed("L3_L4");
    this.#socketType = typed("SOCK");
    this.#layer7Type = typed("L7");
    this.#end = piece(`},"node_name":${node},"time":"`);
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

  /** Adds the line of a flow, with its newline. `number`: which event of the run it is, from 0; the UUID depends on it. */
  put(row: FlowRow, number: number, line: LineBytes): void {
    line.put(BEGIN);
    this.#time.put(row.timeNs, line);
    line.put(UUID);
    this.#uuids.put(number, line);
    line.put(this.#head(row));
    this.#putEnds(row, line);
    if (row.layer7 !== null) this.#putLayer7(row, row.layer7, line);
    else if (row.eventType === FLOW_EVENT.traceSock) this.#putSocket(row, line);
    else this.#putPacket(row, line);
    line.put(this.#end);
    this.#time.put(row.timeNs, line);
    line.put(END);
  }

  /** Addresses, ports, endpoints. */
  #putEnds(row: FlowRow, line: LineBytes): void {
    const tables = this.#tables;
    const seen = this.#address(row, ROW_SOURCE);
    const before = row.translated === 1 ? this.#address(row, ROW_ORIGINAL) : seen;
    line.put(before);
    if (before !== seen && this.#format.sourceXlated) {
      line.put(SOURCE_XLATED);
      line.put(seen);
    }
    line.put(DESTINATION);
    line.put(this.#address(row, ROW_DESTINATION));
    line.put(this.#upToPorts(row));
    if (hasPorts(row)) putPorts(row, line);
    line.put(this.#behindPorts(row));
    line.put(tables.endpointPiece(row.sourceEndpoint, row.sourceIdentity));
    line.put(DESTINATION_END);
    line.put(tables.endpointPiece(row.destinationEndpoint, row.destinationIdentity));
  }

  #putPacket(row: FlowRow, line: LineBytes): void {
    line.put(this.#packetType);
    if (this.#tables.knowsNames) line.putText(this.#names(row));
    line.put(this.#packetTail(row));
    if (row.eventType === FLOW_EVENT.policyVerdict) line.putText(this.#rules(row));
  }

  /** What a proxy told of a request or an answer: no flags of TCP, no observation point. */
  #putLayer7(row: FlowRow, layer7: Layer7, line: LineBytes): void {
    const isReply = row.reply === FLOW_REPLY.yes;
    line.put(this.#layer7Type);
    if (this.#tables.knowsNames) line.putText(this.#names(row));
    line.putText(
      `,"l7":${layer7Json(layer7)}${isReply ? ',"reply":true' : ""}${eventType(row)}${this.#services(row)}` +
        `,"traffic_direction":"${DIRECTION_NAMES[row.direction]!}","is_reply":${isReply},"Summary":${layer7Summary(layer7)}`,
    );
  }

  /** Of a socket translation only the socket's own pod and the far end are known: pkg/hubble/parser/sock. */
  #putSocket(row: FlowRow, line: LineBytes): void {
    line.put(this.#socketType);
    if (this.#tables.knowsNames) line.putText(this.#names(row));
    const tails = this.#socketTails;
    tails.key[0] = row.subType;
    tails.key[1] = row.destinationService;
    line.put(tails.find() ?? tails.keep(`${eventType(row)}${this.#destinationService(row)},"sock_xlate_point":"${SOCKET_POINTS[row.subType]!}"`));
    if (row.cookie !== 0) {
      line.put(COOKIE);
      line.putDecimal(row.cookie);
      line.put(COOKIE_END);
    }
    const ends = this.#socketEnds;
    ends.key[0] = row.sourceEndpoint;
    ends.key[1] = row.protocol;
    line.put(ends.find() ?? ends.keep(this.#socketEnd(row)));
  }

  #socketEnd(row: FlowRow): string {
    const cgroupId = row.sourceEndpoint === NOBODY ? undefined : this.#tables.endpoint(row.sourceEndpoint).cgroupId;
    return `${cgroupId === undefined ? "" : `,"cgroup_id":"${cgroupId}"`},"Summary":"${row.protocol === IPPROTO_TCP ? "TCP" : "UDP"}"`;
  }

  /** From the UUID to the source's address. */
  #head(row: FlowRow): Piece {
    const heads = this.#heads;
    heads.key[0] = row.verdict;
    heads.key[1] = isPacket(row) ? row.dropCode : 0;
    heads.key[2] = isPacket(row) ? row.frame : 0;
    heads.key[3] = isPacket(row) && this.#ethernet !== null ? this.#ethernet.whose(row) : 0;
    return heads.find() ?? heads.keep(this.#headText(row));
  }

  #headText(row: FlowRow): string {
    const ofPacket = isPacket(row);
    const drop = ofPacket && row.dropCode !== 0 ? `,"drop_reason":${row.dropCode}` : "";
    const ethernet = ofPacket && this.#ethernet !== null ? this.#ethernet.json(row) : "";
    return `${this.#afterUuid}${VERDICT_NAMES[row.verdict]!}"${drop}${ethernet},"IP":{"source":"`;
  }

  #address({ addresses: words, family }: FlowRow, at: number): Piece {
    const cache = this.#addresses;
    cache.key[0] = family;
    for (let word = 0; word < 4; word++) cache.key[1 + word] = word < family ? words[at + word]! : 0;
    return cache.find() ?? cache.keep(this.#tables.addressText(words, at, family));
  }

  #upToPorts(row: FlowRow): Piece {
    const cache = this.#beforePorts;
    cache.key[0] = transportKey(row);
    cache.key[1] = icmpKey(row);
    return cache.find() ?? cache.keep(upToPortsText(row));
  }

  #behindPorts(row: FlowRow): Piece {
    const cache = this.#afterPorts;
    cache.key[0] = transportKey(row);
    cache.key[1] = row.tcpFlags & 0xff;
    return cache.find() ?? cache.keep(behindPortsText(row));
  }

  /** From the type of the event to the summary. */
  #packetTail(row: FlowRow): Piece {
    const { key } = this.#packetTails;
    key[0] = row.eventType | (row.direction << 8) | ((row.reply + 1) << 16);
    key[1] = row.subType;
    key[2] = row.sourceService;
    key[3] = row.destinationService;
    key[4] = row.policyMatch | (row.traceReason << 16);
    key[5] = row.dropCode;
    key[6] = row.ifindex;
    key[7] = row.proxyPort | ((row.tcpFlags & 0xff) << 16);
    key[8] = transportKey(row) ^ (icmpKey(row) << 16);
    return this.#packetTails.find() ?? this.#packetTails.keep(this.#packetTailText(row));
  }

  #packetTailText(row: FlowRow): string {
    return (
      (row.reply === FLOW_REPLY.yes ? ',"reply":true' : "") +
      eventType(row) +
      this.#services(row) +
      (row.direction === FLOW_DIRECTION.unknown ? "" : `,"traffic_direction":"${DIRECTION_NAMES[row.direction]!}"`) +
      (row.policyMatch === 0 ? "" : `,"policy_match_type":${row.policyMatch}`) +
      (row.eventType === FLOW_EVENT.trace ? this.#trace(row) : "") +
      (row.dropCode === 0 ? "" : dropName(row.dropCode)) +
      (row.reply === FLOW_REPLY.absent ? "" : row.reply === FLOW_REPLY.yes ? ',"is_reply":true' : ',"is_reply":false') +
      (row.ifindex === 0 ? "" : `,"interface":${this.#tables.interfaceJson(row.ifindex)}`) +
      (row.proxyPort === 0 ? "" : `,"proxy_port":${row.proxyPort}`) +
      `,"Summary":"${summaryOf(row)}"`
    );
  }

  #services(row: FlowRow): string {
    const source = row.sourceService === NOBODY ? "" : `,"source_service":${this.#tables.serviceJson(row.sourceService)}`;
    return source + this.#destinationService(row);
  }

  #destinationService({ destinationService }: FlowRow): string {
    return destinationService === NOBODY ? "" : `,"destination_service":${this.#tables.serviceJson(destinationService)}`;
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

  #trace(row: FlowRow): string {
    const point = OBSERVATION_POINTS[row.subType];
    const reason = this.#format.traceReason ? (TRACE_REASONS[row.traceReason] ?? "") : "";
    return (
      (point === undefined ? "" : `,"trace_observation_point":"${point}"`) + (reason === "" ? "" : `,"trace_reason":"${reason}"`)
    );
  }
}

function eventType(row: FlowRow): string {
  return `,"event_type":{"type":${row.eventType}${row.subType === 0 ? "" : `,"sub_type":${row.subType}`}}`;
}

/** The enum's name; a code without one is written as a number, as protobuf does. */
function dropName(code: number): string {
  const name = dropReason(code)?.flowName;
  return `,"drop_reason_desc":${name === undefined ? code : `"${name}"`}`;
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
