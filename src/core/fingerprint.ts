/**
 * A rolling 64-bit hash of what happened in a run: two runs with the same fingerprint did the same things in the
 * same order. It guards determinism; it is no protection against intent.
 *
 * Two 32-bit lanes in the manner of MurmurHash3, with different multipliers and rotations, each closed with that
 * algorithm's finaliser.
 */

const TWO_POW_32 = 2 ** 32;
/** Multipliers of MurmurHash3 (x86, 32 and 128 bit): odd, with well-spread bits. */
const LANE_A_BEFORE = 0xcc9e2d51 | 0;
const LANE_A_AFTER = 0x1b873593;
const LANE_A_STEP = 0xe6546b64 | 0;
const LANE_B_BEFORE = 0x239b961b;
const LANE_B_AFTER = 0xab0e9789 | 0;
const LANE_B_STEP = 0x561ccd1b;
/** MurmurHash3's 32-bit finaliser. */
const FINAL_1 = 0x85ebca6b | 0;
const FINAL_2 = 0xc2b2ae35 | 0;

export class Fingerprint {
  /** Lane A, lane B, number of words mixed (modulo 2^32). */
  readonly #lanes = new Int32Array(3);

  /** Adds one 32-bit word; only its low 32 bits count. */
  mix(word: number): void {
    const lanes = this.#lanes;
    const a = Math.imul(word, LANE_A_BEFORE);
    const b = Math.imul(word, LANE_B_BEFORE);
    const nextA = lanes[0]! ^ Math.imul((a << 15) | (a >>> 17), LANE_A_AFTER);
    const nextB = lanes[1]! ^ Math.imul((b << 16) | (b >>> 16), LANE_B_AFTER);
    lanes[0] = Math.imul((nextA << 13) | (nextA >>> 19), 5) + LANE_A_STEP;
    lanes[1] = Math.imul((nextB << 17) | (nextB >>> 15), 5) + LANE_B_STEP;
    lanes[2]!++;
  }

  /** Adds a whole number of up to 53 bits, such as a time in nanoseconds. */
  mixWide(value: number): void {
    this.mix(value | 0);
    this.mix(Math.floor(value / TWO_POW_32) | 0);
  }

  /** 16 lower-case hexadecimal digits. Reading it does not change it. */
  hex(): string {
    const lanes = this.#lanes;
    const length = lanes[2]!;
    const a = finalise(lanes[0]! ^ length);
    const b = finalise(lanes[1]! ^ length ^ a);
    return hexWord(finalise(a + b)) + hexWord(b);
  }
}

function finalise(lane: number): number {
  let h = lane | 0;
  h = Math.imul(h ^ (h >>> 16), FINAL_1);
  h = Math.imul(h ^ (h >>> 13), FINAL_2);
  return h ^ (h >>> 16);
}

function hexWord(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
