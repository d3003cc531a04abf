/**
 * What applications do with TCP: open connections, send requests, answer them, wait, close. The sockets' user on both sides.
 *
 * Everything that chance decides about a connection (client, CPU, service time of the first request, hold, leak) is drawn
 * when it is opened, from streams of its workload alone: whatever happens to packets, the offered load stays the same.
 */
import type { RandomStream, RandomStreams } from "../../core/random.js";
import type { Simulation } from "../../core/simulation.js";
import type { RunRecorder } from "../../observe/recorder.js";
import type { ArrivalWorkload, PoolWorkload, RequestShape, Scenario } from "../../scenario/types.js";
import { Side, type Application } from "../../traffic/tcp-peers.js";
import { flowName } from "../flow-table.js";
import type { Topology } from "../topology.js";
import { draw } from "./distributions.js";
import type { Sockets } from "./sockets.js";

/** When a pool opens another connection in the place of one that failed. */
const POOL_REFILL_NS = 1e9;

export type TcpWorkload = ArrivalWorkload | PoolWorkload;

export class TcpApplication implements Application {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #topology: Topology;
  readonly #recorder: RunRecorder;
  /** Drawn when a connection is opened, and (second) while it lives. */
  readonly #opening: readonly RandomStream[];
  readonly #living: readonly RandomStream[];
  readonly #answer: number;
  readonly #request: number;
  readonly #close: number;
  readonly #giveUp: number;
  readonly #again: number;
  /** Told of every connection that is over, and of every attempt that came to nothing. */
  onEnd: (workload: number) => void = () => {};
  #sockets!: Sockets;

  constructor(simulation: Simulation, scenario: Scenario, topology: Topology, streams: RandomStreams, recorder: RunRecorder) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#topology = topology;
    this.#recorder = recorder;
    this.#opening = scenario.workloads.map(({ name }) => streams.stream(`connections/${name}`));
    this.#living = scenario.workloads.map(({ name }) => streams.stream(`requests/${name}`));
    this.#answer = simulation.on((connection, generation) => this.#answered(connection, generation));
    this.#request = simulation.on((connection, generation) => this.#nextRequest(connection, generation));
    this.#close = simulation.on((connection, generation) => this.#closed(connection, generation));
    this.#giveUp = simulation.on((connection, generation) => this.#gaveUp(connection, generation));
    this.#again = simulation.on((workload, retriesLeft) => this.#open(workload, retriesLeft));
  }

  /** Connects the node's sockets. */
  attach(sockets: Sockets): void {
    this.#sockets = sockets;
  }

  /** Opens a connection of a workload, from a client drawn at random. */
  open(workload: number): void {
    const shape = this.#scenario.workloads[workload]!;
    this.#open(workload, shape.kind === "arrivals" ? shape.connection.retries : 0);
  }

  #open(workload: number, retriesLeft: number): void {
    const { now } = this.#simulation;
    const random = this.#opening[workload]!;
    const client = random.below(this.#topology.clients[workload]!.length);
    const cpu = random.below(this.#scenario.cluster.cpus);
    const shape = this.#scenario.workloads[workload]! as TcpWorkload;
    const serverTime = draw(requestShape(shape).serverTime, random);
    const hold = shape.kind === "arrivals" ? holdTime(shape, random) : Infinity;
    const where = this.#recorder.windows.whereIs(now);
    this.#recorder.connectionOpened(workload);
    const connection = this.#sockets.connect(workload, client, cpu, where);
    if (connection < 0) {
      this.#recorder.connectionFailed(workload);
      this.#retry(workload, retriesLeft);
      this.onEnd(workload);
      return;
    }
    const { connections, peers } = this.#sockets;
    connections.retriesLeft[connection] = retriesLeft;
    connections.serverTime[connection] = serverTime;
    connections.holdTime[connection] = hold;
    connections.requestsLeft[connection] = shape.kind === "arrivals" ? shape.connection.requests : 1;
    peers.connect(connection);
    if (shape.kind === "arrivals" && shape.connection.connectTimeoutNs !== null) {
      this.#later(connection, shape.connection.connectTimeoutNs, this.#giveUp);
    }
  }

  /** The application has waited long enough for the handshake. */
  #gaveUp(connection: number, generation: number): void {
    const { connections, flows, peers } = this.#sockets;
    if (connections.generation[connection] !== generation || flows.established[connection] === 1) return;
    const workload = flows.workload[connection]!;
    const retriesLeft = connections.retriesLeft[connection]!;
    peers.close(connection, Side.client);
    this.#recorder.connectionFailed(workload);
    this.#noteFailure(connection, false);
    this.#retry(workload, retriesLeft);
  }

  #noteFailure(connection: number, established: boolean): void {
    const { counting, notable } = this.#recorder;
    const { now } = this.#simulation;
    if (!counting || !(established ? notable.wantsBroken : notable.wantsFailed)) return;
    const flow = flowName(this.#sockets.flows, connection);
    const span = now - this.#sockets.connections.openedAt[connection]!;
    if (established) notable.broken(flow, now, span);
    else notable.failed(flow, now, span);
  }

  #retry(workload: number, retriesLeft: number): void {
    const shape = this.#scenario.workloads[workload]!;
    if (shape.kind === "pool") this.#simulation.at(this.#simulation.now + POOL_REFILL_NS, this.#again, workload, 0);
    if (retriesLeft === 0 || shape.kind !== "arrivals") return;
    const pause = Math.round(draw(shape.connection.retryAfter, this.#living[workload]!));
    this.#simulation.at(this.#simulation.now + pause, this.#again, workload, retriesLeft - 1);
  }

  /** Sends a SYN that nobody stands behind. */
  spoof(workload: number): void {
    const random = this.#opening[workload]!;
    const client = random.below(this.#topology.clients[workload]!.length);
    const cpu = random.below(this.#scenario.cluster.cpus);
    const connection = this.#sockets.connect(workload, client, cpu, this.#recorder.windows.whereIs(this.#simulation.now));
    this.#recorder.synSpoofed(workload);
    if (connection >= 0) this.#sockets.peers.spoof(connection);
  }

  established(connection: number, side: number): void {
    if (side !== Side.client) {
      this.#sockets.accept(connection);
      return;
    }
    const { connections, flows, peers } = this.#sockets;
    flows.established[connection] = 1;
    const latency = this.#simulation.now - connections.openedAt[connection]!;
    const handshake = this.#simulation.now - connections.synSentAt[connection]!;
    const retransmissions = peers.retransmissions(connection, side);
    this.#recorder.connectionEstablished(flows.where[connection]!, latency, handshake, retransmissions, flows.workload[connection]!);
    const { notable, counting } = this.#recorder;
    if (latency > notable.connectFloorNs && counting) notable.connected(flowName(flows, connection), this.#simulation.now, latency);
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
    const { flows } = this.#sockets;
    const latency = this.#simulation.now - connections.requestedAt[connection]!;
    this.#recorder.requestAnswered(flows.where[connection]!, latency);
    const { notable, counting } = this.#recorder;
    // The server's own work is no delay.
    const waited = Math.round(latency - connections.serverTime[connection]!);
    if (waited > notable.answerFloorNs && counting) notable.answered(flowName(flows, connection), this.#simulation.now, waited);
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
    const { connections, flows } = this.#sockets;
    const workload = flows.workload[connection]!;
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
    if (side !== Side.client || this.#scenario.workloads[this.#sockets.flows.workload[connection]!]!.kind === "flood") return;
    const { connections, flows } = this.#sockets;
    const established = flows.established[connection] === 1;
    const workload = flows.workload[connection]!;
    if (established) this.#recorder.connectionBroken(workload);
    else this.#recorder.connectionFailed(workload);
    this.#noteFailure(connection, established);
    this.#retry(workload, connections.retriesLeft[connection]!);
  }

  released(connection: number, timeWaitSide: number): void {
    this.#sockets.connections.generation[connection]!++;
    this.#sockets.release(connection, timeWaitSide === Side.client);
    this.onEnd(this.#sockets.flows.workload[connection]!);
  }

  #workloadOf(connection: number): TcpWorkload {
    return this.#scenario.workloads[this.#sockets.flows.workload[connection]!]! as TcpWorkload;
  }

  #later(connection: number, delayNs: number, kind: number): void {
    this.#simulation.at(this.#simulation.now + Math.round(delayNs), kind, connection, this.#sockets.connections.generation[connection]!);
  }
}

/** What a request of the workload is like. */
export function requestShape(workload: TcpWorkload): RequestShape {
  return workload.kind === "pool" ? workload.request : workload.connection;
}

function holdTime({ connection }: ArrivalWorkload, random: RandomStream): number {
  const hold = draw(connection.hold, random);
  const leaks = random.chance(connection.leak);
  return leaks || connection.close === "never" ? Infinity : hold;
}
