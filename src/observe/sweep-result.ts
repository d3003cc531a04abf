/** What a sweep is and comes to, as plain data: `lab/sweep` fills it, `report/` renders it. Nothing depends on the machine. */
import type { ExpectationResult } from "./result.js";
import type { FiguredRun, FigureKind } from "./run-figures.js";

/** Version of these shapes, raised when a field changes its meaning or goes. */
export const SWEEP_SCHEMA_VERSION = 1;

export const SWEEP_FORMAT = "ctlab-sweep";
export const SWEEP_POINT_FORMAT = "ctlab-sweep-point";

/** Settings that move together, and the values that they take in turn. */
export interface GridAxis {
  /** Paths as they were written: `bpf.ctTcpMax`. */
  readonly paths: readonly string[];
  /** One value for each path. */
  readonly values: readonly (readonly string[])[];
}

/** `sweep.json`: what is swept. Equal texts are the same sweep, whatever part of it a folder holds. */
export interface SweepPlan {
  readonly format: typeof SWEEP_FORMAT;
  readonly schemaVersion: typeof SWEEP_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly scenario: string;
  readonly seed: string;
  /** Run numbers of every point. */
  readonly runs: readonly number[];
  readonly variants: readonly (string | null)[];
  readonly axes: readonly GridAxis[];
  /** How many there are. */
  readonly points: number;
  /** SHA-256 over the resolved scenarios of all points, hex. */
  readonly hash: string;
}

/** `points/<number>.json`: a finished point. */
export interface SweepPoint {
  readonly format: typeof SWEEP_POINT_FORMAT;
  /** Hash of the plan. */
  readonly sweep: string;
  /** From 0, the last axis moves fastest, variants slowest. */
  readonly point: number;
  readonly variant: string | null;
  /** Value of each path, in the order of the axes. */
  readonly settings: Readonly<Record<string, string>>;
  readonly runs: readonly SweptRun[];
}

export interface SweptRun extends FiguredRun {
  /** Of the scenario's `expect:` lines. */
  readonly outcome: ExpectationResult["outcome"] | "none";
}

/** `table.json`: every finished point in one row. */
export interface SweepTable {
  readonly schemaVersion: typeof SWEEP_SCHEMA_VERSION;
  readonly plan: SweepPlan;
  /** Of every interval. */
  readonly confidence: number;
  /** True when points are missing. */
  readonly partial: boolean;
  readonly rows: readonly SweepRow[];
}

export interface SweepRow {
  readonly point: number;
  readonly variant: string | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly runs: number;
  /** Of each run. */
  readonly fingerprints: readonly string[];
  /** Runs in which every expectation was met; null when there are none. */
  readonly holds: number | null;
  readonly figures: readonly SweptFigure[];
}

/** A figure over the runs of a point. */
export interface SweptFigure extends FigureKind {
  /** Null when a run could not state it. */
  readonly mean: number | null;
  /** Null with a single run. When nothing was seen, `high` is what that allows (rule of three). */
  readonly low: number | null;
  readonly high: number | null;
}
