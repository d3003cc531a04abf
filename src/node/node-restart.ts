/**
 * The node itself restarts: its pods and sockets are gone without a word, what the BPF file system held is gone with the
 * kernel, and for a while packets find nobody. Then the same pods are back at the same addresses, the agent begins anew
 * with empty maps of connections, and whoever still speaks of an old connection is answered with a reset.
 *
 * Simplified: everything is back at one moment; exchanges of datagrams under way run into their time-outs.
 */
import type { BpfMap } from "../bpf/map.js";
import { wordsOf } from "../bpf/spec.js";
import { RECREATABLE, type CiliumMaps } from "../cilium/maps.js";
import type { Scenario } from "../scenario/types.js";
import { Side } from "../traffic/tcp-peers.js";
import type { Collector } from "./collector.js";
import { Place, rowOf } from "./flow-table.js";
import type { MapWatch } from "./map-watch.js";
import type { NodeNetwork } from "./network.js";
import type { Node } from "./node.js";
import { familiesOf } from "./populate.js";
import type { Workloads } from "./workloads/workloads.js";

export interface RestartParts {
  readonly scenario: Scenario;
  readonly maps: CiliumMaps;
  readonly watch: MapWatch;
  readonly node: Node;
  readonly network: NodeNetwork;
  readonly workloads: Workloads;
  readonly collector: Collector;
}

/** Whoever deletes here is no program: its CPU is of no matter. */
const ANY_CPU = 0;

export class NodeRestart {
  readonly #parts: RestartParts;
  /** Sockets of the node that were open when it went down: connection and side. */
  #lost: readonly (readonly [connection: number, side: number])[] = [];

  constructor(parts: RestartParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { network, node, collector, workloads } = this.#parts;
    collector.stop();
    network.down = true;
    workloads.nodeDown = true;
    const { peers, flows } = node;
    const lost: (readonly [number, number])[] = [];
    for (let connection = 0; connection < peers.capacity; connection++) {
      if (!peers.isOpen(connection)) continue;
      for (const side of [Side.client, Side.server]) {
        const place = flows.place[rowOf(connection, side)]!;
        if (place !== Place.offNode && place !== Place.unbound) lost.push([connection, side]);
      }
    }
    this.#lost = lost;
    for (const [connection, side] of lost) peers.vanish(connection, side);
  }

  end(): void {
    const { network, node, collector, workloads } = this.#parts;
    this.#emptyMaps();
    for (const [connection, side] of this.#lost) node.peers.returnWithoutMemory(connection, side);
    network.down = false;
    workloads.nodeDown = false;
    workloads.reopenPools();
    collector.restart();
  }

  #emptyMaps(): void {
    const { maps, watch } = this.#parts;
    for (const name of RECREATABLE) {
      const map = maps.get(name);
      if (map === undefined) continue;
      maps.recreate(name, map.maxEntries);
      watch.renew(name);
    }
    for (const family of familiesOf(maps)) {
      const { affinity, reverseSk } = maps.family(family);
      for (const { map } of [affinity, reverseSk]) empty(map);
    }
  }
}

function empty(map: BpfMap): void {
  const key = new Int32Array(wordsOf(map.spec.keySize));
  while (map.nextKey(null, 0, key, 0) === 0) map.remove(key, 0, ANY_CPU);
}
