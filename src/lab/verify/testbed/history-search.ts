/**
 * Searches the histories of CPUs that explain a recorded LRU map, over a stretch of samples: hypotheses side by side, each with
 * a map of its own that the load is replayed on.
 *
 *     from sample to sample: every hypothesis stays or moves ─ one is kept per spread of free nodes ─ the best `width` go on
 *     every other sample:    changes at random of what the best did lately, replayed from a snapshot; what is better joins them
 *
 * Between two evictions occupancy says nothing about the CPU, so what must survive is one hypothesis for every way in which the
 * nodes may be spread, until an eviction tells them apart. And what a history did shows late: an entry made on one CPU rather
 * than the other changes which entries are evicted, and how many, up to five refills later. Hence the changes of what lies
 * behind; they are judged by everything since. While the best hypothesis agrees with the recording, none is tried.
 */
import type { RandomStream } from "../../../core/random.js";
import { changed, type Turn } from "./history-changes.js";
import type { Evidence } from "./history-evidence.js";
import type { ReplayedMap } from "./replay.js";

/** What a move costs, in squared entries: of histories that are as good the one with fewer moves. */
const MOVE_COST = 10;
/**
 * What an entry costs that the map has evicted though the recording still found it, or kept though it was gone, in
 * squared entries. Such an entry tells at once that the lists are in another order than they were.
 */
const WRONG_COST = 20;
/** Hypotheses that are this much worse than the best are given up, */
const HOPELESS = 3000;
/** and of those that are this much worse no moves are tried. */
const UNLIKELY = 1000;
/** A snapshot is taken of every hypothesis after so many samples. */
const SNAPSHOT_SAMPLES = 4;
/** Changes are tried every so many samples. */
const CHANGE_SAMPLES = 2;
/** They reach back up to so many batches of free nodes. */
const BATCHES_BACK = 5;
/** and at least this share of that. */
const LEAST_BACK = 0.1;
/** Hypotheses that are changed, the better ones more often. */
const CHANGED = 128;
/** Tries per round; by how much the best must get better in one; rounds without that before it is left as it is; rounds at most. */
const TRIES = 60;
const BETTER = 10;
const STALE_ROUNDS = 3;
const ROUNDS = 20;
/** A changed hypothesis must be better than that of this rank. */
const WORST_RANK = 200;
/** The best may have become this much worse since the last changes without new ones: a move, or an exchange that straddles a sample. */
const CALM = 15;
/** Larger than the most free nodes of one list, 128: spreads those of several lists over one number. */
const SPREAD = 131;
const SPREAD_MODULUS = 2 ** 40;

/** A history as a chain from its last turn to its first. */
export interface Link extends Turn {
  readonly before: Link | undefined;
}

/** What a history has come to: costs without those of wrong entries, and with them; squared errors of occupancy alone. */
interface State {
  readonly map: ReplayedMap;
  readonly last: Link;
  readonly cost: number;
  readonly total: number;
  readonly squared: number;
}

/** A state that stays, to go back to; its map is used again once nothing holds it. */
export interface Snapshot extends State {
  /** The sample it was taken at; -1 for the beginning. */
  readonly sample: number;
  readonly before: Snapshot | undefined;
  holders: number;
}

/** A state that goes on. It holds the snapshot that it comes from. */
interface Hypothesis extends State {
  readonly from: Snapshot;
  /** A number for where the next entry is made and how the free nodes are spread over the CPUs. */
  readonly spread: number;
}

export interface SearchSettings {
  readonly cpus: number;
  /** Hypotheses that go on from a sample. */
  readonly width: number;
  /** Moments per interval at which moves are tried. */
  readonly moments: number;
  /** Free nodes that a refill asks for. */
  readonly batch: number;
}

export class HistorySearch {
  readonly #evidence: Evidence;
  readonly #settings: SearchSettings;
  readonly #newMap: () => ReplayedMap;
  readonly #unused: ReplayedMap[] = [];
  readonly #trial: ReplayedMap;

  constructor(evidence: Evidence, settings: SearchSettings, newMap: () => ReplayedMap) {
    this.#evidence = evidence;
    this.#settings = settings;
    this.#newMap = newMap;
    this.#trial = newMap();
  }

  /** Before the first sample. */
  begin(): Snapshot[] {
    const last: Link = { at: 0, cpu: 0, before: undefined };
    return [{ map: this.#newMap(), last, cost: 0, total: 0, squared: 0, sample: -1, before: undefined, holders: 1 }];
  }

  /**
   * Where the best histories that go on from `front` have come to after samples `first` … `last`, best first. Undefined as
   * soon as all of them cost more than `most`.
   */
  run(front: readonly Snapshot[], first: number, last: number, random: RandomStream, most: number): Snapshot[] | undefined {
    let beam = front.map((from) => this.#follow(from));
    let settled = beam[0]!.total;
    for (let sample = first; sample <= last; sample++) {
      beam = this.#extend(beam, sample);
      if (sample % CHANGE_SAMPLES === 0 && this.#evidence.hasEvicted(sample)) {
        if (beam[0]!.total - settled > CALM) beam = this.#change(beam, sample, random);
        settled = beam[0]!.total;
      }
      beam = this.#first(beam, beam.findLastIndex(({ total }) => total <= beam[0]!.total + HOPELESS) + 1);
      if (beam[0]!.total > most) {
        this.#first(beam, 0);
        return undefined;
      }
      if (sample % SNAPSHOT_SAMPLES === SNAPSHOT_SAMPLES - 1 && sample < last) beam = beam.map((each) => this.#follow(this.#snapshot(each, sample), true));
    }
    return beam.map((each) => this.#snapshot(each, last));
  }

  /** What is held no longer goes back to be used again. */
  release(snapshots: readonly Snapshot[]): void {
    for (const snapshot of snapshots) {
      for (let each: Snapshot | undefined = snapshot; each !== undefined && --each.holders === 0; each = each.before) this.#unused.push(each.map);
    }
  }

  /** Every hypothesis stays or moves; the best of each spread, best first. */
  #extend(beam: readonly Hypothesis[], sample: number): Hypothesis[] {
    const { cpus, moments, width } = this.#settings;
    const evidence = this.#evidence;
    const untilNs = evidence.momentOf(sample);
    const begin = evidence.insertsBy(sample - 1);
    const inserts = evidence.insertsBy(sample) - begin;
    const most = beam[0]!.total + UNLIKELY;
    const best = new Map<number, Hypothesis>();
    for (const { map, last, cost, total, squared, from } of beam) {
      for (let moment = 0; total < most && moment < Math.min(moments, inserts); moment++) {
        const at = begin + Math.floor((moment * inserts) / moments);
        if (at <= last.at) continue;
        map.advance(evidence.timeOf(at), last.cpu);
        for (let cpu = 0; cpu < cpus; cpu++) {
          if (cpu === last.cpu) continue;
          const moved = this.#copyOf(map);
          moved.advance(untilNs, cpu);
          from.holders++;
          this.#keep(best, this.#judged(moved, { at, cpu, before: last }, cost + MOVE_COST, squared, from, sample));
        }
      }
      map.advance(untilNs, last.cpu);
      this.#keep(best, this.#judged(map, last, cost, squared, from, sample));
    }
    return this.#first([...best.values()].sort(byTotal), width);
  }

  #judged(map: ReplayedMap, last: Link, costBefore: number, squaredBefore: number, from: Snapshot, sample: number): Hypothesis {
    const cost = costBefore + this.#evidence.costOf(map, sample);
    return this.#hypothesis(map, last, cost, squaredBefore + this.#evidence.squaredError(map, sample), from);
  }

  #hypothesis(map: ReplayedMap, last: Link, cost: number, squared: number, from: Snapshot): Hypothesis {
    return { map, last, cost, total: cost + WRONG_COST * map.wrong, squared, from, spread: spreadOf(map, last.cpu, this.#settings.cpus) };
  }

  /** Keeps it as the best of its spread, or gives it up. */
  #keep(best: Map<number, Hypothesis>, hypothesis: Hypothesis): void {
    const beaten = replaced(best, hypothesis);
    if (beaten !== undefined) this.#giveUp(beaten);
  }

  /** Changes what the best did lately, as long as that makes the best better; the best, best first. */
  #change(beam: readonly Hypothesis[], sample: number, random: RandomStream): Hypothesis[] {
    const { width } = this.#settings;
    const best = new Map(beam.map((each) => [each.spread, each]));
    let ranked = [...beam];
    for (let round = 0, stale = 0; round < ROUNDS && stale < STALE_ROUNDS; round++) {
      const { total } = ranked[0]!;
      const most = ranked[Math.min(ranked.length - 1, WORST_RANK)]!.total;
      const count = Math.min(ranked.length, CHANGED);
      // Given up after the round only, as they may be changed once more in it.
      const beaten: Hypothesis[] = [];
      for (let i = 0; i < TRIES; i++) {
        const hypothesis = this.#changed(ranked[Math.floor(count * random.nextFloat() ** 2)]!, sample, random, most);
        if (hypothesis === undefined) continue;
        const loser = replaced(best, hypothesis);
        if (loser !== undefined) beaten.push(loser);
      }
      ranked = [...best.values()].sort(byTotal);
      for (const each of ranked.slice(width)) best.delete(each.spread);
      ranked = this.#first(ranked, width);
      for (const each of beaten) this.#giveUp(each);
      stale = ranked[0]!.total < total - BETTER ? 0 : stale + 1;
    }
    return ranked;
  }

  /** A hypothesis that did otherwise lately; undefined when it costs more than `most` or does not differ. */
  #changed(hypothesis: Hypothesis, sample: number, random: RandomStream, most: number): Hypothesis | undefined {
    const { batch, cpus } = this.#settings;
    const evidence = this.#evidence;
    const last = evidence.insertsBy(sample);
    const back = last - batch * BATCHES_BACK * (LEAST_BACK + (1 - LEAST_BACK) * random.nextFloat());
    let from = hypothesis.from;
    while (from.before !== undefined && evidence.insertsBy(from.sample) > back) from = from.before;
    const turns = turnsSince(from, hypothesis.last);
    const others = changed(turns, { first: evidence.insertsBy(from.sample), last, cpus, random });
    if (others === undefined) return undefined;
    const same = others.findIndex(({ at }, i) => at !== turns[i]?.at);
    if (same === -1 && others.length === turns.length) return undefined;
    const differAt = Math.min(others[same]?.at ?? Infinity, turns[same === -1 ? others.length : same]?.at ?? Infinity);
    // What is the same need not be replayed.
    let near = hypothesis.from;
    while (near !== from && (evidence.insertsBy(near.sample) > differAt || near.last.at >= differAt)) near = near.before!;
    return this.#replayed(near, near === from ? others : others.slice(others.findLastIndex(({ at }) => at <= near.last.at)), sample, most);
  }

  #replayed(from: Snapshot, turns: readonly Turn[], sample: number, most: number): Hypothesis | undefined {
    const evidence = this.#evidence;
    const map = this.#trial;
    map.assign(from.map);
    let cost = from.cost + MOVE_COST * (turns.length - 1);
    let squared = from.squared;
    for (let each = from.sample + 1, turn = 0; each <= sample; each++) {
      turn = evidence.advance(map, each, turns, turn);
      squared += evidence.squaredError(map, each);
      cost += evidence.costOf(map, each);
      if (cost + WRONG_COST * map.wrong > most) return undefined;
    }
    let last = from.last;
    for (let i = 1; i < turns.length; i++) last = { at: turns[i]!.at, cpu: turns[i]!.cpu, before: last };
    from.holders++;
    return this.#hypothesis(this.#copyOf(map), last, cost, squared, from);
  }

  /** A hypothesis that goes on from a snapshot, which it holds anew or as its `owner`. */
  #follow(from: Snapshot, isOwner = false): Hypothesis {
    if (!isOwner) from.holders++;
    return this.#hypothesis(this.#copyOf(from.map), from.last, from.cost, from.squared, from);
  }

  /** A snapshot in a hypothesis' place. */
  #snapshot({ map, last, cost, total, squared, from }: Hypothesis, sample: number): Snapshot {
    return { map, last, cost, total, squared, sample, before: from, holders: 1 };
  }

  /** The first so many; the others are given up. */
  #first(ranked: readonly Hypothesis[], count: number): Hypothesis[] {
    for (const each of ranked.slice(count)) this.#giveUp(each);
    return ranked.slice(0, count);
  }

  #giveUp({ map, from }: Hypothesis): void {
    this.#unused.push(map);
    this.release([from]);
  }

  #copyOf(map: ReplayedMap): ReplayedMap {
    const copy = this.#unused.pop() ?? this.#newMap();
    copy.assign(map);
    return copy;
  }
}

/** Puts it in the place of its spread if it is better than what stood there; the one of both that stands nowhere. */
function replaced(best: Map<number, Hypothesis>, hypothesis: Hypothesis): Hypothesis | undefined {
  const rival = best.get(hypothesis.spread);
  if (rival !== undefined && rival.total <= hypothesis.total) return hypothesis;
  best.set(hypothesis.spread, hypothesis);
  return rival;
}

function byTotal(a: State, b: State): number {
  return a.total - b.total;
}

function spreadOf(map: ReplayedMap, cpu: number, cpus: number): number {
  let spread = cpu;
  for (let each = 0; each < cpus; each++) spread = (spread * SPREAD + map.freeOn(each)) % SPREAD_MODULUS;
  return spread;
}

/** What a history did after a snapshot, after the CPU that it was on. */
function turnsSince(snapshot: Snapshot, last: Link): Turn[] {
  const turns: Turn[] = [];
  let link = last;
  for (; link !== snapshot.last; link = link.before!) turns.push(link);
  turns.push({ at: -1, cpu: link.cpu });
  return turns.reverse();
}
