/** Progress of a long command on stderr: one line that is rewritten on a terminal, nothing elsewhere. */
import { formatDuration } from "../core/units.js";
import type { RunProgress } from "../lab/experiment.js";
import { TerminalLine } from "./terminal-line.js";

/** Milliseconds between two drawings. */
const REDRAW_MS = 100;

export class ProgressLine {
  readonly #line: TerminalLine;
  readonly #startedAt = performance.now();
  #drawnAt = -Infinity;

  constructor(stream: NodeJS.WriteStream, quiet: boolean) {
    this.#line = new TerminalLine(stream, quiet);
  }

  show({ variants }: RunProgress): void {
    const now = performance.now();
    if (!this.#line.isShown || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const share = total(variants, "reachedNs") / total(variants, "durationNs");
    const done = variants.filter(({ reachedNs, durationNs }) => reachedNs >= durationNs).length;
    const running = variants.filter(({ reachedNs, durationNs }) => reachedNs > 0 && reachedNs < durationNs);
    const names = running.map(({ name, reachedNs }) => `${name} ${formatDuration(reachedNs)}`).join(", ");
    const left = share > 0 ? ((now - this.#startedAt) / share) * (1 - share) * 1e6 : 0;
    const text = `${(share * 100).toFixed(0)} %  ${done}/${variants.length} done  ${names}  about ${formatDuration(roundToSecond(left))} left`;
    this.#line.show(text);
  }

  clear(): void {
    this.#line.clear();
  }
}

function total(variants: RunProgress["variants"], field: "reachedNs" | "durationNs"): number {
  return variants.reduce((sum, variant) => sum + variant[field], 0);
}

function roundToSecond(spanNs: number): number {
  return Math.ceil(spanNs / 1e9) * 1e9;
}
