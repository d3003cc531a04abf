/** Lines of a dump that were passed over: how many, and why the first ones were. */

export interface SkippedLine {
  /** From 1. In JSON: the line on which the record begins. */
  readonly line: number;
  readonly reason: string;
}

export interface Skipped {
  readonly count: number;
  readonly first: readonly SkippedLine[];
}

/** Enough to see what is wrong with a file. */
const KEPT = 20;

export class SkipLog {
  #count = 0;
  readonly #first: SkippedLine[] = [];

  note(line: number, reason: string): void {
    this.#count++;
    if (this.#first.length < KEPT) this.#first.push({ line, reason });
  }

  get count(): number {
    return this.#count;
  }

  result(): Skipped {
    return { count: this.#count, first: [...this.#first] };
  }
}
