/** Helm values that pin the sizes which were worked out, so that another node or release gives the same ones. */

import { SETTING_SOURCES, type CiliumSettings } from "../cilium/agent/settings.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import { EXPONENT_FROM, largeNumberBreaks } from "../scenario/helm/chart-rules.js";
import { minorNumber } from "../scenario/helm/chart-to-config.js";
import { pinnedSettings, type Resolution, type ResolvedNode } from "./resolve.js";

const SIZES = ["ctTcpMax", "ctAnyMax", "natMax", "neighMax", "sockRevMax"] as const satisfies readonly (keyof CiliumSettings)[];

/**
 * A values file to lay over those of the resolution. Sizes of maps that don't exist are left out; what the chart has no
 * key for, or would print with an exponent, goes through `extraConfig`.
 */
export function pinnedValues(resolution: Resolution, node: ResolvedNode, profile: CiliumProfile): string {
  const pinned = pinnedSettings(resolution, node);
  const breaks = largeNumberBreaks(minorNumber(profile.minor), profile.patch);
  const values: string[] = [];
  const extra: string[] = [];
  for (const field of SIZES) {
    const entries = pinned[field];
    const { helm, flag } = SETTING_SOURCES[field];
    if (entries === null) continue;
    if (helm === null || (breaks && entries >= EXPONENT_FROM)) extra.push(`  ${flag}: "${entries}"`);
    else values.push(`  ${helm.replace(/^bpf\./, "")}: ${entries}`);
  }
  const comment = [
    `# Map sizes as Cilium ${resolution.cilium} works them out on a node with ${node.shape.name}, pinned by ctlab.`,
    "# Lay this file over the values it was made from: -f values.yaml -f pinned.yaml",
  ];
  const lines = [...comment, ...(values.length === 0 ? [] : ["bpf:", ...values]), ...(extra.length === 0 ? [] : ["extraConfig:", ...extra])];
  return `${lines.join("\n")}\n`;
}
