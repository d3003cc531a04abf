import { describe, expect, it } from "vitest";
import { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { EchoPeers, type EchoNetwork, type EchoProfile, type EchoUser } from "./echo-peers.js";
import { Side } from "./tcp-peers.js";

const PING: EchoProfile = { intervalNs: NS_PER_S, timeoutNs: 2.5 * NS_PER_S, count: 5, payloadBytes: 56 };

class World implements EchoNetwork, EchoUser {
  readonly simulation = new Simulation();
  readonly peers = new EchoPeers(this.simulation, this, this);
  readonly told: string[] = [];
  requests = 0;
  lose = (_sequence: number): boolean => false;
  delayNs = NS_PER_MS;
  readonly #flying: [number, number, number, number][] = [];
  readonly #arrival = this.simulation.on((index) => this.peers.deliver(...this.#flying[index]!));

  send(pinger: number, side: number, bytes: number, sequence: number): void {
    if (side === Side.client) this.requests++;
    if (this.lose(sequence)) return;
    this.simulation.at(this.simulation.now + this.delayNs, this.#arrival, this.#flying.push([pinger, side ^ 1, bytes, sequence]) - 1, 0);
  }
  replied(_pinger: number, roundTripNs: number): void {
    this.told.push(`${roundTripNs / NS_PER_MS} ms`);
  }
  lost(): void {
    this.told.push(`lost at ${this.simulation.now / NS_PER_MS} ms`);
  }
}

describe("echo", () => {
  it("asks at its interval and times the replies", () => {
    const world = new World();
    world.peers.add(PING, 0);
    world.simulation.run(60 * NS_PER_S);
    expect(world.told).toEqual(Array(5).fill("2 ms"));
  });

  it("counts what does not come back in time as lost, once", () => {
    const world = new World();
    world.lose = (sequence) => sequence === 1;
    world.peers.add(PING, 0);
    world.simulation.run(60 * NS_PER_S);
    expect(world.told).toEqual(["2 ms", "2 ms", "2 ms", "lost at 3500 ms", "2 ms"]);
    const slow = new World();
    slow.delayNs = 2 * NS_PER_S;
    slow.peers.add({ ...PING, count: 1 }, 0);
    slow.simulation.run(60 * NS_PER_S);
    expect(slow.told).toEqual(["lost at 2500 ms"]);
  });

  it("goes on past the end of the sequence numbers", () => {
    const world = new World();
    world.peers.add({ ...PING, intervalNs: 10 * NS_PER_MS, timeoutNs: NS_PER_S, count: 70_000 }, 0);
    world.simulation.run(800 * NS_PER_S);
    expect(world.requests).toBe(70_000);
    expect(world.told.length).toBe(70_000);
  });

  it("refuses time-outs that leave too many requests outstanding", () => {
    expect(() => new World().peers.add({ ...PING, intervalNs: NS_PER_MS, timeoutNs: NS_PER_S }, 0)).toThrow(RangeError);
  });
});
