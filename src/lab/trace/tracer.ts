/**
 * Follows one connection of a run: its packets through the node's programs, what its sockets do, and which of its map
 * entries go without it. It only looks, so a traced run is the same run.
 */
import { IPPROTO_TCP } from "../../cilium/datapath/packet.js";
import { protocolText } from "../../cilium/datapath/trace/describe.js";
import type { WalkStep } from "../../cilium/datapath/trace/walk-trace.js";
import { rowOf, type FlowTable } from "../../node/flow-table.js";
import type { Topology } from "../../node/topology.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import type { Scenario, Workload } from "../../scenario/types.js";
import { Side } from "../../traffic/tcp-peers.js";
import { tupleText, type TraceRequest } from "./request.js";
import type { ConnectionTrace, TracedConnection, TraceRecord } from "./result.js";

/** Records kept of the beginning of a long life, and as many of its end. */
const KEPT_EACH = 200;
/** No flow has this number. */
const NONE = -1;

/** What programs did for one packet or call. */
export interface Walked {
  readonly cpu: number;
  readonly costNs: number;
  readonly steps: readonly WalkStep[];
}

/** Hooks that look at connect(). */
export interface FollowedConnects {
  /** The present connect(), when it was worth recording. */
  readonly connect: Walked | null;
}

/** What a socket asked for before load balancing at connect() gave it a backend. */
interface Asked {
  readonly target: number;
  readonly targetPort: number;
}

export class ConnectionTracer {
  readonly #request: TraceRequest;
  readonly #scenario: Scenario;
  readonly #clock: { readonly now: number };
  readonly #records: TraceRecord[] = [];
  #omitted = 0;
  /** Connections that each workload has opened so far. */
  readonly #opened: number[];
  /** The followed flow, and its table's protocol; NONE before and after. */
  #flow = NONE;
  #protocol = 0;
  #found: TracedConnection | null = null;
  /** The first connection of the run, as an example of what there is. */
  #first: string | null = null;
  #opening = false;
  /** The followed connection's handshake was completed. */
  established = false;
  #asked: Asked | null = null;
  #names: ReadonlyMap<number, string> = new Map();
  #hooks: FollowedConnects | undefined;
  #sockets: Sockets | undefined;

  constructor(request: TraceRequest, scenario: Scenario, clock: { readonly now: number }) {
    this.#request = request;
    this.#scenario = scenario;
    this.#clock = clock;
    this.#opened = scenario.workloads.map(() => 0);
  }

  /** The node is complete. */
  attach(topology: Topology, sockets: Sockets, hooks: FollowedConnects): void {
    this.#names = namesOf(topology);
    this.#sockets = sockets;
    this.#hooks = hooks;
  }

  /** A workload is about to open its next connection. */
  opens(workload: number): void {
    this.#opened[workload]!++;
    this.#opening = true;
    this.#asked = null;
  }

  /** Whether a connect() of that source is worth recording: it may turn out to be the one. */
  wantsConnect(source: number, target: number, targetPort: number): boolean {
    this.#asked = { target, targetPort };
    if (!this.#opening || this.#found !== null) return false;
    const request = this.#request;
    return request.kind === "tuple" ? request.source === source : this.#isNth(request);
  }

  #isNth(request: TraceRequest & { kind: "nth" }): boolean {
    return this.#scenario.workloads.some(({ name }, index) => name === request.workload && this.#opened[index] === request.nth);
  }

  /** The connection has been opened under the number `flow`, or (negative) could not be. True: it is the one to follow. */
  opened(protocol: number, workload: number, flow: number, table: FlowTable): boolean {
    this.#opening = false;
    const walk = this.#hooks!.connect;
    const request = this.#request;
    if (flow < 0) {
      if (this.#found === null && request.kind === "nth" && this.#isOf(request, workload)) this.#refused(workload, walk);
      return false;
    }
    if (this.#found !== null || (request.kind === "nth" && this.#first !== null && !this.#isOf(request, workload))) return false;
    const row = rowOf(flow, Side.client);
    const sockets = { target: table.remoteAddress[row]!, targetPort: table.remotePort[row]! };
    const asked = this.#asked ?? sockets;
    const source = table.address[row]!;
    const sourcePort = table.port[row]!;
    const ipv6 = table.ipv6[flow] === 1;
    this.#first ??= `${tupleText(source, sourcePort, asked.target, asked.targetPort, ipv6)} (${this.#scenario.workloads[workload]!.name}:1)`;
    const wanted =
      request.kind === "nth"
        ? this.#isOf(request, workload)
        : (request.protocol ?? protocol) === protocol &&
          request.ipv6 === ipv6 &&
          request.source === source &&
          request.sourcePort === sourcePort &&
          [asked, sockets].some(({ target, targetPort }) => target === request.target && targetPort === request.targetPort);
    if (!wanted) return false;
    const tuple = tupleText(source, sourcePort, asked.target, asked.targetPort, ipv6);
    this.#flow = flow;
    this.#protocol = protocol;
    this.#found = {
      workload: this.#scenario.workloads[workload]!.name,
      nth: this.#opened[workload]!,
      protocol: protocolText(table.protocolOf[flow]!),
      tuple,
      client: this.nameOf(source),
      server: this.nameOf(asked.target),
      openedAtNs: this.#clock.now,
    };
    const moved = asked.target !== sockets.target || asked.targetPort !== sockets.targetPort;
    const backend = !moved ? "" : `, socket LB sends it to ${tupleText(source, sourcePort, sockets.target, sockets.targetPort, ipv6)}`;
    this.record("socket", `client opens a ${this.#found.protocol} socket ${tuple}${backend}`, walk ?? {});
    return true;
  }

  #isOf({ workload, nth }: TraceRequest & { kind: "nth" }, index: number): boolean {
    return this.#scenario.workloads[index]!.name === workload && this.#opened[index] === nth;
  }

  /** connect() itself failed: no local port was free, or the service has no backend. */
  #refused(workload: number, walk: Walked | null): void {
    const asked = this.#asked;
    this.#found = {
      workload: this.#scenario.workloads[workload]!.name,
      nth: this.#opened[workload]!,
      protocol: workloadProtocol(this.#scenario.workloads[workload]!),
      tuple: "",
      client: "",
      server: asked === null ? "" : this.nameOf(asked.target),
      openedAtNs: this.#clock.now,
    };
    this.record("socket", "connect() fails: no local port is free, or the service has no backend", walk ?? {});
  }

  /** Something happened to the followed connection, now. */
  record(kind: TraceRecord["kind"], text: string, more: Partial<TraceRecord> = {}): void {
    this.#records.push({ timeNs: this.#clock.now, kind, text, steps: [], ...more });
    if (this.#records.length <= 2 * KEPT_EACH) return;
    this.#records.splice(KEPT_EACH, 1);
    this.#omitted++;
  }

  /** Time since the connection was opened, ns. */
  get ageNs(): number {
    return this.#clock.now - (this.#found?.openedAtNs ?? this.#clock.now);
  }

  /** How often the end that sends has sent again so far; 0 for UDP, whose applications ask again by themselves. */
  retransmissions(side: number): number {
    return this.#protocol === IPPROTO_TCP ? this.#sockets!.peers.retransmissions(this.#flow, side) : 0;
  }

  /** Who sends with that source: an end of the connection, or a host that answers a packet which it can't place. */
  senderName(row: number, source: number, port: number): string {
    const { flows, datagrams } = this.#sockets!;
    const table = this.#protocol === IPPROTO_TCP ? flows : datagrams;
    if (table.wireSource[row] === source && table.wireSourcePort[row] === port) return (row & 1) === Side.client ? "client" : "server";
    return `${this.nameOf(source) || "a host"}, which does not know the connection,`;
  }

  /** `pod red/web-3`; "" when the cluster does not know the address. */
  nameOf(address: number): string {
    return this.#names.get(address) ?? "";
  }

  finish(variant: string | null): ConnectionTrace {
    return {
      request: this.#request.text,
      variant,
      connection: this.#found,
      missing: this.#found === null ? this.#whatThereWas() : null,
      records: this.#records,
      omitted: this.#omitted,
    };
  }

  #whatThereWas(): string {
    const request = this.#request;
    if (request.kind === "tuple") {
      return `no connection ${request.text} was opened${this.#first === null ? "" : `; the first of this run is ${this.#first}`}`;
    }
    const index = this.#scenario.workloads.findIndex(({ name }) => name === request.workload);
    if (index < 0) return `this variant has no workload ${request.workload}`;
    const count = this.#opened[index]!;
    return `${request.text} never appeared: ${request.workload} opened ${count} connection${count === 1 ? "" : "s"} in this run`;
  }
}

function namesOf(topology: Topology): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const pods = [...topology.localPods, ...topology.remoteClients, ...topology.services.flatMap(({ backends, later }) => [...backends, ...later])];
  for (const { address, namespace, name } of pods) names.set(address, `pod ${namespace}/${name}`);
  for (const [node, address] of topology.nodeAddresses) names.set(address, `node ${node}`);
  for (const { frontends, namespace, name } of topology.services) {
    for (const { address, kind } of frontends) if (address !== 0 && kind !== "node-port") names.set(address, `service ${namespace}/${name}`);
  }
  return names;
}

function workloadProtocol(workload: Workload): string {
  return workload.kind === "queries" ? workload.query.protocol : "TCP";
}
