/**
 * Backends on other nodes that come and go, and the agent that learns of it late.
 *
 *   pod begins to terminate ── lag ──> no new connections to it
 *   pod ends (after its grace) ── lag ──> its id leaves the map
 *
 * In between the datapath sends connections to a pod that is not there any more.
 */
import { BACKEND_ACTIVE, BACKEND_TERMINATING } from "../cilium/maps/service-maps.js";
import type { Simulation } from "../core/simulation.js";
import type { Happening } from "../scenario/types.js";
import { Side } from "../traffic/tcp-peers.js";
import type { AddedBackends } from "./added-backends.js";
import type { Directory } from "./directory.js";
import { rowOf } from "./flow-table.js";
import type { Node } from "./node.js";
import type { NodeFlows } from "./node-flows.js";
import type { KnownBackend, ServiceWriter } from "./services.js";
import type { Pod, ServiceTopology, Topology } from "./topology.js";

export interface BackendParts {
  readonly simulation: Simulation;
  readonly topology: Topology;
  readonly directory: Directory;
  readonly services: ServiceWriter;
  readonly added: AddedBackends;
  readonly node: Node;
  readonly flows: Pick<NodeFlows, "agentEvents">;
}

type BackendHappening = Extract<Happening, { kind: "backends" }>;

/** A step of a change, done when its moment comes. */
interface Step {
  readonly service: number;
  readonly pod: Pod;
  readonly what: "known" | "terminating" | "ends" | "forgotten";
  readonly how: BackendHappening["how"];
}

export class BackendChanges {
  readonly #parts: BackendParts;
  /** What the agent knows, by service. */
  readonly #known: KnownBackend[][];
  /** Pods of other nodes that live, the oldest first, and those still to come. */
  readonly #living: Pod[][];
  readonly #later: Pod[][];
  readonly #steps: Step[] = [];
  readonly #step: number;

  constructor(parts: BackendParts) {
    this.#parts = parts;
    const { services } = parts.topology;
    this.#known = services.map(({ backends }) => backends.map((pod) => ({ pod, state: BACKEND_ACTIVE })));
    this.#living = services.map(({ backends }) => backends.filter(({ node }) => node !== 0));
    this.#later = services.map(({ later }) => [...later]);
    this.#step = parts.simulation.on((index) => this.#take(this.#steps[index]!));
  }

  /** What the agent has written of each service. */
  written(): readonly { readonly service: ServiceTopology; readonly backends: readonly Pod[] }[] {
    return this.#parts.topology.services.map((service, index) => ({ service, backends: this.#known[index]!.map(({ pod }) => pod) }));
  }

  begin({ service, add, remove, graceNs, lagNs, how }: BackendHappening): void {
    for (const pod of this.#later[service]!.splice(0, add)) {
      this.#arrive(service, pod);
      this.#in(lagNs, { service, pod, what: "known", how });
    }
    for (const pod of this.#living[service]!.splice(0, remove)) {
      if (graceNs > 0) this.#in(lagNs, { service, pod, what: "terminating", how });
      this.#in(graceNs, { service, pod, what: "ends", how });
      this.#in(graceNs + lagNs, { service, pod, what: "forgotten", how });
    }
  }

  #arrive(service: number, pod: Pod): void {
    const { directory, topology } = this.#parts;
    this.#living[service]!.push(pod);
    directory.arrive(pod);
    directory.listen(pod.address, topology.services[service]!.port);
  }

  #in(delayNs: number, step: Step): void {
    const { simulation } = this.#parts;
    simulation.at(simulation.now + delayNs, this.#step, this.#steps.push(step) - 1, 0);
  }

  #take({ service, pod, what, how }: Step): void {
    if (what === "ends") {
      this.#end(service, pod, how);
      return;
    }
    const before = this.#known[service]!;
    const others = before.filter((each) => each.pod !== pod);
    if (what === "known") this.#known[service] = [...before, { pod, state: BACKEND_ACTIVE }];
    else if (what === "forgotten") this.#known[service] = others;
    else this.#known[service] = before.map((each) => (each.pod === pod ? { pod, state: BACKEND_TERMINATING } : each));
    this.#parts.services.write(this.#parts.topology.services[service]!, this.#known[service]!);
    if (what === "known") this.#parts.added.known(service, pod.address);
    this.#tell(service, pod, what, how);
  }

  #tell(service: number, pod: Pod, what: Step["what"], how: Step["how"]): void {
    const { agentEvents } = this.#parts.flows;
    if (agentEvents === null) return;
    if (what === "known") agentEvents.addressLearned(pod);
    if (what === "forgotten" && how !== "crashes") agentEvents.addressForgotten(pod);
    agentEvents.serviceWritten(this.#parts.topology.services[service]!, this.#known[service]!.map((each) => each.pod));
  }

  /** The pod, or its process alone, is gone, and its connections with it. */
  #end(service: number, pod: Pod, how: BackendHappening["how"]): void {
    const { directory, topology, node } = this.#parts;
    const { peers, flows } = node;
    directory.stopListening(pod.address, topology.services[service]!.port);
    for (let connection = 0; connection < peers.capacity; connection++) {
      if (!peers.isOpen(connection) || flows.address[rowOf(connection, Side.server)] !== pod.address) continue;
      if (how === "vanishes") peers.vanish(connection, Side.server);
      else peers.abort(connection, Side.server);
    }
    if (how !== "crashes") directory.leave(pod);
  }
}
