import { describe, expect, it } from "vitest";
import { load } from "../../test/scenario/fixtures.js";
import { linesText } from "../../test/support/flow-lines.js";
import { RandomStreams } from "../core/random.js";
import { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import { RunRecorder } from "../observe/recorder.js";
import type { HubbleResult } from "../observe/result.js";
import { Windows } from "../observe/windows.js";
import { buildNode } from "./build.js";

interface Line {
  readonly flow?: { readonly uuid: string; readonly time: string };
  readonly lost_events?: { readonly source: string; readonly num_events_lost: string; readonly cpu?: number };
  readonly node_status?: { readonly state_change: string };
}

interface Run {
  readonly lines: readonly Line[];
  readonly flows: readonly string[];
  readonly hubble: HubbleResult | null;
  readonly fingerprint: string;
}

interface Changes {
  readonly hubble?: string;
  readonly timeline?: string;
  readonly helm?: string;
  readonly flows?: string;
  readonly nodes?: number;
  readonly cpus?: number;
  readonly cilium?: string;
}

/** A steady 100 flows/s of 10 calls/s, read through Hubble. */
function run(changes: Changes): Run {
  const { hubble = "hubble: {}", timeline = "", helm = "", flows = "all", nodes = 4, cpus = 4, cilium = "1.17.6" } = changes;
  const { base } = load(`apiVersion: ctlab/v1
name: hubble
profile: { cilium: "${cilium}", kernel: "6.6" }
cluster: { nodes: ${nodes}, pods: 200, cpus: ${cpus}, memory: 16Gi }
helm: { set: { routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, kubeProxyReplacement: true, k8sServiceHost: api, k8sServicePort: 6443${helm} } }
services: [{ name: shop/cart, port: 80, backends: 2 }]
workloads:
  - { name: w, from: { workload: shop/web, pods: 4 }, to: shop/cart, arrivals: { constant: 10/s } }
timeline: [${timeline}]
observe: { flows: ${flows}, flowsMax: 1000000${hubble === "" ? "" : `, ${hubble}`} }
duration: 100s
`);
  const simulation = new Simulation();
  let text = "";
  const sink = { write: (more: Uint8Array) => void (text += linesText(more)) };
  const recorder = new RunRecorder(new Windows([]), 0, simulation);
  const node = buildNode(base, simulation, new RandomStreams(base.seed), recorder, sink);
  simulation.run(base.durationNs);
  node.flows.finish();
  const lines = text === "" ? [] : text.trimEnd().split("\n").map((line) => JSON.parse(line) as Line);
  return {
    lines,
    flows: lines.flatMap(({ flow }) => (flow === undefined ? [] : [flow.uuid])),
    hubble: node.flows.hubble?.result() ?? null,
    fingerprint: recorder.fingerprint.hex(),
  };
}

const states = ({ lines }: Run): readonly string[] => lines.flatMap(({ node_status }) => (node_status === undefined ? [] : [node_status.state_change]));
const lostIn = ({ lines }: Run, source: string): readonly number[] =>
  lines.flatMap(({ lost_events }) => (lost_events?.source === source ? [Number(lost_events.num_events_lost)] : []));
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** Everything that was reported is somewhere. */
function addsUp({ events, lost, read, away, pending }: HubbleResult): void {
  expect(away).toBeGreaterThanOrEqual(0);
  expect(read + away + pending + sum(Object.values(lost))).toBe(events);
}

describe("flows read through Hubble", () => {
  const direct = run({ hubble: "" });
  const through = run({});

  it("are those that are written without the pipeline, but for the newest, and the run is the same", () => {
    expect(direct.hubble).toBeNull();
    expect(through.fingerprint).toBe(direct.fingerprint);
    expect(direct.flows.length).toBeGreaterThan(7000);
    const { read, pending } = through.hubble!;
    expect(through.hubble).toMatchObject({ events: direct.flows.length, away: 0, relayGaps: [] });
    expect(read + pending).toBe(direct.flows.length);
    expect(pending).toBeLessThan(8);
    const known = new Set(direct.flows);
    expect(through.flows.filter((uuid) => known.has(uuid))).toHaveLength(read);
  });

  it("have rising times: the agent stamps what it reads", () => {
    const times = through.lines.map(({ flow }) => flow!.time);
    expect(times).toEqual([...times].sort());
  });

  it("lets only drops pass when only they are asked for, and counts the others as read", () => {
    const { flows, hubble } = run({ flows: "dropped" });
    expect(flows).toEqual([]);
    expect(hubble!.read + hubble!.pending).toBe(direct.flows.length);
  });

  it("are lost in perf rings when the agent is away for long, each ring's loss in one report", () => {
    const paused = run({ helm: ", hubble.eventQueueSize: 16384", hubble: "hubble: { agent: { pauses: { every: 40s, for: 30s } } }" });
    // 100 flows/s for 30 s fit into the rings of four CPUs.
    expect(paused.hubble!.lost.perf_event_ring_buffer).toBe(0);
    const slow = run({ hubble: "hubble: { agent: { read: 40ms } }", cpus: 1 });
    const { lost, lostEventsTotal } = slow.hubble!;
    expect(lost.perf_event_ring_buffer).toBeGreaterThan(0);
    expect(lostEventsTotal.perf_event_ring_buffer).toBeLessThan(lost.perf_event_ring_buffer);
    expect(sum(lostIn(slow, "PERF_EVENT_RING_BUFFER"))).toBeLessThanOrEqual(lost.perf_event_ring_buffer);
    expect(lostIn(slow, "PERF_EVENT_RING_BUFFER")).toHaveLength(lostEventsTotal.perf_event_ring_buffer);
    addsUp(slow.hubble!);
  });

  it("are lost by a full queue when decoding takes too long, and the next that fits is preceded by the sum", () => {
    const slow = run({ helm: ", hubble.eventQueueSize: 64", hubble: "hubble: { agent: { decode: 25ms } }" });
    const { lost, queueMax } = slow.hubble!;
    expect(queueMax).toBe(64);
    // 100 come and 40 are decoded each second, reports of losses among them.
    expect(lost.observer_events_queue).toBeGreaterThan(5000);
    const told = sum(lostIn(slow, "OBSERVER_EVENTS_QUEUE"));
    expect(told).toBeGreaterThan(lost.observer_events_queue * 0.9);
    expect(told).toBeLessThanOrEqual(lost.observer_events_queue);
    addsUp(slow.hubble!);
  });

  it("are lost in the ring when Relay is too slow for all nodes: until 1.18 one message each, from 1.19 on gathered", () => {
    const shape = { helm: ", hubble.eventBufferCapacity: 511", hubble: "hubble: { relay: { perFlow: 1ms } }", nodes: 20 };
    const before = run(shape);
    const after = run({ ...shape, cilium: "1.19.3" });
    for (const { hubble } of [before, after]) {
      expect(hubble!.bufferCapacity).toBe(511);
      expect(hubble!.lost.hubble_ring_buffer).toBeGreaterThan(500);
      addsUp(hubble!);
    }
    expect(new Set(lostIn(before, "HUBBLE_RING_BUFFER"))).toEqual(new Set([1]));
    expect(Math.max(...lostIn(after, "HUBBLE_RING_BUFFER"))).toBeGreaterThan(1);
    // Messages about losses take Relay's time from flows.
    expect(after.flows.length).toBeGreaterThan(before.flows.length);
  });
});

describe("a relay that restarts", () => {
  const restart = "{ at: 30s, relay: { restart: 12s } }";
  const gapSeconds = ({ hubble }: Run): readonly number[] => hubble!.relayGaps.map(({ startNs, endNs }) => (endNs! - startNs) / NS_PER_S);

  it("alone leaves a gap until a readiness probe has passed and its client tries again", () => {
    const alone = run({ timeline: restart });
    expect(states(alone)).toEqual(["NODE_UNAVAILABLE", "NODE_CONNECTED"]);
    const [gap] = gapSeconds(alone);
    // Ready after 12 to 22 s; attempts after 1, 2.6, 5.2, 9.3, 15.8 and 26 s, ±20 %.
    expect(gap).toBeGreaterThan(12);
    expect(gap).toBeLessThan(33);
    expect(alone.hubble!.away).toBeGreaterThan(gap! * 99);
    expect(alone.hubble!.away).toBeLessThan(gap! * 102);
    addsUp(alone.hubble!);
  });

  it("with others is hardly missed", () => {
    const others = run({ timeline: restart, hubble: "hubble: { relay: { replicas: 3 } }" });
    const gaps = gapSeconds(others);
    expect(new Set(others.flows).size).toBe(others.flows.length);
    addsUp(others.hubble!);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toBeLessThan(1.3);
  });

  it("costs nothing when the client asks for what came since, and the ring still has it: no flow twice, none missing", () => {
    const since = run({ timeline: restart, hubble: "hubble: { resume: since }" });
    expect(since.hubble!.relayGaps).toHaveLength(1);
    expect(since.hubble!.away).toBe(0);
    expect(new Set(since.flows).size).toBe(since.flows.length);
    expect(since.flows.length + since.hubble!.pending).toBe(since.hubble!.events);
  });

  it("costs what the ring no longer has", () => {
    const { hubble, flows } = run({ timeline: restart, helm: ", hubble.eventBufferCapacity: 511", hubble: "hubble: { resume: since }" });
    expect(hubble!.away).toBeGreaterThan(300);
    expect(new Set(flows).size).toBe(flows.length);
    addsUp(hubble!);
  });

  it("twice, the second time while it is away, comes back once", () => {
    const twice = run({ timeline: `${restart}, { at: 35s, relay: { restart: 20s } }` });
    expect(states(twice)).toEqual(["NODE_UNAVAILABLE", "NODE_CONNECTED"]);
    expect(gapSeconds(twice)[0]).toBeGreaterThan(25);
  });
});

describe("an agent that restarts", () => {
  it("reports nothing meanwhile, forgets its ring, and is found again", () => {
    const down = run({ timeline: "{ at: 30s, agent: { down: 10s } }", hubble: "hubble: { resume: since }" });
    expect(states(down)).toEqual(["NODE_UNAVAILABLE", "NODE_CONNECTED"]);
    expect(down.hubble!.away).toBeGreaterThan(990);
    expect(down.hubble!.away).toBeLessThan(1030);
    addsUp(down.hubble!);
  });
});
