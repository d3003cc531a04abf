/** What a rule of the linter is, what it sees and what it says. */

import type { MapHost } from "../bpf/spec.js";
import type { MapPlan } from "../cilium/agent/map-plan.js";
import { SETTING_SOURCES } from "../cilium/agent/settings.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import type { ResolvedMap } from "./map-cost.js";

/** `error`: the agent doesn't start, or the thing can't work; `warning`: it will hurt; `note`: good to know. */
export type LintSeverity = "error" | "warning" | "note";

/** Every warning there is. */
export type LintCode =
  | "agent-refuses"
  | "value-out-of-range"
  | "option-unknown-to-release"
  | "nat-above-conntrack"
  | "nat-capped-by-conntrack"
  | "size-not-divisible-by-cpus"
  | "recreated-at-every-start"
  | "distributed-lru-without-dynamic-sizing"
  | "distributed-lru-uneven-load"
  | "ratio-without-effect"
  | "recreation-on-resize"
  | "maps-take-memory"
  | "free-lists-park-entries"
  | "gc-interval-hides-metric"
  | "gc-takes-cpu"
  | "gc-family-starvation"
  | "gc-refuses-inserts"
  | "gc-deletes-refreshed"
  | "long-tcp-lifetime"
  | "port-range-invalid"
  | "port-ranges-overlap"
  | "few-snat-ports"
  | "maglev-table-invalid"
  | "maglev-table-small"
  | "maglev-without-effect"
  | "alert-never-matches"
  | "features-exclude-each-other"
  | "setting-without-effect";

export interface LintWarning {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  /** One line. */
  readonly title: string;
  /** Why, with the numbers of this case. */
  readonly why: string;
  /** Helm keys (or flags without one) to look at. */
  readonly settings: readonly string[];
  /** With which the agent gives up at start; null when it starts. */
  readonly agentSays: string | null;
}

/** An alert rule as it stands in a PrometheusRule: its name and its expression. */
export interface AlertRule {
  readonly name: string;
  readonly expression: string;
}

/** What rules look at. */
export interface LintContext {
  readonly settings: CiliumSettings;
  readonly profile: CiliumProfile;
  readonly kernel: KernelProfile;
  readonly shape: { readonly possibleCpus: number; readonly totalMemoryBytes: number };
  readonly plan: MapPlan;
  readonly host: MapHost;
  readonly maps: readonly ResolvedMap[];
  readonly alerts: readonly AlertRule[];
  readonly backendsPerService: number | null;
}

export type LintRule = (context: LintContext) => readonly LintWarning[];

/** A warning about these settings, by their Helm key where there is one. */
export function warn(
  code: LintCode,
  severity: LintSeverity,
  fields: readonly (keyof CiliumSettings)[],
  title: string,
  why: string,
  agentSays: string | null = null,
): LintWarning {
  return { code, severity, title, why, settings: fields.map(settingName), agentSays };
}

/** The agent gives up, with this message. */
export function refuse(code: LintCode, fields: readonly (keyof CiliumSettings)[], message: string): LintWarning {
  return warn(code, "error", fields, "the agent does not start", message, message);
}

export function settingName(field: keyof CiliumSettings): string {
  const { helm, flag } = SETTING_SOURCES[field];
  return helm ?? flag;
}
