/**
 * The node's L7 proxy (Envoy) for HTTP: it accepts the connections that policies redirect to it, reads requests, passes each
 * on by a connection of its own, and passes the answer back.
 *
 * Envoy as chart and agent configure it (cilium-envoy's bootstrap, pkg/envoy/xds_server.go, 1.14 to 1.19): connect time-out
 * 2 s (`connectTimeoutSeconds`), three more tries of what fails (`httpRetryCount`, on 5xx, which a broken or refused
 * connection counts as), and every 2.5 s (`cleanupInterval`) servers that nobody has used since the last time are forgotten,
 * with their idle connections. A connection to the server is used again by requests of the same client identity to the same
 * server; one that bears the client's address and port only by requests of that very connection.
 *
 * What no rule allows is answered with 403 by the proxy itself, and with 503 what has failed at the last try (Envoy's flags
 * UF and URX for a server that can't be reached, UC for one that breaks off). Another proxy on the way tries such an answer again.
 *
 * Simplified: one pool instead of one for each worker thread; no pause between two tries, where Envoy waits up to 25, 75 and
 * 175 ms. The proxy reads whole requests before it passes them on.
 *
 * It stands between the TCP engine and the applications, and hides its own connections from them.
 */
import type { Simulation } from "../../core/simulation.js";
import { NS_PER_S } from "../../core/units.js";
import type { Scenario } from "../../scenario/types.js";
import { Side, State, type Application } from "../../traffic/tcp-peers.js";
import type { AccessLog, LoggedRequest } from "../access-log.js";
import type { CpuQueues } from "../cpu.js";
import { Place, rowOf } from "../flow-table.js";
import type { L7Rules } from "../l7-rules.js";
import type { Node } from "../node.js";
import { httpShape } from "./spoken.js";
import { requestShape, type TcpWorkload } from "./tcp-application.js";

/** CPU time of Envoy for a request on its way to the server and for the answer on its way back, ns. Assumed: no source measures it apart. */
export const PROXY_REQUEST_NS = 100_000;
export const PROXY_ANSWER_NS = 50_000;
const CONNECT_TIMEOUT_NS = 2 * NS_PER_S;
const CLEANUP_NS = 2.5 * NS_PER_S;
const TRIES = 4;
/** Statuses of Envoy's own answers; none where the server has answered. */
const DENIED_STATUS = 403;
const UNAVAILABLE_STATUS = 503;
const NOT_OWN = 0;
/** Bytes of Envoy's own answers: status line and four headers, with the body "Access denied" or "upstream connect error or disconnect/reset …". */
const OWN_ANSWER_BYTES: Readonly<Record<number, number>> = { [DENIED_STATUS]: 140, [UNAVAILABLE_STATUS]: 250 };
const NONE = -1;

/** A request that the proxy has in hand, by the number of the connection that brought it. */
interface Client {
  /** The connection that serves it at present. */
  upstream: number;
  triesLeft: number;
  /** Whose idle connections it may use. */
  pool: string;
  /** The request that is not answered yet; null without an access log. */
  logged: LoggedRequest | null;
  /** Status of the answer when it is this proxy's own, or that of the next one on the way; else NOT_OWN. */
  ownStatus: number;
}

/** A connection of the proxy to a server. */
interface Upstream {
  /** The connection whose request is under way on it, NONE when idle. */
  client: number;
  readonly pool: string;
  /** Raised whenever it is taken or given back: older time-outs don't count. */
  serial: number;
}

export class L7Proxy implements Application {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #cpus: CpuQueues;
  readonly #inner: Application;
  readonly #log: AccessLog | null;
  readonly #rules: L7Rules | null;
  /** Connections of this proxy to the next one, with the status of that one's own last answer. */
  readonly #ownAnswers = new Map<number, number>();
  readonly #clients = new Map<number, Client>();
  readonly #upstreams = new Map<number, Upstream>();
  /** Idle connections by pool, the latest used last. */
  readonly #idle = new Map<string, number[]>();
  readonly #forward: number;
  readonly #answer: number;
  readonly #connectTimeout: number;
  readonly #cleanup: number;
  #node!: Node;

  /** `log`: null where nobody reads it. `rules`: null where everything may pass. */
  constructor(simulation: Simulation, scenario: Scenario, cpus: CpuQueues, inner: Application, log: AccessLog | null, rules: L7Rules | null) {
    this.#log = log;
    this.#rules = rules;
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#cpus = cpus;
    this.#inner = inner;
    this.#forward = simulation.on((connection, generation) => this.#alive(connection, generation) && this.#pass(connection));
    this.#answer = simulation.on((connection, generation) => this.#alive(connection, generation) && this.#passBack(connection));
    this.#connectTimeout = simulation.on((upstream, generation) => this.#alive(upstream, generation) && this.#gaveUp(upstream));
    this.#cleanup = simulation.on((upstream, serial) => this.#forgotten(upstream, serial));
  }

  attach(node: Node): void {
    this.#node = node;
  }

  established(connection: number, side: number): void {
    const upstream = side === Side.client ? this.#upstreams.get(connection) : undefined;
    if (upstream !== undefined) {
      this.#node.flows.established[connection] = 1;
      if (upstream.client !== NONE) this.#request(connection);
      return;
    }
    if (side === Side.server && this.#isAtProxy(connection)) this.#clients.set(connection, this.#newClient(connection));
    this.#inner.established(connection, side);
  }

  received(connection: number, side: number, bytes: number): void {
    const { connections } = this.#node;
    if (side === Side.server && this.#clients.has(connection)) {
      connections.awaitedByServer[connection]! -= bytes;
      if (connections.awaitedByServer[connection] !== 0) return;
      this.#take(connection, this.#clients.get(connection)!);
      this.#work(connection, PROXY_REQUEST_NS, this.#forward);
    } else if (side === Side.client && this.#upstreams.has(connection)) {
      connections.awaitedByClient[connection]! -= bytes;
      if (connections.awaitedByClient[connection] === 0) this.#answered(connection);
    } else this.#inner.received(connection, side, bytes);
  }

  peerClosed(connection: number, side: number): void {
    const { peers } = this.#node;
    if (side === Side.client && this.#upstreams.has(connection)) {
      peers.close(connection, side);
      this.#lost(connection);
      return;
    }
    this.#inner.peerClosed(connection, side);
    if (side === Side.server) this.#left(connection);
  }

  closed(connection: number, side: number): void {
    this.#inner.closed(connection, side);
  }

  failed(connection: number, side: number, errno: number): void {
    if (side === Side.client && this.#upstreams.has(connection)) {
      this.#lost(connection);
      return;
    }
    if (side === Side.server) this.#left(connection);
    this.#inner.failed(connection, side, errno);
  }

  released(connection: number, timeWaitSide: number): void {
    this.#left(connection);
    if (!this.#upstreams.has(connection)) {
      this.#inner.released(connection, timeWaitSide);
      return;
    }
    this.#lost(connection);
    this.#upstreams.delete(connection);
    this.#ownAnswers.delete(connection);
    this.#node.connections.generation[connection]!++;
    this.#node.release(connection, timeWaitSide === Side.client);
  }

  #isAtProxy(connection: number): boolean {
    return this.#node.flows.place[rowOf(connection, Side.server)] === Place.proxy;
  }

  #newClient(connection: number): Client {
    const { flows } = this.#node;
    const at = rowOf(connection, Side.server);
    const pool = `${flows.clientIdentity[connection]} ${flows.address[at]} ${flows.port[at]} ${flows.workload[connection]}`;
    return { upstream: NONE, triesLeft: 0, pool, logged: null, ownStatus: NOT_OWN };
  }

  /** Occupies the connection's CPU, then goes on with the event. */
  #work(connection: number, ns: number, kind: number): void {
    const { connections, flows } = this.#node;
    const done = this.#cpus.work(flows.cpu[rowOf(connection, Side.client)]!, this.#simulation.now, ns);
    this.#simulation.at(Math.round(done), kind, connection, connections.generation[connection]!);
  }

  #alive(connection: number, generation: number): boolean {
    return this.#node.connections.generation[connection] === generation;
  }

  /** A whole request has come: it is judged, and noted. */
  #take(connection: number, client: Client): void {
    const { flows } = this.#node;
    client.ownStatus = NOT_OWN;
    if (this.#rules !== null) {
      const { method, path } = httpShape(this.#scenario.workloads[flows.workload[connection]!]!);
      if (!this.#rules.allowsRequest(flows, connection, method, path)) client.ownStatus = DENIED_STATUS;
    }
    if (this.#log !== null) client.logged = this.#log.httpRequest(flows, connection, client.ownStatus === NOT_OWN);
  }

  /** The request on `connection` has been worked on. */
  #pass(connection: number): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    if (client.ownStatus !== NOT_OWN) {
      this.#passBack(connection);
      return;
    }
    client.triesLeft = TRIES;
    this.#try(connection, client);
  }

  /** Takes an idle connection to the server, or opens one. Without any the request has failed. */
  #try(connection: number, client: Client): void {
    const { connections } = this.#node;
    client.triesLeft--;
    const idle = this.#idle.get(client.pool)?.pop();
    const number = idle ?? this.#node.connectFromProxy(connection);
    if (number < 0) {
      this.#fail(connection, client);
      return;
    }
    client.upstream = number;
    const shape = requestShape(this.#scenario.workloads[this.#node.flows.workload[connection]!] as TcpWorkload);
    connections.awaitedByServer[number] = shape.requestBytes;
    connections.awaitedByClient[number] = shape.responseBytes;
    connections.serverTime[number] = connections.serverTime[connection]!;
    if (idle !== undefined) {
      const upstream = this.#upstreams.get(idle)!;
      upstream.client = connection;
      upstream.serial++;
      this.#request(idle);
      return;
    }
    const keepsSource = this.#node.flows.place[rowOf(number, Side.client)] === Place.proxy;
    if (keepsSource) client.pool = `${connection} ${connections.generation[connection]}`;
    this.#upstreams.set(number, { client: connection, pool: client.pool, serial: 0 });
    this.#simulation.at(this.#simulation.now + CONNECT_TIMEOUT_NS, this.#connectTimeout, number, connections.generation[number]!);
    this.#node.peers.connect(number);
  }

  #request(upstream: number): void {
    this.#node.peers.write(upstream, Side.client, this.#node.connections.awaitedByServer[upstream]!);
  }

  /** The server's answer is complete. */
  #answered(number: number): void {
    const upstream = this.#upstreams.get(number)!;
    const { client: connection } = upstream;
    if (connection === NONE) return;
    this.#rest(number, upstream);
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    client.upstream = NONE;
    client.ownStatus = this.#ownAnswers.get(number) ?? NOT_OWN;
    this.#ownAnswers.delete(number);
    if (client.ownStatus === UNAVAILABLE_STATUS && client.triesLeft > 0) this.#try(connection, client);
    else this.#work(connection, PROXY_ANSWER_NS, this.#answer);
  }

  #passBack(connection: number): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    const { connections, flows, peers } = this.#node;
    const { ownStatus } = client;
    if (client.logged !== null) this.#log?.httpResponse(flows, connection, client.logged, ownStatus === NOT_OWN ? null : ownStatus);
    client.logged = null;
    let bytes = requestShape(this.#scenario.workloads[flows.workload[connection]!] as TcpWorkload).responseBytes;
    if (ownStatus !== NOT_OWN) {
      // Its reader finds the length of the answer in the answer.
      bytes = OWN_ANSWER_BYTES[ownStatus]!;
      connections.awaitedByClient[connection] = bytes;
      if (this.#upstreams.has(connection)) this.#ownAnswers.set(connection, ownStatus);
    }
    peers.write(connection, Side.server, bytes);
  }

  /** Nothing is under way on the connection: it waits for the next request. */
  #rest(number: number, upstream: Upstream): void {
    upstream.client = NONE;
    upstream.serial++;
    const idle = this.#idle.get(upstream.pool);
    if (idle === undefined) this.#idle.set(upstream.pool, [number]);
    else idle.push(number);
    const cleanupAfterNext = (Math.floor(this.#simulation.now / CLEANUP_NS) + 2) * CLEANUP_NS;
    this.#simulation.at(cleanupAfterNext, this.#cleanup, number, upstream.serial);
  }

  /** Nobody has used the connection for a whole interval between two cleanups. */
  #forgotten(number: number, serial: number): void {
    const upstream = this.#upstreams.get(number);
    if (upstream?.serial !== serial || upstream.client !== NONE) return;
    this.#forget(number, upstream);
    this.#node.peers.close(number, Side.client);
  }

  /** The handshake with the server takes too long. */
  #gaveUp(number: number): void {
    const { peers } = this.#node;
    if (peers.state(number, Side.client) !== State.synSent) return;
    const connection = this.#upstreams.get(number)?.client ?? NONE;
    peers.close(number, Side.client);
    this.#retry(connection, number);
  }

  /** The server's end is gone: what was under way is tried again. */
  #lost(number: number): void {
    const upstream = this.#upstreams.get(number)!;
    const { client } = upstream;
    this.#forget(number, upstream);
    this.#retry(client, number);
  }

  #retry(connection: number, number: number): void {
    const client = connection === NONE ? undefined : this.#clients.get(connection);
    const upstream = this.#upstreams.get(number);
    if (upstream !== undefined) upstream.client = NONE;
    if (client === undefined || client.upstream !== number) return;
    client.upstream = NONE;
    if (client.triesLeft > 0) this.#try(connection, client);
    else this.#fail(connection, client);
  }

  /** No try is left, or there is no port for one. */
  #fail(connection: number, client: Client): void {
    client.ownStatus = UNAVAILABLE_STATUS;
    this.#passBack(connection);
  }

  /** The client of `connection` is gone: so is the request that it had under way. */
  #left(connection: number): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    this.#clients.delete(connection);
    if (client.upstream !== NONE) this.#node.peers.close(client.upstream, Side.client);
  }

  /** The connection is not used again. */
  #forget(number: number, upstream: Upstream): void {
    upstream.client = NONE;
    upstream.serial++;
    const idle = this.#idle.get(upstream.pool);
    const at = idle?.indexOf(number) ?? -1;
    if (at >= 0) idle!.splice(at, 1);
    if (idle?.length === 0) this.#idle.delete(upstream.pool);
  }
}
