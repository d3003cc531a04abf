/** `ctlab size` through the built command line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SizeResult } from "../../src/observe/size-result.js";
import { ctlab, scratch, type Finished } from "./cli.js";

const SCENARIO = `apiVersion: ctlab/v1
name: sized
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi }
helm:
  set: { kubeProxyReplacement: true, conntrackGCInterval: 10s, routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, bpf.ctTcpMax: 1280 }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: short, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 80/s }, connection: { hold: { exponential: 4s } } }
duration: 30s
observe: { flows: none }
variants:
  plain: {}
  refusing: { maps: { ct4_global: { type: hash } } }
`;

const folder = scratch();
afterAll(folder.remove);
beforeAll(() => writeFileSync(join(folder.path, "plan.yaml"), SCENARIO));

function size(...args: readonly string[]): Promise<Finished> {
  return ctlab(["size", "plan.yaml", ...args], { cwd: folder.path });
}

function parse({ stdout }: Finished): SizeResult & { readonly helm: string } {
  return JSON.parse(stdout) as SizeResult & { readonly helm: string };
}

describe("ctlab size", () => {
  it("finds the size that is needed, by hand and by simulation, and confirms it, the same on one worker and on two", async () => {
    const [finished, alone] = await Promise.all([size("--json", "--jobs", "2"), size("--json", "--jobs", "1")]);
    expect([finished.code, finished.stderr]).toEqual([0, ""]);
    expect(alone.stdout).toBe(finished.stdout);
    const result = parse(finished);
    const ct = result.sizes.find(({ map }) => map === "ct4_global")!;
    // 80/s × (4 s + 10 s + 10 s)
    expect(result.closedForm.find(({ map }) => map === "ct4_global")!.entries).toBeCloseTo(1920, -2);
    expect(ct.peak).toBeGreaterThan(1700);
    expect(ct.peak).toBeLessThan(2200);
    expect(ct.disagreement).toBeNull();
    expect(ct.recommended).toBeGreaterThanOrEqual(ct.needed * 1.3);
    expect(ct.memoryThen).toBeGreaterThan(ct.memoryNow);
    expect(ct.curve.find(({ maxEntries }) => maxEntries === 1280)!.evictionsLive).toBeGreaterThan(0);
    expect(result.helm).toBe(`bpf:\n  ctTcpMax: ${ct.recommended}\n`);
    expect(result).toMatchObject({ outcome: "met", partial: false, goals: [{ outcome: "met" }, { outcome: "met" }] });
  });

  it("keeps a present size that is enough, unless it is told to shrink, and says so in at most 80 columns", async () => {
    const kept = (await size("--set", "helm.set.bpf.ctTcpMax=65536")).stdout;
    expect(kept).toMatch(/The present sizes are right\. The goals hold there\. First limit:/);
    expect(kept).toContain("2,560 would be enough (--shrink).");
    expect(Math.max(...kept.split("\n").map((line) => [...line].length))).toBeLessThanOrEqual(80);
    const shrunk = parse(await size("--json", "--shrink", "--set", "helm.set.bpf.ctTcpMax=65536"));
    expect(shrunk.helm).toContain("ctTcpMax: 2560\n");
  });

  it("sizes a map that refuses by its refusals", async () => {
    const result = parse(await size("--json", "--variant", "refusing"));
    const ct = result.sizes.find(({ map }) => map === "ct4_global")!;
    expect(ct.type).toBe("hash");
    expect(ct.curve.find(({ maxEntries }) => maxEntries === 1280)!.refused).toBeGreaterThan(0);
    expect(result.outcome).toBe("met");
  });

  it("says when the goals can't be met by any size", async () => {
    const { code, stdout } = await size("--goal", "syn_latency_p50 < 1us", "--runs", "1", "--set", "duration=5s");
    expect(code).toBe(3);
    expect(stdout).toContain("The goals are MISSED even there.");
    expect(stdout).toMatch(/✗ syn_latency_p50 < 1us: \d+ µs of [\d,]+, 95 %: \d+ µs to \d+ µs/);
  });

  it("explains what is wrong with a goal, a variant, a margin", async () => {
    const goal = await size("--goal", "live_eviction < 1 per connection");
    expect([goal.code, goal.stdout]).toEqual([2, ""]);
    expect(goal.stderr).toContain('nothing is called "live_eviction" per connection');
    expect((await size("--variant", "plan")).stderr).toContain("plain");
    expect((await size("--margin", "much")).code).toBe(2);
  });
});
