/** What comes out of a run: flows, series, metrics, alerts, hooks. */

import type { Nanoseconds } from "../core/units.js";
import type { HubbleShape } from "./hubble-types.js";
import type { HubbleMetric } from "./hubble-metrics.js";
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
  /** Null = no event is lost between the programs and who reads flows. */
  readonly hubble: HubbleShape | null;
}

export const HOOKS = ["tc_ingress", "from_container", "from_netdev", "to_netdev"] as const;
export type HookName = (typeof HOOKS)[number];

export interface HookObservation {
  readonly hook: HookName;
  /** The same hook on the real system, when somebody measured it: lower bounds of the buckets and counts. */
  readonly observed: { readonly source: string; readonly buckets: readonly (readonly [lowNs: number, count: number])[] } | null;
}
