/** Hubble's ring beside its plain twin: a list of everything ever written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_SLOT } from "./event-store.js";
import { HubbleRing, POSITION } from "./hubble-ring.js";

/** Remembers every event; what can be read follows from how many there are. */
class PlainRing {
  readonly events: number[] = [];
  readonly capacity: number;
  begin = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  state(position: number): number {
    if (position >= this.events.length - 1) return POSITION.ahead;
    return position < this.begin || this.events.length - position > this.capacity + 1 ? POSITION.overwritten : POSITION.readable;
  }
}

describe("Hubble's ring", () => {
  it("behaves as a list of which only the end can be read, without the last", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant("write" as const) }, { weight: 1, arbitrary: fc.constant("empty" as const) }), { maxLength: 150 }),
        (exponent, steps) => {
          const capacity = 2 ** exponent - 1;
          const ring = new HubbleRing(capacity);
          const plain = new PlainRing(capacity);
          for (const step of steps) {
            if (step === "empty") {
              ring.empty();
              plain.begin = plain.events.length;
              continue;
            }
            const slot = plain.events.length * 3;
            const overwritten = plain.events[plain.events.length - capacity - 1] ?? NO_SLOT;
            expect(ring.write(slot)).toBe(overwritten);
            plain.events.push(slot);
            expect(ring.length).toBe(Math.min(plain.events.length - plain.begin, capacity));
            for (let position = 0; position <= plain.events.length; position++) {
              const state = plain.state(position);
              expect(ring.state(position), `position ${position}`).toBe(state);
              if (state === POSITION.readable) expect(ring.at(position)).toBe(plain.events[position]);
            }
          }
        },
      ),
    );
  });

  it("takes capacities of 2^n - 1 alone", () => {
    for (const capacity of [1, 3, 4095, 65_535]) expect(new HubbleRing(capacity).capacity).toBe(capacity);
    for (const capacity of [0, 2, 4096, 4094, 131_071]) expect(() => new HubbleRing(capacity)).toThrow(RangeError);
  });

  it("hides the newest event until one more is there", () => {
    const ring = new HubbleRing(3);
    ring.write(7);
    expect(ring.length).toBe(1);
    expect(ring.state(0)).toBe(POSITION.ahead);
    ring.write(8);
    expect(ring.state(0)).toBe(POSITION.readable);
  });
});
