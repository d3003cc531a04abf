import { describe, expect, it } from "vitest";
import { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { Errno, Sent, Side, State, TcpFlag, TcpPeers, type Application, type Network } from "./tcp-peers.js";
import { tcpProfile, type TcpProfile } from "./tcp-profile.js";

const ONE_WAY_NS = 20_000;
const SYN = TcpFlag.syn;

interface Line {
  readonly at: number;
  readonly side: number;
  readonly flags: number;
  readonly bytes: number;
}

/** A link with a fixed delay, a rule that says what becomes of a segment, and a log of everything. */
class World implements Network, Application {
  readonly simulation = new Simulation();
  readonly peers: TcpPeers;
  readonly lines: Line[] = [];
  readonly told: string[] = [];
  failedAtMs = -1;
  fate: (line: Line, index: number) => "pass" | "lose" | "refuse" = () => "pass";
  onReceived: (connection: number, side: number, bytes: number) => void = () => {};
  onPeerClosed: (connection: number, side: number) => void = (connection, side) => this.peers.close(connection, side);
  readonly #arrival: number;
  readonly #flying: [number, number, number, number, number][] = [];

  constructor(overrides: Partial<TcpProfile> = {}, bootedNs = 0) {
    this.peers = new TcpPeers(this.simulation, this, this);
    const profile = tcpProfile([6, 18], overrides);
    this.peers.addHost(profile, bootedNs);
    this.peers.addHost(profile, bootedNs);
    this.#arrival = this.simulation.on((index) => this.peers.deliver(...this.#flying[index]!));
  }

  send(connection: number, side: number, flags: number, bytes: number, tag: number): number {
    const line = { at: this.simulation.now, side, flags, bytes };
    const fate = this.fate(line, this.lines.length);
    this.lines.push(line);
    if (fate === "refuse") return Sent.refused;
    if (fate === "lose") return Sent.away;
    const index = this.#flying.push([connection, side ^ 1, flags, bytes, tag]) - 1;
    this.simulation.at(this.simulation.now + ONE_WAY_NS, this.#arrival, index, 0);
    return Sent.away;
  }

  established(_connection: number, side: number): void {
    this.told.push(`established ${side}`);
  }
  received(connection: number, side: number, bytes: number): void {
    this.told.push(`received ${side} ${bytes}`);
    this.onReceived(connection, side, bytes);
  }
  peerClosed(connection: number, side: number): void {
    this.told.push(`peerClosed ${side}`);
    this.onPeerClosed(connection, side);
  }
  closed(_connection: number, side: number): void {
    this.told.push(`closed ${side}`);
  }
  failed(_connection: number, side: number, errno: number): void {
    this.told.push(`failed ${side} ${errno}`);
    this.failedAtMs = this.simulation.now / NS_PER_MS;
  }
  released(_connection: number, timeWaitSide: number): void {
    this.told.push(`released ${timeWaitSide}`);
  }

  connect(): number {
    const connection = this.peers.allocate(0, 1);
    this.peers.connect(connection);
    return connection;
  }
  runFor(ns: number): void {
    this.simulation.run(this.simulation.now + ns);
  }
  offsetsMs(flags: number): number[] {
    return this.lines.filter((line) => line.flags === flags).map((line) => (line.at - this.lines[0]!.at) / NS_PER_MS);
  }
}

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

describe("whole connection", () => {
  it("takes ten segments with one request, and both ends are told", () => {
    const world = new World();
    world.onReceived = (connection, side, bytes) => {
      if (side === Side.server) world.peers.write(connection, Side.server, bytes);
    };
    const connection = world.connect();
    world.runFor(NS_PER_MS);
    world.peers.write(connection, Side.client, 32);
    world.runFor(NS_PER_S);
    world.peers.close(connection, Side.client);
    world.runFor(NS_PER_S);
    expect(world.lines.map((line) => `${line.side}:${line.flags}:${line.bytes}`)).toEqual([
      "0:2:0", "1:18:0", "0:16:0",
      "0:24:32", "1:16:0", "1:24:32", "0:16:0",
      "0:17:0", "1:17:0", "0:16:0",
    ]);
    expect(world.told).toEqual([
      "established 0", "established 1", "received 1 32", "received 0 32", "peerClosed 1", "closed 0", "closed 1", "released 0",
    ]);
    expect(world.peers.state(connection, Side.client)).toBe(State.timeWait);
    // Ten arrivals, and a tick for each bucket that had a timer.
    expect(world.simulation.events).toBeLessThan(10 + 8);
  });
});
