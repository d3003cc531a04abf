/**
 * Chance in named streams: one per random process, all derived from one seed and a run number.
 *
 * Derivation: the text `seed/run/name` seeds seedrandom's default generator (ARC4), whose first four 32-bit words
 * become the state of a xoshiro128** 1.1 generator (Blackman, Vigna: prng.di.unimi.it/xoshiro128starstar.c). A
 * stream depends on nothing else: neither on the order in which streams are made nor on what others have drawn, so
 * changing a map size leaves the arrivals untouched. Every step after the seeding uses only arithmetic that the
 * standard fixes to the bit (see portable-math.ts), so the same seed gives the same numbers on every machine.
 */
import seedrandom from "seedrandom";
import { portableExp, portableLog } from "./portable-math.js";
import { exponentialDeviate } from "./ziggurat.js";

/** Words produced per refill. Measured: 64 to 1024 are equally fast; a block is 1 KiB. */
const BLOCK_WORDS = 256;
const TWO_POW_32 = 2 ** 32;
const TWO_POW_53 = 2 ** 53;
/** Scales a 53-bit integer to [0, 1). */
const UNIT_53 = 2 ** -53;
/** Used when a seed yields the one forbidden state, all zero: the golden ratio's fraction, an arbitrary odd word. */
const NONZERO_WORD = 0x9e3779b9 | 0;

/** All streams of one run. Asking twice for the same name is a defect: the two would draw the same numbers. */
export class RandomStreams {
  readonly #prefix: string;
  readonly #names = new Set<string>();

  /** `run` selects an independent family of streams under the same seed: a whole number ≥ 0. */
  constructor(seed: string | number, run = 0) {
    if (!Number.isSafeInteger(run) || run < 0) throw new RangeError(`run number ${run} is not a whole number ≥ 0`);
    this.#prefix = `${seed}/${run}/`;
  }

  /** The stream of one random process. Throws when the name was taken before. */
  stream(name: string): RandomStream {
    if (this.#names.has(name)) throw new Error(`random stream "${name}" is already in use`);
    this.#names.add(name);
    const source = seedrandom(this.#prefix + name);
    return new RandomStream(source.int32(), source.int32(), source.int32(), source.int32());
  }
}

/** A xoshiro128** generator that fills a block at a time, with the distributions that traffic and costs need. */
export class RandomStream {
  readonly #state: Int32Array;
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #used = BLOCK_WORDS;

  /** Four 32-bit words of state; all zero is replaced, as xoshiro cannot leave it. */
  constructor(s0: number, s1: number, s2: number, s3: number) {
    this.#state = Int32Array.of(s0, s1, s2, s3);
    if ((s0 | s1 | s2 | s3) === 0) this.#state[0] = NONZERO_WORD;
  }

  /** A whole number, 0 … 2^32 - 1. */
  nextUint32(): number {
    if (this.#used === BLOCK_WORDS) this.#refill();
    return this.#block[this.#used++]!;
  }

  /** A number in [0, 1) with 53 random bits. Takes two words. */
  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 0x4000000 + low) * UNIT_53;
  }

  /** A whole number, 0 … n - 1, each equally likely. `n` is a whole number, 1 … 2^53. */
  below(n: number): number {
    if (!(n >= 1 && n <= TWO_POW_53)) refuseBound(n);
    if (n >= TWO_POW_32) return this.#belowWide(n);
    const bound = n >>> 0;
    for (;;) {
      const word = this.nextUint32() >>> 0;
      const remainder = word % bound;
      // A word from the last, incomplete run of n numbers would favour small remainders; it is drawn again.
      if (word - remainder <= TWO_POW_32 - bound) return remainder;
    }
  }

  #belowWide(n: number): number {
    const limit = TWO_POW_53 - (TWO_POW_53 % n);
    let draw = this.nextFloat() * TWO_POW_53;
    while (draw >= limit) draw = this.nextFloat() * TWO_POW_53;
    return draw % n;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.nextFloat() < p;
  }

  /** Exponential with the given mean (ziggurat; no upper bound). */
  exponential(mean: number): number {
    return mean * exponentialDeviate(this);
  }

  /** Normal with the given mean and standard deviation (Marsaglia's polar method; the second deviate is dropped). */
  normal(mean: number, deviation: number): number {
    for (;;) {
      const x = 2 * this.nextFloat() - 1;
      const y = 2 * this.nextFloat() - 1;
      const square = x * x + y * y;
      if (square < 1 && square > 0) return mean + deviation * x * Math.sqrt((-2 * portableLog(square)) / square);
    }
  }

  /** Lognormal with the given median; `sigma` is the standard deviation of the logarithm. */
  lognormal(median: number, sigma: number): number {
    return median * portableExp(this.normal(0, sigma));
  }

  /** Pareto: at least `scale`, P(X > x) = (scale / x)^shape. The mean is infinite for shape ≤ 1. */
  pareto(scale: number, shape: number): number {
    return scale * portableExp(exponentialDeviate(this) / shape);
  }

  /** Weibull: P(X > x) = exp(-(x / scale)^shape). */
  weibull(scale: number, shape: number): number {
    return scale * portableExp(portableLog(exponentialDeviate(this)) / shape);
  }

  #refill(): void {
    const state = this.#state;
    const block = this.#block;
    let s0 = state[0]!;
    let s1 = state[1]!;
    let s2 = state[2]!;
    let s3 = state[3]!;
    for (let i = 0; i < BLOCK_WORDS; i++) {
      const scrambled = Math.imul(s1, 5);
      block[i] = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
      const shifted = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= shifted;
      s3 = (s3 << 11) | (s3 >>> 21);
    }
    state[0] = s0;
    state[1] = s1;
    state[2] = s2;
    state[3] = s3;
    this.#used = 0;
  }
}

function refuseBound(n: number): never {
  throw new RangeError(`below(${n}): the bound lies outside 1 … 2^53`);
}
