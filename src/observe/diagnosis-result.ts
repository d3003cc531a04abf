/** What `ctlab diagnose` comes to, as plain data. The same files give the same document anywhere. */

/** Version of this shape, raised when a field changes its meaning or goes. */
export const DIAGNOSIS_SCHEMA_VERSION = 1;

export interface DiagnosisResult {
  readonly schemaVersion: typeof DIAGNOSIS_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly files: readonly FileRead[];
  readonly passedOver: readonly FilePassedOver[];
  readonly node: {
    readonly cilium: string | null;
    readonly kernel: string | null;
    readonly cpus: number | null;
    /** What was not said and matters, in sentences. */
    readonly unsaid: readonly string[];
  };
  readonly verdict: {
    /** `clear` and `likely`: the first one leads by much, or by something. `open`: it does not. `too little`: hardly anything was answered. */
    readonly certainty: Certainty;
    readonly notTheMap: boolean;
    readonly headline: string;
  };
  /** All of them, most likely first. */
  readonly ranking: readonly RankedMechanism[];
  /** Null when every question is answered that would tell the first two apart. */
  readonly measurement: Measurement | null;
  /** Worth saying beside the ranking. */
  readonly remarks: readonly string[];
  /** What was read, counted: all that the questions are asked of. Its shape may change with any release. */
  readonly facts: object;
}

export type Certainty = "clear" | "likely" | "open" | "too little";

export interface FileRead {
  readonly path: string;
  readonly kind: string;
  /** `84,211 entries`. */
  readonly content: string;
  readonly skipped: { readonly count: number; readonly first: readonly { readonly line: number; readonly reason: string }[] };
}

/** A file of a folder that is nothing to diagnose from. */
export interface FilePassedOver {
  readonly path: string;
  readonly reason: string;
}

export interface RankedMechanism {
  /** `M1` … `M11`, or a word. */
  readonly id: string;
  readonly title: string;
  readonly notTheMap: boolean;
  /** Of all weights together; a weighing, no probability. */
  readonly share: number;
  readonly for: readonly Evidence[];
  readonly against: readonly Evidence[];
  /** What would weigh most for or against it, had it been measured. */
  readonly missing: readonly MissingEvidence[];
  readonly helps: string;
  readonly noEffect: string;
}

export interface Evidence {
  readonly question: string;
  readonly saw: string;
  /** Ten times the logarithm of how much likelier that is with this mechanism than without; below 0 it speaks against. */
  readonly decibans: number;
}

export interface MissingEvidence {
  readonly question: string;
  readonly asks: string;
  readonly measure: string;
  /** How much it would weigh on average. */
  readonly decibans: number;
}

export interface Measurement extends MissingEvidence {
  readonly between: readonly [string, string];
  /** What each of the two would have it be. */
  readonly expects: readonly [string, string];
}
