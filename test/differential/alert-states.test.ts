/** States of alerts against the rule manager of a real Prometheus (`promtool test rules`), where it is installed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { RandomStreams } from "../../src/core/random.js";
import { NS_PER_S } from "../../src/core/units.js";
import { evaluateAlerts } from "../../src/lab/alerts/evaluate.js";
import { instancesOf } from "../../src/lab/alerts/states.js";
import { FLOW_EPOCH_SECONDS } from "../../src/observe/flow-text.js";
import { MetricStore } from "../../src/observe/metrics/metric-store.js";
import type { AlertsResult } from "../../src/observe/result.js";
import { openMetrics } from "../../src/report/open-metrics.js";
import { Diagnostics } from "../../src/scenario/diagnostics.js";
import { readRuleFile, type AlertingRule, type RuleGroup } from "../../src/scenario/rule-groups.js";
import { place, SourceText } from "../../src/scenario/source.js";
import { scratch } from "../e2e/cli.js";
import { HAS_PROMETHEUS, promtool, ruleTest, type ExpectedSpan } from "../support/prometheus.js";

const folder = scratch();
afterAll(folder.remove);
const VECTORS = join(import.meta.dirname, "..", "vectors", "alerts");
const STEP_S = 30;
const STEPS = 80;

function rulesOf(text: string): readonly RuleGroup[] {
  const source = new SourceText("rules.yaml", text);
  const found = new Diagnostics();
  const groups = readRuleFile("rules.yaml", { ok: true, source }, place(source, 0), found);
  found.throwIfErrors();
  return groups!;
}

describe.skipIf(!HAS_PROMETHEUS)("states of alerts (Debian: prometheus)", () => {
  it("are those of the rule manager, for any series, for and keep_firing_for", () => {
    const random = new RandomStreams("alert-states").stream("series");
    const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
    const rules = Array.from({ length: 40 }, (_, n) => ({
      alert: `A${n}`, expr: `m{rule="${n}"} > 0`, for: pick(["0s", "30s", "45s", "1m", "100s", "5m"]), keep_firing_for: pick(["0s", "30s", "80s", "4m"]),
      labels: { severity: "page" },
    }));
    const ruleFile = join(folder.path, "random.yaml");
    writeFileSync(ruleFile, JSON.stringify({ groups: [{ name: "random", interval: `${STEP_S}s`, rules }] }));
    const groups = rulesOf(readFileSync(ruleFile, "utf8"));
    const series = rules.map((_, n) => {
      const sticky = pick([2, 4, 12]);
      let value: number | undefined = 0;
      return { name: `m{rule="${n}"}`, values: Array.from({ length: STEPS }, () => (random.below(sticky) === 0 ? (value = pick([0, 1, 1, undefined])) : value)) };
    });
    const endNs = (STEPS - 1) * STEP_S * NS_PER_S;
    const expected = groups[0]!.rules.flatMap((rule, n): ExpectedSpan[] => {
      const samples = series[n]!.values.flatMap((value, at) => (value === 1 ? [[FLOW_EPOCH_SECONDS + at * STEP_S, 1] as const] : []));
      const given = [{ labels: { __name__: "m", rule: String(n) }, samples }];
      const instances = instancesOf(rule as AlertingRule, samples.length === 0 ? [] : given, { intervalNs: STEP_S * NS_PER_S, endNs }, FLOW_EPOCH_SECONDS);
      return instances.flatMap(({ labels, spans }) => spans.map((span) => ({ ...span, labels: { alertname: `A${n}`, ...labels } })));
    });
    expect(expected.filter(({ state }) => state === "firing").length).toBeGreaterThan(20);
    check(ruleFile, series, expected, endNs / NS_PER_S);
    // The comparison can fail: one evaluation more or less is noticed.
    const tampered = expected.map((span, n) => (n === 0 ? { ...span, endNs: span.endNs + STEP_S * NS_PER_S } : span));
    expect(() => check(ruleFile, series, tampered, endNs / NS_PER_S)).toThrow();
  });

  it("are what the recorded tests of the rules expect", async () => {
    const vectors = parse(readFileSync(join(VECTORS, "cilium-alerts.test.yaml"), "utf8")) as VectorFile;
    const groups = rulesOf(readFileSync(join(VECTORS, "cilium-alerts.yaml"), "utf8"));
    expect(promtool(["test", "rules", join(VECTORS, "cilium-alerts.test.yaml")])).toContain("SUCCESS");
    for (const [n, { name, input_series: input, alert_rule_test: tests }] of vectors.tests.entries()) {
      const metricsFile = join(folder.path, `vector-${n}.om`);
      const { text, steps } = exposition(input);
      writeFileSync(metricsFile, text);
      const observe = { hubbleMetrics: [] } as never;
      const scenario = { profile: { cilium: "1.17.6", kernel: "6.6" }, observe };
      const endNs = (steps - 1) * STEP_S * NS_PER_S;
      const result = await evaluateAlerts({ scenario, groups, metricsFile, scrapeNs: STEP_S * NS_PER_S, endNs });
      for (const { eval_time: time, alertname, exp_alerts: expected } of tests) {
        expect(firingAt(result, alertname, secondsOf(time)), `${name}, ${alertname} at ${time}`).toEqual(expected.map(({ exp_labels: labels }) => sorted(labels)));
      }
    }
  });
});

/** At the last evaluation a span may end or go on, which its end does not tell. */
function check(ruleFile: string, series: Parameters<typeof ruleTest>[2], expected: readonly ExpectedSpan[], lastS: number): void {
  const test = join(folder.path, "test.yaml");
  writeFileSync(test, ruleTest(ruleFile, STEP_S, series, { everyS: STEP_S, endS: lastS - STEP_S }, expected));
  promtool(["test", "rules", test]);
}

interface VectorFile {
  readonly tests: readonly {
    readonly name: string;
    readonly input_series: readonly { readonly series: string; readonly values: string }[];
    readonly alert_rule_test: readonly {
      readonly eval_time: string;
      readonly alertname: string;
      readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
    }[];
  }[];
}

/** `0.5+0x3 0.9+0x30` → samples, 30 s apart. */
function exposition(input: VectorFile["tests"][number]["input_series"]): { text: string; steps: number } {
  const columns = input.map(({ series, values }) => ({
    series,
    values: values.split(" ").flatMap((part) => {
      const [, start, step, times] = /^([\d.]+)\+([\d.]+)x(\d+)$/.exec(part)!;
      return Array.from({ length: Number(times) + 1 }, (_, n) => Number(start) + n * Number(step));
    }),
  }));
  const store = new MetricStore();
  const steps = Math.max(...columns.map(({ values }) => values.length));
  for (let n = 0; n < steps; n++) {
    store.begin(n * STEP_S * NS_PER_S);
    for (const { series, values } of columns) {
      const brace = series.indexOf("{");
      if (values[n] !== undefined) store.set({ name: series.slice(0, brace), type: "gauge", help: "a vector" }, series.slice(brace), values[n]!);
    }
  }
  return { text: [...openMetrics(store, FLOW_EPOCH_SECONDS)].join(""), steps };
}

function secondsOf(text: string): number {
  const [, minutes = "0", seconds = "0"] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(text)!;
  return 60 * Number(minutes) + Number(seconds);
}

function firingAt({ rules }: AlertsResult, alert: string, second: number): readonly Readonly<Record<string, string>>[] {
  return rules
    .filter((rule) => rule.alert === alert)
    .flatMap(({ instances }) => instances)
    .filter(({ spans }) => spans.some(({ state, startNs, endNs }) => state === "firing" && startNs <= second * NS_PER_S && second * NS_PER_S <= endNs))
    .map(({ labels }) => labels);
}

function sorted(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
