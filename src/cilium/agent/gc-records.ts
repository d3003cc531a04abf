/** What a collection leaves for whoever watches: plain numbers, times in ns of simulated time. */

import type { IntervalReason } from "./gc-interval.js";
import type { WalkCounts } from "./gc-plain.js";
import type { OrphanCounts } from "./nat-purge.js";

/** Why a run began. */
export type GcCause = "start" | "timer" | "signal";

/** One walk of one conntrack map. */
export interface MapWalkRecord extends Readonly<WalkCounts> {
  readonly map: string;
  readonly start: number;
  readonly end: number;
  readonly cpuNs: number;
  /** deleted / max_entries. */
  readonly ratio: number;
  /** Deleted although refreshed since it was read (M5). */
  readonly refreshedDeletions: number;
}

/** One orphan scan. */
export interface OrphanScanRecord extends Readonly<OrphanCounts> {
  readonly map: string;
  readonly start: number;
  readonly end: number;
  readonly cpuNs: number;
  readonly completed: boolean;
}

/** One pass of the GC loop. */
export interface GcRunRecord {
  /** From 0. */
  readonly run: number;
  readonly cause: GcCause;
  /** Families asked for, bits FAMILY_V4 and FAMILY_V6. */
  readonly families: number;
  readonly full: boolean;
  readonly start: number;
  readonly end: number;
  readonly cpuNs: number;
  readonly maps: readonly MapWalkRecord[];
  readonly orphans: readonly OrphanScanRecord[];
  readonly success: boolean;
  /** Largest ratio of a map. */
  readonly ratio: number;
  /** Span from the end until the timer fires. */
  readonly wait: number;
  /** Interval metric; null when it is not written. */
  readonly intervalMetric: number | null;
  readonly reason: IntervalReason;
}

/** The walk that an endpoint's arrival or departure costs. */
export interface ScrubRecord {
  readonly ticket: number;
  readonly requested: number;
  readonly start: number;
  readonly end: number;
  readonly cpuNs: number;
  readonly deleted: number;
}

/** What became of a signal: `cilium_datapath_signals_handled_total`. */
export type SignalOutcome = "received" | "muted" | "unregistered";

/** Everything that watches GC implements what it needs of this. */
export interface GcObserver {
  readonly onRun?: (record: GcRunRecord) => void;
  readonly onScrub?: (record: ScrubRecord) => void;
  readonly onSignal?: (now: number, type: SignalType, family: 4 | 6, outcome: SignalOutcome) => void;
  /** Conntrack entries counted for the pressure metric. */
  readonly onPressureCount?: (now: number, map: string, entries: number) => void;
  /** A conntrack key is deleted; `target` is the index of its map. */
  readonly onDeleted?: (now: number, target: number, key: Int32Array, at: number) => void;
  /** The first scan is not done in time: the process ends, or a warning is logged. */
  readonly onFirstScanLate?: (now: number, action: "exit" | "warn") => void;
}

/** Signals of the datapath that wake GC. */
export type SignalType = "nat_fill_up" | "ct_fill_up";
