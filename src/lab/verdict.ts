/**
 * The answer in words with numbers: first for each variant, then over all of them, where variants that differ in one
 * thing say what that thing does.
 */
import { formatBytes, formatCount } from "../core/units.js";
import type { Finding, MapResult, VariantResult, Verdict } from "../observe/result.js";
import { peakPressure, quantileText, ratioText } from "../report/wording.js";
import type { Scenario } from "../scenario/types.js";
import { bindingOrder, humps, whatBroke, whatGcDid, whatUsersSaw, type Figures } from "./findings.js";
import { HUBBLE_LABEL, lostFlows, whatHubbleSaw } from "./hubble-findings.js";

/** Above this pressure a map that still holds is said to be tight. Operators' alerts begin here. */
const TIGHT = 0.9;

/** Which Helm value sets the size of a map. */
const HELM_KEY: Readonly<Record<string, string>> = {
  ct4_global: "bpf.ctTcpMax",
  ct_any4_global: "bpf.ctAnyMax",
  snat_v4_external: "bpf.natMax",
};

export function variantVerdict(scenario: Scenario, figures: Figures, assumptions: readonly string[]): Verdict {
  const broke = whatBroke(figures);
  const [first, second] = bindingOrder(figures.maps);
  const findings: readonly (Finding | null)[] = [
    broke === null ? null : { label: "What broke", text: broke },
    first === undefined ? null : { label: "Limits", text: limits(first, second) },
    { label: "What users saw", text: whatUsersSaw(figures) },
    labelled("Garbage collection", whatGcDid(figures)),
    ...humps(figures),
    ...whatHubbleSaw(figures),
  ];
  return {
    headline: headline(figures),
    findings: findings.filter((finding) => finding !== null),
    assumptions: [...scenario.assumptions, ...assumptions],
  };
}

function labelled(label: string, text: string | null): Finding | null {
  return text === null ? null : { label, text };
}

function headline(figures: Figures): string {
  const refusing = figures.maps.find(({ insertsRefused }) => insertsRefused > 0);
  if (refusing !== undefined) {
    return `Does not hold: ${refusing.name} refuses new entries when it is full, and their SYNs are dropped and sent again.`;
  }
  const evicting = figures.maps.find(({ evictionsLive }) => evictionsLive > 0);
  const dropped = figures.drops.reduce((sum, { count }) => sum + count, 0);
  if (evicting !== undefined) {
    const harm = dropped > 0 ? `and ${formatCount(dropped)} packets were dropped` : "and no packet was dropped for it";
    return `${evicting.name} is too small: it evicted ${formatCount(evicting.evictionsLive)} live entries, ${harm}.`;
  }
  if (dropped > 0) return `Does not hold: ${formatCount(dropped)} packets were dropped, none of them for a full map.`;
  const tightest = bindingOrder(figures.maps)[0];
  const tight = tightest !== undefined && peakPressure(tightest) > TIGHT ? `, but ${tightest.name} reached ${ratioText(peakPressure(tightest))}` : "";
  return `Holds: no insert refused, no live entry evicted, nothing dropped${tight}${lostFlows(figures)}.`;
}

function limits(first: MapResult, second: MapResult | undefined): string {
  const say = (map: MapResult): string => {
    const filled = `${map.name} (${map.type}) peaked at ${formatCount(map.entriesMax)} of ${formatCount(map.maxEntries)}`;
    return `${filled}, pressure ${ratioText(peakPressure(map))}; size from ${map.origin}`;
  };
  return `First: ${say(first)}.${second === undefined ? "" : ` Second: ${say(second)}.`}`;
}

/** Over all variants: the account, what it can and can't be, what ends it, what that costs. */
export function experimentVerdict(scenarios: readonly Scenario[], variants: readonly VariantResult[]): Verdict {
  const first = variants[0]!;
  if (variants.length === 1) return first.verdict;
  const byName = new Map(scenarios.map((scenario) => [scenario.variant, scenario]));
  const of = (variant: VariantResult): Scenario => byName.get(variant.name)!;
  const remedy = findRemedy(first, variants);
  const natural = sameButNaturalMaps(first, variants, of);
  return {
    headline: remedy === undefined ? `${first.name}: ${first.verdict.headline}` : `${first.verdict.headline} ${remedyHeadline(first, remedy)}`,
    findings: [
      ...first.verdict.findings,
      ...(remedy === undefined ? [] : [remedyFinding(of(first), first, remedy)]),
      ...(natural.length === 0 ? [] : [accountFinding(first, natural, of)]),
      ...variants
        .filter((variant) => variant !== first && variant !== remedy)
        .map((variant): Finding => ({ label: variant.name ?? "", text: `${variant.verdict.headline} ${usersIn(variant)}` })),
    ],
    assumptions: [...new Set(variants.flatMap(({ verdict }) => verdict.assumptions))],
  };
}

function usersIn(variant: VariantResult): string {
  const labels = ["What users saw", HUBBLE_LABEL];
  return variant.verdict.findings.filter(({ label }) => labels.includes(label)).map(({ text }) => text).join(" ");
}

/** A variant with a larger map of the same kind in which nothing broke any more. */
function findRemedy(first: VariantResult, variants: readonly VariantResult[]): VariantResult | undefined {
  const binding = bindingOrder(first.maps)[0];
  if (binding === undefined || whatBroke(first) === null) return undefined;
  return variants.find((variant) => {
    const map = variant.maps.find(({ name }) => name === binding.name);
    return map !== undefined && map.type === binding.type && map.maxEntries > binding.maxEntries && whatBroke(variant) === null;
  });
}

function remedyHeadline(first: VariantResult, remedy: VariantResult): string {
  const binding = bindingOrder(first.maps)[0]!;
  const larger = remedy.maps.find(({ name }) => name === binding.name)!;
  const key = HELM_KEY[binding.name] ?? binding.name;
  return `${key} = ${larger.maxEntries} ends it: connect p99 ${quantileText(remedy.synLatency["all"]!, "p99Ns")} throughout.`;
}

function remedyFinding(scenario: Scenario, first: VariantResult, remedy: VariantResult): Finding {
  const changes = remedy.maps.flatMap((map) => {
    const before = first.maps.find(({ name }) => name === map.name);
    return before === undefined || before.maxEntries === map.maxEntries ? [] : [{ before, after: map }];
  });
  const settings = changes.map(({ before, after }) => {
    const cost = after.memoryBytes - before.memoryBytes;
    return `${HELM_KEY[after.name] ?? after.name} ${before.maxEntries} → ${after.maxEntries} (${formatBytes(cost)} more)`;
  });
  const perNode = changes.reduce((sum, { before, after }) => sum + after.memoryBytes - before.memoryBytes, 0);
  const { nodes } = scenario.cluster;
  const binding = bindingOrder(first.maps)[0]!;
  const peak = remedy.maps.find(({ name }) => name === binding.name)!;
  return {
    label: "What ends it",
    text:
      `Variant ${remedy.name}: ${settings.join(", ")}. Kernel memory: ${formatBytes(perNode)} more per node, ` +
      `${formatBytes(perNode * nodes)} over ${nodes} nodes. ${binding.name} then peaks at ${formatCount(peak.entriesMax)} entries, ` +
      `pressure ${ratioText(peakPressure(peak))}. Changing a size recreates the map when the agent starts: every connection of the node loses its entry once.`,
  };
}

/** Variants under the same load and client whose maps are of the kind that the release creates, where `first` departs. */
function sameButNaturalMaps(
  first: VariantResult,
  variants: readonly VariantResult[],
  of: (variant: VariantResult) => Scenario,
): readonly VariantResult[] {
  const departs = Object.values(of(first).maps).some(({ type }) => type !== null);
  if (!departs) return [];
  return variants.filter((variant) => Object.values(of(variant).maps).every(({ type }) => type === null));
}

function accountFinding(first: VariantResult, natural: readonly VariantResult[], of: (variant: VariantResult) => Scenario): Finding {
  const overridden = Object.entries(of(first).maps).filter(([, { type }]) => type !== null);
  const names = overridden.map(([name, { type }]) => `${name} as ${type}`).join(", ");
  const refused = natural.reduce((sum, { maps }) => sum + maps.reduce((total, { insertsRefused }) => total + insertsRefused, 0), 0);
  const types = natural[0]!.maps.filter(({ name }) => overridden.some(([each]) => each === name)).map(({ name, type }) => `${name} is ${type}`);
  const verdict =
    refused === 0
      ? `Then no insert was refused under the same load: nothing waits for garbage collection on such maps, so the account as told ` +
        `can't be right there. Their failure is the other one, eviction.`
      : `Then ${formatCount(refused)} inserts were refused under the same load.`;
  const peaks = natural.map((variant) => `${variant.name}: connect p99 ${quantileText(variant.synLatency["all"]!, "p99Ns")}`);
  return {
    label: "Can the account be right?",
    text:
      `Only with ${names}, which Cilium ${first.profile.cilium} does not create: ${types.join(", ")} (${natural.map(({ name }) => name).join(", ")}). ` +
      `${verdict} ${peaks.join("; ")}.`,
  };
}
