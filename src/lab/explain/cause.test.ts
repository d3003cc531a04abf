/** Rules that need more of a run than its packets: what the collector walked, and which backends were added when. */
import { describe, expect, it } from "vitest";
import { load } from "../../../test/scenario/fixtures.js";
import { seconds } from "../../core/units.js";
import type { GcRun, VariantResult } from "../../observe/result.js";
import type { Scenario } from "../../scenario/types.js";
import type { ConnectionTrace, PacketFacts, TraceRecord } from "../trace/result.js";
import { causeOf } from "./cause.js";

const FILL = { map: "ct6_global", entries: 16_300, maxEntries: 16_384 };
const PACKET: PacketFacts = { from: "client", flags: "PSH,ACK", again: 0, outcome: "sent", drop: null, fills: [FILL], agentWalks: false };

function record(timeS: number, text: string, more: Partial<TraceRecord> = {}): TraceRecord {
  return { kind: "packet", timeNs: seconds(timeS), text, cpu: 0, costNs: 0, steps: [], ...more };
}

function trace(protocol: string, records: readonly TraceRecord[]): ConnectionTrace {
  const connection = { workload: "w", nth: 1, protocol, tuple: "", client: "", server: "", openedAtNs: 0 };
  return { request: "w:1", variant: null, connection, missing: null, records, omitted: 0 };
}

function gcRun(startS: number, cause: GcRun["cause"], maps: readonly string[]): GcRun {
  const times = { startNs: seconds(startS), endNs: seconds(startS), nextIntervalNs: seconds(60) };
  return { ...times, cause, scanned: 0, deleted: 0, deleteRatio: 0, maps };
}

function scenario(sections: string): Scenario {
  return load(`apiVersion: ctlab/v1\nname: x\nprofile: { cilium: "1.17.6", kernel: "6.6" }\nduration: 5m\n${sections}`).base;
}

describe("M9, an entry evicted from a map that the collector does not get to", () => {
  const steps = [{ kind: "lookup", text: "ct6_global TCP OUT a -> b: miss" }] as TraceRecord["steps"];
  const lost = trace("TCP", [
    record(200, "entry ct6_global TCP OUT a -> b: evicted", { kind: "entry", entry: { gone: "evicted", fill: FILL, leftS: 7000 } }),
    record(210, "client sends PSH,ACK", { packet: PACKET, steps }),
    record(210, "pod sends RST", { packet: { ...PACKET, from: "stranger", flags: "RST,ACK" } }),
  ]);
  const mechanism = (gcRuns: readonly GcRun[]): string | null =>
    causeOf(lost, { gcRuns, drops: [] } as unknown as VariantResult, scenario("workloads: []")).mechanism;
  const v6 = ["ct6_global", "ct_any6_global"];
  const v4 = ["ct4_global", "ct_any4_global"];
  const signals = [130, 150, 170, 190].map((at) => gcRun(at, "signal", v4));

  it("is seen when signals of the other family woke it again and again", () => {
    expect(mechanism([gcRun(100, "timer", v6), ...signals])).toBe("M9");
  });

  it.each<[string, readonly GcRun[]]>([
    ["the timer ran out in between", [gcRun(100, "timer", v6), ...signals.slice(0, 2), gcRun(160, "timer", v4), ...signals.slice(2)]],
    ["the map's turn had not come yet", [gcRun(175, "timer", v6), gcRun(180, "signal", v4), gcRun(190, "signal", v4)]],
    ["the map was walked each time", [gcRun(100, "timer", v6), ...signals.map((run) => ({ ...run, maps: [...v4, ...v6] }))]],
    ["no run is known", []],
  ])("is plain eviction (M1) when %s", (_name, runs) => expect(mechanism(runs)).toBe("M1"));
});

describe("M10, a service entry that outlives its connection", () => {
  const first = (status: string): TraceRecord => {
    const steps = [{ kind: "conntrack", text: `service ${status}, monitor 0` }, { kind: "backend", text: "service 1: backend 3" }] as TraceRecord["steps"];
    return record(60, "client sends 100 bytes", { packet: { ...PACKET, flags: "" }, steps });
  };
  const answer = record(61, "server sends 20 bytes", { packet: { ...PACKET, from: "server", flags: "" } });
  const cause = (status: string, addedAt: string): string | null => {
    const sections = `services: [{ name: shop/logs, port: 514, protocol: UDP, backends: 2 }]
timeline: [{ at: ${addedAt}, backends: { service: shop/logs, add: 8, lag: 1s } }]`;
    const figures = { gcRuns: [], drops: [], synLatency: { all: { p50Ns: null } } } as unknown as VariantResult;
    return causeOf(trace("UDP", [first(status), answer]), figures, scenario(sections)).mechanism;
  };

  it("keeps a new socket at the old backends after others were added", () => expect(cause("REPLY", "20s")).toBe("M10"));

  it("does nothing before, nor for who finds no entry", () => {
    expect(cause("REPLY", "59.5s")).toBeNull();
    expect(cause("NEW", "20s")).toBeNull();
  });
});
