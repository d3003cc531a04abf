/** Drives a model map by the operations of a trace, and gives the results in the form that traces record. */

import { createHash } from "node:crypto";

import { ArrayMap } from "../../bpf/array-map.js";
import { BATCH_NO_CURSOR, MapBatch } from "../../bpf/batch.js";
import { createMap } from "../../bpf/create.js";
import { HashTable } from "../../bpf/hash-table.js";
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import { LruPercpuHashMap } from "../../bpf/lru-percpu-hash-map.js";
import type { BpfMap } from "../../bpf/map.js";
import { ArrayOfMaps, HashOfMaps } from "../../bpf/map-of-maps.js";
import type { InnerMap } from "../../bpf/map-of-maps.js";
import { PercpuHashMap } from "../../bpf/percpu-hash-map.js";
import { MapType, wordsOf } from "../../bpf/spec.js";
import type { MapHost, MapSpec } from "../../bpf/spec.js";
import { fillKey, TraceOp } from "./map-trace.js";
import type { Digest, TraceResult, TraceValue } from "./map-trace.js";

/** Checkpoints of more entries than this are recorded as a digest. */
const DIGEST_ABOVE = 600;
/** Flags that no update knows. */
const BAD_FLAGS = 3;
/** Inner maps that updates of a map of maps choose from, by operation number. */
export const INNER_MAPS = 4;

/** What the inner maps of a map of maps are: small arrays. */
export const INNER_SPEC: MapSpec = {
  name: "inner",
  type: MapType.array,
  keySize: 4,
  valueSize: 8,
  maxEntries: 2,
  flags: 0,
};

/** Something that performs a trace's operations: the model, or a real kernel. */
export interface TraceDriver {
  /** Performs operation number `number` (from 1). */
  run(code: TraceOp, argument: number, number: number): TraceResult;
}

/** A model map that performs a trace's operations. */
export class MapModel implements TraceDriver {
  readonly map: BpfMap;
  /** `[operation number, key number …]` of each operation that evicted. */
  readonly evicted: number[][] = [];
  private readonly spec: MapSpec;
  private readonly cpus: number;
  private readonly key: Int32Array;
  private readonly ids = new Map<string, number>();
  private readonly inner: readonly InnerMap[];
  private cpu = 0;
  private now = 0;

  constructor(spec: MapSpec, host: MapHost) {
    const holdsMaps = spec.type === MapType.arrayOfMaps || spec.type === MapType.hashOfMaps;
    this.spec = holdsMaps ? { ...spec, inner: INNER_SPEC } : spec;
    this.cpus = host.possibleCpus;
    this.map = createMap(this.spec, host);
    this.key = new Int32Array(wordsOf(spec.keySize));
    this.inner = Array.from({ length: INNER_MAPS }, (_, i) => ({ id: i + 1, map: new ArrayMap(INNER_SPEC) }));
    const { map } = this;
    if (map instanceof LruHashMap) map.onEvict = (slot) => this.noteEviction(slot);
  }

  run(code: TraceOp, argument: number, number: number): TraceResult {
    this.now = number;
    switch (code) {
      case TraceOp.userUpdate:
      case TraceOp.userUpdateNoExist:
      case TraceOp.userUpdateExist:
        return this.update(argument, code - TraceOp.userUpdate, true);
      case TraceOp.userUpdateBadFlags:
        return this.update(argument, BAD_FLAGS, true);
      case TraceOp.programUpdate:
      case TraceOp.programUpdateNoExist:
      case TraceOp.programUpdateExist:
        return this.update(argument, code - TraceOp.programUpdate, false);
      case TraceOp.userLookup:
        return this.read(this.map.peek(this.setKey(argument), 0));
      case TraceOp.programLookup:
        return this.programRead(this.map.lookup(this.setKey(argument), 0));
      case TraceOp.userDelete:
      case TraceOp.programDelete:
        return this.map.remove(this.setKey(argument), 0, this.cpu);
      case TraceOp.userLookupAndDelete:
        return this.readAndDelete(argument);
      case TraceOp.nextKey:
        return this.next(this.setKey(argument));
      case TraceOp.firstKey:
        return this.next(null);
      case TraceOp.setCpu:
        this.cpu = argument;
        return 0;
      case TraceOp.checkpoint:
        return this.checkpoint();
      case TraceOp.lookupBatches:
        return this.batches(argument);
      case TraceOp.lookupAndDeleteBatch:
        return [this.batch(this.newBatch(argument), BATCH_NO_CURSOR, true).call];
    }
  }

  private setKey(id: number): Int32Array {
    fillKey(id, this.spec.type, this.spec.keySize, this.key);
    const text = keyText(this.key);
    if (!this.ids.has(text)) this.ids.set(text, id);
    return this.key;
  }

  private idOf(key: Int32Array): number {
    return this.ids.get(keyText(key)) ?? key[0]!;
  }

  private idAt(slot: number): number {
    const key = new Int32Array(this.key.length);
    this.map.copyKey(slot, key, 0);
    return this.idOf(key);
  }

  private noteEviction(slot: number): void {
    const last = this.evicted.at(-1);
    if (last?.[0] === this.now) last.push(this.idAt(slot));
    else this.evicted.push([this.now, this.idAt(slot)]);
  }

  private update(id: number, flags: number, fromUser: boolean): number {
    const key = this.setKey(id);
    const { map, cpu } = this;
    if (map instanceof ArrayOfMaps || map instanceof HashOfMaps) {
      return Math.min(0, map.updateMap(key, 0, this.inner[this.now % INNER_MAPS]!, flags, cpu));
    }
    const perCpu = map instanceof PercpuHashMap || map instanceof LruPercpuHashMap;
    const slot = perCpu && fromUser ? map.updateAllCopies(key, 0, flags, cpu) : map.update(key, 0, flags, cpu);
    if (slot < 0) return slot;
    const value = this.cut(this.now);
    if (perCpu) {
      for (let c = 0; c < this.cpus; c++) if (fromUser || c === cpu) map.setCpuWord(slot, c, 0, value);
    } else {
      map.setWord(slot, 0, value);
    }
    return 0;
  }

  /** A number as a value of this map can hold it. */
  private cut(value: number): number {
    return this.spec.valueSize >= 4 ? value : value & ((1 << (8 * this.spec.valueSize)) - 1);
  }

  /** A value as user space reads it, or the error that the lookup gave. */
  private read(slot: number): TraceValue {
    const { map } = this;
    if (slot < 0) return slot;
    if (!(map instanceof PercpuHashMap || map instanceof LruPercpuHashMap)) return map.word(slot, 0) >>> 0;
    const copies = Array.from({ length: this.cpus }, (_, c) => map.cpuWord(slot, c, 0) >>> 0);
    return copies.length === 1 ? copies[0]! : copies;
  }

  /** A value as a program on this CPU reads it; 0 when absent. Of a map of maps it only sees that a map is there. */
  private programRead(slot: number): number {
    const { map } = this;
    if (slot < 0) return 0;
    if (map instanceof ArrayOfMaps || map instanceof HashOfMaps) return 1;
    const perCpu = map instanceof PercpuHashMap || map instanceof LruPercpuHashMap;
    const value = perCpu ? map.cpuWord(slot, this.cpu, 0) : map.word(slot, 0);
    return (this.spec.valueSize >= 4 ? value : value & 0xff) >>> 0;
  }

  private readAndDelete(id: number): TraceValue {
    const key = this.setKey(id);
    const slot = this.map.peek(key, 0);
    const value = this.read(slot);
    if (slot >= 0) this.map.remove(key, 0, this.cpu);
    return value;
  }

  private next(key: Int32Array | null): number {
    const out = new Int32Array(this.key.length);
    const result = this.map.nextKey(key, 0, out, 0);
    return result === 0 ? this.idOf(out) : result;
  }

  private checkpoint(): TraceResult {
    const entries: TraceValue[] = [];
    const key = new Int32Array(this.key.length);
    for (let end = this.map.nextKey(null, 0, key, 0); end === 0; end = this.map.nextKey(key, 0, key, 0)) {
      entries.push(this.idOf(key), this.read(this.map.peek(key, 0)));
    }
    return digestIfLong(entries);
  }

  private table(): HashTable {
    if (!(this.map instanceof HashTable)) throw new Error(`map type ${this.spec.type} has no batch operations here`);
    return this.map;
  }

  /** Room beyond what the map can hold changes no answer. */
  private newBatch(capacity: number): MapBatch {
    const table = this.table();
    return new MapBatch(Math.min(capacity, table.maxEntries), table.stride);
  }

  private batches(capacity: number): TraceResult {
    const calls: (readonly number[])[] = [];
    const batch = this.newBatch(capacity);
    let cursor = BATCH_NO_CURSOR;
    for (;;) {
      const { call, result } = this.batch(batch, cursor, false);
      calls.push(call);
      if (result !== 0 || batch.count === 0) return calls;
      cursor = batch.cursor;
    }
  }

  private batch(batch: MapBatch, cursor: number, andDelete: boolean): { call: number[]; result: number } {
    const table = this.table();
    const result = andDelete ? table.lookupAndDeleteBatch(cursor, batch) : table.lookupBatch(cursor, batch);
    const call = [result, batch.count, batch.cursor];
    for (let i = 0; i < batch.count; i++) {
      call.push(this.idOf(batch.rows.subarray(i * batch.stride, i * batch.stride + this.key.length)));
    }
    return { call, result };
  }
}

/** A checkpoint in the form in which traces record it. */
export function digestIfLong(entries: readonly TraceValue[]): TraceResult {
  return entries.length > 2 * DIGEST_ABOVE ? digest(entries) : (entries as TraceResult);
}

/** The short form of a long checkpoint: entry count and SHA-256 of ` key value` for each entry. */
function digest(entries: readonly TraceValue[]): Digest {
  const hash = createHash("sha256");
  for (let i = 0; i < entries.length; i += 2) {
    const value = entries[i + 1]!;
    hash.update(` ${String(entries[i])} ${typeof value === "number" ? value : value.join("/")}`);
  }
  return { n: entries.length / 2, sha256: hash.digest("hex") };
}

/** Whether a result says the same as the recorded one, which may be in short or long form. */
export function sameResult(recorded: TraceResult, actual: TraceResult): boolean {
  if (isDigest(recorded) && Array.isArray(actual)) return sameResult(recorded, digest(actual as TraceValue[]));
  if (isDigest(actual) && Array.isArray(recorded)) return sameResult(digest(recorded as TraceValue[]), actual);
  return JSON.stringify(recorded) === JSON.stringify(actual);
}

function isDigest(result: TraceResult): result is Digest {
  return typeof result === "object" && "sha256" in result;
}

function keyText(key: Int32Array): string {
  return key.join(" ");
}

