/** Warnings about Maglev. */

import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { MAGLEV_TABLE_SIZES, decodeSeed, maglevTable } from "../cilium/agent/maglev.js";
import type { MaglevBackend, MaglevSeed } from "../cilium/agent/maglev.js";
import { balanceOf, disruptionBetween, slotsPerBackend } from "../cilium/agent/maglev-figures.js";
import { refuse, warn } from "./lint-rule.js";
import type { LintContext, LintRule } from "./lint-rule.js";

/** Slots for each backend that the paper and the documentation ask for. */
const SLOTS_PER_BACKEND = 100;

const uses = ({ settings }: LintContext): boolean => settings.lbAlgorithm === "maglev" || settings.lbAlgorithmAnnotation;

const invalid: LintRule = (context) => {
  const { settings } = context;
  if (!uses(context)) return [];
  const found = [];
  if (!MAGLEV_TABLE_SIZES.some((size) => size === settings.maglevTableSize)) {
    const why = `Invalid value for --bpf-lb-maglev-table-size: ${settings.maglevTableSize}, supported values are: [${MAGLEV_TABLE_SIZES.join(" ")}]`;
    found.push(refuse("maglev-table-invalid", ["maglevTableSize"], why));
  }
  const seed = decodeSeed(settings.maglevHashSeed);
  if (typeof seed === "string") {
    found.push(refuse("maglev-table-invalid", ["maglevHashSeed"], `Failed to initialize maglev hash seeds: ${seed}; 12 bytes in base64 are needed`));
  }
  return found;
};

const small: LintRule = (context) => {
  const { settings, profile, backendsPerService: backends } = context;
  const size = settings.maglevTableSize;
  const seed = decodeSeed(settings.maglevHashSeed);
  if (!uses(context) || backends === null || backends < 2 || size >= SLOTS_PER_BACKEND * backends) return [];
  if (!MAGLEV_TABLE_SIZES.some((each) => each === size) || typeof seed === "string") return [];
  const { overload, moved, idle } = figures(size, backends, seed, profile.loadBalancer.maglevHashString);
  const next = MAGLEV_TABLE_SIZES.find((each) => each >= SLOTS_PER_BACKEND * backends);
  const advice = next === undefined ? "no table is large enough" : `${next} would do`;
  const without = idle === 0 ? "" : `${idle} of them get no connection at all, `;
  const why = `${size} slots for ${backends} backends: ${without}the busiest gets ${percent(overload)} more than its part, and when one backend leaves ${percent(moved)} of the slots move between the others (computed); ${advice}`;
  return [warn("maglev-table-small", "warning", ["maglevTableSize"], "Maglev's table is small for the backends", why)];
};

/** Computed on tables of made-up backends; which addresses they have matters little. */
function figures(
  tableSize: number,
  count: number,
  seed: MaglevSeed,
  form: "plain" | "bracketed-state",
): { overload: number; moved: number; idle: number } {
  const backends = Array.from({ length: count }, (_, i): MaglevBackend => {
    const address = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    return { address, port: 8080, protocol: "TCP", id: i + 1, weight: 1 };
  });
  const before = maglevTable(backends, { tableSize, seed, form });
  // One that has slots leaves.
  const leaving = before[0]!;
  const after = maglevTable(backends.filter(({ id }) => id !== leaving), { tableSize, seed, form });
  const ids = backends.map(({ id }) => id);
  const idle = count - slotsPerBackend(before).size;
  return { overload: balanceOf(before, ids).overload, moved: disruptionBetween(before, after).movedShare, idle };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const withoutEffect: LintRule = ({ settings, profile }) => {
  if (settings.lbAlgorithm !== "maglev") return [];
  if (!effectiveSettings(settings, profile).enableNodePort) {
    const why = "only traffic that reaches a service at the NIC uses the table, and that needs kube-proxy replacement or NodePort";
    return [warn("maglev-without-effect", "warning", ["lbAlgorithm", "kubeProxyReplacement"], "Maglev serves nothing here", why)];
  }
  const why = "pods choose their backend at random all the same (socket LB, and per-packet LB at the pod); the table serves what arrives from outside";
  return [warn("maglev-without-effect", "note", ["lbAlgorithm"], "Maglev serves traffic from outside only", why)];
};

export const maglevRules: readonly LintRule[] = [invalid, small, withoutEffect];
