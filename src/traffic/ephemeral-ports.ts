/**
 * Ephemeral ports as connect() finds them (net/ipv4/inet_hashtables.c, __inet_hash_connect), and TIME_WAIT on them.
 *
 * A port may serve many connections as long as the whole 4-tuple is unused, so everything here goes by pair: a number
 * that stands for source address, destination address and destination port. The search starts where the last one of
 * the pair left off, in steps of two: first the ports with the parity of the range's low end (the others are left to
 * bind()), then the rest. A tuple in TIME_WAIT counts as used for 60 s, or for one second with `tcp_tw_reuse`.
 *
 * Simplified: each pair has its own starting point; the kernel keeps 65536 of them by a hash of the pair.
 */
import type { RandomStream } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";

/** Age from which a TIME_WAIT tuple may be taken again with `tcp_tw_reuse`: one tick of its time stamps, s. */
const REUSE_AFTER_S = 1;
/** One search in this many skips a candidate, to add noise to the order. */
const NOISE = 16;
const NO_PORT = -1;

/** Slots of the table: the pair of the tuple, the port, and since when it waits. */
const INITIAL_SLOTS = 1024;
const FREE = -1;
/** Value of `#since` for a tuple in use. */
const IN_USE = Infinity;

export interface PortSettings {
  /** `ip_local_port_range`, both ends included. */
  readonly range: readonly [number, number];
  /** TIME_WAIT, s. */
  readonly timeWaitS: number;
  /** Whether `tcp_tw_reuse` applies: 1, or 2 on loopback. */
  readonly reuse: boolean;
}

export class EphemeralPorts {
  /** Tuples in the table, those in TIME_WAIT that nobody has asked for since included. */
  size = 0;
  readonly #low: number;
  readonly #ports: number;
  readonly #heldNs: number;
  readonly #random: RandomStream;
  /** Starting point of each pair, as an even offset; made at its first search. */
  readonly #start: (number | undefined)[] = [];
  /** For each pair and parity, until when all its ports are known to be taken; spares the search what it knows. */
  readonly #fullUntil: (number | undefined)[] = [];
  /** When the first of the ports seen in a search will be free. */
  #freeSoonest = Infinity;
  #pair = new Int32Array(INITIAL_SLOTS).fill(FREE);
  #port = new Int32Array(INITIAL_SLOTS);
  #since = new Float64Array(INITIAL_SLOTS);

  constructor(settings: PortSettings, random: RandomStream) {
    const [low, high] = settings.range;
    this.#low = low;
    this.#ports = high - low + 1;
    this.#heldNs = (settings.reuse ? REUSE_AFTER_S : settings.timeWaitS) * NS_PER_S;
    this.#random = random;
  }

  /** A free port for a new connection of `pair` (a whole number ≥ 0), or -1 (EADDRNOTAVAIL). */
  take(pair: number, now: number): number {
    // An odd last port belongs to no step of two (`remaining &= ~1`).
    const ports = this.#ports > 1 ? this.#ports & ~1 : 1;
    const start = (this.#start[pair] ??= this.#random.below(ports)) & ~1;
    const noisy = this.#random.below(NOISE) === 0;
    for (let parity = 0; parity < 2; parity++) {
      const passed = this.#search(pair, start, parity, ports, now);
      if (passed < 0) continue;
      this.#start[pair] = (start + passed + (noisy && passed === 0 ? 4 : 2)) % ports;
      return this.#low + ((start + parity + passed) % ports);
    }
    return NO_PORT;
  }

  /** Claims the first free port of one parity from `start` on; returns how far it lies ahead, or -1. */
  #search(pair: number, start: number, parity: number, ports: number, now: number): number {
    const half = 2 * pair + parity;
    if (now < (this.#fullUntil[half] ?? 0)) return -1;
    this.#freeSoonest = Infinity;
    for (let passed = 0; passed + parity < ports; passed += 2) {
      if (this.#claim(pair, this.#low + ((start + parity + passed) % ports), now)) return passed;
    }
    this.#fullUntil[half] = this.#freeSoonest;
    return -1;
  }

  /** The connection is gone without TIME_WAIT on this side. */
  release(pair: number, port: number): void {
    const slot = this.#find(pair, port);
    if (slot < 0) return;
    this.#delete(slot);
    this.#fullUntil[this.#halfOf(pair, port)] = 0;
  }

  /** The connection has entered TIME_WAIT on this side. */
  wait(pair: number, port: number, now: number): void {
    const slot = this.#find(pair, port);
    if (slot < 0) return;
    this.#since[slot] = now;
    const half = this.#halfOf(pair, port);
    this.#fullUntil[half] = Math.min(this.#fullUntil[half] ?? 0, now + this.#heldNs);
  }

  #halfOf(pair: number, port: number): number {
    return 2 * pair + ((port - this.#low) & 1);
  }

  /** Marks the tuple as in use; false when it is already, or waits. */
  #claim(pair: number, port: number, now: number): boolean {
    const slot = this.#find(pair, port);
    if (slot >= 0) {
      const freeFrom = this.#since[slot]! + this.#heldNs;
      if (now < freeFrom) {
        if (freeFrom < this.#freeSoonest) this.#freeSoonest = freeFrom;
        return false;
      }
      this.#since[slot] = IN_USE;
      return true;
    }
    this.#insert(pair, port);
    return true;
  }

  #find(pair: number, port: number): number {
    const mask = this.#pair.length - 1;
    for (let slot = hash(pair, port) & mask; this.#pair[slot] !== FREE; slot = (slot + 1) & mask) {
      if (this.#pair[slot] === pair && this.#port[slot] === port) return slot;
    }
    return FREE;
  }

  #insert(pair: number, port: number): void {
    if (this.size * 2 >= this.#pair.length) this.#grow();
    this.#place(pair, port, IN_USE);
    this.size++;
  }

  #place(pair: number, port: number, since: number): void {
    const mask = this.#pair.length - 1;
    let slot = hash(pair, port) & mask;
    while (this.#pair[slot] !== FREE) slot = (slot + 1) & mask;
    this.#pair[slot] = pair;
    this.#port[slot] = port;
    this.#since[slot] = since;
  }

  /** Linear probing: what stands behind the gap moves up unless it would pass its own place. */
  #delete(slot: number): void {
    const mask = this.#pair.length - 1;
    let gap = slot;
    for (let next = (gap + 1) & mask; this.#pair[next] !== FREE; next = (next + 1) & mask) {
      const home = hash(this.#pair[next]!, this.#port[next]!) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      this.#pair[gap] = this.#pair[next]!;
      this.#port[gap] = this.#port[next]!;
      this.#since[gap] = this.#since[next]!;
      gap = next;
    }
    this.#pair[gap] = FREE;
    this.size--;
  }

  #grow(): void {
    const [pairs, ports, since] = [this.#pair, this.#port, this.#since];
    this.#pair = new Int32Array(pairs.length * 2).fill(FREE);
    this.#port = new Int32Array(pairs.length * 2);
    this.#since = new Float64Array(pairs.length * 2);
    for (let slot = 0; slot < pairs.length; slot++) {
      if (pairs[slot] !== FREE) this.#place(pairs[slot]!, ports[slot]!, since[slot]!);
    }
  }
}

/** Spreads pairs and ports, which both run in steps, over all bits (the last steps of MurmurHash3). */
function hash(pair: number, port: number): number {
  let mixed = Math.imul(pair, 0x10001) ^ port;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
