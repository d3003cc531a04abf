/**
 * Which CPU made each entry of a recorded LRU map: recovered from the recorded occupancy, evictions and lost entries.
 *
 * Each CPU keeps up to a batch of free nodes for itself, so an LRU map's room depends on where the scheduler lets the
 * load generator run: on one CPU, whose list runs dry again and again while the other's stays as it is, or here and
 * there. Recordings don't say where it ran. It is no detail: over the histories that a random scheduler produces,
 * request time-outs of one recorded load (05b) range from 42 to 49 % of connections, and two recordings of the same
 * inserts (04 and 05) differ by 2.1 % of the map in occupancy.
 *
 * So the history is taken from the recording, as the moments of GC passes are: by a beam search over what the generator
 * may have done from sample to sample, stay or move. Each hypothesis has a map of its own that the load is replayed on
 * (replay.ts); it is judged by its squared distance from the recorded occupancy and evictions, and by the entries that it
 * lost and the recording did not, or the other way round: the next packet of a connection tells. Between two evictions
 * occupancy says nothing about the CPU, so what must survive is one hypothesis for every way in which the nodes may be
 * spread, until an eviction tells them apart.
 */
import { refillTarget } from "../../../bpf/lru-common.js";
import { NS_PER_MS } from "../../../core/units.js";
import { hostOf, type ClassifierSettings } from "./classifier.js";
import { EventCode, type Recording } from "./recording.js";
import { packetLog, ReplayedMap, type PacketLog } from "./replay.js";
import type { CpuChoice, ExperimentSettings } from "./simulate.js";

/** From a moment on, new entries are made on this CPU. */
export interface Move {
  readonly fromNs: number;
  readonly cpu: number;
}

/** The samples that a history is recovered from. */
export type Samples = Pick<Recording, "sampleMs" | "occupancy" | "evicted" | "gcStartUs">;

/** Samples this near to a GC pass catch its edge by chance, ms. */
const EDGE_BEFORE_MS = 100;
const EDGE_AFTER_MS = 150;
const US_PER_MS = 1000;
/** Maps that are tried per interval, times their size: so that a recording of 100 s takes a few seconds. */
const ENTRIES_TRIED = 900_000;
/** What a move costs, in squared entries: of histories that are as good the one with fewer moves. */
const MOVE_COST = 10;
/** Moves are tried this many times while a batch is used up. */
const TRIES_PER_BATCH = 8;
/**
 * What the squared error of all evictions so far weighs beside that of occupancy. They tell of entries made anew, which
 * occupancy hides; without them one recording's come out 8 % short (700 entries that thrash), with them 2 %.
 */
const EVICTIONS_WEIGHT = 0.1;
/**
 * What an entry costs that the map has evicted though the recording still found it, or kept though it was gone, in
 * squared entries. Such an entry tells at once that the lists are in another order than they were.
 */
const WRONG_COST = 20;
/** Larger than the most free nodes of one list, 128: spreads those of several lists over one number. */
const SPREAD = 131;
const SPREAD_MODULUS = 2 ** 40;

/** A history as a chain from its last move to its first. */
interface Link extends Move {
  readonly before: Link | undefined;
}

interface Hypothesis {
  readonly map: ReplayedMap;
  /** Sum of squared errors and costs of moves so far; that of wrong entries comes on top. */
  readonly cost: number;
  readonly last: Link;
}

/** The choice for a recording's map; always the first CPU for maps without per-CPU lists. */
export function cpuHistory(recording: Recording, { classifier, ...rest }: ExperimentSettings, bootedNs: number): CpuChoice {
  if (classifier.mapType !== "lru" || classifier.cpus < 2) return () => 0;
  const { events, offered, sampleMs } = recording;
  const inserts = events.code.filter((code) => code === EventCode.synNew || code === EventCode.recreated).length;
  const batch = refillTarget(classifier.maxEntries, hostOf(classifier));
  const triesPerInterval = Math.max(1, Math.round((TRIES_PER_BATCH * inserts) / (sampleMs.length * batch)));
  return followed(recoverHistory(packetLog({ classifier, ...rest }, offered, bootedNs, events), classifier, recording, triesPerInterval));
}

/** The choice that follows a history. */
export function followed(history: readonly Move[]): CpuChoice {
  return (now) => history.findLast(({ fromNs }) => fromNs <= now)?.cpu ?? 0;
}

/** The history whose occupancy is nearest to the samples, of those that the search gets to see. */
export function recoverHistory(log: PacketLog, settings: ClassifierSettings, samples: Samples, triesPerInterval: number): Move[] {
  const { cpus, maxEntries } = settings;
  const width = Math.max(1, Math.floor(ENTRIES_TRIED / (maxEntries * (1 + triesPerInterval * (cpus - 1)))));
  const unused: ReplayedMap[] = [];
  const copyOf = (map: ReplayedMap): ReplayedMap => {
    const copy = unused.pop() ?? new ReplayedMap(log, settings);
    copy.assign(map);
    return copy;
  };
  let beam: Hypothesis[] = [{ map: new ReplayedMap(log, settings), cost: 0, last: { fromNs: 0, cpu: 0, before: undefined } }];
  let fromNs = 0;
  samples.sampleMs.forEach((ms, index) => {
    const untilNs = ms * NS_PER_MS;
    const best = new Map<number, Hypothesis>();
    const judge = ({ map, cost, last }: Hypothesis): void => {
      const judged = { map, cost: cost + distance(map, samples, index), last };
      const key = spreadOf(map, last.cpu, cpus);
      const rival = best.get(key);
      const isBetter = rival === undefined || costOf(judged) < costOf(rival);
      if (isBetter) best.set(key, judged);
      if (rival !== undefined) unused.push(isBetter ? rival.map : map);
    };
    for (const { map, cost, last } of beam) {
      for (let attempt = 0; attempt < triesPerInterval; attempt++) {
        const at = fromNs + (attempt * (untilNs - fromNs)) / triesPerInterval;
        map.advance(at, last.cpu);
        for (let cpu = 0; cpu < cpus; cpu++) {
          if (cpu === last.cpu) continue;
          const moved = copyOf(map);
          moved.advance(untilNs, cpu);
          judge({ map: moved, cost: cost + MOVE_COST, last: { fromNs: at, cpu, before: last } });
        }
      }
      map.advance(untilNs, last.cpu);
      judge({ map, cost, last });
    }
    const ranked = [...best.values()].sort((a, b) => costOf(a) - costOf(b));
    beam = ranked.slice(0, width);
    for (const { map } of ranked.slice(width)) unused.push(map);
    fromNs = untilNs;
  });
  return unrolled(beam[0]!.last);
}

function costOf({ map, cost }: Hypothesis): number {
  return cost + WRONG_COST * map.wrong;
}

/** A number for where the next entry is made and how the free nodes are spread over the CPUs. */
function spreadOf(map: ReplayedMap, cpu: number, cpus: number): number {
  let spread = cpu;
  for (let each = 0; each < cpus; each++) {
    spread = (spread * SPREAD + map.freeOn(each)) % SPREAD_MODULUS;
  }
  return spread;
}

/** How wrong a map is at a sample, in squared entries. */
function distance(map: ReplayedMap, { sampleMs, occupancy, evicted, gcStartUs }: Samples, index: number): number {
  const ms = sampleMs[index]!;
  if (gcStartUs.some((us) => ms > us / US_PER_MS - EDGE_BEFORE_MS && ms < us / US_PER_MS + EDGE_AFTER_MS)) return 0;
  const entries = map.count - occupancy[index]!;
  const evictions = evicted === undefined ? 0 : map.evicted - evicted[index]!;
  return entries * entries + EVICTIONS_WEIGHT * evictions * evictions;
}

function unrolled(last: Link): Move[] {
  const history: Move[] = [];
  for (let link: Link | undefined = last; link !== undefined; link = link.before) history.push({ fromNs: link.fromNs, cpu: link.cpu });
  return history.reverse();
}
