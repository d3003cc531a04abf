/**
 * The recorded load generator's random numbers: xoshiro256** seeded by splitmix64 (Blackman, Vigna: prng.di.unimi.it),
 * exponential by inversion. Only to repeat the arrivals of recordings that hold a seed instead of the moments.
 */

const WORD = (1n << 64n) - 1n;
const UNIT_53 = 2 ** -53;
/** What is added to the seed for the stream of holds. */
const HOLD_STREAM = 1_000_003n;

/** Arrival times, s, of a Poisson process with `rate` per second over `duration` seconds. */
export function recordedArrivals(seed: number, rate: number, duration: number): number[] {
  const next = xoshiro256StarStar(BigInt(seed));
  const arrivals: number[] = [];
  for (;;) {
    const uniform = Number(next() >> 11n) * UNIT_53;
    const at = (arrivals.at(-1) ?? 0) - Math.log(1 - uniform) / rate;
    if (at >= duration) return arrivals;
    arrivals.push(at);
  }
}

/**
 * Holds, ms, of `count` connections: exponential with the given mean. Recordings tell them in whole ms, so that a close
 * would come up to 1 ms early.
 */
export function recordedHolds(seed: number, meanMs: number, count: number): number[] {
  const next = xoshiro256StarStar(BigInt(seed) + HOLD_STREAM);
  return Array.from({ length: count }, () => -meanMs * Math.log(1 - Number(next() >> 11n) * UNIT_53));
}

function xoshiro256StarStar(seed: bigint): () => bigint {
  const seeds = splitMix64(seed);
  let s0 = seeds();
  let s1 = seeds();
  let s2 = seeds();
  let s3 = seeds();
  return () => {
    const result = (rotated((s1 * 5n) & WORD, 7n) * 9n) & WORD;
    const shifted = (s1 << 17n) & WORD;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = rotated(s3, 45n);
    return result;
  };
}

function splitMix64(seed: bigint): () => bigint {
  let state = seed & WORD;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & WORD;
    let mixed = state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & WORD;
    return mixed ^ (mixed >> 31n);
  };
}

function rotated(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (64n - by))) & WORD;
}
