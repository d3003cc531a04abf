/** Warnings about map sizes and their memory. */

import { MapFlag } from "../bpf/spec.js";
import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { usesDistributedLru } from "../cilium/agent/map-plan.js";
import { recreationCauses } from "../cilium/agent/map-recreation.js";
import { memoryWhereRatioActs } from "../cilium/agent/map-size.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { formatBytes, formatCount } from "../core/units.js";
import { refuse, warn } from "./lint-rule.js";
import type { LintRule } from "./lint-rule.js";

/** Share of a node's memory above which maps deserve a word. */
const MEMORY_SHARE = 0.02;
/** Share of a map that may lie idle in free lists before it matters. */
const PARKED_SHARE = 0.05;
/** Nodes of a free list at most: LOCAL_FREE_TARGET of bpf_lru_list.c. */
const FREE_TARGET = 128;
/** Entries per conntrack entry that the documentation allows NAT. */
const DOCUMENTED_NAT_SHARE = 2 / 3;

const refusal: LintRule = ({ plan }) => {
  const refused = plan.sizes.refusal;
  if (refused === null) return [];
  const fields: readonly (keyof CiliumSettings)[] =
    refused.rule === "ratio"
      ? ["mapDynamicSizeRatio"]
      : refused.rule === "auth"
        ? ["authMapMax"]
        : refused.rule === "fragments"
          ? ["fragmentsMapMax"]
          : refused.rule === "sock-rev range"
            ? ["sockRevMax"]
            : ["ctTcpMax", "ctAnyMax", "natMax"];
  return [refuse("agent-refuses", fields, refused.message)];
};

const outOfRange: LintRule = ({ settings, profile }) => {
  const { policyEntriesMin, policyEntriesMax, nodeEntriesDefault, nodeEntriesConfigurable } = profile.sizes;
  const found = [];
  const { policyMapMax } = effectiveSettings(settings, profile);
  if (settings.policyMapMax !== policyMapMax) {
    const title = `policy maps hold ${policyEntriesMin} to ${policyEntriesMax} entries`;
    const why = `${settings.policyMapMax} is outside: the agent warns and takes ${policyMapMax}`;
    found.push(warn("value-out-of-range", "warning", ["policyMapMax"], title, why));
  }
  if (nodeEntriesConfigurable && settings.nodeMapMax < nodeEntriesDefault) {
    const message = `creating node map: bpf-node-map-max cannot be less than ${nodeEntriesDefault} (${settings.nodeMapMax})`;
    found.push(refuse("agent-refuses", ["nodeMapMax"], message));
  }
  if (settings.lbMapMax <= 0) {
    const message = `specified LBMap max entries ${settings.lbMapMax} must be a value greater than 0`;
    found.push(refuse("agent-refuses", ["lbMapMax"], message));
  }
  return found;
};

const natAgainstConntrack: LintRule = ({ settings, plan }) => {
  const { ctTcp, ctAny, nat } = plan.sizes.sizes;
  const conntrack = ctTcp.entries + ctAny.entries;
  if (nat.origin.kind === "two thirds of conntrack") {
    const why = `${formatCount(nat.origin.computed)} would exceed both conntrack maps together (${formatCount(conntrack)}); it becomes two thirds of them, ${formatCount(nat.entries)}`;
    return [warn("nat-capped-by-conntrack", "warning", ["natMax", "ctTcpMax", "ctAnyMax"], "the NAT map is smaller than asked for", why)];
  }
  const documented = Math.floor(conntrack * DOCUMENTED_NAT_SHARE);
  if (settings.natMax === null || nat.entries <= documented || plan.sizes.refusal !== null) return [];
  const why = `${formatCount(nat.entries)} entries against ${formatCount(conntrack)} in conntrack: the documentation allows two thirds (${formatCount(documented)}), the agent only refuses more than the sum; NAT entries beyond conntrack's reach are never collected with an entry`;
  return [warn("nat-above-conntrack", "warning", ["natMax"], "NAT holds more than two thirds of conntrack", why)];
};

const distributedLru: LintRule = (context) => {
  const { settings, profile } = context;
  if (!settings.distributedLru) return [];
  if (!profile.sizes.distributedLruOption) {
    const why = `bpf-distributed-lru exists from 1.17.2 on; ${profile.version} ignores it`;
    return [warn("option-unknown-to-release", "warning", ["distributedLru"], "distributed LRU is unknown to this release", why)];
  }
  const cpus = context.shape.possibleCpus;
  const found = [
    warn(
      "distributed-lru-uneven-load",
      "note",
      ["distributedLru"],
      "each CPU owns its share of every LRU map",
      `an insert on one of ${cpus} CPUs can use 1/${cpus} of a map; when receive queues are uneven the busiest CPU evicts while others have room`,
    ),
  ];
  if (settings.mapDynamicSizeRatio === 0) {
    const why = "the option needs bpf-map-dynamic-size-ratio above 0";
    found.push(
      warn("distributed-lru-without-dynamic-sizing", "error", ["distributedLru", "mapDynamicSizeRatio"], "distributed LRU without dynamic sizing", why),
    );
  }
  return found;
};

/** Maps whose size the kernel rounds and the agent doesn't: replaced, with all they hold, at every start. */
const rounding: LintRule = ({ settings, profile, plan, host }) => {
  if (!usesDistributedLru(settings, profile)) return [];
  const uneven = plan.maps.filter(
    ({ spec }) => (spec.flags & MapFlag.noCommonLru) !== 0 && spec.maxEntries % host.possibleCpus !== 0,
  );
  if (uneven.length === 0) return [];
  const worst = uneven.filter(({ spec }) => recreationCauses(spec, spec, host).length > 0).map(({ label }) => label);
  const cpus = host.possibleCpus;
  const list = uneven.map(({ label, spec }) => `${label} ${spec.maxEntries} → ${Math.ceil(spec.maxEntries / cpus) * cpus}`);
  return [
    warn(
      "size-not-divisible-by-cpus",
      "warning",
      ["distributedLru"],
      `sizes are not multiples of ${cpus} CPUs`,
      `the kernel rounds up: ${list.join(", ")}`,
    ),
    warn(
      "recreated-at-every-start",
      "warning",
      ["distributedLru"],
      "maps are replaced at every start of the agent",
      `the agent compares its own number with the kernel's rounded one for ${worst.join(", ")}: they never match, and all entries are lost each time`,
    ),
  ];
};

const ratioWithoutEffect: LintRule = ({ settings, profile, shape, plan }) => {
  const ratio = settings.mapDynamicSizeRatio;
  if (!(ratio > 0 && ratio <= 1)) return [];
  const automatic = Object.values(plan.sizes.sizes).filter(({ origin }) => origin.kind !== "set" && origin.kind !== "follows NAT");
  if (automatic.length === 0) {
    const why = "every size is set, so there is nothing left for the ratio";
    return [warn("ratio-without-effect", "note", ["mapDynamicSizeRatio"], "the memory ratio has no effect", why)];
  }
  if (!automatic.every(({ origin }) => origin.kind === "floor")) return [];
  const acts = memoryWhereRatioActs(profile.sizes, ratio);
  const changed = ratio !== profile.sizes.dynamicSizeRatioDefault;
  const why = `with ${formatBytes(shape.totalMemoryBytes)} every size is at its floor; a ratio of ${ratio} acts from ${formatBytes(acts)} on`;
  return [warn("ratio-without-effect", changed ? "warning" : "note", ["mapDynamicSizeRatio"], "the memory ratio has no effect", why)];
};

const resizing: LintRule = ({ plan }) => {
  const sized = plan.maps.filter(({ origin }) => origin.kind === "share of memory").map(({ label }) => label);
  if (sized.length === 0) return [];
  const why = `${sized.join(", ")} follow the node's memory: a node that reports another MemTotal (resized, other kernel) gets new maps at the agent's next start, and their entries are gone`;
  return [warn("recreation-on-resize", "note", ["mapDynamicSizeRatio"], "sizes change with the node's memory", why)];
};

const memoryShare: LintRule = ({ maps, shape, plan }) => {
  const created = maps.reduce((sum, map) => sum + map.memory.created * map.copies, 0);
  const share = created / shape.totalMemoryBytes;
  if (share <= MEMORY_SHARE) return [];
  const reckoned = plan.sizes.budget === null ? "" : ` (the agent reckoned with ${formatBytes(plan.sizes.budget.availableBytes)}: key and value, one family, no kernel overhead)`;
  const why = `maps take ${formatBytes(created)} at creation, ${(share * 100).toFixed(1)} % of the node${reckoned}; while a size changes old and new exist together`;
  return [warn("maps-take-memory", "warning", ["mapDynamicSizeRatio", "ctTcpMax", "ctAnyMax", "natMax"], "maps take much of the node's memory", why)];
};

/** M2: free nodes that wait in other CPUs' lists. */
const parkedEntries: LintRule = ({ plan, host, kernel }) =>
  plan.maps.flatMap(({ label, spec }) => {
    if (!/^(ct|snat)/.test(label) || (spec.flags & MapFlag.noCommonLru) !== 0) return [];
    const each = kernel.lruRefill === "fixed" ? FREE_TARGET : freeTarget(spec.maxEntries, host.possibleCpus);
    const parked = Math.min(spec.maxEntries, each * host.possibleCpus);
    if (parked / spec.maxEntries <= PARKED_SHARE) return [];
    const why = `each of ${host.possibleCpus} CPUs may hold back ${each} free nodes (kernel ${kernel.version}: ${kernel.lruRefill} refill), together ${formatCount(parked)} of ${formatCount(spec.maxEntries)}; eviction begins that much before the map is full`;
    return [warn("free-lists-park-entries", "warning", ["ctTcpMax", "ctAnyMax", "natMax"], `${label} is small for so many CPUs`, why)];
  });

/** The scaled refill target: half of a CPU's part of the map, 1 to 128. */
function freeTarget(maxEntries: number, cpus: number): number {
  return Math.max(1, Math.min(FREE_TARGET, Math.floor(Math.floor(maxEntries / cpus) / 2)));
}

export const sizeRules: readonly LintRule[] = [
  refusal,
  outOfRange,
  natAgainstConntrack,
  distributedLru,
  rounding,
  ratioWithoutEffect,
  resizing,
  memoryShare,
  parkedEntries,
];
