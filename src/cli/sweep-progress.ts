/** Progress of a sweep on stderr: one line that is rewritten on a terminal, nothing elsewhere. */
import { formatDuration } from "../core/units.js";
import type { SweepProgress } from "../lab/sweep/sweep.js";
import { TerminalLine } from "./terminal-line.js";

/** Milliseconds between two drawings. */
const REDRAW_MS = 200;

export class SweepProgressLine {
  readonly #line: TerminalLine;
  #startedAt = performance.now();
  #drawnAt = -Infinity;

  constructor(stream: NodeJS.WriteStream, quiet: boolean) {
    this.#line = new TerminalLine(stream, quiet);
  }

  /** From here on time counts. */
  start(): void {
    this.#startedAt = performance.now();
  }

  show({ runsDone, runs, share }: SweepProgress): void {
    const now = performance.now();
    if (!this.#line.isShown || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const leftMs = share > 0 ? ((now - this.#startedAt) / share) * (1 - share) : 0;
    const left = formatDuration(Math.ceil(leftMs / 1000) * 1e9);
    this.#line.show(`${(share * 100).toFixed(0)} %  ${runsDone}/${runs} runs  about ${left} left`);
  }

  clear(): void {
    this.#line.clear();
  }
}
