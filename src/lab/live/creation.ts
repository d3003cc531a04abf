/** Random creation attempts on the kernel and on the model's checks. */

import { checkMap } from "../../bpf/create-checks.js";
import { errnoName } from "../../bpf/errno.js";
import { MapFlag, MapType } from "../../bpf/spec.js";
import type { MapHost, MapSpec } from "../../bpf/spec.js";
import type { RandomStream } from "../../core/random.js";
import { INNER_SPEC } from "../verify/map-model.js";
import { createKernelMap } from "./kernel-map.js";
import type { Kernel } from "./syscall.js";

const KEY_SIZES = [0, 1, 2, 4, 5, 8, 14, 260, 261, 512];
const VALUE_SIZES = [0, 1, 4, 8, 14, 56, 32_768, 32_769, 4_194_030, 4_194_256, 5_000_000];
/** The last ones only where nothing of that size is allocated before the check. */
const LIMITS = [0, 1, 3, 4, 100, 1000];
const HUGE_LIMITS = [2 ** 27 + 1, 2 ** 28, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1];
const FLAGS = Object.values(MapFlag);
/** Values from which on only refused attempts are made: a map of these would take much memory. */
const LARGE_VALUE = 32_768;

/** One attempt that came out differently. */
export interface CreationDifference {
  readonly spec: MapSpec;
  readonly kernel: string;
  readonly model: string;
}

/** A random attempt; never one that would allocate more than some hundred megabytes. */
function drawAttempt(random: RandomStream): MapSpec {
  const types = Object.values(MapType);
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)]!;
  const type = pick(types);
  let flags = 0;
  for (let n = random.below(4); n > 0; n--) flags |= pick(FLAGS);
  if (type === MapType.lpmTrie && random.below(4) > 0) flags |= MapFlag.noPrealloc;
  const isHash = type !== MapType.array && type !== MapType.arrayOfMaps && type !== MapType.lpmTrie;
  const valueSize = random.below(3) === 0 ? pick(VALUE_SIZES) : 4;
  const keySize = random.below(3) === 0 ? pick(KEY_SIZES) : 4;
  const huge = isHash && random.below(6) === 0;
  const maxEntries = huge ? pick(HUGE_LIMITS) : valueSize >= LARGE_VALUE ? pick([0, 1]) : pick(LIMITS);
  const base = { name: "attempt", type, keySize, valueSize, maxEntries, flags };
  return type === MapType.arrayOfMaps || type === MapType.hashOfMaps ? { ...base, inner: INNER_SPEC } : base;
}

/** Tries `count` random creations. Attributes that stand for NUMA nodes or descriptors are left zero. */
export function compareCreations(
  kernel: Kernel,
  host: MapHost,
  count: number,
  random: RandomStream,
): readonly CreationDifference[] {
  const differences: CreationDifference[] = [];
  const inner = createKernelMap(kernel, INNER_SPEC);
  for (let i = 0; i < count; i++) {
    const spec = drawAttempt(random);
    const model = checkMap(spec, host);
    // Where the model sees no reason to refuse a huge map, the kernel would go and allocate it.
    if (model === 0 && spec.maxEntries >= HUGE_LIMITS[0]!) continue;
    const fd = createKernelMap(kernel, spec, spec.inner === undefined ? 0 : inner);
    if (fd >= 0) kernel.close(fd);
    const answer = Math.min(0, fd);
    if (answer !== model) differences.push({ spec, kernel: show(answer), model: show(model) });
  }
  kernel.close(inner);
  return differences;
}

function show(errno: number): string {
  return errno === 0 ? "created" : errnoName(errno);
}
