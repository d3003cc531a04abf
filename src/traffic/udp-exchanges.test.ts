import { describe, expect, it } from "vitest";
import { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { Side } from "./tcp-peers.js";
import { datagramProfile, UdpExchanges, type DatagramNetwork, type ExchangeProfile, type ExchangeUser } from "./udp-exchanges.js";

const PROFILE = datagramProfile(50, 500, NS_PER_S, 3);

class World implements DatagramNetwork, ExchangeUser {
  readonly simulation = new Simulation();
  readonly exchanges = new UdpExchanges(this.simulation, this, this);
  readonly sent: [side: number, bytes: number][] = [];
  readonly ends: string[] = [];
  lost: (index: number) => boolean = () => false;
  delayNs = NS_PER_MS;
  refused = 0;
  readonly #flying: [number, number, number][] = [];
  readonly #arrival = this.simulation.on((index) => {
    if (!this.exchanges.deliver(...this.#flying[index]!)) this.refused++;
  });

  send(exchange: number, side: number, bytes: number, tag: number): void {
    const index = this.sent.push([side, bytes]) - 1;
    if (this.lost(index)) return;
    this.simulation.at(this.simulation.now + this.delayNs, this.#arrival, this.#flying.push([exchange, side ^ 1, tag]) - 1, 0);
  }
  asked(exchange: number, tag: number): void {
    this.exchanges.answer(exchange, tag);
  }
  answered(exchange: number): void {
    this.ends.push(`answered after ${(this.simulation.now - this.exchanges.startedAt(exchange)) / NS_PER_MS} ms`);
  }
  timedOut(exchange: number): void {
    this.ends.push(`timed out after ${(this.simulation.now - this.exchanges.startedAt(exchange)) / NS_PER_MS} ms`);
  }
  run(profile: ExchangeProfile): this {
    this.exchanges.begin(this.exchanges.allocate(this.exchanges.addProfile(profile)));
    this.simulation.run(100 * NS_PER_S);
    expect(this.exchanges.open).toBe(0);
    return this;
  }
}

describe("UDP exchanges", () => {
  it("ask and are answered", () => {
    const world = new World().run(PROFILE);
    expect(world.sent).toEqual([[Side.client, 50], [Side.server, 500]]);
    expect(world.ends).toEqual(["answered after 2 ms"]);
  });

  it("try again after the application's time-out, and give up", () => {
    const world = new World();
    world.lost = (index) => index < 2;
    expect(world.run(PROFILE).ends).toEqual(["answered after 2002 ms"]);
    const deaf = new World();
    deaf.lost = () => true;
    expect(deaf.run(PROFILE).ends).toEqual(["timed out after 3000 ms"]);
    expect(deaf.sent.length).toBe(3);
  });

  it("don't wait where no answer is expected", () => {
    const world = new World();
    world.asked = () => {};
    expect(world.run(datagramProfile(50, 0, NS_PER_S, 3)).ends).toEqual(["answered after 0 ms"]);
    expect(world.sent.length).toBe(1);
  });

  it("ignore answers that come too late", () => {
    const world = new World();
    world.delayNs = 0.8 * NS_PER_S;
    expect(world.run(PROFILE).ends).toEqual(["timed out after 3000 ms"]);
    expect(world.refused).toBe(3);
  });

  it("grow, and use numbers again", () => {
    const world = new World();
    const profile = world.exchanges.addProfile(PROFILE);
    for (let round = 0; round < 3; round++) {
      const numbers = Array.from({ length: 1000 }, () => world.exchanges.allocate(profile));
      expect(new Set(numbers).size).toBe(1000);
      numbers.forEach((exchange) => world.exchanges.begin(exchange));
      world.simulation.run(world.simulation.now + 2.5 * NS_PER_MS);
    }
    expect(world.ends.length).toBe(3000);
    expect(world.exchanges.capacity).toBe(1024);
  });
});

describe("deadline queue", () => {
  it("calls in order, each at its time, with one event pending", () => {
    const simulation = new Simulation();
    const calls: [number, number, number][] = [];
    const queue: DeadlineQueue = new DeadlineQueue(simulation, 100, (subject, serial) => {
      calls.push([simulation.now, subject, serial]);
      if (serial < 3) queue.add(subject, serial + 1);
    });
    for (let i = 0; i < 600; i++) {
      simulation.run(i);
      queue.add(i, 2);
      expect(simulation.queue.size).toBe(1);
    }
    simulation.run(10_000);
    expect(calls.filter(([, , serial]) => serial === 2)).toEqual(Array.from({ length: 600 }, (_, i) => [i + 100, i, 2]));
    expect(calls.filter(([, , serial]) => serial === 3)).toEqual(Array.from({ length: 600 }, (_, i) => [i + 200, i, 3]));
  });
});
