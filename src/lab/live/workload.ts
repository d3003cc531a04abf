/** Random maps and random operations on them, drawn so that every list, limit and order of a map is exercised. */

import { MapFlag, MapType } from "../../bpf/spec.js";
import type { MapSpec } from "../../bpf/spec.js";
import type { RandomStream } from "../../core/random.js";
import { TraceOp } from "../verify/map-trace.js";

/** A kind of map that the live comparison covers. */
export interface MapKind {
  readonly name: string;
  readonly type: MapType;
  readonly flags: number;
}

const { zeroSeed, noPrealloc, noCommonLru } = MapFlag;

/** Every kind, in the order in which they take turns. */
export const MAP_KINDS: readonly MapKind[] = [
  { name: "lru hash", type: MapType.lruHash, flags: zeroSeed },
  { name: "lru hash, no common list", type: MapType.lruHash, flags: zeroSeed | noCommonLru },
  { name: "hash", type: MapType.hash, flags: zeroSeed },
  { name: "hash, not preallocated", type: MapType.hash, flags: zeroSeed | noPrealloc },
  { name: "lru per-CPU hash", type: MapType.lruPercpuHash, flags: zeroSeed },
  { name: "lru per-CPU hash, no common list", type: MapType.lruPercpuHash, flags: zeroSeed | noCommonLru },
  { name: "per-CPU hash", type: MapType.percpuHash, flags: zeroSeed },
  { name: "per-CPU hash, not preallocated", type: MapType.percpuHash, flags: zeroSeed | noPrealloc },
  { name: "lpm trie", type: MapType.lpmTrie, flags: noPrealloc },
  { name: "array", type: MapType.array, flags: 0 },
  { name: "array of maps", type: MapType.arrayOfMaps, flags: 0 },
  { name: "hash of maps", type: MapType.hashOfMaps, flags: zeroSeed },
];

/** Limits that sit on and beside the numbers that the kernel's lists turn on. */
const SIZES = [
  1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 60, 64, 100, 127, 128, 129, 200, 255, 256, 257, 300, 512, 640, 1000, 1024, 4096,
];
const KEY_SIZES = [4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 20, 24, 25, 38, 40, 64];
const TRIE_KEY_SIZES = [5, 8, 12, 20, 24, 40];
/** Sizes from which on a user-space value takes more than a word, and ones in between. */
const VALUE_SIZES = [4, 8, 12, 40, 56];

/** A random map of a kind. */
export function drawSpec(kind: MapKind, random: RandomStream): MapSpec {
  const { type, flags, name } = kind;
  const isArray = type === MapType.array || type === MapType.arrayOfMaps;
  const holdsMaps = type === MapType.arrayOfMaps || type === MapType.hashOfMaps;
  const keySizes = isArray ? [4] : type === MapType.lpmTrie ? TRIE_KEY_SIZES : KEY_SIZES;
  return {
    name,
    type,
    flags,
    keySize: pick(keySizes, random),
    valueSize: holdsMaps ? 4 : pick(VALUE_SIZES, random),
    maxEntries: pick(SIZES, random),
  };
}

/** Relative weights of operation codes. */
type Mix = Readonly<Partial<Record<keyof typeof TraceOp, number>>>;

/** Everything about equally, as `mixed`; or a run of life with one thing in the foreground. */
const MIXES: Readonly<Record<string, Mix>> = {
  mixed: {
    userUpdate: 8,
    userUpdateNoExist: 6,
    userUpdateExist: 6,
    userLookup: 6,
    userDelete: 3,
    userLookupAndDelete: 1,
    nextKey: 3,
    firstKey: 1,
    programUpdate: 14,
    programUpdateNoExist: 6,
    programUpdateExist: 6,
    programLookup: 16,
    programDelete: 2,
    userUpdateBadFlags: 1,
  },
  inserts: { programUpdate: 70, userUpdate: 6, programLookup: 15, programDelete: 3, nextKey: 1 },
  conntrack: { programUpdate: 18, programLookup: 70, userDelete: 4, userLookup: 2, programUpdateNoExist: 4, nextKey: 1 },
  churn: { programUpdate: 25, userUpdate: 20, programDelete: 15, userDelete: 15, userLookupAndDelete: 5, programLookup: 12 },
  retries: { programUpdateNoExist: 50, programUpdateExist: 15, programLookup: 15, userUpdateNoExist: 5, programDelete: 5 },
};

/** How keys are chosen: each equally; a few much more often; one after the other. */
const DISTRIBUTIONS = ["uniform", "hot", "scan"] as const;
/** Shares of operations at which the CPU changes. */
const CPU_SWITCH = [0, 0.002, 0.02, 0.2];
/** Keys that exist, as a multiple of the map's limit; an LRU is always asked for more than it holds. */
const KEY_SHARES = [0.7, 1.2, 1.6, 3, 8];
const LRU_KEY_SHARES = [1.2, 1.6, 3, 8];
/** From this limit on a list is too short to fill the map unless it mostly inserts. */
const LARGE_LIMIT = 16_384;
/** Share of keys that are hot, and of operations on them. */
const HOT_KEYS = 0.1;
const HOT_OPERATIONS = 0.8;
/** Checkpoints and batches in an operation list, at most; each walks the whole map. */
const WALKS = 8;

/** Draws `count` operations for a map, ending with a checkpoint: code, argument, code, argument … */
export function drawOperations(
  spec: MapSpec,
  count: number,
  cpus: readonly number[],
  random: RandomStream,
): readonly number[] {
  const mix = spec.maxEntries >= LARGE_LIMIT ? MIXES["inserts"]! : pick(Object.values(MIXES), random);
  const codes = codesOf(mix, spec);
  const isLru = spec.type === MapType.lruHash || spec.type === MapType.lruPercpuHash;
  const keys = Math.max(2, Math.ceil(spec.maxEntries * pick(isLru ? LRU_KEY_SHARES : KEY_SHARES, random)));
  const distribution = pick(DISTRIBUTIONS, random);
  const switching = pick(CPU_SWITCH, random);
  const walking = WALKS / Math.max(count, 1);
  const ops: number[] = [];
  let scanned = random.below(keys);
  const drawKey = (): number => {
    if (distribution === "scan") return scanned++ % keys;
    const hot = distribution === "hot" && random.nextFloat() < HOT_OPERATIONS;
    return random.below(hot ? Math.max(1, Math.floor(keys * HOT_KEYS)) : keys);
  };
  while (ops.length < 2 * (count - 1)) {
    if (random.nextFloat() < walking) ops.push(...drawWalk(spec, random));
    else if (random.nextFloat() < switching) ops.push(TraceOp.setCpu, pick(cpus, random));
    else {
      const code = pick(codes, random);
      ops.push(code, code === TraceOp.firstKey ? 0 : drawKey());
    }
  }
  ops.push(TraceOp.checkpoint, 0);
  return ops;
}

/** Mostly walks that only look: one that deletes sets the map's filling back. */
const WALK_CODES: readonly TraceOp[] = [
  ...Array.from({ length: 5 }, () => TraceOp.checkpoint),
  ...Array.from({ length: 4 }, () => TraceOp.lookupBatches),
  TraceOp.lookupAndDeleteBatch,
];

function drawWalk(spec: MapSpec, random: RandomStream): readonly number[] {
  const code = hasBatches(spec) ? pick(WALK_CODES, random) : TraceOp.checkpoint;
  return [code, code === TraceOp.checkpoint ? 0 : random.below(spec.maxEntries + 2)];
}

/** Codes of a mix that a map type has, each as often as its weight. */
function codesOf(mix: Mix, spec: MapSpec): readonly TraceOp[] {
  const codes: TraceOp[] = [];
  for (const [name, weight] of Object.entries(mix)) {
    const code = TraceOp[name as keyof typeof TraceOp];
    if (isPossible(code, spec)) for (let i = 0; i < weight; i++) codes.push(code);
  }
  return codes;
}

/** Whether a map of this type can be asked for an operation at all. */
export function isPossible(code: TraceOp, spec: Pick<MapSpec, "type">): boolean {
  const { type } = spec;
  const holdsMaps = type === MapType.arrayOfMaps || type === MapType.hashOfMaps;
  switch (code) {
    case TraceOp.programUpdate:
    case TraceOp.programUpdateNoExist:
    case TraceOp.programUpdateExist:
    case TraceOp.programDelete:
      return !holdsMaps;
    case TraceOp.userLookupAndDelete:
    case TraceOp.lookupBatches:
    case TraceOp.lookupAndDeleteBatch:
      return hasBatches(spec);
    default:
      return true;
  }
}

function hasBatches({ type }: Pick<MapSpec, "type">): boolean {
  const types: readonly MapType[] = [MapType.hash, MapType.percpuHash, MapType.lruHash, MapType.lruPercpuHash];
  return types.includes(type);
}

function pick<T>(items: readonly T[], random: RandomStream): T {
  return items[random.below(items.length)]!;
}
