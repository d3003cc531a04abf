/** Says on stderr which lines of a flow file were skipped and which fields nobody knows. */
import type { ReadingProblems } from "../hubble/message-reader.js";

/** Lines that are named one by one; the others are counted. */
const NAMED_MAX = 5;

export class LineProblems implements ReadingProblems {
  readonly #name: string;
  readonly #say: (text: string) => void;
  #line = 0;
  #skipped = 0;

  constructor(name: string, say: (text: string) => void) {
    this.#name = name;
    this.#say = say;
  }

  /** The next line is looked at. */
  next(): void {
    this.#line++;
  }

  /** There were lines, and none could be read. */
  get nothingRead(): boolean {
    return this.#line > 0 && this.#skipped === this.#line;
  }

  skipped(reason: string): void {
    this.#skipped++;
    if (this.#skipped <= NAMED_MAX) this.#say(`ctlab: ${this.#name}:${this.#line}: skipped, ${reason}\n`);
  }

  tooLong(count: number): void {
    for (let i = 0; i < count; i++) {
      this.next();
      this.skipped("the line is longer than 64 MiB");
    }
  }

  unknownField(name: string): void {
    this.#say(`ctlab: ${this.#name}:${this.#line}: passed over unknown field ${JSON.stringify(name)}, here and in other lines\n`);
  }

  conclude(): void {
    if (this.#skipped > NAMED_MAX) this.#say(`ctlab: ${this.#name}: ${this.#skipped} of ${this.#line} lines skipped\n`);
  }
}
