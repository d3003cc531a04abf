/** Input texts with positions: a file, standard input, or a `--set` argument, and places inside them. */

/** A text that people wrote, and where its lines begin. */
export class SourceText {
  /** Path as given, or `--set`. */
  readonly name: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
    const starts = [0];
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
  }

  /** Line and column of an offset, both from 1; columns count UTF-16 units, as editors do. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const at = Math.max(0, Math.min(offset, this.text.length));
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - this.#lineStarts[low]! + 1 };
  }

  /** A line without its end. */
  line(number: number): string {
    const start = this.#lineStarts[number - 1];
    if (start === undefined) return "";
    const next = this.#lineStarts[number] ?? this.text.length + 1;
    return this.text.slice(start, next - 1).replace(/\r$/, "");
  }
}

/** A stretch of a text: offsets, the end excluded. */
export interface Place {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export function place(source: SourceText, start: number, end: number = start): Place {
  return { source, start, end: Math.max(start, end) };
}

/** `file:line`, as provenance is written. */
export function lineOf({ source, start }: Place): string {
  return `${source.name}:${source.position(start).line}`;
}
