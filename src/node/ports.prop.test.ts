import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RandomStreams } from "../core/random.js";
import { RandomPorts } from "./ports.js";

const FIRST = 32768;
const PORTS = 12;
const TIME_WAIT_NS = 50;

/** The same, with the time from which each port is free. */
class PlainPorts {
  readonly #freeFrom = new Map<string, number>();
  readonly #random = new RandomStreams("ports").stream("ports");

  take(pair: number, now: number): number {
    const start = this.#random.below(PORTS);
    for (let tried = 0; tried < PORTS; tried++) {
      const port = FIRST + ((start + tried) % PORTS);
      if ((this.#freeFrom.get(`${pair}/${port}`) ?? 0) > now) continue;
      this.#freeFrom.set(`${pair}/${port}`, Infinity);
      return port;
    }
    return -1;
  }

  free(pair: number, port: number, from: number): void {
    this.#freeFrom.set(`${pair}/${port}`, from);
  }
}

describe("random ports", () => {
  test("give what a table of times gives", () => {
    const step = fc.record({ pair: fc.nat({ max: 2 }), kind: fc.constantFrom("take", "take", "release", "wait"), which: fc.nat(), wait: fc.nat({ max: 20 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const ports = new RandomPorts([FIRST, FIRST + PORTS - 1], TIME_WAIT_NS, new RandomStreams("ports").stream("ports"));
        const plain = new PlainPorts();
        const held: { pair: number; port: number }[] = [];
        let now = 0;
        for (const { pair, kind, which, wait } of steps) {
          now += wait;
          if (kind === "take") {
            const port = ports.take(pair, now);
            expect(port).toBe(plain.take(pair, now));
            if (port >= 0) held.push({ pair, port });
          } else if (held.length > 0) {
            const [freed] = held.splice(which % held.length, 1);
            if (kind === "release") ports.release(freed!.pair, freed!.port);
            else ports.wait(freed!.pair, freed!.port, now);
            plain.free(freed!.pair, freed!.port, kind === "release" ? 0 : now + TIME_WAIT_NS);
          }
        }
      }),
    );
  });
});
