import { describe, expect, it } from "vitest";
import { allocatedBytes } from "../../test/support/allocated-bytes.js";
import { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import { Sent, Side, TcpFlag, TcpPeers, type Application, type Network } from "./tcp-peers.js";
import { tcpProfile } from "./tcp-profile.js";

const TICK_NS = 1_000_000;
const OPENED_PER_TICK = 10;
const SEGMENT_WORDS = 5;
const FLYING = 1 << 12;
const WINDOW_NS = 2 * NS_PER_S;
const WINDOWS = 12;
const BYTES_PER_SEGMENT_MAX = 0.5;

/** Opens connections at a steady rate; every eighth SYN is lost. Segments travel in a ring, moved on every millisecond. */
class Load implements Network, Application {
  readonly simulation = new Simulation();
  readonly peers = new TcpPeers(this.simulation, this, this);
  segments = 0;
  finished = 0;
  readonly #ring = new Int32Array(SEGMENT_WORDS * FLYING);
  #head = 0;
  #tail = 0;
  #syns = 0;
  readonly #tick: number = this.simulation.on(() => this.#moveOn());

  constructor() {
    this.peers.addHost(tcpProfile([6, 6]), 0);
    this.peers.addHost(tcpProfile([6, 6]), 0);
    this.simulation.at(0, this.#tick, 0, 0);
  }

  #moveOn(): void {
    for (let i = 0; i < OPENED_PER_TICK; i++) this.peers.connect(this.peers.allocate(0, 1));
    const ring = this.#ring;
    for (const end = this.#tail; this.#head !== end; this.#head = (this.#head + 1) % FLYING) {
      const at = this.#head * SEGMENT_WORDS;
      this.peers.deliver(ring[at]!, ring[at + 1]!, ring[at + 2]!, ring[at + 3]!, ring[at + 4]!);
    }
    this.simulation.at(this.simulation.now + TICK_NS, this.#tick, 0, 0);
  }

  send(connection: number, side: number, flags: number, bytes: number, tag: number): number {
    this.segments++;
    if (flags === TcpFlag.syn && (++this.#syns & 7) === 0) return Sent.away;
    const at = this.#tail * SEGMENT_WORDS;
    this.#tail = (this.#tail + 1) % FLYING;
    const ring = this.#ring;
    ring[at] = connection;
    ring[at + 1] = side ^ 1;
    ring[at + 2] = flags;
    ring[at + 3] = bytes;
    ring[at + 4] = tag;
    return Sent.away;
  }
  established(connection: number, side: number): void {
    if (side === Side.client) this.peers.write(connection, side, 200);
  }
  received(connection: number, side: number): void {
    if (side === Side.server) this.peers.write(connection, side, 1000);
    else this.peers.close(connection, side);
  }
  peerClosed(connection: number, side: number): void {
    this.peers.close(connection, side);
  }
  closed(): void {}
  failed(): void {}
  released(): void {
    this.finished++;
  }
}

describe("TCP peers", () => {
  it("allocate nothing per segment once the compiler has done its work", () => {
    const load = new Load();
    // Interpreted code boxes times; windows are measured until the compiled one shows. (The tick above boxes one time a
    // millisecond, which is why it moves many segments.)
    let least = Infinity;
    for (let window = 1; window <= WINDOWS && least >= BYTES_PER_SEGMENT_MAX; window++) {
      const [segments, finished] = [load.segments, load.finished];
      const bytes = allocatedBytes(() => load.simulation.run(window * WINDOW_NS));
      expect(load.finished - finished).toBeGreaterThan(15_000);
      least = Math.min(least, bytes / (load.segments - segments));
    }
    expect(least).toBeLessThan(BYTES_PER_SEGMENT_MAX);
  });
});
