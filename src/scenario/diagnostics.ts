/**
 * Mistakes in input as a product: where, what was found, what was expected, what was probably meant. All mistakes of an
 * input are collected and reported together, in the order of the files.
 */

import { nearestName } from "./nearest.js";
import type { Place } from "./source.js";

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, UTF-16 units. */
  readonly column: number;
  /** Units that the caret underlines, at least 1; ends with the line. */
  readonly length: number;
  /** The line as it stands in the file; null when the file could not be read. */
  readonly sourceLine: string | null;
  /** What was found. */
  readonly message: string;
  readonly expected: string | null;
  /** The nearest valid name. */
  readonly nearest: string | null;
}

/** Invalid input: one or more errors, and the warnings that came with them. Nothing was run or written. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(renderDiagnostics(diagnostics));
    this.diagnostics = diagnostics;
  }
}

interface Details {
  /** What would have been right. */
  readonly expected?: string | undefined;
  /** What was written, when names can be suggested for it, and the names that are valid. */
  readonly names?: { readonly written: string; readonly valid: Iterable<string> } | undefined;
  /** A suggestion made elsewhere; wins over `names`. */
  readonly nearest?: string | undefined;
}

/** Collects what is wrong while reading goes on. */
export class Diagnostics {
  readonly #all: Diagnostic[] = [];
  readonly #fileOrder = new Map<string, number>();

  /** Files are reported in the order in which they are first named here. */
  openFile(name: string): void {
    if (!this.#fileOrder.has(name)) this.#fileOrder.set(name, this.#fileOrder.size);
  }

  error(at: Place, message: string, details: Details = {}): void {
    this.#add("error", at, message, details);
  }

  warning(at: Place, message: string, details: Details = {}): void {
    this.#add("warning", at, message, details);
  }

  /** A file that could not be read has no line to show. */
  unreadable(file: string, message: string, details: Details = {}): void {
    this.openFile(file);
    this.#all.push({
      severity: "error",
      file,
      line: 1,
      column: 1,
      length: 1,
      sourceLine: null,
      message,
      expected: details.expected ?? null,
      nearest: suggestion(details),
    });
  }

  get hasErrors(): boolean {
    return this.#all.some(({ severity }) => severity === "error");
  }

  /** Everything found, by file, line and column, each thing once. */
  sorted(): readonly Diagnostic[] {
    const order = (file: string): number => this.#fileOrder.get(file) ?? this.#fileOrder.size;
    const unique = new Map(this.#all.map((each) => [JSON.stringify(each), each]));
    return [...unique.values()].sort((a, b) => order(a.file) - order(b.file) || a.line - b.line || a.column - b.column);
  }

  warnings(): readonly Diagnostic[] {
    return this.sorted().filter(({ severity }) => severity === "warning");
  }

  /** Throws an `InputError` with everything found, if any of it is an error. */
  throwIfErrors(): void {
    if (this.hasErrors) throw new InputError(this.sorted());
  }

  #add(severity: Diagnostic["severity"], at: Place, message: string, details: Details): void {
    const { source, start, end } = at;
    this.openFile(source.name);
    const { line, column } = source.position(start);
    const sourceLine = source.line(line);
    const rest = Math.max(1, sourceLine.length - column + 1);
    this.#all.push({
      severity,
      file: source.name,
      line,
      column,
      length: Math.max(1, Math.min(end - start, rest)),
      sourceLine,
      message,
      expected: details.expected ?? null,
      nearest: suggestion(details),
    });
  }
}

/** A single mistake of a file, a folder or an option as a whole. */
export function refusal(subject: string, message: string, details: Details = {}): InputError {
  const found = new Diagnostics();
  found.unreadable(subject, message, details);
  return new InputError(found.sorted());
}

function suggestion({ nearest, names }: Details): string | null {
  return nearest ?? (names === undefined ? null : (nearestName(names.written, names.valid) ?? null));
}

export interface RenderOptions {
  readonly color?: boolean;
}

/** All diagnostics, a blank line between them, and how many there are when there are several. No final line end. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  const blocks = diagnostics.map((each) => renderDiagnostic(each, options));
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  if (errors > 1) blocks.push(`${errors} errors`);
  return blocks.join("\n\n");
}

/**
 * One diagnostic:
 *
 *     scenarios/a.yaml:12:3: error: unknown key "durtion"
 *        12 | durtion: 40m
 *           | ^~~~~~~
 *        expected one of: about, duration, seed
 *        did you mean "duration"?
 */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions = {}): string {
  const paint = painter(options.color === true);
  const { file, line, column, severity, message, expected, nearest, sourceLine } = diagnostic;
  const position = `${printable(file)}:${line}:${column}`;
  const label = paint(severity === "error" ? RED : YELLOW, `${severity}:`);
  const lines = [`${paint(BOLD, `${position}:`)} ${label} ${printable(message)}`];
  if (sourceLine !== null) lines.push(...excerpt(diagnostic, sourceLine, paint));
  if (expected !== null) lines.push(`${INDENT}expected ${printable(expected)}`);
  if (nearest !== null) lines.push(`${INDENT}did you mean ${paint(BOLD, `"${printable(nearest)}"`)}?`);
  return lines.join("\n");
}

const BOLD = "1";
const RED = "31";
const YELLOW = "33";
const INDENT = "   ";
/** Longest stretch of a source line that is shown; a longer line is cut around the caret. */
const EXCERPT_MAX = 120;
/** What stays visible before the caret in a line that is cut. */
const EXCERPT_BEFORE = 60;

type Paint = (code: string, text: string) => string;

function painter(color: boolean): Paint {
  return color ? (code, text) => `\u001b[${code}m${text}\u001b[0m` : (_code, text) => text;
}

function excerpt({ line, column, length }: Diagnostic, sourceLine: string, paint: Paint): string[] {
  const from = column - 1 > EXCERPT_MAX - 20 ? column - 1 - EXCERPT_BEFORE : 0;
  const shown = sourceLine.slice(from, from + EXCERPT_MAX);
  const before = (from > 0 ? "…" : "") + printable(shown.slice(0, column - 1 - from));
  const after = printable(shown.slice(column - 1 - from)) + (from + EXCERPT_MAX < sourceLine.length ? "…" : "");
  const number = String(line);
  const gutter = " ".repeat(number.length);
  // Tabs stay tabs, so that the caret stands under its letter at any tab width.
  const padding = before.replace(/[^\t]/gu, (letter) => " ".repeat(cells(letter)));
  const underline = `^${"~".repeat(Math.max(0, Math.min(length, EXCERPT_MAX, after.length) - 1))}`;
  return [`${INDENT}${number} | ${before}${after}`.trimEnd(), `${INDENT}${gutter} | ${padding}${paint(RED, underline)}`];
}

/** Terminal cells of one letter: two for East Asian wide forms and emoji. */
function cells(letter: string): number {
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
    letter,
  )
    ? 2
    : 1;
}

/** Text that can't move the cursor or colour the terminal: control characters become a visible mark. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g, "·");
}
