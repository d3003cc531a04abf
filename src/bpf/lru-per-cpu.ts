/**
 * LRU lists without a common list (`BPF_F_NO_COMMON_LRU`): each CPU owns an equal share of the nodes for good and
 * evicts among these. `bpf_percpu_lru_*` in kernel/bpf/bpf_lru_list.c.
 */

import { FreeStack, LruList, LruNodes, NodeList } from "./lru-list.js";
import type { VictimTable } from "./lru-list.js";
import type { MapHost } from "./spec.js";

/** Nodes that a shrink frees and that a scan looks at: PERCPU_FREE_TARGET, PERCPU_NR_SCANS. */
const PERCPU_FREE_TARGET = 4;
const PERCPU_SCANS = PERCPU_FREE_TARGET;
/** Sentinels of one list set. */
const SENTINELS = 2;

export class PerCpuLru {
  declare readonly nodes: LruNodes;
  declare private readonly lists: readonly LruList[];
  /** Nodes of one CPU. */
  declare private readonly share: number;

  /** `maxEntries` is a multiple of the CPUs. */
  constructor(maxEntries: number, host: MapHost, victims: VictimTable) {
    const cpus = host.possibleCpus;
    const share = maxEntries / cpus;
    const nodes = new LruNodes(maxEntries, SENTINELS * cpus);
    this.nodes = nodes;
    this.share = share;
    this.lists = Array.from({ length: cpus }, (_, cpu) => {
      const free = new FreeStack(nodes, cpu * share + 1, (cpu + 1) * share);
      return new LruList(nodes, victims, maxEntries + 1 + SENTINELS * cpu, free, PERCPU_SCANS);
    });
  }

  get bytes(): number {
    return this.nodes.bytes;
  }

  /** A node for a new element, now on CPU `cpu`'s inactive list, or 0. */
  take(cpu: number): number {
    const list = this.lists[cpu]!;
    list.rotate();
    let node = list.free.pop();
    if (node === 0) {
      list.shrink(PERCPU_FREE_TARGET, list.free, NodeList.free, cpu);
      node = list.free.pop();
      if (node === 0) return 0;
    }
    list.add(node, NodeList.inactive);
    return node;
  }

  /** Takes back a node whose element is gone, to the CPU that owns it. */
  giveBack(node: number): void {
    this.lists[Math.floor((node - 1) / this.share)]!.giveBack(node);
  }
}
