/**
 * What map operations cost in this machine's kernel: a program performs 64 of them in a loop, and BPF_PROG_TEST_RUN
 * repeats it and measures, so that neither the system call nor the call into the program counts.
 */

import type { MapSpec } from "../../bpf/spec.js";
import { MapType, roundUp8 } from "../../bpf/spec.js";
import { Assembler, Helper, loadProgram, ProgramType, Reg } from "./assembler.js";
import { createKernelMap, KernelMap } from "./kernel-map.js";
import { ATTRIBUTE_BYTES, BpfCommand, fixedBuffer } from "./syscall.js";
import type { Kernel } from "./syscall.js";

/** Operations in one run of the timing program. */
export const OPERATIONS_PER_RUN = 64;
/** Packet that test runs need and nothing looks at. */
const PACKET_BYTES = 64;

/** What the program does with each key. `draw` only makes keys: its time is to be subtracted. */
export type TimedOperation = "draw" | "lookup" | "update" | "remove" | "pair";

/** Byte offsets of the program's variables in a one-element array map. */
const State = { base: 0, mask: 4, sequence: 8, random: 12, hits: 16 } as const;
const STATE_BYTES = 24;

/** Odd constants of the key hash; see `timingKey`. */
const KEY_MULTIPLIERS = [0x85ebca6b, 0xc2b2ae35, 0x9e3779b1] as const;

/** Last two bytes of the key: protocol and flags of a conntrack tuple. */
const KEY_TAIL = 0x0106;

/**
 * The key with number `index`, as the timing program makes it: 14 meaningful bytes in four words, more words zero.
 */
export function timingKey(index: number, key: Int32Array): void {
  let hash = index ^ (index >>> 16);
  hash = Math.imul(hash, KEY_MULTIPLIERS[0]);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, KEY_MULTIPLIERS[1]);
  hash ^= hash >>> 16;
  key[0] = hash;
  key[1] = Math.imul(hash, KEY_MULTIPLIERS[2]);
  key[2] = index;
  key[3] = KEY_TAIL;
}

/** A map of this kernel and one timing program for each operation and each way to choose keys. */
export class KernelTimer {
  readonly map: KernelMap;
  private readonly kernel: Kernel;
  private readonly stateFd: number;
  private readonly programs = new Map<string, number>();
  private readonly spec: MapSpec;
  private readonly stateKey = fixedBuffer(8);
  private readonly stateValue = fixedBuffer(STATE_BYTES);

  constructor(kernel: Kernel, spec: MapSpec, possibleCpus: number) {
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

  /**
   * ns per operation over `runs` runs of 64. Random keys: `base` plus a number below `range`, a power of two.
   * Sequential ones: `base`, `base` + 1 … Also says how many lookups hit or updates succeeded.
   */
  time(
    operation: TimedOperation,
    keys: { readonly base: number; readonly range?: number },
    runs: number,
  ): { readonly ns: number; readonly hits: number } {
    const random = keys.range !== undefined;
    const program = this.program(operation, random);
    this.stateValue.fill(0);
    this.stateValue.writeUInt32LE(keys.base, State.base);
    this.stateValue.writeUInt32LE((keys.range ?? 1) - 1, State.mask);
    this.stateValue.writeUInt32LE(keys.base, State.sequence);
    this.stateValue.writeUInt32LE(RANDOM_SEED, State.random);
    this.stateCall(BpfCommand.mapUpdate);
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const packet = fixedBuffer(PACKET_BYTES);
    attribute.writeUInt32LE(program, 0);
    attribute.writeUInt32LE(PACKET_BYTES, 8);
    attribute.writeBigUInt64LE(this.kernel.address(packet), 16);
    attribute.writeUInt32LE(runs, 32);
    const result = this.kernel.bpf(BpfCommand.programTestRun, attribute);
    if (result < 0) throw new Error(`BPF_PROG_TEST_RUN failed (errno ${-result})`);
    this.stateCall(BpfCommand.mapLookup);
    return { ns: attribute.readUInt32LE(36) / OPERATIONS_PER_RUN, hits: this.stateValue.readUInt32LE(State.hits) };
  }

  private stateCall(command: number): void {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    attribute.writeUInt32LE(this.stateFd, 0);
    attribute.writeBigUInt64LE(this.kernel.address(this.stateKey), 8);
    attribute.writeBigUInt64LE(this.kernel.address(this.stateValue), 16);
    const result = this.kernel.bpf(command, attribute);
    if (result < 0) throw new Error(`the state map failed (errno ${-result})`);
  }

  private program(operation: TimedOperation, random: boolean): number {
    const name = `${operation} ${random}`;
    let fd = this.programs.get(name);
    if (fd === undefined) {
      const code = timingProgram(this.spec, this.map.fd, this.stateFd, operation, random);
      fd = loadProgram(this.kernel, ProgramType.schedCls, code);
      this.programs.set(name, fd);
    }
    return fd;
  }
}

/** Start of the program's xorshift generator. */
export const RANDOM_SEED = 0x075bcd15;

/** r6 state, r7 loop counter, r8 random or sequence number, r9 hits. */
function timingProgram(
  spec: MapSpec,
  mapFd: number,
  stateFd: number,
  operation: TimedOperation,
  random: boolean,
): Buffer {
  const keyBytes = roundUp8(spec.keySize);
  const valueBytes = roundUp8(spec.valueSize);
  const keyAt = -keyBytes;
  const valueAt = keyAt - valueBytes;
  const code = new Assembler().loadMapValue(Reg.r6, stateFd);
  for (let i = 0; i < keyBytes; i += 8) code.storeImmediateDw(Reg.fp, keyAt + i, 0);
  for (let i = 0; i < valueBytes; i += 8) code.storeImmediateDw(Reg.fp, valueAt + i, 0);
  code.loadW(Reg.r8, Reg.r6, random ? State.random : State.sequence);
  code.alu64("mov", Reg.r7, 0).alu64("mov", Reg.r9, 0).label("loop");
  drawIndex(code, random);
  drawKey(code, keyAt, spec.keySize);
  const withMap = (helper: number): Assembler => {
    code.loadMap(Reg.r1, mapFd).alu64r("mov", Reg.r2, Reg.fp).alu64("add", Reg.r2, keyAt);
    if (helper === Helper.mapUpdate) {
      code.alu64r("mov", Reg.r3, Reg.fp).alu64("add", Reg.r3, valueAt).alu64("mov", Reg.r4, 0);
    }
    return code.call(helper);
  };
  switch (operation) {
    case "draw":
      code.loadW(Reg.r1, Reg.fp, keyAt).alu32("and", Reg.r1, 1).alu64r("add", Reg.r9, Reg.r1);
      break;
    case "lookup":
      withMap(Helper.mapLookup).jumpIfEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
    case "update":
      withMap(Helper.mapUpdate).jumpIfNotEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
    case "remove":
      withMap(Helper.mapDelete).jumpIfNotEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
    case "pair":
      withMap(Helper.mapUpdate);
      withMap(Helper.mapDelete).jumpIfNotEqual(Reg.r0, 0, "next").alu64("add", Reg.r9, 1);
      break;
  }
  code.label("next").alu64("add", Reg.r7, 1).jumpIfLess(Reg.r7, OPERATIONS_PER_RUN, "loop");
  code.storeW(Reg.r6, random ? State.random : State.sequence, Reg.r8);
  code.loadW(Reg.r1, Reg.r6, State.hits).alu64r("add", Reg.r1, Reg.r9).storeW(Reg.r6, State.hits, Reg.r1);
  return code.alu64("mov", Reg.r0, 0).exit().assemble();
}

/** Next key number into r1. */
function drawIndex(code: Assembler, random: boolean): void {
  if (!random) {
    code.alu32r("mov", Reg.r1, Reg.r8).alu32("add", Reg.r8, 1);
    return;
  }
  code.alu32r("mov", Reg.r1, Reg.r8).alu32("lsh", Reg.r1, 13).alu32r("xor", Reg.r8, Reg.r1);
  code.alu32r("mov", Reg.r1, Reg.r8).alu32("rsh", Reg.r1, 17).alu32r("xor", Reg.r8, Reg.r1);
  code.alu32r("mov", Reg.r1, Reg.r8).alu32("lsh", Reg.r1, 5).alu32r("xor", Reg.r8, Reg.r1);
  code.alu32r("mov", Reg.r1, Reg.r8).loadW(Reg.r2, Reg.r6, State.mask).alu32r("and", Reg.r1, Reg.r2);
  code.loadW(Reg.r2, Reg.r6, State.base).alu32r("add", Reg.r1, Reg.r2);
}

/** The key with the number in r1 onto the stack: `timingKey`. */
function drawKey(code: Assembler, keyAt: number, keySize: number): void {
  code.alu32r("mov", Reg.r2, Reg.r1).alu32r("mov", Reg.r3, Reg.r1).alu32("rsh", Reg.r3, 16);
  code.alu32r("xor", Reg.r2, Reg.r3).alu32("mul", Reg.r2, KEY_MULTIPLIERS[0]);
  code.alu32r("mov", Reg.r3, Reg.r2).alu32("rsh", Reg.r3, 13).alu32r("xor", Reg.r2, Reg.r3);
  code.alu32("mul", Reg.r2, KEY_MULTIPLIERS[1]);
  code.alu32r("mov", Reg.r3, Reg.r2).alu32("rsh", Reg.r3, 16).alu32r("xor", Reg.r2, Reg.r3);
  code.storeW(Reg.fp, keyAt, Reg.r2);
  if (keySize <= 4) return;
  code.alu32("mul", Reg.r2, KEY_MULTIPLIERS[2]).storeW(Reg.fp, keyAt + 4, Reg.r2);
  if (keySize <= 8) return;
  code.storeW(Reg.fp, keyAt + 8, Reg.r1).alu32("mov", Reg.r2, KEY_TAIL).storeW(Reg.fp, keyAt + 12, Reg.r2);
}
