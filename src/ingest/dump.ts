/** What was read from one file of an operator. */
import type { AgentStatus } from "./agent-status.js";
import type { ConntrackDump } from "./conntrack-table.js";
import type { MetricsDump } from "./metrics-table.js";
import type { NatDump, NatRetries } from "./nat-table.js";

/** Flows and Helm values are left to their own readers, which take the path. */
export type Dump = { readonly path: string } & (
  | ({ readonly kind: "conntrack" } & ConntrackDump)
  | ({ readonly kind: "nat" } & NatDump)
  | ({ readonly kind: "nat-retries" } & NatRetries)
  | ({ readonly kind: "status" } & AgentStatus)
  | ({ readonly kind: "metrics" } & MetricsDump)
  | { readonly kind: "flows" }
  | { readonly kind: "helm-values" }
);
