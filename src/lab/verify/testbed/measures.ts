/**
 * How far a simulation is from its recording, and how far it may be: the recording's README, "Comparing a simulation",
 * with the bounds that ctlab promises.
 */
import { NS_PER_US, NS_PER_MS } from "../../../core/units.js";
import { numberOf } from "../fields.js";
import { attemptOffsets } from "./consistency.js";
import { Outcome } from "./load.js";
import type { Recording } from "./recording.js";
import type { Observed } from "./simulate.js";

/** One compared figure. */
export interface Measure {
  readonly name: string;
  readonly recorded: number;
  readonly simulated: number;
  readonly distance: number;
  readonly bound: number;
}

/** Whether it holds; never so for a distance that is no number. */
export function holds({ distance, bound }: Measure): boolean {
  return distance <= bound;
}

/** Occupancy samples nearer to a GC pass than this catch its edge by chance, ms before and after its start. */
const EDGE_BEFORE_MS = 50;
const EDGE_AFTER_MS = 150;
/** Latencies are rounded down to this before their distributions are compared, µs; below lies the host's scheduling. */
const LATENCY_ROUNDING_US = 10_000;

const BOUND = {
  occupancy: 0.01,
  synDrops: 0.005,
  lostSyn: 0.01,
  neverConnected: 0.01,
  latency: 0.02,
  retransmissions: 0.01,
  attemptOffset: 0.01,
  evictions: 0.05,
  recreated: 0.01,
  ioTimeouts: 0.02,
} as const;

export function measure(recording: Recording, observed: Observed): Measure[] {
  return [
    occupancy(recording, observed),
    ...drops(recording, observed),
    latency(recording, observed),
    ...retransmissions(recording, observed),
    ...offsets(recording, observed),
    ...evictions(recording, observed),
    ioTimeouts(recording, observed),
  ];
}

/** Root mean square error of the number of entries, as a fraction of the map; recorded and simulated are means. */
function occupancy(recording: Recording, observed: Observed): Measure {
  let squares = 0;
  let samples = 0;
  let recorded = 0;
  let simulated = 0;
  for (const [index, atMs] of recording.sampleMs.entries()) {
    if (isOnEdge(recording, atMs)) continue;
    const expected = recording.occupancy[index]!;
    const actual = observed.occupancyAt(atMs * NS_PER_MS);
    squares += (actual - expected) ** 2;
    recorded += expected;
    simulated += actual;
    samples++;
  }
  const count = Math.max(samples, 1);
  return {
    name: "occupancy, RMSE off GC edges / max_entries",
    recorded: recorded / count,
    simulated: simulated / count,
    distance: Math.sqrt(squares / count) / numberOf(recording.params, "max_entries"),
    bound: BOUND.occupancy,
  };
}

function isOnEdge({ gcStartUs }: Recording, atMs: number): boolean {
  return gcStartUs.some((us) => atMs >= us / 1000 - EDGE_BEFORE_MS && atMs <= us / 1000 + EDGE_AFTER_MS);
}

function drops(recording: Recording, observed: Observed): Measure[] {
  const { totals, connections } = recording;
  const count = connections.outcome.length;
  const lost = new Set(observed.synArrivals.filter((arrival) => !arrival.passed).map((arrival) => arrival.connection));
  return [
    difference(
      "SYN drop fraction",
      numberOf(totals, "syn_drop_fraction"),
      observed.counters.synRefused / Math.max(observed.counters.synPackets, 1),
      BOUND.synDrops,
    ),
    difference("connections that lost a SYN", numberOf(totals, "connections_with_syn_drop_fraction"), lost.size / count, BOUND.lostSyn),
    difference("never connected", neverConnected(connections.outcome), neverConnected(observed.load.outcome), BOUND.neverConnected),
  ];
}

function neverConnected(outcomes: ArrayLike<number>): number {
  return share(outcomes, (outcome) => outcome === Outcome.connectTimeout || outcome === Outcome.connectError);
}

/** Kolmogorov-Smirnov distance between the latencies of established connections. */
function latency(recording: Recording, observed: Observed): Measure {
  const recorded = rounded(recording.connections.connectUs);
  const simulated = rounded(Array.from(observed.load.connectNs, (ns) => (ns < 0 ? -1 : ns / NS_PER_US)));
  return {
    name: "SYN latency, KS distance at 10 ms",
    recorded: median(recorded) / 1000,
    simulated: median(simulated) / 1000,
    distance: kolmogorovSmirnov(recorded, simulated),
    bound: BOUND.latency,
  };
}

function rounded(latencies: readonly number[]): number[] {
  return latencies
    .filter((us) => us >= 0)
    .map((us) => Math.floor(us / LATENCY_ROUNDING_US) * LATENCY_ROUNDING_US)
    .sort((a, b) => a - b);
}

/** Largest distance between two cumulative distributions, given as sorted samples. */
export function kolmogorovSmirnov(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 0 : 1;
  let largest = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const value = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    while (a[i] === value) i++;
    while (b[j] === value) j++;
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length));
  }
  return largest;
}

/** Share of all connections that were established after k SYN retransmissions, for every k that occurs. */
function retransmissions(recording: Recording, observed: Observed): Measure[] {
  const { connectUs, synRetransmissions } = recording.connections;
  const recorded = sharesByCount(connectUs, synRetransmissions);
  const simulated = sharesByCount(observed.load.connectNs, observed.load.synRetransmissions);
  return Array.from({ length: Math.max(recorded.length, simulated.length) }, (_, k) =>
    difference(`established after ${k} SYN retransmissions`, recorded[k] ?? 0, simulated[k] ?? 0, BOUND.retransmissions),
  );
}

function sharesByCount(latencies: ArrayLike<number>, counts: ArrayLike<number>): number[] {
  const shares: number[] = [];
  for (let i = 0; i < latencies.length; i++) {
    if (latencies[i]! < 0) continue;
    const count = counts[i]!;
    while (shares.length <= count) shares.push(0);
    shares[count]! += 1 / latencies.length;
  }
  return shares;
}

/** Median time of the k-th SYN retransmission after the first SYN, where it is well observed. */
function offsets(recording: Recording, observed: Observed): Measure[] {
  const recorded = attemptOffsets(recording);
  const simulated = observed.attemptOffsetsUs;
  return recorded.flatMap((of, attempt) => {
    if (of.length < OFFSETS_MIN) return [];
    const expected = median(of.toSorted((a, b) => a - b));
    const actual = median((simulated[attempt] ?? [0]).toSorted((a, b) => a - b));
    return [relative(`SYN retransmission ${attempt}, s`, expected / 1e6, actual / 1e6, expected / 1e6, BOUND.attemptOffset)];
  });
}

/** A median of fewer moments than this, spread over a step of the wheel, says little. */
const OFFSETS_MIN = 30;

function evictions(recording: Recording, observed: Observed): Measure[] {
  if (recording.evicted === undefined) return [];
  const evicted = numberOf(recording.totals, "lru_evicted");
  const recreated = numberOf(recording.totals, "nonsyn_recreated");
  const connections = recording.connections.outcome.length;
  return [
    relative("LRU evictions", evicted, observed.evicted, evicted, BOUND.evictions),
    relative("entries recreated", recreated, observed.counters.nonSynRecreated, recreated || connections, BOUND.recreated),
  ];
}

function ioTimeouts(recording: Recording, observed: Observed): Measure {
  const of = (outcomes: ArrayLike<number>): number => share(outcomes, (outcome) => outcome === Outcome.ioTimeout);
  return difference("request time-outs", of(recording.connections.outcome), of(observed.load.outcome), BOUND.ioTimeouts);
}

function difference(name: string, recorded: number, simulated: number, bound: number): Measure {
  return { name, recorded, simulated, distance: Math.abs(simulated - recorded), bound };
}

/** Distance as a fraction of `unit`. */
export function relative(name: string, recorded: number, simulated: number, unit: number, bound: number): Measure {
  return { name, recorded, simulated, distance: Math.abs(simulated - recorded) / unit, bound };
}

function share(values: ArrayLike<number>, wanted: (value: number) => boolean): number {
  return Array.from(values).filter(wanted).length / values.length;
}

/** Of a sorted sample; 0 for an empty one. */
export function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
