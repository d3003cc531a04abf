/**
 * A run in a few numbers, one each, that can be averaged over runs and set against those of another run: what comparisons and sweeps
 * are made of.
 */

export type FigureUnit = "ns" | "count" | "share" | "ratio" | "bytes";

export interface FigureKind {
  /** As JSON, CSV and Parquet name it. */
  readonly name: string;
  /** As tables for people name it. */
  readonly label: string;
  readonly unit: FigureUnit;
  /** Something that users of the cluster feel: a comparison goes on until these are decided. */
  readonly decides: boolean;
}

export interface RunFigure extends FigureKind {
  /** Null: the run has too little data to state it. */
  readonly value: number | null;
  /** Of a share: what it is a share of. */
  readonly trials: number | null;
}

/** One finished run: which random numbers, what happened. */
export interface FiguredRun {
  readonly run: number;
  readonly fingerprint: string;
  readonly figures: readonly RunFigure[];
}
