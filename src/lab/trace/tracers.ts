/** Several connections of one run, each with a tracer of its own; stands between the parts of the node. */
import type { DatapathContext } from "../../cilium/datapath/context.js";
import { IPPROTO_TCP } from "../../cilium/datapath/packet.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import type { NodeObserver } from "../../node/build.js";
import type { Collector } from "../../node/collector.js";
import type { FlowTable } from "../../node/flow-table.js";
import type { NodeHooks } from "../../node/hooks.js";
import type { Ends } from "../../node/network.js";
import type { Topology } from "../../node/topology.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import type { Scenario } from "../../scenario/types.js";
import type { Application } from "../../traffic/tcp-peers.js";
import type { TraceRequest } from "./request.js";
import type { ConnectionTrace } from "./result.js";
import { followedApplication, followedEnds, followedSockets, type Following } from "./sockets.js";
import { ConnectionTracer } from "./tracer.js";
import { FollowedHooks } from "./walks.js";

export class Tracers implements NodeObserver, Following {
  readonly #tracers: readonly ConnectionTracer[];
  /** Whoever follows a flow, by `keyOf`. */
  readonly #byFlow = new Map<number, ConnectionTracer>();
  #hooks!: FollowedHooks;
  #sockets!: Sockets;

  constructor(requests: readonly TraceRequest[], scenario: Scenario, clock: { readonly now: number }) {
    this.#tracers = requests.map((request) => new ConnectionTracer(request, scenario, clock));
  }

  standIn(): null {
    return null;
  }

  hooks(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>): NodeHooks {
    this.#hooks = new FollowedHooks(this, this.#tracers, datapath, own, endpoints);
    return this.#hooks;
  }

  application(inner: Application): Application {
    return followedApplication(this, inner);
  }

  sockets(inner: Sockets): Sockets {
    return followedSockets(this, inner);
  }

  ends(inner: Ends, protocol: number): Ends {
    return followedEnds(this, inner, protocol);
  }

  find(protocol: number, flow: number): ConnectionTracer | undefined {
    const tracer = this.#byFlow.get(keyOf(protocol, flow));
    // The number may have gone to a connection that no workload has opened: one of the L7 proxy's own.
    const table = protocol === IPPROTO_TCP ? this.#sockets.flows : this.#sockets.datagrams;
    return tracer === undefined || table.nth[flow] === 0 ? undefined : tracer;
  }

  opens(workload: number): void {
    this.#hooks.connect = null;
    for (const tracer of this.#tracers) tracer.opens(workload);
  }

  opened(protocol: number, workload: number, flow: number, table: FlowTable): void {
    // The number of a connection that is over may go to another one.
    if (flow >= 0) this.#byFlow.delete(keyOf(protocol, flow));
    for (const tracer of this.#tracers) {
      if (tracer.opened(protocol, workload, flow, table)) this.#byFlow.set(keyOf(protocol, flow), tracer);
    }
  }

  attach(maps: CiliumMaps, topology: Topology, sockets: Sockets, collector: Collector): void {
    for (const tracer of this.#tracers) tracer.attach(topology, sockets, this.#hooks);
    this.#hooks.attach(maps, collector);
    this.#sockets = sockets;
  }

  finish(variant: string | null): readonly ConnectionTrace[] {
    return this.#tracers.map((tracer) => tracer.finish(variant));
  }
}

/** TCP and UDP number their flows each for itself. */
function keyOf(protocol: number, flow: number): number {
  return protocol === IPPROTO_TCP ? flow : -1 - flow;
}
