/**
 * Memory that a map takes in the kernel, as the kernel itself reports it (`memlock` in the map's fdinfo): the
 * `*_mem_usage()` functions of hashtab.c, arraymap.c and lpm_trie.c, x86-64.
 *
 * Checked to the byte on recorded traces of 6.1, 6.12 and 6.18 and on a live 6.18. Not in these figures: the LRU's
 * per-CPU lists, page tables and the per-CPU allocator's own overhead.
 */

import { bucketCount } from "./hash-table.js";
import { effectiveMaxEntries } from "./lru-hash-map.js";
import { MapFlag, MapType, roundUp8 } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

/** `struct htab_elem` before the key, bytes. */
const ELEMENT_HEADER = 48;
/** `struct bucket`, bytes. */
const BUCKET = 16;
/** A pointer, and the link by which an allocated element is freed, bytes. */
const POINTER = 8;
const FREE_LINK = 8;
/** `struct bpf_array` before its elements, bytes (6.18). */
const ARRAY_HEADER = 312;
/** `struct lpm_trie_node` before its data, bytes (6.13 on). */
const TRIE_NODE = 24;
/** Bytes of the prefix length, which a trie node holds in its header. */
const PREFIX_BYTES = 4;
const PAGE = 4096;

/** `struct bpf_htab`: fixed part and part for each possible CPU (bucket lock counters), bytes. */
interface TableHeader {
  readonly fixed: number;
  readonly perCpu: number;
}
/** 6.4 to 6.17; seen on 6.12 with 1, 3, 4 and 8 CPUs. */
const HEADER_6_4: TableHeader = { fixed: 896, perCpu: 32 };
/** 6.18; seen with 2 CPUs only, so that how it splits is an inference. */
const HEADER_6_18: TableHeader = { fixed: 832, perCpu: 32 };

/** Kernel whose report is meant when none is named. */
const DEFAULT_KERNEL = "6.18";

/**
 * Bytes that a kernel reports for a map with `entries` elements in it (the number matters only where elements are
 * allocated as they come). `kernel` is a release such as `6.12.117`; before 6.4 the report is a coarse estimate.
 */
export function kernelMemory(spec: MapSpec, host: MapHost, entries: number, kernel: string = DEFAULT_KERNEL): number {
  if (isBefore(kernel, 6, 4)) return estimateBefore6_4(spec, host);
  switch (spec.type) {
    case MapType.lpmTrie:
      return entries * (TRIE_NODE + spec.keySize - PREFIX_BYTES + spec.valueSize);
    case MapType.array:
    case MapType.arrayOfMaps:
      return arrayMemory(spec);
    default:
      return tableMemory(spec, host, entries, isBefore(kernel, 6, 18) ? HEADER_6_4 : HEADER_6_18);
  }
}

function tableMemory(spec: MapSpec, host: MapHost, entries: number, header: TableHeader): number {
  const cpus = host.possibleCpus;
  const maxEntries = effectiveMaxEntries(spec, host);
  const perCpu = isPerCpu(spec);
  const value = roundUp8(spec.valueSize);
  const element = ELEMENT_HEADER + roundUp8(spec.keySize) + (perCpu ? POINTER : value);
  const copies = perCpu ? value * cpus : 0;
  const table = header.fixed + header.perCpu * cpus + BUCKET * bucketCount(maxEntries);
  if ((spec.flags & MapFlag.noPrealloc) !== 0) {
    const links = perCpu ? 2 * FREE_LINK + POINTER : FREE_LINK;
    return table + entries * (element + copies + links);
  }
  const isLru = spec.type === MapType.lruHash || spec.type === MapType.lruPercpuHash;
  // A plain hash has an element for each CPU to replace with; maps of maps replace in place but keep the pointers.
  const spare = spec.type === MapType.hash ? cpus : 0;
  const sparePointers = isLru || perCpu ? 0 : POINTER * cpus;
  return table + (maxEntries + spare) * element + maxEntries * copies + sparePointers;
}

function arrayMemory(spec: MapSpec): number {
  const elements = spec.maxEntries * roundUp8(spec.type === MapType.arrayOfMaps ? POINTER : spec.valueSize);
  if ((spec.flags & MapFlag.mmapable) === 0) return ARRAY_HEADER + elements;
  return roundUp(ARRAY_HEADER, PAGE) + roundUp(elements, PAGE);
}

/** What kernels before 6.4 report instead: `bpf_map_memory_footprint()`. */
function estimateBefore6_4(spec: MapSpec, host: MapHost): number {
  const value = isPerCpu(spec) ? roundUp8(spec.valueSize) * host.possibleCpus : spec.valueSize;
  return roundUp(effectiveMaxEntries(spec, host) * roundUp8(spec.keySize + value), PAGE);
}

function isPerCpu(spec: MapSpec): boolean {
  return spec.type === MapType.percpuHash || spec.type === MapType.lruPercpuHash;
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** Whether a release is older than `major.minor`. */
function isBefore(kernel: string, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(kernel);
  if (match === null) throw new RangeError(`not a kernel release: ${kernel}`);
  const [, a, b] = match;
  return Number(a) < major || (Number(a) === major && Number(b) < minor);
}
