/** The keys of bench/maps.mjs: batches of 14-byte tuples, the same for every side that is given the same arguments. */
import { BATCH_KEYS, BATCH_KEY_WORDS } from "../dist/lab/live/timing.js";

/** Last two bytes of the key: protocol and flags of a conntrack tuple. */
const KEY_TAIL = 0x0106;
/** Odd constants of murmur3's finalizer and of the golden ratio. */
const MULTIPLIERS = [0x85ebca6b, 0xc2b2ae35, 0x9e3779b1];

/** Spreads a number over 32 bits, one to one. */
function scramble(number) {
  let hash = number ^ (number >>> 16);
  hash = Math.imul(hash, MULTIPLIERS[0]);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIERS[1]);
  return hash ^ (hash >>> 16);
}

/** Writes the keys with these numbers. `number(i)` gives the i-th one of the batch. */
function write(keys, number) {
  for (let i = 0; i < BATCH_KEYS; i++) {
    const index = number(i);
    const hash = scramble(index);
    const at = i * BATCH_KEY_WORDS;
    keys[at] = hash;
    keys[at + 1] = Math.imul(hash, MULTIPLIERS[2]);
    keys[at + 2] = index;
    keys[at + 3] = KEY_TAIL;
  }
}

/** Keys `first`, `first` + 1 … */
export function sequentialKeys(keys, first) {
  write(keys, (i) => first + i);
}

/** Uniformly random ones of `range` (a power of two) keys from `first` on; `batch` is the seed. */
export function randomKeys(keys, first, range, batch) {
  write(keys, (i) => first + (scramble(batch * BATCH_KEYS + i) & (range - 1)));
}

/** Batch `batch` of all `range` (a power of two) keys from `first` on, in an order that looks random. */
export function shuffledKeys(keys, first, range, batch) {
  write(keys, (i) => first + (Math.imul(batch * BATCH_KEYS + i, MULTIPLIERS[2]) & (range - 1)));
}
