/** What alert rules said of a run, in words. */
import { formatDuration } from "../core/units.js";
import type { AlertInstance, AlertRuleResult, AlertsResult, AlertSpan } from "../observe/result.js";

/** Spans of one alert that are listed; the others are counted. */
const SPANS_LISTED = 8;

/** One line of a table: an alert of a rule, or a rule without any. */
export interface AlertRow {
  readonly rule: AlertRuleResult;
  /** `map_name=ct4_global, severity=warning`; empty for a rule without alerts. */
  readonly labels: string;
  readonly state: "fired" | "pending" | "silent" | "never" | "unknown";
  readonly text: string;
}

export function alertRows({ evaluator, rules }: AlertsResult): readonly AlertRow[] {
  return rules.flatMap((rule): readonly AlertRow[] => {
    if (rule.never !== null) return [{ rule, labels: "", state: "never", text: `can never fire here: ${rule.never}` }];
    if (evaluator === null) return [{ rule, labels: "", state: "unknown", text: "not evaluated" }];
    if (rule.instances.length === 0) return [{ rule, labels: "", state: "silent", text: "silent" }];
    return rule.instances.map((instance) => ({ rule, labels: labelsText(instance), state: stateOf(instance), text: spansText(instance.spans) }));
  });
}

/** Who evaluated, or why nobody did. */
export function evaluatorText({ evaluator, reason }: AlertsResult): string {
  if (evaluator === null) return `Not evaluated: ${reason ?? ""}.`;
  return `Evaluated by ${evaluator} over metrics.om, from the start of the run on; series end with the scrape that no longer has them.`;
}

function stateOf({ spans }: AlertInstance): "fired" | "pending" {
  return spans.some(({ state }) => state === "firing") ? "fired" : "pending";
}

function labelsText({ labels }: AlertInstance): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

/** `pending 6m30s to 11m30s, firing 11m30s to 19m`. */
function spansText(spans: readonly AlertSpan[]): string {
  const listed = spans.slice(0, SPANS_LISTED).map(({ state, startNs, endNs }) => `${state} ${formatDuration(startNs)} to ${formatDuration(endNs)}`);
  const more = spans.length - listed.length;
  return [...listed, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
