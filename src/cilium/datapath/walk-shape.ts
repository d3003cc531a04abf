/**
 * The shape of a walk: what repeated-walks.ts keeps once for all flows whose packets do the same. A draft is written while
 * a walk goes on; a shape is what is made of it.
 *
 * Both are a list of numbers (`words`), by which they are compared, and the maps that these number.
 */

import type { HashTable } from "../../bpf/hash-table.js";
import type { CtMap } from "../maps/ct-map.js";
import type { DatapathContext } from "./context.js";
import { OP_COUNT } from "./ops.js";
import { PACKET_WORDS } from "./packet.js";

/** What a walk's lookup was: of a key that is not there; of an entry; of a conntrack entry whose lifetime it then set. */
export const SITE_ABSENT = 0;
export const SITE_FOUND = 1;
export const SITE_REFRESHED = 2;

/** First words: verdict and what it says about the context, how many sites, outputs, operations and metrics there are. */
const VERDICT = 0;
const REDIRECT = 1;
const DELIVERED = 2;
const EXT_ERROR = 3;
const SITES = 4;
const OUTPUTS = 5;
const OPS = 6;
const METRICS = 7;
/** Where the packet's changed words are: their numbers in this list, their values in the flow's row. */
const OUTPUTS_AT = 8;
const ROW_OUTPUTS = 9;
const LISTS = 10;

/** Words of a site: map number, kind, whether conntrack takes the packet as received, lifetime, offset in the flow's row. */
const SITE_WORDS = 5;
const SITE_MAP = 0;
const SITE_KIND = 1;
const SITE_RECEIVED = 2;
const SITE_LIFETIME = 3;
const SITE_OFFSET = 4;
/** Words of an operation (number, times) and of a metric (reason, direction, call site). */
const OP_WORDS = 2;
const METRIC_WORDS = 3;

const WORDS_MAX = 512;
const METRICS_MAX = 8;
/** Words of the longest row of a map. */
const ROW_WORDS_MAX = 64;

/** A mask that lets every word of a row count. */
export const WHOLE_ROW: Int32Array = new Int32Array(ROW_WORDS_MAX).fill(-1);

/** What draft and shape have in common: sites. */
class Sites {
  declare readonly words: Int32Array;
  declare protected readonly maps: HashTable[];
  declare protected readonly cts: (CtMap | null)[];
  sites = 0;

  constructor(words: Int32Array, maps: HashTable[], cts: (CtMap | null)[]) {
    this.words = words;
    this.maps = maps;
    this.cts = cts;
  }

  mapOf(site: number): HashTable {
    return this.maps[site]!;
  }
  /** View of the site's map if it is a conntrack map. */
  ctOf(site: number): CtMap | null {
    return this.cts[site]!;
  }
  kindOf(site: number): number {
    return this.words[LISTS + site * SITE_WORDS + SITE_KIND]!;
  }
  isReceived(site: number): boolean {
    return this.words[LISTS + site * SITE_WORDS + SITE_RECEIVED] !== 0;
  }
  /** Seconds (datapath clock) from the walk on. */
  lifetimeOf(site: number): number {
    return this.words[LISTS + site * SITE_WORDS + SITE_LIFETIME]!;
  }
  /** Where in the flow's row the site's element, or the key that was not found, is written down. */
  offsetOf(site: number): number {
    return this.words[LISTS + site * SITE_WORDS + SITE_OFFSET]!;
  }
}

export class Draft extends Sites {
  /** Words in use. */
  size = 0;
  /** Maps by the number that a shape knows them by. */
  private readonly known: HashTable[] = [];
  private readonly ops = new Int32Array(OP_COUNT);
  /** The packet as it came. */
  private readonly before = new Int32Array(PACKET_WORDS);
  private readonly metrics = new Int32Array(METRICS_MAX * METRIC_WORDS);
  private metricCount = 0;

  constructor() {
    super(new Int32Array(WORDS_MAX), [], []);
  }

  begin(dp: DatapathContext): void {
    const { before, ops } = this;
    this.sites = 0;
    this.metricCount = 0;
    const { row } = dp.packet;
    for (let i = 0; i < before.length; i++) before[i] = row[i]!;
    // Brought up to date once.
    const counters = dp.ops;
    for (let op = 0; op < OP_COUNT; op++) ops[op] = counters[op]!;
  }

  addSite(map: HashTable, ct: CtMap | null, kind: number): void {
    const site = this.sites++;
    this.maps[site] = map;
    this.cts[site] = ct;
    const at = LISTS + site * SITE_WORDS;
    this.words[at + SITE_MAP] = this.numberOf(map);
    this.words[at + SITE_KIND] = kind;
    this.words[at + SITE_RECEIVED] = 0;
    this.words[at + SITE_LIFETIME] = 0;
  }

  /** Words that the flow's row holds of a site. */
  wordsOf(site: number): number {
    const map = this.mapOf(site);
    const ct = this.ctOf(site);
    if (this.kindOf(site) === SITE_ABSENT) return map.keyWords;
    return ct === null ? map.stride : ct.steadyWords;
  }

  /** They lie there in the row. */
  place(site: number, offset: number): void {
    this.words[LISTS + site * SITE_WORDS + SITE_OFFSET] = offset;
  }

  refresh(site: number, lifetime: number, received: boolean): void {
    const at = LISTS + site * SITE_WORDS;
    this.words[at + SITE_KIND] = SITE_REFRESHED;
    this.words[at + SITE_RECEIVED] = received ? 1 : 0;
    this.words[at + SITE_LIFETIME] = lifetime;
  }

  isRefreshed(site: number): boolean {
    return this.kindOf(site) === SITE_REFRESHED;
  }

  hasMetrics(): boolean {
    return this.metricCount > 0;
  }

  /** One count too many makes the walk one that `finish` refuses. */
  addMetric(reason: number, direction: number, site: number): void {
    const at = this.metricCount++ * METRIC_WORDS;
    this.metrics[at] = reason;
    this.metrics[at + 1] = direction;
    this.metrics[at + 2] = site;
  }

  /**
   * The walk is over. Words of the packet that it changed, which go to the flow's row from `rowOutputs` on, or -1 when it
   * did what can't be repeated.
   */
  finish(dp: DatapathContext, verdict: number, rowOutputs: number): number {
    const { words, before, ops } = this;
    const { packet } = dp;
    if (this.metricCount > METRICS_MAX || !packet.isRepeatableAfter(before)) return -1;
    words[VERDICT] = verdict;
    words[REDIRECT] = dp.redirectIfindex;
    words[DELIVERED] = dp.deliveredTo;
    words[EXT_ERROR] = dp.extError;
    words[SITES] = this.sites;
    words[ROW_OUTPUTS] = rowOutputs;
    let at = LISTS + this.sites * SITE_WORDS;
    words[OUTPUTS_AT] = at;
    for (let i = 0; i < before.length; i++) if (packet.row[i] !== before[i]) words[at++] = i;
    const outputs = at - words[OUTPUTS_AT]!;
    words[OUTPUTS] = outputs;
    const opsAt = at;
    const counters = dp.ops;
    for (let op = 0; op < OP_COUNT; op++) {
      const times = counters[op]! - ops[op]!;
      if (times === 0) continue;
      words[at++] = op;
      words[at++] = times;
    }
    words[OPS] = (at - opsAt) / OP_WORDS;
    words[METRICS] = this.metricCount;
    for (let i = 0; i < this.metricCount * METRIC_WORDS; i++) words[at++] = this.metrics[i]!;
    this.size = at;
    return outputs;
  }

  /** Writes the packet's changed words. */
  copyOutputs(row: Int32Array, out: Int32Array, at: number): void {
    const { words } = this;
    const first = words[OUTPUTS_AT]!;
    for (let i = 0; i < words[OUTPUTS]!; i++) out[at + i] = row[words[first + i]!]!;
  }

  private numberOf(map: HashTable): number {
    const { known } = this;
    let number = 0;
    while (number < known.length && known[number] !== map) number++;
    if (number === known.length) known.push(map);
    return number;
  }

  siteMaps(): HashTable[] {
    return this.maps.slice(0, this.sites);
  }
  siteCts(): (CtMap | null)[] {
    return this.cts.slice(0, this.sites);
  }
}

export class WalkShape extends Sites {
  declare private readonly spans: readonly Int32Array[];
  /** Of a walk, ns. */
  declare private readonly cost: number;
  declare private readonly opsAt: number;
  declare private readonly metricsAt: number;
  /** Repetitions whose operations are not in the counters yet. */
  private uncounted = 0;

  constructor(draft: Draft, opCosts: Int32Array) {
    super(draft.words.slice(0, draft.size), draft.siteMaps(), draft.siteCts());
    this.sites = draft.sites;
    this.spans = this.cts.map((ct, site) => (ct === null ? Int32Array.of(0, this.mapOf(site).stride) : ct.steadySpans));
    const { words } = this;
    this.opsAt = words[OUTPUTS_AT]! + words[OUTPUTS]!;
    this.metricsAt = this.opsAt + words[OPS]! * OP_WORDS;
    let cost = 0;
    for (let at = this.opsAt; at < this.metricsAt; at += OP_WORDS) cost += opCosts[words[at]!]! * words[at + 1]!;
    this.cost = cost;
  }

  /** The words of a map's row that must be as they were. */
  spansOf(site: number): Int32Array {
    return this.spans[site]!;
  }

  countInto(counters: Int32Array): void {
    const { words, uncounted } = this;
    if (uncounted === 0) return;
    for (let at = this.opsAt; at < this.metricsAt; at += OP_WORDS) counters[words[at]!]! += uncounted * words[at + 1]!;
    this.uncounted = 0;
  }

  equals(draft: Draft): boolean {
    const { words } = this;
    if (words.length !== draft.size) return false;
    for (let i = 0; i < words.length; i++) if (words[i] !== draft.words[i]) return false;
    return true;
  }

  /** Leaves packet, context and counters as the walk leaves them; its verdict. `rows[row]` is the flow's row. */
  perform(dp: DatapathContext, rows: Int32Array, row: number): number {
    const { words } = this;
    const { packet } = dp;
    dp.redirectIfindex = words[REDIRECT]!;
    dp.deliveredTo = words[DELIVERED]!;
    dp.extError = words[EXT_ERROR]!;
    const packetRow = packet.row;
    let from = row + words[ROW_OUTPUTS]!;
    for (let at = words[OUTPUTS_AT]!; at < this.opsAt; at++, from++) packetRow[words[at]!] = rows[from]!;
    this.uncounted++;
    dp.addCost(this.cost);
    let at = this.metricsAt;
    for (let i = 0; i < words[METRICS]!; i++) {
      dp.metrics.count(words[at]!, words[at + 1]!, words[at + 2]!, packet.length);
      at += METRIC_WORDS;
    }
    return words[VERDICT]!;
  }
}
