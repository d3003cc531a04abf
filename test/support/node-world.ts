/** A node built from a scenario's text, for tests that look at its maps. */
import { RandomStreams } from "../../src/core/random.js";
import { Simulation } from "../../src/core/simulation.js";
import { buildNode, type BuiltNode } from "../../src/node/build.js";
import { RunRecorder } from "../../src/observe/recorder.js";
import { Windows } from "../../src/observe/windows.js";
import type { Scenario } from "../../src/scenario/types.js";
import { load } from "../scenario/fixtures.js";
import { linesText } from "./flow-lines.js";

export interface NodeWorld {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly recorder: RunRecorder;
  readonly node: BuiltNode;
}

/**
 * Native routing with kube-proxy replacement and BPF masquerading; `helm` adds to it or changes it. Maps are large enough for
 * any of these tests and no larger: to make Cilium's default sizes would take longer than most of the runs.
 */
const HELM: Readonly<Record<string, string>> = {
  kubeProxyReplacement: '"true"',
  k8sServiceHost: "api",
  k8sServicePort: "6443",
  routingMode: "native",
  ipv4NativeRoutingCIDR: "10.244.0.0/16",
  "bpf.masquerade": "true",
  "bpf.mapDynamicSizeRatio": "0",
  "bpf.ctTcpMax": "16384",
  "bpf.ctAnyMax": "16384",
  "bpf.natMax": "16384",
  "bpf.neighMax": "16384",
  "bpf.lbMapMax": "4096",
  "extraConfig.bpf-sock-rev-map-max": '"4096"',
};

/** What is written of flows, and who takes it. */
export interface Watched {
  readonly observe: string;
  readonly take: (text: string) => void;
  /** Takes what the agent says of its own doings. */
  readonly event?: (line: string) => void;
}

const UNWATCHED: Watched = { observe: "{ flows: none }", take: () => {} };

/** `sections`: YAML of everything below `cluster`. */
export function nodeWorld(
  sections: string,
  helm: Readonly<Record<string, string>> = {},
  profile = '{ cilium: "1.17.6", kernel: "6.6" }',
  watched = UNWATCHED,
): NodeWorld {
  const set = Object.entries({ ...HELM, ...helm }).map(([key, value]) => `    ${key}: ${value}\n`).join("");
  const text = `apiVersion: ctlab/v1
name: world
profile: ${profile}
cluster: { nodes: 4, pods: 200, cpus: 4, memory: 16Gi }
helm:
  set:
${set}observe: ${watched.observe}
duration: 10s
${sections}`;
  const scenario = load(text).base;
  const simulation = new Simulation();
  const recorder = new RunRecorder(new Windows([]), 0, simulation);
  const sink = { write: (lines: Uint8Array) => watched.take(linesText(lines)), ...(watched.event === undefined ? {} : { event: watched.event }) };
  const node = buildNode(scenario, simulation, new RandomStreams(scenario.seed), recorder, sink);
  return { scenario, simulation, recorder, node };
}
