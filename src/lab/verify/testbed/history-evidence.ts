/** What a recording tells of its map, and how far a replayed map is from it. For the search of a history of CPUs. */
import { NS_PER_MS } from "../../../core/units.js";
import type { Recording } from "./recording.js";
import { insertsOf, type PacketLog, type ReplayedMap } from "./replay.js";
import type { Turn } from "./history-changes.js";

/** The samples that a history is recovered from. */
export type Samples = Pick<Recording, "sampleMs" | "occupancy" | "evicted" | "gcStartUs">;

/** Samples this near to a GC pass catch its edge by chance, ms. */
const EDGE_BEFORE_MS = 100;
const EDGE_AFTER_MS = 150;
const US_PER_MS = 1000;
/**
 * From so many entries on an error counts in proportion instead of by its square: a refill on the wrong side of a sample is
 * a small fault of the history, though it is an error of a hundred entries.
 */
const SQUARED_UP_TO = 30;
/**
 * What the squared error of all evictions so far weighs beside that of occupancy. They tell of entries made anew, which
 * occupancy hides; without them one recording's come out 8 % short (700 entries that thrash), with them 2 %.
 */
const EVICTIONS_WEIGHT = 0.1;

export class Evidence {
  /** Samples. */
  readonly length: number;
  readonly #samples: Samples;
  readonly #isEdge: readonly boolean[];
  readonly #insertNs: readonly number[];
  readonly #insertsBy: readonly number[];

  constructor(log: PacketLog, nonSynMode: "recreate" | "drop", samples: Samples) {
    const { sampleMs, gcStartUs } = samples;
    this.length = sampleMs.length;
    this.#samples = samples;
    this.#isEdge = sampleMs.map((ms) =>
      gcStartUs.some((us) => ms > us / US_PER_MS - EDGE_BEFORE_MS && ms < us / US_PER_MS + EDGE_AFTER_MS),
    );
    const insertNs = insertsOf(log, nonSynMode);
    let inserts = 0;
    this.#insertNs = insertNs;
    this.#insertsBy = sampleMs.map((ms) => {
      while (inserts < insertNs.length && insertNs[inserts]! < ms * NS_PER_MS) inserts++;
      return inserts;
    });
  }

  /** When a sample was taken, ns. */
  momentOf(sample: number): number {
    return this.#samples.sampleMs[sample]! * NS_PER_MS;
  }

  /** Inserts before a sample; none before the first. */
  insertsBy(sample: number): number {
    return sample < 0 ? 0 : this.#insertsBy[sample]!;
  }

  /** When an insert is made, ns. What is told of the first holds from the beginning. */
  timeOf(insert: number): number {
    return insert <= 0 ? 0 : (this.#insertNs[insert] ?? Infinity);
  }

  /** Whether the recorded map had evicted anything at a sample. */
  hasEvicted(sample: number): boolean {
    return (this.#samples.evicted?.[sample] ?? 1) > 0;
  }

  /** Squared entries that a map has too many or too few at a sample; 0 at an edge. */
  squaredError(map: ReplayedMap, sample: number): number {
    if (this.#isEdge[sample]!) return 0;
    const entries = map.count - this.#samples.occupancy[sample]!;
    return entries * entries;
  }

  /** What a map's error at a sample costs: that of its occupancy, and of all evictions so far. */
  costOf(map: ReplayedMap, sample: number): number {
    if (this.#isEdge[sample]!) return 0;
    const { occupancy, evicted } = this.#samples;
    const entries = Math.abs(map.count - occupancy[sample]!);
    const evictions = evicted === undefined ? 0 : map.evicted - evicted[sample]!;
    return entries * Math.min(entries, SQUARED_UP_TO) + EVICTIONS_WEIGHT * evictions * evictions;
  }

  /** Goes on with a map to a sample, with entries made where the turns say; returns the number of the turn that it came to. */
  advance(map: ReplayedMap, sample: number, turns: readonly Turn[], turn: number): number {
    const untilNs = this.momentOf(sample);
    let at = turn;
    while (at + 1 < turns.length && this.timeOf(turns[at + 1]!.at) < untilNs) {
      map.advance(this.timeOf(turns[at + 1]!.at), turns[at]!.cpu);
      at++;
    }
    map.advance(untilNs, turns[at]!.cpu);
    return at;
  }
}
