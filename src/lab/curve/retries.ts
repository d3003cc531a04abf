/** Elements that a full map refused, until their packets are sent again. */

interface Refused {
  readonly slot: number;
  /** Tells the element from another one that got its slot since. */
  readonly stamp: number;
  readonly firstNs: number;
}

export class Retries {
  readonly #offsets: readonly number[];
  /** For each attempt after the first: who waits for it, in order of time. */
  readonly #waiting: Refused[][];
  readonly #heads: number[];

  /** `offsets`: when a packet that was refused is sent again, ns after its first time, ascending. */
  constructor(offsets: readonly number[]) {
    this.#offsets = offsets;
    this.#waiting = offsets.map(() => []);
    this.#heads = offsets.map(() => 0);
  }

  /** `attempt`: how often it was refused before. */
  refused(slot: number, stamp: number, firstNs: number, attempt: number): void {
    this.#waiting[attempt]?.push({ slot, stamp, firstNs });
  }

  /** Every attempt due by now, the earlier ones of a packet first. `again` gives whether it was refused anew. */
  due(nowNs: number, again: (slot: number, stamp: number) => boolean): void {
    for (const [attempt, offset] of this.#offsets.entries()) {
      const waiting = this.#waiting[attempt]!;
      let head = this.#heads[attempt]!;
      while (head < waiting.length && waiting[head]!.firstNs + offset <= nowNs) {
        const { slot, stamp, firstNs } = waiting[head++]!;
        if (again(slot, stamp)) this.refused(slot, stamp, firstNs, attempt + 1);
      }
      if (head > waiting.length / 2) {
        waiting.splice(0, head);
        head = 0;
      }
      this.#heads[attempt] = head;
    }
  }
}
