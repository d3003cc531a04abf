import { describe, expect, it } from "vitest";
import { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { LookupEnd, POD_RESOLVER, Resolvers, type ResolverNetwork, type ResolverProfile, type ResolverUser } from "./resolver.js";
import { Side } from "./tcp-peers.js";

const ONE_WAY_NS = NS_PER_MS;
/** Dots of `api.example.com`, and the candidate at which such a name exists: after three search domains. */
const EXTERNAL = { dots: 2, existsAt: 3 };
/** Dots of `redis`, found in the pod's own namespace. */
const LOCAL = { dots: 0, existsAt: 0 };

type Fate = "pass" | "lose";

/** A name server that answers at once, and a rule for each datagram. */
class World implements ResolverNetwork, ResolverUser {
  readonly simulation = new Simulation();
  readonly resolvers = new Resolvers(this.simulation, this, this);
  readonly log: string[] = [];
  readonly ends: { end: number; datagrams: number; ms: number }[] = [];
  fate: (side: number, index: number) => Fate = () => "pass";
  failing = false;
  refused = 0;
  readonly #client: number;
  readonly #flying: [number, number, number][] = [];
  readonly #arrival = this.simulation.on((index) => {
    if (!this.resolvers.deliver(...this.#flying[index]!)) this.refused++;
  });
  readonly #sent = [0, 0];

  constructor(overrides: Partial<ResolverProfile> = {}) {
    this.#client = this.resolvers.addClient({ ...POD_RESOLVER, ...overrides });
  }

  newSocket(_lookup: number, nameServer: number): void {
    this.log.push(`socket ${nameServer}`);
  }
  send(lookup: number, side: number, _bytes: number, tag: number): void {
    this.log.push(side === Side.client ? "?" : "!");
    if (this.fate(side, this.#sent[side]!++) === "lose") return;
    const index = this.#flying.push([lookup, side ^ 1, tag]) - 1;
    this.simulation.at(this.simulation.now + ONE_WAY_NS, this.#arrival, index, 0);
  }
  asked(lookup: number, tag: number): void {
    this.resolvers.answer(lookup, tag, this.failing);
  }
  finished(lookup: number, end: number, datagrams: number): void {
    this.ends.push({ end, datagrams, ms: (this.simulation.now - this.resolvers.startedAt(lookup)) / NS_PER_MS });
  }

  lookup({ dots, existsAt }: { dots: number; existsAt: number }): void {
    this.resolvers.begin(this.resolvers.allocate(this.#client, dots, existsAt));
  }
  run(): this {
    this.simulation.run(100 * NS_PER_S);
    expect(this.resolvers.open).toBe(0);
    return this;
  }
}

function resolved(what: { dots: number; existsAt: number }, overrides: Partial<ResolverProfile> = {}): World {
  const world = new World(overrides);
  world.lookup(what);
  return world.run();
}

describe("resolver", () => {
  it("asks A and AAAA from one socket", () => {
    const world = resolved(LOCAL);
    expect(world.log).toEqual(["socket 0", "?", "?", "!", "!"]);
    expect(world.ends).toEqual([{ end: LookupEnd.found, datagrams: 2, ms: 2 }]);
  });

  it("tries every search domain before a name with few dots: eight datagrams for one name", () => {
    const world = resolved(EXTERNAL);
    expect(world.ends).toEqual([{ end: LookupEnd.found, datagrams: 8, ms: 8 }]);
    expect(world.log.filter((line) => line.startsWith("socket")).length).toBe(4);
  });

  it("asks a name with enough dots as it is", () => {
    expect(resolved({ dots: 5, existsAt: 0 }).ends).toEqual([{ end: LookupEnd.found, datagrams: 2, ms: 2 }]);
    expect(resolved({ dots: 2, existsAt: 0 }, { ndots: 2 }).ends[0]!.datagrams).toBe(2);
    expect(resolved({ dots: 1, existsAt: 0 }, { bothFamilies: false, searchDomains: 0 }).ends[0]!.datagrams).toBe(1);
  });

  it("says so when no candidate exists", () => {
    expect(resolved({ dots: 0, existsAt: -1 }).ends).toEqual([{ end: LookupEnd.noSuchName, datagrams: 8, ms: 8 }]);
    expect(resolved({ dots: 9, existsAt: -1 }).ends).toEqual([{ end: LookupEnd.noSuchName, datagrams: 8, ms: 8 }]);
  });

  it("gives up after two attempts of five seconds when nobody answers", () => {
    const world = new World();
    world.fate = () => "lose";
    world.lookup(EXTERNAL);
    expect(world.run().ends).toEqual([{ end: LookupEnd.tryAgain, datagrams: 4, ms: 10_000 }]);
  });

  it("goes from name server to name server, then round again", () => {
    const world = new World({ nameServers: 2 });
    world.fate = () => "lose";
    world.lookup(LOCAL);
    expect(world.run().log).toEqual(["socket 0", "?", "?", "socket 1", "?", "?", "socket 0", "?", "?", "socket 1", "?", "?"]);
    expect(world.ends[0]!.ms).toBe(20_000);
  });

  it("costs five seconds when one of the two questions is lost", () => {
    const world = new World();
    world.fate = (side, index) => (side === Side.client && index === 1 ? "lose" : "pass");
    world.lookup(LOCAL);
    // Then one question after the other.
    expect(world.run().log).toEqual(["socket 0", "?", "?", "!", "socket 0", "?", "!", "?", "!"]);
    expect(world.ends).toEqual([{ end: LookupEnd.found, datagrams: 4, ms: 5004 }]);
  });

  it("makes do with half an answer after three time-outs", () => {
    const world = new World();
    // The server's second, third … answer to AAAA never comes through.
    let answers = 0;
    world.fate = (side) => (side === Side.server && answers++ % 2 === 1 ? "lose" : "pass");
    world.lookup(LOCAL);
    expect(world.run().ends).toEqual([{ end: LookupEnd.found, datagrams: 6, ms: 15_004 }]);
    expect(world.log.filter((line) => line === "socket 0").length).toBe(4);
  });

  it("asks the next at once when a name server fails, and the failure is the verdict when all candidates failed", () => {
    const world = new World({ nameServers: 2 });
    world.failing = true;
    world.lookup(EXTERNAL);
    world.run();
    expect(world.ends[0]!.end).toBe(LookupEnd.tryAgain);
    // Four candidates, two attempts, two servers, two questions each.
    expect(world.ends[0]!.datagrams).toBe(32);
    expect(world.ends[0]!.ms).toBe(32);
  });

  it("has no socket any more for an answer that comes too late", () => {
    const world = new World({ timeoutNs: 1.5 * NS_PER_MS });
    world.lookup(LOCAL);
    world.run();
    expect(world.ends[0]!.end).toBe(LookupEnd.tryAgain);
    expect(world.refused).toBe(4);
  });

  it("keeps many lookups apart", () => {
    const world = new World();
    for (let i = 0; i < 1000; i++) world.lookup(i % 2 === 0 ? LOCAL : EXTERNAL);
    world.run();
    expect(world.ends.filter(({ end, datagrams, ms }) => end === LookupEnd.found && datagrams === ms).length).toBe(1000);
  });
});
