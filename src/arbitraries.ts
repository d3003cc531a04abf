/**
 * Arbitraries for property tests of code that stands on ctlab's maps (`ctlab/arbitraries`): map specifications, hosts,
 * and histories of operations, all shrinking towards small maps and short lists.
 *
 *     import fc from "fast-check";
 *     import { mapHistories, modelOf, performAll } from "ctlab/arbitraries";
 *
 *     fc.assert(fc.property(mapHistories(), (history) => {
 *       const model = modelOf(history);
 *       performAll(model, history);
 *       return model.map.count <= model.map.maxEntries;
 *     }));
 */

import fc from "fast-check";

import { MapFlag, MapType } from "./bpf/spec.js";
import type { MapHost, MapSpec } from "./bpf/spec.js";
import { kernelMemory } from "./bpf/memory.js";
import { isPossible } from "./lab/live/workload.js";
import { MapModel } from "./lab/verify/map-model.js";
import type { TraceDriver } from "./lab/verify/map-model.js";
import { opName, TraceOp } from "./lab/verify/map-trace.js";
import type { MapTrace, TraceResult } from "./lab/verify/map-trace.js";

export { MapModel } from "./lab/verify/map-model.js";
export type { TraceDriver } from "./lab/verify/map-model.js";
export { TraceOp } from "./lab/verify/map-trace.js";
export type { MapTrace, TraceResult } from "./lab/verify/map-trace.js";

/** One operation: what is done (`TraceOp`), and a key's number, a CPU or a batch's capacity. */
export interface MapOperation {
  readonly code: TraceOp;
  readonly argument: number;
}

/** A map and what happens to it. */
export interface MapHistory {
  readonly spec: MapSpec;
  readonly host: MapHost;
  readonly operations: readonly MapOperation[];
}

/** What histories may contain. */
export interface HistoryConstraints {
  /** Types to choose from; all by default. */
  readonly types?: readonly MapType[];
  /** Largest limit of a map; 24 by default. */
  readonly maxEntries?: number;
  /** Longest list; 150 by default. */
  readonly maxOperations?: number;
  /** The host, instead of any. */
  readonly host?: MapHost;
}

const MAX_ENTRIES = 24;
const MAX_OPERATIONS = 150;
const MAX_CPUS = 5;
/** Keys that operations choose from, as a multiple of the limit. */
const KEYS_PER_ENTRY = 3;

const ALL_TYPES: readonly MapType[] = Object.values(MapType);

/** A host with up to five possible CPUs and either refill target. */
export function mapHosts(): fc.Arbitrary<MapHost> {
  return fc.record({
    possibleCpus: fc.integer({ min: 1, max: MAX_CPUS }),
    refill: fc.constantFrom("scaled", "fixed"),
  });
}

/** A specification that the kernel accepts, with the zero-seed flag where there is a seed. */
export function mapSpecs(types: readonly MapType[] = ALL_TYPES, maxEntries = MAX_ENTRIES): fc.Arbitrary<MapSpec> {
  return fc.constantFrom(...types).chain((type) =>
    fc.record({
      name: fc.constant("map"),
      type: fc.constant(type),
      keySize: keySizes(type),
      valueSize: holdsMaps(type) ? fc.constant(4) : fc.constantFrom(4, 8, 12, 56),
      maxEntries: fc.integer({ min: 1, max: maxEntries }),
      flags: flagsOf(type),
    }),
  );
}

/** A specification, a host, and operations that this type of map has. */
export function mapHistories(constraints: HistoryConstraints = {}): fc.Arbitrary<MapHistory> {
  const { types, maxEntries, maxOperations = MAX_OPERATIONS, host } = constraints;
  const hosts = host === undefined ? mapHosts() : fc.constant(host);
  return fc.tuple(mapSpecs(types, maxEntries), hosts).chain(([spec, chosen]) =>
    fc
      .array(mapOperations(spec, chosen), { maxLength: maxOperations, size: "max" })
      .map((operations) => ({ spec, host: chosen, operations })),
  );
}

/** One operation on a map; updates and a program's lookups are the most frequent. */
export function mapOperations(spec: MapSpec, host: MapHost): fc.Arbitrary<MapOperation> {
  const keys = fc.nat({ max: spec.maxEntries * KEYS_PER_ENTRY });
  const capacities = fc.nat({ max: spec.maxEntries + 1 });
  const options = Object.values(TraceOp)
    .filter((code) => isPossible(code, spec))
    .map((code) => ({ weight: weightOf(code), arbitrary: withArgument(code, argumentsOf(code, keys, capacities, host)) }));
  return fc.oneof(...options);
}

/** The fresh model map of a history. */
export function modelOf({ spec, host }: MapHistory): MapModel {
  return new MapModel(spec, host);
}

/** Performs all operations; what each gave. */
export function performAll(driver: TraceDriver, { operations }: MapHistory): readonly TraceResult[] {
  return operations.map(({ code, argument }, i) => driver.run(code, argument, i + 1));
}

/**
 * A history with the results that something else gave, as a trace: a line that `ctlab verify maps` replays. `kernel` is
 * the release that gave them.
 */
export function traceOf({ spec, host, operations }: MapHistory, results: readonly TraceResult[], kernel: string): MapTrace {
  const { type, keySize, valueSize, maxEntries, flags } = spec;
  return {
    id: "history/0",
    kernel,
    ncpu: host.possibleCpus,
    freeTarget: host.refill,
    map: { type, keySize, valueSize, maxEntries, flags },
    effectiveMaxEntries: new MapModel(spec, host).map.maxEntries,
    memlock: kernelMemory(spec, host, 0, kernel),
    ops: operations.flatMap(({ code, argument }) => [code, argument]),
    res: results,
  };
}

/** A history for people, one operation a line. */
export function describeHistory({ spec, host, operations }: MapHistory): string {
  const map = `type ${spec.type}, ${spec.maxEntries} entries, key ${spec.keySize}, value ${spec.valueSize}, flags ${spec.flags}`;
  const lines = operations.map(({ code, argument }, i) => `${i + 1}. ${opName(code) ?? code} ${argument}`);
  return [`${map}; ${host.possibleCpus} CPUs, ${host.refill} refill`, ...lines].join("\n");
}

function holdsMaps(type: MapType): boolean {
  return type === MapType.arrayOfMaps || type === MapType.hashOfMaps;
}

function keySizes(type: MapType): fc.Arbitrary<number> {
  if (type === MapType.array || type === MapType.arrayOfMaps) return fc.constant(4);
  if (type === MapType.lpmTrie) return fc.constantFrom(5, 6, 8, 12);
  return fc.constantFrom(4, 5, 8, 12, 13, 14, 16, 24, 38);
}

function flagsOf(type: MapType): fc.Arbitrary<number> {
  const { zeroSeed, noPrealloc, noCommonLru } = MapFlag;
  switch (type) {
    case MapType.hash:
    case MapType.percpuHash:
    case MapType.hashOfMaps:
      return fc.constantFrom(zeroSeed, zeroSeed | noPrealloc);
    case MapType.lruHash:
    case MapType.lruPercpuHash:
      return fc.constantFrom(zeroSeed, zeroSeed | noCommonLru);
    case MapType.lpmTrie:
      return fc.constant(noPrealloc);
    default:
      return fc.constant(0);
  }
}

function argumentsOf(
  code: TraceOp,
  keys: fc.Arbitrary<number>,
  capacities: fc.Arbitrary<number>,
  host: MapHost,
): fc.Arbitrary<number> {
  switch (code) {
    case TraceOp.setCpu:
      return fc.nat({ max: host.possibleCpus - 1 });
    case TraceOp.lookupBatches:
    case TraceOp.lookupAndDeleteBatch:
      return capacities;
    case TraceOp.firstKey:
    case TraceOp.checkpoint:
      return fc.constant(0);
    default:
      return keys;
  }
}

function withArgument(code: TraceOp, argument: fc.Arbitrary<number>): fc.Arbitrary<MapOperation> {
  return argument.map((value) => ({ code, argument: value }));
}

/** How often an operation comes, relative to the others. */
function weightOf(code: TraceOp): number {
  switch (code) {
    case TraceOp.programUpdate:
    case TraceOp.programLookup:
      return 12;
    case TraceOp.userUpdate:
    case TraceOp.userLookup:
      return 5;
    case TraceOp.lookupAndDeleteBatch:
    case TraceOp.userUpdateBadFlags:
      return 1;
    default:
      return 3;
  }
}
