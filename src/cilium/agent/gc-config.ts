/** The collection's configuration from profile, kernel and settings. */

import { NS_PER_S } from "../../core/units.js";
import type { SettledProfile } from "../profile/assumptions.js";
import type { KernelProfile } from "../profile/kernel.js";
import type { ConntrackGcConfig } from "./conntrack-gc.js";
import type { GcIntervalOptions } from "./gc-interval.js";
import type { SignalType } from "./gc-records.js";
import type { AddressSet, ConntrackPair } from "./gc-targets.js";
import type { CiliumSettings } from "./settings.js";

/** What of a node the configuration needs beside versions and settings. */
export interface GcPlacement {
  readonly pairs: readonly ConntrackPair[];
  /** CPU on which the agent runs. */
  readonly cpu: number;
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

/** The datapath's clock: whole seconds, or jiffies / 256 with the clock probe on. */
export function datapathClock(settings: CiliumSettings, kernel: KernelProfile): (now: number) => number {
  if (!settings.enableBpfClockProbe) return (now) => Math.floor(now / NS_PER_S);
  const unit = (PROBED_CLOCK_JIFFIES * NS_PER_S) / kernel.hz;
  return (now) => Math.floor(now / unit);
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
    clock: datapathClock(settings, kernel),
    cpu: place.cpu,
  };
}
