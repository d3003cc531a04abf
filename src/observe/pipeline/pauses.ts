/** When a process gets no CPU: from time to time, for a while. The stages of a process ask it before each piece of work. */

/** Draws the time to the next pause and its length, ns. */
export interface PauseSource {
  readonly gapNs: () => number;
  readonly lengthNs: () => number;
}

export class Pauses {
  readonly #source: PauseSource | null;
  /** Pauses drawn so far, kept for the stage that is furthest behind. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** For each stage, the first pause that has not ended for it. */
  readonly #cursor: Int32Array;

  constructor(source: PauseSource | null, stages: number) {
    this.#source = source;
    this.#cursor = new Int32Array(stages);
  }

  /** The first moment from `at` on at which the stage gets CPU. Times of one stage never fall. */
  awake(stage: number, at: number): number {
    if (this.#source === null) return at;
    for (;;) {
      const next = this.#cursor[stage]!;
      if (next === this.#starts.length) this.#draw(this.#source);
      if (at < this.#starts[next]!) return at;
      if (at < this.#ends[next]!) return this.#ends[next]!;
      this.#cursor[stage]!++;
    }
  }

  #draw(source: PauseSource): void {
    const start = (this.#ends.at(-1) ?? 0) + Math.max(1, source.gapNs());
    this.#starts.push(start);
    this.#ends.push(start + source.lengthNs());
  }
}
