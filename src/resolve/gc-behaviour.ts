/** How conntrack garbage collection will behave with a configuration: intervals, thresholds, and what a walk costs. */

import { gcIntervalOptions } from "../cilium/agent/gc-config.js";
import { MEASURED_GC_COSTS } from "../cilium/agent/gc-costs.js";
import { GC_MAX_NS, GC_MIN_NS, chooseInterval } from "../cilium/agent/gc-interval.js";
import type { GcForm } from "../cilium/agent/gc-interval.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { ResolvedMap } from "./map-cost.js";

/** One conntrack map under GC. */
export interface WalkEstimate {
  readonly map: string;
  /** CPU time of a walk of the full map, ns. */
  readonly fullWalkNs: number;
  /** A pass that deletes more than this many entries of the map shortens the interval … */
  readonly shortensAbove: number;
  /** … one whose maps all stay below their figure lengthens it. */
  readonly lengthensBelow: number;
}

export interface GcBehaviour {
  readonly form: GcForm;
  readonly iteration: "per-key" | "batch";
  /** ns; 0 = adaptive. */
  readonly fixedInterval: number;
  /** Upper limit of the adaptive interval, ns. */
  readonly maxInterval: number;
  readonly minInterval: number;
  /** First interval on an idle node: what a freshly started agent shows. */
  readonly firstIdleInterval: number;
  /** `cilium_datapath_conntrack_gc_interval_seconds` exists and is written. */
  readonly intervalMetric: boolean;
  readonly walks: readonly WalkEstimate[];
  /** CPU time of a whole pass over full maps, ns: also what a new endpoint may wait for. */
  readonly fullPassNs: number;
  /** Inserts on the walking CPU can fail with EBUSY (M3). */
  readonly refusesNestedInserts: boolean;
  /** A refreshed entry can be deleted between batch read and delete (M5). */
  readonly deletesRefreshed: boolean;
  /** One family's signals can starve the other (M9). */
  readonly starvesFamilies: boolean;
}

const SHORTENS_ABOVE = 0.25;
const LENGTHENS_BELOW = 0.05;
/** A ratio that lengthens: an idle node's. */
const IDLE_RATIO = 0.001;

export function gcBehaviour(
  settings: CiliumSettings,
  profile: SettledProfile,
  kernel: KernelProfile,
  maps: readonly ResolvedMap[],
): GcBehaviour {
  const options = gcIntervalOptions(profile, settings);
  const batch = profile.gc.iteration === "batch" && kernel.batchOperations;
  const perEntry = batch ? MEASURED_GC_COSTS.batchEntryNs : MEASURED_GC_COSTS.keyWalkEntryNs;
  const walks = maps
    .filter((map) => /^ct(_any)?[46]_global$/.test(map.label))
    .map((map) => ({
      map: map.label,
      fullWalkNs: map.entries * perEntry,
      shortensAbove: Math.floor(map.entries * SHORTENS_ABOVE),
      lengthensBelow: Math.ceil(map.entries * LENGTHENS_BELOW),
    }));
  const adaptiveMax = options.max === 0 ? GC_MAX_NS : options.max;
  return {
    form: options.form,
    iteration: batch ? "batch" : "per-key",
    fixedInterval: options.fixed,
    maxInterval: options.fixed === 0 ? adaptiveMax : options.fixed,
    minInterval: options.fixed === 0 ? Math.min(GC_MIN_NS, adaptiveMax) : options.fixed,
    firstIdleInterval: chooseInterval(options, 0, 0, IDLE_RATIO).interval,
    intervalMetric: profile.gc.intervalMetric && options.fixed === 0,
    walks,
    fullPassNs: walks.reduce((sum, walk) => sum + walk.fullWalkNs, 0),
    refusesNestedInserts: kernel.bucketLock === "per-cpu-counter",
    deletesRefreshed: batch,
    starvesFamilies: options.form !== "newer" && settings.enableIpv4 && settings.enableIpv6,
  };
}

