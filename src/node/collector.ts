/** Puts the agent's garbage collector into the node's event loop, with the settings and facts of the simulated release. */
import type { Simulation } from "../core/simulation.js";
import { clockSeconds, NS_PER_S, type Nanoseconds, type Seconds } from "../core/units.js";
import { ConntrackGc, NO_STEP, type ConntrackGcConfig } from "../cilium/agent/conntrack-gc.js";
import { MEASURED_GC_COSTS } from "../cilium/agent/gc-costs.js";
import type { GcRunRecord } from "../cilium/agent/gc-records.js";
import { AddressSet, type ConntrackPair } from "../cilium/agent/gc-targets.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { SIGNAL_NAT_FILL_UP } from "../cilium/datapath/events.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV4_WORDS } from "../cilium/maps/address.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { GcRun } from "../observe/result.js";
import type { Topology } from "./topology.js";

/** CPU on which the agent's collector works; the agent is not pinned, one CPU stands for wherever it is. */
const AGENT_CPU = 0;

export interface CollectorOptions {
  readonly simulation: Simulation;
  readonly maps: CiliumMaps;
  readonly settings: CiliumSettings;
  readonly profile: SettledProfile;
  readonly kernel: KernelProfile;
  readonly topology: Topology;
  /** Datapath clock at simulated time 0. */
  readonly bootS: Seconds;
}

export class Collector {
  readonly runs: GcRun[] = [];
  readonly #simulation: Simulation;
  readonly #gc: ConntrackGc;
  readonly #step: number;

  constructor(options: CollectorOptions) {
    this.#simulation = options.simulation;
    this.#gc = new ConntrackGc(gcConfig(options), MEASURED_GC_COSTS, { onRun: (record) => void this.runs.push(asGcRun(record)) });
    this.#step = options.simulation.on(() => this.#schedule(this.#gc.step(options.simulation.now)));
  }

  /** CPU time that collecting has taken, ns. */
  get cpuNs(): number {
    return this.#gc.totalCpuNs;
  }

  get cpu(): number {
    return this.#gc.cpu;
  }

  /** True while a walk occupies the agent's CPU. */
  get busy(): boolean {
    return this.#gc.busyUntil > this.#simulation.now;
  }

  start(): void {
    this.#schedule(this.#gc.start(this.#simulation.now));
  }

  /** A signal of the datapath: `SIGNAL_*`, family 0 for IPv4, 1 for IPv6. */
  signal(type: number, family: number): void {
    const name = type === SIGNAL_NAT_FILL_UP ? "nat_fill_up" : "ct_fill_up";
    this.#schedule(this.#gc.signal(this.#simulation.now, name, family === 0 ? 4 : 6));
  }

  #schedule(at: number): void {
    if (at !== NO_STEP) this.#simulation.at(at, this.#step, 0, 0);
  }
}

function gcConfig(options: CollectorOptions): ConntrackGcConfig {
  const { maps, settings, profile, kernel, bootS } = options;
  const { gc } = profile;
  return {
    pairs: [ipv4Pair(maps)],
    interval: { form: gc.scheduler, fixed: settings.conntrackGcInterval, max: gc.maxIntervalOption ? settings.conntrackGcMaxInterval : 0 },
    iteration: gc.iteration === "batch" && kernel.batchOperations ? "batch" : "per-key",
    orphanDeletion: gc.orphanDeletion,
    signals: profile.conntrack.fillUpSignal === "none" ? ["nat_fill_up"] : ["nat_fill_up", "ct_fill_up"],
    refusesNestedInserts: kernel.bucketLock === "per-cpu-counter",
    pressureCount:
      gc.pressureCountSeconds === null ? null : { every: gc.pressureCountSeconds * NS_PER_S, chunk: gc.pressureCountChunk },
    firstScanLate: { after: gc.firstScanLateSeconds * NS_PER_S, action: gc.firstScanLate },
    firstScanKnown: gc.firstScanEndpointFilter ? [knownAddresses(options.topology)] : null,
    clock: (now) => bootS + clockSeconds(now as Nanoseconds),
    cpu: AGENT_CPU,
  };
}

function ipv4Pair(maps: CiliumMaps): ConntrackPair {
  const common = { family: 4, addressWords: IPV4_WORDS, nat: maps.snatV4External } as const;
  return {
    tcp: { ...common, name: "ct4_global", protocol: "tcp", ct: maps.ct4Global },
    any: { ...common, name: "ct_any4_global", protocol: "any", ct: maps.ctAny4Global },
  };
}

function knownAddresses(topology: Topology): AddressSet {
  const known = new AddressSet(IPV4_WORDS);
  for (const address of [topology.nodeAddress, topology.routerAddress]) known.add(Int32Array.of(address));
  for (const pod of topology.localPods) known.add(Int32Array.of(pod.address));
  return known;
}

function asGcRun(record: GcRunRecord): GcRun {
  return {
    startNs: record.start,
    endNs: record.end,
    cause: record.cause,
    scanned: record.maps.reduce((sum, { alive, deleted }) => sum + alive + deleted, 0),
    deleted: record.maps.reduce((sum, { deleted }) => sum + deleted, 0),
    deleteRatio: record.ratio,
    nextIntervalNs: record.wait,
  };
}
