/**
 * Watches a node during a window of simulated time: softirq work of each CPU, slices of garbage collection, connections,
 * drops, fill of the maps. Outside the window it costs a comparison for each packet and connection, and keeps nothing.
 */
import type { DatapathContext } from "../../cilium/datapath/context.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../cilium/datapath/packet.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import type { Simulation } from "../../core/simulation.js";
import { NS_PER_MS } from "../../core/units.js";
import type { BuiltNode, NodeObserver } from "../../node/build.js";
import type { Collector } from "../../node/collector.js";
import { CpuQueues } from "../../node/cpu.js";
import type { FlowTable } from "../../node/flow-table.js";
import { NodeHooks } from "../../node/hooks.js";
import type { Ends } from "../../node/network.js";
import type { Topology } from "../../node/topology.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import { RunRecorder } from "../../observe/recorder.js";
import { Side, type Application } from "../../traffic/tcp-peers.js";
import { tupleText } from "../trace/request.js";
import type { TimeWindow } from "./request.js";

/** Softirq slices, connections and drops that are kept; later ones are counted. A browser still opens that. */
const SLICES_MAX = 500_000;
const SPANS_MAX = 100_000;
const DROPS_MAX = 100_000;
/** Samples of the maps over the window, and their smallest distance, ns. */
const SAMPLES = 1000;
const SAMPLE_MIN_NS = NS_PER_MS;

/** What a connection, or an exchange of datagrams, did in the window. -1 where it did not, or not yet. */
export interface ConnectionSpan {
  readonly protocol: "tcp" | "udp";
  readonly workload: number;
  readonly nth: number;
  readonly tuple: string;
  readonly openNs: number;
  /** It was open before the window; `openNs` is the window's start. */
  readonly openBefore: boolean;
  establishedNs: number;
  endNs: number;
  /** Errno of the client's socket; 0 when it ended in good order or has not ended. */
  errno: number;
}

export interface MapSample {
  readonly atNs: number;
  readonly entries: readonly number[];
  readonly open: number;
}

/** Slices as columns, as there are many. */
export class SliceColumns {
  readonly cpu: number[] = [];
  readonly startNs: number[] = [];
  readonly lengthNs: number[] = [];
  leftOut = 0;

  push(cpu: number, startNs: number, lengthNs: number): void {
    if (this.cpu.length >= SLICES_MAX) {
      this.leftOut++;
      return;
    }
    this.cpu.push(cpu);
    this.startNs.push(startNs);
    this.lengthNs.push(lengthNs);
  }
}

export interface RecordedDrop {
  readonly atNs: number;
  readonly code: number;
  readonly extError: number;
  readonly egress: boolean;
}

export class PerfettoRecorder implements NodeObserver {
  readonly window: TimeWindow;
  readonly softirqs = new SliceColumns();
  readonly collections = new SliceColumns();
  readonly spans: ConnectionSpan[] = [];
  readonly drops: RecordedDrop[] = [];
  readonly samples: MapSample[] = [];
  /** Names of the sampled maps, in the order of `MapSample.entries`. */
  mapNames: readonly string[] = [];
  spansLeftOut = 0;
  dropsLeftOut = 0;
  readonly #inner: NodeObserver | null;
  readonly #clock: { readonly now: number };
  /** Spans that have not ended, by protocol and number of the flow. */
  readonly #open = new Map<number, ConnectionSpan>();
  /** Flows that are open before the window begins; those that stay open all the time have spans too. */
  readonly #before = new Set<number>();

  /** `inner`: another observer that stands closer to the node. */
  constructor(window: TimeWindow, clock: { readonly now: number }, inner: NodeObserver | null) {
    this.window = window;
    this.#clock = clock;
    this.#inner = inner;
  }

  get #watching(): boolean {
    const { now } = this.#clock;
    return now >= this.window.fromNs && now < this.window.toNs;
  }

  /** A recorder that tells of drops. */
  recorder(...args: ConstructorParameters<typeof RunRecorder>): RunRecorder {
    return new DropWatch(this, ...args);
  }

  cpus(count: number): CpuQueues {
    return new WatchedCpus(this, count);
  }

  standIn(): null {
    return null;
  }

  hooks(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>): NodeHooks {
    return this.#inner?.hooks(datapath, own, endpoints) ?? new NodeHooks(datapath, own, endpoints);
  }

  ends(inner: Ends, protocol: number): Ends {
    return this.#inner?.ends(inner, protocol) ?? inner;
  }

  application(node: Application): Application {
    const inner = this.#inner?.application(node) ?? node;
    return {
      received: (connection, side, bytes) => inner.received(connection, side, bytes),
      peerClosed: (connection, side) => inner.peerClosed(connection, side),
      closed: (connection, side) => inner.closed(connection, side),
      established: (connection, side) => {
        if (side === Side.client) this.#established(connection);
        inner.established(connection, side);
      },
      failed: (connection, side, errno) => {
        if (side === Side.client) this.#failed(connection, errno);
        inner.failed(connection, side, errno);
      },
      released: (connection, side) => {
        this.#ended(IPPROTO_TCP, connection);
        inner.released(connection, side);
      },
    };
  }

  sockets(node: Sockets): Sockets {
    const inner = this.#inner?.sockets(node) ?? node;
    this.#flows = inner.flows;
    this.#datagrams = inner.datagrams;
    return {
      peers: inner.peers,
      connections: inner.connections,
      flows: inner.flows,
      datagrams: inner.datagrams,
      connect: (workload, client, cpu, where) => {
        const connection = inner.connect(workload, client, cpu, where);
        if (connection >= 0) this.#begun(IPPROTO_TCP, connection);
        return connection;
      },
      release: (connection, timeWait) => inner.release(connection, timeWait),
      accept: (connection) => inner.accept(connection),
      openDatagramSocket: (flow, workload, client, cpu, where) => {
        const opened = inner.openDatagramSocket(flow, workload, client, cpu, where);
        if (opened) this.#begun(IPPROTO_UDP, flow);
        return opened;
      },
      closeDatagramSocket: (flow) => {
        this.#ended(IPPROTO_UDP, flow);
        inner.closeDatagramSocket(flow);
      },
      sendPortUnreachable: (flow, tag) => inner.sendPortUnreachable(flow, tag),
      sendDatagram: (flow, fromSide, bytes, tag) => inner.sendDatagram(flow, fromSide, bytes, tag),
    };
  }

  #flows!: FlowTable;
  #datagrams!: FlowTable;

  attach(maps: CiliumMaps, topology: Topology, sockets: Sockets, collector: Collector): void {
    this.#inner?.attach(maps, topology, sockets, collector);
    collector.onSlice = (atNs, cpuNs) => {
      if (this.#watching) this.collections.push(collector.cpu, atNs, cpuNs);
    };
  }

  /** Samples the maps over the window, from whose beginning on open flows have spans; called once the node stands. */
  sampleMaps(simulation: Simulation, { watch, node }: BuiltNode): void {
    const { fromNs, toNs } = this.window;
    const stepNs = Math.max(SAMPLE_MIN_NS, Math.ceil((toNs - fromNs) / SAMPLES));
    this.mapNames = watch.counts().map(({ name }) => name);
    const kind: number = simulation.on(() => {
      const atNs = simulation.now;
      if (atNs === fromNs) this.#openBefore();
      this.samples.push({ atNs, entries: watch.counts().map(({ entries }) => entries), open: node.peers.open });
      if (atNs + stepNs <= toNs) simulation.at(atNs + stepNs, kind, 0, 0);
    });
    simulation.at(fromNs, kind, 0, 0);
  }

  dropped(code: number, extError: number, egress: boolean): void {
    if (!this.#watching) return;
    if (this.drops.length >= DROPS_MAX) this.dropsLeftOut++;
    else this.drops.push({ atNs: this.#clock.now, code, extError, egress });
  }

  /** Work that overlaps the window, cut to it. */
  worked(cpu: number, startNs: number, endNs: number): void {
    const { fromNs, toNs } = this.window;
    if (endNs <= fromNs || startNs >= toNs || endNs <= startNs) return;
    const start = Math.max(startNs, fromNs);
    this.softirqs.push(cpu, start, Math.min(endNs, toNs) - start);
  }

  #begun(protocol: number, flow: number): void {
    if (this.#watching) this.#opened(protocol, flow, this.#clock.now, false);
    else if (this.#clock.now < this.window.fromNs) this.#before.add(keyOf(protocol, flow));
  }

  #openBefore(): void {
    for (const key of this.#before) {
      if (!this.#open.has(key)) this.#opened(key % 2 === 0 ? IPPROTO_TCP : IPPROTO_UDP, Math.floor(key / 2), this.window.fromNs, true);
    }
    this.#before.clear();
  }

  #opened(protocol: number, flow: number, openNs: number, openBefore: boolean): ConnectionSpan | undefined {
    if (this.spans.length >= SPANS_MAX) {
      this.spansLeftOut++;
      return undefined;
    }
    const tcp = protocol === IPPROTO_TCP;
    const table = tcp ? this.#flows : this.#datagrams;
    const span: ConnectionSpan = {
      protocol: tcp ? "tcp" : "udp",
      workload: table.workload[flow]!,
      nth: table.nth[flow]!,
      tuple: tupleText(table.address[2 * flow]!, table.port[2 * flow]!, table.remoteAddress[2 * flow]!, table.remotePort[2 * flow]!, table.ipv6[flow] === 1),
      openNs,
      openBefore,
      establishedNs: -1,
      endNs: -1,
      errno: 0,
    };
    this.spans.push(span);
    this.#open.set(keyOf(protocol, flow), span);
    return span;
  }

  #established(connection: number): void {
    if (!this.#watching) return;
    const key = keyOf(IPPROTO_TCP, connection);
    const span = this.#open.get(key) ?? this.#opened(IPPROTO_TCP, connection, this.window.fromNs, true);
    if (span !== undefined) span.establishedNs = this.#clock.now;
  }

  #failed(connection: number, errno: number): void {
    if (!this.#watching) return;
    const span = this.#open.get(keyOf(IPPROTO_TCP, connection)) ?? this.#opened(IPPROTO_TCP, connection, this.window.fromNs, true);
    if (span !== undefined) span.errno = errno;
  }

  #ended(protocol: number, flow: number): void {
    const key = keyOf(protocol, flow);
    this.#before.delete(key);
    if (!this.#watching) return;
    const span = this.#open.get(key) ?? this.#opened(protocol, flow, this.window.fromNs, true);
    if (span !== undefined) span.endNs = this.#clock.now;
    this.#open.delete(key);
  }
}

/** TCP and UDP count their flows each on their own. */
function keyOf(protocol: number, flow: number): number {
  return 2 * flow + (protocol === IPPROTO_TCP ? 0 : 1);
}

/** Tells when each piece of work begins and ends. */
class WatchedCpus extends CpuQueues {
  readonly #perfetto: PerfettoRecorder;
  readonly #doneNs: Float64Array;

  constructor(perfetto: PerfettoRecorder, count: number) {
    super(count);
    this.#perfetto = perfetto;
    this.#doneNs = new Float64Array(count);
  }

  override work(cpu: number, now: number, costNs: number): number {
    const startNs = Math.max(now, this.#doneNs[cpu]!);
    const doneNs = super.work(cpu, now, costNs);
    this.#doneNs[cpu] = doneNs;
    this.#perfetto.worked(cpu, startNs, doneNs);
    return doneNs;
  }
}

class DropWatch extends RunRecorder {
  readonly #perfetto: PerfettoRecorder;

  constructor(perfetto: PerfettoRecorder, ...args: ConstructorParameters<typeof RunRecorder>) {
    super(...args);
    this.#perfetto = perfetto;
  }

  override drop(code: number, extError: number, egress: boolean, where: number, established: boolean, workload: number): void {
    super.drop(code, extError, egress, where, established, workload);
    this.#perfetto.dropped(code, extError, egress);
  }
}
