import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import { TimerWheels } from "./timer-wheel.js";

const TIMERS = 24;

interface Armed {
  readonly timer: number;
  readonly due: number;
  readonly level: number;
  readonly order: number;
}

/** The wheel as a list: every timer with the jiffy at which it fires, in the order of the rule. */
class PlainWheel {
  armed: Armed[] = [];
  #order = 0;

  /** `ahead`: 1 when armed while timers fire. */
  arm(timer: number, now: number, delay: number, ahead: number): void {
    this.cancel(timer);
    let level = 0;
    while (delay - ahead >= 63 * 8 ** level) level++;
    const due = (Math.floor((now + delay) / 8 ** level) + 1) * 8 ** level;
    this.armed.push({ timer, due, level, order: this.#order++ });
  }

  cancel(timer: number): void {
    this.armed = this.armed.filter((each) => each.timer !== timer);
  }

  /** The next one to fire: earliest jiffy, coarsest level, latest armed. */
  next(): Armed | undefined {
    return this.armed.toSorted((a, b) => a.due - b.due || b.level - a.level || b.order - a.order)[0];
  }
}

type Step = { readonly wait: number } & ({ readonly arm: number; readonly delay: number } | { readonly cancel: number });

const delay = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 300_000 }));
const timer = fc.integer({ min: 0, max: TIMERS - 1 });
const wait = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ wait, arm: timer, delay }) },
  { weight: 1, arbitrary: fc.record({ wait, cancel: timer }) },
);

describe("timer wheel", () => {
  it("fires the same timers in the same order and jiffy as the rule says", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(100, 250, 300, 1000),
        fc.integer({ min: 0, max: 1e12 }),
        fc.array(step, { maxLength: 120 }),
        fc.array(delay, { minLength: 1, maxLength: 5 }),
        (hz, bootedNs, steps, rearm) => {
          const simulation = new Simulation();
          const plain = new PlainWheel();
          const fired: [number, number][] = [];
          const expected: [number, number][] = [];
          // Every third timer that fires is armed again from within.
          const again = (count: number): number | undefined => (count % 3 === 0 ? rearm[count % rearm.length] : undefined);
          const wheels: TimerWheels = new TimerWheels(simulation, TIMERS, (which) => {
            fired.push([which, wheels.jiffies(host)]);
            const next = again(fired.length);
            if (next !== undefined) wheels.arm(host, which, next);
          });
          const host = wheels.addHost(hz, bootedNs);
          const catchUp = (now: number): void => {
            for (let due = plain.next(); due !== undefined && due.due <= now; due = plain.next()) {
              plain.cancel(due.timer);
              expected.push([due.timer, due.due]);
              const next = again(expected.length);
              if (next !== undefined) plain.arm(due.timer, due.due, next, 1);
            }
          };
          for (const each of steps) {
            // Half a jiffy off the edges, so that it is clear what has fired.
            const jiffy = wheels.jiffies(host) + each.wait;
            simulation.run(Math.max(simulation.now, Math.floor(((jiffy + 0.5) * NS_PER_S) / hz) - bootedNs));
            catchUp(wheels.jiffies(host));
            if ("arm" in each) {
              wheels.arm(host, each.arm, each.delay);
              plain.arm(each.arm, wheels.jiffies(host), each.delay, 0);
            } else {
              wheels.cancel(each.cancel);
              plain.cancel(each.cancel);
            }
          }
          simulation.run(simulation.now + 100 * NS_PER_S);
          catchUp(wheels.jiffies(host));
          expect(fired).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("puts one event into the queue for all timers of a bucket", () => {
    const simulation = new Simulation();
    let fired = 0;
    const wheels = new TimerWheels(simulation, 1000, () => fired++);
    const host = wheels.addHost(250, 0);
    for (let i = 0; i < 1000; i++) wheels.arm(host, i, 250);
    for (let i = 0; i < 500; i++) wheels.cancel(2 * i);
    expect(simulation.queue.size).toBe(1);
    simulation.run(NS_PER_S);
    expect(fired).toBe(0);
    simulation.run(1.024 * NS_PER_S);
    expect(fired).toBe(500);
  });

  it("cuts delays beyond its reach to the longest that fits", () => {
    const simulation = new Simulation();
    const at: number[] = [];
    const wheels = new TimerWheels(simulation, 1, () => at.push(simulation.now));
    const host = wheels.addHost(1000, 0);
    wheels.arm(host, 0, 2 ** 40);
    simulation.run(20 * 86_400 * NS_PER_S);
    expect(at.length).toBe(1);
  });
});
