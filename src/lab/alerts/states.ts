/**
 * From the samples of an alert's expression to its states, evaluation by evaluation, as rules/alerting.go does it: a
 * sample makes an alert pending, `for` later it fires, without a sample it is over, or `keep_firing_for` later.
 */
import type { AlertInstance, AlertSpan } from "../../observe/result.js";
import type { AlertingRule } from "../../scenario/rule-groups.js";
import type { RangeSeries } from "./prometheus.js";

/** When rules are evaluated: at the start, and every `intervalNs` up to `endNs`. */
export interface Evaluations {
  readonly intervalNs: number;
  readonly endNs: number;
}

/** Samples at these evaluations (Unix seconds, `epochS` at the start) → states; in order of the first moment, then of labels. */
export function instancesOf(rule: AlertingRule, series: readonly RangeSeries[], evaluations: Evaluations, epochS: number): readonly AlertInstance[] {
  const instances = series.map(({ labels, samples }) => {
    const active = new Set(samples.map(([atS]) => Math.round(((atS - epochS) * 1e9) / evaluations.intervalNs)));
    return { labels: labelsOf(rule, labels), spans: spansOf(rule, active, evaluations) };
  });
  const text = ({ labels }: AlertInstance): string => JSON.stringify(labels);
  return instances
    .filter(({ spans }) => spans.length > 0)
    .sort((a, b) => a.spans[0]!.startNs - b.spans[0]!.startNs || (text(a) < text(b) ? -1 : 1));
}

/** Labels of the sample without its name, those of the rule over them. */
function labelsOf(rule: AlertingRule, sample: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const labels = Object.entries({ ...sample, ...rule.labels }).filter(([name, value]) => name !== "__name__" && value !== "");
  return Object.fromEntries(labels.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `active`: numbers of the evaluations that gave a sample. */
function spansOf({ forNs, keepFiringForNs }: AlertingRule, active: ReadonlySet<number>, { intervalNs, endNs }: Evaluations): readonly AlertSpan[] {
  const spans: AlertSpan[] = [];
  let state: AlertSpan["state"] | null = null;
  let since = 0;
  let silentSince: number | null = null;
  const end = (atNs: number): void => {
    if (state !== null && atNs > since) spans.push({ state, startNs: since, endNs: atNs });
  };
  for (let n = 0; n * intervalNs <= endNs; n++) {
    const atNs = n * intervalNs;
    if (active.has(n)) {
      silentSince = null;
      if (state === null) {
        state = "pending";
        since = atNs;
      }
    } else if (state === "firing" && keepFiringForNs > 0 && atNs - (silentSince ??= atNs) < keepFiringForNs) {
      continue;
    } else {
      end(atNs);
      state = null;
      silentSince = null;
    }
    if (state === "pending" && atNs - since >= forNs) {
      end(atNs);
      state = "firing";
      since = atNs;
    }
  }
  if (state !== null) spans.push({ state, startNs: since, endNs });
  return spans;
}
