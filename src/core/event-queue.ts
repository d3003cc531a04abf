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
 * of arrival, and every sort and every dealing out is stable: that is the sequence.
 *
 * Nothing allocates but the doubling of an array that has become too small.
 */
import { EventBuckets, grown, NONE } from "./event-buckets.js";
import { EventRungs, MAX_RUNGS, MIN_BUCKETS } from "./event-rungs.js";
import { HORIZON_NS } from "./units.js";

/** Buckets that are always there; those of rungs follow. The last one holds a bucket that is being dealt out. */
const FAR = 0;
const NEAR = 1;
const DEALT = 2;
const FIRST_RUNG_BUCKET = 3;

/** A bucket up to this size is sorted by insertion; a larger one is dealt out to a finer rung. */
const SORT_MAX = 48;
/** `near` may grow to this size by late pushes before it is dealt out to a rung. */
const NEAR_MAX = 64;
/** Free places kept before the front of `near`, for events earlier than all that it holds. */
const NEAR_SLACK = 64;
const INITIAL_NEAR = 512;
/** Room ensured in `near` before a chunk is sorted into it: at least a chunk's records. */
const NEAR_ROOM = 64;

/** Events per bucket to aim at where buckets go straight to `near`. */
const FINE_FILL = 8;
/** Events per bucket to aim at where buckets go to a finer rung first, and from how many events on that pays. */
const COARSE_FILL = 2048;
const COARSE_FROM = 32768;
/** Length of rung 1, as a multiple of the time that the events pending in `far` would take at the density found. */
const SPAN = 4;
/** Times looked at to estimate the density of `far`, and which of them, sorted, ends the stretch measured. */
const SAMPLES = 32;
const SAMPLE_END = SAMPLES >> 2;

export class EventQueue {
  /** The event that the last successful `pop` took; `time` is the current time. */
  time = 0;
  kind = 0;
  a = 0;
  b = 0;
  /** Pending events. */
  size = 0;

  readonly #store = new EventBuckets();
  /** The store's `due`. */
  readonly #due = this.#store.due;
  readonly #rungs = new EventRungs(this.#store, FAR, FIRST_RUNG_BUCKET);

  /** `near`: times and record numbers, rising, from front to end; the records are those of bucket NEAR. */
  #nearTime = new Float64Array(INITIAL_NEAR);
  #nearRecord = new Int32Array(INITIAL_NEAR);
  #front = NEAR_SLACK;
  #end = NEAR_SLACK;
  /** Records of `near` whose event was popped, linked through their kind's word. */
  #freeRecord = NONE;

  /** Earliest and latest time and number of events of the bucket that was measured last. */
  #low = 0;
  #high = 0;
  #counted = 0;
  readonly #sample = new Float64Array(SAMPLES);

  /**
   * Adds an event. `time`: whole nanoseconds, not before the last popped time and within the horizon, else a
   * `RangeError`; `kind`, `a`, `b`: int32.
   */
  push(time: number, kind: number, a: number, b: number): void {
    this.#due[0] = time;
    this.#place(kind, a, b);
  }

  /**
   * As `push`, `delay` whole nanoseconds after `time`. The form for hot code: a delay below 2^31 stays an integer in
   * registers, while an absolute time is boxed (16 bytes) whenever the call to `push` is not inlined.
   */
  pushAfter(delay: number, kind: number, a: number, b: number): void {
    this.#due[0] = this.time + delay;
    this.#place(kind, a, b);
  }

  /** Adds the event of the time `due`. */
  #place(kind: number, a: number, b: number): void {
    const time = this.#due[0]!;
    if (!(time >= this.time && time <= HORIZON_NS && Math.floor(time) === time)) refuse(this.#due, this);
    this.size++;
    const store = this.#store;
    const rungs = this.#rungs;
    const rung = rungs.rungOfDue();
    if (rung < rungs.count) {
      store.write(store.extend(rungs.bucketOfDue(rung)), kind, a, b);
      return;
    }
    let record = this.#freeRecord;
    if (record === NONE) record = store.extend(NEAR);
    else this.#freeRecord = store.kindAt(record);
    store.write(record, kind, a, b);
    this.#insertNear(record);
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
    const store = this.#store;
    this.time = time;
    this.kind = store.kindAt(record);
    this.a = store.aAt(record);
    this.b = store.bAt(record);
    store.setKindAt(record, this.#freeRecord);
    this.#freeRecord = record;
    this.#front = front + 1;
    this.size--;
    return true;
  }

  /** Time of the earliest event, Infinity when there is none. */
  peekTime(): number {
    if (this.#front === this.#end && !this.#refill()) return Infinity;
    return this.#nearTime[this.#front]!;
  }

  /** Moves the current time on to where nothing is due before. Throws a `RangeError` when an event is pending earlier. */
  advance(time: number): void {
    if (!(time >= this.time && this.peekTime() >= time && time <= HORIZON_NS)) {
      throw new RangeError(`can't advance from ${this.time} to ${time} ns over the event at ${this.peekTime()} ns`);
    }
    this.time = time;
  }

  /** Puts a record that was pushed late into its place in `near`, behind all that are not later. */
  #insertNear(record: number): void {
    const time = this.#store.timeAt(record);
    const front = this.#front;
    const end = this.#end;
    if (front < end && time < this.#nearTime[end - 1]!) {
      if (time < this.#nearTime[front]! && front > 0) {
        this.#front = front - 1;
        this.#nearTime[front - 1] = time;
        this.#nearRecord[front - 1] = record;
        return;
      }
      if (end - front >= NEAR_MAX && this.#rungs.count < MAX_RUNGS) {
        this.#dealOutNear(record);
        return;
      }
    }
    if (end === this.#nearTime.length) this.#makeRoomNear();
    this.#sink(record);
  }

  /** Adds a record at the end of `near` and moves it forward past all that are later. */
  #sink(record: number): void {
    const time = this.#store.timeAt(record);
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
      if (this.#rungs.count === 1) {
        if (this.size <= SORT_MAX) {
          this.#rungs.farStart = Infinity;
          this.#sortIntoNear(FAR);
          return true;
        }
        this.#store.move(FAR, DEALT);
        this.#sliceFar();
        this.#dealOut();
      }
      const bucket = this.#takeBucket();
      if (bucket === NONE) continue;
      if (this.#fitsNear(bucket)) {
        this.#sortIntoNear(bucket);
        return true;
      }
      this.#store.move(bucket, DEALT);
      this.#addRung(this.#low, this.#high, this.#counted);
      this.#dealOut();
    }
  }

  /** The next bucket of the finest rung that is not empty, NONE if there is none; the ones before it count as taken. */
  #takeBucket(): number {
    const end = this.#rungs.endBucket;
    let bucket = this.#rungs.nextBucket;
    while (bucket < end && this.#store.isEmpty(bucket)) bucket++;
    this.#rungs.takeThrough(bucket);
    return bucket < end ? bucket : NONE;
  }

  /** Whether a bucket should be sorted right away: it is short, or all of one time, or rungs have run out. */
  #fitsNear(bucket: number): boolean {
    if (this.#store.isShort(bucket)) return true;
    this.#measure(bucket);
    return this.#counted <= SORT_MAX || this.#low === this.#high || this.#rungs.count === MAX_RUNGS;
  }

  /** Sets `low`, `high` and `counted`. */
  #measure(bucket: number): void {
    const store = this.#store;
    let low = Infinity;
    let high = -Infinity;
    let counted = 0;
    for (let chunk = store.firstChunk(bucket); chunk !== NONE; chunk = store.chunkAfter(chunk)) {
      const first = store.firstRecord(chunk);
      const end = store.endRecord(bucket, chunk);
      for (let record = first; record < end; record++) {
        const time = store.timeAt(record);
        if (time < low) low = time;
        if (time > high) high = time;
      }
      counted += end - first;
    }
    this.#low = low;
    this.#high = high;
    this.#counted = counted;
  }

  /** Makes a bucket's records the content of `near`, which is empty. */
  #sortIntoNear(bucket: number): void {
    const store = this.#store;
    store.move(bucket, NEAR);
    for (let chunk = store.firstChunk(NEAR); chunk !== NONE; chunk = store.chunkAfter(chunk)) {
      while (this.#end + NEAR_ROOM > this.#nearTime.length) this.#makeRoomNear();
      const end = store.endRecord(NEAR, chunk);
      for (let record = store.firstRecord(chunk); record < end; record++) this.#sink(record);
    }
  }

  /** Moves the events of bucket DEALT to the finest rung, or to `far` if they are later. */
  #dealOut(): void {
    const store = this.#store;
    const rungs = this.#rungs;
    const rung = rungs.count - 1;
    const limit = rungs.farStart;
    let chunk = store.firstChunk(DEALT);
    while (chunk !== NONE) {
      const end = store.endRecord(DEALT, chunk);
      for (let record = store.firstRecord(chunk); record < end; record++) {
        const time = store.timeAt(record);
        this.#due[0] = time;
        store.append(time < limit ? rungs.bucketOfDue(rung) : FAR, record);
      }
      chunk = store.dropFirstChunk(DEALT);
    }
  }

  /** Moves all of `near`, and one record more, to a rung of their own; to `far` when nothing else is pending. */
  #dealOutNear(record: number): void {
    if (this.#rungs.count === 1 && this.#rungs.farStart === Infinity) this.#rungs.farStart = -Infinity;
    else this.#addRung(this.#nearTime[this.#front]!, this.#nearTime[this.#end - 1]!, this.#end - this.#front);
    for (let at = this.#front; at < this.#end; at++) this.#moveToFinestRung(this.#nearRecord[at]!);
    this.#moveToFinestRung(record);
    this.#clearNear();
  }

  #moveToFinestRung(record: number): void {
    this.#due[0] = this.#store.timeAt(record);
    this.#store.append(this.#rungs.bucketOfDue(this.#rungs.count - 1), record);
  }

  /** Begins a finer rung for `count` events in low … high. */
  #addRung(low: number, high: number, count: number): void {
    const fill = count > COARSE_FROM ? COARSE_FILL : FINE_FILL;
    this.#store.ensureBuckets(this.#rungs.beginOver(low, high, Math.floor(count / fill)));
  }

  /**
   * Begins rung 1 for the early part of what was in `far`. The width follows the density of the earliest quarter, not
   * the whole range, so that a few events in the far future cost nothing; what lies beyond the rung stays in `far`.
   */
  #sliceFar(): void {
    const count = this.size;
    this.#store.sampleTimes(DEALT, count, this.#sample);
    const earliest = this.#sample[0]!;
    const stretch = this.#sample[SAMPLE_END]! - earliest;
    const fill = count > COARSE_FROM ? COARSE_FILL : FINE_FILL;
    const wanted = (stretch * SAMPLES * fill) / (SAMPLE_END * count);
    let width = 1;
    while (width < wanted * Math.SQRT1_2) width *= 2;
    const span = (SPAN * SAMPLES * stretch) / SAMPLE_END;
    const buckets = Math.max(MIN_BUCKETS, Math.ceil(span / width));
    this.#rungs.farStart = earliest + buckets * width;
    this.#store.ensureBuckets(this.#rungs.begin(earliest, width, buckets));
  }

  #clearNear(): void {
    this.#front = NEAR_SLACK;
    this.#end = NEAR_SLACK;
    this.#freeRecord = NONE;
    this.#store.clear(NEAR);
  }

  /** Makes room at the end of `near`: moves it down over what was popped, or doubles the arrays. */
  #makeRoomNear(): void {
    const front = this.#front;
    const length = this.#nearTime.length;
    if (front - NEAR_SLACK < length / 2) {
      this.#nearTime = grown(this.#nearTime, new Float64Array(2 * length));
      this.#nearRecord = grown(this.#nearRecord, new Int32Array(2 * length));
      return;
    }
    this.#nearTime.copyWithin(NEAR_SLACK, front, this.#end);
    this.#nearRecord.copyWithin(NEAR_SLACK, front, this.#end);
    this.#end -= front - NEAR_SLACK;
    this.#front = NEAR_SLACK;
  }
}

/** Apart from the hot path: numbers in a message are boxed. */
function refuse(due: Float64Array, { time }: EventQueue): never {
  throw new RangeError(`event at ${due[0]} ns: not a whole number of nanoseconds from the current time ${time} to 2^53-1`);
}
