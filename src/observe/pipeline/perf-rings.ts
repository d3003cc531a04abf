/**
 * The perf rings between the programs and the agent, one a CPU: kernel/events/ring_buffer.c `__perf_output_begin`,
 * and the order in which cilium/ebpf's perf.Reader empties them.
 *
 * A record that does not fit is counted; the next one that does brings a PERF_RECORD_LOST with the count before it.
 */
import { EVENT_KIND, NO_SLOT, type EventStore } from "./event-store.js";

/** Pages of a ring, of 4096 bytes: pkg/defaults `MonitorBufferPages`. */
export const PERF_RING_BYTES = 64 * 4096;

/** struct perf_event_header, and the size field before the raw data. */
const HEADER_BYTES = 8;
const RAW_SIZE_BYTES = 4;
/** Records are padded to words of this size. */
const ALIGNMENT = 8;
/** PERF_RECORD_LOST: header, id, count. */
const LOST_RECORD_BYTES = 24;

/** Bytes that a sample takes in the ring: PERF_SAMPLE_RAW alone. `payload`: the notification and what it captured of the packet. */
export function perfRecordBytes(payload: number): number {
  return HEADER_BYTES + Math.ceil((payload + RAW_SIZE_BYTES) / ALIGNMENT) * ALIGNMENT;
}

export class PerfRings {
  readonly #store: EventStore;
  readonly #capacity: number;
  readonly #used: Int32Array;
  readonly #records: Int32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  /** Samples lost since the last one that fitted. */
  readonly #lost: Int32Array;
  /** Rings of the reader's present round, taken from the end, with the records that were there when it began. */
  readonly #round: Int32Array;
  readonly #roundRecords: Int32Array;
  #rounds = 0;
  /** Records in all rings. */
  records = 0;
  /** Samples that did not fit. */
  lost = 0;
  /** Largest fill of one ring, bytes. */
  usedMax = 0;

  constructor(store: EventStore, cpus: number, bytes: number) {
    this.#store = store;
    this.#capacity = bytes;
    this.#used = new Int32Array(cpus);
    this.#records = new Int32Array(cpus);
    this.#head = new Int32Array(cpus).fill(NO_SLOT);
    this.#tail = new Int32Array(cpus).fill(NO_SLOT);
    this.#lost = new Int32Array(cpus);
    this.#round = new Int32Array(cpus);
    this.#roundRecords = new Int32Array(cpus);
  }

  /** True when the sample of a CPU fits, now. One byte always stays free (CIRC_SPACE). */
  fits(cpu: number, bytes: number): boolean {
    const report = this.#lost[cpu] === 0 ? 0 : LOST_RECORD_BYTES;
    return this.#used[cpu]! + bytes + report < this.#capacity;
  }

  /** Counts a sample that did not fit. */
  lose(cpu: number): void {
    this.#lost[cpu]!++;
    this.lost++;
  }

  /** Puts a sample that fits into its CPU's ring, after the report of those lost before it. */
  push(cpu: number, slot: number, bytes: number): void {
    if (this.#lost[cpu] !== 0) this.#report(cpu);
    this.#append(cpu, slot, bytes);
  }

  /** The next record that the reader takes, or NO_SLOT: ring after ring, each up to where it was filled when the round began. */
  shift(): number {
    if (this.#rounds === 0) this.#beginRound();
    if (this.#rounds === 0) return NO_SLOT;
    const last = this.#rounds - 1;
    const cpu = this.#round[last]!;
    if (--this.#roundRecords[last]! === 0) this.#rounds--;
    const slot = this.#head[cpu]!;
    this.#head[cpu] = this.#store.next[slot]!;
    if (this.#head[cpu] === NO_SLOT) this.#tail[cpu] = NO_SLOT;
    this.#used[cpu]! -= this.#store.bytes[slot]!;
    this.#records[cpu]!--;
    this.records--;
    return slot;
  }

  /** Samples among the records. */
  get flows(): number {
    let flows = 0;
    for (const head of this.#head) {
      for (let slot = head; slot !== NO_SLOT; slot = this.#store.next[slot]!) if (this.#store.kind[slot] === EVENT_KIND.flow) flows++;
    }
    return flows;
  }

  /** The reader is gone: what the rings hold is lost without a word. */
  clear(): void {
    for (let slot = this.shift(); slot !== NO_SLOT; slot = this.shift()) this.#store.release(slot);
    this.#lost.fill(0);
  }

  #beginRound(): void {
    for (let cpu = 0; cpu < this.#records.length; cpu++) {
      if (this.#records[cpu] === 0) continue;
      this.#round[this.#rounds] = cpu;
      this.#roundRecords[this.#rounds++] = this.#records[cpu]!;
    }
  }

  #report(cpu: number): void {
    const slot = this.#store.take();
    this.#store.kind[slot] = EVENT_KIND.lostInPerfRing;
    this.#store.number[slot] = this.#lost[cpu]!;
    this.#store.cpu[slot] = cpu;
    this.#lost[cpu] = 0;
    this.#append(cpu, slot, LOST_RECORD_BYTES);
  }

  #append(cpu: number, slot: number, bytes: number): void {
    const store = this.#store;
    store.bytes[slot] = bytes;
    store.next[slot] = NO_SLOT;
    const tail = this.#tail[cpu]!;
    if (tail === NO_SLOT) this.#head[cpu] = slot;
    else store.next[tail] = slot;
    this.#tail[cpu] = slot;
    const used = this.#used[cpu]! + bytes;
    this.#used[cpu] = used;
    if (used > this.usedMax) this.usedMax = used;
    this.#records[cpu]!++;
    this.records++;
  }
}
