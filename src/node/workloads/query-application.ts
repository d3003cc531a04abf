/**
 * What applications do with UDP: send a request, wait for the answer, send it again, give up. And the resolver of glibc
 * (resolv/res_send.c, res_query.c): A and AAAA from one socket, both again after the time-out, the candidates of a name
 * one after the other, each from a new socket.
 *
 * Simplified: one name server; both answers of a pair are waited for; a name that does not exist is answered like one
 * that does. Servers answer every datagram that reaches them.
 */
import type { RandomStream, RandomStreams } from "../../core/random.js";
import type { Simulation } from "../../core/simulation.js";
import type { RunRecorder } from "../../observe/recorder.js";
import type { QueryWorkload, Resolution, Scenario } from "../../scenario/types.js";
import { Side } from "../../traffic/tcp-peers.js";
import type { Topology } from "../topology.js";
import { draw } from "./distributions.js";
import type { Sockets } from "./sockets.js";

const INITIAL = 256;
/** Requests of a resolver's socket: A and AAAA. */
const PAIR = 2;

/** Bits of a datagram's tag: which request of the socket it is, and the socket's generation. */
const REQUEST_BITS = 2;

export class QueryApplication {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #topology: Topology;
  readonly #recorder: RunRecorder;
  readonly #opening: readonly RandomStream[];
  readonly #living: readonly RandomStream[];
  readonly #answer: number;
  readonly #timeout: number;
  #sockets!: Sockets;

  // By flow.
  #generation = new Int32Array(INITIAL);
  /** Requests whose answer has not come: a bit for each. */
  #awaited = new Uint8Array(INITIAL);
  /** 1: nobody listens where the datagrams go. */
  #deaf = new Uint8Array(INITIAL);
  #attempt = new Int32Array(INITIAL);
  /** Candidates of the name that are left after this one. */
  #candidatesLeft = new Int32Array(INITIAL);
  #client = new Int32Array(INITIAL);
  #cpu = new Int32Array(INITIAL);
  #startedAt = new Float64Array(INITIAL);
  #free: number[] = [];
  #used = 0;

  constructor(simulation: Simulation, scenario: Scenario, topology: Topology, streams: RandomStreams, recorder: RunRecorder) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#topology = topology;
    this.#recorder = recorder;
    this.#opening = scenario.workloads.map(({ name }) => streams.stream(`queries/${name}`));
    this.#living = scenario.workloads.map(({ name }) => streams.stream(`answers/${name}`));
    this.#answer = simulation.on((flow, tag) => this.#answered(flow, tag));
    this.#timeout = simulation.on((flow, generation) => this.#timedOut(flow, generation));
  }

  attach(sockets: Sockets): void {
    this.#sockets = sockets;
    sockets.datagrams.grow(INITIAL);
  }

  /** Begins an exchange, or a lookup of a name, of a client drawn at random. */
  open(workload: number): void {
    const random = this.#opening[workload]!;
    const client = random.below(this.#topology.clients[workload]!.length);
    const cpu = random.below(this.#scenario.cluster.cpus);
    const { dns } = this.#workload(workload);
    this.#recorder.queryStarted();
    this.#openSocket(workload, client, cpu, this.#simulation.now, dns === null ? 0 : candidatesBefore(dns));
  }

  #openSocket(workload: number, client: number, cpu: number, startedAt: number, candidatesLeft: number): void {
    const flow = this.#take();
    const where = this.#recorder.windows.whereIs(startedAt);
    this.#client[flow] = client;
    this.#cpu[flow] = cpu;
    this.#startedAt[flow] = startedAt;
    this.#candidatesLeft[flow] = candidatesLeft;
    this.#attempt[flow] = 0;
    this.#deaf[flow] = 0;
    if (!this.#sockets.openDatagramSocket(flow, workload, client, cpu, where)) {
      this.#recorder.queryFailed(where);
      this.#give(flow);
      return;
    }
    this.#recorder.querySocketOpened();
    this.#awaited[flow] = this.#workload(workload).dns === null ? 1 : (1 << PAIR) - 1;
    this.#ask(flow);
  }

  /** Sends what has not been answered. */
  #ask(flow: number): void {
    const { query } = this.#workloadOf(flow);
    const generation = this.#generation[flow]!;
    this.#attempt[flow]!++;
    this.#simulation.at(this.#simulation.now + query.timeoutNs, this.#timeout, flow, generation);
    for (let request = 0; request < PAIR; request++) {
      if ((this.#awaited[flow]! & (1 << request)) === 0) continue;
      this.#sockets.sendDatagram(flow, Side.client, query.requestBytes, (generation << REQUEST_BITS) | request);
    }
  }

  /** A datagram has arrived at one end of the socket's flow. */
  deliver(flow: number, side: number, _tcpFlags: number, _bytes: number, tag: number): void {
    if (tag >> REQUEST_BITS !== this.#generation[flow]!) return;
    if (side === Side.client) {
      this.#received(flow, 1 << (tag & ((1 << REQUEST_BITS) - 1)));
      return;
    }
    if (this.#deaf[flow] === 1) return;
    const workload = this.#sockets.datagrams.workload[flow]!;
    const takes = draw(this.#workload(workload).query.serverTime, this.#living[workload]!);
    this.#simulation.at(this.#simulation.now + Math.round(takes), this.#answer, flow, tag);
  }

  #answered(flow: number, tag: number): void {
    if (tag >> REQUEST_BITS !== this.#generation[flow]!) return;
    this.#sockets.sendDatagram(flow, Side.server, this.#workloadOf(flow).query.responseBytes, tag);
  }

  #received(flow: number, request: number): void {
    this.#awaited[flow]! &= ~request;
    if (this.#awaited[flow] !== 0) return;
    const { datagrams } = this.#sockets;
    datagrams.established[flow] = 1;
    const left = this.#candidatesLeft[flow]!;
    const startedAt = this.#startedAt[flow]!;
    if (left === 0) this.#recorder.queryAnswered(datagrams.where[flow]!, this.#simulation.now - startedAt, this.#attempt[flow]! - 1);
    const workload = datagrams.workload[flow]!;
    const client = this.#client[flow]!;
    const cpu = this.#cpu[flow]!;
    this.#close(flow);
    if (left > 0) this.#openSocket(workload, client, cpu, startedAt, left - 1);
  }

  #timedOut(flow: number, generation: number): void {
    if (generation !== this.#generation[flow]) return;
    if (this.#attempt[flow]! < this.#workloadOf(flow).query.attempts) this.#ask(flow);
    else this.#fail(flow);
  }

  /** ICMP says that nobody takes the packets: the connected socket reports ECONNREFUSED, and the application gives up. */
  unreachable(flow: number, side: number): void {
    if (side === Side.client && this.#awaited[flow] !== 0) this.#fail(flow);
  }

  /** A server answers whoever asks. */
  reopen(flow: number): boolean {
    this.#deaf[flow] = 0;
    return true;
  }

  /** Nobody listens at the far end; its ICMP error is not modelled, so the client waits for its time-out. */
  refuse(flow: number): void {
    this.#deaf[flow] = 1;
  }

  #fail(flow: number): void {
    this.#recorder.queryFailed(this.#sockets.datagrams.where[flow]!);
    this.#close(flow);
  }

  #close(flow: number): void {
    this.#sockets.closeDatagramSocket(flow);
    this.#give(flow);
  }

  #workload(workload: number): QueryWorkload {
    return this.#scenario.workloads[workload]! as QueryWorkload;
  }

  #workloadOf(flow: number): QueryWorkload {
    return this.#workload(this.#sockets.datagrams.workload[flow]!);
  }

  #take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#generation.length) this.#grow();
    return this.#used++;
  }

  #give(flow: number): void {
    this.#awaited[flow] = 0;
    this.#generation[flow]!++;
    this.#free.push(flow);
  }

  #grow(): void {
    const capacity = this.#used * 2;
    const wider = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(capacity);
      to.set(from);
      return to;
    };
    this.#generation = wider(this.#generation);
    this.#attempt = wider(this.#attempt);
    this.#candidatesLeft = wider(this.#candidatesLeft);
    this.#client = wider(this.#client);
    this.#cpu = wider(this.#cpu);
    const widerBytes = (from: Uint8Array): Uint8Array<ArrayBuffer> => {
      const to = new Uint8Array(capacity);
      to.set(from);
      return to;
    };
    this.#awaited = widerBytes(this.#awaited);
    this.#deaf = widerBytes(this.#deaf);
    const startedAt = new Float64Array(capacity);
    startedAt.set(this.#startedAt);
    this.#startedAt = startedAt;
    this.#sockets.datagrams.grow(capacity);
  }
}

/** How many names a resolver tries before the one that exists (res_nsearch): search domains first when the name has few dots. */
export function candidatesBefore({ ndots, search, dots, foundAt }: Resolution): number {
  const nameFirst = dots >= ndots;
  if (foundAt === 0) return nameFirst ? 0 : search;
  return nameFirst ? foundAt : foundAt - 1;
}
