/** Reading cases out of a JSON vector file: a wrong shape fails the case, an unreadable file fails as a whole. */

import { VectorFileError, failed } from "./case.js";
import type { CaseOutcome, VectorFile } from "./case.js";

export type Fields = Readonly<Record<string, unknown>>;

/** A field of a case isn't what the verifier can compare; becomes a failed outcome. */
export class FieldError extends Error {
  override readonly name = "FieldError";
  readonly field: string;
  readonly wanted: string;
  readonly found: unknown;

  constructor(field: string, wanted: string, found: unknown) {
    super(`${field}: wanted ${wanted}`);
    this.field = field;
    this.wanted = wanted;
    this.found = found;
  }
}

/** Parses the file and makes sure that it has these sections; throws `VectorFileError` with line and reason. */
export function parseVectors(file: VectorFile, sections: readonly string[]): Fields {
  let root: unknown;
  try {
    root = JSON.parse(file.text);
  } catch (error) {
    throw new VectorFileError(file.path, `is not JSON: ${(error as Error).message}`, lineOf(file.text, error as Error));
  }
  if (!isFields(root)) throw new VectorFileError(file.path, "holds no JSON object", 1);
  for (const section of sections) {
    if (!Array.isArray(root[section])) throw new VectorFileError(file.path, `has no list "${section}"`, 1);
  }
  return root;
}

/** Line at which parsing stopped: the position that the engine names, else the last line. */
function lineOf(text: string, error: Error): number {
  const position = /position (\d+)/.exec(error.message);
  const end = position === null ? text.length : Number(position[1]);
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Runs one case; a field of the wrong shape is its first difference. */
export function guarded(id: string, run: () => CaseOutcome): CaseOutcome {
  try {
    return run();
  } catch (error) {
    if (error instanceof FieldError) return failed(id, error.field, error.wanted, error.found);
    throw error;
  }
}

/** The items of a section, each with a readable identity, through `run`. */
export function* eachCase(
  root: Fields,
  section: string,
  identify: (each: Fields, index: number) => string,
  run: (each: Fields, id: string) => CaseOutcome,
): Generator<CaseOutcome> {
  for (const [index, each] of (root[section] as readonly unknown[]).entries()) {
    if (isFields(each)) {
      const id = identify(each, index);
      yield guarded(id, () => run(each, id));
    } else {
      yield failed(`${section} ${index}`, section, "an object", each);
    }
  }
}

/** Throws for the first field that the verifier doesn't know. */
export function onlyFields(each: Fields, known: readonly string[]): void {
  for (const field of Object.keys(each)) {
    if (!known.includes(field)) throw new FieldError(field, "no such field", each[field]);
  }
}

/** Outcome for sections that the verifier doesn't know, none when there are none. */
export function* unknownSections(root: Fields, known: readonly string[]): Generator<CaseOutcome> {
  for (const section of Object.keys(root)) {
    if (!known.includes(section)) yield failed(section, section, "a known section", "unknown section");
  }
}

export function numberOf(each: Fields, field: string): number {
  const value = each[field];
  if (typeof value !== "number" || !Number.isFinite(value)) throw new FieldError(field, "a number", value);
  return value;
}

export function numberOrNull(each: Fields, field: string): number | null {
  return each[field] === null ? null : numberOf(each, field);
}

export function textOf(each: Fields, field: string): string {
  const value = each[field];
  if (typeof value !== "string") throw new FieldError(field, "a text", value);
  return value;
}

export function truthOf(each: Fields, field: string): boolean {
  const value = each[field];
  if (typeof value !== "boolean") throw new FieldError(field, "true or false", value);
  return value;
}

export function fieldsOf(each: Fields, field: string): Fields {
  const value = each[field];
  if (!isFields(value)) throw new FieldError(field, "an object", value);
  return value;
}

export function listOf(each: Fields, field: string): readonly unknown[] {
  const value = each[field];
  if (!Array.isArray(value)) throw new FieldError(field, "a list", value);
  return value;
}

export function oneOf<const Word extends string>(each: Fields, field: string, words: readonly Word[]): Word {
  const value = each[field];
  const word = words.find((known) => known === value);
  if (word === undefined) throw new FieldError(field, words.join(" or "), value);
  return word;
}
