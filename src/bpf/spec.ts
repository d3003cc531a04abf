/**
 * What a map is asked to be, in the words of `bpf(BPF_MAP_CREATE)`: type, sizes, flags. Shapes only; the checks that
 * creation makes are in create.ts.
 */

/** Map types that ctlab models; numbers of `enum bpf_map_type` (include/uapi/linux/bpf.h). */
export const MapType = {
  hash: 1,
  array: 2,
  percpuHash: 5,
  lruHash: 9,
  lruPercpuHash: 10,
  lpmTrie: 11,
  arrayOfMaps: 12,
  hashOfMaps: 13,
} as const;
export type MapType = (typeof MapType)[keyof typeof MapType];

/** Creation flags, bits of `map_flags` (include/uapi/linux/bpf.h). */
export const MapFlag = {
  /** Elements are allocated as they are inserted instead of at creation. */
  noPrealloc: 1,
  /** An LRU list set for each CPU (Cilium's `bpf.distributedLRU`). */
  noCommonLru: 2,
  numaNode: 4,
  readOnly: 8,
  writeOnly: 16,
  stackBuildId: 32,
  /** Hash seed 0 instead of a random one; makes the iteration order repeatable. */
  zeroSeed: 64,
  readOnlyProgram: 128,
  writeOnlyProgram: 256,
  clone: 512,
  mmapable: 1024,
  preserveElements: 2048,
  innerMap: 4096,
} as const;

/** Flags of an update (include/uapi/linux/bpf.h). */
export const UpdateFlag = {
  /** Insert or replace. */
  any: 0,
  /** Insert only. */
  noExist: 1,
  /** Replace only. */
  exist: 2,
} as const;

/** Description of a map before it exists. */
export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  /** Bytes of a key. */
  readonly keySize: number;
  /** Bytes of a value. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Bits of `MapFlag`. */
  readonly flags: number;
  /** Which 32-bit words of the value are held; the others read as 0 and swallow writes. Default: all. */
  readonly storedWords?: readonly number[];
  /** Hash seed of a map without `MapFlag.zeroSeed`; orders dumps and nothing else. Default 0. */
  readonly seed?: number;
  /** Maps of maps only: what each inner map must look like. */
  readonly inner?: MapSpec;
}

/** How many nodes a refill of a CPU's local free list asks the common LRU for: see `refillTarget`. */
export type RefillTarget = "fixed" | "scaled";

/** What a map's behaviour depends on beside its specification. */
export interface MapHost {
  /** Possible CPUs (not online ones): the kernel splits free lists over these. */
  readonly possibleCpus: number;
  readonly refill: RefillTarget;
}

/** 32-bit words that hold a number of bytes, the last one zero-padded. */
export function wordsOf(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** The next multiple of eight, as the kernel aligns keys and values. */
export function roundUp8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
