/**
 * A map that never refuses and never evicts, and tells a listener of every use: from one run with it follows what maps of
 * all sizes would have done. To agent and programs it looks like the map that it stands in for: same type, same
 * `max_entries`, same layout; it only holds more.
 */
import { Errno } from "../../bpf/errno.js";
import { HashTable } from "../../bpf/hash-table.js";
import { UpdateFlag, type MapSpec } from "../../bpf/spec.js";

/** Elements beyond the room: one, for the replacement that is in the map before its predecessor leaves. */
const SPARE_ELEMENTS = 1;

export interface UseListener {
  /** An element was made. */
  added(slot: number, cpu: number): void;
  /** A program looked an element up. */
  used(slot: number, cpu: number): void;
  /** A program wrote a present element anew; this is its slot from now on. */
  replaced(slot: number, cpu: number): void;
  /** An element was deleted; its row can still be read. */
  removed(slot: number, cpu: number): void;
}

export class ReferenceMap extends HashTable {
  listener: UseListener | null = null;
  /** Elements that there is room for. */
  readonly room: number;
  /** Inserts that found no room: from the first one on, what follows for larger sizes is wrong. */
  overflows = 0;
  #free = 0;
  #fresh = 0;
  #replacing = false;
  /** CPU of the last write: lookups do not say theirs. */
  #cpu = 0;

  /** `spec`: the map that this one stands in for. */
  constructor(spec: MapSpec, room: number) {
    super(spec, { maxEntries: spec.maxEntries, slots: room + SPARE_ELEMENTS, valueCopies: 1 });
    this.room = room;
  }

  lookup(key: Int32Array, at: number): number {
    const slot = this.peek(key, at);
    if (slot > 0) this.listener?.used(slot, this.#cpu);
    return slot;
  }

  override mark(slot: number): void {
    this.listener?.used(slot, this.#cpu);
  }

  update(key: Int32Array, at: number, flags: number, cpu: number): number {
    if (flags < 0 || flags > UpdateFlag.exist) return -Errno.EINVAL;
    this.#cpu = cpu;
    const hash = this.hash(key, at);
    const old = this.find(key, at, hash);
    if (this.isBusy(hash, cpu)) return -Errno.EBUSY;
    const refused = this.presenceError(old !== 0, flags);
    if (refused !== 0) return refused;
    if (old === 0 && this.count >= this.room) {
      this.overflows++;
      return -Errno.E2BIG;
    }
    const slot = this.#take();
    this.link(slot, hash, key, at);
    if (old === 0) {
      this.listener?.added(slot, cpu);
      return slot;
    }
    this.#replacing = true;
    this.unlink(old, hash);
    this.release(old);
    this.#replacing = false;
    this.listener?.replaced(slot, cpu);
    return slot;
  }

  /** Slots of all elements, ascending: the order in which they were made while none has been deleted. */
  slots(): readonly number[] {
    const slots: number[] = [];
    for (let bucket = this.nextOccupied(0, this.buckets); bucket < this.buckets; bucket = this.nextOccupied(bucket + 1, this.buckets)) {
      for (let slot = this.firstOfBucket(bucket); slot !== 0; slot = this.nextInBucket(slot)) slots.push(slot);
    }
    return slots.sort((a, b) => a - b);
  }

  protected release(slot: number): void {
    if (!this.#replacing) this.listener?.removed(slot, this.#cpu);
    this.links[slot << 1] = this.#free;
    this.#free = slot;
  }

  #take(): number {
    const slot = this.#free;
    if (slot === 0) return ++this.#fresh;
    this.#free = this.links[slot << 1]!;
    return slot;
  }
}
