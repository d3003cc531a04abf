/** What a workload of the file says before its references are followed: for the checks, and for who follows them. */

import type { ScenarioInput } from "./schema.js";
import type { Protocol } from "./types.js";

export type WorkloadInput = ScenarioInput["workloads"][number];
export type ServiceInput = ScenarioInput["services"][number];
export type ArrivalsInput = Extract<WorkloadInput, { arrivals: unknown }>["arrivals"];
type BurstyArrivals = Extract<ArrivalsInput, { poisson: unknown } | { constant: unknown }>;

/** What the workload's packets are. */
export function protocolOf(workload: WorkloadInput): Protocol | "ICMP" {
  return "query" in workload ? workload.query.protocol : "TCP";
}

/** Only steady rates come in bursts. */
export function isSteady(arrivals: ArrivalsInput): arrivals is BurstyArrivals {
  return "poisson" in arrivals || "constant" in arrivals;
}

/** A workload's `to`, taken apart; `port` is what stands behind the colon, if one does. */
export interface TargetText {
  readonly kind: "world" | "pods" | "service";
  readonly name: string;
  readonly port: string | undefined;
}

/** `world 203.0.113.0/28:443`, `pods production/cart`, `production/cart:80`: the schema knows no other forms. */
export function targetText(to: string): TargetText {
  const [head, rest] = to.includes(" ") ? (to.split(" ") as [string, string]) : ["service", to];
  const [name, port] = rest.split(":") as [string, string?];
  return { kind: head === "world" || head === "pods" ? head : "service", name, port };
}
