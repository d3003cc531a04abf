/**
 * The common LRU list: one list set for all CPUs, fed through each CPU's own pending and free lists. `bpf_common_lru_*`
 * in kernel/bpf/bpf_lru_list.c.
 */

import { FreeStack, LruList, LruNodes, NodeList } from "./lru-list.js";
import type { VictimTable } from "./lru-list.js";
import type { MapHost } from "./spec.js";

/** Most nodes that a refill asks for and that a scan looks at: LOCAL_FREE_TARGET, LOCAL_NR_SCANS. */
const LOCAL_FREE_TARGET = 128;
const LOCAL_SCANS = LOCAL_FREE_TARGET;
/** CPUs whose numbers fit a byte. */
const BYTE_CPUS = 256;
/** Sentinels of the shared list set, before those of the pending lists. */
const SHARED_SENTINELS = 2;

/**
 * Nodes that a refill of a CPU's free list asks for. Fixed up to mid-2025; since 6.16, 6.15.7, 6.12.39 and 6.6.99
 * scaled down for maps that are small beside the CPUs.
 */
export function refillTarget(maxEntries: number, host: MapHost): number {
  if (host.refill === "fixed") return LOCAL_FREE_TARGET;
  const share = Math.floor(Math.floor(maxEntries / host.possibleCpus) / 2);
  return Math.min(Math.max(share, 1), LOCAL_FREE_TARGET);
}

export class CommonLru {
  declare readonly nodes: LruNodes;
  declare private readonly shared: LruList;
  declare private readonly victims: VictimTable;
  declare private readonly cpus: number;
  declare private readonly target: number;
  declare private readonly localFree: readonly FreeStack[];
  /** First sentinel of the pending lists; CPU c's is this plus c. */
  declare private readonly pending: number;
  /** CPU whose pending list a node is or was last on. */
  declare private readonly owner: Uint8Array | Uint16Array;
  /** Where each CPU begins to steal next. */
  declare private readonly stealFrom: Int32Array;

  constructor(maxEntries: number, host: MapHost, victims: VictimTable) {
    const cpus = host.possibleCpus;
    this.cpus = cpus;
    this.victims = victims;
    this.target = refillTarget(maxEntries, host);
    this.nodes = new LruNodes(maxEntries, SHARED_SENTINELS + cpus);
    this.pending = maxEntries + 1 + SHARED_SENTINELS;
    this.shared = new LruList(
      this.nodes,
      victims,
      maxEntries + 1,
      new FreeStack(this.nodes, 1, maxEntries),
      LOCAL_SCANS,
    );
    this.localFree = Array.from({ length: cpus }, () => new FreeStack(this.nodes, 1, 0));
    this.owner = cpus <= BYTE_CPUS ? new Uint8Array(maxEntries + 1) : new Uint16Array(maxEntries + 1);
    this.stealFrom = Int32Array.from({ length: cpus }, (_, cpu) => cpu);
  }

  get bytes(): number {
    return this.nodes.bytes + this.owner.byteLength;
  }

  /** Free nodes that only this CPU takes before it evicts, counted one by one. */
  freeOn(cpu: number): number {
    return this.localFree[cpu]!.count();
  }

  /** Becomes like another of the same size and host. */
  assign(from: CommonLru): void {
    this.nodes.assign(from.nodes);
    this.shared.assign(from.shared);
    this.localFree.forEach((stack, cpu) => stack.assign(from.localFree[cpu]!));
    this.owner.set(from.owner);
    this.stealFrom.set(from.stealFrom);
  }

  /** A node for a new element, now pending on `cpu`, or 0 when every node is out of reach. */
  take(cpu: number): number {
    const own = this.localFree[cpu]!;
    let node = own.pop();
    if (node === 0) {
      this.refill(cpu, own);
      node = own.pop();
      if (node === 0) node = this.steal(cpu);
      if (node === 0) return 0;
    }
    this.owner[node] = cpu;
    this.nodes.setList(node, NodeList.pending);
    this.nodes.putFront(node, this.pending + cpu);
    return node;
  }

  /** Takes back a node whose element is gone. */
  giveBack(node: number): void {
    if (this.nodes.list(node) !== NodeList.pending) {
      this.shared.giveBack(node);
      return;
    }
    this.nodes.takeOut(node);
    this.nodes.setList(node, NodeList.localFree);
    this.localFree[this.owner[node]!]!.push(node);
  }

  private refill(cpu: number, own: FreeStack): void {
    this.flushPending(cpu);
    this.shared.rotate();
    let got = 0;
    while (got < this.target) {
      const node = this.shared.free.pop();
      if (node === 0) break;
      this.nodes.setList(node, NodeList.localFree);
      own.push(node);
      got++;
    }
    if (got < this.target) this.shared.shrink(this.target - got, own, NodeList.localFree, cpu);
  }

  /** From the oldest on, so that the order of insertion is kept. */
  private flushPending(cpu: number): void {
    const { nodes } = this;
    const sentinel = this.pending + cpu;
    for (let node = nodes.before(sentinel); node !== sentinel; node = nodes.before(sentinel)) {
      nodes.takeOut(node);
      this.shared.add(node, nodes.isReferenced(node) ? NodeList.active : NodeList.inactive);
    }
  }

  private steal(cpu: number): number {
    const first = this.stealFrom[cpu]!;
    let from = first;
    let node = 0;
    do {
      node = this.localFree[from]!.pop();
      if (node === 0) node = this.takePending(from, cpu);
      from = from + 1 < this.cpus ? from + 1 : 0;
    } while (node === 0 && from !== first);
    this.stealFrom[cpu] = from;
    return node;
  }

  /** The oldest unreferenced pending node of a CPU, else the oldest one; evicted on behalf of CPU `cpu`. */
  private takePending(from: number, cpu: number): number {
    const { nodes } = this;
    const sentinel = this.pending + from;
    for (let node = nodes.before(sentinel); node !== sentinel; node = nodes.before(node)) {
      if (!nodes.isReferenced(node) && this.victims.evict(node, cpu)) return this.unpend(node);
    }
    for (let node = nodes.before(sentinel); node !== sentinel; node = nodes.before(node)) {
      if (this.victims.evict(node, cpu)) return this.unpend(node);
    }
    return 0;
  }

  private unpend(node: number): number {
    this.nodes.takeOut(node);
    return node;
  }
}

