/**
 * What applications do with UDP: exchanges of datagrams and lookups of names, from a client drawn at random, and servers
 * that answer after a while, unless the client has given up by then. Both kinds share the table of flows: exchanges have
 * the even numbers, lookups the odd ones.
 */
import type { RandomStream, RandomStreams } from "../../core/random.js";
import type { Simulation } from "../../core/simulation.js";
import type { RunRecorder } from "../../observe/recorder.js";
import type { QueryWorkload, Resolution, Scenario } from "../../scenario/types.js";
import { LookupEnd, POD_RESOLVER, refusalTag, Resolvers } from "../../traffic/resolver.js";
import { associationProfile } from "../../traffic/sctp.js";
import { Side } from "../../traffic/tcp-peers.js";
import { datagramProfile, UdpExchanges } from "../../traffic/udp-exchanges.js";
import { flowName } from "../flow-table.js";
import type { Topology } from "../topology.js";
import { draw } from "./distributions.js";
import { OF_PROXY, type DnsProxy } from "./dns-proxy.js";
import type { Sockets } from "./sockets.js";
import { candidateName, type Question } from "./spoken.js";

const LOOKUP = 1;
/** Of a lookup's socket that is not open. */
const CLOSED = 0;
const OPEN = 1;

export class QueryApplication {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #topology: Topology;
  readonly #recorder: RunRecorder;
  readonly #exchanges: UdpExchanges;
  readonly #resolvers: Resolvers;
  /** Profile of each workload in its engine; -1 for workloads of TCP. */
  readonly #profiles: readonly number[];
  readonly #opening: readonly RandomStream[];
  readonly #living: readonly RandomStream[];
  readonly #answer: number;
  readonly #refusal: number;
  /** Told of every exchange and lookup that is over. */
  onEnd: (workload: number) => void = () => {};
  #sockets!: Sockets;
  #capacity = 0;
  readonly #proxy: DnsProxy | null;
  /** Bits of a flow's number below that of its exchange or lookup. */
  readonly #bits: number;

  // By flow.
  #workload = new Int32Array(0);
  #client = new Int32Array(0);
  #cpu = new Int32Array(0);
  #where = new Uint8Array(0);
  #socket = new Uint8Array(0);
  /** 1: nobody listens where the datagrams go. */
  #deaf = new Uint8Array(0);

  /** `proxy`: null where no policy redirects questions. */
  constructor(simulation: Simulation, scenario: Scenario, topology: Topology, streams: RandomStreams, recorder: RunRecorder, proxy: DnsProxy | null) {
    this.#proxy = proxy;
    this.#bits = proxy === null ? 1 : 2;
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#topology = topology;
    this.#recorder = recorder;
    this.#exchanges = new UdpExchanges(
      simulation,
      { send: (exchange, side, bytes, tag) => this.#send(exchange << this.#bits, side, bytes, tag) },
      {
        asked: (exchange, tag) => this.#asked(exchange << this.#bits, tag),
        answered: (exchange) => this.#exchangeEnded(exchange, true),
        timedOut: (exchange) => this.#exchangeEnded(exchange, false),
      },
    );
    this.#resolvers = new Resolvers(
      simulation,
      {
        newSocket: (lookup) => this.#openSocket((lookup << this.#bits) | LOOKUP),
        send: (lookup, side, bytes, tag) => this.#send((lookup << this.#bits) | LOOKUP, side, bytes, tag),
      },
      {
        asked: (lookup, tag) => this.#asked((lookup << this.#bits) | LOOKUP, tag),
        finished: (lookup, end, datagrams) => this.#lookupEnded(lookup, end, datagrams),
      },
    );
    this.#profiles = scenario.workloads.map((workload) => (workload.kind === "queries" ? this.#addProfile(workload) : -1));
    this.#opening = scenario.workloads.map(({ name }) => streams.stream(`queries/${name}`));
    this.#living = scenario.workloads.map(({ name }) => streams.stream(`answers/${name}`));
    this.#answer = simulation.on((flow, tag) => this.#answered(flow, tag));
    this.#refusal = simulation.on((flow, tag) => this.#refused(flow, tag));
  }

  #addProfile({ query, dns }: QueryWorkload): number {
    const { protocol, timeoutNs, attempts, requestBytes, responseBytes } = query;
    if (protocol === "SCTP") return this.#exchanges.addProfile(associationProfile(requestBytes, responseBytes, timeoutNs, attempts));
    // An echo comes back as it was.
    const answerBytes = protocol === "ICMP" ? requestBytes : responseBytes;
    if (dns === null) return this.#exchanges.addProfile(datagramProfile(requestBytes, answerBytes, timeoutNs, attempts));
    return this.#resolvers.addClient({
      ...POD_RESOLVER,
      timeoutNs,
      attempts,
      searchDomains: dns.search,
      ndots: dns.ndots,
      questionBytes: requestBytes,
      answerBytes: responseBytes,
    });
  }

  attach(sockets: Sockets): void {
    this.#sockets = sockets;
    this.#grow();
  }

  /** Begins an exchange, or a lookup of a name. */
  open(workload: number): void {
    const random = this.#opening[workload]!;
    const { dns } = this.#shape(workload);
    const profile = this.#profiles[workload]!;
    const flow =
      dns === null
        ? this.#exchanges.allocate(profile) << this.#bits
        : (this.#resolvers.allocate(profile, dns.dots, candidatesBefore(dns)) << this.#bits) | LOOKUP;
    this.#grow();
    this.#workload[flow] = workload;
    this.#client[flow] = random.below(this.#topology.clients[workload]!.length);
    this.#cpu[flow] = random.below(this.#scenario.cluster.cpus);
    this.#where[flow] = this.#recorder.windows.whereIs(this.#simulation.now);
    this.#recorder.queryStarted(workload);
    if (dns !== null) {
      this.#resolvers.begin(flow >> this.#bits);
      return;
    }
    this.#openSocket(flow);
    this.#exchanges.begin(flow >> this.#bits);
  }

  #openSocket(flow: number): void {
    this.#closeSocket(flow);
    const { datagrams } = this.#sockets;
    const opened = this.#sockets.openDatagramSocket(flow, this.#workload[flow]!, this.#client[flow]!, this.#cpu[flow]!, this.#where[flow]!);
    if (!opened) return;
    datagrams.established[flow] = 0;
    this.#socket[flow] = OPEN;
    this.#deaf[flow] = 0;
    this.#recorder.querySocketOpened();
  }

  #closeSocket(flow: number): void {
    if (this.#socket[flow] === OPEN) this.#sockets.closeDatagramSocket(flow);
    this.#socket[flow] = CLOSED;
    this.#proxy?.close(flow);
  }

  #send(flow: number, side: number, bytes: number, tag: number): void {
    const at = side === Side.server && this.#proxy?.has(flow) === true ? flow | OF_PROXY : flow;
    if (this.#socket[flow] === OPEN) this.#sockets.sendDatagram(at, side, bytes, tag);
    // connect() has failed: there is no socket to ask from.
    else if (side === Side.client) this.#simulation.at(this.#simulation.now, this.#refusal, flow, tag);
  }

  /** A datagram has arrived at one end. */
  deliver(at: number, side: number, _tcpFlags: number, _bytes: number, tag: number): void {
    if (this.#proxy?.takes(at, side, tag) === true) return;
    if (side === Side.server && this.#deaf[at] === 1) {
      this.#sockets.sendPortUnreachable(at, tag);
      return;
    }
    const flow = this.#clients(at);
    if (side === Side.client) this.#sockets.datagrams.established[flow] = 1;
    if ((flow & LOOKUP) !== 0) this.#resolvers.deliver(flow >> this.#bits, side, tag);
    else this.#exchanges.deliver(flow >> this.#bits, side, tag);
  }

  #asked(flow: number, tag: number): void {
    const workload = this.#workload[flow]!;
    const { serverTime, protocol } = this.#shape(workload).query;
    if (protocol === "ICMP") {
      this.#answered(flow, tag);
      return;
    }
    const takes = draw(serverTime, this.#living[workload]!);
    this.#simulation.at(this.#simulation.now + Math.round(takes), this.#answer, flow, tag);
  }

  #answered(flow: number, tag: number): void {
    if ((flow & LOOKUP) !== 0) this.#resolvers.answer(flow >> this.#bits, tag);
    else this.#exchanges.answer(flow >> this.#bits, tag);
  }

  /** ICMP says that nobody takes the packets: the connected socket reports ECONNREFUSED. */
  unreachable(flow: number, side: number, tag: number): void {
    if (side === Side.client) this.#refused(this.#clients(flow), tag);
  }

  /** The client's flow for one that may be the DNS proxy's. */
  #clients(flow: number): number {
    return this.#proxy === null ? flow : flow & ~OF_PROXY;
  }

  /** What the questions and answers of a flow weigh. */
  bytesOf(flow: number): { readonly requestBytes: number; readonly responseBytes: number } {
    return this.#shape(this.#workload[flow]!).query;
  }

  /** What a lookup's datagram asks; a plain exchange asks for the address of the one name that there is. */
  questionOf(flow: number, tag: number): Question {
    if ((flow & LOOKUP) === 0) return { candidate: 0, qtype: "A", exists: true };
    return this.#resolvers.questionOf(flow >> this.#bits, tag);
  }

  /** The name of a candidate, with its last dot. */
  nameOf(flow: number, candidate: number): string {
    return candidateName(this.#shape(this.#workload[flow]!), candidate);
  }

  /** Tag of a name server's refusal; plain exchanges have none. */
  refusalOf(flow: number, tag: number): number | undefined {
    return (flow & LOOKUP) === 0 ? undefined : refusalTag(tag);
  }

  #refused(flow: number, tag: number): void {
    if ((flow & LOOKUP) !== 0) this.#resolvers.refused(flow >> this.#bits, tag);
    else this.#exchanges.refused(flow >> this.#bits, tag);
  }

  /** A server answers whoever asks. */
  reopen(flow: number): boolean {
    this.#deaf[flow] = 0;
    return true;
  }

  /** Nobody listens at the far end: its host answers with ICMP errors. */
  refuse(flow: number): void {
    this.#deaf[flow] = 1;
  }

  #exchangeEnded(exchange: number, answered: boolean): void {
    const { attempts } = this.#shape(this.#workload[exchange << this.#bits]!).query;
    this.#ended(exchange << this.#bits, answered, this.#exchanges.startedAt(exchange), attempts - 1 > this.#exchanges.triesLeft(exchange));
  }

  #lookupEnded(lookup: number, end: number, datagrams: number): void {
    const flow = (lookup << this.#bits) | LOOKUP;
    const { dns } = this.#shape(this.#workload[flow]!);
    const needed = 2 * (candidatesBefore(dns!) + 1);
    this.#ended(flow, end === LookupEnd.found, this.#resolvers.startedAt(lookup), datagrams > needed);
  }

  #ended(flow: number, answered: boolean, startedAt: number, retried: boolean): void {
    this.#closeSocket(flow);
    const where = this.#where[flow]!;
    const span = this.#simulation.now - startedAt;
    const workload = this.#workload[flow]!;
    if (answered) this.#recorder.queryAnswered(where, span, retried, workload);
    else this.#recorder.queryFailed(where, workload);
    this.#note(flow, answered, span);
    this.onEnd(workload);
  }

  /** The last socket stands for the exchange. */
  #note(flow: number, answered: boolean, span: number): void {
    const { notable, counting } = this.#recorder;
    if (!counting || !(answered ? span > notable.answerFloorNs : notable.wantsFailed)) return;
    const name = flowName(this.#sockets.datagrams, flow);
    if (answered) notable.answered(name, this.#simulation.now, span);
    else notable.failed(name, this.#simulation.now, span);
  }

  #shape(workload: number): QueryWorkload {
    return this.#scenario.workloads[workload]! as QueryWorkload;
  }

  /** Makes room for the flows of both engines. */
  #grow(): void {
    const capacity = (1 << this.#bits) * Math.max(this.#exchanges.capacity, this.#resolvers.capacity);
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#workload = widened32(this.#workload, capacity);
    this.#client = widened32(this.#client, capacity);
    this.#cpu = widened32(this.#cpu, capacity);
    this.#where = widened(this.#where, capacity);
    this.#socket = widened(this.#socket, capacity);
    this.#deaf = widened(this.#deaf, capacity);
    this.#sockets.datagrams.grow(capacity);
  }
}

function widened32(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(capacity);
  wider.set(column);
  return wider;
}

function widened(column: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const wider = new Uint8Array(capacity);
  wider.set(column);
  return wider;
}

/** How many names a resolver tries before the one that exists (res_nsearch): search domains first when the name has few dots. */
export function candidatesBefore({ ndots, search, dots, foundAt }: Omit<Resolution, "name" | "address">): number {
  const nameFirst = dots >= ndots;
  if (foundAt === 0) return nameFirst ? 0 : search;
  return nameFirst ? foundAt : foundAt - 1;
}
