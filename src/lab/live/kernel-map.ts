/**
 * A real map of this machine's kernel, driven operation by operation: from user space by bpf(2), from a program by a
 * raw tracepoint program under BPF_PROG_TEST_RUN (only a program's lookup sets an LRU reference bit).
 */

import { readFileSync } from "node:fs";

import type { MapSpec } from "../../bpf/spec.js";
import { MapType, roundUp8 } from "../../bpf/spec.js";
import { Assembler, Helper, loadProgram, ProgramType, Reg } from "./assembler.js";
import { ATTRIBUTE_BYTES, BpfCommand, fixedBuffer } from "./syscall.js";
import type { Kernel } from "./syscall.js";

/** Operations of the driving program, in its first context word. */
const ProgramOp = { lookup: 1, update: 2, remove: 3 } as const;
/** Context words before the key: operation, flags, value. */
const CONTEXT_HEADER_BYTES = 24;
/** A raw tracepoint program's context has at most 12 words. */
const CONTEXT_BYTES = 96;
/** Largest key that fits the context. */
export const MAX_PROGRAM_KEY = CONTEXT_BYTES - CONTEXT_HEADER_BYTES;
const WORD_BYTES = 8;

/** Answer of a batch call. */
export interface KernelBatch {
  /** 0 or the negated error number. */
  readonly result: number;
  readonly count: number;
  /** Out-cursor, or undefined when the kernel left it untouched. */
  readonly cursor: number | undefined;
  /** Keys, `keySize` bytes each. */
  readonly keys: Buffer;
}

/** Creates a map: its file descriptor, or the negated error number. `innerFd` is for maps of maps. */
export function createKernelMap(kernel: Kernel, spec: Omit<MapSpec, "type"> & { type: number }, innerFd = 0): number {
  const attribute = fixedBuffer(ATTRIBUTE_BYTES);
  attribute.writeUInt32LE(spec.type, 0);
  attribute.writeUInt32LE(spec.keySize, 4);
  attribute.writeUInt32LE(spec.valueSize, 8);
  attribute.writeUInt32LE(spec.maxEntries, 12);
  attribute.writeUInt32LE(spec.flags, 16);
  attribute.writeUInt32LE(innerFd, 20);
  return kernel.bpf(BpfCommand.mapCreate, attribute);
}

export class KernelMap {
  readonly fd: number;
  /** Bytes of a value as user space sees it: each CPU's copy rounded up to 8 for per-CPU types. */
  readonly userValueBytes: number;
  readonly keySize: number;
  /** The key that the next operation is about; fill before calling. */
  readonly key: Buffer;
  /** The value of the last lookup, and what an update from user space writes. */
  readonly value: Buffer;
  /** The key that the last `nextKey` found. */
  readonly next: Buffer;
  private readonly kernel: Kernel;
  private readonly program: number;
  private readonly element = fixedBuffer(ATTRIBUTE_BYTES);
  private readonly testRun = fixedBuffer(ATTRIBUTE_BYTES);
  private readonly context = fixedBuffer(CONTEXT_BYTES);
  private readonly keyAddress: bigint;
  private readonly valueAddress: bigint;
  private readonly nextAddress: bigint;

  /** Throws when the kernel refuses the map. `possibleCpus` sizes the values of per-CPU types. */
  constructor(kernel: Kernel, spec: MapSpec, possibleCpus: number, innerFd = 0) {
    this.kernel = kernel;
    const fd = createKernelMap(kernel, spec, innerFd);
    if (fd < 0) throw new Error(`${spec.name}: map creation failed (errno ${-fd})`);
    this.fd = fd;
    this.keySize = spec.keySize;
    const perCpu = spec.type === MapType.percpuHash || spec.type === MapType.lruPercpuHash;
    this.userValueBytes = perCpu ? roundUp8(spec.valueSize) * possibleCpus : spec.valueSize;
    this.key = fixedBuffer(roundUp8(spec.keySize));
    this.next = fixedBuffer(roundUp8(spec.keySize));
    this.value = fixedBuffer(roundUp8(this.userValueBytes));
    this.keyAddress = kernel.address(this.key);
    this.valueAddress = kernel.address(this.value);
    this.nextAddress = kernel.address(this.next);
    this.element.writeUInt32LE(fd, 0);
    const holdsMaps = spec.type === MapType.arrayOfMaps || spec.type === MapType.hashOfMaps;
    this.program = loadProgram(kernel, ProgramType.rawTracepoint, driver(fd, spec, holdsMaps));
    this.testRun.writeUInt32LE(this.program, 0);
    this.testRun.writeUInt32LE(CONTEXT_HEADER_BYTES + roundUp8(spec.keySize), 40);
    kernel.point(this.testRun, 48, this.context);
  }

  close(): void {
    this.kernel.close(this.program);
    this.kernel.close(this.fd);
  }

  lookup(): number {
    return this.elementCall(BpfCommand.mapLookup, this.keyAddress, this.valueAddress, 0);
  }

  update(flags: number): number {
    return this.elementCall(BpfCommand.mapUpdate, this.keyAddress, this.valueAddress, flags);
  }

  remove(): number {
    return this.elementCall(BpfCommand.mapDelete, this.keyAddress, 0n, 0);
  }

  lookupAndDelete(): number {
    return this.elementCall(BpfCommand.mapLookupAndDelete, this.keyAddress, this.valueAddress, 0);
  }

  /** Key after `key` (the first one when `fromStart`) into `next`. */
  nextKey(fromStart: boolean): number {
    return this.elementCall(BpfCommand.mapNextKey, fromStart ? 0n : this.keyAddress, this.nextAddress, 0);
  }

  /** Lookup by a program: the first four bytes of the value (one byte of shorter ones), or 0 when there is none. */
  programLookup(): number {
    return this.run(ProgramOp.lookup, 0, 0) >>> 0;
  }

  programUpdate(flags: number, value: number): number {
    return this.run(ProgramOp.update, flags, value);
  }

  programRemove(): number {
    return this.run(ProgramOp.remove, 0, 0);
  }

  /** One batch call with room for `capacity`, deleting what it reads if asked to. */
  batch(cursor: number | undefined, capacity: number, andDelete: boolean): KernelBatch {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const cursorIn = fixedBuffer(roundUp8(this.keySize));
    const cursorOut = fixedBuffer(roundUp8(this.keySize));
    const keys = fixedBuffer(Math.max(1, capacity * this.keySize));
    const values = fixedBuffer(Math.max(1, capacity * this.userValueBytes));
    /** A bucket number that no map has: tells whether the kernel wrote the cursor. */
    const untouched = 0xffffffff;
    cursorIn.writeUInt32LE(cursor ?? 0, 0);
    cursorOut.writeUInt32LE(untouched, 0);
    if (cursor !== undefined) this.kernel.point(attribute, 0, cursorIn);
    this.kernel.point(attribute, 8, cursorOut);
    this.kernel.point(attribute, 16, keys);
    this.kernel.point(attribute, 24, values);
    attribute.writeUInt32LE(capacity, 32);
    attribute.writeUInt32LE(this.fd, 36);
    const command = andDelete ? BpfCommand.mapLookupAndDeleteBatch : BpfCommand.mapLookupBatch;
    const result = this.kernel.bpf(command, attribute);
    const count = attribute.readUInt32LE(32);
    const out = cursorOut.readUInt32LE(0);
    return { result, count, cursor: out === untouched ? undefined : out, keys };
  }

  /** Bytes that the kernel reports for the map (`memlock` in its fdinfo) and the limit it made of the one asked for. */
  info(): { readonly memlock: number; readonly maxEntries: number } {
    const text = readFileSync(`/proc/self/fdinfo/${this.fd}`, "latin1");
    return { memlock: field(text, "memlock"), maxEntries: field(text, "max_entries") };
  }

  private elementCall(command: number, key: bigint, value: bigint, flags: number): number {
    // A delete with anything after the key pointer is EINVAL, hence all fields are written every time.
    this.element.writeBigUInt64LE(key, 8);
    this.element.writeBigUInt64LE(value, 16);
    this.element.writeUInt32LE(flags, 24);
    return this.kernel.bpf(command, this.element);
  }

  private run(op: number, flags: number, value: number): number {
    this.context.writeUInt32LE(op, 0);
    this.context.writeUInt32LE(flags, 8);
    this.context.writeUInt32LE(value, 16);
    this.key.copy(this.context, CONTEXT_HEADER_BYTES);
    this.testRun.writeUInt32LE(0, 4);
    const result = this.kernel.bpf(BpfCommand.programTestRun, this.testRun);
    if (result < 0) throw new Error(`BPF_PROG_TEST_RUN failed (errno ${-result})`);
    return this.testRun.readInt32LE(4);
  }
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text);
  if (match === null) throw new Error(`fdinfo has no ${name}`);
  return Number(match[1]);
}

/**
 * The driving program: copies key and value to its stack, then looks up, updates or deletes. A map of maps can only be
 * looked up by a program; there the result is 1 for "an inner map is there".
 */
function driver(fd: number, spec: MapSpec, holdsMaps: boolean): Buffer {
  const keyBytes = roundUp8(spec.keySize);
  const valueBytes = roundUp8(spec.valueSize);
  const keyAt = -keyBytes;
  const valueAt = keyAt - valueBytes;
  const code = new Assembler().alu64r("mov", Reg.r6, Reg.r1);
  for (let i = 0; i < keyBytes; i += WORD_BYTES) {
    code.loadDw(Reg.r2, Reg.r6, CONTEXT_HEADER_BYTES + i).storeDw(Reg.fp, keyAt + i, Reg.r2);
  }
  code.loadDw(Reg.r2, Reg.r6, 16).storeDw(Reg.fp, valueAt, Reg.r2);
  for (let i = WORD_BYTES; i < valueBytes; i += WORD_BYTES) code.storeImmediateDw(Reg.fp, valueAt + i, 0);
  code.loadDw(Reg.r7, Reg.r6, 0).loadMap(Reg.r1, fd).alu64r("mov", Reg.r2, Reg.fp).alu64("add", Reg.r2, keyAt);
  if (!holdsMaps) {
    code.jumpIfEqual(Reg.r7, ProgramOp.update, "update").jumpIfEqual(Reg.r7, ProgramOp.remove, "remove");
  }
  code.call(Helper.mapLookup).jumpIfEqual(Reg.r0, 0, "end");
  if (holdsMaps) code.alu64("mov", Reg.r0, 1);
  else if (spec.valueSize >= 4) code.loadW(Reg.r0, Reg.r0, 0);
  else code.loadB(Reg.r0, Reg.r0, 0);
  code.label("end").exit();
  if (!holdsMaps) {
    code.label("update").alu64r("mov", Reg.r3, Reg.fp).alu64("add", Reg.r3, valueAt).loadDw(Reg.r4, Reg.r6, 8);
    code.call(Helper.mapUpdate).exit();
    code.label("remove").call(Helper.mapDelete).exit();
  }
  return code.assemble();
}
