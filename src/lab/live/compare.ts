/** Runs one list of operations on a real map and on the model side by side, and shrinks a list on which they differ. */

import { kernelMemory } from "../../bpf/memory.js";
import type { MapSpec } from "../../bpf/spec.js";
import { MapModel, sameResult } from "../verify/map-model.js";
import { opName, TraceOp } from "../verify/map-trace.js";
import type { MapTrace, TraceResult } from "../verify/map-trace.js";
import { showResult } from "../verify/maps.js";
import { KernelDriver } from "./kernel-driver.js";
import { hostOf } from "./machine.js";
import type { Machine } from "./machine.js";
import type { Kernel } from "./syscall.js";

/** Where model and kernel part. */
export interface Divergence {
  /** Number of the operation, from 1; 0 for the fresh map itself. */
  readonly operation: number;
  readonly where: string;
  /** What the kernel did. */
  readonly kernel: string;
  readonly model: string;
}

/** What one comparison came to. */
export interface Comparison {
  /** Operations compared, the differing one included. */
  readonly operations: number;
  readonly evictions: number;
  readonly divergence: Divergence | undefined;
}

/** Runs of a shrinking search, at most. */
const SHRINK_RUNS = 600;

/** Performs operations on both sides until the first difference. */
export function compareOnKernel(
  kernel: Kernel,
  machine: Machine,
  spec: MapSpec,
  ops: readonly number[],
): Comparison {
  const driver = new KernelDriver(kernel, machine, spec);
  try {
    const model = new MapModel(spec, hostOf(machine));
    // A trace begins on CPU 0; where this process may not run there, it begins with a move.
    const firstCpu = machine.cpus[0]!;
    if (firstCpu !== 0) model.run(TraceOp.setCpu, firstCpu, 0);
    const fresh = compareFresh(driver, model, spec, machine);
    if (fresh !== undefined) return { operations: 0, evictions: 0, divergence: fresh };
    for (let i = 0; 2 * i < ops.length; i++) {
      const code = ops[2 * i]! as TraceOp;
      const argument = ops[2 * i + 1]!;
      const expected = driver.run(code, argument, i + 1);
      const actual = model.run(code, argument, i + 1);
      if (expected !== actual && !sameResult(expected, actual)) {
        const where = `op ${i + 1} (${opName(code)!} ${argument})`;
        const divergence = {
          operation: i + 1,
          where,
          kernel: showResult(expected),
          model: showResult(actual),
        };
        return { operations: i + 1, evictions: model.evicted.length, divergence };
      }
    }
    return { operations: ops.length / 2, evictions: evictionCount(model), divergence: undefined };
  } finally {
    driver.close();
  }
}

function evictionCount(model: MapModel): number {
  return model.evicted.reduce((sum, item) => sum + item.length - 1, 0);
}

function compareFresh(
  driver: KernelDriver,
  model: MapModel,
  spec: MapSpec,
  machine: Machine,
): Divergence | undefined {
  const { memlock, maxEntries } = driver.map.info();
  if (maxEntries !== model.map.maxEntries) return fresh("limit", maxEntries, model.map.maxEntries);
  const memory = kernelMemory(spec, hostOf(machine), 0, machine.release);
  return memory === memlock ? undefined : fresh("memory (memlock)", memlock, memory);
}

function fresh(where: string, kernel: number, model: number): Divergence {
  return { operation: 0, where, kernel: String(kernel), model: String(model) };
}

/**
 * The shortest list found on which both still differ: cuts after the difference, then leaves out ever smaller pieces
 * for as long as that keeps a difference.
 */
export function shrink(kernel: Kernel, machine: Machine, spec: MapSpec, ops: readonly number[]): readonly number[] {
  let runs = 0;
  const cutAtDifference = (list: readonly number[]): readonly number[] | undefined => {
    runs++;
    const { divergence } = compareOnKernel(kernel, machine, spec, list);
    return divergence === undefined ? undefined : list.slice(0, 2 * divergence.operation);
  };
  let best = cutAtDifference(ops) ?? ops;
  for (let piece = best.length / 4; piece >= 1; piece = Math.min(piece - 1, Math.floor(piece / 2))) {
    const numbers = 2 * Math.ceil(piece);
    for (let at = best.length - numbers; at >= 0 && runs < SHRINK_RUNS; at -= numbers) {
      const shorter = cutAtDifference([...best.slice(0, at), ...best.slice(at + numbers)]);
      if (shorter !== undefined) best = shorter;
      at = Math.min(at, best.length);
    }
  }
  return best;
}

/** The kernel's side of a list of operations, in the form of the recorded traces. */
export function recordTrace(
  kernel: Kernel,
  machine: Machine,
  spec: MapSpec,
  list: readonly number[],
  id: string,
): MapTrace {
  const driver = new KernelDriver(kernel, machine, spec);
  try {
    const { memlock, maxEntries } = driver.map.info();
    const res: TraceResult[] = [];
    const firstCpu = machine.cpus[0]!;
    const ops = firstCpu === 0 ? list : [TraceOp.setCpu, firstCpu, ...list];
    for (let i = 0; 2 * i < ops.length; i++) res.push(driver.run(ops[2 * i]! as TraceOp, ops[2 * i + 1]!, i + 1));
    const { type, keySize, valueSize, flags } = spec;
    return {
      id,
      title: `difference on ${spec.name}`,
      kernel: machine.release,
      ncpu: machine.possibleCpus,
      freeTarget: hostOf(machine).refill,
      map: { type, keySize, valueSize, maxEntries: spec.maxEntries, flags },
      effectiveMaxEntries: maxEntries,
      memlock,
      ops,
      res,
    };
  } finally {
    driver.close();
  }
}
