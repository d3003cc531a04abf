/**
 * Deadlines that all lie the same span ahead, such as an application's time-out: first in, first due.
 *
 * Most of them are overtaken by an answer. They wait in a ring with one event for the foremost, so that a time-out costs
 * a few words instead of an event; what is overtaken is recognised by its serial number when its turn comes.
 */
import type { Simulation } from "../core/simulation.js";

const INITIAL_CAPACITY = 256;

export class DeadlineQueue {
  readonly #simulation: Simulation;
  readonly #spanNs: number;
  readonly #due: (subject: number, serial: number) => void;
  readonly #kind: number;
  #subjects = new Int32Array(INITIAL_CAPACITY);
  #serials = new Int32Array(INITIAL_CAPACITY);
  #moments = new Float64Array(INITIAL_CAPACITY);
  #head = 0;
  #size = 0;
  /** An event for the foremost deadline is in the queue, or firing now. */
  #armed = false;

  /** `due` is called with what `add` was given, `spanNs` later. */
  constructor(simulation: Simulation, spanNs: number, due: (subject: number, serial: number) => void) {
    this.#simulation = simulation;
    this.#spanNs = spanNs;
    this.#due = due;
    this.#kind = simulation.on(() => this.#fire());
  }

  add(subject: number, serial: number): void {
    if (this.#size === this.#subjects.length) this.#grow();
    const at = (this.#head + this.#size) & (this.#subjects.length - 1);
    this.#subjects[at] = subject;
    this.#serials[at] = serial;
    this.#moments[at] = this.#simulation.now + this.#spanNs;
    this.#size++;
    if (this.#armed) return;
    this.#armed = true;
    this.#simulation.at(this.#moments[at]!, this.#kind, 0, 0);
  }

  #fire(): void {
    while (this.#size > 0 && this.#moments[this.#head]! <= this.#simulation.now) {
      const subject = this.#subjects[this.#head]!;
      const serial = this.#serials[this.#head]!;
      this.#head = (this.#head + 1) & (this.#subjects.length - 1);
      this.#size--;
      this.#due(subject, serial);
    }
    this.#armed = this.#size > 0;
    if (this.#armed) this.#simulation.at(this.#moments[this.#head]!, this.#kind, 0, 0);
  }

  #grow(): void {
    const [subjects, serials, moments] = [this.#subjects, this.#serials, this.#moments];
    const capacity = subjects.length * 2;
    this.#subjects = new Int32Array(capacity);
    this.#serials = new Int32Array(capacity);
    this.#moments = new Float64Array(capacity);
    for (let i = 0; i < this.#size; i++) {
      const from = (this.#head + i) & (subjects.length - 1);
      this.#subjects[i] = subjects[from]!;
      this.#serials[i] = serials[from]!;
      this.#moments[i] = moments[from]!;
    }
    this.#head = 0;
  }
}
