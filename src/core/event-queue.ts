/**
 * Pending events in exact (time, sequence) order: of two events at the same time the one pushed first comes first.
 *
 * A ladder queue (Tang, Goh, Thng: "Ladder queue: an O(1) priority queue structure for large-scale discrete event
 * simulation", 2005) over typed arrays. Events are only ever appended to buckets, so memory is walked in order, which is
 * what makes it several times faster than a heap (bench/event-queue.mjs):
 *
 *     far    rung 0: one bucket for everything later, unsorted
 *     rung 1   | . | . | . | . | . | . |     equal slices of the time before that, unsorted inside
 *     rung 2  |||||||                        one slice of the rung above, sliced more finely
 *     near   ....                            the earliest slice, sorted; `pop` takes from its front
 *
 * When `near` is used up, the next bucket of the finest rung is sorted into it; a bucket too big for that is dealt
 * out to a finer rung first; when no rung is left, the early part of `far` becomes a new rung 1, sliced by the density
 * that a sample of it shows. So every event is moved a bounded number of times, whatever the distribution.
 *
 * Sequence numbers are not stored. Events of equal time always share one container, every container keeps the order
 * of arrival, and every sort and every dealing out is stable: that is the sequence. Nothing allocates but the doubling of
 * an array that has become too small.
 */
import * as chunks from "./event-chunks.js";
import { doubled, linkChunks, measureList, sampleList } from "./event-chunks.js";
import { bucketsBySample, SAMPLES, widthBySample, widthOver } from "./event-slices.js";
import { HORIZON_NS } from "./units.js";

// Named again here because V8 folds a module's own constants into machine code but loads imported ones: 15 % of the time.
const { CHUNK, CHUNK_MASK, CHUNK_BITS, RECORD_DOUBLES, RECORD_WORDS, KIND_WORD, A_WORD, B_WORD, NONE } = chunks;
const LATEST: number = HORIZON_NS;

/** Rungs at most, `far` included. A rung divides its range by 16 or more, so 53-bit times need 14. */
const MAX_RUNGS = 24;
/** Bucket numbers of the two containers that are always there; those of rungs follow. */
const FAR = 0;
const NEAR = 1;
const FIRST_RUNG_BUCKET = 2;

/** A bucket up to this size is sorted by insertion; a larger one is dealt out to a finer rung. */
const SORT_MAX = 48;
/** `near` may grow to this size by late pushes before it is dealt out to a rung. */
const NEAR_MAX = 64;
/** Free places kept before the front of `near`, for events earlier than all that it holds. */
const NEAR_SLACK = 64;
/** Events that a lookout is told of at once. */
const FORESEEN_MAX = 64;
const INITIAL_CHUNKS = 64;
const INITIAL_BUCKETS = 256;
const INITIAL_NEAR = 512;

/** Learns which events come next, some time before each. For reading ahead: what it does must not show in any result. */
export interface Lookout {
  /** The first word of each coming event of the kind that is watched, in the order in which they are due now. */
  foresee(words: Int32Array, count: number): void;
}

export class EventQueue {
  /** The event that the last successful `pop` took; `time` is the current time. */
  time = 0;
  kind = 0;
  a = 0;
  b = 0;
  /** Pending events. */
  size = 0;

  /** Time of the event that is being placed; in memory, as V8 boxes a double in every call that it does not inline. */
  readonly #due = new Float64Array(1);

  /** Records, seen as doubles and as words; the same memory. */
  #doubles = new Float64Array(INITIAL_CHUNKS * CHUNK * RECORD_DOUBLES);
  #words = new Int32Array(this.#doubles.buffer);
  /** The chunk after each chunk, in a bucket's list or in the list of free chunks. */
  #nextChunk = new Int32Array(INITIAL_CHUNKS);
  /** Chunk 0 is never used: record 0 as a tail means an empty bucket. */
  #freeChunk = 1;
  /** Per bucket: first chunk, and the record to write next (0: bucket empty; at a chunk's start: chunk full). */
  #head = new Int32Array(INITIAL_BUCKETS);
  #tail = new Int32Array(INITIAL_BUCKETS);

  /** Rungs in use; rung 0 is `far` and always there. */
  #rungs = 1;
  /** Per rung: where its first untaken bucket starts. Falling; one place beyond the finest rung is -Infinity. */
  readonly #start = new Float64Array(MAX_RUNGS + 1).fill(-Infinity);
  readonly #base = new Float64Array(MAX_RUNGS);
  /** One over the width of a bucket. Widths are powers of two, so all bucket arithmetic is exact. */
  readonly #perWidth = new Float64Array(MAX_RUNGS);
  /** Number of its first bucket, how many it has, and how many are taken. Rung 0 has FAR and, never asked for, NEAR. */
  readonly #firstBucket = new Int32Array(MAX_RUNGS);
  readonly #buckets = new Int32Array(MAX_RUNGS).fill(FIRST_RUNG_BUCKET, 0, 1);
  readonly #taken = new Int32Array(MAX_RUNGS);

  /** `near`: times and record numbers, rising, from front to end; the records are those of bucket NEAR. */
  #nearTime = new Float64Array(INITIAL_NEAR);
  #nearRecord = new Int32Array(INITIAL_NEAR);
  #front = NEAR_SLACK;
  #end = NEAR_SLACK;
  /** Records of `near` whose event was popped, linked through their kind's word. */
  #freeRecord = NONE;
  #lookout: Lookout | null = null;
  #foreseenKind = NONE;
  readonly #foreseen = new Int32Array(FORESEEN_MAX);
  readonly #measured = new Float64Array(3);
  readonly #sample = new Float64Array(SAMPLES);

  constructor() {
    linkChunks(this.#nextChunk, this.#freeChunk, INITIAL_CHUNKS, NONE);
  }

  /** Adds an event. `time`: whole nanoseconds from the current time to the horizon, else a `RangeError`; the rest: int32. */
  push(time: number, kind: number, a: number, b: number): void {
    this.#due[0] = time;
    this.#place(kind, a, b);
  }

  /** As `push`, that long after the current time. The form for hot code: a delay below 2^31 is never boxed, a time may be. */
  pushAfter(delay: number, kind: number, a: number, b: number): void {
    this.#due[0] = this.time + delay;
    this.#place(kind, a, b);
  }

  /** Takes the earliest event into `time`, `kind`, `a`, `b`; false when there is none. */
  pop(): boolean {
    return this.popUntil(Infinity);
  }

  /** As `pop`, but leaves an event later than `limit` where it is and returns false. */
  popUntil(limit: number): boolean {
    if (this.#front === this.#end && !this.#refill()) return false;
    const front = this.#front;
    const time = this.#nearTime[front]!;
    if (time > limit) return false;
    const record = this.#nearRecord[front]!;
    const word = record * RECORD_WORDS;
    const words = this.#words;
    this.time = time;
    this.kind = words[word + KIND_WORD]!;
    this.a = words[word + A_WORD]!;
    this.b = words[word + B_WORD]!;
    words[word + KIND_WORD] = this.#freeRecord;
    this.#freeRecord = record;
    this.#front = front + 1;
    this.size--;
    return true;
  }

  /**
   * Has coming events of a kind told to a lookout, some or some dozens at a time, so that it can read ahead what their
   * handlers will need. An event that is pushed shortly before it is due is not told.
   */
  watch(kind: number, lookout: Lookout): void {
    this.#foreseenKind = kind;
    this.#lookout = lookout;
  }

  /** Time of the earliest event, Infinity when there is none. */
  peekTime(): number {
    if (this.#front === this.#end && !this.#refill()) return Infinity;
    return this.#nearTime[this.#front]!;
  }

  /** Moves the current time on. Throws a `RangeError` when that is backwards or over a pending event. */
  advance(time: number): void {
    if (!(time >= this.time && this.peekTime() >= time && time <= LATEST)) {
      throw new RangeError(`can't advance from ${this.time} to ${time} ns, over the event at ${this.peekTime()} ns`);
    }
    this.time = time;
  }

  /** Adds the event of the time `due`. */
  #place(kind: number, a: number, b: number): void {
    const time = this.#due[0]!;
    if (!(time >= this.time && time <= LATEST && Math.floor(time) === time)) refuse(this.#due, this);
    let rung = 0;
    while (time < this.#start[rung]!) rung++;
    const late = rung === this.#rungs;
    const bucket = late ? NEAR : this.#bucketOfDue(rung);
    let record = late ? this.#freeRecord : NONE;
    if (record === NONE) {
      record = this.#tail[bucket]!;
      if ((record & CHUNK_MASK) === 0) record = this.#extend(bucket);
      this.#tail[bucket] = record + 1;
    } else {
      this.#freeRecord = this.#words[record * RECORD_WORDS + KIND_WORD]!;
    }
    this.#doubles[record * RECORD_DOUBLES] = time;
    const word = record * RECORD_WORDS;
    this.#words[word + KIND_WORD] = kind;
    this.#words[word + A_WORD] = a;
    this.#words[word + B_WORD] = b;
    this.size++;
    if (late) this.#insertNear(record);
  }

  /** The bucket of a rung for the time `due`, which belongs there; what lies outside its range goes to its ends. */
  #bucketOfDue(rung: number): number {
    const slice = (this.#due[0]! - this.#base[rung]!) * this.#perWidth[rung]!;
    const buckets = this.#buckets[rung]!;
    return this.#firstBucket[rung]! + (slice < buckets ? (slice > 0 ? slice | 0 : 0) : buckets - 1);
  }

  /** Appends a copy of a record to the bucket of its time in the finest rung, or to `far` if it is later. */
  #deal(from: number): void {
    this.#due[0] = this.#doubles[from * RECORD_DOUBLES]!;
    const bucket = this.#due[0]! < this.#start[0]! ? this.#bucketOfDue(this.#rungs - 1) : FAR;
    let to = this.#tail[bucket]!;
    if ((to & CHUNK_MASK) === 0) to = this.#extend(bucket);
    this.#tail[bucket] = to + 1;
    this.#doubles[to * RECORD_DOUBLES] = this.#due[0]!;
    const words = this.#words;
    const source = from * RECORD_WORDS;
    const target = to * RECORD_WORDS;
    words[target + KIND_WORD] = words[source + KIND_WORD]!;
    words[target + A_WORD] = words[source + A_WORD]!;
    words[target + B_WORD] = words[source + B_WORD]!;
  }

  /** Gives a bucket one more chunk and returns its first record. */
  #extend(bucket: number): number {
    if (this.#freeChunk === NONE) this.#growChunks();
    const chunk = this.#freeChunk;
    this.#freeChunk = this.#nextChunk[chunk]!;
    this.#nextChunk[chunk] = NONE;
    const tail = this.#tail[bucket]!;
    if (tail === 0) this.#head[bucket] = chunk;
    else this.#nextChunk[(tail - 1) >> CHUNK_BITS] = chunk;
    return chunk << CHUNK_BITS;
  }

  /** Puts a record that was pushed late into its place in `near`, behind all that are not later. */
  #insertNear(record: number): void {
    const time = this.#doubles[record * RECORD_DOUBLES]!;
    const front = this.#front;
    const end = this.#end;
    if (front < end && time < this.#nearTime[end - 1]!) {
      if (time < this.#nearTime[front]! && front > 0) {
        this.#front = front - 1;
        this.#nearTime[front - 1] = time;
        this.#nearRecord[front - 1] = record;
        return;
      }
      if (end - front >= NEAR_MAX && this.#rungs < MAX_RUNGS) {
        this.#dealOutNear(record);
        return;
      }
    }
    if (end === this.#nearTime.length) this.#makeRoomNear();
    this.#sink(record);
  }

  /** Adds a record at the end of `near` and moves it forward past all that are later. */
  #sink(record: number): void {
    const time = this.#doubles[record * RECORD_DOUBLES]!;
    const times = this.#nearTime;
    const records = this.#nearRecord;
    const front = this.#front;
    let place = this.#end++;
    while (place > front && times[place - 1]! > time) {
      times[place] = times[place - 1]!;
      records[place] = records[place - 1]!;
      place--;
    }
    times[place] = time;
    records[place] = record;
  }

  /** Fills `near`, which is used up, with the earliest events; false when the queue is empty. */
  #refill(): boolean {
    this.#clearNear();
    if (this.size === 0) return false;
    for (;;) {
      const bucket = this.#rungs === 1 ? FAR : this.#takeBucket();
      if (bucket === NONE) continue;
      const head = this.#head[bucket]!;
      const tail = this.#tail[bucket]!;
      this.#tail[bucket] = 0;
      if (bucket === FAR ? this.size <= SORT_MAX : this.#fitsNear(head, tail)) {
        if (bucket === FAR) this.#start[0] = Infinity;
        this.#sortIntoNear(head, tail);
        return true;
      }
      if (bucket === FAR) this.#sliceFar(head);
      else this.#addRung(this.#measured[chunks.LOW]!, this.#measured[chunks.HIGH]!, this.#measured[chunks.COUNT]!);
      this.#dealOut(head, tail);
    }
  }

  /** The next bucket of the finest rung that is not empty, NONE if there is none; a rung used up is dropped. */
  #takeBucket(): number {
    const rung = this.#rungs - 1;
    const tail = this.#tail;
    const first = this.#firstBucket[rung]!;
    const buckets = this.#buckets[rung]!;
    let slice = this.#taken[rung]!;
    while (slice < buckets && tail[first + slice] === 0) slice++;
    if (slice + 1 >= buckets) {
      this.#rungs = rung;
      this.#start[rung] = -Infinity;
    } else {
      this.#taken[rung] = slice + 1;
      this.#start[rung] = this.#base[rung]! + (slice + 1) / this.#perWidth[rung]!;
    }
    return slice < buckets ? first + slice : NONE;
  }

  /** Whether a list should be sorted right away: it is short, or all of one time, or rungs have run out. */
  #fitsNear(head: number, tail: number): boolean {
    if ((tail - 1) >> CHUNK_BITS === head) return true;
    const measured = this.#measured;
    measureList(this.#doubles, this.#nextChunk, head, tail, measured);
    return measured[chunks.COUNT]! <= SORT_MAX || measured[chunks.LOW] === measured[chunks.HIGH] || this.#rungs === MAX_RUNGS;
  }

  /** Makes a list the content of `near`, which is empty. */
  #sortIntoNear(head: number, tail: number): void {
    this.#head[NEAR] = head;
    this.#tail[NEAR] = tail;
    const last = (tail - 1) >> CHUNK_BITS;
    for (let chunk = head; chunk !== NONE; chunk = this.#nextChunk[chunk]!) {
      const first = chunk << CHUNK_BITS;
      const end = chunk === last ? tail : first + CHUNK;
      while (this.#end + CHUNK > this.#nearTime.length) this.#makeRoomNear();
      for (let record = first; record < end; record++) this.#sink(record);
    }
    if (this.#lookout !== null) this.#foretell(this.#lookout);
  }

  #foretell(lookout: Lookout): void {
    const foreseen = this.#foreseen;
    const end = Math.min(this.#end, this.#front + FORESEEN_MAX);
    let count = 0;
    for (let at = this.#front; at < end; at++) {
      const word = this.#nearRecord[at]! * RECORD_WORDS;
      if (this.#words[word + KIND_WORD] === this.#foreseenKind) foreseen[count++] = this.#words[word + A_WORD]!;
    }
    if (count > 0) lookout.foresee(foreseen, count);
  }

  /** Moves the events of a list to the finest rung, or to `far` if they are later, and frees its chunks. */
  #dealOut(head: number, tail: number): void {
    const last = (tail - 1) >> CHUNK_BITS;
    let chunk = head;
    while (chunk !== NONE) {
      const first = chunk << CHUNK_BITS;
      const end = chunk === last ? tail : first + CHUNK;
      for (let record = first; record < end; record++) this.#deal(record);
      const next = this.#nextChunk[chunk]!;
      this.#nextChunk[chunk] = this.#freeChunk;
      this.#freeChunk = chunk;
      chunk = next;
    }
  }

  /** Moves all of `near`, and one record more, to a rung of their own; to `far` when nothing else is pending. */
  #dealOutNear(record: number): void {
    if (this.#rungs === 1 && this.#start[0] === Infinity) this.#start[0] = -Infinity;
    else this.#addRung(this.#nearTime[this.#front]!, this.#nearTime[this.#end - 1]!, this.#end - this.#front);
    for (let at = this.#front; at < this.#end; at++) this.#deal(this.#nearRecord[at]!);
    this.#deal(record);
    this.#clearNear();
  }

  /** Begins a finer rung for `count` events in low … high. */
  #addRung(low: number, high: number, count: number): void {
    const width = widthOver(low, high, count);
    this.#beginRung(low, width, Math.ceil((high - low + 1) / width));
  }

  /** Begins rung 1 for the early part of `far`; what lies beyond it goes back there. */
  #sliceFar(head: number): void {
    const sample = this.#sample;
    sampleList(this.#doubles, this.#nextChunk, head, this.size, sample);
    const width = widthBySample(sample, this.size);
    const buckets = bucketsBySample(sample, width);
    this.#start[0] = sample[0]! + buckets * width;
    this.#beginRung(sample[0]!, width, buckets);
  }

  #beginRung(base: number, width: number, buckets: number): void {
    const rung = this.#rungs++;
    const first = this.#firstBucket[rung - 1]! + this.#buckets[rung - 1]!;
    while (this.#tail.length < first + buckets) {
      this.#head = doubled(this.#head);
      this.#tail = doubled(this.#tail);
    }
    this.#base[rung] = base;
    this.#perWidth[rung] = 1 / width;
    this.#firstBucket[rung] = first;
    this.#buckets[rung] = buckets;
    this.#taken[rung] = 0;
    this.#start[rung] = -Infinity;
  }

  /** Empties `near` and frees its chunks. */
  #clearNear(): void {
    this.#front = NEAR_SLACK;
    this.#end = NEAR_SLACK;
    this.#freeRecord = NONE;
    const tail = this.#tail[NEAR]!;
    if (tail === 0) return;
    this.#nextChunk[(tail - 1) >> CHUNK_BITS] = this.#freeChunk;
    this.#freeChunk = this.#head[NEAR]!;
    this.#tail[NEAR] = 0;
  }

  /** Makes room at the end of `near`: moves it down over what was popped, or doubles the arrays. */
  #makeRoomNear(): void {
    const front = this.#front;
    const length = this.#nearTime.length;
    if (front - NEAR_SLACK < length / 2) {
      this.#nearTime = doubled(this.#nearTime);
      this.#nearRecord = doubled(this.#nearRecord);
      return;
    }
    this.#nearTime.copyWithin(NEAR_SLACK, front, this.#end);
    this.#nearRecord.copyWithin(NEAR_SLACK, front, this.#end);
    this.#end -= front - NEAR_SLACK;
    this.#front = NEAR_SLACK;
  }

  #growChunks(): void {
    const count = this.#nextChunk.length;
    this.#doubles = doubled(this.#doubles);
    this.#words = new Int32Array(this.#doubles.buffer);
    this.#nextChunk = doubled(this.#nextChunk);
    linkChunks(this.#nextChunk, count, 2 * count, this.#freeChunk);
    this.#freeChunk = count;
  }
}

/** Apart from the hot path: numbers in a message are boxed. */
function refuse(due: Float64Array, { time }: EventQueue): never {
  throw new RangeError(`event at ${due[0]} ns: not a whole number of nanoseconds from the current time ${time} to 2^53-1`);
}
