/**
 * Where the event queue keeps its events: numbered buckets, each a list of chunks of records that is only ever appended
 * to, in one growing store. No operation allocates but the doubling of an array that has become too small.
 */

/** Records per chunk, a power of two. Larger wastes memory in sparse buckets, smaller links more often. */
const CHUNK = 32;
const CHUNK_MASK = CHUNK - 1;
const CHUNK_BITS = 5;
/** A record is a time (one double) and kind, a, b (three words), padded to three doubles. */
const RECORD_DOUBLES = 3;
const RECORD_WORDS = 6;
const KIND_WORD = 2;
const A_WORD = 3;
const B_WORD = 4;

const INITIAL_CHUNKS = 64;
const INITIAL_BUCKETS = 256;

/** No chunk, no record. */
export const NONE = -1;

export class EventBuckets {
  /**
   * Time of the event that is being placed. It goes through memory because V8 boxes a double (16 bytes an event) whenever
   * it is passed to a call that is not inlined, and no caller can be sure of inlining.
   */
  readonly due = new Float64Array(1);
  /** Records, seen as doubles and as words; the same memory. */
  #doubles = new Float64Array(INITIAL_CHUNKS * CHUNK * RECORD_DOUBLES);
  #words = new Int32Array(this.#doubles.buffer);
  /** The chunk after each chunk, in a bucket's list or in the list of free chunks. */
  #nextChunk = new Int32Array(INITIAL_CHUNKS);
  #freeChunk = NONE;
  /** Per bucket: first chunk, and the record to write next (0: bucket empty; at a chunk's start: chunk full). */
  #head = new Int32Array(INITIAL_BUCKETS);
  #tail = new Int32Array(INITIAL_BUCKETS);

  constructor() {
    // Chunk 0 is never used: record 0 as a tail means an empty bucket.
    this.#linkFree(1, INITIAL_CHUNKS);
  }

  timeAt(record: number): number {
    return this.#doubles[record * RECORD_DOUBLES]!;
  }

  kindAt(record: number): number {
    return this.#words[record * RECORD_WORDS + KIND_WORD]!;
  }

  aAt(record: number): number {
    return this.#words[record * RECORD_WORDS + A_WORD]!;
  }

  bAt(record: number): number {
    return this.#words[record * RECORD_WORDS + B_WORD]!;
  }

  /** For a record whose event was taken: the kind's word may hold a link instead. */
  setKindAt(record: number, word: number): void {
    this.#words[record * RECORD_WORDS + KIND_WORD] = word;
  }

  /** Fills a record; its time is `due`. */
  write(record: number, kind: number, a: number, b: number): void {
    this.#doubles[record * RECORD_DOUBLES] = this.due[0]!;
    const word = record * RECORD_WORDS;
    this.#words[word + KIND_WORD] = kind;
    this.#words[word + A_WORD] = a;
    this.#words[word + B_WORD] = b;
  }

  isEmpty(bucket: number): boolean {
    return this.#tail[bucket] === 0;
  }

  /** Whether all of a bucket lies in one chunk. */
  isShort(bucket: number): boolean {
    return (this.#tail[bucket]! - 1) >> CHUNK_BITS === this.#head[bucket];
  }

  /** Makes room for one more record at the end of a bucket and returns its number. */
  extend(bucket: number): number {
    let record = this.#tail[bucket]!;
    if ((record & CHUNK_MASK) === 0) record = this.#addChunk(bucket);
    this.#tail[bucket] = record + 1;
    return record;
  }

  /** Appends a copy of a record. */
  append(bucket: number, from: number): void {
    const to = this.extend(bucket);
    const source = from * RECORD_WORDS;
    const target = to * RECORD_WORDS;
    this.#doubles[to * RECORD_DOUBLES] = this.#doubles[from * RECORD_DOUBLES]!;
    const words = this.#words;
    words[target + KIND_WORD] = words[source + KIND_WORD]!;
    words[target + A_WORD] = words[source + A_WORD]!;
    words[target + B_WORD] = words[source + B_WORD]!;
  }

  /** Gives one bucket's records, which keep their numbers, to another that is empty. */
  move(from: number, to: number): void {
    this.#head[to] = this.#head[from]!;
    this.#tail[to] = this.#tail[from]!;
    this.#tail[from] = 0;
  }

  /** Empties a bucket. */
  clear(bucket: number): void {
    const tail = this.#tail[bucket]!;
    if (tail === 0) return;
    this.#nextChunk[(tail - 1) >> CHUNK_BITS] = this.#freeChunk;
    this.#freeChunk = this.#head[bucket]!;
    this.#tail[bucket] = 0;
  }

  /** First chunk of a bucket that is not empty. Walk: for (c = firstChunk(b); c !== NONE; c = chunkAfter(c)). */
  firstChunk(bucket: number): number {
    return this.#head[bucket]!;
  }

  chunkAfter(chunk: number): number {
    return this.#nextChunk[chunk]!;
  }

  firstRecord(chunk: number): number {
    return chunk << CHUNK_BITS;
  }

  /** One beyond the last record of a chunk of that bucket. */
  endRecord(bucket: number, chunk: number): number {
    const tail = this.#tail[bucket]!;
    return (tail - 1) >> CHUNK_BITS === chunk ? tail : (chunk + 1) << CHUNK_BITS;
  }

  /** Frees the first chunk of a bucket and returns the one after it; for emptying a bucket while reading it. */
  dropFirstChunk(bucket: number): number {
    const chunk = this.#head[bucket]!;
    const next = this.#nextChunk[chunk]!;
    this.#nextChunk[chunk] = this.#freeChunk;
    this.#freeChunk = chunk;
    this.#head[bucket] = next;
    if (next === NONE) this.#tail[bucket] = 0;
    return next;
  }

  /** Fills `out` with times of a bucket of `count` records, evenly spread over it, sorted. */
  sampleTimes(bucket: number, count: number, out: Float64Array): void {
    const stride = Math.floor(count / out.length);
    let chunk = this.#head[bucket]!;
    let place = 0;
    for (let taken = 0; taken < out.length; taken++) {
      for (; place >= CHUNK; place -= CHUNK) chunk = this.#nextChunk[chunk]!;
      const time = this.timeAt((chunk << CHUNK_BITS) + place);
      place += stride;
      let at = taken;
      for (; at > 0 && out[at - 1]! > time; at--) out[at] = out[at - 1]!;
      out[at] = time;
    }
  }

  /** Makes sure that bucket numbers below `count` can be used. */
  ensureBuckets(count: number): void {
    if (count <= this.#tail.length) return;
    let length = this.#tail.length;
    while (length < count) length *= 2;
    this.#head = grown(this.#head, new Int32Array(length));
    this.#tail = grown(this.#tail, new Int32Array(length));
  }

  #addChunk(bucket: number): number {
    if (this.#freeChunk === NONE) this.#growChunks();
    const chunk = this.#freeChunk;
    this.#freeChunk = this.#nextChunk[chunk]!;
    this.#nextChunk[chunk] = NONE;
    const tail = this.#tail[bucket]!;
    if (tail === 0) this.#head[bucket] = chunk;
    else this.#nextChunk[(tail - 1) >> CHUNK_BITS] = chunk;
    return chunk << CHUNK_BITS;
  }

  #growChunks(): void {
    const chunks = this.#nextChunk.length;
    this.#doubles = grown(this.#doubles, new Float64Array(2 * this.#doubles.length));
    this.#words = new Int32Array(this.#doubles.buffer);
    this.#nextChunk = grown(this.#nextChunk, new Int32Array(2 * chunks));
    this.#linkFree(chunks, 2 * chunks);
  }

  /** Puts the chunks first … end - 1 on the free list, in that order. */
  #linkFree(first: number, end: number): void {
    for (let chunk = first; chunk < end; chunk++) this.#nextChunk[chunk] = chunk + 1;
    this.#nextChunk[end - 1] = this.#freeChunk;
    this.#freeChunk = first;
  }
}

/** Copies an array into the front of a longer one. */
export function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
