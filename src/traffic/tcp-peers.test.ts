import { describe, expect, it } from "vitest";
import { ONE_WAY_NS, World } from "../../test/support/tcp-world.js";
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { Errno, Side, State, TcpFlag } from "./tcp-peers.js";

const { syn, ack, psh, fin, rst } = TcpFlag;

/** A world with one open connection and an empty log. */
function opened(overrides: ConstructorParameters<typeof World>[0] = {}): { world: World; connection: number } {
  const world = new World(overrides);
  const connection = world.connect();
  world.runFor(NS_PER_MS);
  world.lines.length = 0;
  world.told.length = 0;
  return { world, connection };
}

/** Segments as `side:flags:bytes`. */
function sent(world: World): string[] {
  return world.lines.map((line) => `${line.side}:${names(line.flags)}${line.bytes > 0 ? `:${line.bytes}` : ""}`);
}

function names(flags: number): string {
  const letters = [[syn, "S"], [fin, "F"], [rst, "R"], [psh, "P"], [ack, "A"]] as const;
  return letters.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter).join("");
}

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
    expect(sent(world)).toEqual(["0:S", "1:SA", "0:A", "0:PA:32", "1:A", "1:PA:32", "0:A", "0:FA", "1:FA", "0:A"]);
    expect(world.told).toEqual([
      "established 0", "established 1", "received 1 32", "received 0 32", "peerClosed 1", "closed 0", "closed 1", "released 0",
    ]);
    expect(world.peers.state(connection, Side.client)).toBe(State.timeWait);
    // Ten arrivals, and a tick for each bucket that had a timer.
    expect(world.simulation.events).toBeLessThan(10 + 8);
  });

  it("measures the round trip", () => {
    const { world, connection } = opened();
    expect(world.peers.smoothedRtt(connection, Side.client)).toBe(2 * ONE_WAY_NS);
    expect(world.peers.openedAt(connection)).toBe(0);
  });

  it("cuts a large answer into segments, ten at first, acknowledged by twos", () => {
    const { world, connection } = opened();
    world.peers.write(connection, Side.client, 20 * 1448 + 100);
    world.runFor(ONE_WAY_NS - 1);
    expect(sent(world)).toEqual(Array<string>(10).fill("0:A:1448"));
    world.runFor(NS_PER_S);
    expect(world.lines.filter((line) => line.side === Side.client).map((line) => line.bytes)).toEqual([...Array<number>(20).fill(1448), 100]);
    expect(world.told.reduce((sum, told) => sum + Number(told.split(" ")[2]), 0)).toBe(20 * 1448 + 100);
  });
});

describe("handshake", () => {
  it("is refused where nobody listens", () => {
    const world = new World();
    const connection = world.peers.allocate(0, 1);
    world.peers.refuse(connection);
    world.peers.connect(connection);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:S", "1:RA"]);
    expect(world.told).toEqual([`failed 0 ${Errno.ECONNREFUSED}`, "released -1"]);
  });

  it("ends at once when the network says that the host can't be reached", () => {
    const world = new World();
    world.fate = () => "lose";
    const connection = world.connect();
    world.peers.unreachable(connection, Side.client, Errno.EHOSTUNREACH);
    expect(world.told).toEqual([`failed 0 ${Errno.EHOSTUNREACH}`, "released -1"]);
    const open = opened();
    open.world.peers.unreachable(open.connection, Side.client, Errno.EHOSTUNREACH);
    expect(open.world.peers.state(open.connection, Side.client)).toBe(State.established);
  });

  it("repeats a lost SYN-ACK after a second, and at each repeated SYN", () => {
    const world = new World();
    world.fate = (line) => (line.flags === (syn | ack) ? "lose" : "pass");
    world.connect();
    world.runFor(4500 * NS_PER_MS);
    const moments = (side: number): number[] => world.lines.filter((line) => line.side === side).map((line) => Math.round(line.at / NS_PER_MS));
    expect(moments(Side.client)).toEqual([0, 1024, 2048, 3072, 4096]);
    // The server's own timer fires just before the second SYN arrives; from then on each SYN puts it off.
    expect(moments(Side.server)).toEqual([0, 1024, 1024, 2048, 3072, 4096]);
    world.fate = () => "pass";
    world.runFor(NS_PER_S);
    expect(world.told).toEqual(["established 0", "established 1"]);
    expect(world.peers.retransmissions(0, Side.client)).toBe(5);
  });

  it("forgets a request whose SYN-ACK the server's own device refuses twice", () => {
    const world = new World();
    world.fate = (line) => (line.side === Side.server ? "refuse" : "pass");
    const connection = world.connect();
    world.runFor(900 * NS_PER_MS);
    expect(world.peers.state(connection, Side.server)).toBe(State.synReceived);
    world.runFor(124 * NS_PER_MS);
    expect(world.peers.state(connection, Side.server)).toBe(State.listen);
  });

  it("leaves quietly when the application gives up before an answer", () => {
    const world = new World();
    world.fate = () => "lose";
    const connection = world.connect();
    world.peers.close(connection, Side.client);
    world.runFor(10 * NS_PER_S);
    expect(sent(world)).toEqual(["0:S"]);
    expect(world.told).toEqual(["released -1"]);
  });

  it("completes by data when the last acknowledgement is lost", () => {
    const world = new World();
    world.fate = (line) => (line.side === Side.client && line.flags === ack ? "lose" : "pass");
    const connection = world.connect();
    world.runFor(NS_PER_MS);
    world.peers.write(connection, Side.client, 10);
    world.runFor(NS_PER_MS);
    expect(world.told).toEqual(["established 0", "established 1", "received 1 10"]);
  });
});

describe("close", () => {
  it("half-closes: the other side may go on, and ends with its own FIN", () => {
    const { world, connection } = opened();
    world.onPeerClosed = () => {};
    world.peers.shutdown(connection, Side.client);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:FA", "1:A"]);
    world.peers.write(connection, Side.server, 100);
    world.peers.close(connection, Side.server);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:FA", "1:A", "1:PA:100", "1:FA", "0:A", "0:A"]);
    expect(world.told).toEqual(["peerClosed 1", "received 0 100", "closed 0", "closed 1", "released 0"]);
  });

  it("answers data to a socket that is closed with a reset", () => {
    const { world, connection } = opened();
    world.onPeerClosed = () => {};
    world.peers.close(connection, Side.client);
    world.runFor(NS_PER_S);
    world.peers.write(connection, Side.server, 100);
    world.runFor(NS_PER_S);
    expect(sent(world).slice(2)).toEqual(["1:PA:100", "0:RA"]);
    expect(world.told).toEqual(["peerClosed 1", "closed 0", `failed 1 ${Errno.ECONNRESET}`, "released -1"]);
  });

  it("waits for the other side's FIN for tcp_fin_timeout, then is gone", () => {
    const { world, connection } = opened();
    world.onPeerClosed = () => {};
    world.peers.close(connection, Side.client);
    world.runFor(59 * NS_PER_S);
    expect(world.peers.state(connection, Side.client)).toBe(State.finWait2);
    world.runFor(4 * NS_PER_S);
    expect(world.peers.state(connection, Side.client)).toBe(State.closed);
    world.peers.write(connection, Side.server, 1);
    world.runFor(NS_PER_S);
    expect(world.told).toEqual(["peerClosed 1", "closed 0", `failed 1 ${Errno.ECONNRESET}`, "released -1"]);
  });

  it("both at once end in TIME_WAIT", () => {
    const { world, connection } = opened();
    world.peers.close(connection, Side.client);
    world.peers.close(connection, Side.server);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:FA", "1:FA", "1:A", "0:A"]);
    expect(world.told).toEqual(["closed 0", "closed 1", "released 0"]);
  });

  it("acknowledges a repeated FIN from TIME_WAIT", () => {
    const { world, connection } = opened();
    let lost = 0;
    world.fate = (line) => (line.side === Side.client && line.flags === ack && lost++ === 0 ? "lose" : "pass");
    world.peers.close(connection, Side.client);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:FA", "1:FA", "0:A", "1:FA", "0:A"]);
    expect(world.told.slice(-2)).toEqual(["closed 1", "released 0"]);
  });

  it("aborts with a reset", () => {
    const { world, connection } = opened();
    world.peers.abort(connection, Side.server);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["1:RA"]);
    expect(world.told).toEqual([`failed 0 ${Errno.ECONNRESET}`, "released -1"]);
    expect(world.peers.resets).toBe(1);
  });

  it("sends no FIN beside a repeated request: the window is one segment then", () => {
    const { world, connection } = opened();
    world.fate = () => "lose";
    world.peers.write(connection, Side.client, 32);
    world.runFor(NS_PER_S);
    world.peers.close(connection, Side.client);
    world.runFor(30 * NS_PER_S);
    expect(new Set(sent(world))).toEqual(new Set(["0:PA:32"]));
    expect(world.peers.state(connection, Side.client)).toBe(State.finWait1);
  });

  it("gives an orphan's data up after the eight steps of tcp_orphan_retries", () => {
    const { world, connection } = opened();
    world.fate = () => "lose";
    world.peers.close(connection, Side.client);
    world.runFor(100 * NS_PER_S);
    expect(world.peers.state(connection, Side.client)).toBe(State.finWait1);
    world.runFor(60 * NS_PER_S);
    expect(world.told).toEqual(["closed 0"]);
  });
});

describe("acknowledgements", () => {
  it("come at once at first, and with the answer once a side has answered", () => {
    const { world, connection } = opened();
    world.onReceived = (on, side, bytes) => {
      if (side === Side.server) world.peers.write(on, Side.server, bytes);
    };
    for (let i = 0; i < 2; i++) {
      world.peers.write(connection, Side.client, 32);
      world.runFor(2 * NS_PER_S);
    }
    expect(sent(world)).toEqual(["0:PA:32", "1:A", "1:PA:32", "0:A", "0:PA:32", "1:PA:32", "0:A"]);
  });

  it("come late, after 40 ms, when an interactive side has nothing to answer", () => {
    const { world, connection } = opened();
    let answers = 0;
    world.onReceived = (on, side, bytes) => {
      if (side === Side.server && answers++ === 0) world.peers.write(on, Side.server, bytes);
    };
    world.peers.write(connection, Side.client, 32);
    world.runFor(NS_PER_S);
    world.lines.length = 0;
    world.peers.write(connection, Side.client, 32);
    world.runFor(150 * NS_PER_MS);
    expect(sent(world)).toEqual(["0:PA:32", "1:A"]);
    const wait = world.lines[1]!.at - world.lines[0]!.at - ONE_WAY_NS;
    expect(wait).toBeGreaterThanOrEqual(40 * NS_PER_MS);
    expect(wait).toBeLessThanOrEqual(44 * NS_PER_MS);
  });
});

describe("loss in the middle of a message", () => {
  it("is repaired after three duplicate acknowledgements, without a time-out", () => {
    const { world, connection } = opened();
    world.fate = (_line, index) => (index === 2 ? "lose" : "pass");
    world.peers.write(connection, Side.client, 10 * 1448);
    world.runFor(50 * NS_PER_MS);
    expect(world.peers.retransmissions(connection, Side.client)).toBe(1);
    expect(world.told.reduce((sum, told) => sum + Number(told.split(" ")[2]), 0)).toBe(10 * 1448);
  });
});

describe("keep-alive", () => {
  const settings = { keepAliveTimeS: 15, keepAliveIntervalS: 5, keepAliveProbes: 3 };

  it("asks an idle peer, which answers", () => {
    const { world, connection } = opened(settings);
    world.peers.keepAlive(connection, Side.client);
    world.runFor(40 * NS_PER_S);
    expect(sent(world)).toEqual(["0:A", "1:A", "0:A", "1:A"]);
    expect(world.told).toEqual([]);
  });

  it("ends the connection when nobody answers", () => {
    const { world, connection } = opened(settings);
    world.peers.keepAlive(connection, Side.client);
    world.peers.vanish(connection, Side.server);
    world.runFor(40 * NS_PER_S);
    expect(sent(world)).toEqual(["0:A", "0:A", "0:A", "0:RA"]);
    expect(world.told).toEqual([`failed 0 ${Errno.ETIMEDOUT}`, "released -1"]);
  });
});

describe("late segments", () => {
  it("of an earlier connection under the same number are ignored", () => {
    const world = new World();
    world.fate = (line) => (line.flags === syn ? "pass" : "lose");
    const first = world.peers.allocate(0, 1);
    world.peers.connect(first);
    world.peers.close(first, Side.client);
    expect(world.peers.open).toBe(0);
    world.runFor(NS_PER_S);
    expect(sent(world)).toEqual(["0:S"]);
  });

  it("find nobody where the host has vanished", () => {
    const { world, connection } = opened();
    world.peers.vanish(connection, Side.server);
    world.peers.write(connection, Side.client, 1);
    world.runFor(NS_PER_S);
    expect(new Set(sent(world))).toEqual(new Set(["0:PA:1"]));
  });
});
