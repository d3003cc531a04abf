/**
 * Just enough of an assembler to write the small BPF programs that drive and time kernel maps. Instruction encoding:
 * Documentation/bpf/standardization/instruction-set.rst.
 */

import { BpfCommand, ATTRIBUTE_BYTES, fixedBuffer } from "./syscall.js";
import type { Kernel } from "./syscall.js";

/** Registers: r0 result, r1 … r5 arguments, r6 … r9 kept over calls, fp frame pointer. */
export const Reg = { r0: 0, r1: 1, r2: 2, r3: 3, r4: 4, r5: 5, r6: 6, r7: 7, r8: 8, r9: 9, fp: 10 } as const;
export type Reg = (typeof Reg)[keyof typeof Reg];

/** Helper functions by number (`enum bpf_func_id`). */
export const Helper = { mapLookup: 1, mapUpdate: 2, mapDelete: 3, ktimeGetNs: 5, skbLoadBytes: 26 } as const;

/** Program types (`enum bpf_prog_type`). */
export const ProgramType = { schedCls: 3, rawTracepoint: 17 } as const;

/** Bytes that an instruction takes. */
const INSTRUCTION_BYTES = 8;
/** Space for the verifier's account of a refused program. */
const LOG_BYTES = 1 << 16;

/** 32-bit arithmetic operations, high bits of the opcode. */
const ALU = { add: 0x00, mul: 0x20, div: 0x30, or: 0x40, and: 0x50, rsh: 0x70, lsh: 0x60, xor: 0xa0, mov: 0xb0 } as const;
type Alu = keyof typeof ALU;
const JUMP = { always: 0x00, equal: 0x10, notEqual: 0x50, less: 0xa0 } as const;

const CLASS_ALU32 = 0x04;
const CLASS_ALU64 = 0x07;
const CLASS_JMP = 0x05;
const SOURCE_REGISTER = 0x08;
/** Memory access codes: load, store from register, store immediate; of a double word, word, half word or byte. */
const LOAD_DW = 0x79;
const LOAD_W = 0x61;
const LOAD_H = 0x69;
const LOAD_B = 0x71;
const STORE_DW = 0x7b;
const STORE_W = 0x63;
const STORE_H = 0x6b;
const STORE_IMM_W = 0x62;
const STORE_IMM_DW = 0x7a;
/** An atomic operation on a double word; which one stands in the immediate. */
const ATOMIC_DW = 0xdb;
/** Adds, and gives the value from before. */
const ATOMIC_FETCH_ADD = 0x01;
const LOAD_IMM64 = 0x18;
const CALL = 0x85;
const EXIT = 0x95;
/** What the 64-bit immediate is: a map, or the address of an array map's first value. */
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;

/** Collects instructions; jumps name labels, which are resolved at the end. */
export class Assembler {
  private readonly code: number[][] = [];
  private readonly labels = new Map<string, number>();
  private readonly jumps: { at: number; label: string }[] = [];

  label(name: string): this {
    this.labels.set(name, this.code.length);
    return this;
  }

  alu32(op: Alu, dst: Reg, value: number): this {
    return this.emit(CLASS_ALU32 | ALU[op], dst, 0, 0, value);
  }

  alu32r(op: Alu, dst: Reg, src: Reg): this {
    return this.emit(CLASS_ALU32 | SOURCE_REGISTER | ALU[op], dst, src, 0, 0);
  }

  alu64(op: Alu, dst: Reg, value: number): this {
    return this.emit(CLASS_ALU64 | ALU[op], dst, 0, 0, value);
  }

  alu64r(op: Alu, dst: Reg, src: Reg): this {
    return this.emit(CLASS_ALU64 | SOURCE_REGISTER | ALU[op], dst, src, 0, 0);
  }

  loadDw(dst: Reg, src: Reg, offset: number): this {
    return this.emit(LOAD_DW, dst, src, offset, 0);
  }

  loadW(dst: Reg, src: Reg, offset: number): this {
    return this.emit(LOAD_W, dst, src, offset, 0);
  }

  loadH(dst: Reg, src: Reg, offset: number): this {
    return this.emit(LOAD_H, dst, src, offset, 0);
  }

  loadB(dst: Reg, src: Reg, offset: number): this {
    return this.emit(LOAD_B, dst, src, offset, 0);
  }

  storeDw(dst: Reg, offset: number, src: Reg): this {
    return this.emit(STORE_DW, dst, src, offset, 0);
  }

  storeW(dst: Reg, offset: number, src: Reg): this {
    return this.emit(STORE_W, dst, src, offset, 0);
  }

  storeH(dst: Reg, offset: number, src: Reg): this {
    return this.emit(STORE_H, dst, src, offset, 0);
  }

  storeImmediateW(dst: Reg, offset: number, value: number): this {
    return this.emit(STORE_IMM_W, dst, 0, offset, value);
  }

  /** Adds `src` to the double word at `dst + offset`, whose value from before goes to `src`. */
  fetchAddDw(dst: Reg, offset: number, src: Reg): this {
    return this.emit(ATOMIC_DW, dst, src, offset, ATOMIC_FETCH_ADD);
  }

  storeImmediateDw(dst: Reg, offset: number, value: number): this {
    return this.emit(STORE_IMM_DW, dst, 0, offset, value);
  }

  loadMap(dst: Reg, fd: number): this {
    return this.emit(LOAD_IMM64, dst, PSEUDO_MAP_FD, 0, fd).emit(0, 0, 0, 0, 0);
  }

  loadMapValue(dst: Reg, fd: number): this {
    return this.emit(LOAD_IMM64, dst, PSEUDO_MAP_VALUE, 0, fd).emit(0, 0, 0, 0, 0);
  }

  call(helper: number): this {
    return this.emit(CALL, 0, 0, 0, helper);
  }

  exit(): this {
    return this.emit(EXIT, 0, 0, 0, 0);
  }

  jump(label: string): this {
    return this.jumpTo(JUMP.always, 0, 0, label);
  }

  jumpIfEqual(dst: Reg, value: number, label: string): this {
    return this.jumpTo(JUMP.equal, dst, value, label);
  }

  jumpIfLess(dst: Reg, value: number, label: string): this {
    return this.jumpTo(JUMP.less, dst, value, label);
  }

  jumpIfNotEqual(dst: Reg, value: number, label: string): this {
    return this.jumpTo(JUMP.notEqual, dst, value, label);
  }

  /** The program as the kernel reads it. */
  assemble(): Buffer {
    for (const { at, label } of this.jumps) {
      const target = this.labels.get(label);
      if (target === undefined) throw new Error(`assembler: no label ${label}`);
      this.code[at]![3] = target - at - 1;
    }
    const bytes = fixedBuffer(this.code.length * INSTRUCTION_BYTES);
    this.code.forEach(([code, dst, src, offset, value], i) => {
      const base = i * INSTRUCTION_BYTES;
      bytes[base] = code!;
      bytes[base + 1] = dst! | (src! << 4);
      bytes.writeInt16LE(offset!, base + 2);
      bytes.writeInt32LE(value! | 0, base + 4);
    });
    return bytes;
  }

  private jumpTo(kind: number, dst: number, value: number, label: string): this {
    this.jumps.push({ at: this.code.length, label });
    return this.emit(CLASS_JMP | kind, dst, 0, 0, value);
  }

  private emit(code: number, dst: number, src: number, offset: number, value: number): this {
    this.code.push([code, dst, src, offset, value]);
    return this;
  }
}

/** Loads a program and returns its file descriptor. Throws with the verifier's last lines when it is refused. */
export function loadProgram(kernel: Kernel, type: number, code: Buffer): number {
  const attribute = fixedBuffer(ATTRIBUTE_BYTES);
  const licence = fixedBuffer(4);
  licence.write("GPL\0", "latin1");
  attribute.writeUInt32LE(type, 0);
  attribute.writeUInt32LE(code.length / INSTRUCTION_BYTES, 4);
  kernel.point(attribute, 8, code);
  kernel.point(attribute, 16, licence);
  const fd = kernel.bpf(BpfCommand.programLoad, attribute);
  if (fd >= 0) return fd;
  const log = fixedBuffer(LOG_BYTES);
  attribute.writeUInt32LE(1, 24);
  attribute.writeUInt32LE(LOG_BYTES, 28);
  kernel.point(attribute, 32, log);
  kernel.bpf(BpfCommand.programLoad, attribute);
  const text = log.toString("latin1").replace(/\0.*$/s, "");
  throw new Error(`the kernel refused a program (errno ${-fd}): ${text.split("\n").slice(-4).join(" | ")}`);
}
