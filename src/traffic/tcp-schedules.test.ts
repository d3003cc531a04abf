import { describe, expect, it } from "vitest";
import { World } from "../../test/support/tcp-world.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { Errno, Side, TcpFlag } from "./tcp-peers.js";
import type { TcpProfile } from "./tcp-profile.js";

const SYN = TcpFlag.syn;

/** The wheel's rule in its plainest form: jiffy at which a timer of `delay` armed at jiffy `now` fires. */
function fires(now: number, delay: number): number {
  let step = 1;
  while (delay >= 63 * step) step *= 8;
  return (Math.floor((now + delay) / step) + 1) * step;
}

/** Milliseconds at which timers with these delays (jiffies at HZ=250) fire when each is armed as the last one fires. */
function schedule(delays: readonly number[]): number[] {
  const times = [0];
  for (const delay of delays) times.push(fires(times.at(-1)!, delay));
  return times.map((jiffy) => jiffy * 4);
}

describe("SYN schedule", () => {
  const linear = [250, 250, 250, 250, 250];
  const cases: [string, Partial<TcpProfile>, number[]][] = [
    ["default", {}, [...linear, 500, 1000, 2000, 4000, 8000, 16000]],
    ["without linear time-outs", { synLinearTimeouts: 0 }, [250, 500, 1000, 2000, 4000, 8000, 16000]],
    ["two retries", { synRetries: 2 }, [...linear, 500]],
    ["RTO at most 1 s", { rtoMaxMs: 1000 }, [...linear, 250, 250]],
    ["TIMEOUT_INIT 125 jiffies", { initialRtoMs: 500 }, [...linear, 250, 500, 1000, 2000, 4000, 8000].map((d, i) => (i < 5 ? d / 2 : d))],
  ];
  it.each(cases)("%s: lost on the way", (_name, overrides, delays) => {
    const world = new World(overrides);
    world.fate = () => "lose";
    world.connect();
    world.runFor(200 * NS_PER_S);
    expect([...world.offsetsMs(SYN), world.failedAtMs]).toEqual(schedule(delays));
    expect(world.told).toEqual([`failed 0 ${Errno.ETIMEDOUT}`, "released -1"]);
    expect(world.peers.open).toBe(0);
  });

  const local: [string, Partial<TcpProfile>, number[]][] = [
    ["default", {}, [250, ...Array<number>(10).fill(125)]],
    ["without linear time-outs", { synLinearTimeouts: 0 }, [250, ...Array<number>(6).fill(125)]],
    ["TIMEOUT_INIT 125 jiffies", { initialRtoMs: 500 }, Array<number>(11).fill(125)],
  ];
  it.each(local)("%s: refused by the own device", (_name, overrides, delays) => {
    const world = new World(overrides);
    world.fate = () => "refuse";
    world.connect();
    world.runFor(200 * NS_PER_S);
    expect([...world.offsetsMs(SYN), world.failedAtMs]).toEqual(schedule(delays));
    expect(world.peers.refusals).toBe(delays.length);
  });
});

describe("data schedule of an open connection", () => {
  /** 200 ms and a round trip are 51 jiffies; loss probe first, then the time-out, then doubling. */
  const cases: [string, Partial<TcpProfile>, "lose" | "refuse", number[]][] = [
    ["lost on the way", {}, "lose", [51, 51, 102, 204, 408, 816, 1632, 3264, 6528]],
    ["lost, rto_min 50 ms", { rtoMinMs: 50 }, "lose", [14, 14, 28, 56, 112, 224, 448, 896, 1792, 3584, 7168]],
    ["refused by the own device", {}, "refuse", [51, ...Array<number>(15).fill(125)]],
  ];
  it.each(cases)("%s", (_name, overrides, fate, delays) => {
    const world = new World(overrides);
    const connection = world.connect();
    world.runFor(2048 * NS_PER_MS);
    world.fate = () => fate;
    world.lines.length = 0;
    world.peers.write(connection, Side.client, 32);
    world.runFor(60 * NS_PER_S);
    const expected = schedule(delays);
    if (fate === "refuse") {
      expect(world.failedAtMs - 2048).toBe(expected.pop());
      expect(world.told.at(-1)).toBe(`failed 0 ${Errno.ETIMEDOUT}`);
    }
    expect(world.offsetsMs(TcpFlag.psh | TcpFlag.ack)).toEqual(expected);
  });
});
