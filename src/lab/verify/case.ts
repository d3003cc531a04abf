/**
 * What a verifier is: recorded ground truth in, one outcome per case out.
 *
 * `ctlab verify KIND FILE…` reads each file once, hands it to the verifier of that kind and counts. A verifier yields
 * a failed outcome for a case, field or kind that it does not understand; it throws `VectorFileError` when the file
 * as a whole can't be read (damaged, truncated, foreign).
 */

/** One compared case. `difference` is the first one only, and absent when the case passed. */
export interface CaseOutcome {
  readonly id: string;
  readonly difference?: Difference;
  /** What was compared, for the summary line (operations, packets …); summed over the cases of a file. */
  readonly compared?: number;
  /** Cells of the case's line in the table of a validation report, for kinds that have one. */
  readonly row?: readonly string[];
}

/** Where a case departs from the recorded truth. */
export interface Difference {
  /** Place inside the case, as a person would look it up: `op 17`, `step 3 ct4_global`. */
  readonly where: string;
  readonly expected: string;
  readonly actual: string;
}

/** A vector file, already read and decompressed. */
export interface VectorFile {
  /** The path as the user gave it. */
  readonly path: string;
  /** Whole content as text. */
  readonly text: string;
  /** Reads and decompresses a file that lies beside this one; throws `VectorFileError` when it is not there. */
  sibling(name: string): VectorFile;
}

/** Compares one file with the model. Outcomes come in the file's order. */
export type Verifier = (file: VectorFile) => Iterable<CaseOutcome> | AsyncIterable<CaseOutcome>;

/** The file can't be used as a vector file: says why, and where when that is known. Exit code 2. */
export class VectorFileError extends Error {
  override readonly name = "VectorFileError";
  readonly path: string;
  readonly line: number | undefined;

  constructor(path: string, reason: string, line?: number) {
    super(line === undefined ? `${path}: ${reason}` : `${path}:${line}: ${reason}`);
    this.path = path;
    this.line = line;
  }
}

/** A passed case. */
export function passed(id: string, compared?: number): CaseOutcome {
  return compared === undefined ? { id } : { id, compared };
}

/** A failed case with its first difference; values that are not text are shown as JSON. */
export function failed(id: string, where: string, expected: unknown, actual: unknown): CaseOutcome {
  return { id, difference: { where, expected: show(expected), actual: show(actual) } };
}

function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}
