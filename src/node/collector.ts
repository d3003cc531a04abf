/** Puts the agent's garbage collector into the node's event loop, with the settings and facts of the simulated release. */
import { HashTable } from "../bpf/hash-table.js";
import { ConntrackGc, NO_STEP } from "../cilium/agent/conntrack-gc.js";
import { conntrackGcConfig } from "../cilium/agent/gc-config.js";
import { MEASURED_GC_COSTS } from "../cilium/agent/gc-costs.js";
import type { GcObserver, GcRunRecord } from "../cilium/agent/gc-records.js";
import { AddressSet, conntrackPairs } from "../cilium/agent/gc-targets.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { SIGNAL_NAT_FILL_UP } from "../cilium/datapath/events.js";
import type { CiliumMaps } from "../cilium/maps.js";
import type { AddressWords } from "../cilium/maps/address.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { Simulation } from "../core/simulation.js";
import type { Seconds } from "../core/units.js";
import type { GcRun } from "../observe/result.js";
import { addressOf } from "./ipv6.js";
import { familiesOf } from "./populate.js";
import type { Topology } from "./topology.js";

/** CPU on which the agent's collector works; the agent is not pinned, one CPU stands for wherever it is. */
const AGENT_CPU = 0;

/** Somebody who sees what the agent sees of its collector, and when there is no agent. */
export interface AgentWatch extends Required<Pick<GcObserver, "onRun" | "onSignal" | "onPressureCount">> {
  stop(): void;
  restart(): void;
}

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
  watch: AgentWatch | null = null;
  /** How much later than the programs the agent takes it to be, ns. */
  clockAheadNs = 0;
  /** Told of each slice of work: when it begins, and how long it takes, ns. */
  onSlice: ((atNs: number, cpuNs: number) => void) | null = null;
  readonly #simulation: Simulation;
  readonly #options: CollectorOptions;
  readonly #step: number;
  #gc: ConntrackGc;
  /** Which agent an event is for: 0 for the first, one more after each restart. */
  #agent = 0;
  #down = false;
  /** CPU time of agents that are gone. */
  #earlierCpuNs = 0;

  constructor(options: CollectorOptions) {
    this.#simulation = options.simulation;
    this.#options = options;
    this.#gc = this.#newAgent();
    this.#step = options.simulation.on((agent) => {
      if (agent !== this.#agent || this.#down) return;
      this.#schedule(this.#gc.step(options.simulation.now));
      if (this.onSlice !== null && this.#gc.stepCpuNs > 0) this.onSlice(options.simulation.now, this.#gc.stepCpuNs);
    });
  }

  #newAgent(): ConntrackGc {
    const { profile, kernel, settings, maps, topology, bootS } = this.#options;
    const config = conntrackGcConfig(profile, kernel, settings, {
      pairs: conntrackPairs(maps, settings.enableNodePort || settings.enableBpfMasquerade),
      cpu: AGENT_CPU,
      bootSeconds: bootS,
      restored: familiesOf(maps).map((words) => knownAddresses(topology, words)),
    });
    const { clock } = config;
    const agents = { ...config, clock: (now: number) => clock(now + this.clockAheadNs) };
    return new ConntrackGc(agents, MEASURED_GC_COSTS, {
      onRun: (record) => {
        this.runs.push(asGcRun(record));
        this.watch?.onRun(record);
      },
      onSignal: (...signal) => this.watch?.onSignal(...signal),
      onPressureCount: (...count) => this.watch?.onPressureCount(...count),
    });
  }

  /** CPU time that collecting has taken, ns. */
  get cpuNs(): number {
    return this.#earlierCpuNs + this.#gc.totalCpuNs;
  }

  /** No agent runs. */
  get isDown(): boolean {
    return this.#down;
  }

  get cpu(): number {
    return this.#gc.cpu;
  }

  /** True while a walk occupies the agent's CPU. */
  get busy(): boolean {
    return !this.#down && this.#gc.busyUntil > this.#simulation.now;
  }

  start(): void {
    this.#schedule(this.#gc.start(this.#simulation.now));
  }

  /** A signal of the datapath: `SIGNAL_*`, family 0 for IPv4, 1 for IPv6. */
  signal(type: number, family: number): void {
    if (this.#down) return;
    const name = type === SIGNAL_NAT_FILL_UP ? "nat_fill_up" : "ct_fill_up";
    this.#schedule(this.#gc.signal(this.#simulation.now, name, family === 0 ? 4 : 6));
  }

  /** The agent ends: no collection, no ear for signals, whatever walk was under way is over. */
  stop(): void {
    this.#down = true;
    this.watch?.stop();
    for (const { ct } of this.#gc.targets) if (ct.map instanceof HashTable) ct.map.releaseBucketLock();
  }

  /** Another agent begins, with the maps as they are now. */
  restart(): void {
    this.#earlierCpuNs += this.#gc.totalCpuNs;
    this.#agent++;
    this.#down = false;
    this.watch?.restart();
    this.#gc = this.#newAgent();
    this.start();
  }

  /** An endpoint with this address comes or goes: the agent walks the maps for its connections. */
  scrub(address: number): void {
    if (this.#down) return;
    const sets = familiesOf(this.#options.maps).map((words) => new AddressSet(words).add(Int32Array.from(addressOf(address, words))));
    this.#schedule(this.#gc.scrub(this.#simulation.now, sets).stepAt);
  }

  #schedule(at: number): void {
    if (at !== NO_STEP) this.#simulation.at(at, this.#step, this.#agent, 0);
  }
}

/** Addresses that the first scan of 1.14 and early 1.15 takes for known. */
function knownAddresses(topology: Topology, words: AddressWords): AddressSet {
  const known = new AddressSet(words);
  const pods = topology.localPods.map(({ address }) => address);
  for (const address of [topology.nodeAddress, topology.routerAddress, ...pods]) known.add(Int32Array.from(addressOf(address, words)));
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
    maps: record.maps.map(({ map }) => map),
  };
}
