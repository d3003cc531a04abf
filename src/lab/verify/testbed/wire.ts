/** The veth pair between the two namespaces, with the classifier on one of its ends. */
import type { Simulation } from "../../../core/simulation.js";
import { Sent, Side, type Network, type TcpPeers } from "../../../traffic/tcp-peers.js";
import type { Classifier } from "./classifier.js";

/** Half of the recorded round trip of about 40 µs, ns. */
const ONE_WAY_NS = 20_000;
/** Words of a segment under way: socket, side it goes to, flags, payload, tag. */
const SEGMENT_WORDS = 5;

/** A SYN at the classifier: the recording's `syn_attempt_offset_us` and `refused_windows` are made of these. */
export interface SynArrival {
  readonly atNs: number;
  readonly connection: number;
  readonly passed: boolean;
}

/** A client's data segment at the classifier. */
export interface DataArrival {
  readonly atNs: number;
  readonly connection: number;
  readonly tcpFlags: number;
  readonly bytes: number;
}

/** A packet of a connection at the classifier, passed or not, at time `now` in ns. */
export type PacketObserver = (connection: number, fromClient: boolean, tcpFlags: number, now: number) => void;

export class Wire implements Network {
  readonly synArrivals: SynArrival[] = [];
  /** Segments with payload from clients, whether they passed or not. */
  readonly clientData: DataArrival[] = [];
  onPacket: PacketObserver | undefined = undefined;
  readonly #simulation: Simulation;
  readonly #classifier: Classifier;
  readonly #hookSide: number;
  readonly #connectionOf: (socket: number) => number;
  readonly #arrival: number;
  #segments = new Int32Array(SEGMENT_WORDS * 64);
  readonly #free: number[] = Array.from({ length: 64 }, (_, i) => i);
  #peers: TcpPeers | undefined;

  constructor(
    simulation: Simulation,
    classifier: Classifier,
    hook: "client" | "server",
    connectionOf: (socket: number) => number,
  ) {
    this.#simulation = simulation;
    this.#classifier = classifier;
    this.#hookSide = hook === "client" ? Side.client : Side.server;
    this.#connectionOf = connectionOf;
    this.#arrival = simulation.on((index) => this.#arrive(index));
  }

  attach(peers: TcpPeers): void {
    this.#peers = peers;
  }

  /** A drop at the egress of the sender's own device is told to it; one at the ingress of the far end is not. */
  send(socket: number, side: number, tcpFlags: number, bytes: number, tag: number): number {
    const passed = this.#classify(socket, side, tcpFlags, bytes);
    if (!passed) return side === this.#hookSide ? Sent.refused : Sent.away;
    const index = this.#take();
    this.#segments.set([socket, side ^ 1, tcpFlags, bytes, tag], index * SEGMENT_WORDS);
    this.#simulation.at(this.#simulation.now + ONE_WAY_NS, this.#arrival, index, 0);
    return Sent.away;
  }

  #classify(socket: number, side: number, tcpFlags: number, bytes: number): boolean {
    const connection = this.#connectionOf(socket);
    const fromClient = side === Side.client;
    this.onPacket?.(connection, fromClient, tcpFlags, this.#simulation.now);
    const syns = this.#classifier.counters.synPackets;
    const { now } = this.#simulation;
    const passed = this.#classifier.packet(
      clientPort(connection), serverPort(connection), fromClient, tcpFlags, now,
    );
    if (this.#classifier.counters.synPackets !== syns) this.synArrivals.push({ atNs: now, connection, passed });
    if (bytes > 0 && fromClient) this.clientData.push({ atNs: now, connection, tcpFlags, bytes });
    return passed;
  }

  #arrive(index: number): void {
    const at = index * SEGMENT_WORDS;
    const words = this.#segments;
    this.#free.push(index);
    this.#peers!.deliver(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, words[at + 4]!);
  }

  #take(): number {
    const index = this.#free.pop();
    if (index !== undefined) return index;
    const before = this.#segments.length / SEGMENT_WORDS;
    const longer = new Int32Array(this.#segments.length * 2);
    longer.set(this.#segments);
    this.#segments = longer;
    for (let i = 2 * before - 1; i > before; i--) this.#free.push(i);
    return before;
  }
}

/** No tuple is ever used twice: connection i takes client port 2000 + i. */
function clientPort(connection: number): number {
  return (2000 + connection) & 0xffff;
}

function serverPort(connection: number): number {
  return 9000 + (connection % 4);
}
