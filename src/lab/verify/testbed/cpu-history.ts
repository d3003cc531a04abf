/**
 * Which CPU made each entry of a recorded LRU map: recovered from the recorded occupancy.
 *
 * Each CPU keeps up to a batch of free nodes for itself, so an LRU map's room depends on where the scheduler lets the
 * load generator run: on one CPU, whose list runs dry again and again while the other's stays as it is, or here and
 * there. Recordings don't say where it ran. It is no detail: over the histories that a random scheduler produces,
 * request time-outs of one recorded load (05b) range from 42 to 49 % of connections, and two recordings of the same
 * inserts (04 and 05) differ by 2.1 % of the map in occupancy.
 *
 * So the history is taken from the recording, as the moments of GC passes are. When the recorded map has dropped by a
 * good part of a batch and the simulated one has not, the CPU whose list is shortest goes on and will soon evict; when
 * it has not dropped, a CPU whose list is empty makes way for one that has nodes left.
 */
import { refillTarget, type CommonLru } from "../../../bpf/lru-common.js";
import { LruHashMap } from "../../../bpf/lru-hash-map.js";
import type { BpfMap } from "../../../bpf/map.js";
import { NS_PER_US } from "../../../core/units.js";
import { EventCode, type Recording } from "./recording.js";

/** Part of a batch by which the two maps differ once one of them has been refilled. The outcome is flat from 0.1 to 0.25. */
const REFILLED = 0.2;
/** Samples this near to a GC pass catch its edge by chance, µs. */
const EDGE_BEFORE_US = 100_000;
const EDGE_AFTER_US = 150_000;

/** Chooses the CPU of each new entry, at simulated time `now` in ns. */
export type CpuChoice = (now: number) => number;

/** The choice for a recording's map; always the first CPU for maps without per-CPU lists. */
export function cpuHistory(recording: Recording, map: BpfMap): CpuChoice {
  if (!(map instanceof LruHashMap) || recording.cpus < 2) return () => 0;
  const { events, sampleMs, occupancy, gcStartUs, cpus } = recording;
  const insertsUs = events.atUs.filter((_, i) => events.code[i] === EventCode.synNew || events.code[i] === EventCode.recreated);
  const insertsBefore = sampleMs.map((ms) => countUpTo(insertsUs, ms * 1000));
  const tolerance = REFILLED * refillTarget(map.maxEntries, { possibleCpus: cpus, refill: "scaled" });
  let cpu = 0;
  let sample = 1;
  return (now) => {
    const us = now / NS_PER_US;
    if (gcStartUs.some((start) => us > start - EDGE_BEFORE_US && us < start + EDGE_AFTER_US)) return cpu;
    while (sample < sampleMs.length - 1 && sampleMs[sample]! * 1000 < us) sample++;
    const made = countUpTo(insertsUs, us - 1);
    const sinceLast = made - insertsBefore[sample - 1]!;
    const untilNext = insertsBefore[sample]! - made;
    const excess = map.count - (occupancy[sample - 1]! + sinceLast);
    const excessByNext = map.count - (occupancy[sample]! - untilNext);
    // A drop within the present interval is taken to lie in its middle.
    const dropped = excess > tolerance || (excessByNext > tolerance && sinceLast >= untilNext);
    cpu = dropped ? shortest(map, cpus, cpu) : withNodes(map, cpus, cpu);
    return cpu;
  };
}

/** The CPU with the shortest list of free nodes; the present one among equals. */
function shortest(map: LruHashMap, cpus: number, present: number): number {
  let best = present;
  for (let cpu = 0; cpu < cpus; cpu++) if (freeNodes(map, cpu) < freeNodes(map, best)) best = cpu;
  return best;
}

/** The present CPU, or when its list is empty another that has free nodes. */
function withNodes(map: LruHashMap, cpus: number, present: number): number {
  if (freeNodes(map, present) > 0) return present;
  for (let cpu = 0; cpu < cpus; cpu++) if (freeNodes(map, cpu) > 0) return cpu;
  return present;
}

/** Free nodes on a CPU's own list. Looks into the map, as nothing but this reconstruction needs to. */
function freeNodes(map: LruHashMap, cpu: number): number {
  const list = (map["lru"] as CommonLru)["localFree"][cpu]!;
  let count = 0;
  for (let node = list["top"]; node !== 0; node = list["links"][2 * node]!) count++;
  return count;
}

/** How many of the rising moments are at most `us`. */
function countUpTo(moments: readonly number[], us: number): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (moments[middle]! <= us) low = middle + 1;
    else high = middle;
  }
  return low;
}
