/** A scenario under more load: everything that comes per second, and what was there before, in the same proportion. */
import type { Arrivals, Scenario, Workload } from "../../scenario/types.js";

/** `factor`: 1 leaves the load as it is. Addresses, services and the shape of connections stay. */
export function scaled(scenario: Scenario, factor: number): Scenario {
  if (factor === 1) return scenario;
  return {
    ...scenario,
    expect: [],
    workloads: scenario.workloads.map((workload) => scaledWorkload(workload, factor)),
    preload: scenario.preload.map((item) => (item.kind === null ? item : { ...item, entries: Math.round(item.entries * factor) })),
  };
}

function scaledWorkload(workload: Workload, factor: number): Workload {
  if (workload.kind === "pool") return { ...workload, connections: Math.round(workload.connections * factor) };
  return { ...workload, arrivals: scaledArrivals(workload.arrivals, factor) };
}

function scaledArrivals(arrivals: Arrivals, factor: number): Arrivals {
  switch (arrivals.kind) {
    case "series":
      return { ...arrivals, points: arrivals.points.map(({ atNs, perSecond }) => ({ atNs, perSecond: perSecond * factor })) };
    case "recorded":
      return { ...arrivals, atNs: repeated(arrivals.atNs, factor), repeatNs: arrivals.repeatNs };
    case "loop":
      return { ...arrivals, clients: Math.max(1, Math.round(arrivals.clients * factor)) };
    default:
      return { ...arrivals, perSecond: arrivals.perSecond * factor };
  }
}

/** So many times the moments, spread evenly between their neighbours. */
function repeated(atNs: readonly number[], factor: number): readonly number[] {
  const count = Math.round(atNs.length * factor);
  return Array.from({ length: count }, (_, i) => {
    const position = (i * (atNs.length - 1)) / Math.max(1, count - 1);
    const below = Math.floor(position);
    const next = atNs[Math.min(below + 1, atNs.length - 1)]!;
    return Math.round(atNs[below]! + (position - below) * (next - atNs[below]!));
  });
}
