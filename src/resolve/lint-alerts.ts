/** Alert rules whose selectors can't match anything that this release exports. */

import { DROP_REASONS } from "../cilium/datapath/drop-reasons.js";
import { nearestName } from "../scenario/nearest.js";
import { warn } from "./lint-rule.js";
import type { LintContext, LintRule, LintWarning } from "./lint-rule.js";

/** One `label op "value"` of a selector. */
interface Matcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

/** Selectors of a PromQL expression; a metric without braces has no matchers. */
export function selectorsOf(expression: string): readonly Selector[] {
  const selectors: Selector[] = [];
  for (const match of expression.matchAll(/([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?/g)) {
    if (!/^(cilium|hubble)_/.test(match[1]!)) continue;
    const matchers = [...(match[2] ?? "").matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)].map(
      ([, label, operator, value]): Matcher => ({
        label: label!,
        operator: operator as Matcher["operator"],
        value: value!.replace(/\\(.)/g, "$1"),
      }),
    );
    selectors.push({ metric: match[1]!, matchers });
  }
  return selectors;
}

/** Metrics that came later than 1.14, with what has to hold. */
const LATER_METRICS: Readonly<Record<string, (context: LintContext) => boolean>> = {
  cilium_datapath_conntrack_gc_interval_seconds: ({ profile }) => profile.gc.intervalMetric,
  cilium_nat_endpoint_max_connection: ({ profile }) => profile.gc.pressureCountSeconds !== null, // both 1.16
};

/** Metrics of the datapath and of collection, among which a mistyped name is looked for; the agent has many more. */
const METRICS = [
  ...Object.keys(LATER_METRICS),
  ...["bpf_map_pressure", "bpf_map_capacity", "bpf_map_ops_total", "bpf_maps", "bpf_progs", "endpoint_state"].map((name) => `cilium_${name}`),
  ...["drop_count_total", "drop_bytes_total", "forward_count_total", "forward_bytes_total"].map((name) => `cilium_${name}`),
  ...["runs_total", "key_fallbacks_total", "entries"].map((name) => `cilium_datapath_conntrack_gc_${name}`),
  ...["bucket", "sum", "count"].map((name) => `cilium_datapath_conntrack_gc_duration_seconds_${name}`),
  ...["conntrack_dump_resets_total", "nat_gc_entries", "signals_handled_total"].map((name) => `cilium_datapath_${name}`),
];
const TYPO_EDITS_MAX = 2;

/** Values of a label that this configuration can show; undefined when they are not known. */
function valuesOf(metric: string, label: string, context: LintContext): readonly string[] | undefined {
  if (metric === "cilium_bpf_map_pressure" && label === "map_name") {
    const prefix = context.profile.policy.mapNamePrefix;
    const maps = context.plan.maps.filter(({ per }) => per === "node").map(({ label: name }) => name);
    return [...maps, `${prefix}*`];
  }
  if (/^cilium_drop_(count|bytes)_total$/.test(metric)) {
    if (label === "reason") return DROP_REASONS.flatMap(({ text }) => (text === undefined ? [] : [text]));
    if (label === "direction") return ["INGRESS", "EGRESS", "UNKNOWN"];
  }
  if (/^cilium_datapath_conntrack_gc_/.test(metric)) {
    if (label === "family") return ["ipv4", "ipv6"];
    if (label === "protocol") return ["TCP", "non-TCP"];
    if (label === "status") return ["completed", "uncompleted", "alive", "deleted"];
  }
  if (metric === "cilium_datapath_signals_handled_total" && label === "signal") {
    return ["nat_fill_up", "ct_fill_up", "auth_required"];
  }
  return undefined;
}

/** Why a matcher selects nothing, or undefined. Prometheus anchors its regular expressions at both ends. */
function unmatched(metric: string, matcher: Matcher, context: LintContext): string | undefined {
  const values = valuesOf(metric, matcher.label, context);
  if (values === undefined || matcher.operator === "!=" || matcher.operator === "!~") return undefined;
  if (matcher.operator === "=") {
    if (matcher.value === "" || values.includes(matcher.value)) return undefined;
    return explain(matcher, values, [matcher.value]);
  }
  const pattern = patternOf(matcher.value);
  if (pattern === null) return `${matcher.label}=~"${matcher.value}" is not a regular expression`;
  if (pattern === undefined || values.some((value) => pattern.test(value))) return undefined;
  return explain(matcher, values, matcher.value.split("|"));
}

/** RE2's forms that are not ECMAScript's: flags inside, classes by name, quoted stretches, anchors by letter. */
const ONLY_RE2 = /\(\?[imsU-]+[:)]|\[\[:|\\[QEAzC]/;

/** A regular expression of Prometheus; undefined when it can't be told here, null when it is none. */
function patternOf(text: string): RegExp | null | undefined {
  const [whole, flags = ""] = /^\(\?([ims]+)\)/.exec(text) ?? [""];
  const rest = text.slice(whole.length).replaceAll("(?P<", "(?<");
  try {
    return new RegExp(`^(?:${rest})$`, [...new Set(`s${flags}`)].join(""));
  } catch {
    return ONLY_RE2.test(rest) ? undefined : null;
  }
}

function explain(matcher: Matcher, values: readonly string[], written: readonly string[]): string {
  const text = `${matcher.label}${matcher.operator}"${matcher.value}" matches no value that is exported`;
  const bare = written.map((each) => each.replace(/^\^|\$$|\.\*|\.\+/g, ""));
  if (matcher.label === "map_name" && bare.some((each) => each.startsWith("cilium_"))) {
    return `${text}: map names stand there without "cilium_" (but for the policy maps)`;
  }
  const near = bare.map((each) => nearestName(each, values)).find((each) => each !== undefined);
  return near === undefined ? text : `${text}; there is "${near}"`;
}

const neverMatches: LintRule = (context) =>
  context.alerts.flatMap(({ name, expression }) =>
    selectorsOf(expression).flatMap(({ metric, matchers }): LintWarning[] => {
      const exists = LATER_METRICS[metric];
      const reasons = matchers.flatMap((matcher) => unmatched(metric, matcher, context) ?? []);
      const meant = METRICS.includes(metric) ? undefined : nearestName(metric, METRICS, TYPO_EDITS_MAX);
      if (meant !== undefined) reasons.push(`there is no metric ${metric}; there is ${meant}`);
      if (exists !== undefined && !exists(context)) reasons.push(`${context.profile.version} has no metric ${metric}`);
      if (/gc_interval_seconds$/.test(metric) && context.settings.conntrackGcInterval !== 0) {
        reasons.push(`${metric} is not written with a fixed GC interval`);
      }
      return reasons.map((why) => warn("alert-never-matches", "warning", [], `alert ${name} can never fire`, why));
    }),
  );

/** Entries of `prometheus.metrics` that switch off what an alert reads. */
const switchedOff: LintRule = ({ settings, alerts }) => {
  const off = settings.metrics.filter((entry) => entry.startsWith("-")).map((entry) => entry.slice(1));
  return alerts.flatMap(({ name, expression }) =>
    selectorsOf(expression)
      .filter(({ metric }) => off.some((each) => metric === each || metric === `${each}_total`))
      .map(({ metric }) =>
        warn("alert-never-matches", "warning", ["metrics"], `alert ${name} can never fire`, `${metric} is switched off`),
      ),
  );
};

export const alertRules: readonly LintRule[] = [neverMatches, switchedOff];
