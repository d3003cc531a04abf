/** The scenario's rules over one variant's metrics: states of its alerts, and the rules that can never fire there. */
import { readFileSync } from "node:fs";
import { NS_PER_S } from "../../core/units.js";
import { FLOW_EPOCH_SECONDS } from "../../observe/flow-text.js";
import { labelText, MetricStore } from "../../observe/metrics/metric-store.js";
import type { AlertInstance, AlertRuleResult, AlertsResult } from "../../observe/result.js";
import { openMetrics } from "../../report/open-metrics.js";
import type { AlertingRule, RecordingRule, RuleGroup } from "../../scenario/rule-groups.js";
import type { Scenario } from "../../scenario/types.js";
import { seriesDomains } from "./domains.js";
import { type LabelSets, labelSetsOf } from "./label-sets.js";
import { emptySelector, type Evaluate, unequalGroups, unmatchedSides } from "./never.js";
import { Prometheus, PrometheusError, prometheusVersion } from "./prometheus.js";
import { instancesOf } from "./states.js";

/** `global.evaluation_interval` of a server that is not told otherwise. */
const DEFAULT_INTERVAL_NS = 60 * NS_PER_S;

export interface AlertsRequest {
  readonly scenario: Pick<Scenario, "profile" | "observe">;
  readonly groups: readonly RuleGroup[];
  readonly metricsFile: string;
  readonly scrapeNs: number;
  /** Where the run ended, ns. */
  readonly endNs: number;
}

/** A server that fails is a result too: the run stands without it. */
export async function evaluateAlerts(request: AlertsRequest): Promise<AlertsResult> {
  const sets = labelSetsOf(readFileSync(request.metricsFile, "utf8"), seriesDomains(request.scenario));
  for (const { rules } of request.groups) for (const rule of rules) if (rule.kind === "record") sets.add(rule.record, rule.labels);
  const version = prometheusVersion();
  if (version === undefined) {
    const reason = "prometheus and promtool are not installed here (Debian: prometheus); no library evaluates PromQL, so the states of the alerts are not known";
    return { evaluator: null, reason, rules: withoutServer(request, sets) };
  }
  try {
    return { evaluator: `Prometheus ${version}`, reason: null, rules: await overServer(request, sets) };
  } catch (error) {
    if (!(error instanceof PrometheusError)) throw error;
    return { evaluator: null, reason: error.message, rules: withoutServer(request, sets) };
  }
}

async function overServer(request: AlertsRequest, sets: LabelSets): Promise<readonly AlertRuleResult[]> {
  const prometheus = await Prometheus.over(request.metricsFile, request.scrapeNs);
  try {
    return await withServer(request, sets, prometheus);
  } finally {
    await prometheus.stop();
  }
}

/** What is known without looking at samples. */
function knownNever({ expr }: AlertingRule, sets: LabelSets): string | null {
  return emptySelector(expr, sets) ?? unequalGroups(expr, sets);
}

function alertingRules(groups: readonly RuleGroup[]): readonly { readonly group: RuleGroup; readonly rule: AlertingRule }[] {
  return groups.flatMap((group) => group.rules.flatMap((rule) => (rule.kind === "alert" ? [{ group, rule }] : [])));
}

function withoutServer({ groups }: AlertsRequest, sets: LabelSets): readonly AlertRuleResult[] {
  return alertingRules(groups).map(({ group, rule }) => resultOf(group, rule, knownNever(rule, sets), []));
}

async function withServer(request: AlertsRequest, sets: LabelSets, prometheus: Prometheus): Promise<readonly AlertRuleResult[]> {
  const { groups, endNs } = request;
  const at = (intervalNs: number): Evaluate => {
    return (expr) => prometheus.range(expr, FLOW_EPOCH_SECONDS, FLOW_EPOCH_SECONDS + endNs / NS_PER_S, intervalNs / NS_PER_S);
  };
  for (const group of groups) {
    for (const rule of group.rules) if (rule.kind === "record") await prometheus.addText(await recorded(rule, group, request, at));
  }
  const results: AlertRuleResult[] = [];
  for (const { group, rule } of alertingRules(groups)) {
    const evaluate = at(intervalOf(group));
    try {
      const series = await evaluate(rule.expr);
      const instances = instancesOf(rule, series, { intervalNs: intervalOf(group), endNs }, FLOW_EPOCH_SECONDS);
      const never = series.length > 0 ? null : (knownNever(rule, sets) ?? (await unmatchedSides(rule.expr, evaluate)));
      results.push(resultOf(group, rule, never, instances));
    } catch (error) {
      if (!(error instanceof PrometheusError)) throw error;
      results.push(resultOf(group, rule, `Prometheus can't evaluate it: ${error.message}.`, []));
    }
  }
  return results;
}

/**
 * The series of a recording rule. Between two evaluations its value stands at every scrape, so that it is seen as long
 * as the rule's own server would see it.
 */
async function recorded(rule: RecordingRule, group: RuleGroup, { scrapeNs, endNs }: AlertsRequest, at: (intervalNs: number) => Evaluate): Promise<string> {
  const intervalNs = intervalOf(group);
  const stepNs = Math.min(scrapeNs, intervalNs);
  const series = await at(intervalNs)(rule.expr);
  const byMoment = series.map(({ labels, samples }) => {
    const { __name__: _name, ...own } = labels;
    return { labels: labelText(Object.entries({ ...own, ...rule.labels })), values: new Map(samples) };
  });
  const store = new MetricStore();
  const family = { name: rule.record, type: "gauge", help: "recorded" } as const;
  for (let atNs = 0; atNs <= endNs; atNs += stepNs) {
    store.begin(atNs);
    const evaluatedS = FLOW_EPOCH_SECONDS + (Math.floor(atNs / intervalNs) * intervalNs) / NS_PER_S;
    for (const { labels, values } of byMoment) store.set(family, labels, values.get(evaluatedS) ?? Number.NaN);
  }
  return [...openMetrics(store, FLOW_EPOCH_SECONDS)].join("");
}

function intervalOf({ intervalNs }: RuleGroup): number {
  return intervalNs ?? DEFAULT_INTERVAL_NS;
}

function resultOf(group: RuleGroup, rule: AlertingRule, never: string | null, instances: readonly AlertInstance[]): AlertRuleResult {
  const { alert, expr, forNs, line } = rule;
  return { alert, group: group.name, file: group.file, line, expr, forNs, intervalNs: intervalOf(group), never, instances };
}
