/**
 * Walks that repeat: what a packet of an established flow did the last time at a hook, done again without running the
 * programs when everything that it read is as it was. Not part of the real datapath; results are those of a real walk
 * (property test), and a trace always walks.
 *
 * A walk is a function of the packet, the configuration, the clock, random numbers and what its lookups find. So a
 * remembered one holds the packet's headers as they came, what counts of the conntrack, NAT and neighbour entries that it
 * found, and the keys that it did not find; they are compared before it is repeated. Of the clock nothing matters but
 * that conntrack reports no flow in between. Only walks that leave no more behind than lifetimes, reference bits and
 * counters are remembered: no new entries, events, random numbers, drops, opening or closing segments.
 *
 * All other maps belong to the agent. Whoever writes one of them calls `forget`.
 *
 * What walks of many flows have in common (verdict, maps, operations) is a shape, kept once; a flow holds its number and
 * what is its own, in one row.
 */

import { HashTable } from "../../bpf/hash-table.js";
import type { BpfMap } from "../../bpf/map.js";
import { lineAligned } from "../../core/line-aligned.js";
import type { CtMap } from "../maps/ct-map.js";
import type { DatapathContext } from "./context.js";
import { PACKET_INPUTS } from "./packet.js";
import { FLOWS_AT_ONCE } from "./read-ahead.js";
import { Draft, SITE_ABSENT, SITE_FOUND, SITE_REFRESHED, WalkShape, WHOLE_ROW } from "./walk-shape.js";
import type { Walks } from "./walks.js";

/** Hooks whose walks can be repeated. */
export const HOOK_FROM_CONTAINER = 0;
export const HOOK_TO_CONTAINER = 1;
export const HOOK_FROM_NETDEV = 2;
export const HOOK_TO_NETDEV = 3;
export const HOOK_XDP = 4;
const HOOKS = 5;
/** A hook whose walks are not remembered. */
export const NOT_REMEMBERED = -1;

/** `repeat` did nothing: the programs shall run. */
export const NOT_REPEATED = -1;

/** Words of a flow's row for a hook: three cache lines. */
const ROW_WORDS = 48;
const WORDS_OF_LINE = 16;
/**
 * It begins with the age of the memory that it was written in (0: empty) and its shape in one word, the slots that the walk's
 * lookups found, the packet's inputs. Then come the sites' words and keys, then the packet's changed words.
 */
const STAMP = 0;
const SLOTS = 1;
const SITES_MAX = 6;
const INPUTS = SLOTS + SITES_MAX;
const FIRST_FREE = INPUTS + PACKET_INPUTS;
/** How many shapes and ages a stamp tells apart. */
const SHAPE_BITS = 10;
const SHAPES_MAX = 1 << SHAPE_BITS;
const AGES_MAX = 1 << (31 - SHAPE_BITS);
/** Room for the longest row of a map that a walk reads. */
const SEEN_WORDS = 64;

export class RepeatedWalks implements Walks {
  /** Walks repeated so far. */
  repeats = 0;
  recording = false;
  noting = false;
  declare private readonly dp: DatapathContext;
  declare private readonly rows: Int32Array;
  /** Row of a flow for each hook, or -1 where walks are not remembered. */
  declare private readonly places: Int32Array;
  declare private readonly hooks: number;
  private readonly shapes: WalkShape[] = [];
  private readonly draft = new Draft();
  /** The map that each lookup of a walk was in, whichever flow came last. */
  private readonly siteMaps: HashTable[] = [];
  private readonly found = new Int32Array(FLOWS_AT_ONCE);
  /** What the lookups of the walk under way found when they found it: rows and keys. */
  private readonly seen = new Int32Array(SITES_MAX * SEEN_WORDS);
  /** Rows of another age are empty. */
  private age = 1;
  private recreations = 0;
  /** The row of the walk under way. */
  private row = 0;
  private hook = NOT_REMEMBERED;
  /** Lookups of the walk under way so far. */
  private noted = 0;
  /** The shape of the walk that was remembered last: most are alike. */
  private lastShape = 0;
  /** Keeps the reads ahead from being optimised away. */
  protected readSum = 0;

  /** Room for flows 1 … `flows` at these hooks (`HOOK_*`). */
  constructor(dp: DatapathContext, flows: number, hooks: readonly number[]) {
    this.dp = dp;
    this.hooks = hooks.length;
    this.places = new Int32Array(HOOKS).fill(-1);
    hooks.forEach((hook, place) => (this.places[hook] = place));
    this.rows = lineAligned((flows + 1) * hooks.length * ROW_WORDS);
  }

  /** Forgets every walk: a map other than those that packets write has changed. */
  forget(): void {
    this.age++;
    if (this.age < AGES_MAX) return;
    this.age = 1;
    this.rows.fill(0);
  }

  repeat(hook: number): number {
    const { dp } = this;
    const { packet } = dp;
    this.recording = false;
    this.noting = false;
    const place = hook === NOT_REMEMBERED ? -1 : this.places[hook]!;
    if (place < 0 || packet.flow === 0 || dp.observer !== null) return NOT_REPEATED;
    if (dp.maps.recreations !== this.recreations) {
      this.recreations = dp.maps.recreations;
      this.forget();
    }
    const row = (packet.flow * this.hooks + place) * ROW_WORDS;
    const { rows } = this;
    const repeatable = packet.isRepeatable();
    const stamp = rows[row + STAMP]!;
    if (repeatable && stamp >>> SHAPE_BITS === this.age) {
      const shape = this.shapes[stamp & (SHAPES_MAX - 1)]!;
      if (packet.hasInputs(rows, row + INPUTS) && this.fits(shape, row)) return this.perform(shape, row);
    }
    rows[row + STAMP] = 0;
    this.row = row;
    this.hook = hook;
    this.noted = 0;
    this.noting = true;
    if (repeatable) this.begin(row);
    return NOT_REPEATED;
  }

  note(map: BpfMap, ct: CtMap | null, key: Int32Array, slot: number): void {
    const { seen } = this;
    const site = this.noted++;
    if (!(map instanceof HashTable) || site >= SITES_MAX) {
      this.recording = false;
      return;
    }
    this.rows[this.row + SLOTS + site] = Math.max(0, slot);
    this.siteMaps[site] = map;
    if (!this.recording || map.stride > SEEN_WORDS) {
      this.recording = false;
      return;
    }
    const at = site * SEEN_WORDS;
    if (slot > 0) map.copyRow(slot, seen, at);
    else for (let i = 0; i < map.keyWords; i++) seen[at + i] = key[i]!;
    this.draft.addSite(map, ct, slot > 0 ? SITE_FOUND : SITE_ABSENT);
  }

  made(slot: number): void {
    this.recording = false;
    if (slot > 0 && this.noted > 0 && this.noted <= SITES_MAX) this.rows[this.row + SLOTS + this.noted - 1] = slot;
  }

  refreshed(ct: CtMap, slot: number, lifetime: number, received: boolean): void {
    const { draft } = this;
    const site = draft.sites - 1;
    if (site < 0 || draft.ctOf(site) !== ct || this.rows[this.row + SLOTS + site] !== slot) this.recording = false;
    else draft.refresh(site, lifetime, received);
  }

  counted(reason: number, direction: number, site: number): void {
    this.draft.addMetric(reason, direction, site);
  }

  end(verdict: number): void {
    if (this.recording) this.remember(verdict);
    this.recording = false;
    this.noting = false;
  }

  countInto(counters: Int32Array): void {
    for (let i = 0; i < this.shapes.length; i++) this.shapes[i]!.countInto(counters);
  }

  /** Reads what the next walks of these flows will read; at most `FLOWS_AT_ONCE` count. */
  foresee(flows: Int32Array, count: number): void {
    const { rows, hooks, siteMaps, found, age } = this;
    const some = Math.min(count, FLOWS_AT_ONCE);
    const words = hooks * ROW_WORDS;
    let sum = 0;
    for (let i = 0; i < some; i++) {
      const row = flows[i]! * words;
      for (let word = 0; word < ROW_WORDS; word += WORDS_OF_LINE) sum ^= rows[row + word]!;
    }
    this.readSum = sum;
    for (let site = 0; site < siteMaps.length; site++) {
      const map = siteMaps[site]!;
      for (let i = 0; i < some; i++) found[i] = rows[flows[i]! * words + SLOTS + site]!;
      map.readRows(found, some);
      // Walks that are not remembered look the keys up.
      let others = 0;
      for (let i = 0; i < some; i++) if (rows[flows[i]! * words + STAMP]! >>> SHAPE_BITS !== age) found[others++] = found[i]!;
      map.readBucketsOf(found, others);
    }
  }

  private remember(verdict: number): void {
    const { dp, draft, row } = this;
    let next = FIRST_FREE;
    for (let site = 0; site < draft.sites; site++) {
      if (!this.isAsFound(site)) return;
      const words = draft.wordsOf(site);
      if (next + words > ROW_WORDS) return;
      draft.place(site, next);
      this.keep(site, row + next);
      next += words;
    }
    const outputs = draft.finish(dp, verdict, next);
    if (outputs < 0 || next + outputs > ROW_WORDS) return;
    draft.copyOutputs(dp.packet.row, this.rows, row + next);
    const shape = this.shapeOf();
    if (shape < SHAPES_MAX) this.rows[row + STAMP] = (this.age << SHAPE_BITS) | shape;
  }

  /** Writes what counts of the site's element, or the key that was not found. */
  private keep(site: number, at: number): void {
    const { draft, rows, seen } = this;
    const map = draft.mapOf(site);
    const ct = draft.ctOf(site);
    const slot = rows[this.row + SLOTS + site]!;
    if (slot === 0) for (let i = 0; i < map.keyWords; i++) rows[at + i] = seen[site * SEEN_WORDS + i]!;
    else if (ct === null) map.copyRow(slot, rows, at);
    else map.copyWords(slot, ct.steadySpans, rows, at);
  }

  private begin(row: number): void {
    const { dp } = this;
    this.recording = true;
    dp.packet.copyInputs(this.rows, row + INPUTS);
    this.draft.begin(dp);
  }

  /** Whether all that the walk found is still so. */
  private fits(shape: WalkShape, row: number): boolean {
    const { rows } = this;
    for (let site = 0; site < shape.sites; site++) {
      const at = row + shape.offsetOf(site);
      const map = shape.mapOf(site);
      if (shape.kindOf(site) === SITE_ABSENT) {
        if (map.peek(rows, at) > 0) return false;
      } else {
        const slot = rows[row + SLOTS + site]!;
        if (!map.stillHolds(slot, rows, at, shape.spansOf(site))) return false;
        if (shape.kindOf(site) === SITE_REFRESHED && this.isDue(shape, site, slot)) return false;
      }
    }
    return true;
  }

  /** Conntrack would report this packet. */
  private isDue(shape: WalkShape, site: number, slot: number): boolean {
    const { dp } = this;
    const ct = shape.ctOf(site)!;
    const last = shape.isReceived(site) ? ct.lastRxReport(slot) : ct.lastTxReport(slot);
    return last + dp.config.conntrack.reportInterval < dp.now;
  }

  private perform(shape: WalkShape, row: number): number {
    const { dp, rows } = this;
    const { packet } = dp;
    for (let site = 0; site < shape.sites; site++) {
      const kind = shape.kindOf(site);
      if (kind === SITE_ABSENT) continue;
      const slot = rows[row + SLOTS + site]!;
      shape.mapOf(site).mark(slot);
      if (kind === SITE_FOUND) continue;
      const ct = shape.ctOf(site)!;
      ct.setLifetime(slot, dp.now + shape.lifetimeOf(site));
      ct.addPacket(slot, shape.isReceived(site), packet.length);
    }
    this.repeats++;
    return shape.perform(dp, rows, row);
  }

  /**
   * What was found is in the map and, but for lifetime and counters, as it was found. A conntrack entry may have seen its
   * first segment after the SYN: that is noted before the lifetime is chosen by it, so the next walk does the same. What
   * it notes to decide whether the packet is reported may change too when the walk comes to no point that reports.
   */
  private isAsFound(site: number): boolean {
    const { draft, seen } = this;
    const at = site * SEEN_WORDS;
    const slot = this.rows[this.row + SLOTS + site]!;
    const map = draft.mapOf(site);
    if (slot === 0) return map.peek(seen, at) <= 0;
    const ct = draft.ctOf(site);
    // Accounting counts packets that match an entry without refreshing it, which is not recorded.
    if (ct !== null && ct.counters !== "none" && !draft.isRefreshed(site)) return false;
    if (ct === null) return map.isUnchanged(slot, seen, at, WHOLE_ROW);
    // The only point that XDP reports is counted in the metrics.
    const silent = this.hook === HOOK_XDP && !draft.hasMetrics();
    return map.isUnchanged(slot, seen, at, silent ? ct.silentMask : ct.recordMask);
  }

  /** Number of the draft's shape, which is kept if it is new; `SHAPES_MAX` when there are too many. */
  private shapeOf(): number {
    const { shapes, draft } = this;
    if (shapes[this.lastShape]?.equals(draft) === true) return this.lastShape;
    let number = 0;
    while (number < shapes.length && !shapes[number]!.equals(draft)) number++;
    if (number === SHAPES_MAX) return number;
    if (number === shapes.length) shapes.push(new WalkShape(draft, this.dp.opCosts));
    this.lastShape = number;
    return number;
  }
}

