/** `ctlab check` through the built command line: outcome, exit code, JUnit, summary. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckResult } from "../../src/observe/check-result.js";
import { ctlab, scratch, type Finished } from "./cli.js";

const SCENARIO = `apiVersion: ctlab/v1
name: plan
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 4, memory: 16Gi }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true } }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 100/s } }
duration: 2s
expect: [ syn_latency_p90 < 10ms ]
variants:
  holds: {}
  breaks: { expect: [ "syn_latency_p90 < 1us", 'drops{reason="CT: Map insertion failed"} == 0' ] }
  undecided: { expect: [ syn_latency_p999 < 10ms ] }
  silent: { expect: [] }
`;

const folder = scratch();
afterAll(folder.remove);
beforeAll(() => {
  writeFileSync(join(folder.path, "plan.yaml"), SCENARIO);
  writeFileSync(join(folder.path, "other.yaml"), SCENARIO.replace("name: plan", "name: other").replace("duration", "durtion"));
});

function check(...args: readonly string[]): Promise<Finished> {
  return ctlab(["check", ...args], { cwd: folder.path, env: { GITHUB_STEP_SUMMARY: "" } });
}

describe("exit code", () => {
  it.each([
    ["holds", 0],
    ["breaks", 3],
    ["undecided", 4],
    ["silent", 4],
  ])("variant %s: %i", async (variant, code) => {
    expect((await check("plan.yaml", "--variant", variant)).code).toBe(code);
  });

  it("is that of the worst variant", async () => {
    const { code, stdout, stderr } = await check("plan.yaml");
    expect([code, stderr]).toEqual([3, ""]);
    expect(stdout).toMatch(/^✓ plan holds: 1 of 1 met\n✗ plan breaks: 1 of 2 missed\n {2}missed: syn_latency_p90 < 1us, measured [\d.]+ µs \(plan.yaml:\d+\)\n/);
    expect(stdout).toContain("\n4 variants: 1 holds, 1 does not hold, 1 undecided, 1 expects nothing.\n");
  });

  it("is 2 for the mistakes of any file, and nothing is written", async () => {
    const { code, stdout, stderr } = await check("plan.yaml", "other.yaml", "absent.yaml", "--junit", "bad.xml");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain('other.yaml:10:1: error: unknown key "durtion"');
    expect(stderr).toContain("absent.yaml:1:1: error: the scenario can't be opened: no such file");
    expect(existsSync(join(folder.path, "bad.xml"))).toBe(false);
  });

  it("is 2 for a variant that no file has", async () => {
    const { code, stderr } = await check("plan.yaml", "--variant", "hold");
    expect(code).toBe(2);
    expect(stderr).toContain('there is no variant "hold"');
    expect(stderr).toContain("holds");
  });
});

describe("output", () => {
  it("JUnit XML tells failures from what can't be decided", async () => {
    await check("plan.yaml", "--junit", "made/for/it.xml", "--quiet");
    const xml = readFileSync(join(folder.path, "made/for/it.xml"), "utf8");
    expect(xml).toContain('<testsuites name="ctlab check" tests="4" failures="1" errors="1">');
    expect(xml).toMatch(/<failure type="missed" message="measured [\d.]+ µs">plan.yaml:\d+: syn_latency_p90 &#60; 1us<\/failure>/);
    expect(xml).toContain('<error type="inconclusive" message="measured too little data">');
    expect(xml).toMatch(/name="drops\{reason=&#34;CT: Map insertion failed&#34;\} == 0" file="plan.yaml" line="\d+"\/>/);
  });

  it("a summary is appended to the file that the pipeline names", async () => {
    const summary = join(folder.path, "summary.md");
    writeFileSync(summary, "before\n");
    const { stdout } = await ctlab(["check", "plan.yaml", "--variant", "breaks", "--quiet"], {
      cwd: folder.path,
      env: { GITHUB_STEP_SUMMARY: summary },
    });
    expect(stdout).toBe("");
    expect(readFileSync(summary, "utf8")).toMatch(/^before\n## ctlab check\n\n\*\*1 variant: 1 does not hold\.\*\*\n\n\| scenario /);
  });

  it("JSON is the same on one worker and on two, and leaves out wall time", async () => {
    const one = await check("plan.yaml", "--json", "--jobs", "1");
    const two = await check("plan.yaml", "--json", "--jobs", "2");
    expect(one.stdout).toBe(two.stdout);
    const result = JSON.parse(one.stdout) as CheckResult & { readonly outcome: string };
    expect(result).toMatchObject({ schemaVersion: 1, partial: false, outcome: "missed" });
    expect(result.variants.map(({ name, expectations }) => [name, expectations.map(({ outcome }) => outcome)])).toEqual([
      ["holds", ["met"]],
      ["breaks", ["missed", "met"]],
      ["undecided", ["inconclusive"]],
      ["silent", []],
    ]);
  });

  it("an override reaches every scenario", async () => {
    const { stdout } = await check("plan.yaml", "--variant", "holds", "--set", "maps.ct4_global.type=hash", "--set", "maps.ct4_global.maxEntries=2", "--json");
    const result = JSON.parse(stdout) as CheckResult;
    expect(result.variants[0]!.headline).toContain("refuses new entries");
  });
});
