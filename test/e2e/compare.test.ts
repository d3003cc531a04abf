/** `ctlab compare` through the built command line: what differs, "no difference", exit codes. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ComparedFigure, ComparisonResult } from "../../src/observe/comparison-result.js";
import { ctlab, ctlabHere, ROOT, scratch, type Finished } from "./cli.js";

const SCENARIO = `apiVersion: ctlab/v1
name: plan
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi, rtt: 40ms }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true, bpf.ctTcpMax: 65536 } }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 200/s } }
duration: 1500ms
variants:
  near: {}
  far: { about: A long way., cluster: { rtt: 100ms } }
`;

const folder = scratch();
afterAll(folder.remove);
beforeAll(() => writeFileSync(join(folder.path, "plan.yaml"), SCENARIO));

function compare(...args: readonly string[]): Promise<Finished> {
  return ctlab(["compare", ...args], { cwd: folder.path });
}

function figure(stdout: string, name: string): ComparedFigure {
  return (JSON.parse(stdout) as ComparisonResult).figures.find((each) => each.name === name)!;
}

describe("two variants", () => {
  it("differ by what was changed, pair by pair", async () => {
    const { code, stdout, stderr } = await compare("plan.yaml#near", "plan.yaml#far", "--runs", "2", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const result = JSON.parse(stdout) as ComparisonResult & { decided: boolean };
    expect(result).toMatchObject({ schemaVersion: 1, runs: [0, 1], partial: false, decided: true, identical: false, confidence: 0.95 });
    expect(result.settings).toEqual([{ setting: "cluster.rtt", first: "40 ms", second: "100 ms" }]);
    const p50 = figure(stdout, "syn_latency_p50");
    expect(p50.direction).toBe("higher");
    expect(p50.first.values).toHaveLength(2);
    // Sixty milliseconds more, on the same arrivals: a narrow interval around it.
    expect(p50.difference!.low).toBeGreaterThan(59e6);
    expect(p50.difference!.high).toBeLessThan(61e6);
    expect(figure(stdout, "drops").direction).toBe("none");
  });

  it("read as a table of 80 columns, and the same whatever the number of workers", async () => {
    const sides = ["plan.yaml#near", "plan.yaml#far", "--runs", "2"];
    const [one, two] = [await compare(...sides, "--jobs", "1"), await compare(...sides, "--jobs", "2")];
    expect(one).toEqual(two);
    expect(one.stdout).toMatch(/^A: plan near \(plan.yaml\)\nB: plan far \(plan.yaml\)\n {3}cluster.rtt: 40 ms → 100 ms\n\nper run/);
    expect(one.stdout).toMatch(/\nSYN p50 +40 ms +100 ms .* higher\n/);
    expect(one.stdout).toContain("2 pairs of runs on the same random numbers");
    expect(one.stdout).toMatch(/"<": none failed in [\d,]+ connections and queries, so fewer than/);
    for (const line of one.stdout.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
  });
});

describe("--set", () => {
  it("makes the second side; what has no effect is said plainly", async () => {
    const { code, stdout } = await compare("plan.yaml#near", "--set", "helm.set.bpf.ctTcpMax=131072", "--runs", "2");
    expect(code).toBe(0);
    expect(stdout).toContain("   helm bpf.ctTcpMax: 65536 → 131072\n");
    expect(stdout).toMatch(/\nSYN p99 .* the same\n/);
    expect(stdout).toMatch(/\nmap memory .* higher\n/);
    expect(stdout.replaceAll("\n", " ")).toContain("both sides did the same, event for event");
  });

  it("Markdown carries the command that repeats it", async () => {
    const { stdout } = await compare("plan.yaml#near", "--set", "cluster.rtt=41ms", "--runs", "2", "--tolerance", "10%", "--markdown");
    expect(stdout).toMatch(/\n\| SYN p50 .*\| the same *\|\n/);
    expect(stdout).toContain("Repeat with `ctlab compare plan.yaml#near --set cluster.rtt=41ms --runs 2 --tolerance 0.1`");
  });
});

describe("exit code", () => {
  it("is 4 when the runs don't decide", async () => {
    // How many packets a small map costs hangs on chance, and a millisecond more changes less than that.
    const whole = readFileSync(join(ROOT, "scenarios/lru-live-eviction.yaml"), "utf8");
    const short = whole.replace(/^duration: .*$/m, "duration: 700ms").replace("values/", `${join(ROOT, "scenarios/values")}/`);
    writeFileSync(join(folder.path, "short.yaml"), short);
    const { code, stdout } = await compare("short.yaml#small-map", "--set", "cluster.rtt=81ms", "--runs", "2", "--tolerance", "0");
    expect(stdout).toContain("undecided");
    expect(code).toBe(4);
  });

  it.each([
    [["plan.yaml", "plan.yaml#far"], "the scenario has 2 variants, and one of them is to be compared"],
    [["plan.yaml#nera", "plan.yaml#far"], 'did you mean "near"?'],
    [["plan.yaml#near"], "nothing to compare with"],
    [["plan.yaml#near", "plan.yaml#far", "--runs", "1"], "--runs 2 or more"],
    [["plan.yaml#near", "plan.yaml#far", "--tolerance", "150%"], "a share from 0 to below 1"],
    [["plan.yaml#near", "absent.yaml"], "no such file"],
    [["plan.yaml#near", "--set", "helm.set.bpf.ctTcpMaxx=1"], "ctTcpMax"],
  ])("is 2 for %j", async (args, message) => {
    const { code, stdout, stderr } = await ctlabHere(["compare", ...args], { cwd: folder.path });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });

  it("is 130 when interrupted, with what was finished", async () => {
    const { code, stdout } = await ctlab(["compare", "plan.yaml#near", "plan.yaml#far", "--runs", "200", "--json"], {
      cwd: folder.path,
      onStart: (child) => setTimeout(() => child.kill("SIGINT"), 2500),
    });
    expect(code).toBe(130);
    const result = JSON.parse(stdout) as ComparisonResult;
    expect(result.partial).toBe(true);
    expect(result.runs.length).toBeLessThan(200);
  });
});

it("leaves no files", () => {
  expect(readdirSync(folder.path)).toEqual(["plan.yaml", "short.yaml"]);
});
