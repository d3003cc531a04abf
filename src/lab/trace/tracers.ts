/** Several connections of one run, each with a tracer of its own; stands between the parts of the node. */
import type { CiliumMaps } from "../../cilium/maps.js";
import type { DatapathContext } from "../../cilium/datapath/context.js";
import type { NodeObserver } from "../../node/build.js";
import type { Collector } from "../../node/collector.js";
import type { NodeHooks } from "../../node/hooks.js";
import type { Ends } from "../../node/network.js";
import type { Topology } from "../../node/topology.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import type { Scenario } from "../../scenario/types.js";
import type { Application } from "../../traffic/tcp-peers.js";
import type { TraceRequest } from "./request.js";
import type { ConnectionTrace } from "./result.js";
import { followedApplication, followedEnds, followedSockets } from "./sockets.js";
import { ConnectionTracer } from "./tracer.js";
import { FollowedHooks } from "./walks.js";

export class Tracers implements NodeObserver {
  readonly #tracers: readonly ConnectionTracer[];
  #hooks!: FollowedHooks;

  constructor(requests: readonly TraceRequest[], scenario: Scenario, clock: { readonly now: number }) {
    this.#tracers = requests.map((request) => new ConnectionTracer(request, scenario, clock));
  }

  hooks(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>): NodeHooks {
    this.#hooks = new FollowedHooks(this.#tracers, datapath, own, endpoints);
    return this.#hooks;
  }

  application(inner: Application): Application {
    return this.#tracers.reduce((application, tracer) => followedApplication(tracer, application), inner);
  }

  sockets(inner: Sockets): Sockets {
    return this.#tracers.reduce((sockets, tracer) => followedSockets(tracer, sockets), inner);
  }

  ends(inner: Ends, protocol: number): Ends {
    return this.#tracers.reduce((ends, tracer) => followedEnds(tracer, ends, protocol), inner);
  }

  attach(maps: CiliumMaps, topology: Topology, sockets: Sockets, collector: Collector): void {
    for (const tracer of this.#tracers) tracer.attach(topology, sockets, this.#hooks);
    this.#hooks.attach(maps, collector);
  }

  finish(variant: string | null): readonly ConnectionTrace[] {
    return this.#tracers.map((tracer) => tracer.finish(variant));
  }
}
