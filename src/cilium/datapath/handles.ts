/**
 * Handles: where a flow's entries were found last time, lookup by lookup of its walk. Not part of the real datapath.
 *
 * A lookup that finds its key still at the remembered slot needs no hashing; the result, the reference bit and the
 * operation count are those of a real lookup (property test). A handle that no longer fits costs one comparison.
 *
 * All remembered rows are read when the walk begins: large tables lie outside the cache, and loads that do not depend on
 * one another take the time of one.
 */

import { LruHashMap } from "../../bpf/lru-hash-map.js";
import { REFERENCED } from "../../bpf/lru-list.js";
import type { BpfMap } from "../../bpf/map.js";

/** Lookups of a walk that are remembered; later ones are always real. Longest walk: P4 on one node, seven. */
const SITES = 8;

/** Opens the node states of an LRU map: a lookup by handle marks its element as `lookup` would. */
class NodeStates extends LruHashMap {
  static of(map: LruHashMap): Uint8Array {
    return (map as NodeStates).state;
  }
}

export class FlowHandles {
  declare private readonly slots: Int32Array;
  /** The map that each lookup of a walk found something in, whichever flow came last. */
  declare private readonly maps: LruHashMap[];
  /** Index in `slots` of the next lookup of the current packet, and where the flow's part ends. */
  private next = 0;
  private end = 0;
  /** Keeps the reads ahead from being optimised away. */
  private touched = 0;

  /** Room for flows 1 … `flows`. */
  constructor(flows: number) {
    this.slots = new Int32Array((flows + 1) * SITES);
    this.maps = [];
  }

  /** A packet of that flow begins its walk; 0 = no flow, every lookup is real. */
  begin(flow: number): void {
    this.next = flow * SITES;
    this.end = flow === 0 ? 0 : this.next + SITES;
    if (flow !== 0) this.touch();
  }

  /** Forgets a flow whose number is given to another. */
  forget(flow: number): void {
    this.slots.fill(0, flow * SITES, (flow + 1) * SITES);
  }

  /** The lookup that comes next in the walk. Slot or negated error number. */
  lookup(map: BpfMap, key: Int32Array): number {
    const at = this.next;
    if (at >= this.end || !(map instanceof LruHashMap)) return map.lookup(key, 0);
    this.next = at + 1;
    const held = this.slots[at]!;
    if (held !== 0 && map.holds(held, key, 0)) {
      const states = NodeStates.of(map);
      if (states[held]! < REFERENCED) states[held]! |= REFERENCED;
      return held;
    }
    const slot = map.lookup(key, 0);
    if (slot > 0) this.remember(at, slot, map);
    return slot;
  }

  private remember(at: number, slot: number, map: LruHashMap): void {
    this.slots[at] = slot;
    // Handed out in order, so that the array has no holes.
    const site = at % SITES;
    if (site <= this.maps.length) this.maps[site] = map;
  }

  private touch(): void {
    const { maps, slots, next } = this;
    let sum = 0;
    for (let site = 0; site < maps.length; site++) {
      const map = maps[site]!;
      const slot = slots[next + site]!;
      sum += map.rows[slot * map.stride]! + NodeStates.of(map)[slot]!;
    }
    this.touched = (this.touched + sum) | 0;
  }
}
