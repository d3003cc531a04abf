/** Alert rules over a whole run: states in the reports, equal to the rule manager's; rules that can't fire; mistakes in rule files. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { AlertsResult, ExperimentResult } from "../../src/observe/result.js";
import { HAS_PROMETHEUS, promtool, readExposition, ruleTest } from "../support/prometheus.js";
import { ctlab, ctlabHere, ROOT, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);
const EPOCH = 1_735_689_600;
const RULES = join(folder.path, "cilium-alerts.yaml");
const DURATION_S = 900;

/** ct4_global is preloaded to 85 %; denied packets come from 1m to 11m; the agent is down for a minute. */
const SCENARIO = `
apiVersion: ctlab/v1
name: alerts
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 4, pods: 60, cpus: 4 }
helm:
  set:
    bpf.ctTcpMax: 16384
    hubble.metrics.enabled: ["flow:labelsContext=source_namespace", "drop:labelsContext=source_namespace"]
services:
  - { name: red/api, port: 80, backends: 10 }
  - { name: blue/api, port: 80, backends: 10 }
policies:
  - { endpoints: red/web, ingress: deny, egress: deny, allow: [{ to: red/api, port: 80 }] }
workloads:
  - { name: fine, from: { workload: red/web, pods: 5 }, to: red/api, arrivals: { poisson: 10/s } }
  - name: denied
    from: { workload: red/web, pods: 5 }
    to: blue/api
    arrivals: { poisson: 150/s, first: 1m, every: 20m, for: 10m }
    connection: { connectTimeout: 500ms }
preload:
  - { map: ct4_global, entries: 14000, expires: 11m..14m }
timeline:
  - { at: 500s, agent: { down: 60s } }
observe: { alerts: cilium-alerts.yaml, flows: none }
duration: ${DURATION_S}s
`;

let result: ExperimentResult;
let alerts: AlertsResult;
let warned: string;
const run = join(folder.path, "run");
beforeAll(async () => {
  copyFileSync(join(ROOT, "test/vectors/alerts/cilium-alerts.yaml"), RULES);
  writeFileSync(join(folder.path, "scenario.yaml"), SCENARIO);
  const { code, stderr } = await ctlab(["run", join(folder.path, "scenario.yaml"), "--out", run, "--quiet"]);
  expect(code).toBe(0);
  warned = stderr;
  result = JSON.parse(readFileSync(join(run, "summary.json"), "utf8")) as ExperimentResult;
  alerts = result.variants[0]!.alerts!;
});

const ruleOf = (name: string): AlertsResult["rules"][number] => alerts.rules.find(({ alert }) => alert === name)!;

describe("rules that can never fire on real label sets", () => {
  it("are pointed out where they stand, with the reason, and in every report", () => {
    expect(ruleOf("CiliumBPFMapPressureHigh").never).toContain("map_name of cilium_bpf_map_pressure is ct4_global, ct_any4_global");
    expect(ruleOf("HubbleHighDropRate").never).toContain("never have the same labels: reason, source_namespace on the left, source_namespace on the right");
    expect(alerts.rules.filter(({ never }) => never !== null)).toHaveLength(2);
    expect(warned).toContain(`${RULES}:9:1: warning: CiliumBPFMapPressureHigh can never fire`);
    expect(readFileSync(join(run, "summary.md"), "utf8")).toMatch(/HubbleHighDropRate .*can never fire here/);
    expect(readFileSync(join(run, "report.html"), "utf8")).toContain("can never fire here");
  });

  it("are found without Prometheus too, which is said", async () => {
    const alone = join(folder.path, "alone");
    const short = ["run", join(folder.path, "scenario.yaml"), "--set", "duration=61s", "--set", "timeline=[]", "--out", alone, "--quiet"];
    const { code, stderr } = await ctlab(short, { env: { PATH: "/nonexistent" } });
    expect(code).toBe(0);
    expect(stderr).toContain("prometheus and promtool are not installed here");
    expect(stderr).toContain("HubbleHighDropRate can never fire");
    const { variants } = JSON.parse(readFileSync(join(alone, "summary.json"), "utf8")) as ExperimentResult;
    expect(variants[0]!.alerts).toMatchObject({ evaluator: null });
    expect(variants[0]!.alerts!.rules.map(({ instances }) => instances.length)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe.skipIf(!HAS_PROMETHEUS)("states over a run (Debian: prometheus)", () => {
  it("fire as the incident goes", () => {
    const spans = (name: string): readonly string[] => ruleOf(name).instances.flatMap((each) => each.spans.map(({ state }) => state));
    expect(spans("CiliumCTMapPressureHigh")).toContain("firing");
    expect(spans("CiliumDropsHigh")).toEqual(["pending", "firing"]);
    expect(ruleOf("HubbleHighDropRateMatched").instances[0]!.labels).toEqual({ reason: "POLICY_DENIED", severity: "warning", source_namespace: "red" });
    expect(readFileSync(join(run, "summary.md"), "utf8")).toMatch(/CiliumDropsHigh .*pending .* firing /);
  });

  it("are the rule manager's at every evaluation, over the same series", () => {
    const series = readExposition(readFileSync(join(run, "metrics.om"), "utf8"));
    const names = /^(cilium_bpf_map_pressure|cilium_drop_count_total|hubble_(drop|flows_processed|lost_events)_total)\b/;
    const input = [...series].flatMap(([name, samples]) => {
      if (!names.test(name)) return [];
      const bySecond = new Map(samples.map(([atS, value]) => [atS - EPOCH, value]));
      return [{ name, values: Array.from({ length: DURATION_S / 15 + 1 }, (_, n) => bySecond.get(n * 15)) }];
    });
    expect(input.length).toBeGreaterThan(5);
    const bare = join(folder.path, "bare.yaml");
    writeFileSync(bare, stringify(parse(readFileSync(RULES, "utf8"))));
    const expected = alerts.rules.flatMap(({ alert, instances }) =>
      instances.flatMap(({ labels, spans }) => spans.map((span) => ({ ...span, labels: { alertname: alert, ...labels } }))),
    );
    expect(expected.length).toBeGreaterThan(5);
    const test = join(folder.path, "run.test.yaml");
    // At the last evaluation a span may end or go on, which its end does not tell.
    writeFileSync(test, ruleTest(bare, 15, input, { everyS: 30, endS: DURATION_S - 30 }, expected));
    expect(promtool(["test", "rules", test])).toContain("SUCCESS");
  });
});

describe("mistakes in rule files", () => {
  it.each([
    ["groups: [{ name: a, rules: [{ alert: A, expr: 'rate(x[5m]) >' }] }]", /broken\.yaml:1:\d+: error: A: this is no PromQL, near "rate\(x\[5m\]\) >"/],
    ["groups: [{ name: a, rules: [{ alert: A, expr: x, fro: 5m }] }]", /error: Prometheus knows no "fro" here[^]*did you mean "for"/],
    ["groups: [{ name: a, rules: [{ alert: A, expr: x, for: 5 minutes }] }]", /error: for can't be/],
    ["rules: []", /error: no rules stand here/],
    [undefined, /error: the rule file .*broken\.yaml/],
  ])("are shown with their place: %s", async (text, message) => {
    const broken = join(folder.path, "broken.yaml");
    if (text !== undefined) writeFileSync(broken, text);
    const named = text === undefined ? join(folder.path, "nowhere", "broken.yaml") : broken;
    const { code, stderr } = await ctlabHere(["run", join(folder.path, "scenario.yaml"), "--set", `observe.alerts=${named}`, "--out", join(folder.path, "x")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it("need scrapes", async () => {
    const { code, stderr } = await ctlabHere(["run", join(folder.path, "scenario.yaml"), "--set", "observe.scrape=none", "--out", join(folder.path, "x")]);
    expect(code).toBe(2);
    expect(stderr).toContain("nothing is scraped");
  });
});
