/** `metrics.om` of a whole run: against the run's own flows and figures, and through promtool where it is installed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exposition, HAS_PROMETHEUS, promtool, readExposition } from "../support/prometheus.js";
import { ctlab, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);

/** The agent is down from 150 s to 190 s. */
const SCENARIO = `
apiVersion: ctlab/v1
name: metrics
profile: { cilium: "1.18.6", kernel: "6.6" }
cluster: { nodes: 4, pods: 60, cpus: 4 }
helm:
  set:
    bpf.ctTcpMax: 8192
    hubble.metrics.enabled: ["flow:labelsContext=source_namespace,traffic_direction", drop, tcp]
services:
  - { name: red/api, port: 80, backends: 10 }
  - { name: blue/api, port: 80, backends: 10 }
policies:
  - { endpoints: red/web, ingress: deny, egress: deny, allow: [{ to: red/api, port: 80 }] }
workloads:
  - { name: fine, from: { workload: red/web, pods: 5 }, to: red/api, arrivals: { poisson: 40/s } }
  - { name: denied, from: { workload: red/web, pods: 5 }, to: blue/api, arrivals: { poisson: 5/s }, connection: { connectTimeout: 2s } }
timeline:
  - { at: 150s, agent: { down: 40s } }
observe: { flows: all, flowsMax: 10000000 }
duration: 245s
`;
const EPOCH = 1_735_689_600;
const STEP = 15;
const COUNT_EVERY = 30;

let series: Exposition;
let run: string;
beforeAll(async () => {
  writeFileSync(join(folder.path, "metrics.yaml"), SCENARIO);
  run = join(folder.path, "run");
  const { code, stderr } = await ctlab(["run", join(folder.path, "metrics.yaml"), "--out", run, "--quiet"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  series = readExposition(readFileSync(join(run, "metrics.om"), "utf8"));
});

const at = (name: string, second: number): number | undefined => series.get(name)?.find(([atS]) => atS === EPOCH + second)?.[1];

describe("metrics.om", () => {
  it("is scraped every 15 s, and not while the agent is down; the truth goes on", () => {
    const seconds = (name: string): number[] => series.get(name)!.map(([atS]) => atS - EPOCH);
    const all = Array.from({ length: 17 }, (_, n) => n * STEP);
    expect(seconds('ctlab_bpf_map_entries{map_name="ct4_global"}')).toEqual(all);
    expect(seconds('cilium_forward_count_total{direction="EGRESS"}')).toEqual(all.filter((second) => second > 0 && (second < 150 || second >= 190)));
  });

  it("shows the pressure as the controller last counted it, not as it is", () => {
    const shown = 'cilium_bpf_map_pressure{map_name="ct4_global"}';
    const truth = 'ctlab_bpf_map_pressure{map_name="ct4_global"}';
    expect(at(shown, STEP), "before the first count").toBeUndefined();
    // Counts begin 30 s after the first pass, which takes a moment: the scrape at 30 s is before the first one.
    expect(at(shown, 2 * STEP)).toBeUndefined();
    for (const second of [60, 90, 120]) {
      const counted = [at(truth, second - COUNT_EVERY)!, at(truth, second)!].sort((a, b) => a - b);
      expect(at(shown, second)!).toBeGreaterThanOrEqual(counted[0]! * 0.99);
      expect(at(shown, second)!).toBeLessThanOrEqual(counted[1]! * 1.01);
      expect(at(shown, second), "the same count is seen twice").toBe(at(shown, second - STEP));
    }
  });

  it("forgets with the agent what lives in its memory, and keeps what is in a map", () => {
    const runs = 'cilium_datapath_conntrack_gc_runs_total{family="ipv4",protocol="TCP",status="completed"}';
    expect(at(runs, 135)).toBeGreaterThanOrEqual(1);
    expect(at(runs, 195)).toBe(1);
    expect(at('cilium_drop_count_total{reason="Policy denied",direction="EGRESS"}', 195)!).toBeGreaterThan(
      at('cilium_drop_count_total{reason="Policy denied",direction="EGRESS"}', 135)!,
    );
    expect(at('hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"}', 195)!).toBeLessThan(
      at('hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"}', 135)!,
    );
  });

  it("agrees with the flows that the run wrote", () => {
    const counts = new Map<string, number>();
    for (const line of readFileSync(join(run, "flows.jsonl"), "utf8").trim().split("\n")) {
      const { flow, time } = JSON.parse(line) as { time: string; flow: { verdict: string; event_type: { type: number }; source?: { namespace?: string }; traffic_direction?: string } };
      if (Date.parse(time) / 1000 >= EPOCH + 135) break;
      const key = `${flow.event_type.type} ${flow.verdict} ${flow.source?.namespace ?? ""} ${flow.traffic_direction?.toLowerCase() ?? "unknown"}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const types: Record<string, number> = { Drop: 1, Trace: 4, PolicyVerdict: 5 };
    const shown = new Map<string, number>();
    for (const [name] of series) {
      const labels = /^hubble_flows_processed_total\{protocol="TCP",type="(\w+)",subtype="[^"]*",verdict="(\w+)",source_namespace="(\w*)",traffic_direction="(\w+)"\}$/.exec(name);
      if (labels === null) continue;
      const key = `${types[labels[1]!]} ${labels[2]} ${labels[3]} ${labels[4]}`;
      shown.set(key, (shown.get(key) ?? 0) + (at(name, 135) ?? 0));
    }
    expect(counts.size).toBeGreaterThan(3);
    expect(Object.fromEntries([...shown].sort())).toEqual(Object.fromEntries([...counts].sort()));
  });

  it("has counters that only rise while an agent lives, and buckets that don't shrink with their bound", () => {
    for (const [name, samples] of series) {
      if (!/(_total|_count|_bucket)(\{|$)/.test(name)) continue;
      for (let n = 1; n < samples.length; n++) {
        if (samples[n - 1]![0] < EPOCH + 150 && samples[n]![0] >= EPOCH + 190) continue;
        expect(samples[n]![1], name).toBeGreaterThanOrEqual(samples[n - 1]![1]);
      }
    }
    const buckets = [...series].filter(([name]) => name.startsWith("ctlab_syn_latency_seconds_bucket")).map(([, samples]) => samples.at(-1)![1]);
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
    expect(buckets.at(-1)).toBe(series.get("ctlab_syn_latency_seconds_count")!.at(-1)![1]);
  });

  it.skipIf(!HAS_PROMETHEUS)("is taken by promtool (Debian: prometheus), every sample of it", () => {
    const blocks = join(folder.path, "blocks");
    // `dump` wants a database with a log beside the blocks.
    mkdirSync(join(blocks, "wal"), { recursive: true });
    promtool(["tsdb", "create-blocks-from", "openmetrics", join(run, "metrics.om"), blocks]);
    const samples = [...series.values()].reduce((sum, each) => sum + each.length, 0);
    expect(promtool(["tsdb", "dump", blocks]).trim().split("\n")).toHaveLength(samples);
  });
});

describe("a run without scrapes", () => {
  it("has no metrics.om, and is the same run", async () => {
    const off = join(folder.path, "off");
    const { code } = await ctlab(["run", join(folder.path, "metrics.yaml"), "--set", "observe.scrape=none", "--out", off, "--quiet"]);
    expect(code).toBe(0);
    expect(existsSync(join(off, "metrics.om"))).toBe(false);
    const fingerprint = (path: string): unknown => (JSON.parse(readFileSync(join(path, "summary.json"), "utf8")) as { fingerprint: unknown }).fingerprint;
    expect(fingerprint(off)).toBe(fingerprint(run));
  });

  it("scrapes at other steps when told to", async () => {
    const fast = join(folder.path, "fast");
    const set = ["--set", "observe.scrape=500ms", "--set", "duration=2s", "--set", "timeline=[]"];
    await ctlab(["run", join(folder.path, "metrics.yaml"), ...set, "--out", fast, "--quiet"]);
    const stamps = readExposition(readFileSync(join(fast, "metrics.om"), "utf8")).get("ctlab_packets_total")!.map(([atS]) => atS - EPOCH);
    expect(stamps).toEqual([0, 0.5, 1, 1.5, 2]);
  });
});
