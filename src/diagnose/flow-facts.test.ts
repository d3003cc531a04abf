import { describe, expect, it } from "vitest";
import { FlowLineReader } from "../hubble/line-reader.js";
import type { FlowFacts } from "./facts.js";
import { FlowCollector } from "./flow-facts.js";
import { patternOf } from "./pattern.js";

const POLICY_DENIED = 133;
const CLIENT = "10.0.0.1";
const SERVER = "10.0.1.1";

interface Packet {
  readonly at: number;
  readonly from?: string;
  readonly to?: string;
  readonly ports?: readonly [number, number];
  readonly flags?: readonly string[];
  readonly udp?: boolean;
  readonly dropped?: number;
  readonly identity?: number;
  readonly app?: string;
}

let uuid = 0;

function line({ at, from = CLIENT, to = SERVER, ports = [40_000, 80], flags = ["SYN"], udp = false, dropped, identity = 300, app }: Packet): string {
  const time = new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString();
  const [source_port, destination_port] = ports;
  const flow = {
    time,
    uuid: String(uuid++),
    verdict: dropped === undefined ? "FORWARDED" : "DROPPED",
    IP: { source: from, destination: to, ipVersion: "IPv4" },
    l4: udp
      ? { UDP: { source_port, destination_port } }
      : { TCP: { source_port, destination_port, flags: Object.fromEntries(flags.map((flag) => [flag, true])) } },
    source: { identity },
    destination: { identity: 301, namespace: "shop", ...(app === undefined ? {} : { labels: [`k8s:app=${app}`] }) },
    Type: "L3_L4",
    event_type: dropped === undefined ? { type: 4 } : { type: 1, sub_type: dropped },
  };
  return JSON.stringify({ flow, node_name: "n", time });
}

function collected(...lines: readonly string[]): FlowFacts {
  const collector = new FlowCollector();
  const reader = new FlowLineReader("latest", { skipped: (reason) => expect.fail(reason), unknownField: () => {} });
  for (const text of lines) collector.take(reader.read(text)!);
  return collector.facts()!;
}

const facts = (...packets: readonly Packet[]): FlowFacts => collected(...packets.map(line));
/** Of the other side. */
function back(packet: Packet): Packet {
  const { from = CLIENT, to = SERVER, ports: [source, destination] = [40_000, 80] } = packet;
  return { ...packet, from: to, to: from, ports: [destination, source] };
}

describe("denied packets", () => {
  it("open something, or are in the midst of it", () => {
    const { denied, deniedPattern, drops } = facts(
      { at: 0, dropped: POLICY_DENIED },
      { at: 1, dropped: POLICY_DENIED, ports: [40_001, 80] },
      { at: 2, ports: [40_002, 80] },
      back({ at: 2.1, ports: [40_002, 80], flags: ["SYN", "ACK"], dropped: POLICY_DENIED }),
      back({ at: 9, ports: [40_002, 80], flags: ["ACK", "PSH"], dropped: POLICY_DENIED }),
      back({ at: 9.1, ports: [40_003, 80], flags: ["RST"], dropped: POLICY_DENIED }),
    );
    expect(denied).toEqual({ opening: 2, midStream: 2, unclear: 1 });
    // One connection, first seen to be hurt at 2.1.
    expect(deniedPattern).toMatchObject({ count: 1, bursts: 1 });
    expect(drops).toEqual([{ code: POLICY_DENIED, reason: "Policy denied", count: 5 }]);
  });

  it("of datagrams are answers when the question was seen, or come from a server's port", () => {
    const { denied } = facts(
      { at: 0, udp: true, ports: [40_000, 9999] },
      back({ at: 0.1, udp: true, ports: [40_000, 9999], dropped: POLICY_DENIED }),
      back({ at: 0.2, udp: true, ports: [40_005, 53], dropped: POLICY_DENIED }),
      { at: 0.3, udp: true, ports: [40_006, 53], dropped: POLICY_DENIED },
      { at: 0.4, udp: true, ports: [40_007, 9998], dropped: POLICY_DENIED },
    );
    expect(denied).toEqual({ opening: 1, midStream: 2, unclear: 1 });
  });

  it("count once when two files hold them", () => {
    const drop = line({ at: 0, dropped: POLICY_DENIED });
    expect(collected(drop, drop)).toMatchObject({ denied: { opening: 1 }, onlyDrops: true, silent: null, resets: null });
  });
});

describe("silence", () => {
  it("is of one destination; what was dropped on its way or asked just now is left aside", () => {
    const asks: Packet[] = [];
    for (let i = 0; i < 40; i++) {
      const ask: Packet = { at: i / 10, udp: true, ports: [41_000 + i, 53], to: i % 4 === 0 ? "10.0.1.9" : SERVER };
      asks.push(ask);
      if (i % 4 !== 0) asks.push(back({ ...ask, at: ask.at + 0.001 }));
    }
    const others: Packet[] = [
      { at: 0.5, ports: [50_000, 53], udp: true, dropped: 155 },
      { at: 6, ports: [50_001, 53], udp: true },
    ];
    const { silent, exchanges, unanswered } = facts(...asks, ...others);
    expect(silent).toEqual({ destination: "10.0.1.9", asked: 10, unanswered: 10, othersAsked: 30, othersUnanswered: 0 });
    expect([exchanges, unanswered]).toEqual([40, 10]);
  });

  it("is none of translated sockets, which are no packets", () => {
    const socket = (at: number, subType: number, verdict: string): string => {
      const time = new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString();
      const flow = {
        time,
        uuid: String(uuid++),
        verdict,
        IP: { source: CLIENT, destination: "10.96.0.10", ipVersion: "IPv4" },
        l4: { TCP: { destination_port: 80 } },
        Type: "SOCK",
        event_type: { type: 7, sub_type: subType },
      };
      return JSON.stringify({ flow, node_name: "n", time });
    };
    const sockets = Array.from({ length: 20 }, (_, at) => [socket(at, 1, "TRACED"), socket(at, 2, "TRANSLATED")]).flat();
    expect(collected(...sockets, line({ at: 0, dropped: POLICY_DENIED }), line({ at: 60, dropped: POLICY_DENIED }))).toMatchObject({
      flows: 42,
      exchanges: 0,
      unanswered: 0,
      onlyDrops: true,
    });
  });
});

describe("SYNs and resets", () => {
  it("are sent again when they lie apart, not when one packet is seen twice", () => {
    const { synsAgain } = facts({ at: 0 }, { at: 0.0001 }, { at: 1.01 }, { at: 0, ports: [40_001, 80] });
    expect(synsAgain).toEqual({ connections: 2, again: 1 });
  });

  it("tell who resets whom, once a connection, and whether the node did", () => {
    const opened = [1, 2, 3].flatMap((i): Packet[] => [
      { at: i, ports: [40_000 + i, 80] },
      back({ at: i + 0.1, ports: [40_000 + i, 80], flags: ["SYN", "ACK"] }),
    ]);
    const reset = (i: number, at: number): Packet => back({ at, ports: [40_000 + i, 80], flags: ["RST", "ACK"] });
    const host: Packet = { at: 60, ports: [40_003, 80], flags: ["RST"], identity: 1, from: "192.168.0.1" };
    const { resets } = facts(...opened, reset(1, 30), reset(1, 30.001), reset(2, 30.5), host);
    expect(resets).toMatchObject({ connections: 3, seen: 4, topSource: SERVER, byHost: 1, pattern: { bursts: 2 } });
    expect(resets!.topShare).toBeCloseTo(2 / 3, 12);
  });
});

describe("who serves whom", () => {
  it("counts requests, backends and the clients' ports of the busiest service", () => {
    const { spread } = facts(
      ...[0, 1, 2, 3, 4].map((at): Packet => ({ at, udp: true, ports: [514, 514], app: "logs" })),
      { at: 5, udp: true, ports: [515, 514], to: "10.0.1.2", app: "logs" },
      { at: 5, udp: true, ports: [515, 53], app: "dns" },
    );
    expect(spread).toEqual({ service: "shop/logs:514/UDP", backends: 2, requests: 6, clientPorts: 2 });
  });

  it("knows of losses", () => {
    const lost = '{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"7"},"node_name":"n","time":"2026-01-01T00:00:00Z"}';
    expect(collected(line({ at: 0 }), lost).lostEvents).toBe(7);
  });
});

describe("patterns in time", () => {
  it("tell a burst from pulses and from what is always there", () => {
    expect(patternOf([3, 3.1, 4.9], 60)).toMatchObject({ bursts: 1, periodS: null });
    expect(patternOf([0, 10, 10.5, 20.5], 60)).toMatchObject({ bursts: 3, periodS: 10.5 });
    expect(patternOf(Array.from({ length: 60 }, (_, i) => i), 60)).toMatchObject({ bursts: 1, busyShare: 1 });
  });
});
