/** What a run holds of its node's flows: who listens to the programs, and what is told to whoever listens. */
import type { DatapathEvents } from "../cilium/datapath/events.js";
import type { HubbleMetrics } from "../observe/metrics/hubble-metrics.js";
import type { HubbleResult } from "../observe/result.js";
import type { AccessLog } from "./access-log.js";
import type { AgentEvents } from "./agent-events.js";
import type { PolicyLabels } from "./policy-names.js";

/** What came of events on their way through Hubble. */
export interface HubbleCounts {
  /** With every stage where it is now. */
  upToDate(): HubbleCounts;
  /** Events lost so far in perf rings, queue and ring. */
  readonly lost: number;
  /** Flows that were read so far. */
  readonly read: number;
  result(): HubbleResult;
}

export interface NodeFlows {
  readonly events: DatapathEvents;
  /** The way that events take through Hubble; null when the scenario asks for none. */
  readonly hubble: HubbleCounts | null;
  /** Events that would be a flow, and those written. */
  readonly seen: () => number;
  readonly written: () => number;
  /** The programs run on the CPU that this tells. */
  readonly attach: (context: { readonly cpu: number }) => void;
  /** Hands the last lines to the sink. */
  readonly finish: () => void;
  /** Whoever reads the flows loses the node at this moment, ns, and has it again. */
  readonly cut: (atNs: number) => void;
  readonly reconnect: (atNs: number) => void;
  /** What Hubble counts of the flows; null when its metrics are off, or nobody scrapes them. */
  readonly hubbleMetrics: HubbleMetrics | null;
  /** What proxies tell of requests; null when nobody wants to know. */
  readonly accessLog: AccessLog | null;
  /** What the agent says of its own doings; null when nobody wants to know. */
  readonly agentEvents: AgentEvents | null;
  /** Names policies in flows; it has to be told which hold. */
  readonly policyLabels: PolicyLabels | null;
  readonly agentStops: (atNs: number) => void;
  readonly agentStarts: (atNs: number) => void;
}
