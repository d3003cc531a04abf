import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStreams, type RandomStream } from "../core/random.js";
import { Simulation } from "../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { Sent, Side, State, TcpPeers, type Application, type Network } from "./tcp-peers.js";
import { tcpProfile } from "./tcp-profile.js";

interface Weather {
  readonly loss: number;
  readonly refusal: number;
  readonly duplication: number;
  /** Longest delay of a segment; shorter ones overtake. */
  readonly delayMs: number;
}

interface Conversation {
  readonly requests: readonly number[];
  readonly answers: readonly number[];
  /** Who says goodbye first once everything is answered. */
  readonly closer: number;
  /** The other side keeps sending this much after the first FIN (half-close). */
  readonly afterwards: number;
}

const HOUR = 3600 * NS_PER_S;
/** A socket that its application has closed gives up after 2^9 - 1 smallest RTOs of silence, 102.2 s (tcp_orphan_retries of 0). */
const ORPHAN_SILENCE_NS = 100 * NS_PER_S;

/** A network that loses, refuses, repeats and reorders, and one conversation per connection on top of it. */
class Storm implements Network, Application {
  readonly simulation = new Simulation();
  readonly peers: TcpPeers;
  /** Bytes written to and read from each side, per connection. */
  readonly written: number[][] = [];
  readonly read: number[][] = [];
  readonly ends: string[][] = [];
  /** When a segment last reached each side, per connection. */
  readonly #heardAt: number[][] = [];
  readonly releases: number[] = [];
  readonly #conversations: readonly Conversation[];
  readonly #owner: number[] = [];
  readonly #weather: Weather;
  readonly #random: RandomStream;
  readonly #flying: [number, number, number, number, number][] = [];
  readonly #arrival: number;

  constructor(weather: Weather, conversations: readonly Conversation[], seed: number) {
    this.#weather = weather;
    this.#conversations = conversations;
    this.#random = new RandomStreams(seed).stream("storm");
    this.peers = new TcpPeers(this.simulation, this, this);
    this.peers.addHost(tcpProfile([6, 18]), this.#random.below(1e12));
    this.peers.addHost(tcpProfile([5, 15], { hz: 1000 }), this.#random.below(1e12));
    this.#arrival = this.simulation.on((index) => {
      const [connection, side] = this.#flying[index]!;
      this.#heardAt[this.#owner[connection]!]![side] = this.simulation.now;
      this.peers.deliver(...this.#flying[index]!);
    });
    const start = this.simulation.on((index) => this.#start(index));
    conversations.forEach((_, index) => this.simulation.at(index * NS_PER_MS, start, index, 0));
  }

  send(connection: number, side: number, flags: number, bytes: number, tag: number): number {
    const { loss, refusal, duplication, delayMs } = this.#weather;
    if (this.#random.chance(refusal)) return Sent.refused;
    if (this.#random.chance(loss)) return Sent.away;
    const index = this.#flying.push([connection, side ^ 1, flags, bytes, tag]) - 1;
    const copies = this.#random.chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.simulation.at(this.simulation.now + 1 + this.#random.below(delayMs * NS_PER_MS), this.#arrival, index, 0);
    }
    return Sent.away;
  }

  established(connection: number, side: number): void {
    if (side === Side.client) this.#write(connection, side, this.#conversations[this.#owner[connection]!]!.requests[0]!);
  }

  received(connection: number, side: number, bytes: number): void {
    const index = this.#owner[connection]!;
    const { requests, answers, closer } = this.#conversations[index]!;
    const read = (this.read[index]![side]! += bytes);
    const asked = side === Side.server ? requests : answers;
    const given = side === Side.server ? answers : requests;
    // Which message is complete now decides what comes next.
    let sum = 0;
    for (let turn = 0; turn < asked.length; turn++) {
      sum += asked[turn]!;
      if (read !== sum) continue;
      const lastTurn = turn + 1 === asked.length;
      if (side === Side.server) this.#write(connection, side, given[turn]!);
      else if (!lastTurn) this.#write(connection, side, given[turn + 1]!);
      if (lastTurn && side === closer) this.peers.shutdown(connection, side);
    }
  }

  peerClosed(connection: number, side: number): void {
    const index = this.#owner[connection]!;
    this.ends[index]!.push(`eof ${side}`);
    this.#write(connection, side, this.#conversations[index]!.afterwards);
    this.peers.close(connection, side);
  }

  closed(connection: number, side: number): void {
    const index = this.#owner[connection]!;
    this.ends[index]!.push(`closed ${side}`);
    const silence = this.simulation.now - this.#heardAt[index]![side]!;
    if (silence >= ORPHAN_SILENCE_NS) this.ends[index]!.push(`failed ${side} silently`);
  }
  failed(connection: number, side: number, errno: number): void {
    this.ends[this.#owner[connection]!]!.push(`failed ${side} ${errno}`);
  }
  released(connection: number): void {
    this.releases.push(this.#owner[connection]!);
  }

  #start(index: number): void {
    const connection = this.peers.allocate(0, 1);
    this.#owner[connection] = index;
    this.written[index] = [0, 0];
    this.read[index] = [0, 0];
    this.ends[index] = [];
    this.#heardAt[index] = [0, 0];
    this.peers.connect(connection);
  }

  #write(connection: number, side: number, bytes: number): void {
    // A side that has shut down can't write any more.
    const state = this.peers.state(connection, side);
    if (state !== State.established && state !== State.closeWait) return;
    this.written[this.#owner[connection]!]![side]! += bytes;
    this.peers.write(connection, side, bytes);
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 4 });
const conversation: fc.Arbitrary<Conversation> = sizes.chain((requests) =>
  fc.record({
    requests: fc.constant(requests),
    answers: fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: requests.length, maxLength: requests.length }),
    closer: fc.constantFrom(Side.client, Side.server),
    afterwards: fc.integer({ min: 0, max: 5000 }),
  }),
);
const percent = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max }).map((value) => value / 100);
const storm = fc.record({
  loss: percent(30),
  refusal: percent(15),
  duplication: percent(20),
  delayMs: fc.integer({ min: 1, max: 80 }),
});

describe("whatever the network does", () => {
  it("delivers every byte once, or says why not; everything ends and is given back", () => {
    fc.assert(
      fc.property(storm, fc.array(conversation, { minLength: 1, maxLength: 8 }), fc.integer(), (weather, conversations, seed) => {
        const world = new Storm(weather, conversations, seed);
        world.simulation.run(2 * HOUR);
        expect(new Set(world.releases).size).toBe(world.releases.length);
        expect(world.peers.open).toBe(conversations.length - world.releases.length);
        conversations.forEach((_, index) => {
          const ends = world.ends[index]!;
          const failed = ends.some((end) => end.startsWith("failed"));
          // A side whose peer has given up without being heard stays open, as without keep-alive it does;
          // a peer that its application had closed before gives up without telling anyone.
          expect(world.releases.includes(index) || failed).toBe(true);
          for (const side of [Side.client, Side.server]) {
            const [written, read] = [world.written[index]![side]!, world.read[index]![side ^ 1]!];
            expect(read).toBeLessThanOrEqual(written);
            if (!failed) expect([index, side, read]).toEqual([index, side, written]);
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it("ends in good order where nothing is lost for long", () => {
    fc.assert(
      fc.property(conversation, fc.integer({ min: 1, max: 80 }), fc.integer(), (talk, delayMs, seed) => {
        const world = new Storm({ loss: 0, refusal: 0, duplication: 0.3, delayMs }, [talk], seed);
        world.simulation.run(HOUR);
        expect(world.ends[0]!.filter((end) => end.startsWith("closed")).sort()).toEqual(["closed 0", "closed 1"]);
        expect(world.read[0]).toEqual([world.written[0]![1], world.written[0]![0]]);
      }),
      { numRuns: 100 },
    );
  });
});
