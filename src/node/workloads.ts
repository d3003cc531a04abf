/**
 * What the applications do: open connections, send requests, answer them, wait, close. The sockets' user on both sides.
 *
 * Everything that chance decides about a connection (pod, CPU, service time of the first request, hold, leak) is drawn
 * when it is opened, from streams of its workload alone: whatever happens to packets, the offered load stays the same.
 */
import type { RandomStream, RandomStreams } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { ArrivalWorkload, Distribution, PoolWorkload, RequestShape, Scenario, Workload } from "../scenario/types.js";
import { Side, type Application, type TcpPeers } from "../traffic/tcp-peers.js";
import { ArrivalProcess } from "./arrivals.js";
import type { Connections } from "./connections.js";
import type { Topology } from "./topology.js";

/** What the sockets' user needs from the node. */
export interface Sockets {
  readonly peers: TcpPeers;
  readonly connections: Connections;
  /** A socket of a pod with backend and port chosen, ready for `peers.connect`. Returns the connection, or -1 (the call failed). */
  connect(workload: number, pod: number, cpu: number, where: number): number;
  /** The number is free again; `timeWait`: the client's port is not. */
  release(connection: number, timeWait: boolean): void;
}

/** Pools are opened over this span from the start, so that they do not arrive in one packet train. */
const POOL_OPENING_NS = 1e9;

export class Workloads implements Application {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #topology: Topology;
  readonly #recorder: RunRecorder;
  readonly #arrivals: readonly (ArrivalProcess | null)[];
  /** Drawn when a connection is opened, and (second) while it lives. */
  readonly #opening: readonly RandomStream[];
  readonly #living: readonly RandomStream[];
  readonly #arrive: number;
  readonly #answer: number;
  readonly #request: number;
  readonly #close: number;
  #sockets!: Sockets;

  constructor(simulation: Simulation, scenario: Scenario, topology: Topology, streams: RandomStreams, recorder: RunRecorder) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#topology = topology;
    this.#recorder = recorder;
    this.#arrivals = scenario.workloads.map((workload) =>
      workload.kind === "arrivals" ? new ArrivalProcess(workload, streams.stream(`arrivals/${workload.name}`)) : null,
    );
    this.#opening = scenario.workloads.map(({ name }) => streams.stream(`connections/${name}`));
    this.#living = scenario.workloads.map(({ name }) => streams.stream(`requests/${name}`));
    this.#arrive = simulation.on((workload) => this.#arrival(workload));
    this.#answer = simulation.on((connection, generation) => this.#answered(connection, generation));
    this.#request = simulation.on((connection, generation) => this.#nextRequest(connection, generation));
    this.#close = simulation.on((connection, generation) => this.#closed(connection, generation));
  }

  /** Connects the node's sockets and schedules the first arrivals. */
  start(sockets: Sockets): void {
    this.#sockets = sockets;
    this.#scenario.workloads.forEach((workload, index) => {
      const process = this.#arrivals[index];
      if (process !== null && process !== undefined) this.#schedule(process.next(0), this.#arrive, index, 0);
      if (workload.kind === "pool") this.#openPool(workload, index);
    });
  }

  #openPool({ connections }: PoolWorkload, workload: number): void {
    for (let i = 0; i < connections; i++) {
      this.#schedule(Math.round((POOL_OPENING_NS * (i + 1)) / connections), this.#arrive, workload, 0);
    }
  }

  #arrival(workload: number): void {
    const now = this.#simulation.now;
    const process = this.#arrivals[workload];
    if (process !== null && process !== undefined) this.#schedule(process.next(now), this.#arrive, workload, 0);
    const random = this.#opening[workload]!;
    const pods = this.#topology.clients[workload]!;
    const pod = pods[random.below(pods.length)]!;
    const cpu = random.below(this.#scenario.cluster.cpus);
    const shape = this.#scenario.workloads[workload]!;
    const serverTime = draw(requestShape(shape).serverTime, random);
    const hold = shape.kind === "arrivals" ? holdTime(shape, random) : Infinity;
    const where = this.#recorder.windows.whereIs(now);
    this.#recorder.connectionOpened();
    const connection = this.#sockets.connect(workload, pod, cpu, where);
    if (connection < 0) {
      this.#recorder.connectionFailed();
      return;
    }
    const { connections, peers } = this.#sockets;
    connections.serverTime[connection] = serverTime;
    connections.holdTime[connection] = hold;
    connections.requestsLeft[connection] = shape.kind === "arrivals" ? shape.connection.requests : 1;
    peers.connect(connection);
  }

  established(connection: number, side: number): void {
    if (side !== Side.client) return;
    const { connections, peers } = this.#sockets;
    connections.established[connection] = 1;
    const latency = this.#simulation.now - connections.openedAt[connection]!;
    this.#recorder.connectionEstablished(connections.where[connection]!, latency, peers.retransmissions(connection, side));
    this.#continue(connection);
  }

  /** Sends the next request, or begins to hold when none is left. */
  #continue(connection: number): void {
    const { connections } = this.#sockets;
    if (connections.requestsLeft[connection]! > 0) this.#sendRequest(connection);
    else this.#hold(connection);
  }

  #sendRequest(connection: number): void {
    const { connections, peers } = this.#sockets;
    const { requestBytes, responseBytes } = requestShape(this.#workloadOf(connection));
    connections.requestsLeft[connection]!--;
    connections.requestedAt[connection] = this.#simulation.now;
    connections.awaitedByServer[connection] = requestBytes;
    connections.awaitedByClient[connection] = responseBytes;
    peers.write(connection, Side.client, requestBytes);
  }

  received(connection: number, side: number, bytes: number): void {
    const { connections } = this.#sockets;
    if (side === Side.server) {
      connections.awaitedByServer[connection]! -= bytes;
      if (connections.awaitedByServer[connection] !== 0) return;
      this.#later(connection, connections.serverTime[connection]!, this.#answer);
      return;
    }
    connections.awaitedByClient[connection]! -= bytes;
    if (connections.awaitedByClient[connection] !== 0) return;
    this.#recorder.requestAnswered(connections.where[connection]!, this.#simulation.now - connections.requestedAt[connection]!);
    this.#afterAnswer(connection);
  }

  /** The server has worked on the request; the next one's time is drawn now. */
  #answered(connection: number, generation: number): void {
    const { connections, peers } = this.#sockets;
    if (connections.generation[connection] !== generation) return;
    const shape = requestShape(this.#workloadOf(connection));
    peers.write(connection, Side.server, shape.responseBytes);
  }

  #afterAnswer(connection: number): void {
    const { connections } = this.#sockets;
    const workload = connections.workload[connection]!;
    const shape = this.#workloadOf(connection);
    const random = this.#living[workload]!;
    if (shape.kind === "pool") connections.requestsLeft[connection] = 1;
    if (connections.requestsLeft[connection] === 0) {
      this.#hold(connection);
      return;
    }
    connections.serverTime[connection] = draw(requestShape(shape).serverTime, random);
    const pause = shape.kind === "pool" ? shape.request.every : shape.connection.thinkTime;
    this.#later(connection, draw(pause, random), this.#request);
  }

  #nextRequest(connection: number, generation: number): void {
    if (this.#sockets.connections.generation[connection] === generation) this.#continue(connection);
  }

  #hold(connection: number): void {
    const hold = this.#sockets.connections.holdTime[connection]!;
    if (hold !== Infinity) this.#later(connection, hold, this.#close);
  }

  #closed(connection: number, generation: number): void {
    const { connections, peers } = this.#sockets;
    if (connections.generation[connection] !== generation) return;
    const shape = this.#workloadOf(connection);
    peers.close(connection, shape.kind === "arrivals" && shape.connection.close === "server" ? Side.server : Side.client);
  }

  /** Whoever reads the end of the stream closes too. */
  peerClosed(connection: number, side: number): void {
    this.#sockets.peers.close(connection, side);
  }

  closed(): void {
    // Both orders of closing end in `released`.
  }

  failed(connection: number, side: number): void {
    const { connections } = this.#sockets;
    if (side !== Side.client) return;
    if (connections.established[connection] === 1) this.#recorder.connectionBroken();
    else this.#recorder.connectionFailed();
  }

  released(connection: number, timeWaitSide: number): void {
    this.#sockets.connections.generation[connection]!++;
    this.#sockets.release(connection, timeWaitSide === Side.client);
  }

  #workloadOf(connection: number): Workload {
    return this.#scenario.workloads[this.#sockets.connections.workload[connection]!]!;
  }

  #later(connection: number, delayNs: number, kind: number): void {
    this.#schedule(this.#simulation.now + Math.round(delayNs), kind, connection, this.#sockets.connections.generation[connection]!);
  }

  #schedule(at: number, kind: number, a: number, b: number): void {
    this.#simulation.at(at, kind, a, b);
  }
}

function requestShape(workload: Workload): RequestShape {
  return workload.kind === "pool" ? workload.request : workload.connection;
}

function holdTime({ connection }: ArrivalWorkload, random: RandomStream): number {
  const hold = draw(connection.hold, random);
  const leaks = random.chance(connection.leak);
  return leaks || connection.close === "never" ? Infinity : hold;
}

function draw(distribution: Distribution, random: RandomStream): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.valueNs;
    case "exponential":
      return random.exponential(distribution.meanNs);
    case "uniform":
      return distribution.lowNs + random.nextFloat() * (distribution.highNs - distribution.lowNs);
  }
}
