/** Gathers text for a stream, so that it is written in few pieces and never runs ahead of who reads it. */
import { once } from "node:events";

const GATHERED_MAX = 64 * 1024;

export class TextOutput {
  readonly #stream: NodeJS.WriteStream;
  #gathered: string[] = [];
  #length = 0;
  #full = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  add(text: string): void {
    this.#gathered.push(text);
    this.#length += text.length;
    if (this.#length >= GATHERED_MAX) this.flushNow();
  }

  /** Writes what is gathered. */
  flushNow(): void {
    if (this.#length === 0) return;
    this.#full = !this.#stream.write(this.#gathered.join(""));
    this.#gathered = [];
    this.#length = 0;
  }

  /** Waits while the reader is behind. */
  async drained(): Promise<void> {
    if (!this.#full) return;
    await once(this.#stream, "drain");
    this.#full = false;
  }

  async finish(): Promise<void> {
    this.flushNow();
    await this.drained();
  }
}
