/** Sentences of the verdict about one variant: each takes measured figures and says them in words with numbers. */
import { formatCount, formatDuration, NS_PER_MS } from "../core/units.js";
import type { DropCount, Finding, HookHistogram, LatencySummary, MapResult, VariantResult } from "../observe/result.js";
import { peakPressure, quantileText, shareText, seenText } from "../report/wording.js";

export type Figures = Omit<VariantResult, "verdict" | "expectations">;

/** Slower than this is no network round trip any more: some packet was sent again. */
const SLOW_SYN_NS = 100 * NS_PER_MS;
/** Width of the first slow mode: all retransmission timers of one length fire within a twelfth of it. */
const MODE_WIDTH = 1.12;
/** From here on a packet spent longer at a hook than any program runs: where a second hump would lie. */
const HUMP_FROM_NS = 512e3;

/** Maps that can bind, in the order in which they do: refusals first, then evictions of live entries, then pressure. */
export function bindingOrder(maps: readonly MapResult[]): readonly MapResult[] {
  return maps.filter(({ fillsByDesign }) => !fillsByDesign).sort(
    (a, b) => b.insertsRefused - a.insertsRefused || b.evictionsLive - a.evictionsLive || peakPressure(b) - peakPressure(a),
  );
}

/** Connections that waited for a retransmission: how many, and where their first mode lies. */
export interface SlowConnections {
  readonly count: number;
  readonly total: number;
  readonly fromNs: number;
  readonly medianNs: number;
  readonly toNs: number;
  /** Of `count`: those of the first mode, that is one retransmission. */
  readonly firstMode: number;
}

export function slowConnections(summary: LatencySummary): SlowConnections | null {
  const slow = summary.buckets.filter(([low]) => low >= SLOW_SYN_NS);
  const first = slow[0];
  if (first === undefined) return null;
  const mode = slow.filter(([low]) => low <= first[0] * MODE_WIDTH);
  const firstMode = sum(mode);
  let seen = 0;
  const middle = mode.find(([, , count]) => (seen += count) >= firstMode / 2)!;
  return {
    count: sum(slow),
    total: summary.count,
    fromNs: first[0],
    medianNs: middle[0],
    toNs: mode.at(-1)![1],
    firstMode,
  };
}

function sum(buckets: readonly (readonly [number, number, number])[]): number {
  return buckets.reduce((total, [, , count]) => total + count, 0);
}

/** What broke, and when; null when nothing did. */
export function whatBroke(figures: Figures): string | null {
  const parts = [...figures.maps].flatMap((map) => [refusals(map, figures), evictions(map)]).filter((text) => text !== null);
  const denials = figures.drops.filter((drop) => !isInsertFailure(drop)).map((drop) => dropSentence(drop));
  const all = [...parts, ...denials];
  return all.length === 0 ? null : all.join(" ");
}

function isInsertFailure({ reason }: DropCount): boolean {
  return reason === "CT: Map insertion failed";
}

function refusals(map: MapResult, figures: Figures): string | null {
  if (map.insertsRefused === 0) return null;
  const drop = figures.drops.find(isInsertFailure);
  const when = drop === undefined ? "" : ` from ${formatDuration(drop.firstNs)} on, ${formatCount(drop.inside)} of them inside bursts`;
  const share = figures.counts.synSent === 0 ? "" : ` (${shareText(map.insertsRefused / figures.counts.synSent)} of the SYNs)`;
  const errno = drop?.errno ?? "an error";
  return (
    `${map.name} (${map.type}, ${formatCount(map.maxEntries)} entries) was full: it refused ${formatCount(map.insertsRefused)} inserts ` +
    `with ${errno}${share}${when}; each drops its packet as "CT: Map insertion failed" (155).`
  );
}

function evictions(map: MapResult): string | null {
  if (map.evictionsLive === 0) return null;
  return (
    `${map.name} (${map.type}, ${formatCount(map.maxEntries)} entries) evicted ${formatCount(map.evictions)} entries to make room, ` +
    `${formatCount(map.evictionsLive)} of them live.`
  );
}

function dropSentence(drop: DropCount): string {
  const errno = drop.errno === null ? "" : `, ${drop.errno}`;
  return `${formatCount(drop.count)} packets dropped as "${drop.reason}" (${drop.code}${errno}) from ${formatDuration(drop.firstNs)} on.`;
}

/** What clients felt: connect times inside and outside bursts, the slow mode, and established connections. */
export function whatUsersSaw(figures: Figures): string {
  const { synLatency, counts } = figures;
  const inside = synLatency["inside"];
  const outside = synLatency["outside"]!;
  const split =
    inside === undefined || inside.count === 0
      ? `connect time p50 ${quantileText(outside, "p50Ns")}, p99 ${quantileText(outside, "p99Ns")}`
      : `connect time inside bursts p50 ${quantileText(inside, "p50Ns")}, p99 ${quantileText(inside, "p99Ns")}; ` +
        `outside p50 ${quantileText(outside, "p50Ns")}, p99 ${quantileText(outside, "p99Ns")}`;
  const slow = slowConnections(synLatency["all"]!);
  const mode =
    slow === null
      ? ` No connection of ${formatCount(synLatency["all"]!.count)} waited for a retransmitted SYN.`
      : ` ${formatCount(slow.count)} of ${formatCount(slow.total)} connections (${shareText(slow.count / slow.total)}) waited for a ` +
        `retransmitted SYN; those that lost one took ${formatDuration(slow.fromNs)} to ${formatDuration(slow.toNs)}, ` +
        `median ${formatDuration(slow.medianNs)}.`;
  const failed = counts.connectionsFailed === 0 ? "" : ` ${formatCount(counts.connectionsFailed)} never connected.`;
  return `${capital(split)}.${mode}${failed} ${establishedTraffic(figures)}`;
}

function establishedTraffic({ drops, counts }: Figures): string {
  const lost = drops.reduce((total, drop) => total + drop.established, 0);
  return `Packets of established connections dropped: ${seenText(lost, counts.packets)}.`;
}

/** How the collector behaved. */
export function whatGcDid({ gcRuns, reachedNs }: Figures): string | null {
  const last = gcRuns.at(-1);
  if (last === undefined) return null;
  const bySignal = gcRuns.filter(({ cause }) => cause === "signal").length;
  const busy = gcRuns.reduce((total, { startNs, endNs }) => total + endNs - startNs, 0);
  const longest = gcRuns.reduce((most, { nextIntervalNs }) => Math.max(most, nextIntervalNs), 0);
  const deleted = gcRuns.reduce((total, run) => total + run.deleted, 0);
  return (
    `${formatCount(gcRuns.length)} GC runs (${formatCount(bySignal)} woken by the fill-up signal) deleted ${formatCount(deleted)} entries and ` +
    `took ${formatDuration(busy)} of ${formatDuration(reachedNs)}; the interval reached ${formatDuration(longest)}.`
  );
}

/** Whether the second hump of an observed hook histogram comes out of the model; one sentence per observed hook. */
export function humps(figures: Figures): readonly Finding[] {
  return figures.hooks.filter(({ observed }) => observed !== undefined).map((hook) => ({ label: `Time at ${hook.hook}`, text: humpText(hook) }));
}

function humpText(hook: HookHistogram): string {
  const observed = hook.observed!;
  const seen = above(observed, HUMP_FROM_NS);
  const observedTotal = above(observed, 0);
  const mine = above(hook.buckets, HUMP_FROM_NS);
  const total = above(hook.buckets, 0);
  const fast = total - above(hook.buckets, 1024);
  const said =
    `Modelled: ${shareText(fast / total)} of ${formatCount(total)} packets below 1 µs (1,024 ns), ` +
    `${seenText(mine, total)} from 512 µs up. Observed: ${formatCount(seen)} of ${formatCount(observedTotal)} from 512 µs up.`;
  if (seen === 0) return said;
  return mine / total >= seen / observedTotal / 2
    ? `${said} The second hump comes from queueing on the CPUs behind other packets' work.`
    : `${said} Nothing modelled makes the second hump: a GC walk takes CPU from user space, not from packets, and ` +
        `queueing behind other packets stays far below 512 µs at this load.`;
}

function above(buckets: readonly (readonly [number, number])[], from: number): number {
  return buckets.reduce((total, [low, count]) => (low >= from ? total + count : total), 0);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
