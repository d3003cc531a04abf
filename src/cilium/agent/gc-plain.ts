/**
 * One walk of one conntrack map in one go: `DumpReliablyWithCallback` and `DumpWithBatch`-style iteration of pkg/bpf as
 * pkg/maps/ctmap drives them.
 *
 * For small maps, for `ctlab verify`, and as the twin that the sliced walk of gc-walk.ts must equal when nothing else
 * touches the map. Nothing runs beside it, so look-ups only fail for keys that the walk itself deleted.
 */

import { BATCH_NO_CURSOR, MapBatch } from "../../bpf/batch.js";
import { Errno } from "../../bpf/errno.js";
import type { ConntrackTarget, DeletionRule } from "./gc-targets.js";
import { isDoomed, tableOf } from "./gc-targets.js";
import { removeMappingOf } from "./nat-purge.js";

/** Counts of one walk, as `cilium_datapath_conntrack_gc_*` show them. */
export interface WalkCounts {
  alive: number;
  deleted: number;
  /** Keys that were gone when they were to be deleted. */
  skipped: number;
  /** NAT entries deleted along with conntrack entries. */
  natDeleted: number;
  keyFallbacks: number;
  interrupted: number;
  /** The walk reached the end of the map. */
  completed: boolean;
}

export function noCounts(): WalkCounts {
  return { alive: 0, deleted: 0, skipped: 0, natDeleted: 0, keyFallbacks: 0, interrupted: 0, completed: false };
}

/** Look-ups that a walk key by key may take: this many times the map's size. pkg/bpf, MaxEntries × 4. */
export const LOOKUPS_PER_ENTRY_MAX = 4;
/** How often a batch may grow when a bucket doesn't fit. pkg/bpf/map_linux.go */
export const BATCH_DOUBLINGS_MAX = 3;

/** First chunk of a batch walk: smallest power of two that is at least sqrt(2 × max entries). */
export function batchChunk(maxEntries: number): number {
  let chunk = 1;
  while (chunk * chunk < 2 * maxEntries) chunk *= 2;
  return chunk;
}

/** Called for each conntrack key that was deleted, in order. */
export type DeletionListener = (key: Int32Array, at: number) => void;

/** Walks key by key: next key, look-up, decision. */
export function walkKeys(
  target: ConntrackTarget,
  rule: DeletionRule,
  cpu: number,
  onDeleted?: DeletionListener,
): WalkCounts {
  const counts = noCounts();
  const map = tableOf(target.ct.map);
  const words = map.keyWords;
  let current: Int32Array = new Int32Array(words);
  let previous: Int32Array | null = null;
  if (map.nextKey(null, 0, current, 0) < 0) return { ...counts, completed: true };
  for (let lookup = 1; lookup <= LOOKUPS_PER_ENTRY_MAX * map.maxEntries; lookup++) {
    const next = new Int32Array(words);
    const atEnd = map.nextKey(current, 0, next, 0) < 0;
    const slot = map.peek(current, 0);
    if (slot < 0) {
      if (previous !== null) {
        current = previous;
        previous = null;
        counts.keyFallbacks++;
      } else {
        current = next;
        counts.interrupted++;
      }
      continue;
    }
    if (isDoomed(target, map, slot, rule)) removeEntry(target, current, 0, target.ct.flags(slot), cpu, counts, onDeleted);
    else counts.alive++;
    if (atEnd) return { ...counts, completed: true };
    previous = current;
    current = next;
  }
  return counts;
}

/** Walks chunk by chunk: read a batch, then decide and delete. */
export function walkBatches(
  target: ConntrackTarget,
  rule: DeletionRule,
  cpu: number,
  onDeleted?: DeletionListener,
): WalkCounts {
  const counts = noCounts();
  const map = tableOf(target.ct.map);
  let chunk = batchChunk(map.maxEntries);
  let doublings = 0;
  let cursor = BATCH_NO_CURSOR;
  for (;;) {
    const batch = new MapBatch(chunk, map.stride);
    const status = map.lookupBatch(cursor, batch);
    if (status === -Errno.ENOSPC) {
      if (doublings === BATCH_DOUBLINGS_MAX) return counts;
      doublings++;
      chunk *= 2;
      continue;
    }
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.slots[i]!;
      if (!isDoomed(target, map, slot, rule)) {
        counts.alive++;
        continue;
      }
      removeEntry(target, batch.rows, i * batch.stride, target.ct.flags(slot), cpu, counts, onDeleted);
    }
    if (status === -Errno.ENOENT) return { ...counts, completed: true };
    cursor = batch.cursor;
  }
}

const mapping = { deleted: 0, calls: 0 };

/** Deletes a key and its mapping. Returns the system calls that took. */
export function removeEntry(
  target: ConntrackTarget,
  key: Int32Array,
  at: number,
  flags: number,
  cpu: number,
  counts: WalkCounts,
  onDeleted?: DeletionListener,
): number {
  if (target.ct.map.remove(key, at, cpu) < 0) {
    counts.skipped++;
    return 1;
  }
  counts.deleted++;
  onDeleted?.(key, at);
  if (target.nat === null) return 1;
  removeMappingOf(target.nat, key, at, flags, cpu, mapping);
  counts.natDeleted += mapping.deleted;
  return 1 + mapping.calls;
}
