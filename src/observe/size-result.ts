/** What `ctlab size` comes to, as plain data: `lab/size` fills it, `report/` renders it. Nothing depends on the machine. */
import type { ExpectationResult } from "./result.js";

/** Version of this shape, raised when a field changes its meaning or goes. */
export const SIZE_SCHEMA_VERSION = 1;

export interface SizeResult {
  readonly schemaVersion: typeof SIZE_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly scenario: { readonly name: string; readonly variant: string | null; readonly hash: string };
  readonly profile: { readonly cilium: string; readonly kernel: string };
  readonly seed: string;
  /** Run numbers that were simulated at the recommended sizes. */
  readonly runs: readonly number[];
  readonly partial: boolean;
  /** Room above what is needed, as a share: 0.3. */
  readonly margin: number;
  readonly goals: readonly GoalResult[];
  /** Met, missed, or not decided by so many runs: all goals at the recommended sizes. */
  readonly outcome: ExpectationResult["outcome"];
  readonly sizes: readonly SizedMapResult[];
  readonly others: readonly OtherSize[];
  readonly nodes: number;
  readonly closedForm: readonly ClosedForm[];
  /** GC as it ran at the recommended sizes. */
  readonly gc: { readonly runs: number; readonly meanIntervalNs: number | null; readonly longestIntervalNs: number | null };
  readonly wrongWhen: readonly string[];
}

export interface GoalResult {
  readonly text: string;
  readonly outcome: ExpectationResult["outcome"];
  /** In words, with its interval. */
  readonly actual: string;
}

/** A map of connections. */
export interface SizedMapResult {
  readonly map: string;
  /** Helm value that sets its size. */
  readonly value: string;
  readonly type: "lru_hash" | "hash";
  readonly current: number;
  /** Where the current size comes from. */
  readonly origin: string;
  readonly recommended: number;
  /** Smallest size worth writing down that has the margin; below the recommended one when a present size that is enough is kept. */
  readonly enough: number;
  /** Entries that the goals need room for, without margin, and the bounds that one run leaves. */
  readonly needed: number;
  /** Most entries at any time, dead ones that wait for GC included. */
  readonly peak: number;
  /** Why it needs that many. */
  readonly reason: string;
  /** The same by hand; null when the two agree within a tenth. */
  readonly disagreement: string | null;
  readonly memoryNow: number;
  readonly memoryThen: number;
  /** Room left above the peak at the recommended size, as a share of the peak; null without load. */
  readonly headroom: number | null;
  /** Months until the recommended size is needed in full, at the growth asked for; null without load. */
  readonly months: number | null;
  /** How long before the map is full an alert at this pressure comes, at the fastest minute of growth; null when it never fills. */
  readonly warnings: readonly { readonly pressure: number; readonly leadNs: number | null }[];
  /** What other sizes would do, from one run. */
  readonly curve: readonly CurvePointResult[];
}

export interface CurvePointResult {
  readonly maxEntries: number;
  readonly refused: number;
  readonly evictionsLive: number;
}

/** A size that does not follow from connections. */
export interface OtherSize {
  readonly value: string;
  readonly current: number;
  readonly recommended: number;
  readonly reason: string;
}

/** Entries of a map by hand. */
export interface ClosedForm {
  readonly map: string;
  /** Entries that are there from the start. */
  readonly there: number;
  readonly lines: readonly ClosedFormLine[];
  readonly gcIntervalNs: number;
  /** The interval is where the adaptive one begins. */
  readonly gcIsAdaptive: boolean;
  readonly entries: number;
}

/** One workload's part: `perSecond` × `entriesEach` × `spanNs`, `atMost` at most; or `connections` × `entriesEach`. */
export interface ClosedFormLine {
  readonly workload: string;
  readonly perSecond: number;
  /** Connections that are always there; null where they come and go. */
  readonly connections: number | null;
  readonly entriesEach: number;
  readonly connectionNs: number;
  readonly lifetimeNs: number;
  /** Connection, lifetime and GC interval together, cut to the burst or the run. */
  readonly spanNs: number;
  /** Where connections share entries: as many as there can be; else null. */
  readonly atMost: number | null;
  readonly entries: number;
}
