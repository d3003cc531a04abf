/**
 * `ctlab verify maps --live`: drives real maps of this machine's kernel and the model with the same random operations.
 * Needs Linux, koffi and the privilege to make maps and run programs; says which is missing otherwise.
 */

import { MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import { RandomStreams } from "../../core/random.js";
import type { MapTrace } from "../verify/map-trace.js";
import { compareOnKernel, recordTrace, shrink } from "./compare.js";
import { compareCreations } from "./creation.js";
import { hostOf, inspectMachine } from "./machine.js";
import type { Machine } from "./machine.js";
import { isUnavailable, openKernel } from "./syscall.js";
import type { Kernel, LiveUnavailable } from "./syscall.js";
import { drawOperations, drawSpec, MAP_KINDS } from "./workload.js";
import type { MapKind } from "./workload.js";

/** Options of a live comparison. */
export interface LiveOptions {
  /** Operations to compare, at least. */
  readonly operations: number;
  readonly seed: string;
  /** Stops between two maps; what was compared until then is reported, marked as interrupted. */
  readonly signal?: AbortSignal;
  /** Called between maps with the operations compared so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Something on which kernel and model differ. */
export interface LiveDifference {
  /** Kind of map, or what else was compared. */
  readonly subject: string;
  readonly where: string;
  readonly kernel: string;
  readonly model: string;
  /** Shortest operation list found, with the kernel's results: `ctlab verify maps` replays it from a file. */
  readonly trace?: MapTrace;
}

/** Figures of one kind of map. */
export interface LiveKindReport {
  readonly kind: string;
  readonly maps: number;
  readonly operations: number;
  readonly evictions: number;
}

/** What a live comparison found. */
export interface LiveReport {
  readonly kernel: string;
  readonly possibleCpus: number;
  readonly cpus: readonly number[];
  /** Refill target found on this kernel, by trying. */
  readonly refill: "fixed" | "scaled" | "unknown";
  readonly seed: string;
  readonly operations: number;
  readonly creations: number;
  readonly kinds: readonly LiveKindReport[];
  readonly differences: readonly LiveDifference[];
  readonly interrupted: boolean;
}

/** Creation attempts beside the operations. */
const CREATIONS = 2000;
/** Operations on a map: this many for each entry and at least some hundreds. */
const OPERATIONS_PER_ENTRY = 8;
const OPERATIONS_MIN = 1000;
/** Operations on a map of maps: few, since the kernel waits some 20 ms for all programs after each change to one. */
const OPERATIONS_OF_MAPS = 50;
/** In one of so many rounds the hash and LRU hash maps are large, where the budget allows it. */
const LARGE_EVERY = 20;
const LARGE_TURN = 2;
const LARGE_TYPES: readonly MapType[] = [MapType.hash, MapType.lruHash];
const LARGE_SIZE = 65_536;
const LARGE_OPERATIONS = 120_000;
const LARGE_BUDGET = 900_000;
/** Differences after which the rest is not worth the time. */
const DIFFERENCES_MAX = 10;

/** Compares, or says why it can't. */
export async function verifyMapsLive(options: LiveOptions): Promise<LiveReport | LiveUnavailable> {
  const kernel = await openKernel();
  if (isUnavailable(kernel)) return kernel;
  const machine = inspectMachine(kernel);
  if (isUnavailable(machine)) return machine;
  const run = new LiveRun(kernel, machine, options);
  await run.all();
  return run.report();
}

class LiveRun {
  private readonly kernel: Kernel;
  private readonly machine: Machine;
  private readonly options: LiveOptions;
  private readonly streams: RandomStreams;
  private readonly kinds = new Map<string, { maps: number; operations: number; evictions: number }>();
  private readonly differences: LiveDifference[] = [];
  private operations = 0;
  private creations = 0;
  private maps = 0;
  private interrupted = false;

  constructor(kernel: Kernel, machine: Machine, options: LiveOptions) {
    this.kernel = kernel;
    this.machine = machine;
    this.options = options;
    this.streams = new RandomStreams(options.seed);
  }

  async all(): Promise<void> {
    if (this.machine.refill === undefined) {
      this.differences.push({
        subject: "common LRU",
        where: "refill target",
        kernel: "neither of the known ones",
        model: "fixed (128) or scaled",
      });
    }
    this.compareCreations();
    while (this.operations < this.options.operations && this.differences.length < DIFFERENCES_MAX) {
      if (this.options.signal?.aborted === true) {
        this.interrupted = true;
        return;
      }
      this.compareMap(MAP_KINDS[this.maps % MAP_KINDS.length]!);
      this.options.onProgress?.(this.operations, this.options.operations);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  report(): LiveReport {
    const { release, possibleCpus, cpus, refill } = this.machine;
    return {
      kernel: release,
      possibleCpus,
      cpus,
      refill: refill ?? "unknown",
      seed: this.options.seed,
      operations: this.operations,
      creations: this.creations,
      kinds: [...this.kinds].map(([kind, figures]) => ({ kind, ...figures })),
      differences: this.differences,
      interrupted: this.interrupted,
    };
  }

  private compareCreations(): void {
    const random = this.streams.stream("creations");
    for (const { spec, kernel, model } of compareCreations(this.kernel, hostOf(this.machine), CREATIONS, random)) {
      const { type, keySize, valueSize, maxEntries, flags } = spec;
      const where = `type ${type}, key ${keySize}, value ${valueSize}, entries ${maxEntries}, flags ${flags}`;
      if (this.differences.length < DIFFERENCES_MAX) this.differences.push({ subject: "creation", where, kernel, model });
    }
    this.creations += CREATIONS;
  }

  private compareMap(kind: MapKind): void {
    const random = this.streams.stream(`map ${this.maps}`);
    const drawn = drawSpec(kind, random);
    const spec = this.isLarge(kind) ? { ...drawn, maxEntries: LARGE_SIZE } : drawn;
    const count = operationCount(spec);
    const ops = drawOperations(spec, count, this.machine.cpus, random);
    const { operations, evictions, divergence } = compareOnKernel(this.kernel, this.machine, spec, ops);
    const figures = this.kinds.get(kind.name) ?? { maps: 0, operations: 0, evictions: 0 };
    figures.maps++;
    figures.operations += operations;
    figures.evictions += evictions;
    this.kinds.set(kind.name, figures);
    this.operations += operations;
    this.maps++;
    if (divergence !== undefined) this.differences.push(this.explain(spec, ops, `live/${this.maps - 1}`));
  }

  /** Now and then the turn of a hash map falls to a large one. */
  private isLarge({ type }: MapKind): boolean {
    const turn = Math.floor(this.maps / MAP_KINDS.length) % LARGE_EVERY === LARGE_TURN;
    return turn && LARGE_TYPES.includes(type) && this.options.operations > LARGE_BUDGET;
  }

  private explain(spec: MapSpec, ops: readonly number[], id: string): LiveDifference {
    const shortest = shrink(this.kernel, this.machine, spec, ops);
    const { divergence } = compareOnKernel(this.kernel, this.machine, spec, shortest);
    const { where, kernel, model } = divergence ?? { where: "not reproduced", kernel: "?", model: "?" };
    return { subject: spec.name, where, kernel, model, trace: recordTrace(this.kernel, this.machine, spec, shortest, id) };
  }
}

function operationCount({ type, maxEntries }: MapSpec): number {
  if (type === MapType.arrayOfMaps || type === MapType.hashOfMaps) return OPERATIONS_OF_MAPS;
  return maxEntries === LARGE_SIZE ? LARGE_OPERATIONS : Math.max(OPERATIONS_MIN, OPERATIONS_PER_ENTRY * maxEntries);
}
