/**
 * Where the recording's host stood in its own jiffies: the phase of its timer wheel, read off its retransmissions.
 *
 * The wheel fires timers at multiples of 8, 64, 512 … jiffies, so the moments at which segments were sent again tell the
 * host's clock modulo these. Like the moments of GC passes, this is a starting condition that an experimenter cannot
 * choose and a simulation must be given; with a random phase instead, occupancy of the sharpest experiments (12)
 * comes out 0.65 to 0.99 % off instead of 0.2 %.
 */
import type { RandomStream } from "../../../core/random.js";
import { NS_PER_US } from "../../../core/units.js";
import type { RecordedEvents } from "./recording.js";

/** Ratio between the steps of neighbouring levels of the wheel. */
const STEP_RATIO = 8;
/** Levels whose phase matters within minutes: steps of 8 … 4096 jiffies. */
const LEVELS = 4;
/** Delays of level n are below this times 8^n jiffies. */
const LEVEL_SPAN = 63;
/** Resolution at which the finest phase is sought, µs. */
const BIN_US = 250;
/** How much a timer's segment can lie before the phase found (half a bin, rounded up), µs. */
const SLACK_US = 500;
/** Retransmissions of a level from which its phase is believed. */
const EVIDENCE_MIN = 20;

/** Nanoseconds from the host's boot (as the wheel sees it) to the experiment's time zero; unknown digits are drawn. */
export function bootTimeOf(events: RecordedEvents, hz: number, stream: RandomStream): number {
  const jiffyUs = 1_000_000 / hz;
  const moments = retransmissionsByLevel(events, jiffyUs);
  let step = STEP_RATIO * jiffyUs;
  let phase = finestPhase(moments[1]!, step);
  for (let level = 2; level <= LEVELS; level++) {
    phase += step * digit(moments[level]!, phase, step, stream);
    step *= STEP_RATIO;
  }
  return Math.round((step - phase) * NS_PER_US);
}

/** Moments, µs, of segments that a timer of at least level n has sent, for each n: told by the time since the one before. */
function retransmissionsByLevel(events: RecordedEvents, jiffyUs: number): number[][] {
  const byLevel: number[][] = Array.from({ length: LEVELS + 1 }, () => []);
  const last = new Map<number, number>();
  events.atUs.forEach((at, index) => {
    const connection = events.connection[index]!;
    const before = last.get(connection);
    last.set(connection, at);
    if (before === undefined) return;
    const gap = (at - before) / jiffyUs;
    for (let level = 1; level <= LEVELS && gap > (LEVEL_SPAN + STEP_RATIO + 1) * STEP_RATIO ** (level - 1); level++) {
      byLevel[level]!.push(at);
    }
  });
  return byLevel;
}

/** The most frequent moment modulo `step`. */
function finestPhase(moments: readonly number[], step: number): number {
  if (moments.length === 0) return 0;
  const bins = new Array<number>(Math.ceil(step / BIN_US)).fill(0);
  for (const at of moments) bins[Math.floor((at % step) / BIN_US)]!++;
  return bins.indexOf(Math.max(...bins)) * BIN_US;
}

/** Which of the eight positions of the coarser step the moments point at. */
function digit(moments: readonly number[], phase: number, step: number, stream: RandomStream): number {
  const drawn = stream.below(STEP_RATIO);
  if (moments.length < EVIDENCE_MIN) return drawn;
  const votes = new Array<number>(STEP_RATIO).fill(0);
  for (const at of moments) {
    const steps = Math.floor((at - phase + SLACK_US) / step);
    votes[((steps % STEP_RATIO) + STEP_RATIO) % STEP_RATIO]!++;
  }
  return votes.indexOf(Math.max(...votes));
}
