/**
 * How many entries a load keeps in each map, by hand: what comes per second, times the entries that each connection
 * makes, times how long they stay. An entry stays for its connection, then for the lifetime that closing leaves it, and
 * then until the collector comes.
 *
 *     entries = rate × entries per connection × (connection + lifetime after it + GC interval)
 *
 * Entries per connection are not tabulated: one connection of each workload is simulated alone, and its entries counted.
 */
import { effectiveSettings } from "../../cilium/agent/effective-settings.js";
import { GC_START_NS } from "../../cilium/agent/gc-interval.js";
import type { CiliumSettings } from "../../cilium/agent/settings.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { NS_PER_MS, NS_PER_S, type Nanoseconds } from "../../core/units.js";
import { inTraffic } from "../../node/workloads/distributions.js";
import type { ClosedForm, ClosedFormLine } from "../../observe/size-result.js";
import type { Arrivals, Distribution, Scenario, Workload } from "../../scenario/types.js";
import { meanOf } from "../../traffic/distributions.js";
import { simulateVariant } from "../simulate.js";
import { CONNECTION_MAPS, type SizedMap } from "./sized-maps.js";

/** When the one connection of a probe begins, how long it is watched at most, and how often. */
const PROBE_AT_NS = 100 * NS_PER_MS;
const PROBE_MAX_NS = 30 * NS_PER_S;
const PROBE_STEP_NS = (100 * NS_PER_MS) as Nanoseconds;

/** For the maps of connections among `maps`. */
export function closedForms(scenario: Scenario, maps: readonly { readonly name: string }[]): readonly ClosedForm[] {
  const settings = effectiveSettings(scenario.helm.settings, ciliumProfile(scenario.profile.cilium));
  const gcIntervalNs = settings.conntrackGcInterval > 0 ? settings.conntrackGcInterval : GC_START_NS;
  const entriesOf = new Map<string, Readonly<Record<string, number>>>();
  const lines = scenario.workloads.map((workload) => {
    const shape = JSON.stringify({ ...workload, name: "", arrivals: null, bursts: null });
    const entries = entriesOf.get(shape) ?? probe(scenario, workload);
    entriesOf.set(shape, entries);
    return { workload, entries };
  });
  return CONNECTION_MAPS.filter((map) => maps.some(({ name }) => name === map)).map((map) => {
    const there = scenario.preload.filter((each) => each.map === map).reduce((sum, { entries }) => sum + entries, 0);
    const load = lines.flatMap(({ workload, entries }) => {
      const each = entries[map] ?? 0;
      return each === 0 ? [] : [lineOf(map, workload, each, settings, gcIntervalNs, scenario)];
    });
    return {
      map,
      there,
      lines: load,
      gcIntervalNs,
      gcIsAdaptive: settings.conntrackGcInterval === 0,
      entries: Math.ceil(there + load.reduce((sum, line) => sum + line.entries, 0)),
    };
  });
}

/** Most entries of each map that one connection has at a time. */
function probe(scenario: Scenario, workload: Workload): Readonly<Record<string, number>> {
  const once: Arrivals = { kind: "recorded", atNs: [PROBE_AT_NS], repeatNs: null };
  const alone: Workload = workload.kind === "pool" ? { ...workload, connections: 1 } : { ...workload, arrivals: once, bursts: null };
  const durationNs = Math.min(PROBE_MAX_NS, PROBE_AT_NS + Math.ceil(connectionNs(workload, scenario)) + NS_PER_S) as Nanoseconds;
  const { variant } = simulateVariant(
    {
      ...scenario,
      preload: [],
      timeline: [],
      expect: [],
      maps: {},
      workloads: [alone],
      durationNs,
      warmupNs: 0 as Nanoseconds,
      observe: { ...scenario.observe, seriesNs: PROBE_STEP_NS },
    },
    { run: 0, streamFolder: null },
  );
  return Object.fromEntries(variant.maps.map(({ name, entriesMax }) => [name, entriesMax]));
}

function lineOf(
  map: SizedMap,
  workload: Workload,
  entriesEach: number,
  settings: CiliumSettings,
  gcIntervalNs: number,
  scenario: Scenario,
): ClosedFormLine {
  const { durationNs, cluster } = scenario;
  if (workload.kind === "pool") {
    const entries = workload.connections * entriesEach;
    const always = { perSecond: 0, connections: workload.connections, connectionNs: durationNs, lifetimeNs: 0, spanNs: durationNs };
    return { workload: workload.name, ...always, entriesEach, atMost: null, entries };
  }
  const lifetimeNs = lifetimeAfter(map, workload, settings);
  const lasting = connectionNs(workload, { cluster });
  const perSecond = peakRate(workload.arrivals, lasting);
  // What came before the burst, or the run, began is not there.
  const spanNs = Math.min(lasting + lifetimeNs + gcIntervalNs, workload.bursts?.lengthNs ?? durationNs);
  const atMost = map.startsWith("ct_any") && workload.kind === "arrivals" ? entriesEach * pairsOf(workload, scenario) : null;
  const flowing = (perSecond * entriesEach * spanNs) / NS_PER_S;
  return {
    workload: workload.name,
    perSecond,
    connections: null,
    entriesEach,
    connectionNs: lasting,
    lifetimeNs,
    spanNs,
    atMost,
    entries: Math.min(flowing, atMost ?? Infinity),
  };
}

/** Pairs of addresses: TCP's entries for related ICMP errors have no ports, and all connections of a pair share one. */
function pairsOf({ from, to }: Workload, { services }: Scenario): number {
  const clients = from.kind === "host" ? 1 : from.kind === "world" ? from.clients : from.pods;
  if (to.kind === "world") return clients * to.addresses;
  const { backends, localBackends } = services[to.service]!;
  return clients * (backends + localBackends);
}

/** How long a connection lasts on average, from its first packet to its last. */
function connectionNs(workload: Workload, { cluster }: Pick<Scenario, "cluster">): number {
  switch (workload.kind) {
    case "pool":
      return 0;
    case "flood":
      return 0;
    case "queries":
      return cluster.rttNs + mean(workload.query.serverTime);
    case "arrivals": {
      const { requests, thinkTime, serverTime, hold } = workload.connection;
      const thinking = Math.max(0, requests - 1) * mean(thinkTime);
      return cluster.rttNs * (requests + 2) + requests * mean(serverTime) + thinking + mean(hold);
    }
  }
}

/** Lifetime that an entry has after the connection's last packet. */
function lifetimeAfter(map: SizedMap, workload: Workload, settings: CiliumSettings): number {
  const isAny = map.startsWith("ct_any") || workload.kind === "queries";
  if (isAny) return settings.ctTimeoutRegularAny * NS_PER_S;
  if (workload.kind === "flood") return settings.ctTimeoutSyn * NS_PER_S;
  if (workload.kind !== "arrivals") return 0;
  const { close, leak } = workload.connection;
  const staying = close === "never" ? 1 : leak;
  return (staying * settings.ctTimeoutRegularTcp + (1 - staying) * settings.ctTimeoutFin) * NS_PER_S;
}

/** Connections per second where the load is highest. */
function peakRate(arrivals: Arrivals, lastingNs: number): number {
  switch (arrivals.kind) {
    case "series":
      return Math.max(...arrivals.points.map(({ perSecond }) => perSecond));
    case "recorded": {
      const spanNs = arrivals.repeatNs ?? (arrivals.atNs.at(-1) ?? 0) - (arrivals.atNs[0] ?? 0);
      return spanNs > 0 ? (arrivals.atNs.length * NS_PER_S) / spanNs : 0;
    }
    case "diurnal":
      return arrivals.perSecond * (1 + arrivals.swing);
    case "loop":
      return (arrivals.clients * NS_PER_S) / (lastingNs + mean(arrivals.think));
    default:
      return arrivals.perSecond;
  }
}

function mean(distribution: Distribution): number {
  return meanOf(inTraffic(distribution));
}
