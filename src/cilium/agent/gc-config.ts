/** The collection's configuration from profile, kernel and settings. */

import { NS_PER_S } from "../../core/units.js";
import type { SettledProfile } from "../profile/assumptions.js";
import type { KernelProfile } from "../profile/kernel.js";
import type { GcIntervalOptions } from "./gc-interval.js";
import type { SignalType } from "./gc-records.js";
import type { AddressSet, ConntrackPair } from "./gc-targets.js";
import type { CiliumSettings } from "./settings.js";

/** Everything that decides how collection runs. */
export interface ConntrackGcConfig {
  /** Pairs in the agent's order: v4, then v6; only enabled families. */
  readonly pairs: readonly ConntrackPair[];
  readonly interval: GcIntervalOptions;
  readonly iteration: "per-key" | "batch";
  /** NAT orphans are deleted while walking or after the walk. */
  readonly orphanDeletion: "while-walking" | "after-walk";
  /** Signals that the agent listens to. */
  readonly signals: readonly SignalType[];
  /** A bucket lock held by the walk refuses inserts on its CPU (kernels 5.11 to 6.14, M3). */
  readonly refusesNestedInserts: boolean;
  /** Counting for the pressure metric: every so many ns, in chunks of so many entries (null = as GC walks). */
  readonly pressureCount: { readonly every: number; readonly chunk: number | null } | null;
  /** How late the first scan may be, ns, and what happens then. */
  readonly firstScanLate: { readonly after: number; readonly action: "exit" | "warn" };
  /** First scan also deletes entries between addresses that are not in these sets (per pair); null from 1.15.2 on. */
  readonly firstScanKnown: readonly AddressSet[] | null;
  /** The datapath's clock at a simulated time. */
  readonly clock: (now: number) => number;
  /** CPU on which the agent runs. */
  readonly cpu: number;
}

/** What of a node the configuration needs beside versions and settings. */
export interface GcPlacement {
  readonly pairs: readonly ConntrackPair[];
  /** CPU on which the agent runs. */
  readonly cpu: number;
  /** Datapath clock at simulated time 0: how long the node has been up, seconds. */
  readonly bootSeconds: number;
  /** Addresses of restored endpoints per pair; only 1.14 to 1.15.1 look at them, in the first scan. */
  readonly restored: readonly AddressSet[];
}

/** Interval options that count in this version. */
export function gcIntervalOptions(profile: SettledProfile, settings: CiliumSettings): GcIntervalOptions {
  return {
    form: profile.gc.scheduler,
    fixed: settings.conntrackGcInterval,
    max: profile.gc.maxIntervalOption ? settings.conntrackGcMaxInterval : 0,
  };
}

/** Jiffies to a unit of the probed clock: the datapath shifts by 8 bits. */
const PROBED_CLOCK_JIFFIES = 256;

/** The datapath's clock: whole seconds since boot, or jiffies / 256 with the clock probe on. */
export function datapathClock(settings: CiliumSettings, kernel: KernelProfile, bootSeconds: number): (now: number) => number {
  const boot = bootSeconds * NS_PER_S;
  const unit = clockUnitNs(settings, kernel);
  return (now) => Math.floor((boot + now) / unit);
}

/** The clock's unit, ns. */
export function clockUnitNs(settings: CiliumSettings, kernel: KernelProfile): number {
  return settings.enableBpfClockProbe ? (PROBED_CLOCK_JIFFIES * NS_PER_S) / kernel.hz : NS_PER_S;
}

export function conntrackGcConfig(
  profile: SettledProfile,
  kernel: KernelProfile,
  settings: CiliumSettings,
  place: GcPlacement,
): ConntrackGcConfig {
  const { gc } = profile;
  const signals: SignalType[] = ["nat_fill_up"];
  if (profile.conntrack.fillUpSignal !== "none") signals.push("ct_fill_up");
  return {
    pairs: place.pairs,
    interval: gcIntervalOptions(profile, settings),
    iteration: gc.iteration === "batch" && kernel.batchOperations ? "batch" : "per-key",
    orphanDeletion: gc.orphanDeletion,
    signals,
    refusesNestedInserts: kernel.bucketLock === "per-cpu-counter",
    pressureCount:
      gc.pressureCountSeconds === null
        ? null
        : { every: gc.pressureCountSeconds * NS_PER_S, chunk: gc.pressureCountChunk },
    firstScanLate: { after: gc.firstScanLateSeconds * NS_PER_S, action: gc.firstScanLate },
    firstScanKnown: gc.firstScanEndpointFilter ? place.restored : null,
    clock: datapathClock(settings, kernel, place.bootSeconds),
    cpu: place.cpu,
  };
}
