/**
 * What the node's proxies tell the agent, as rows of flows: pkg/proxy/accesslog, pkg/envoy/accesslog_server.go (`logRecord`),
 * daemon/cmd/fqdn.go (`notifyOnDNSMsg`), and cilium/proxy's accesslog.cc, which notes a request when it came and an answer when
 * it went back.
 *
 * Simplified: an answer whose request the agent has never seen keeps its latency; the log never fails.
 */
import { MARK_PROXY_INGRESS } from "../cilium/datapath/packet.js";
import { IPV4_WORDS, IPV6_WORDS } from "../cilium/maps/address.js";
import { NS_PER_S } from "../core/units.js";
import type { FlowRecorder } from "../observe/flow-recorder.js";
import { FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, FlowRow, ROW_DESTINATION, ROW_SOURCE } from "../observe/flow-row.js";
import { type FlowTables, NOBODY } from "../observe/flow-tables.js";
import type { FlowUuids } from "../observe/flow-text.js";
import type { Layer7 } from "../observe/layer7.js";
import type { QueryWorkload, Scenario } from "../scenario/types.js";
import { Side } from "../traffic/tcp-peers.js";
import { rowOf, type FlowTable } from "./flow-table.js";
import { addressOf } from "./ipv6.js";
import type { Topology } from "./topology.js";
import { answerTo, candidateName, httpRequest, type Question } from "./workloads/spoken.js";

/** The one header that flows show, and what stands in the place of values that are not shown. */
const REQUEST_ID = "x-request-id";
const REDACTED = "HUBBLE_REDACTED";

/** A request that the proxy has noted. */
export interface LoggedRequest {
  readonly atNs: number;
  readonly id: string;
}

export interface AccessLogParts {
  readonly recorder: FlowRecorder;
  readonly tables: FlowTables;
  readonly scenario: Scenario;
  readonly topology: Topology;
  /** Simulated time, ns. */
  readonly clock: { readonly now: number };
  readonly requestIds: FlowUuids;
}

export class AccessLog {
  readonly #parts: AccessLogParts;
  readonly #row = new FlowRow();
  #requests = 0;

  constructor(parts: AccessLogParts) {
    this.#parts = parts;
  }

  /** A request has come on a connection that ends at the proxy. */
  httpRequest(flows: FlowTable, connection: number, allowed: boolean): LoggedRequest {
    const request = { atNs: this.#parts.clock.now, id: this.#parts.requestIds.text(this.#requests++) };
    const { method, url } = this.#spoken(flows, connection);
    const record = { kind: "http", method, url, code: 0, requestId: this.#shown(request.id) } as const;
    this.#write(flows, connection, { type: "REQUEST", latencyNs: 0, record }, allowed);
    return request;
  }

  /** An answer goes back: the server's, or the proxy's own with its status. */
  httpResponse(flows: FlowTable, connection: number, { atNs, id }: LoggedRequest, ownStatus: number | null): void {
    const { method, url, status } = this.#spoken(flows, connection);
    const latencyNs = this.#parts.clock.now - atNs;
    const record = { kind: "http", method, url, code: ownStatus ?? status, requestId: this.#shown(id) } as const;
    this.#write(flows, connection, { type: "RESPONSE", latencyNs, record });
  }

  /** A question is passed on, or refused without an answer in the log. */
  dnsQuestion(flows: FlowTable, flow: number, question: Question, allowed: boolean): void {
    const query = candidateName(this.#queries(flows, flow), question.candidate);
    this.#write(flows, flow, { type: "REQUEST", latencyNs: 0, record: { kind: "dns", query, qtype: question.qtype, answer: null } }, allowed);
  }

  /** Its answer goes back; the client's history keeps the name. */
  dnsAnswer(flows: FlowTable, flow: number, question: Question): void {
    const workload = this.#queries(flows, flow);
    const query = candidateName(workload, question.candidate);
    const answer = answerTo(workload, question);
    this.#write(flows, flow, { type: "RESPONSE", latencyNs: 0, record: { kind: "dns", query, qtype: question.qtype, answer } });
    const { tables, clock } = this.#parts;
    const client = tables.endpointId(this.#row.destinationEndpoint);
    for (const ip of answer.ips) tables.learnName(client, ip, query.slice(0, -1), clock.now + answer.ttlS * NS_PER_S);
  }

  /** pkg/hubble/parser/seven/http.go `filterHeader`. */
  #shown(requestId: string): string {
    const { redact } = this.#parts.scenario.observe.parsing;
    if (redact === null || redact.allowedHeaders.includes(REQUEST_ID)) return requestId;
    const { allowedHeaders, deniedHeaders } = redact;
    const passes = allowedHeaders.length === 0 && deniedHeaders.length > 0 && !deniedHeaders.includes(REQUEST_ID);
    return passes ? requestId : REDACTED;
  }

  #queries(flows: FlowTable, flow: number): QueryWorkload {
    return this.#parts.scenario.workloads[flows.workload[flow]!] as QueryWorkload;
  }

  #spoken(flows: FlowTable, connection: number): ReturnType<typeof httpRequest> {
    const { scenario, topology, tables } = this.#parts;
    const at = rowOf(connection, Side.server);
    const words = flows.ipv6[connection] === 1 ? IPV6_WORDS : IPV4_WORDS;
    const address = tables.addressText(addressOf(flows.address[at]!, words), 0, words);
    const request = httpRequest(scenario.workloads[flows.workload[connection]!]!, topology, { address, port: flows.port[at]! });
    return scenario.observe.parsing.redact?.urlQuery === true ? { ...request, url: request.url.replace(/\?.*$/, "") } : request;
  }

  /** The ends are those that the proxy stands between; in answers they have changed places. */
  #write(flows: FlowTable, flow: number, layer7: Layer7, allowed = true): void {
    const { recorder, clock } = this.#parts;
    const row = this.#row;
    const at = rowOf(flow, Side.server);
    const isReply = layer7.type === "RESPONSE";
    row.timeNs = clock.now;
    row.family = flows.ipv6[flow] === 1 ? IPV6_WORDS : IPV4_WORDS;
    row.addresses.set(addressOf(flows.remoteAddress[at]!, row.family), isReply ? ROW_DESTINATION : ROW_SOURCE);
    row.addresses.set(addressOf(flows.address[at]!, row.family), isReply ? ROW_SOURCE : ROW_DESTINATION);
    row.sport = isReply ? flows.port[at]! : flows.remotePort[at]!;
    row.dport = isReply ? flows.remotePort[at]! : flows.port[at]!;
    row.protocol = flows.protocolOf[flow]!;
    row.eventType = FLOW_EVENT.accessLog;
    row.verdict = allowed ? FLOW_VERDICT.forwarded : FLOW_VERDICT.dropped;
    row.direction = flows.mark[at] === MARK_PROXY_INGRESS ? FLOW_DIRECTION.ingress : FLOW_DIRECTION.egress;
    row.reply = isReply ? FLOW_REPLY.yes : FLOW_REPLY.no;
    row.layer7 = layer7;
    this.#identify(row);
    recorder.accessLog(row);
  }

  /** `EndpointInfoRegistry.FillEndpointInfo`: whom the agent knows at an address; everybody else is the world. */
  #identify(row: FlowRow): void {
    const { tables } = this.#parts;
    const world = tables.worldIdentity(row.family);
    row.sourceEndpoint = tables.endpointAt(row.addresses, ROW_SOURCE, row.family);
    row.destinationEndpoint = tables.endpointAt(row.addresses, ROW_DESTINATION, row.family);
    row.sourceIdentity = row.sourceEndpoint === NOBODY ? world : 0;
    row.destinationIdentity = row.destinationEndpoint === NOBODY ? world : 0;
  }
}
