/**
 * What a map operation costs a program in the kernel, in nanoseconds: measured figures, interpolated by size and fill.
 *
 * Measured on Linux 6.18.44, x86-64 virtual machine with 2 CPUs, JIT on, 14-byte keys and 56-byte values, keys uniformly
 * random over the whole map, so that cache misses dominate; ±20 %. Sizes in between are interpolated on log2(entries).
 */

import { MapFlag, MapType, type MapSpec } from "./spec.js";

/**
 * Kinds of operations whose cost differs. `recent`: a hit on an element that was touched a moment ago and is still in the
 * CPU's cache, as most packets of a connection find it; `hit`: on one that is not.
 */
export type MapCostKind = "recent" | "hit" | "miss" | "insert" | "update" | "delete";

/** ns at 524288 and at 2097152 entries. */
type Sizes = readonly [at512Ki: number, at2Mi: number];

interface Costs {
  readonly missEmpty: Sizes;
  readonly hitHalf: Sizes;
  readonly missHalf: Sizes;
  readonly hitFull: Sizes;
  readonly missFull: Sizes;
  readonly updateHalf: Sizes;
  readonly updateFull: Sizes;
  /** Insert and delete as a pair, half full. */
  readonly pairHalf: Sizes;
  /** Insert into a full map: evicting for LRU, refused for hashes. */
  readonly insertFull: Sizes;
}

const LRU_COMMON: Costs = {
  missEmpty: [26, 56],
  hitHalf: [123, 194],
  missHalf: [64, 126],
  hitFull: [177, 238],
  missFull: [126, 179],
  updateHalf: [644, 752],
  updateFull: [780, 892],
  pairHalf: [306, 374],
  insertFull: [575, 790],
};
const LRU_PER_CPU: Costs = {
  missEmpty: [25, 58],
  hitHalf: [134, 204],
  missHalf: [75, 127],
  hitFull: [177, 238],
  missFull: [73, 129],
  updateHalf: [905, 947],
  updateFull: [764, 1112],
  pairHalf: [714, 984],
  insertFull: [536, 1040],
};
const HASH: Costs = {
  missEmpty: [24, 59],
  hitHalf: [127, 207],
  missHalf: [77, 140],
  hitFull: [199, 252],
  missFull: [142, 196],
  updateHalf: [269, 411],
  updateFull: [375, 470],
  pairHalf: [286, 378],
  insertFull: [290, 380],
};
const HASH_NO_PREALLOC: Costs = {
  missEmpty: [30, 64],
  hitHalf: [159, 197],
  missHalf: [88, 131],
  hitFull: [197, 228],
  missFull: [151, 183],
  updateHalf: [394, 445],
  updateFull: [494, 570],
  pairHalf: [330, 376],
  insertFull: [330, 389],
};

const SMALLER = 524_288;
const LARGER = 2_097_152;
/** A hit on one of 1024 hot keys: 246 ns for five lookups and parsing (24 ns) in one program, same kernel. */
const RECENT_HIT_NS = 44;
/** Maps below this many entries stay in the cache as a whole; every hit on them counts as recent. */
const CACHED_ENTRIES = 16_384;
/** A longest-prefix lookup walks one cached node per distinct prefix length on its way. Assumed. */
const LPM_LOOKUP_NS = 45;
const LPM_UPDATE_NS = 250;
const ARRAY_NS = 5;

/** Cost of one operation on a map that holds `entries` elements. */
export function operationCost(spec: MapSpec, kind: MapCostKind, entries: number): number {
  const isLookup = kind === "recent" || kind === "hit" || kind === "miss";
  if (spec.type === MapType.lpmTrie) return isLookup ? LPM_LOOKUP_NS : LPM_UPDATE_NS;
  if (spec.type === MapType.array || spec.type === MapType.arrayOfMaps) return ARRAY_NS;
  if (isLookup && (kind === "recent" || entries < CACHED_ENTRIES)) return RECENT_HIT_NS;
  const costs = costsOf(spec);
  const fill = Math.min(1, entries / spec.maxEntries);
  const sized = (sizes: Sizes): number => bySize(sizes, spec);
  switch (kind) {
    case "hit":
      return byFill(fill, sized(costs.hitHalf), sized(costs.hitHalf), sized(costs.hitFull));
    case "miss":
      return byFill(fill, sized(costs.missEmpty), sized(costs.missHalf), sized(costs.missFull));
    case "update":
      return byFill(fill, sized(costs.updateHalf), sized(costs.updateHalf), sized(costs.updateFull));
    case "insert":
      return entries >= spec.maxEntries ? sized(costs.insertFull) : sized(costs.pairHalf) / 2;
    case "delete":
      return sized(costs.pairHalf) / 2;
  }
}

function costsOf(spec: MapSpec): Costs {
  const lru = spec.type === MapType.lruHash || spec.type === MapType.lruPercpuHash;
  if (lru) return (spec.flags & MapFlag.noCommonLru) === 0 ? LRU_COMMON : LRU_PER_CPU;
  return (spec.flags & MapFlag.noPrealloc) === 0 ? HASH : HASH_NO_PREALLOC;
}

/** Between the two measured sizes on a logarithmic scale; outside them the nearer one. */
function bySize([smaller, larger]: Sizes, { maxEntries }: MapSpec): number {
  const share = Math.log2(maxEntries / SMALLER) / Math.log2(LARGER / SMALLER);
  return smaller + (larger - smaller) * Math.min(1, Math.max(0, share));
}

/** Linear between empty, half full and full. */
function byFill(fill: number, empty: number, half: number, full: number): number {
  return fill < 0.5 ? empty + (half - empty) * fill * 2 : half + (full - half) * (fill - 0.5) * 2;
}
