/**
 * The kernel's timer wheel (kernel/time/timer.c): timers that fire late on purpose, in bunches.
 *
 * A timer of `d` jiffies armed at jiffy `j` goes into one of 64 buckets of a level whose step grows eightfold, and
 * fires at the first multiple of that step strictly after j + d. Arming and cancelling link and unlink a list; the
 * event queue sees one event per bucket that has had a timer, however many timers it holds. All timers of a bucket
 * fire in the same jiffy, the latest armed first, and coarse levels before fine ones, as in the kernel.
 *
 * Each host has a wheel and a clock of its own: jiffies count from its boot. Simplified: one wheel per host instead of
 * one per CPU, timers fire at the edge of the jiffy, and cancelled timers leave at once (the kernel lets some of TCP's
 * expire and then ignores them).
 */
import type { RandomStream } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";

/** Buckets of a level. LVL_SIZE. */
const LEVEL_BUCKETS = 64;
/** log2 of the ratio between the steps of neighbouring levels. LVL_CLK_SHIFT. */
const LEVEL_SHIFT = 3;
/** Levels; the coarsest step is 8^8 jiffies. LVL_DEPTH for HZ > 100. */
const LEVELS = 9;
const WHEEL_BUCKETS = LEVELS * LEVEL_BUCKETS;
/** The first buckets hold the timers that are firing now, a level each; then each host's wheel. */
const EXPIRING_BUCKETS = LEVELS;
/** Delays from here on are cut down to the longest that fits. WHEEL_TIMEOUT_CUTOFF. */
const CUTOFF = (LEVEL_BUCKETS - 1) * 2 ** (LEVEL_SHIFT * (LEVELS - 1));
const LONGEST = CUTOFF - 2 ** (LEVEL_SHIFT * (LEVELS - 1));
const NONE = -1;

/** Words of a timer's row: its neighbours in the list, and the bucket that holds it, each NONE if there is none. */
const ROW_SHIFT = 2;
const NEXT = 0;
const PREVIOUS = 1;
const BUCKET = 2;

/** Keeps a rounded quotient on the right side of a jiffy's edge; at HZ=300 edges lie at thirds of a nanosecond. */
const EDGE_SLACK_NS = 0.25;

/** Jiffies that one turn of the coarsest level takes; a boot time is drawn from this span. */
const PHASE_JIFFIES = 2 ** 20;

/** The wheels of all hosts over one numbering of timers. */
export class TimerWheels {
  readonly #simulation: Simulation;
  readonly #fire: (timer: number) => void;
  readonly #kind: number;
  #jiffyNs = new Float64Array(0);
  #bootedNs = new Float64Array(0);
  #heads = new Int32Array(EXPIRING_BUCKETS).fill(NONE);
  /** Jiffy for which a bucket has an event in the queue, or NONE. */
  #due = new Float64Array(EXPIRING_BUCKETS).fill(NONE);
  /** A row for each timer: what is read together lies together. */
  #rows: Int32Array;
  /** 1 while timers fire: the wheel's clock then stands one jiffy ahead. */
  #ahead = 0;

  /** `fire` is called for each timer that expires; it may arm and cancel any timer. */
  constructor(simulation: Simulation, timers: number, fire: (timer: number) => void) {
    this.#simulation = simulation;
    this.#fire = fire;
    this.#kind = simulation.on((host) => this.#tick(host));
    this.#rows = new Int32Array(timers << ROW_SHIFT).fill(NONE);
  }

  /** A host whose jiffies began `bootedNs` before simulated time zero (see `randomBootTime`). Returns its number. */
  addHost(hz: number, bootedNs: number): number {
    const host = this.#jiffyNs.length;
    this.#jiffyNs = Float64Array.of(...this.#jiffyNs, NS_PER_S / hz);
    this.#bootedNs = Float64Array.of(...this.#bootedNs, bootedNs);
    const heads = new Int32Array(EXPIRING_BUCKETS + (host + 1) * WHEEL_BUCKETS).fill(NONE);
    heads.set(this.#heads);
    this.#heads = heads;
    const due = new Float64Array(EXPIRING_BUCKETS + (host + 1) * WHEEL_BUCKETS).fill(NONE);
    due.set(this.#due);
    this.#due = due;
    return host;
  }

  /** Makes room for timers numbered below `timers`. */
  grow(timers: number): void {
    const longer = new Int32Array(timers << ROW_SHIFT).fill(NONE);
    longer.set(this.#rows);
    this.#rows = longer;
  }

  /** Jiffies since the host's boot. */
  jiffies(host: number): number {
    return Math.floor((this.#simulation.now + this.#bootedNs[host]! + EDGE_SLACK_NS) / this.#jiffyNs[host]!);
  }

  armed(timer: number): boolean {
    return this.#rows[(timer << ROW_SHIFT) + BUCKET] !== NONE;
  }

  /** Starts a timer, or starts it anew, to expire `delay` ≥ 0 jiffies from now, rounded up by the wheel. */
  arm(host: number, timer: number, delay: number): void {
    if (this.armed(timer)) this.#unlink(timer);
    const now = this.jiffies(host);
    const wanted = delay < CUTOFF ? delay | 0 : LONGEST;
    const shift = shiftOf(wanted - this.#ahead);
    // Only the low 30 bits matter for the place in the wheel, so that 32-bit arithmetic may wrap.
    const low = now | 0;
    const turn = ((low + wanted) >>> shift) + 1;
    const bucket = EXPIRING_BUCKETS + host * WHEEL_BUCKETS + (shift / LEVEL_SHIFT) * LEVEL_BUCKETS + (turn & (LEVEL_BUCKETS - 1));
    this.#link(timer, bucket);
    const due = now + (((turn << shift) - low) | 0);
    if (this.#due[bucket] === due) return;
    this.#due[bucket] = due;
    const at = Math.ceil(due * this.#jiffyNs[host]! - this.#bootedNs[host]!);
    this.#simulation.at(at, this.#kind, host, 0);
  }

  cancel(timer: number): void {
    if (this.armed(timer)) this.#unlink(timer);
  }

  /**
   * Fires everything that is due at this jiffy; later events of the same jiffy find nothing left. Due buckets are emptied
   * first, as a timer that is armed meanwhile may belong into one of them for its next turn.
   */
  #tick(host: number): void {
    const now = this.jiffies(host);
    for (let level = 0; level < LEVELS; level++) {
      const step = 2 ** (LEVEL_SHIFT * level);
      if (now % step !== 0) break;
      const bucket = EXPIRING_BUCKETS + host * WHEEL_BUCKETS + level * LEVEL_BUCKETS + ((now / step) % LEVEL_BUCKETS);
      if (this.#due[bucket] !== now) continue;
      this.#due[bucket] = NONE;
      this.#moveToExpiring(bucket, level);
    }
    this.#ahead = 1;
    for (let level = LEVELS - 1; level >= 0; level--) {
      for (let timer = this.#heads[level]!; timer !== NONE; timer = this.#heads[level]!) {
        this.#unlink(timer);
        this.#fire(timer);
      }
    }
    this.#ahead = 0;
  }

  #moveToExpiring(bucket: number, level: number): void {
    const rows = this.#rows;
    const first = this.#heads[bucket]!;
    for (let timer = first; timer !== NONE; timer = rows[(timer << ROW_SHIFT) + NEXT]!) rows[(timer << ROW_SHIFT) + BUCKET] = level;
    this.#heads[level] = first;
    this.#heads[bucket] = NONE;
  }

  #link(timer: number, bucket: number): void {
    const rows = this.#rows;
    const row = timer << ROW_SHIFT;
    const first = this.#heads[bucket]!;
    rows[row + NEXT] = first;
    rows[row + PREVIOUS] = NONE;
    if (first !== NONE) rows[(first << ROW_SHIFT) + PREVIOUS] = timer;
    this.#heads[bucket] = timer;
    rows[row + BUCKET] = bucket;
  }

  #unlink(timer: number): void {
    const rows = this.#rows;
    const row = timer << ROW_SHIFT;
    const next = rows[row + NEXT]!;
    const previous = rows[row + PREVIOUS]!;
    if (next !== NONE) rows[(next << ROW_SHIFT) + PREVIOUS] = previous;
    if (previous !== NONE) rows[(previous << ROW_SHIFT) + NEXT] = next;
    else this.#heads[rows[row + BUCKET]!] = next;
    rows[row + BUCKET] = NONE;
  }
}

/** A moment of boot before time zero, uniform over the turns of the wheel that matter for TCP, in nanoseconds. */
export function randomBootTime(stream: RandomStream, hz: number): number {
  return Math.floor((stream.nextFloat() * PHASE_JIFFIES * NS_PER_S) / hz);
}

/** log2 of the step for a delay in jiffies: level n, with steps of 8^n, takes delays below 63 · 8^n. */
function shiftOf(delay: number): number {
  let shift = 0;
  for (let limit = LEVEL_BUCKETS - 1; delay >= limit && shift < LEVEL_SHIFT * (LEVELS - 1); limit <<= LEVEL_SHIFT) shift += LEVEL_SHIFT;
  return shift;
}
