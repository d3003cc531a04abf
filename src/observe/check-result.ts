/** What `ctlab check` comes to, as plain data: `lab/check` fills it, `report/` renders it. Nothing depends on the machine. */
import type { ExpectationResult } from "./result.js";

/** Version of this shape, raised when a field changes its meaning or goes. */
export const CHECK_SCHEMA_VERSION = 1;

export interface CheckResult {
  readonly schemaVersion: typeof CHECK_SCHEMA_VERSION;
  readonly ctlab: string;
  /** Run number: which independent random streams under the seeds. */
  readonly run: number;
  /** True when the check was interrupted: variants are missing. */
  readonly partial: boolean;
  readonly variants: readonly CheckedVariant[];
}

/** A variant that was simulated to its end. */
export interface CheckedVariant {
  /** The scenario's name. */
  readonly scenario: string;
  /** Its file, as given. */
  readonly file: string;
  /** Name of the variant; null when the scenario has none. */
  readonly name: string | null;
  readonly seed: string;
  readonly fingerprint: string;
  readonly headline: string;
  readonly expectations: readonly ExpectationResult[];
}
