/**
 * Memory that a hash map takes in the kernel. Element: `struct htab_elem` (48 bytes) with key and value, each rounded up
 * to eight bytes. Checked to the byte against `memlock` in fdinfo of kernels 6.12 and 6.18, x86-64; older kernels take
 * the same memory but report an estimate (before 6.4).
 */

import { MapFlag, MapType, roundUp8, type MapHost, type MapSpec } from "./spec.js";

/** `struct htab_elem` before the key, bytes. */
const ELEMENT_HEADER = 48;
/** `struct bucket`, bytes. */
const BUCKET = 16;
/** `struct bpf_htab` with its per-CPU parts: 832 bytes and 32 for each CPU (6.18; 896 in 6.12). */
const TABLE = 832;
const TABLE_PER_CPU = 32;
/** A pointer. */
const POINTER = 8;
/** Bookkeeping of an element that is allocated by itself. */
const ALLOCATED_ELEMENT = 8;
/** `struct lpm_trie_node`, bytes. */
const TRIE_NODE = 40;

/** Bytes that the kernel holds for a map with `entries` elements in it (which matters without preallocation only). */
export function kernelMemory(spec: MapSpec, host: MapHost, entries: number): number {
  const cpus = host.possibleCpus;
  if (spec.type === MapType.lpmTrie) return entries * (TRIE_NODE + roundUp8(spec.keySize - POINTER / 2) + roundUp8(spec.valueSize));
  if (spec.type === MapType.array || spec.type === MapType.arrayOfMaps) return spec.maxEntries * roundUp8(spec.valueSize);
  const perCpu = spec.type === MapType.percpuHash || spec.type === MapType.lruPercpuHash;
  const value = roundUp8(spec.valueSize);
  const element = ELEMENT_HEADER + roundUp8(spec.keySize) + (perCpu ? POINTER : value);
  const copies = perCpu ? value * cpus : 0;
  const fixed = TABLE + TABLE_PER_CPU * cpus + BUCKET * bucketsOf(spec.maxEntries);
  if ((spec.flags & MapFlag.noPrealloc) !== 0) return fixed + entries * (element + ALLOCATED_ELEMENT + copies);
  const spare = spec.type === MapType.hash ? cpus : 0;
  return fixed + (spec.maxEntries + spare) * element + spec.maxEntries * copies + spare * POINTER;
}

function bucketsOf(maxEntries: number): number {
  let buckets = 1;
  while (buckets < maxEntries) buckets *= 2;
  return buckets;
}
