/**
 * The way to this machine's kernel: `bpf(2)` through koffi, and what can be missing on it.
 *
 * koffi is an optional dependency that nothing else loads; it is imported when `openKernel` is called, not before.
 */

import { Errno, errnoName } from "../../bpf/errno.js";

/** Commands of `bpf(2)` (`enum bpf_cmd`, include/uapi/linux/bpf.h). */
export const BpfCommand = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  programLoad: 5,
  objectPin: 6,
  programTestRun: 10,
  mapInfoByFd: 15,
  mapLookupAndDelete: 21,
  mapLookupBatch: 24,
  mapLookupAndDeleteBatch: 25,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
} as const;

/** Size of the attribute that every command is given, zeroed beyond its own fields. */
export const ATTRIBUTE_BYTES = 128;

/** System call number of bpf(2) by Node's name of the architecture. */
const BPF_SYSCALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** Bytes of the CPU mask for sched_setaffinity(2): 1024 CPUs, the C library's own limit. */
const CPU_MASK_BYTES = 128;

/** What keeps the live comparison from running. */
export interface LiveUnavailable {
  readonly reason: "platform" | "koffi" | "privilege" | "no-bpf" | "too-old" | "other";
  /** One sentence for people: what is missing and what would provide it. */
  readonly message: string;
}

/** The declared C functions. */
interface Calls {
  readonly syscall: (nr: number, command: number, attribute: Buffer, size: number) => number;
  readonly setAffinity: (pid: number, size: number, mask: Buffer) => number;
  readonly close: (fd: number) => number;
  readonly errno: () => number;
  readonly address: (buffer: Buffer) => bigint;
}

/** Memory that stays where it is, so that its address can be kept in attributes. */
export function fixedBuffer(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/** The kernel this process runs on. */
export class Kernel {
  private readonly calls: Calls;
  private readonly syscallNumber: number;
  private readonly pointedTo = new WeakMap<Buffer, Buffer[]>();

  constructor(calls: Calls, syscallNumber: number) {
    this.calls = calls;
    this.syscallNumber = syscallNumber;
  }

  /** One bpf(2) call: its result, or the negated error number. `attribute` is `ATTRIBUTE_BYTES` long. */
  bpf(command: number, attribute: Buffer): number {
    const result = this.calls.syscall(this.syscallNumber, command, attribute, ATTRIBUTE_BYTES);
    return result < 0 ? -this.calls.errno() : result;
  }

  /**
   * Writes a pointer to `target` into an attribute, and keeps `target` for as long as the attribute is there: an address
   * alone keeps no memory from being collected, and the kernel would write to what has become something else's.
   */
  point(attribute: Buffer, at: number, target: Buffer): void {
    attribute.writeBigUInt64LE(this.address(target), at);
    const targets = this.pointedTo.get(attribute);
    if (targets === undefined) this.pointedTo.set(attribute, [target]);
    else targets.push(target);
  }

  /** Where a buffer lies; the caller keeps it. */
  address(buffer: Buffer): bigint {
    return BigInt(this.calls.address(buffer));
  }

  close(fd: number): void {
    this.calls.close(fd);
  }

  /** Runs this thread on one CPU from now on; 0 or the negated error number. */
  pin(cpu: number): number {
    return this.setCpus([cpu]);
  }

  /** Lets this thread run on these CPUs; 0 or the negated error number. */
  setCpus(cpus: Iterable<number>): number {
    const mask = fixedBuffer(CPU_MASK_BYTES);
    for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7);
    return this.calls.setAffinity(0, CPU_MASK_BYTES, mask) < 0 ? -this.calls.errno() : 0;
  }
}

/** Loads koffi and binds the C library. */
export async function openKernel(): Promise<Kernel | LiveUnavailable> {
  if (process.platform !== "linux") {
    return { reason: "platform", message: `needs Linux; this is ${process.platform}` };
  }
  const syscallNumber = BPF_SYSCALL[process.arch];
  if (syscallNumber === undefined) {
    return { reason: "platform", message: `needs an x86-64 or arm64 machine; this is ${process.arch}` };
  }
  let koffi: typeof import("koffi");
  try {
    koffi = await import("koffi");
  } catch {
    return { reason: "koffi", message: "needs the optional package koffi: npm install koffi" };
  }
  const libc = koffi.load("libc.so.6");
  const calls: Calls = {
    syscall: libc.func("long syscall(long nr, long cmd, void *attr, long size)"),
    setAffinity: libc.func("int sched_setaffinity(int pid, size_t size, void *mask)"),
    close: libc.func("int close(int fd)"),
    errno: () => koffi.errno(),
    address: (buffer) => koffi.address(buffer),
  };
  return new Kernel(calls, syscallNumber);
}

/** Whether `openKernel` and its like gave a reason instead of what was asked for. */
export function isUnavailable(result: object): result is LiveUnavailable {
  return "reason" in result && "message" in result;
}

/** Reads the answer to the first map creation: what an error there says about this machine. */
export function unavailableFor(errno: number): LiveUnavailable {
  switch (-errno) {
    case Errno.EPERM:
      return {
        reason: "privilege",
        message: "needs the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN (root outside a container has them)",
      };
    case Errno.ENOSYS:
      return { reason: "no-bpf", message: "this system has no bpf(2) call (some sandboxes take it away)" };
    case Errno.EINVAL:
      return { reason: "too-old", message: "this kernel knows no zero-seed LRU hash map (needs Linux 5.6)" };
    default:
      return { reason: "other", message: `creating a map failed with ${errnoName(errno)}` };
  }
}
