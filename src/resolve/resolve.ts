/**
 * What a configuration gives on a node: every map with its entries, where the number came from, and its kernel memory;
 * how garbage collection will behave; and what deserves a warning. Pure data; `ctlab resolve` prints it.
 */

import { kernelMemory } from "../bpf/memory.js";
import { planMaps } from "../cilium/agent/map-plan.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { maglevInnerSpec } from "../cilium/maps/maglev-map.js";
import { settled } from "../cilium/profile/assumptions.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import { gcBehaviour } from "./gc-behaviour.js";
import type { GcBehaviour } from "./gc-behaviour.js";
import { lint } from "./lint.js";
import type { AlertRule, LintWarning } from "./lint-rule.js";
import { mapCosts, totalsOf } from "./map-cost.js";
import type { MemoryTotals, ResolvedMap } from "./map-cost.js";

export type { GcBehaviour } from "./gc-behaviour.js";
export type { AlertRule, LintCode, LintSeverity, LintWarning } from "./lint-rule.js";
export type { MemoryTotals, ResolvedMap } from "./map-cost.js";

/** A kind of node in the fleet. */
export interface NodeShape {
  /** As the user wrote it: `16cpu,64Gi`. */
  readonly name: string;
  /** Possible CPUs, which the kernel's per-CPU structures count. */
  readonly possibleCpus: number;
  /** MemTotal, bytes: what the agent reads. A "64 GiB" machine reports a little less. */
  readonly totalMemoryBytes: number;
  /** Nodes of this shape. */
  readonly count: number;
  /** Endpoints on such a node, each with a policy map. */
  readonly endpoints: number;
}

export interface ResolveRequest {
  readonly settings: CiliumSettings;
  readonly profile: CiliumProfile;
  readonly kernel: KernelProfile;
  readonly shapes: readonly NodeShape[];
  /** Alert rules whose matchers are checked against the labels that exist. */
  readonly alerts: readonly AlertRule[];
  /** Largest number of backends of a service, for the check of Maglev's table; null = not known. */
  readonly backendsPerService: number | null;
}

/** The configuration on one shape of node. */
export interface ResolvedNode {
  readonly shape: NodeShape;
  readonly maps: readonly ResolvedMap[];
  readonly memory: MemoryTotals;
  /** Kernel memory of one service's Maglev table in one family, on top of `memory`; null without Maglev. */
  readonly maglevBytesPerService: number | null;
  /** Bytes that dynamic sizing reckons with, and the divisor; null when it is off. */
  readonly sizing: { readonly availableBytes: number; readonly divisorBytes: number } | null;
  /** The agent's own message when it wouldn't start. */
  readonly refusal: string | null;
  readonly gc: GcBehaviour;
  readonly warnings: readonly LintWarning[];
}

export interface Resolution {
  readonly cilium: string;
  readonly kernel: string;
  readonly settings: CiliumSettings;
  readonly nodes: readonly ResolvedNode[];
  /** All nodes of all shapes together. */
  readonly fleet: { readonly nodes: number; readonly memory: MemoryTotals };
  /** What is not determined about the release and was assumed, in sentences. */
  readonly assumptions: readonly string[];
}

export function resolveConfiguration(request: ResolveRequest): Resolution {
  const { settings, profile, kernel } = request;
  const nodes = request.shapes.map((shape) => resolveNode(request, shape));
  return {
    cilium: profile.version,
    kernel: kernel.version,
    settings,
    nodes,
    fleet: {
      nodes: request.shapes.reduce((total, shape) => total + shape.count, 0),
      memory: totalsOf(nodes.map(({ memory, shape }) => ({ memory, times: shape.count }))),
    },
    assumptions: [...settled(profile).assumptions, ...profile.inferred],
  };
}

function resolveNode(request: ResolveRequest, shape: NodeShape): ResolvedNode {
  const { settings, profile, kernel } = request;
  const plan = planMaps(settings, profile, shape);
  const host = { possibleCpus: shape.possibleCpus, refill: kernel.lruRefill };
  const maps = mapCosts(plan, host, shape.endpoints);
  const gc = gcBehaviour(settings, settled(profile), kernel, maps);
  const warnings = lint({ ...request, shape, plan, host, maps });
  return {
    shape,
    maps,
    memory: totalsOf(maps.map((map) => ({ memory: map.memory, times: map.copies }))),
    maglevBytesPerService: maps.some(({ label }) => /^lb[46]_maglev$/.test(label))
      ? kernelMemory(maglevInnerSpec(settings.maglevTableSize), host, 1)
      : null,
    sizing: plan.sizes.budget,
    refusal: warnings.find(({ agentSays }) => agentSays !== null)?.agentSays ?? null,
    gc,
    warnings,
  };
}

/**
 * The settings with every size that was worked out written in, as somebody would who wants to pin them. Resolving them
 * again gives the same sizes on the same node.
 */
export function pinnedSettings(resolution: Resolution, node: ResolvedNode): CiliumSettings {
  const entries = (label: string): number | null => node.maps.find((map) => map.label === label)?.requestedEntries ?? null;
  const first = (...labels: readonly string[]): number | null =>
    labels.reduce<number | null>((found, label) => found ?? entries(label), null);
  const { settings } = resolution;
  return {
    ...settings,
    ctTcpMax: first("ct4_global", "ct6_global") ?? settings.ctTcpMax,
    ctAnyMax: first("ct_any4_global", "ct_any6_global") ?? settings.ctAnyMax,
    natMax: first("snat_v4_external", "snat_v6_external") ?? settings.natMax,
    neighMax: first("nodeport_neigh4", "nodeport_neigh6") ?? settings.neighMax,
    sockRevMax: first("lb4_reverse_sk", "lb6_reverse_sk") ?? settings.sockRevMax,
  };
}
