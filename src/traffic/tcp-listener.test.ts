import { describe, expect, it } from "vitest";
import { World } from "../../test/support/tcp-world.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { Side, State } from "./tcp-peers.js";

/** A world whose connections all go to one listener. */
function listening(backlog: number, synCookies: 0 | 1 | 2): { world: World; connect: () => number; flood: (count: number) => void } {
  const world = new World();
  const listener = world.peers.addListener({ backlog, synCookies });
  const open = (): number => {
    const connection = world.peers.allocate(0, 1);
    world.peers.listen(connection, listener);
    return connection;
  };
  return {
    world,
    connect: () => {
      const connection = open();
      world.peers.connect(connection);
      return connection;
    },
    flood: (count) => {
      for (let i = 0; i < count; i++) world.peers.spoof(open());
    },
  };
}

function accepted(world: World): number {
  return world.told.filter((told) => told === `established ${Side.server}`).length;
}

describe("accept queue", () => {
  it("takes one more than the backlog; the next client believes it is connected until room is made", () => {
    const { world, connect } = listening(2, 1);
    const connections = Array.from({ length: 3 }, connect);
    world.runFor(NS_PER_MS);
    expect(accepted(world)).toBe(3);
    // No room any more: even the SYN is dropped.
    connect();
    world.runFor(NS_PER_MS);
    expect(world.peers.listeners.drops).toBe(1);
    world.peers.listeners.accept(1);
    world.runFor(1030 * NS_PER_MS);
    expect(accepted(world)).toBe(4);
    expect(connections.map((connection) => world.peers.state(connection, Side.server))).toEqual(Array(3).fill(State.established));
  });

  it("leaves handshakes unfinished that end while it is full, and finishes them at the repeated SYN-ACK", () => {
    const { world, connect } = listening(1, 1);
    connect();
    world.runFor(NS_PER_MS);
    const first = connect();
    const second = connect();
    world.runFor(NS_PER_MS);
    expect(accepted(world)).toBe(2);
    expect(world.peers.listeners.overflows).toBe(1);
    expect([first, second].map((connection) => world.peers.state(connection, Side.client))).toEqual([State.established, State.established]);
    expect(world.peers.state(second, Side.server)).toBe(State.synReceived);
    world.peers.listeners.accept(1);
    world.runFor(1100 * NS_PER_MS);
    expect(accepted(world)).toBe(3);
    expect(world.peers.listeners.requests(1)).toBe(0);
  });
});

describe("SYN queue", () => {
  it("overflows in a flood: later SYNs are dropped, or answered with cookies that cost nothing", () => {
    for (const [synCookies, dropped, cookies] of [[0, 90, 0], [1, 0, 90]] as const) {
      const { world, flood } = listening(9, synCookies);
      flood(100);
      world.runFor(NS_PER_MS);
      expect(world.peers.listeners.requests(1)).toBe(10);
      expect(world.peers.listeners.drops).toBe(dropped);
      expect(world.peers.listeners.cookies).toBe(cookies);
      world.runFor(2 * NS_PER_S);
      expect(world.peers.open).toBe(10);
      world.runFor(70 * NS_PER_S);
      expect(world.peers.listeners.requests(1)).toBe(0);
      expect(world.peers.open).toBe(0);
      // Five repetitions of each queued request's SYN-ACK, none of a cookie.
      expect(world.lines.filter((line) => line.side === Side.server).length).toBe(10 * 6 + cookies);
    }
  });

  it("lets a client through by cookie while a flood fills it", () => {
    const { world, connect, flood } = listening(9, 1);
    flood(100);
    world.runFor(NS_PER_MS);
    const connection = connect();
    world.runFor(NS_PER_MS);
    expect(accepted(world)).toBe(1);
    world.peers.write(connection, Side.client, 100);
    world.runFor(NS_PER_MS);
    expect(world.told).toContain("received 1 100");
    expect(world.peers.listeners.requests(1)).toBe(10);
  });
});
