/** Names of the files in a variant's folder that come into being while it runs. */

export const FLOWS_FILE = "flows.jsonl";
/** What the agent said of its own doings; there when it said anything. */
export const AGENT_EVENTS_FILE = "agent-events.jsonl";
export const LATENCY_FILE = "latency.hlog";
export const METRICS_FILE = "metrics.om";
