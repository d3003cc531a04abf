/**
 * The event queue's store as its slower parts see it: records in chunks, chunks in lists. These functions run once per
 * bucket, not per event; they take the bare arrays so that the queue can keep them as its own fields, which measured
 * 15 % faster than a store object of its own.
 */

/** Records per chunk, a power of two. Larger wastes memory in sparse buckets, smaller links more often. */
export const CHUNK = 32;
export const CHUNK_MASK = CHUNK - 1;
export const CHUNK_BITS = 5;
/** A record is a time (one double) and kind, a, b (three words), padded to three doubles. */
export const RECORD_DOUBLES = 3;
export const RECORD_WORDS = 6;
export const KIND_WORD = 2;
export const A_WORD = 3;
export const B_WORD = 4;

/** No chunk, no record, no bucket. */
export const NONE = -1;

/** Where `measureList` leaves its results. */
export const LOW = 0;
export const HIGH = 1;
export const COUNT = 2;

/**
 * Earliest time, latest time and number of the records of a list. A list is given by its first chunk and its tail: one
 * beyond its last record.
 */
export function measureList(doubles: Float64Array, nextChunk: Int32Array, head: number, tail: number, out: Float64Array): void {
  const last = (tail - 1) >> CHUNK_BITS;
  let low = Infinity;
  let high = -Infinity;
  let count = 0;
  for (let chunk = head; chunk !== NONE; chunk = nextChunk[chunk]!) {
    const first = chunk << CHUNK_BITS;
    const end = chunk === last ? tail : first + CHUNK;
    for (let record = first; record < end; record++) {
      const time = doubles[record * RECORD_DOUBLES]!;
      if (time < low) low = time;
      if (time > high) high = time;
    }
    count += end - first;
  }
  out[LOW] = low;
  out[HIGH] = high;
  out[COUNT] = count;
}

/** Fills `out` with times of a list of `count` records, evenly spread over it, sorted. */
export function sampleList(doubles: Float64Array, nextChunk: Int32Array, head: number, count: number, out: Float64Array): void {
  const stride = Math.floor(count / out.length);
  let chunk = head;
  let place = 0;
  for (let taken = 0; taken < out.length; taken++) {
    for (; place >= CHUNK; place -= CHUNK) chunk = nextChunk[chunk]!;
    const time = doubles[((chunk << CHUNK_BITS) + place) * RECORD_DOUBLES]!;
    place += stride;
    let at = taken;
    for (; at > 0 && out[at - 1]! > time; at--) out[at] = out[at - 1]!;
    out[at] = time;
  }
}

/** Links the chunks first … end - 1 in that order, the last one to `rest`. */
export function linkChunks(nextChunk: Int32Array, first: number, end: number, rest: number): void {
  for (let chunk = first; chunk < end; chunk++) nextChunk[chunk] = chunk + 1;
  nextChunk[end - 1] = rest;
}

/** A copy of twice the length, with zeros behind. */
export function doubled<A extends Float64Array | Int32Array>(from: A): A {
  const to = (from instanceof Float64Array ? new Float64Array(2 * from.length) : new Int32Array(2 * from.length)) as A;
  to.set(from);
  return to;
}
