/**
 * What map operations cost in this machine's kernel: a program performs 64 of them in a loop, and BPF_PROG_TEST_RUN
 * repeats it and measures, so that neither the system call nor the call into the program counts.
 *
 * The keys are made beforehand and lie one after the other in an array map, 64 KiB of them, so that making them does not
 * count either and other implementations can be given the very same ones. A batch walk is timed around the system calls.
 */

import { Errno } from "../../bpf/errno.js";
import { MapType, roundUp8 } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { Assembler, Helper, loadProgram, ProgramType, Reg } from "./assembler.js";
import { createKernelMap, KernelMap } from "./kernel-map.js";
import { ATTRIBUTE_BYTES, BpfCommand, fixedBuffer } from "./syscall.js";
import type { Kernel } from "./syscall.js";

/** Keys that one call of `time` takes. */
export const BATCH_KEYS = 4096;
/** Words of a key's place in a batch. */
export const BATCH_KEY_WORDS = 4;

/** Bytes of a key's place in a batch, as a shift. */
const KEY_SHIFT = 4;
/** Operations in one run of the timing program: what the verifier unrolls without complaint. */
const OPERATIONS_PER_RUN = 64;
/** Packet that test runs need and nothing looks at. */
const PACKET_BYTES = 64;
const NS_PER_MS = 1e6;

/** What the program does with each key. `read` only reads the key's first word: its time is that of the loop. */
export type TimedOperation = "read" | "lookup" | "update" | "remove";

/** Byte offsets in the array map's one element: which key is next, how many operations succeeded, the keys. */
const State = { cursor: 0, done: 4, keys: 16 } as const;
const STATE_BYTES = State.keys + (BATCH_KEYS << KEY_SHIFT);

/** One measurement. */
export interface Timing {
  /** ns per operation, or per entry of a walk. */
  readonly ns: number;
  /** Lookups that hit, updates and deletions that succeeded, entries walked. */
  readonly done: number;
}

/** A map of this kernel with a timing program for each operation. */
export class KernelTimer {
  readonly map: KernelMap;
  private readonly kernel: Kernel;
  private readonly spec: MapSpec;
  private readonly stateFd: number;
  private readonly programs = new Map<TimedOperation, number>();
  private readonly stateKey = fixedBuffer(8);
  private readonly state = fixedBuffer(STATE_BYTES);
  private readonly keys = new Int32Array(this.state.buffer, State.keys, BATCH_KEYS * BATCH_KEY_WORDS);

  /** Throws when the kernel refuses the map, and on keys that take more than a place in a batch. */
  constructor(kernel: Kernel, spec: MapSpec, possibleCpus: number) {
    if (spec.keySize > 1 << KEY_SHIFT) throw new RangeError(`${spec.name}: keys of ${spec.keySize} bytes can't be timed`);
    this.kernel = kernel;
    this.spec = spec;
    this.map = new KernelMap(kernel, spec, possibleCpus);
    this.stateFd = createKernelMap(kernel, {
      name: "state",
      type: MapType.array,
      keySize: 4,
      valueSize: STATE_BYTES,
      maxEntries: 1,
      flags: 0,
    });
    if (this.stateFd < 0) throw new Error(`creating the state map failed (errno ${-this.stateFd})`);
  }

  close(): void {
    for (const fd of this.programs.values()) this.kernel.close(fd);
    this.kernel.close(this.stateFd);
    this.map.close();
  }

  /** Performs an operation on each of `BATCH_KEYS` keys, in places of `BATCH_KEY_WORDS` words. */
  time(operation: TimedOperation, keys: Int32Array): Timing {
    this.keys.set(keys);
    this.state.writeUInt32LE(0, State.cursor);
    this.state.writeUInt32LE(0, State.done);
    this.stateCall(BpfCommand.mapUpdate);
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const packet = fixedBuffer(PACKET_BYTES);
    attribute.writeUInt32LE(this.program(operation), 0);
    attribute.writeUInt32LE(PACKET_BYTES, 8);
    this.kernel.point(attribute, 16, packet);
    attribute.writeUInt32LE(BATCH_KEYS / OPERATIONS_PER_RUN, 32);
    const result = this.kernel.bpf(BpfCommand.programTestRun, attribute);
    if (result < 0) throw new Error(`BPF_PROG_TEST_RUN failed (errno ${-result})`);
    this.stateCall(BpfCommand.mapLookup);
    return { ns: attribute.readUInt32LE(36) / OPERATIONS_PER_RUN, done: this.state.readUInt32LE(State.done) };
  }

  /** Reads the whole map with BPF_MAP_LOOKUP_BATCH, `capacity` elements a call into memory that is there already. */
  walk(capacity: number): Timing {
    const cursor = fixedBuffer(roundUp8(this.spec.keySize));
    const keys = fixedBuffer(capacity * this.spec.keySize);
    const values = fixedBuffer(capacity * this.map.userValueBytes);
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    this.kernel.point(attribute, 8, cursor);
    this.kernel.point(attribute, 16, keys);
    this.kernel.point(attribute, 24, values);
    attribute.writeUInt32LE(this.map.fd, 36);
    let done = 0;
    let result = 0;
    let first = true;
    const start = performance.now();
    while (result === 0) {
      attribute.writeUInt32LE(capacity, 32);
      result = this.kernel.bpf(BpfCommand.mapLookupBatch, attribute);
      done += attribute.readUInt32LE(32);
      if (first) this.kernel.point(attribute, 0, cursor);
      first = false;
    }
    const ns = ((performance.now() - start) * NS_PER_MS) / done;
    if (result !== -Errno.ENOENT) throw new Error(`BPF_MAP_LOOKUP_BATCH failed (errno ${-result})`);
    return { ns, done };
  }

  private stateCall(command: number): void {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    attribute.writeUInt32LE(this.stateFd, 0);
    this.kernel.point(attribute, 8, this.stateKey);
    this.kernel.point(attribute, 16, this.state);
    const result = this.kernel.bpf(command, attribute);
    if (result < 0) throw new Error(`the state map failed (errno ${-result})`);
  }

  private program(operation: TimedOperation): number {
    let fd = this.programs.get(operation);
    if (fd === undefined) {
      const code = timingProgram(this.spec, this.map.fd, this.stateFd, operation);
      fd = loadProgram(this.kernel, ProgramType.schedCls, code);
      this.programs.set(operation, fd);
    }
    return fd;
  }
}

/** r6 state, r7 loop counter, r8 number of the next key, r9 successes. The value of updates is all zero. */
function timingProgram(spec: MapSpec, mapFd: number, stateFd: number, operation: TimedOperation): Buffer {
  const valueBytes = roundUp8(spec.valueSize);
  const code = new Assembler().loadMapValue(Reg.r6, stateFd);
  for (let i = 0; i < valueBytes; i += 8) code.storeImmediateDw(Reg.fp, i - valueBytes, 0);
  code.loadW(Reg.r8, Reg.r6, State.cursor).alu64("mov", Reg.r7, 0).alu64("mov", Reg.r9, 0).label("loop");
  code.alu64r("mov", Reg.r1, Reg.r8).alu64("and", Reg.r1, BATCH_KEYS - 1).alu64("lsh", Reg.r1, KEY_SHIFT);
  code.alu64r("mov", Reg.r2, Reg.r6).alu64("add", Reg.r2, State.keys).alu64r("add", Reg.r2, Reg.r1);
  switch (operation) {
    case "read":
      code.loadW(Reg.r1, Reg.r2, 0).alu64("and", Reg.r1, 1).alu64r("add", Reg.r9, Reg.r1);
      break;
    case "lookup":
      code.loadMap(Reg.r1, mapFd).call(Helper.mapLookup).jumpIfEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
    case "update":
      code.alu64r("mov", Reg.r3, Reg.fp).alu64("add", Reg.r3, -valueBytes).alu64("mov", Reg.r4, 0);
      code.loadMap(Reg.r1, mapFd).call(Helper.mapUpdate).jumpIfNotEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
    case "remove":
      code.loadMap(Reg.r1, mapFd).call(Helper.mapDelete).jumpIfNotEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
  }
  code.label("next").alu64("add", Reg.r8, 1).alu64("add", Reg.r7, 1).jumpIfLess(Reg.r7, OPERATIONS_PER_RUN, "loop");
  code.storeW(Reg.r6, State.cursor, Reg.r8);
  code.loadW(Reg.r1, Reg.r6, State.done).alu64r("add", Reg.r1, Reg.r9).storeW(Reg.r6, State.done, Reg.r1);
  return code.alu64("mov", Reg.r0, 0).exit().assemble();
}
