/** `ctlab forecast` through the built command line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ForecastResult } from "../../src/observe/forecast-result.js";
import { ctlab, scratch, type Finished } from "./cli.js";

/** Some 1,200 entries at a time: 50/s × (4 s + 10 s + 10 s). */
const SCENARIO = `apiVersion: ctlab/v1
name: growing
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi }
helm:
  set: { kubeProxyReplacement: true, conntrackGCInterval: 10s, routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, bpf.ctTcpMax: 2304 }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: short, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 50/s }, connection: { hold: { exponential: 4s } } }
duration: 30s
observe: { flows: none }
`;

const folder = scratch();
afterAll(folder.remove);
beforeAll(() => writeFileSync(join(folder.path, "plan.yaml"), SCENARIO));

function forecast(...args: readonly string[]): Promise<Finished> {
  return ctlab(["forecast", "plan.yaml", ...args], { cwd: folder.path });
}

describe("ctlab forecast", () => {
  it("finds the load at which the first map gives way, and the months until then", async () => {
    const { code, stdout } = await forecast("--growth", "20%/mo", "--max", "3", "--jobs", "2", "--json");
    expect(code).toBe(0);
    const { mechanisms, loads, maps } = JSON.parse(stdout) as ForecastResult;
    const [first] = mechanisms;
    expect(first!.name).toBe("ct4_global evicts live entries");
    // The map is full at 2304 / 1200 times today's load; the kernel's LRU sets 128 entries for each CPU aside.
    expect(first!.holdsAt).toBeGreaterThan(1.4);
    const breaksAt = first!.breaksAt!;
    expect(breaksAt).toBeLessThan(2.1);
    expect(breaksAt - first!.holdsAt).toBeLessThan(0.2);
    expect(first!.months.latest).toBeCloseTo(Math.log(breaksAt) / Math.log(1.2), 6);
    expect(loads.at(-1)).toBe(3);
    const { peaks } = maps.find(({ map }) => map === "ct4_global")!;
    expect(peaks.at(-1)).toBeGreaterThan(peaks[0]! * 1.5);
  });

  it("says when something breaks today, in how many of the runs", async () => {
    const { code, stdout } = await forecast("--max", "1.1", "--runs", "2", "--set", "helm.set.bpf.ctTcpMax=1024");
    expect([code, stdout.includes("First: ct4_global evicts live entries, already today.")]).toEqual([3, true]);
    expect(stdout).toContain("2 runs of each load");
    expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/at today's load, already today; at ×1 [\d,]+ in [\d,]+ connections of 2 of 2 runs/);
    expect(Math.max(...stdout.split("\n").map((line) => [...line].length))).toBeLessThanOrEqual(80);
  });

  it("refuses a growth that is none", async () => {
    expect((await forecast("--growth", "0%")).code).toBe(2);
    expect((await forecast("--growth", "fast")).code).toBe(2);
    expect((await forecast("--max", "1")).code).toBe(2);
  });
});
