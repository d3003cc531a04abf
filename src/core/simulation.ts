/**
 * The clock and the run loop: takes events in (time, sequence) order and calls the handler of their kind.
 */
import { EventQueue, type Lookout } from "./event-queue.js";
import { assertHorizon, type Nanoseconds } from "./units.js";

/** Called with the event's two payload words. `Simulation.now` is the event's time. */
export type EventHandler = (a: number, b: number) => void;

/** What looks at a run from outside while it goes on. */
export interface Watch {
  /** Asked every few thousand events; true ends the run as `stop()` does. */
  readonly aborted?: () => boolean;
  /** Called when simulated time has advanced by at least `progressEvery` since the last call. */
  readonly onProgress?: (now: number) => void;
  /** Simulated nanoseconds between two calls of `onProgress`. */
  readonly progressEvery?: number;
}

/** Why `run` came back. */
export type RunEnd = "until" | "stopped" | "aborted";

/** Events between two looks at the watch: often enough for Ctrl-C (about 1 ms), too rare to cost anything. */
const EVENTS_PER_CHECK = 8192;

export class Simulation {
  readonly queue = new EventQueue();
  /** Events handled so far. */
  events = 0;
  /**
   * Called through the array: measured with eight kinds, this costs the same as a switch (57 ns an event either way,
   * queue included), and leaves the kinds to those who own them.
   */
  readonly #handlers: EventHandler[] = [];
  #stopped = false;

  /** Simulated time, nanoseconds. */
  get now(): number {
    return this.queue.time;
  }

  /** Registers a handler and returns its kind, for `at`. */
  on(handler: EventHandler): number {
    return this.#handlers.push(handler) - 1;
  }

  /** Has coming events of a kind told to a lookout (see `EventQueue.watch`). One kind at a time. */
  foresee(kind: number, lookout: Lookout): void {
    this.queue.watch(kind, lookout);
  }

  /** Schedules an event at an absolute time, whole nanoseconds, not before `now`, else a `RangeError`. Payload words are int32. */
  at(time: number, kind: number, a: number, b: number): void {
    this.queue.push(time, kind, a, b);
  }

  /**
   * Schedules an event `delay` whole nanoseconds from now. The form for hot code: see `EventQueue.pushAfter`.
   */
  after(delay: number, kind: number, a: number, b: number): void {
    this.queue.pushAfter(delay, kind, a, b);
  }

  /** Ends the run after the current event. The queue keeps what is pending; `run` may be called again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Handles every event up to and including time `until`; then `now` is `until` unless the run ended early. */
  run(until: number, watch: Watch = {}): RunEnd {
    assertHorizon(until as Nanoseconds);
    this.#stopped = false;
    const queue = this.queue;
    const handlers = this.#handlers;
    const progressEvery = watch.onProgress === undefined ? Infinity : (watch.progressEvery ?? 0);
    let nextProgress = this.now + progressEvery;
    let untilCheck = EVENTS_PER_CHECK;
    while (queue.popUntil(until)) {
      this.events++;
      handlers[queue.kind]!(queue.a, queue.b);
      if (this.#stopped) return "stopped";
      if (--untilCheck > 0) continue;
      untilCheck = EVENTS_PER_CHECK;
      if (watch.aborted?.() === true) return "aborted";
      if (this.now >= nextProgress) {
        watch.onProgress?.(this.now);
        nextProgress = this.now + progressEvery;
      }
    }
    queue.advance(until);
    return "until";
  }
}
