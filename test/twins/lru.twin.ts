/**
 * LRU maps in plain lists, written from the description of the algorithm: arrays from newest (index 0) to oldest, free
 * nodes as counters, the rotation cursor as the node itself (null for the lists' end).
 */
import { MapFlag, type MapHost, type MapSpec } from "../../src/bpf/spec.js";
import { newValues, overwrite, PlainBuckets, presence } from "./buckets.twin.js";
import type { TwinElement, TwinKey, TwinMap } from "./driver.twin.js";

interface Node extends TwinElement {
  readonly key: TwinKey;
  values: number[];
  ref: boolean;
  /** CPU that took the node. */
  readonly owner: number;
}

class Lists {
  active: Node[] = [];
  inactive: Node[] = [];
  free: number;
  cursor: Node | null = null;
  readonly scan: number;

  constructor(free: number, scan: number) {
    this.free = free;
    this.scan = scan;
  }

  before(node: Node | null): Node | null {
    const list = this.inactive;
    return (node === null ? list.at(-1) : list[list.indexOf(node) - 1]) ?? null;
  }

  after(node: Node | null): Node | null {
    return this.inactive[node === null ? 0 : this.inactive.indexOf(node) + 1] ?? null;
  }

  leave(node: Node): void {
    if (node === this.cursor) this.cursor = this.before(node);
    this.active = this.active.filter((each) => each !== node);
    this.inactive = this.inactive.filter((each) => each !== node);
  }

  enter(node: Node, list: "active" | "inactive"): void {
    node.ref = false;
    this[list].unshift(node);
  }

  move(node: Node, list: "active" | "inactive"): void {
    this.leave(node);
    this.enter(node, list);
  }

  rotate(): void {
    if (this.inactive.length < this.active.length) {
      for (const node of this.active.slice().reverse().slice(0, this.scan)) this.move(node, node.ref ? "active" : "inactive");
    }
    if (this.inactive.length === 0) return;
    const last = this.after(this.cursor) ?? this.after(null);
    let current = this.cursor;
    let next: Node | null = null;
    for (let i = 0; i < this.scan; ) {
      if (current === null) {
        current = this.before(null);
        continue;
      }
      next = this.before(current);
      const isLast = current === last;
      if (current.ref) this.move(current, "active");
      if (isLast) break;
      current = next;
      i++;
    }
    this.cursor = next;
  }

  shrink(want: number, evict: (node: Node) => void): number {
    let evicted = 0;
    for (const node of this.inactive.slice().reverse().slice(0, this.scan)) {
      if (evicted === want) break;
      if (node.ref) this.move(node, "active");
      else {
        this.leave(node);
        evict(node);
        evicted++;
      }
    }
    if (evicted > 0) return evicted;
    const forced = this.inactive.at(-1) ?? this.active.at(-1);
    if (forced === undefined) return 0;
    this.leave(forced);
    evict(forced);
    return 1;
  }
}

export class PlainLru implements TwinMap {
  readonly copies: number;
  readonly evictedKeys: TwinKey[] = [];
  readonly #buckets: PlainBuckets<Node>;
  readonly #perCpuValues: boolean;
  readonly #common: boolean;
  readonly #cpus: number;
  readonly #target: number;
  readonly #lists: Lists[];
  readonly #localFree: number[];
  readonly #pending: Node[][];
  readonly #steal: number[];

  constructor(spec: MapSpec, host: MapHost, copies: number, perCpuValues: boolean) {
    this.copies = copies;
    this.#perCpuValues = perCpuValues;
    this.#common = (spec.flags & MapFlag.noCommonLru) === 0;
    this.#cpus = host.possibleCpus;
    const share = Math.ceil(spec.maxEntries / this.#cpus);
    const maxEntries = this.#common ? spec.maxEntries : share * this.#cpus;
    this.#buckets = new PlainBuckets(maxEntries, spec.keySize);
    const half = Math.floor(Math.floor(spec.maxEntries / this.#cpus) / 2);
    this.#target = host.refill === "fixed" ? 128 : Math.min(128, Math.max(1, half));
    const perCpu = (): number[] => Array.from({ length: this.#cpus }, (_, cpu) => cpu);
    this.#lists = this.#common ? [new Lists(maxEntries, 128)] : perCpu().map(() => new Lists(share, 4));
    this.#localFree = perCpu().map(() => 0);
    this.#pending = perCpu().map(() => []);
    this.#steal = perCpu();
  }

  update(key: TwinKey, flags: number, cpu: number, copy: number | null, value: number): number {
    if (flags > 2) return -22;
    const takes = !this.#perCpuValues || flags !== 2;
    if (takes) this.#take(cpu);
    const old = this.#buckets.find(key);
    const refused = presence(old !== undefined, flags);
    if (refused !== 0 || (old !== undefined && this.#perCpuValues)) {
      if (takes) this.#untake(cpu);
      if (refused !== 0) return refused;
      old!.ref = true;
      overwrite(old!, copy, value);
      return 0;
    }
    const node: Node = { key, values: newValues(this.copies, copy, value), ref: false, owner: cpu };
    if (this.#common) this.#pending[cpu]!.unshift(node);
    else this.#lists[cpu]!.enter(node, "inactive");
    this.#buckets.add(node);
    if (old !== undefined) {
      node.ref = true;
      this.#buckets.drop(old);
      this.#giveBack(old);
    }
    return 0;
  }

  find(key: TwinKey): TwinElement | undefined {
    return this.#buckets.find(key);
  }

  touch(key: TwinKey): void {
    const found = this.#buckets.find(key);
    if (found !== undefined) found.ref = true;
  }

  remove(key: TwinKey): number {
    const found = this.#buckets.find(key);
    if (found === undefined) return -2;
    this.#buckets.drop(found);
    this.#giveBack(found);
    return 0;
  }

  groups(): readonly (readonly TwinElement[])[] {
    return this.#buckets.lists;
  }

  /** Uses up a free node of the CPU, evicting to get one. */
  #take(cpu: number): void {
    if (!this.#common) {
      const lists = this.#lists[cpu]!;
      lists.rotate();
      if (lists.free === 0) lists.free += lists.shrink(4, (node) => this.#evict(node));
      lists.free--;
      return;
    }
    if (this.#localFree[cpu] === 0) this.#refill(cpu);
    if (this.#localFree[cpu]! > 0) this.#localFree[cpu]!--;
    else this.#stealFor(cpu);
  }

  /** A taken node that no element came to. */
  #untake(cpu: number): void {
    if (this.#common) this.#localFree[cpu]!++;
    else this.#lists[cpu]!.free++;
  }

  #refill(cpu: number): void {
    const lists = this.#lists[0]!;
    for (const node of this.#pending[cpu]!.slice().reverse()) lists.enter(node, node.ref ? "active" : "inactive");
    this.#pending[cpu] = [];
    lists.rotate();
    const got = Math.min(this.#target, lists.free);
    lists.free -= got;
    this.#localFree[cpu]! += got;
    if (got < this.#target) this.#localFree[cpu]! += lists.shrink(this.#target - got, (node) => this.#evict(node));
  }

  #stealFor(cpu: number): void {
    const first = this.#steal[cpu]!;
    let from = first;
    let found = false;
    do {
      const pending = this.#pending[from]!;
      if (this.#localFree[from]! > 0) {
        this.#localFree[from]!--;
        found = true;
      } else if (pending.length > 0) {
        const victim = pending.findLast((node) => !node.ref) ?? pending.at(-1)!;
        pending.splice(pending.indexOf(victim), 1);
        this.#evict(victim);
        found = true;
      }
      from = (from + 1) % this.#cpus;
    } while (!found && from !== first);
    this.#steal[cpu] = from;
  }

  #evict(node: Node): void {
    this.evictedKeys.push(node.key);
    this.#buckets.drop(node);
  }

  #giveBack(node: Node): void {
    if (!this.#common) {
      this.#lists[node.owner]!.leave(node);
      this.#lists[node.owner]!.free++;
      return;
    }
    const pending = this.#pending[node.owner]!;
    if (pending.includes(node)) {
      pending.splice(pending.indexOf(node), 1);
      this.#localFree[node.owner]!++;
    } else {
      this.#lists[0]!.leave(node);
      this.#lists[0]!.free++;
    }
  }
}
