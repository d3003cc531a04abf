/**
 * Handles: where a flow's entries were found last time, lookup by lookup of its walk. Not part of the real datapath.
 *
 * A lookup that finds its key still at the remembered slot needs no hashing; the result, the reference bit and the
 * operation count are those of a real lookup (property test). A handle that no longer fits costs one comparison.
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
  /** Index in `slots` of the next lookup of the current packet, and where the flow's part ends. */
  private next = 0;
  private end = 0;

  /** Room for flows 1 … `flows`. */
  constructor(flows: number) {
    this.slots = new Int32Array((flows + 1) * SITES);
  }

  /** A packet of that flow begins its walk; 0 = no flow, every lookup is real. */
  begin(flow: number): void {
    this.next = flow * SITES;
    this.end = flow === 0 ? 0 : this.next + SITES;
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
    if (slot > 0) this.slots[at] = slot;
    return slot;
  }
}
