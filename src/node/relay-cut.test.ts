import { describe, expect, it } from "vitest";
import { load } from "../../test/scenario/fixtures.js";
import { linesText } from "../../test/support/flow-lines.js";
import { RandomStreams } from "../core/random.js";
import { Simulation } from "../core/simulation.js";
import { seconds } from "../core/units.js";
import { RunRecorder } from "../observe/recorder.js";
import { Windows } from "../observe/windows.js";
import { buildNode } from "./build.js";

interface Line {
  readonly flow?: { readonly time: string };
  readonly node_status?: { readonly state_change: string; readonly node_names: readonly string[] };
  readonly node_name: string;
  readonly time: string;
}

/** All flows of a steady workload, with one event. */
function linesOf(timeline: string): { readonly lines: readonly Line[]; readonly seen: number; readonly written: number } {
  const { base } = load(`apiVersion: ctlab/v1
name: relay
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 4, pods: 200, cpus: 4, memory: 16Gi }
helm: { set: { routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, kubeProxyReplacement: true, k8sServiceHost: api, k8sServicePort: 6443 } }
services: [{ name: shop/cart, port: 80, backends: 2 }]
workloads:
  - { name: w, from: { workload: shop/web, pods: 4 }, to: shop/cart, arrivals: { constant: 2/s } }
timeline: [${timeline}]
observe: { flows: all }
duration: 200s
`);
  const simulation = new Simulation();
  let text = "";
  const sink = { write: (more: Uint8Array) => void (text += linesText(more)) };
  const node = buildNode(base, simulation, new RandomStreams(base.seed), new RunRecorder(new Windows([]), 0, simulation), sink);
  simulation.run(base.durationNs);
  node.flows.finish();
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as Line);
  return { lines, seen: node.flows.seen(), written: node.flows.written() };
}

const secondsOf = ({ time }: Line, first: Line): number => (Date.parse(time) - Date.parse(first.time)) / 1000;

describe("a relay that is cut off", () => {
  it("leaves a gap as long as its next attempt takes, and says so", () => {
    const { lines, seen, written } = linesOf("{ at: 60s, relay: { down: 40s } }");
    const flows = lines.filter(({ flow }) => flow !== undefined);
    const status = lines.filter(({ node_status }) => node_status !== undefined);
    expect(status.map(({ node_status }) => node_status!.state_change)).toEqual(["NODE_UNAVAILABLE", "NODE_CONNECTED"]);
    expect(status[0]!.node_status!.node_names).toEqual([flows[0]!.node_name]);
    // 40 s without certificates, attempts after 30 s and 60 s.
    expect(status.map((line) => Math.round(secondsOf(line, lines[0]!) - secondsOf(status[0]!, lines[0]!)))).toEqual([0, 60]);
    const [from, to] = status.map((line) => secondsOf(line, lines[0]!)) as [number, number];
    expect(flows.some((line) => secondsOf(line, lines[0]!) > from && secondsOf(line, lines[0]!) < to)).toBe(false);
    expect(flows.some((line) => secondsOf(line, lines[0]!) > to)).toBe(true);
    expect(flows).toHaveLength(written);
    const whole = linesOf("");
    expect(whole.written).toBe(whole.seen);
    expect(seen).toBe(whole.seen);
    expect(written / seen).toBeCloseTo(140 / 200, 1);
  });

  it("cut again while it is away, comes back once", () => {
    const { lines } = linesOf("{ at: 60s, relay: { down: 40s } }, { at: 100s, relay: { down: 1s } }, { at: 110s, relay: { down: 31s } }");
    const states = lines.flatMap(({ node_status }) => (node_status === undefined ? [] : [node_status.state_change]));
    expect(states).toEqual(["NODE_UNAVAILABLE", "NODE_CONNECTED"]);
    const [gone, back] = lines.filter(({ node_status }) => node_status !== undefined) as [Line, Line];
    expect(Date.parse(back.time) - Date.parse(gone.time)).toBe(seconds(110) / 1e6);
  });
});
