/** Who called whom, by the names that people know: the service map of a report. */
import type { RunRecorder } from "../observe/recorder.js";
import type { CallEdge, CallsResult } from "../observe/result.js";
import type { Origin, Scenario, Target } from "../scenario/types.js";

export function callsOf(scenario: Scenario, { calls }: RunRecorder, reachedNs: number): CallsResult {
  const edges = scenario.workloads.map((workload, index): CallEdge => {
    const { name, kind, from, to } = workload;
    const called = kind === "queries" || kind === "flood" ? kind : "connections";
    return { workload: name, from: originName(from), to: targetName(to, scenario), kind: called, ...calls.of(index) };
  });
  return { spanNs: Math.max(0, reachedNs - scenario.warmupNs), edges };
}

function originName(from: Origin): string {
  switch (from.kind) {
    case "pod":
      return from.workload;
    case "remote":
      return `${from.workload} (other nodes)`;
    case "world":
      return `world ${from.prefix}`;
    case "host":
      return "the node itself";
  }
}

function targetName(to: Target, { services }: Scenario): string {
  if (to.kind === "world") return `world ${to.prefix}:${to.port}`;
  const { name, port } = services[to.service]!;
  return to.kind === "service" ? `${name}:${port}` : `pods of ${name}:${port}`;
}
