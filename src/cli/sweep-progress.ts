/** Progress of a sweep on stderr: one line that is rewritten on a terminal, nothing elsewhere. */
import { formatDuration } from "../core/units.js";
import type { SweepProgress } from "../lab/sweep/sweep.js";

/** Milliseconds between two drawings. */
const REDRAW_MS = 200;
const CLEAR_LINE = "\r\u001b[2K";

export class SweepProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #enabled: boolean;
  #startedAt = performance.now();
  #drawnAt = -Infinity;

  constructor(stream: NodeJS.WriteStream, quiet: boolean) {
    this.#stream = stream;
    this.#enabled = stream.isTTY === true && !quiet;
  }

  /** From here on time counts. */
  start(): void {
    this.#startedAt = performance.now();
  }

  show({ runsDone, runs, share }: SweepProgress): void {
    const now = performance.now();
    if (!this.#enabled || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const leftMs = share > 0 ? ((now - this.#startedAt) / share) * (1 - share) : 0;
    const left = formatDuration(Math.ceil(leftMs / 1000) * 1e9);
    this.#stream.write(`${CLEAR_LINE}${(share * 100).toFixed(0)} %  ${runsDone}/${runs} runs  about ${left} left`);
  }

  clear(): void {
    if (this.#enabled && this.#drawnAt > -Infinity) this.#stream.write(CLEAR_LINE);
  }
}
