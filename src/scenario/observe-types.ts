/** What comes out of a run: flows, series, metrics, alerts, hooks. */

import type { Nanoseconds } from "../core/units.js";
import type { HubbleMetric } from "./hubble-metrics.js";
import type { HubbleShape } from "./hubble-types.js";
import type { RuleGroup } from "./rule-groups.js";

export const FLOW_FILTERS = ["dropped", "all", "none"] as const;
export type FlowFilter = (typeof FLOW_FILTERS)[number];

export interface Observe {
  readonly flows: FlowFilter;
  /** Flows beyond this are counted, not written. */
  readonly flowsMax: number;
  readonly seriesNs: Nanoseconds;
  /** From one scrape of the metrics to the next; null = none. */
  readonly scrapeNs: Nanoseconds | null;
  /** Hubble's metrics, as `hubble.metrics.enabled` lists them; empty while Hubble is off. */
  readonly hubbleMetrics: readonly HubbleMetric[];
  /** Rules that Prometheus evaluates over the metrics. */
  readonly alerts: readonly RuleGroup[];
  readonly hooks: readonly HookObservation[];
  readonly parsing: FlowParsing;
  /** What the exporters of the agent write beside; they see the flows that the run writes. */
  readonly exports: readonly FlowExport[];
  /** Null = no event is lost between the programs and who reads flows. */
  readonly hubble: HubbleShape | null;
}

/** A file that Hubble's exporter writes flows to: `hubble.export.static`, or an entry of `hubble.export.dynamic.config.content`. */
export interface FlowExport {
  /** Null = the static one. */
  readonly name: string | null;
  /** On the node; `stdout` for the agent's own output. */
  readonly filePath: string;
  /** 2^20 bytes; the next line that would exceed it begins a new file. */
  readonly maxSizeMb: number;
  /** Older files that stay; 0 = all. */
  readonly maxBackups: number;
  readonly compress: boolean;
  /** FlowFilter objects as JSON; empty = everything passes the first, and nothing the second. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Paths of fields that stay; empty = all. */
  readonly fieldMask: readonly string[];
  /** RFC 3339: nothing is written from then on; null = never. */
  readonly end: string | null;
}

/** How the agent makes flows of what it is told. */
export interface FlowParsing {
  /** The cluster's name, in labels and in names of nodes. */
  readonly cluster: string;
  /** Verdicts name the policies behind them. */
  readonly namesPolicies: boolean;
  /** What is taken out of requests; null = nothing. */
  readonly redact: Redaction | null;
}

export interface Redaction {
  readonly urlQuery: boolean;
  /** Names in small letters; with both lists empty every header is redacted, with the first not empty every other. */
  readonly allowedHeaders: readonly string[];
  readonly deniedHeaders: readonly string[];
}

export const HOOKS = ["tc_ingress", "from_container", "from_netdev", "to_netdev"] as const;
export type HookName = (typeof HOOKS)[number];

export interface HookObservation {
  readonly hook: HookName;
  /** The same hook on the real system, when somebody measured it: lower bounds of the buckets and counts. */
  readonly observed: { readonly source: string; readonly buckets: readonly (readonly [lowNs: number, count: number])[] } | null;
}
