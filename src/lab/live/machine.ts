/** What this machine's kernel is, as far as map behaviour depends on it. */

import { readFileSync } from "node:fs";
import { release } from "node:os";

import { MapFlag, MapType, UpdateFlag } from "../../bpf/spec.js";
import type { MapHost, RefillTarget } from "../../bpf/spec.js";
import { createKernelMap, KernelMap } from "./kernel-map.js";
import { unavailableFor } from "./syscall.js";
import type { Kernel, LiveUnavailable } from "./syscall.js";

/** The machine as the live comparison uses it. */
export interface Machine {
  /** Kernel release, as `uname -r` gives it. */
  readonly release: string;
  /** CPUs that the kernel splits its lists over. */
  readonly possibleCpus: number;
  /** CPUs that this process may run on. */
  readonly cpus: readonly number[];
  /** Refill target of the common LRU; undefined when the kernel does neither of what is known. */
  readonly refill: RefillTarget | undefined;
}

const POSSIBLE_CPUS = "/sys/devices/system/cpu/possible";
const OWN_STATUS = "/proc/self/status";
/** Entries and inserted keys of the map that tells the refill targets apart. */
const PROBE_ENTRIES = 4;
const PROBE_KEYS = 5;

/** Looks at the kernel; says what is missing where maps can't be made. */
export function inspectMachine(kernel: Kernel): Machine | LiveUnavailable {
  const spec = {
    name: "probe",
    type: MapType.lruHash,
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: MapFlag.zeroSeed,
  };
  const fd = createKernelMap(kernel, spec);
  if (fd < 0) return unavailableFor(fd);
  kernel.close(fd);
  const possibleCpus = parseCpuList(readFileSync(POSSIBLE_CPUS, "latin1")).length;
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(OWN_STATUS, "latin1"));
  const cpus = allowed === null ? [0] : parseCpuList(allowed[1]!);
  try {
    return { release: release(), possibleCpus, cpus, refill: probeRefill(kernel, cpus, possibleCpus) };
  } catch (error) {
    return { reason: "privilege", message: `maps can be made but not driven: ${(error as Error).message}` };
  }
}

/** The machine as a map's host. */
export function hostOf(machine: Machine): MapHost {
  return { possibleCpus: machine.possibleCpus, refill: machine.refill ?? "scaled" };
}

/** Numbers in a list such as `0-3,8`. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .flatMap((part) => {
      const [first, last] = part.split("-").map(Number) as [number, number?];
      return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
    });
}

/**
 * Five keys into a common LRU of four on one CPU. Scaled: the fifth insert evicts one key (two with a single CPU);
 * fixed: it evicts all four.
 */
function probeRefill(kernel: Kernel, cpus: readonly number[], possibleCpus: number): RefillTarget | undefined {
  const spec = {
    name: "refill",
    type: MapType.lruHash,
    keySize: 4,
    valueSize: 8,
    maxEntries: PROBE_ENTRIES,
    flags: MapFlag.zeroSeed,
  };
  kernel.pin(cpus[0]!);
  const map = new KernelMap(kernel, spec, possibleCpus);
  let left = 0;
  for (let key = 1; key <= PROBE_KEYS; key++) {
    map.key.writeUInt32LE(key, 0);
    map.programUpdate(UpdateFlag.any, key);
  }
  for (let key = 1; key <= PROBE_KEYS; key++) {
    map.key.writeUInt32LE(key, 0);
    if (map.lookup() === 0) left++;
  }
  map.close();
  kernel.setCpus(cpus);
  if (left === 1) return "fixed";
  return left === (possibleCpus === 1 ? 3 : 4) ? "scaled" : undefined;
}
