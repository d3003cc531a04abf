/** What `ctlab compare` comes to, as plain data: `lab/compare` fills it, `report/` renders it. Nothing depends on the machine. */
import type { Direction } from "../stats/sequential.js";
import type { FigureKind } from "./run-figures.js";

/** Version of this shape, raised when a field changes its meaning or goes. */
export const COMPARISON_SCHEMA_VERSION = 1;

export interface ComparisonResult {
  readonly schemaVersion: typeof COMPARISON_SCHEMA_VERSION;
  readonly ctlab: string;
  /** Of both sides. */
  readonly seed: string;
  /** Run numbers that both sides were simulated with. */
  readonly runs: readonly number[];
  /** True when the comparison was interrupted. */
  readonly partial: boolean;
  /** Of every interval, however often it was looked at meanwhile. */
  readonly confidence: number;
  /** A difference up to this share of the first side's mean does not matter. */
  readonly tolerance: number;
  readonly sides: readonly [first: ComparedSide, second: ComparedSide];
  /** Settings that differ between the two. */
  readonly settings: readonly SettingDifference[];
  /** Every pair of runs was the same, event for event. */
  readonly identical: boolean;
  readonly figures: readonly ComparedFigure[];
  /** The command that repeats it. */
  readonly command: string;
}

export interface ComparedSide {
  /** Short name, for columns. */
  readonly label: string;
  readonly file: string;
  readonly scenario: string;
  readonly variant: string | null;
  /** SHA-256 over the resolved scenario, hex. */
  readonly hash: string;
  /** Fingerprint of each run. */
  readonly fingerprints: readonly string[];
}

export interface SettingDifference {
  readonly setting: string;
  /** Null: the side has no such setting. */
  readonly first: string | null;
  readonly second: string | null;
}

export interface ComparedFigure extends FigureKind {
  readonly first: FigureSide;
  readonly second: FigureSide;
  /** Second less first, over the pairs; null when a run could not state the figure. */
  readonly difference: { readonly mean: number; readonly low: number; readonly high: number } | null;
  readonly direction: Direction | "no data";
}

export interface FigureSide {
  /** Over the runs; null when one could not state it. */
  readonly mean: number | null;
  /** Of a share: connections and queries of all runs together. */
  readonly trials: number | null;
  /** Of each run. */
  readonly values: readonly (number | null)[];
}
