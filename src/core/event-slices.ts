/** How finely the event queue slices time: the width of buckets, always a power of two so that their bounds are exact. */

/** Events per bucket to aim at where buckets are sorted next. */
const FINE_FILL = 8;
/** Events per bucket to aim at where buckets are sliced again first, and from how many events on that pays. */
const COARSE_FILL = 2048;
const COARSE_FROM = 32768;
/** Buckets at least, unless the range has fewer nanoseconds: bounds the number of rungs over 2^53 ns to 14. */
const MIN_BUCKETS = 16;

/** Times looked at to estimate how dense events lie, and which of them, sorted, ends the stretch that counts. */
export const SAMPLES = 32;
const SAMPLE_END = SAMPLES >> 2;
/** Length of the slices together, as a multiple of the time that all events would take at the density found. */
const SPAN = 4;

function fillFor(count: number): number {
  return count > COARSE_FROM ? COARSE_FILL : FINE_FILL;
}

/** Width of buckets for `count` events in low … high. */
export function widthOver(low: number, high: number, count: number): number {
  const buckets = Math.max(MIN_BUCKETS, Math.floor(count / fillFor(count)));
  let width = 1;
  while (width * buckets < high - low + 1) width *= 2;
  return width;
}

/**
 * Width of buckets for `count` events of which SAMPLES times are known, sorted. It follows the density of the earliest
 * quarter, not the whole range, so that a few events in the far future cost nothing.
 */
export function widthBySample(sample: Float64Array, count: number): number {
  const wanted = (stretchOf(sample) * SAMPLES * fillFor(count)) / (SAMPLE_END * count);
  let width = 1;
  while (width < wanted * Math.SQRT1_2) width *= 2;
  return width;
}

/** How many buckets of that width to make: at least a quarter of the events lies in them, the rest stays behind. */
export function bucketsBySample(sample: Float64Array, width: number): number {
  return Math.max(MIN_BUCKETS, Math.ceil((SPAN * SAMPLES * stretchOf(sample)) / (SAMPLE_END * width)));
}

function stretchOf(sample: Float64Array): number {
  return sample[SAMPLE_END]! - sample[0]!;
}
