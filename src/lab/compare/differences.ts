/** In which settings two scenarios differ, by the names that people wrote them with. */
import { SETTING_SOURCES } from "../../cilium/agent/settings.js";
import { formatDuration } from "../../core/units.js";
import type { SettingDifference } from "../../observe/comparison-result.js";
import type { Scenario } from "../../scenario/types.js";

/** What says where a value came from, or describes and judges a run without changing it. */
const LEFT_OUT = ["about", "assumptions", "expect", "files", "ignored", "name", "origins", "seed", "variant", "variantAbout"];
/** Longest value shown. */
const TEXT_MAX = 60;

/** In order of name. */
export function differences(first: Scenario, second: Scenario): readonly SettingDifference[] {
  const [a, b] = [leavesOf(first), leavesOf(second)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .sort((x, y) => (x < y ? -1 : 1))
    .filter((path) => a.get(path) !== b.get(path))
    .map((setting) => ({ setting, first: a.get(setting) ?? null, second: b.get(setting) ?? null }));
}

function leavesOf(scenario: Scenario): ReadonlyMap<string, string> {
  const leaves = new Map<string, string>();
  const top = Object.fromEntries(Object.entries(scenario).filter(([key]) => !LEFT_OUT.includes(key) && key !== "helm"));
  collect(top, "", leaves);
  for (const [field, value] of Object.entries(scenario.helm.settings)) {
    const { flag, helm } = SETTING_SOURCES[field as keyof typeof SETTING_SOURCES];
    collect(value, `helm ${helm ?? flag}`, leaves);
  }
  return leaves;
}

function collect(value: unknown, path: string, leaves: Map<string, string>): void {
  if (typeof value !== "object" || value === null) {
    const isTime = typeof value === "number" && path.endsWith("Ns");
    const text = isTime ? formatDuration(value) : typeof value === "string" ? value : value === null ? "not set" : String(value);
    leaves.set(isTime ? path.slice(0, -2) : path, text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const name: unknown = Array.isArray(value) && typeof member === "object" && member !== null ? (member as { name?: unknown }).name : undefined;
    collect(member, `${path}${path === "" ? "" : "."}${typeof name === "string" ? name : key}`, leaves);
  }
}
