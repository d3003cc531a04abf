/**
 * The LRU list set: active, inactive and free nodes with a second-chance clock. `struct bpf_lru_list` and its helpers
 * in kernel/bpf/bpf_lru_list.c.
 *
 *     front (newest) -> next -> next -> tail (oldest) -> sentinel -> front …
 *
 * A node is a slot of the table. Links are interleaved in one column (next, previous), lists are closed by a sentinel
 * node, free nodes are stacks through the `next` link (their order can't be observed: a free node carries no key).
 */

/** Which list a node is on. Zero-filled memory means free. */
export const NodeList = { free: 0, localFree: 1, pending: 2, inactive: 3, active: 4 } as const;
/** State of a node that carries an element; that of a free one is 0. */
export const IN_USE = 1;
/** Bit of a node's state: a program has looked it up since the bit was last cleared. */
export const REFERENCED = 8;

/** The table whose elements the nodes carry. */
export interface VictimTable {
  /** Takes a node's element out of the table; false when its bucket lock is held on this CPU. */
  evict(slot: number, cpu: number): boolean;
  /** The elements of the first `count` of these slots are likely to be evicted next: reads ahead what that will read. */
  foresee(slots: Int32Array, count: number): void;
}

/** Links and state of all nodes and sentinels. */
export class LruNodes {
  /** `links[2n]` is the node after n (towards the tail), `links[2n + 1]` the one before it. */
  declare readonly links: Int32Array;
  /** `NodeList` of each node. */
  declare readonly lists: Uint8Array;
  /**
   * 0, or `IN_USE` with or without `REFERENCED`. A column of its own, so that a lookup only writes and never waits for
   * what was there.
   */
  declare readonly state: Uint8Array;

  /** Nodes are 1 … `nodes`; sentinels follow them. */
  constructor(nodes: number, sentinels: number) {
    this.links = new Int32Array(2 * (nodes + 1 + sentinels));
    this.lists = new Uint8Array(nodes + 1 + sentinels);
    this.state = new Uint8Array(nodes + 1 + sentinels);
    for (let i = nodes + 1; i <= nodes + sentinels; i++) {
      this.links[2 * i] = i;
      this.links[2 * i + 1] = i;
    }
  }

  get bytes(): number {
    return this.links.byteLength + this.lists.byteLength + this.state.byteLength;
  }

  /** Becomes like those of a list set of the same size. */
  assign(from: LruNodes): void {
    this.links.set(from.links);
    this.lists.set(from.lists);
    this.state.set(from.state);
  }

  list(node: number): number {
    return this.lists[node]!;
  }

  /** Puts a node on record as being on a list, unreferenced. */
  setList(node: number, list: number): void {
    this.lists[node] = list;
    this.state[node] = list >= NodeList.pending ? IN_USE : 0;
  }

  isReferenced(node: number): boolean {
    return this.state[node]! >= REFERENCED;
  }

  before(node: number): number {
    return this.links[2 * node + 1]!;
  }

  after(node: number): number {
    return this.links[2 * node]!;
  }

  /** Puts an unlinked node at the front of the list that `sentinel` closes. */
  putFront(node: number, sentinel: number): void {
    const links = this.links;
    const first = links[2 * sentinel]!;
    links[2 * node] = first;
    links[2 * node + 1] = sentinel;
    links[2 * first + 1] = node;
    links[2 * sentinel] = node;
  }

  /** Takes a node out of the list it is on. */
  takeOut(node: number): void {
    const links = this.links;
    const next = links[2 * node]!;
    const previous = links[2 * node + 1]!;
    links[2 * previous] = next;
    links[2 * next + 1] = previous;
  }
}

/** A stack of free nodes; nodes that were never used are not linked at all but counted from `fresh` to `last`. */
export class FreeStack {
  declare private readonly links: Int32Array;
  private top = 0;
  declare private fresh: number;
  declare private readonly last: number;

  /** Holds nodes `first` … `last` to begin with. */
  constructor(nodes: LruNodes, first: number, last: number) {
    this.links = nodes.links;
    this.fresh = first;
    this.last = last;
  }

  push(node: number): void {
    this.links[2 * node] = this.top;
    this.top = node;
  }

  /** A free node, or 0. */
  pop(): number {
    const node = this.top;
    if (node !== 0) {
      this.top = this.links[2 * node]!;
      return node;
    }
    return this.fresh <= this.last ? this.fresh++ : 0;
  }

  /** Nodes on the stack, counted one by one. */
  count(): number {
    let count = this.last - this.fresh + 1;
    for (let node = this.top; node !== 0; node = this.links[2 * node]!) count++;
    return count;
  }

  /** Becomes like a stack of as many nodes, whose links have been copied already. */
  assign(from: FreeStack): void {
    this.top = from.top;
    this.fresh = from.fresh;
  }
}

export class LruList {
  declare readonly free: FreeStack;
  declare private readonly nodes: LruNodes;
  declare private readonly victims: VictimTable;
  /** Sentinels. */
  declare private readonly active: number;
  declare private readonly inactive: number;
  /** Nodes that one rotation or shrink looks at, at most. */
  declare private readonly scanLimit: number;
  /** The nodes that a shrink comes to first. */
  declare private readonly next: Int32Array;
  private activeCount = 0;
  private inactiveCount = 0;
  /** Where the next rotation of the inactive list begins: `next_inactive_rotation`. */
  declare private rotation: number;

  constructor(nodes: LruNodes, victims: VictimTable, sentinel: number, free: FreeStack, scanLimit: number) {
    this.nodes = nodes;
    this.victims = victims;
    this.free = free;
    this.active = sentinel;
    this.inactive = sentinel + 1;
    this.rotation = this.inactive;
    this.scanLimit = scanLimit;
    this.next = new Int32Array(scanLimit);
  }

  /** Becomes like one of the same size, whose nodes have been copied already. */
  assign(from: LruList): void {
    this.free.assign(from.free);
    this.activeCount = from.activeCount;
    this.inactiveCount = from.inactiveCount;
    this.rotation = from.rotation;
  }

  /** Puts a node that is on no list at the front of the active or inactive list, unreferenced. */
  add(node: number, list: number): void {
    this.nodes.setList(node, list);
    if (list === NodeList.active) {
      this.activeCount++;
      this.nodes.putFront(node, this.active);
    } else {
      this.inactiveCount++;
      this.nodes.putFront(node, this.inactive);
    }
  }

  /** Takes a node off the active or inactive list. */
  withdraw(node: number): void {
    if (node === this.rotation) this.rotation = this.nodes.before(node);
    if (this.nodes.list(node) === NodeList.active) this.activeCount--;
    else this.inactiveCount--;
    this.nodes.takeOut(node);
  }

  /** Makes a node of the active or inactive list free. */
  giveBack(node: number): void {
    this.withdraw(node);
    this.nodes.setList(node, NodeList.free);
    this.free.push(node);
  }

  /** `__bpf_lru_list_rotate()`. */
  rotate(): void {
    if (this.inactiveCount < this.activeCount) this.rotateActive();
    if (this.inactiveCount > 0) this.rotateInactive();
  }

  /**
   * Evicts up to `wanted` nodes into a free stack, in state `list`; at least one if any node can go, referenced or not.
   * `__bpf_lru_list_shrink()`.
   */
  shrink(wanted: number, into: FreeStack, list: number, cpu: number): number {
    const { nodes, inactive } = this;
    this.foresee(Math.min(wanted, this.scanLimit));
    let evicted = 0;
    let node = nodes.before(inactive);
    for (let scanned = 0; node !== inactive && scanned < this.scanLimit; scanned++) {
      const previous = nodes.before(node);
      if (nodes.isReferenced(node)) {
        this.move(node, NodeList.active);
      } else if (this.victims.evict(node, cpu)) {
        this.freeVictim(node, into, list);
        if (++evicted === wanted) return evicted;
      }
      node = previous;
    }
    return evicted > 0 ? evicted : this.forceShrink(into, list, cpu);
  }

  private foresee(wanted: number): void {
    const { nodes, inactive, next } = this;
    let count = 0;
    for (let node = nodes.before(inactive); node !== inactive && count < wanted; node = nodes.before(node)) next[count++] = node;
    this.victims.foresee(next, count);
  }

  private forceShrink(into: FreeStack, list: number, cpu: number): number {
    const sentinel = this.inactiveCount > 0 ? this.inactive : this.active;
    for (let node = this.nodes.before(sentinel); node !== sentinel; node = this.nodes.before(node)) {
      if (this.victims.evict(node, cpu)) {
        this.freeVictim(node, into, list);
        return 1;
      }
    }
    return 0;
  }

  private freeVictim(node: number, into: FreeStack, list: number): void {
    this.withdraw(node);
    this.nodes.setList(node, list);
    into.push(node);
  }

  private move(node: number, list: number): void {
    this.withdraw(node);
    this.add(node, list);
  }

  /** `__bpf_lru_list_rotate_active()`: referenced nodes get another round, the others become inactive. */
  private rotateActive(): void {
    const { nodes, active } = this;
    const stop = nodes.after(active);
    let node = nodes.before(active);
    for (let scanned = 0; node !== active && scanned < this.scanLimit; scanned++) {
      const previous = nodes.before(node);
      this.move(node, nodes.isReferenced(node) ? NodeList.active : NodeList.inactive);
      if (node === stop) break;
      node = previous;
    }
  }

  /** `__bpf_lru_list_rotate_inactive()`: from the cursor towards the front, referenced nodes become active. */
  private rotateInactive(): void {
    const { nodes, inactive } = this;
    let last = nodes.after(this.rotation);
    if (last === inactive) last = nodes.after(last);
    let current = this.rotation;
    let next = current;
    for (let scanned = 0; scanned < this.scanLimit; ) {
      if (current === inactive) {
        current = nodes.before(current);
        continue;
      }
      next = nodes.before(current);
      if (nodes.isReferenced(current)) this.move(current, NodeList.active);
      if (current === last) break;
      current = next;
      scanned++;
    }
    this.rotation = next;
  }
}
