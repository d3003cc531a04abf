import { describe, expect, it } from "vitest";
import { fromProtoJson } from "./json.js";
import { GetFlowsResponseSchema } from "./proto/observer_pb.js";
import { SynMatcher, slowSyns, type SynWait } from "./slow-syns.js";

const EPOCH_MS = Date.UTC(2025, 0, 1);

interface Event {
  readonly ms: number;
  readonly kind: "syn" | "syn-ack" | "ack";
  readonly client?: number;
  readonly drop?: number;
}

function waits(events: readonly Event[], counts: (client: number) => boolean = () => true): SynWait[] {
  const matcher = new SynMatcher();
  for (const { ms, kind, client = 4000, drop } of events) {
    const isReply = kind === "syn-ack";
    const time = new Date(EPOCH_MS + ms).toISOString();
    const flow = {
      time,
      verdict: drop === undefined ? "FORWARDED" : "DROPPED",
      IP: isReply ? { source: "b", destination: "a" } : { source: "a", destination: "b" },
      l4: {
        TCP: {
          source_port: isReply ? 80 : client,
          destination_port: isReply ? client : 80,
          flags: { SYN: kind !== "ack", ACK: kind !== "syn" },
        },
      },
      event_type: drop === undefined ? { type: 4 } : { type: 1, sub_type: drop },
    };
    matcher.take(fromProtoJson(GetFlowsResponseSchema, { flow, time }), () => counts(client));
  }
  return matcher.waits();
}

const told = (all: readonly SynWait[]): unknown[] => all.map(({ waitNs, answered, syns, drops }) => [Number(waitNs) / 1e6, answered, syns, ...drops]);

describe("SynMatcher", () => {
  it("a wait goes from the first SYN to the SYN-ACK", () => {
    expect(told(waits([{ ms: 0, kind: "syn" }, { ms: 1, kind: "syn" }, { ms: 3, kind: "syn-ack" }, { ms: 4, kind: "syn-ack" }, { ms: 5, kind: "ack" }]))).toEqual([
      [3, true, 1],
    ]);
  });

  it("SYNs that lie apart are retransmissions, with why the others were dropped", () => {
    const events: Event[] = [
      { ms: 0, kind: "syn", drop: 155 },
      { ms: 1000, kind: "syn", drop: 155 },
      { ms: 3000, kind: "syn" },
      { ms: 3002, kind: "syn-ack", drop: 133 },
      { ms: 7000, kind: "syn" },
      { ms: 7001, kind: "syn-ack" },
    ];
    expect(told(waits(events))).toEqual([[7001, true, 4, "CT: Map insertion failed", "Policy denied"]]);
  });

  it("a SYN-ACK that is dropped further on is no answer", () => {
    expect(told(waits([{ ms: 0, kind: "syn" }, { ms: 1, kind: "syn-ack" }, { ms: 1, kind: "syn-ack", drop: 155 }]))).toEqual([
      [0, false, 1, "CT: Map insertion failed"],
    ]);
  });

  it("without a SYN-ACK the wait ends with the last SYN", () => {
    expect(told(waits([{ ms: 0, kind: "syn" }, { ms: 1000, kind: "syn" }, { ms: 3000, kind: "syn" }]))).toEqual([[3000, false, 3]]);
  });

  it("a port that is used again is another connection, after an answer or a long silence", () => {
    const events: Event[] = [
      { ms: 0, kind: "syn" },
      { ms: 1, kind: "syn-ack" },
      { ms: 500, kind: "syn" },
      { ms: 600, kind: "syn-ack" },
      { ms: 1000, kind: "syn", client: 4001 },
      { ms: 100_000, kind: "syn", client: 4001 },
    ];
    expect(told(waits(events))).toEqual([
      [1, true, 1],
      [100, true, 1],
      [0, false, 1],
      [0, false, 1],
    ]);
  });

  it("only connections that are wanted", () => {
    const events: Event[] = [
      { ms: 0, kind: "syn" },
      { ms: 0, kind: "syn", client: 4001 },
      { ms: 7, kind: "syn-ack", client: 4001 },
    ];
    expect(told(waits(events, (client) => client === 4001))).toEqual([[7, true, 1]]);
  });
});

describe("slowSyns", () => {
  it("says how many, how long, and when", () => {
    const events = Array.from({ length: 100 }, (_, i): Event[] => [
      { ms: i * 500, kind: "syn", client: 5000 + i },
      { ms: i * 500 + (i < 10 ? 300 + i : 1), kind: "syn-ack", client: 5000 + i },
    ]).flat();
    const syns = slowSyns(waits(events), 100_000_000n);
    expect(syns).toMatchObject({ connections: 100, answered: 100, p50Ns: 1_000_000n, p99Ns: 308_000_000n, spanNs: 2_000_000_000n });
    expect(syns.slow.map(({ waitNs }) => Number(waitNs) / 1e6)).toEqual([309, 308, 307, 306, 305, 304, 303, 302, 301, 300]);
    expect(syns.spans).toHaveLength(25);
    expect(syns.spans.slice(0, 4).map(({ connections, slow, longestNs }) => [connections, slow, Number(longestNs) / 1e6])).toEqual([
      [4, 4, 303],
      [4, 4, 307],
      [4, 2, 309],
      [4, 0, 1],
    ]);
  });

  it("has nothing to say of no SYN, and few lines of a long time", () => {
    expect(slowSyns([], 1n)).toMatchObject({ connections: 0, slow: [], spans: [], p99Ns: 0n });
    const years = waits([{ ms: 0, kind: "syn" }, { ms: 1e11, kind: "syn" }]);
    expect(slowSyns(years, 1n).spans.length).toBeLessThanOrEqual(32);
  });
});
