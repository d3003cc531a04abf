/** What the kernel reports for maps of conntrack's size, read from 6.18 with two possible CPUs. */
import { expect, it } from "vitest";

import { kernelMemory } from "./memory.js";
import { MapFlag, MapType } from "./spec.js";

const HOST = { possibleCpus: 2, refill: "scaled" } as const;

it.each([
  ["LRU hash", MapType.lruHash, 0, 524_288, 0, 71_304_064],
  ["LRU hash", MapType.lruHash, 0, 2_097_152, 0, 285_213_568],
  ["hash", MapType.hash, 0, 524_288, 0, 71_304_320],
  ["hash without preallocation, empty", MapType.hash, MapFlag.noPrealloc, 524_288, 0, 8_389_504],
  ["hash without preallocation, full", MapType.hash, MapFlag.noPrealloc, 1_048_576, 1_048_576, 150_995_840],
  ["per-CPU hash", MapType.percpuHash, 0, 1_048_576, 0, 209_716_096],
  ["LRU per-CPU hash", MapType.lruPercpuHash, 0, 1_048_576, 0, 209_716_096],
])("%s of type %i, flags %i, %i entries", (name, type, flags, maxEntries, entries, reported) => {
  const spec = { name, type, keySize: 14, valueSize: 56, maxEntries, flags };
  expect(kernelMemory(spec, HOST, entries, "6.18.44")).toBe(reported);
});
