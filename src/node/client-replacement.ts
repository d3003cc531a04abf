/**
 * Client pods that are deleted, and new ones that get their addresses at once: the old pod's sockets are gone without a
 * word, the agent takes its endpoint out of the maps and walks conntrack for it, and the same for the new one. Whoever still
 * speaks to the old pod is answered by the new one, with a reset.
 *
 * Simplified: one endpoint id for both, and the new pod carries traffic at once, without waiting for the walk.
 */
import type { Happening } from "../scenario/types.js";
import { Side } from "../traffic/tcp-peers.js";
import type { Collector } from "./collector.js";
import { rowOf } from "./flow-table.js";
import type { Node } from "./node.js";
import type { NodeFlows } from "./node-flows.js";
import { workloadOf, type Topology } from "./topology.js";

export interface ReplacementParts {
  readonly topology: Topology;
  readonly node: Node;
  readonly collector: Collector;
  readonly flows: Pick<NodeFlows, "agentEvents">;
}

export class ClientReplacement {
  readonly #parts: ReplacementParts;
  /** The next pod of each workload, in turn. */
  readonly #next = new Map<string, number>();

  constructor(parts: ReplacementParts) {
    this.#parts = parts;
  }

  begin({ workload, replace }: Extract<Happening, { kind: "pods" }>): void {
    const { topology, node, collector, flows } = this.#parts;
    const places = [...topology.localPods.keys()].filter((place) => workloadOf(topology.localPods[place]!) === workload);
    const first = this.#next.get(workload) ?? 0;
    for (let n = 0; n < Math.min(replace, places.length); n++) {
      const place = places[(first + n) % places.length]!;
      this.#forget(place, node);
      collector.scrub(topology.localPods[place]!.address);
      flows.agentEvents?.podReplaced(topology.localPods[place]!);
    }
    this.#next.set(workload, first + replace);
  }

  #forget(place: number, { peers, flows }: Node): void {
    for (let connection = 0; connection < peers.capacity; connection++) {
      if (!peers.isOpen(connection) || flows.place[rowOf(connection, Side.client)] !== place) continue;
      peers.vanish(connection, Side.client);
      // The new pod's stack is there at once, and resets what it does not know.
      peers.returnWithoutMemory(connection, Side.client);
    }
  }
}
