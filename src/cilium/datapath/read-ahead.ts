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
/** Words of a flow, one cache line: the slots, then the hashes of their keys. */
const FLOW_WORDS = 2 * SITES;

/** Flows that are read ahead together. */
export const FLOWS_AT_ONCE = 64;

export class ReadAhead {
  declare private readonly flows: Int32Array;
  /** The map that each lookup of a walk found something in, whichever flow came last. */
  declare private readonly maps: HashTable[];
  private readonly found = new Int32Array(FLOWS_AT_ONCE);
  private readonly hashes = new Int32Array(FLOWS_AT_ONCE);
  /** Index in `flows` of the next lookup of the current packet, and where the flow's part ends. */
  private next = 0;
  private end = 0;
  /** Keeps the reads from being optimised away. */
  protected readSum = 0;

  /** Room for flows 1 … `flows`. */
  constructor(flows: number) {
    this.flows = lineAligned((flows + 1) * FLOW_WORDS);
    this.maps = [];
  }

  /** A packet of that flow begins its walk; 0: of none. */
  begin(flow: number): void {
    this.next = flow * FLOW_WORDS;
    this.end = flow === 0 ? 0 : this.next + SITES;
  }

  /** The walk has looked something up in a large map: slot or negative. */
  note(map: BpfMap, slot: number): void {
    const at = this.next;
    if (slot <= 0 || at >= this.end) return;
    this.next = at + 1;
    if (this.flows[at] !== slot && map instanceof HashTable) this.remember(at, slot, map);
  }

  /** Reads what the next walks of these flows will read; at most `FLOWS_AT_ONCE` count. */
  foresee(next: Int32Array, count: number): void {
    const { maps, flows, found, hashes } = this;
    const some = Math.min(count, FLOWS_AT_ONCE);
    let sum = 0;
    for (let i = 0; i < some; i++) sum ^= flows[next[i]! * FLOW_WORDS]!;
    this.readSum = sum;
    for (let site = 0; site < maps.length; site++) {
      const map = maps[site]!;
      for (let i = 0; i < some; i++) {
        const at = next[i]! * FLOW_WORDS + site;
        found[i] = flows[at]!;
        hashes[i] = flows[at + SITES]!;
      }
      map.readBuckets(hashes, some);
      map.readRows(found, some);
    }
  }

  private remember(at: number, slot: number, map: HashTable): void {
    this.flows[at] = slot;
    this.flows[at + SITES] = map.hashOf(slot);
    const site = at % FLOW_WORDS;
    // Handed out in order, so that the array has no holes. Of a map made anew and smaller, an old slot reads nothing.
    if (site <= this.maps.length) this.maps[site] = map;
  }
}
