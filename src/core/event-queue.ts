/**
 * Pending events in exact (time, sequence) order: of two events at the same time the one pushed first comes first.
 *
 * A binary heap over typed arrays. No operation allocates, save when the arrays double.
 */
import { HORIZON_NS } from "./units.js";

const INITIAL_CAPACITY = 1024;

export class EventQueue {
  /** The event that the last successful `pop` took. */
  time = 0;
  kind = 0;
  a = 0;
  b = 0;
  size = 0;
  #sequence = 0;
  #times = new Float64Array(INITIAL_CAPACITY);
  #sequences = new Float64Array(INITIAL_CAPACITY);
  /** kind, a, b of each node. */
  #data = new Int32Array(3 * INITIAL_CAPACITY);

  /** Adds an event. `time`: whole nanoseconds, not before the last popped time; `kind`, `a`, `b`: int32. */
  push(time: number, kind: number, a: number, b: number): void {
    if (!(time >= this.time && time <= HORIZON_NS)) {
      throw new RangeError(`event at ${time} ns is before the current time ${this.time} ns or beyond the horizon`);
    }
    if (this.size === this.#times.length) this.#grow();
    const times = this.#times;
    const sequences = this.#sequences;
    let node = this.size++;
    // A new event has the highest sequence number, so it climbs only past strictly later times.
    while (node > 0) {
      const parent = (node - 1) >> 1;
      if (times[parent]! <= time) break;
      this.#move(parent, node);
      node = parent;
    }
    times[node] = time;
    sequences[node] = this.#sequence++;
    this.#data[3 * node] = kind;
    this.#data[3 * node + 1] = a;
    this.#data[3 * node + 2] = b;
  }

  /** Takes the earliest event into `time`, `kind`, `a`, `b`; false when there is none. */
  pop(): boolean {
    if (this.size === 0) return false;
    this.time = this.#times[0]!;
    this.kind = this.#data[0]!;
    this.a = this.#data[1]!;
    this.b = this.#data[2]!;
    this.size--;
    if (this.size > 0) this.#sinkLast();
    return true;
  }

  /** Time of the earliest event, Infinity when there is none. */
  peekTime(): number {
    return this.size === 0 ? Infinity : this.#times[0]!;
  }

  #sinkLast(): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const last = this.size;
    const time = times[last]!;
    const sequence = sequences[last]!;
    let node = 0;
    for (;;) {
      let child = 2 * node + 1;
      if (child >= last) break;
      const right = child + 1;
      if (right < last && this.#before(right, times[child]!, sequences[child]!)) child = right;
      if (!this.#before(child, time, sequence)) break;
      this.#move(child, node);
      node = child;
    }
    this.#move(last, node);
  }

  #before(node: number, time: number, sequence: number): boolean {
    const t = this.#times[node]!;
    return t < time || (t === time && this.#sequences[node]! < sequence);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#sequences[to] = this.#sequences[from]!;
    this.#data.copyWithin(3 * to, 3 * from, 3 * from + 3);
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length);
    times.set(this.#times);
    this.#times = times;
    const sequences = new Float64Array(2 * this.#sequences.length);
    sequences.set(this.#sequences);
    this.#sequences = sequences;
    const data = new Int32Array(2 * this.#data.length);
    data.set(this.#data);
    this.#data = data;
  }
}
