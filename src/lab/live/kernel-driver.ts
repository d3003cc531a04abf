/** Performs a trace's operations on a real kernel map, with results in the form that traces record. */

import { Errno } from "../../bpf/errno.js";
import { MapType, roundUp8 } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { digestIfLong, INNER_MAPS, INNER_SPEC } from "../verify/map-model.js";
import type { TraceDriver } from "../verify/map-model.js";
import { fillKey, TraceOp } from "../verify/map-trace.js";
import type { TraceResult, TraceValue } from "../verify/map-trace.js";
import { createKernelMap, KernelMap } from "./kernel-map.js";
import type { Machine } from "./machine.js";
import { ATTRIBUTE_BYTES, BpfCommand, fixedBuffer } from "./syscall.js";
import type { Kernel } from "./syscall.js";

/** Flags that no update knows. */
const BAD_FLAGS = 3;
/** Bytes of a value that carry the operation's number. */
const NUMBER_BYTES = 4;

/** An inner map: what goes into the outer map, and what comes out of it. */
interface KernelInner {
  readonly fd: number;
  readonly id: number;
}

export class KernelDriver implements TraceDriver {
  readonly map: KernelMap;
  private readonly kernel: Kernel;
  private readonly spec: MapSpec;
  private readonly machine: Machine;
  private readonly keyWords: Int32Array;
  private readonly ids = new Map<string, number>();
  private readonly known = new Set<number>();
  private readonly inner: readonly KernelInner[];
  /** Bytes of one CPU's copy, and copies, of a value as user space sees it. */
  private readonly copyBytes: number;
  private readonly copies: number;
  private now = 0;

  /** Begins on the first CPU. Throws when the kernel refuses the map. */
  constructor(kernel: Kernel, machine: Machine, spec: MapSpec) {
    this.kernel = kernel;
    this.spec = spec;
    this.machine = machine;
    const holdsMaps = spec.type === MapType.arrayOfMaps || spec.type === MapType.hashOfMaps;
    this.inner = holdsMaps ? Array.from({ length: INNER_MAPS }, () => makeInner(kernel)) : [];
    this.map = new KernelMap(kernel, spec, machine.possibleCpus, this.inner[0]?.fd ?? 0);
    const { key } = this.map;
    this.keyWords = new Int32Array(key.buffer, key.byteOffset, Math.ceil(spec.keySize / 4));
    const perCpu = spec.type === MapType.percpuHash || spec.type === MapType.lruPercpuHash;
    this.copyBytes = roundUp8(spec.valueSize);
    this.copies = perCpu ? machine.possibleCpus : 1;
    kernel.pin(machine.cpus[0]!);
  }

  close(): void {
    this.map.close();
    for (const { fd } of this.inner) this.kernel.close(fd);
    this.kernel.setCpus(this.machine.cpus);
  }

  run(code: TraceOp, argument: number, number: number): TraceResult {
    this.now = number;
    const { map } = this;
    switch (code) {
      case TraceOp.userUpdate:
      case TraceOp.userUpdateNoExist:
      case TraceOp.userUpdateExist:
        return this.userUpdate(argument, code - TraceOp.userUpdate);
      case TraceOp.userUpdateBadFlags:
        return this.userUpdate(argument, BAD_FLAGS);
      case TraceOp.programUpdate:
      case TraceOp.programUpdateNoExist:
      case TraceOp.programUpdateExist:
        this.setKey(argument);
        return map.programUpdate(code - TraceOp.programUpdate, number);
      case TraceOp.userLookup:
        this.setKey(argument);
        return this.read(() => map.lookup());
      case TraceOp.programLookup:
        this.setKey(argument);
        return map.programLookup();
      case TraceOp.userDelete:
        this.setKey(argument);
        return map.remove();
      case TraceOp.programDelete:
        this.setKey(argument);
        return map.programRemove();
      case TraceOp.userLookupAndDelete:
        this.setKey(argument);
        return this.read(() => map.lookupAndDelete());
      case TraceOp.nextKey:
        this.setKey(argument);
        return this.next(false);
      case TraceOp.firstKey:
        return this.next(true);
      case TraceOp.setCpu:
        return this.kernel.pin(argument);
      case TraceOp.checkpoint:
        return this.checkpoint();
      case TraceOp.lookupBatches:
        return this.batches(argument);
      case TraceOp.lookupAndDeleteBatch:
        return [this.batch(undefined, argument, true).call];
    }
  }

  private setKey(id: number): void {
    fillKey(id, this.spec.type, this.spec.keySize, this.keyWords);
    if (this.known.has(id)) return;
    this.known.add(id);
    const text = this.keyText(this.map.key);
    if (!this.ids.has(text)) this.ids.set(text, id);
  }

  private keyText(key: Buffer): string {
    return key.toString("hex", 0, this.spec.keySize);
  }

  private idOf(key: Buffer): number {
    return this.ids.get(this.keyText(key)) ?? key.readInt32LE(0);
  }

  private userUpdate(id: number, flags: number): number {
    this.setKey(id);
    const { value } = this.map;
    value.fill(0);
    const inner = this.inner[this.now % INNER_MAPS];
    for (let c = 0; c < this.copies; c++) value.writeUInt32LE(inner?.fd ?? this.now, c * this.copyBytes);
    return this.map.update(flags);
  }

  /** What a reading call gives: the value, one number for each copy when there are several, or the error. */
  private read(call: () => number): TraceValue {
    const { value } = this.map;
    value.fill(0);
    const result = call();
    if (result < 0) return result;
    const bytes = Math.min(NUMBER_BYTES, this.spec.valueSize);
    const numbers = Array.from({ length: this.copies }, (_, c) => value.readUIntLE(c * this.copyBytes, bytes));
    if (this.inner.length > 0) return this.inner.findIndex(({ id }) => id === numbers[0]) + 1;
    return numbers.length === 1 ? numbers[0]! : numbers;
  }

  private next(fromStart: boolean): number {
    const result = this.map.nextKey(fromStart);
    return result === 0 ? this.idOf(this.map.next) : result;
  }

  private checkpoint(): TraceResult {
    const { map } = this;
    const entries: TraceValue[] = [];
    for (let end = map.nextKey(true); end === 0; end = map.nextKey(false)) {
      map.next.copy(map.key);
      entries.push(
        this.idOf(map.key),
        this.read(() => map.lookup()),
      );
    }
    return digestIfLong(entries);
  }

  private batches(capacity: number): TraceResult {
    const calls: (readonly number[])[] = [];
    let cursor: number | undefined;
    for (;;) {
      const { call, out } = this.batch(cursor, capacity, false);
      calls.push(call);
      if (call[0] !== 0 || call[1] === 0) return calls;
      cursor = out;
    }
  }

  private batch(
    cursor: number | undefined,
    capacity: number,
    andDelete: boolean,
  ): { readonly call: readonly number[]; readonly out: number | undefined } {
    const { result, count, cursor: out, keys } = this.map.batch(cursor, capacity, andDelete);
    // The kernel leaves the count alone where it gives up before looking.
    const copied = result === 0 || result === -Errno.ENOENT ? count : 0;
    const call = [result, copied, out ?? -1];
    for (let i = 0; i < copied; i++) {
      call.push(this.idOf(keys.subarray(i * this.spec.keySize, (i + 1) * this.spec.keySize)));
    }
    return { call, out };
  }
}

function makeInner(kernel: Kernel): KernelInner {
  const fd = createKernelMap(kernel, INNER_SPEC);
  if (fd < 0) throw new Error(`creating an inner map failed (errno ${-fd})`);
  const attribute = fixedBuffer(ATTRIBUTE_BYTES);
  /** `struct bpf_map_info` begins with type and id; this much of it is asked for. */
  const info = fixedBuffer(8);
  attribute.writeUInt32LE(fd, 0);
  attribute.writeUInt32LE(info.length, 4);
  kernel.point(attribute, 8, info);
  const result = kernel.bpf(BpfCommand.mapInfoByFd, attribute);
  if (result < 0) throw new Error(`asking for an inner map's id failed (errno ${-result})`);
  return { fd, id: info.readUInt32LE(4) };
}
