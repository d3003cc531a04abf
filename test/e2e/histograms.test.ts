/** Every distribution of a run: in `latency.hlog`, read back, and printed in bpftrace's layout; in agreement with the figures. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HistogramLogReader, type Histogram } from "hdr-histogram-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExperimentResult, VariantResult } from "../../src/observe/result.js";
import { ctlab, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);

/** A small LRU map that evicts, and so many connections to one remote end that ports collide. */
const SCENARIO = `
apiVersion: ctlab/v1
name: histograms
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 2, pods: 40, cpus: 2 }
helm:
  set: { bpf.ctTcpMax: 16384, bpf.natMax: 131072, bpf.masquerade: true, kubeProxyReplacement: true }
workloads:
  - { name: out, from: { workload: red/web, pods: 10 }, to: "world 203.0.113.10:443", arrivals: { poisson: 1500/s } }
client: { portSearch: kernel }
observe: { flows: none }
duration: 15s
`;

let variant: VariantResult;
let summary: string;
const byTag = new Map<string, Histogram>();
beforeAll(async () => {
  writeFileSync(join(folder.path, "scenario.yaml"), SCENARIO);
  const run = join(folder.path, "run");
  const { code, stderr } = await ctlab(["run", join(folder.path, "scenario.yaml"), "--out", run, "--quiet"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  variant = (JSON.parse(readFileSync(join(run, "summary.json"), "utf8")) as ExperimentResult).variants[0]!;
  summary = readFileSync(join(run, "summary.md"), "utf8");
  const reader = new HistogramLogReader(readFileSync(join(run, "latency.hlog"), "utf8"));
  for (let next = reader.nextIntervalHistogram(); next !== null; next = reader.nextIntervalHistogram()) byTag.set(next.tag, next as Histogram);
});

const sumOf = (buckets: readonly (readonly [number, number])[]): number => buckets.reduce((sum, [, count]) => sum + count, 0);

describe("latency.hlog", () => {
  it("has a tag for every distribution", () => {
    expect([...byTag.keys()].sort()).toEqual([
      "eviction_idle_ct4_global", "gc_duration", "handshake", "hook_from_container", "hook_from_netdev", "hook_tc_ingress", "hook_to_netdev",
      "nat_tries", "request_latency", "syn_latency",
    ]);
  });

  it("agrees with the figures of the run", () => {
    const count = (tag: string): number => byTag.get(tag)!.totalCount;
    expect(count("syn_latency")).toBe(variant.counts.connectionsEstablished);
    expect(count("handshake")).toBe(variant.counts.connectionsEstablished);
    expect(count("gc_duration")).toBe(variant.gcRuns.length);
    expect(count("hook_tc_ingress")).toBe(count("hook_from_container") + count("hook_from_netdev"));
    expect(count("hook_tc_ingress")).toBe(sumOf(variant.hooks.find(({ hook }) => hook === "tc_ingress")!.buckets));
    expect(count("eviction_idle_ct4_global")).toBe(variant.maps.find(({ name }) => name === "ct4_global")!.evictions);
    // Each connection looks for a port once; those that had to look again are few.
    expect(count("nat_tries")).toBeGreaterThanOrEqual(variant.counts.connectionsEstablished);
    expect(byTag.get("nat_tries")!.maxValue).toBeGreaterThan(0);
    // Nothing was idle for longer than the run.
    expect(byTag.get("eviction_idle_ct4_global")!.maxValue).toBeLessThanOrEqual(15);
  });

  it("has a handshake that leaves out what was waited for lost SYNs", () => {
    const [handshake, latency] = [byTag.get("handshake")!, byTag.get("syn_latency")!];
    expect(handshake.maxValue).toBeLessThanOrEqual(latency.maxValue);
    expect(handshake.getValueAtPercentile(50)).toBe(latency.getValueAtPercentile(50));
  });
});

describe("summary.md", () => {
  it("prints those without a chart in bpftrace's layout", () => {
    for (const { name, unit, count, buckets } of variant.histograms!) {
      expect(summary).toContain(`@${name}_${unit}: `);
      expect(sumOf(buckets)).toBe(count);
    }
    expect(variant.histograms!.map(({ name }) => name)).toEqual(["handshake", "gc_duration", "nat_tries", "eviction_idle_ct4_global"]);
    expect(summary).toMatch(/@nat_tries_tries: \n\[0\] +\d+ \|@+/);
  });
});
