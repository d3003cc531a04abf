/**
 * Which CPU made each entry of a recorded LRU map: recovered from the recorded occupancy, evictions and lost entries.
 *
 * Each CPU keeps up to a batch of free nodes for itself, so an LRU map's room depends on where the scheduler lets the
 * load generator run: on one CPU, whose list runs dry again and again while the other's stays as it is, or here and
 * there. Recordings don't say where it ran. It is no detail: over the histories that a random scheduler produces,
 * request time-outs of one recorded load (05b) range from 42 to 49 % of connections, and two recordings of the same
 * inserts (04 and 05) differ by 2.1 % of the map in occupancy.
 *
 * So the history is taken from the recording, as the moments of GC passes are: from stretch to stretch by a search among what the
 * generator may have done (history-search.ts). A search is a matter of luck, and whoever has lost the way finds it again
 * late; but the error shows who has. A stretch is therefore searched again, with other random numbers, until it is good
 * enough, and with it the one before where that is of no use.
 */
import { refillTarget } from "../../../bpf/lru-common.js";
import { RandomStreams } from "../../../core/random.js";
import { hostOf, type ClassifierSettings } from "./classifier.js";
import { Evidence, type Samples } from "./history-evidence.js";
import { HistorySearch, type Link, type Snapshot } from "./history-search.js";
import type { Recording } from "./recording.js";
import { packetLog, ReplayedMap, type PacketLog } from "./replay.js";
import type { CpuChoice, ExperimentSettings } from "./simulate.js";

/** From a moment on, new entries are made on this CPU. */
export interface Move {
  readonly fromNs: number;
  readonly cpu: number;
}

/** Seed of the search's random changes. */
const SEED = "cpu history";
/** A stretch holds the inserts that use up so many batches of free nodes. */
const STRETCH_BATCHES = 8;
/** It is searched until the error of its occupancy is below this share of the map's size, but not more often than this. */
const GOOD_ENOUGH = 0.006;
const ATTEMPTS = 4;
/** From this error on the way was lost before; the stretch before is searched again, so often. */
const LOST = 0.01;
const RETURNS = 1;
/** Maps that are tried per interval, times their size. */
const ENTRIES_TRIED = 900_000;
/** Moves are tried this many times while a batch is used up. */
const MOMENTS_PER_BATCH = 8;

/** The choice for a recording's map; always the first CPU for maps without per-CPU lists. */
export function cpuHistory(recording: Recording, settings: ExperimentSettings, bootedNs: number): CpuChoice {
  const { classifier } = settings;
  if (classifier.mapType !== "lru" || classifier.cpus < 2) return () => 0;
  return followed(recoverHistory(packetLog(settings, recording.offered, bootedNs, recording.events), classifier, recording));
}

/** The choice that follows a history. */
export function followed(history: readonly Move[]): CpuChoice {
  return (now) => history.findLast(({ fromNs }) => fromNs <= now)?.cpu ?? 0;
}

/** The history whose occupancy is nearest to the samples, of those that the search gets to see. */
export function recoverHistory(log: PacketLog, settings: ClassifierSettings, samples: Samples): Move[] {
  const { cpus, maxEntries, nonSynMode } = settings;
  const evidence = new Evidence(log, nonSynMode, samples);
  const batch = refillTarget(maxEntries, hostOf(settings));
  const moments = Math.max(1, Math.round((MOMENTS_PER_BATCH * evidence.insertsBy(evidence.length - 1)) / (evidence.length * batch)));
  const width = Math.max(1, Math.floor(ENTRIES_TRIED / (maxEntries * (1 + moments * (cpus - 1)))));
  const search = new HistorySearch(evidence, { cpus, width, moments, batch }, () => new ReplayedMap(log, settings));
  const journey = new Journey(search, maxEntries);
  for (const end of stretchEnds(evidence, STRETCH_BATCHES * batch)) journey.goOn(end);
  return unrolled(journey.best.last, evidence);
}

/** The last samples of stretches of so many inserts. */
function stretchEnds(evidence: Evidence, inserts: number): number[] {
  const ends: number[] = [];
  let begin = 0;
  for (let sample = 0; sample < evidence.length; sample++) {
    if (evidence.insertsBy(sample) - begin < inserts && sample < evidence.length - 1) continue;
    begin = evidence.insertsBy(sample);
    ends.push(sample);
  }
  return ends;
}

/** How far histories were followed, best first: at the beginning of the last stretch and at its end. */
class Journey {
  readonly #search: HistorySearch;
  readonly #maxEntries: number;
  readonly #streams = new RandomStreams(SEED);
  #before: Snapshot[] = [];
  #front: Snapshot[];
  #attempts = 0;

  constructor(search: HistorySearch, maxEntries: number) {
    this.#search = search;
    this.#maxEntries = maxEntries;
    this.#front = search.begin();
  }

  get best(): Snapshot {
    return this.#front[0]!;
  }

  /** Follows the histories to sample `end`. */
  goOn(end: number): void {
    let from = this.#front;
    let to = this.#searched(from, end, Infinity)!;
    for (let i = 0; i < RETURNS && this.#before.length > 0 && this.#errorOf(from, to) > LOST; i++) {
      const otherFrom = this.#searched(this.#before, from[0]!.sample, Infinity)!;
      const otherTo = this.#searched(otherFrom, end, to[0]!.total);
      const [beatenFrom, beatenTo] = otherTo === undefined ? [otherFrom, []] : [from, to];
      if (otherTo !== undefined) [from, to] = [otherFrom, otherTo];
      this.#search.release(beatenFrom);
      this.#search.release(beatenTo);
    }
    this.#search.release(this.#before);
    this.#before = from;
    this.#front = to;
  }

  /** The best of some attempts; undefined when none costs less than `most`. */
  #searched(from: readonly Snapshot[], end: number, most: number): Snapshot[] | undefined {
    let best: Snapshot[] | undefined;
    for (let attempt = 0; attempt < ATTEMPTS && (best === undefined || this.#errorOf(from, best) > GOOD_ENOUGH); attempt++) {
      const random = this.#streams.stream(`attempt ${this.#attempts++}`);
      const got = this.#search.run(from, from[0]!.sample + 1, end, random, best?.[0]!.total ?? most);
      if (got === undefined) continue;
      if (best !== undefined) this.#search.release(best);
      best = got;
    }
    return best;
  }

  /** Error of the occupancy between two fronts, RMSE as a share of the map's size. */
  #errorOf([from]: readonly Snapshot[], [to]: readonly Snapshot[]): number {
    const samples = to!.sample - from!.sample;
    return Math.sqrt(Math.max(0, to!.squared - from!.squared) / samples) / this.#maxEntries;
  }
}

function unrolled(last: Link, evidence: Evidence): Move[] {
  const history: Move[] = [];
  for (let link: Link | undefined = last; link !== undefined; link = link.before) history.push({ fromNs: evidence.timeOf(link.at), cpu: link.cpu });
  return history.reverse();
}
