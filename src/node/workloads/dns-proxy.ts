/**
 * The agent's DNS proxy: questions that policies redirect to it are read, asked again from a socket of its own, and the
 * answers passed back. pkg/fqdn/dnsproxy: ServeDNS, setSoMarks.
 *
 * In transparent mode (the chart's from 1.15 on) its socket has the client's address and port towards servers in the cluster;
 * each question has a socket of its own. It lives in the agent: while none runs, what comes to it is lost.
 *
 * Simplified: it waits for no policy to be written before it passes an answer on, and for no free place among questions
 * under way; it repeats nothing and forgets nothing, as its clients do both.
 *
 * The proxy's flow for a client's has the client's number with one more bit.
 */
import type { Simulation } from "../../core/simulation.js";
import { Side } from "../../traffic/tcp-peers.js";
import type { AccessLog } from "../access-log.js";
import type { CpuQueues } from "../cpu.js";
import { Place, rowOf } from "../flow-table.js";
import type { Node } from "../node.js";
import type { Question } from "./spoken.js";

/** CPU time of the agent for a question, and for its answer, ns. Assumed: no source measures it apart. */
export const DNS_QUESTION_NS = 100_000;
export const DNS_ANSWER_NS = 100_000;
/** In the number of a flow: it is the proxy's. */
export const OF_PROXY = 2;

/** Bytes of a flow's questions and answers. */
export type DatagramBytes = (flow: number) => { readonly requestBytes: number; readonly responseBytes: number };

/** What clients say, and who cares: null where nobody does. */
export interface DnsListener {
  /** The question that a datagram of the flow with this tag asks or answers. */
  readonly questionOf: (flow: number, tag: number) => Question;
  /** Tag of the answer REFUSED to the question with this tag; undefined for plain exchanges, which know no such answer. */
  readonly refusalOf: (flow: number, tag: number) => number | undefined;
  readonly log: AccessLog | null;
  readonly allows: ((flow: number, question: Question) => boolean) | null;
}

export class DnsProxy {
  readonly #simulation: Simulation;
  readonly #cpus: CpuQueues;
  readonly #agentRuns: () => boolean;
  readonly #question: number;
  readonly #answer: number;
  /** Client's flows for which a socket of the proxy is open. */
  readonly #open = new Set<number>();
  #node!: Node;
  #bytes!: DatagramBytes;
  #listener!: DnsListener;

  constructor(simulation: Simulation, cpus: CpuQueues, agentRuns: () => boolean) {
    this.#simulation = simulation;
    this.#cpus = cpus;
    this.#agentRuns = agentRuns;
    this.#question = simulation.on((flow, tag) => this.#ask(flow, tag));
    this.#answer = simulation.on((flow, tag) => this.#passBack(flow, tag));
  }

  attach(node: Node, bytes: DatagramBytes, listener: DnsListener): void {
    this.#node = node;
    this.#bytes = bytes;
    this.#listener = listener;
  }

  /** The client's flow ends at the proxy. */
  has(flow: number): boolean {
    return this.#node.datagrams.place[rowOf(flow, Side.server)] === Place.proxy;
  }

  /** Takes a datagram that has arrived at one end of a flow when it is for the proxy. */
  takes(flow: number, side: number, tag: number): boolean {
    const ofProxy = (flow & OF_PROXY) !== 0;
    if (ofProxy === (side === Side.server) || (!ofProxy && (side === Side.client || !this.has(flow)))) return false;
    if (!this.#agentRuns()) return true;
    const client = flow & ~OF_PROXY;
    const cpu = this.#node.datagrams.cpu[rowOf(client, Side.client)]!;
    const done = this.#cpus.work(cpu, this.#simulation.now, ofProxy ? DNS_ANSWER_NS : DNS_QUESTION_NS);
    this.#simulation.at(Math.round(done), ofProxy ? this.#answer : this.#question, client, tag);
    return true;
  }

  /** The client's socket is closed. */
  close(flow: number): void {
    if (this.#open.delete(flow)) this.#node.closeDatagramSocket(flow | OF_PROXY);
  }

  #ask(flow: number, tag: number): void {
    if (!this.#open.has(flow) && !this.has(flow)) return;
    if (!this.#mayPass(flow, tag)) return;
    if (!this.#open.has(flow)) {
      if (!this.#node.connectDatagramFromProxy(flow, flow | OF_PROXY)) return;
      this.#open.add(flow);
    }
    this.#node.sendDatagram(flow | OF_PROXY, Side.client, this.#bytes(flow).requestBytes, tag);
  }

  /** False: the question is not passed on; a resolver hears so (`--tofqdns-dns-reject-response-code` refused), others nothing. */
  #mayPass(flow: number, tag: number): boolean {
    const { log, allows, questionOf, refusalOf } = this.#listener;
    if (log === null && allows === null) return true;
    const question = questionOf(flow, tag);
    const allowed = allows === null || allows(flow, question);
    log?.dnsQuestion(this.#node.datagrams, flow, question, allowed);
    const refusal = allowed ? undefined : refusalOf(flow, tag);
    if (refusal !== undefined) this.#node.sendDatagram(flow, Side.server, this.#bytes(flow).requestBytes, refusal);
    return allowed;
  }

  #passBack(flow: number, tag: number): void {
    const { log, questionOf } = this.#listener;
    log?.dnsAnswer(this.#node.datagrams, flow, questionOf(flow, tag));
    this.#node.sendDatagram(flow, Side.server, this.#bytes(flow).responseBytes, tag);
  }
}
