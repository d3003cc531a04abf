/** Random changes of a history of CPUs: what a scheduler may have done otherwise. For the search (history-search.ts). */
import type { RandomStream } from "../../../core/random.js";

/** From an insert on, by its number, entries are made on this CPU. */
export interface Turn {
  readonly at: number;
  readonly cpu: number;
}

/** The inserts among which turns may be changed: from number `first` to before `last`. */
export interface Span {
  readonly first: number;
  readonly last: number;
  readonly cpus: number;
  readonly random: RandomStream;
}

/** Chance of a second change on top of a first, and so on. */
const AGAIN = 0.25;
/** Chance of a lost turn to take the next one with it, so that what comes after stays where it was. */
const BOTH_LOST = 0.7;
/** Chance of a second turn to be the one after the first, so that what lies between is moved as it is. */
const NEIGHBOURS = 0.5;
/** Chance of a new turn to be among the latest inserts rather than anywhere. */
const LATE = 0.5;
/** Farthest shift and longest excursion, inserts. */
const FARTHEST = 64;

type Change = (turns: readonly Turn[], span: Span) => readonly Turn[] | undefined;

/**
 * Kinds of change and their chances. How many nodes each CPU has used up is known well, by when its list ran dry; so a change
 * that keeps those numbers is the likeliest to be right: `exchanged` improves twice as often as any other.
 */
const KINDS: readonly (readonly [number, Change])[] = [
  [0.2, shifted], [0.4, exchanged], [0.1, lost], [0.05, turnedForGood], [0.1, excursion], [0.1, paidExcursion], [0.05, paidLoss],
];

/** The turns, changed; undefined when the change is none or leads out of the span. The first turn stays. */
export function changed(turns: readonly Turn[], span: Span): readonly Turn[] | undefined {
  let result = changedOnce(turns, span);
  while (result !== undefined && span.random.chance(AGAIN)) result = changedOnce(result, span);
  return result;
}

function changedOnce(turns: readonly Turn[], span: Span): readonly Turn[] | undefined {
  let left = span.random.nextFloat();
  const [, change] = KINDS.find(([chance]) => (left -= chance) < 0) ?? KINDS[0]!;
  const result = change(turns, span);
  return result === undefined ? undefined : tidied(result, span);
}

/** One turn comes earlier or later. */
function shifted(turns: readonly Turn[], { random }: Span): readonly Turn[] | undefined {
  const later = turns.length - 1;
  return later === 0 ? undefined : moved(turns, 1 + random.below(later), signed(random));
}

/** Two turns are shifted so that each CPU makes as many entries as before. */
function exchanged(turns: readonly Turn[], { random }: Span): readonly Turn[] | undefined {
  const later = turns.length - 1;
  if (later < 2) return undefined;
  const one = 1 + random.below(later);
  const other = random.chance(NEIGHBOURS) ? one + 1 : 1 + random.below(later);
  if (other === one || other > later) return undefined;
  const by = signed(random);
  return moved(moved(turns, one, by), other, (other - one) % 2 !== 0 ? by : -by);
}

/** One turn never was, or two. */
function lost(turns: readonly Turn[], { random }: Span): readonly Turn[] | undefined {
  const later = turns.length - 1;
  return later === 0 ? undefined : without(turns, 1 + random.below(later), random.chance(BOTH_LOST) ? 2 : 1);
}

/** A stay elsewhere never was, and the CPU was there longer at another time. */
function paidLoss(turns: readonly Turn[], { random }: Span): readonly Turn[] | undefined {
  if (turns.length < 4) return undefined;
  const begin = 1 + random.below(turns.length - 2);
  const rest = without(turns, begin, 2);
  return paid(rest, turns[begin]!.cpu, -(turns[begin + 1]!.at - turns[begin]!.at), random);
}

/** A move to another CPU for good: all that follows is done there. */
function turnedForGood(turns: readonly Turn[], span: Span): readonly Turn[] {
  const { at, under, cpu } = newTurn(turns, span);
  const old = turns[under]!.cpu;
  const exchangedCpu = (of: number): number => (of === old ? cpu : of === cpu ? old : of);
  return [...turns.slice(0, under + 1), { at, cpu }, ...turns.slice(under + 1).map((turn) => ({ at: turn.at, cpu: exchangedCpu(turn.cpu) }))];
}

/** A stay of some inserts on another CPU. */
function excursion(turns: readonly Turn[], span: Span): readonly Turn[] {
  const { at, under, cpu } = newTurn(turns, span);
  return [...turns, { at, cpu }, { at: at + Math.abs(signed(span.random)), cpu: turns[under]!.cpu }];
}

/** A stay on another CPU that is shorter there at another time. */
function paidExcursion(turns: readonly Turn[], span: Span): readonly Turn[] | undefined {
  if (turns.length < 2) return undefined;
  const { at, under, cpu } = newTurn(turns, span);
  const length = Math.abs(signed(span.random));
  return [...paid(turns, cpu, length, span.random), { at, cpu }, { at: at + length, cpu: turns[under]!.cpu }];
}

/** One turn is shifted so that `cpu` makes so many entries fewer. */
function paid(turns: readonly Turn[], cpu: number, entries: number, random: RandomStream): readonly Turn[] {
  const which = 1 + random.below(turns.length - 1);
  return moved(turns, which, turns[which]!.cpu === cpu ? entries : -entries);
}

function newTurn(turns: readonly Turn[], { first, last, cpus, random }: Span): Turn & { readonly under: number } {
  const inserts = Math.max(1, last - first);
  const at = random.chance(LATE) ? last - Math.ceil(inserts ** random.nextFloat()) : first + random.below(inserts);
  const under = Math.max(0, turns.findLastIndex((turn) => turn.at <= at));
  return { at, under, cpu: (turns[under]!.cpu + 1 + random.below(cpus - 1)) % cpus };
}

function moved(turns: readonly Turn[], which: number, by: number): readonly Turn[] {
  return turns.map((turn, i) => (i === which ? { at: turn.at + by, cpu: turn.cpu } : turn));
}

function without(turns: readonly Turn[], from: number, count: number): readonly Turn[] {
  return turns.filter((_, i) => i < from || i >= from + count);
}

/** Up to `FARTHEST` inserts earlier or later, near ones as likely as far ones on a scale of powers. */
function signed(random: RandomStream): number {
  const size = Math.floor(FARTHEST ** random.nextFloat());
  return random.chance(1 / 2) ? -size : size;
}

/** In order of time, without turns that change nothing or lie after the span. */
function tidied(turns: readonly Turn[], { first, last }: Span): readonly Turn[] | undefined {
  const [start, ...rest] = turns;
  const kept: Turn[] = [start!];
  for (const turn of rest.sort((a, b) => a.at - b.at)) {
    if (turn.at < first) return undefined;
    if (turn.at >= last) break;
    const before = kept.at(-1)!;
    if (turn.cpu === before.cpu) continue;
    if (turn.at === before.at) return undefined;
    kept.push(turn);
  }
  return kept;
}
