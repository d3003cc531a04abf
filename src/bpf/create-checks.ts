/**
 * What `bpf(BPF_MAP_CREATE)` refuses, and with which error, in the kernel's order of checks: `map_create()` in
 * kernel/bpf/syscall.c and the `*_map_alloc_check()` functions of hashtab.c, arraymap.c, lpm_trie.c. x86-64 sizes.
 *
 * Simplified: NUMA nodes, file descriptors and BTF are taken to be right; memory never runs out.
 */

import { Errno } from "./errno.js";
import { bucketCount } from "./hash-table.js";
import { effectiveMaxEntries } from "./lru-hash-map.js";
import { MapFlag, MapType, roundUp8 } from "./spec.js";
import type { MapHost, MapSpec } from "./spec.js";

/** What the creating process may do. */
export interface Privileges {
  /** CAP_SYS_ADMIN; the zero-seed flag needs it. */
  readonly sysAdmin: boolean;
}

/** Largest kmalloc allocation, bytes: KMALLOC_MAX_SIZE with 4 KiB pages and MAX_PAGE_ORDER 10. */
const KMALLOC_MAX = 4 * 1024 * 1024;
/** `struct htab_elem` before the key, bytes. */
const HASH_ELEMENT_HEADER = 48;
/** Largest value of a per-CPU type, one CPU's copy, bytes: PCPU_MIN_UNIT_SIZE. */
const PERCPU_VALUE_MAX = 32 * 1024;
/** Buckets whose table would pass 32 bits of size: U32_MAX / sizeof(struct bucket). */
const BUCKETS_MAX = Math.floor((2 ** 32 - 1) / 16);
/** Most entries of a hash table before rounding up to a power of two. */
const HASH_ENTRIES_MAX = 2 ** 31;
/** Largest array value, bytes: INT_MAX. */
const ARRAY_VALUE_MAX = 2 ** 31 - 1;
/** LPM key: 4 bytes of prefix length and 1 to 256 bytes of data. */
const LPM_KEY_MIN = 5;
const LPM_KEY_MAX = 260;
/** `struct lpm_trie_node` before its data, bytes. */
const LPM_NODE_HEADER = 24;
/** Key of an array and value of a map of maps, bytes. */
const U32_BYTES = 4;

const ACCESS_FLAGS = MapFlag.readOnly | MapFlag.writeOnly | MapFlag.readOnlyProgram | MapFlag.writeOnlyProgram;
const HASH_FLAGS =
  MapFlag.noPrealloc | MapFlag.noCommonLru | MapFlag.numaNode | MapFlag.zeroSeed | ACCESS_FLAGS;
const ARRAY_FLAGS =
  MapFlag.numaNode | MapFlag.mmapable | MapFlag.preserveElements | MapFlag.innerMap | ACCESS_FLAGS;
const LPM_FLAGS = MapFlag.noPrealloc | MapFlag.numaNode | ACCESS_FLAGS;

/** 0 when the kernel creates the map, else the negated error number. */
export function checkMap(spec: MapSpec, host: MapHost, privileges: Privileges = { sysAdmin: true }): number {
  if (hasAll(spec, MapFlag.readOnly | MapFlag.writeOnly)) return -Errno.EINVAL;
  switch (spec.type) {
    case MapType.hash:
    case MapType.percpuHash:
    case MapType.lruHash:
    case MapType.lruPercpuHash:
      return checkHash(spec, host, privileges);
    case MapType.hashOfMaps:
      return spec.valueSize === U32_BYTES ? checkHash(spec, host, privileges) || checkInner(spec) : -Errno.EINVAL;
    case MapType.array:
      return checkArray(spec);
    case MapType.arrayOfMaps:
      if (spec.valueSize !== U32_BYTES) return -Errno.EINVAL;
      if ((spec.flags & (MapFlag.readOnlyProgram | MapFlag.writeOnlyProgram)) !== 0) return -Errno.EINVAL;
      return checkArray(spec) || checkInner(spec);
    case MapType.lpmTrie:
      return checkTrie(spec);
    default:
      return -Errno.EINVAL;
  }
}

function checkHash(spec: MapSpec, host: MapHost, privileges: Privileges): number {
  const { flags } = spec;
  const lru = spec.type === MapType.lruHash || spec.type === MapType.lruPercpuHash;
  const perCpu = spec.type === MapType.percpuHash || spec.type === MapType.lruPercpuHash;
  const perCpuLists = (flags & MapFlag.noCommonLru) !== 0;
  if ((flags & MapFlag.zeroSeed) !== 0 && !privileges.sysAdmin) return -Errno.EPERM;
  if (!accepts(flags, HASH_FLAGS)) return -Errno.EINVAL;
  if (!lru && perCpuLists) return -Errno.EINVAL;
  if (lru && (flags & MapFlag.noPrealloc) !== 0) return -Errno.ENOTSUPP;
  if ((flags & MapFlag.numaNode) !== 0 && (perCpu || perCpuLists)) return -Errno.EINVAL;
  if (spec.maxEntries === 0 || spec.keySize === 0 || spec.valueSize === 0) return -Errno.EINVAL;
  if (spec.keySize + spec.valueSize >= KMALLOC_MAX - HASH_ELEMENT_HEADER) return -Errno.E2BIG;
  if (perCpu && roundUp8(spec.valueSize) > PERCPU_VALUE_MAX) return -Errno.E2BIG;
  const maxEntries = effectiveMaxEntries(spec, host);
  if (maxEntries > HASH_ENTRIES_MAX || bucketCount(maxEntries) > BUCKETS_MAX) return -Errno.E2BIG;
  return 0;
}

function checkArray(spec: MapSpec): number {
  const { flags } = spec;
  if (spec.maxEntries === 0 || spec.keySize !== U32_BYTES || spec.valueSize === 0) return -Errno.EINVAL;
  if (!accepts(flags, ARRAY_FLAGS) || (flags & MapFlag.preserveElements) !== 0) return -Errno.EINVAL;
  if (spec.type !== MapType.array && (flags & (MapFlag.mmapable | MapFlag.innerMap)) !== 0) return -Errno.EINVAL;
  return spec.valueSize > ARRAY_VALUE_MAX ? -Errno.E2BIG : 0;
}

function checkTrie(spec: MapSpec): number {
  const { keySize, valueSize } = spec;
  const valueMax = KMALLOC_MAX - LPM_KEY_MAX - LPM_NODE_HEADER;
  const wellFormed =
    spec.maxEntries > 0 &&
    (spec.flags & MapFlag.noPrealloc) !== 0 &&
    accepts(spec.flags, LPM_FLAGS) &&
    keySize >= LPM_KEY_MIN &&
    keySize <= LPM_KEY_MAX &&
    valueSize > 0 &&
    valueSize <= valueMax;
  return wellFormed ? 0 : -Errno.EINVAL;
}

/** Maps of maps don't nest. */
function checkInner(spec: MapSpec): number {
  const inner = spec.inner;
  if (inner === undefined) return -Errno.EBADF;
  return inner.type === MapType.arrayOfMaps || inner.type === MapType.hashOfMaps ? -Errno.EINVAL : 0;
}

function accepts(flags: number, known: number): boolean {
  const bothWays = MapFlag.readOnlyProgram | MapFlag.writeOnlyProgram;
  return (flags & ~known) === 0 && (flags & bothWays) !== bothWays;
}

function hasAll(spec: MapSpec, flags: number): boolean {
  return (spec.flags & flags) === flags;
}
