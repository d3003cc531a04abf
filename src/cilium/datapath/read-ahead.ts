/**
 * Reading ahead: where the lookups of a flow's last walk found something, so that the memory that its next walk needs can
 * be asked for before. Not part of the real datapath, and without any effect on what it does.
 *
 * Large tables lie outside the cache, and loads that do not depend on one another take the time of one. A world that
 * knows which packets come next (`Simulation.foresee`) has them read together.
 */

import { HashTable } from "../../bpf/hash-table.js";
import type { BpfMap } from "../../bpf/map.js";
import { lineAligned } from "../../core/line-aligned.js";

/** Lookups of a walk that are remembered. Longest walk: P4 on one node, seven. */
const SITES = 8;

/** Flows that are read ahead together. */
export const FLOWS_AT_ONCE = 64;

export class ReadAhead {
  declare private readonly slots: Int32Array;
  /** The map that each lookup of a walk found something in, whichever flow came last. */
  declare private readonly maps: HashTable[];
  private readonly found = new Int32Array(FLOWS_AT_ONCE);
  /** Index in `slots` of the next lookup of the current packet, and where the flow's part ends. */
  private next = 0;
  private end = 0;
  /** Keeps the reads from being optimised away. */
  protected readSum = 0;

  /** Room for flows 1 … `flows`. */
  constructor(flows: number) {
    this.slots = lineAligned((flows + 1) * SITES);
    this.maps = [];
  }

  /** A packet of that flow begins its walk; 0: of none. */
  begin(flow: number): void {
    this.next = flow * SITES;
    this.end = flow === 0 ? 0 : this.next + SITES;
  }

  /** The walk has looked something up in a large map: slot or negative. */
  note(map: BpfMap, slot: number): void {
    const at = this.next;
    if (slot <= 0 || at >= this.end) return;
    this.next = at + 1;
    if (this.slots[at] !== slot && map instanceof HashTable) this.remember(at, slot, map);
  }

  /** Reads what the next walks of these flows will read; at most `FLOWS_AT_ONCE` count. */
  foresee(flows: Int32Array, count: number): void {
    const { maps, slots, found } = this;
    const some = Math.min(count, FLOWS_AT_ONCE);
    let sum = 0;
    for (let i = 0; i < some; i++) sum ^= slots[flows[i]! * SITES]!;
    this.readSum = sum;
    for (let site = 0; site < maps.length; site++) {
      const map = maps[site]!;
      for (let i = 0; i < some; i++) found[i] = slots[flows[i]! * SITES + site]!;
      map.readBuckets(found, some);
      map.readRows(found, some);
    }
  }

  private remember(at: number, slot: number, map: HashTable): void {
    this.slots[at] = slot;
    const site = at % SITES;
    // Handed out in order, so that the array has no holes. Of a map made anew and smaller, an old slot reads nothing.
    if (site <= this.maps.length) this.maps[site] = map;
  }
}
