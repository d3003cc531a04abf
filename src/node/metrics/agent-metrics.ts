/**
 * The agent's own view of the node, as `/metrics` of cilium-agent shows it: with the lag of its controllers, forgotten
 * when it restarts, silent while it is down.
 *
 * Simplified: the counts of a pass appear when the whole pass is over, not walk by walk; `bpf_map_ops` has the deletions
 * of the collector alone; the map of packet counters is never emptied.
 */
import type { GcRunRecord, MapWalkRecord, OrphanScanRecord, SignalOutcome, SignalType } from "../../cilium/agent/gc-records.js";
import type { CiliumSettings } from "../../cilium/agent/settings.js";
import { dropText } from "../../cilium/datapath/drop-reasons.js";
import type { MetricsTable } from "../../cilium/datapath/metrics.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import { CILIUM_MAPS, type CiliumMapName } from "../../cilium/maps/definitions.js";
import type { SettledProfile } from "../../cilium/profile/assumptions.js";
import { NS_PER_S } from "../../core/units.js";
import { labelText, type MetricFamily, type MetricStore } from "../../observe/metrics/metric-store.js";
import type { AgentWatch } from "../collector.js";
import { AGENT_FAMILIES, DEFAULT_BUCKETS_S } from "./agent-families.js";
import { busiestEndpoint, type PortSpan } from "./nat-statistics.js";

/** Reasons of `cilium_metrics` that are drops: monitorAPI.DropInvalid and everything from monitorAPI.DropMin on. */
const DROP_INVALID = 2;
const DROP_MIN = 130;
/** `pkg/maps/metricsmap`, by number. */
const DIRECTIONS = ["UNKNOWN", "INGRESS", "EGRESS", "SERVICE"] as const;

/** Maps whose keys the agent keeps in a cache of its own, and so counts at once (`WithCache`, `WithPressureMetric`). */
const CACHED: readonly CiliumMapName[] = ["lxc", "ipcache"];
/** Maps of the load balancer: cached like those up to 1.17, counted by a job (`lb-pressure-metrics-interval`) from 1.18 on. */
const LOAD_BALANCER: readonly CiliumMapName[] = [
  "lb4_services_v2", "lb4_backends_v3", "lb4_reverse_nat", "lb6_services_v2", "lb6_backends_v3", "lb6_reverse_nat",
];
const NAT: readonly CiliumMapName[] = ["snat_v4_external", "snat_v6_external"];
/** Groups of this capacity share one series: pkg/metrics, `bpfMapCapacityDefault`. */
const CAPACITY_DEFAULT = 65_536;
/** Policy maps are looked at no more often than this, ns: `policyMapPressureMinInterval`. */
const POLICY_EVERY_NS = 10 * NS_PER_S;
/** `nat-map-stats-interval`, ns, and when the first count comes after the start. */
const NAT_STATS_EVERY_NS = 30 * NS_PER_S;
const NAT_STATS_FIRST_NS = 5 * NS_PER_S;
/** `lb-pressure-metrics-interval`, ns. */
const LB_EVERY_NS = 300 * NS_PER_S;

/** Minor releases from which something is there: 1.15 for capacities (PR 28146), 1.16 for NAT statistics, 1.18 for the job. */
const MINOR = { capacity: 15, natStatistics: 16, lbJob: 18 } as const;

export interface AgentMetricsParts {
  readonly maps: CiliumMaps;
  readonly packets: MetricsTable;
  readonly settings: CiliumSettings;
  readonly profile: SettledProfile;
  /** Source ports that SNAT may choose from. */
  readonly natPorts: PortSpan;
}

/** Sums of one label set of the collector's duration. */
interface Durations {
  readonly counts: Float64Array;
  sumS: number;
}

export class AgentMetrics implements AgentWatch {
  readonly #parts: AgentMetricsParts;
  readonly #minor: number;
  readonly #off: ReadonlySet<string>;
  #down = false;
  /** Everything that lives in the agent's memory: by family, by labels. */
  #counters = new Map<MetricFamily, Map<string, number>>();
  #durations = new Map<string, Durations>();
  /** By type, family and outcome in one text, as signals may come by the thousand. */
  #signals = new Map<string, number>();
  #policyAtNs = Number.NEGATIVE_INFINITY;
  #policyPressure = 0;

  constructor(parts: AgentMetricsParts) {
    this.#parts = parts;
    this.#minor = Number(parts.profile.minor.split(".")[1]);
    this.#off = new Set(parts.settings.metrics.filter((entry) => entry.startsWith("-")).map((entry) => entry.slice(1)));
  }

  /** The agent's jobs that this view lives by: when each begins after the agent's start, how often, and what it does. */
  jobs(): readonly { readonly firstNs: number; readonly everyNs: number; readonly run: () => void }[] {
    return [
      ...(this.#minor >= MINOR.natStatistics ? [{ firstNs: NAT_STATS_FIRST_NS, everyNs: NAT_STATS_EVERY_NS, run: () => this.#countNat() }] : []),
      ...(this.#minor >= MINOR.lbJob ? [{ firstNs: 0, everyNs: LB_EVERY_NS, run: () => this.#countCached(LOAD_BALANCER) }] : []),
    ];
  }

  /** The agent is gone, and with it all that it had counted. */
  stop(): void {
    this.#down = true;
    this.#counters = new Map();
    this.#durations = new Map();
    this.#signals = new Map();
    this.#policyAtNs = Number.NEGATIVE_INFINITY;
  }

  restart(): void {
    this.#down = false;
  }

  onRun(record: GcRunRecord): void {
    for (const walk of record.maps) this.#walked(walk);
    for (const scan of record.orphans) this.#scanned(scan);
    if (record.intervalMetric !== null && this.#parts.profile.gc.intervalMetric) {
      this.#set(AGENT_FAMILIES.gcInterval, [["global", "global"]], record.intervalMetric / NS_PER_S);
    }
  }

  onSignal(_now: number, type: SignalType, family: 4 | 6, outcome: SignalOutcome): void {
    const kind = `${type} ipv${family} ${outcome}`;
    this.#signals.set(kind, (this.#signals.get(kind) ?? 0) + 1);
  }

  /** The controller that counts conntrack entries is through with a map. */
  onPressureCount(_now: number, map: string, entries: number): void {
    this.#setPressure(map as CiliumMapName, entries);
  }

  /** `gcStats.finish` of pkg/maps/ctmap. */
  #walked({ map, start, end, alive, deleted, natDeleted, keyFallbacks, interrupted, completed }: MapWalkRecord): void {
    const family = map.includes("6") ? "ipv6" : "ipv4";
    const protocol = map.includes("any") ? "non-TCP" : "TCP";
    const status = completed ? "completed" : "uncompleted";
    const labels = [["family", family], ["protocol", protocol]] as const;
    this.#add(AGENT_FAMILIES.gcRuns, [...labels, ["status", status]], 1);
    this.#add(AGENT_FAMILIES.gcFallbacks, labels, keyFallbacks);
    this.#add(AGENT_FAMILIES.dumpResets, [["area", "conntrack"], ["name", "dump_interrupts"], ["family", family]], interrupted);
    if (completed) {
      this.#set(AGENT_FAMILIES.gcEntries, [...labels, ["status", "alive"]], alive);
      this.#set(AGENT_FAMILIES.gcEntries, [...labels, ["status", "deleted"]], deleted);
    }
    this.#observe(labelText([...labels, ["status", status]]), (end - start) / NS_PER_S);
    this.#deletions(map, deleted);
    this.#deletions(family === "ipv4" ? "snat_v4_external" : "snat_v6_external", natDeleted);
  }

  /** `PurgeOrphanNATEntries`; a walk that failed leaves the pressure as it was. */
  #scanned({ map, completed, ...counts }: OrphanScanRecord): void {
    const family = map.includes("6") ? "ipv6" : "ipv4";
    const put = (direction: string, status: string, entries: number): void =>
      this.#set(AGENT_FAMILIES.natGcEntries, [["family", family], ["direction", direction], ["status", status]], entries);
    put("ingress", "alive", counts.ingressAlive);
    put("ingress", "deleted", counts.ingressDeleted);
    put("egress", "alive", counts.egressAlive);
    put("egress", "deleted", counts.egressDeleted);
    this.#deletions(map, counts.ingressDeleted + counts.egressDeleted);
    if (completed) this.#setPressure(map as CiliumMapName, counts.ingressAlive + counts.egressAlive);
  }

  #deletions(map: string, entries: number): void {
    if (entries > 0) this.#add(AGENT_FAMILIES.mapOps, [["map_name", map], ["operation", "delete"], ["outcome", "success"]], entries);
  }

  /** Whether the agent answers a scrape. */
  get answers(): boolean {
    return !this.#down;
  }

  /** What a scrape at this moment sees. */
  collect(store: MetricStore, nowNs: number): void {
    this.#countCached(this.#minor >= MINOR.lbJob ? CACHED : [...CACHED, ...LOAD_BALANCER]);
    for (const [kind, count] of this.#signals) {
      const [signal, data, status] = kind.split(" ") as [string, string, string];
      this.#set(AGENT_FAMILIES.signals, [["signal", signal], ["data", data], ["status", status]], count);
    }
    for (const [family, series] of this.#counters) {
      for (const [labels, value] of series) this.#put(store, family, labels, value);
    }
    for (const [labels, { counts, sumS }] of this.#durations) {
      if (this.#off.has(AGENT_FAMILIES.gcDuration.name)) break;
      store.setHistogram(AGENT_FAMILIES.gcDuration, labels, DEFAULT_BUCKETS_S, counts, sumS);
    }
    this.#policyMaps(store, nowNs);
    if (this.#minor >= MINOR.capacity) this.#capacities(store);
    this.#packets(store);
  }

  #put(store: MetricStore, family: MetricFamily, labels: string, value: number): void {
    const exposed = family.type === "counter" ? `${family.name}_total` : family.name;
    if (!this.#off.has(exposed)) store.set(family, labels, value);
  }

  /** `metricsmapCollector`: read from the map at each scrape. */
  #packets(store: MetricStore): void {
    const drops = new Map<string, [packets: number, bytes: number]>();
    const forwards = new Map<string, [packets: number, bytes: number]>();
    this.#parts.packets.forEach((reason, direction, packets, bytes) => {
      const isDrop = reason === DROP_INVALID || reason >= DROP_MIN;
      const towards = ["direction", DIRECTIONS[direction]!] as const;
      const labels = labelText(isDrop ? [["reason", dropText(reason)], towards] : [towards]);
      const sums = isDrop ? drops : forwards;
      const [count, size] = sums.get(labels) ?? [0, 0];
      sums.set(labels, [count + packets, size + bytes]);
    });
    for (const [labels, [packets, bytes]] of drops) {
      this.#put(store, AGENT_FAMILIES.dropCount, labels, packets);
      this.#put(store, AGENT_FAMILIES.dropBytes, labels, bytes);
    }
    for (const [labels, [packets, bytes]] of forwards) {
      this.#put(store, AGENT_FAMILIES.forwardCount, labels, packets);
      this.#put(store, AGENT_FAMILIES.forwardBytes, labels, bytes);
    }
  }

  #capacities(store: MetricStore): void {
    this.#put(store, AGENT_FAMILIES.mapCapacity, labelText([["map_group", "default"]]), CAPACITY_DEFAULT);
    for (const [name, { maxEntries }] of this.#parts.maps.all()) {
      const group = labelText([["map_group", CILIUM_MAPS[name].pinnedName]]);
      if (maxEntries !== CAPACITY_DEFAULT) this.#put(store, AGENT_FAMILIES.mapCapacity, group, maxEntries);
    }
  }

  /** `policyMapPressure`: the largest of all endpoints under one name, which keeps the prefix. */
  #policyMaps(store: MetricStore, nowNs: number): void {
    const { maps, settings } = this.#parts;
    if (nowNs - this.#policyAtNs >= POLICY_EVERY_NS) {
      this.#policyAtNs = nowNs;
      this.#policyPressure = 0;
      for (const [, { map }] of maps.policies()) this.#policyPressure = Math.max(this.#policyPressure, map.count / map.maxEntries);
    }
    const threshold = settings.policyMapPressureThreshold;
    const labels = labelText([["map_name", `${maps.options.policyNamePrefix}*`]]);
    if (this.#policyPressure > threshold) this.#put(store, AGENT_FAMILIES.mapPressure, labels, this.#policyPressure);
  }

  #countCached(names: readonly CiliumMapName[]): void {
    for (const name of names) {
      const map = this.#parts.maps.get(name);
      if (map !== undefined) this.#setPressure(name, map.count);
    }
  }

  /** `Stats.countNat` of pkg/maps/nat/stats; from 1.18 on it says the pressure too. */
  #countNat(): void {
    const { maps, natPorts } = this.#parts;
    for (const name of NAT) {
      const map = maps.get(name);
      if (map === undefined) continue;
      const share = busiestEndpoint(map, natPorts);
      this.#set(AGENT_FAMILIES.natMaxConnection, [["family", name.includes("6") ? "ipv6" : "ipv4"]], share);
      if (this.#minor >= MINOR.lbJob) this.#setPressure(name, map.count);
    }
  }

  /** `GaugeWithThreshold` with threshold 0: the series is there while it is above. */
  #setPressure(name: CiliumMapName, entries: number): void {
    const map = this.#parts.maps.get(name);
    if (map === undefined) return;
    const labels = [["map_name", CILIUM_MAPS[name].pinnedName.replace(/^cilium_/, "")]] as const;
    if (entries > 0) this.#set(AGENT_FAMILIES.mapPressure, labels, entries / map.maxEntries);
    else this.#counters.get(AGENT_FAMILIES.mapPressure)?.delete(labelText(labels));
  }

  #set(family: MetricFamily, labels: readonly (readonly [string, string])[], value: number): void {
    let series = this.#counters.get(family);
    if (series === undefined) this.#counters.set(family, (series = new Map()));
    series.set(labelText(labels), value);
  }

  #add(family: MetricFamily, labels: readonly (readonly [string, string])[], value: number): void {
    const before = this.#counters.get(family)?.get(labelText(labels)) ?? 0;
    this.#set(family, labels, before + value);
  }

  #observe(labels: string, seconds: number): void {
    let durations = this.#durations.get(labels);
    if (durations === undefined) {
      durations = { counts: new Float64Array(DEFAULT_BUCKETS_S.length + 1), sumS: 0 };
      this.#durations.set(labels, durations);
    }
    const bucket = DEFAULT_BUCKETS_S.findIndex((bound) => seconds <= bound);
    durations.counts[bucket === -1 ? DEFAULT_BUCKETS_S.length : bucket]!++;
    durations.sumS += seconds;
  }
}
