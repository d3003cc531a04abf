/** One line on a terminal that is rewritten; nothing elsewhere. */

const CLEAR_LINE = "\r\u001b[2K";
/** Columns that are used even where a terminal says that it has fewer. */
const COLUMNS_MIN = 20;

export class TerminalLine {
  /** Whether anything is ever shown. */
  readonly isShown: boolean;
  readonly #stream: NodeJS.WriteStream;
  #isDrawn = false;

  constructor(stream: NodeJS.WriteStream, quiet = false) {
    this.#stream = stream;
    this.isShown = stream.isTTY === true && !quiet;
  }

  /** In place of what stood there; cut to the terminal's width, as what is wrapped can't be cleared. */
  show(text: string): void {
    if (!this.isShown) return;
    this.#isDrawn = true;
    this.#stream.write(CLEAR_LINE + text.slice(0, Math.max(COLUMNS_MIN, this.#stream.columns - 1)));
  }

  clear(): void {
    if (this.#isDrawn) this.#stream.write(CLEAR_LINE);
    this.#isDrawn = false;
  }
}
