/** `ctlab export`: what it writes is taken by promtool and by ctlab itself. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ExperimentResult } from "../../src/observe/result.js";
import { HAS_PROMETHEUS, promtool, readExposition } from "../support/prometheus.js";
import { ctlab, ctlabHere, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);

const SCENARIO = `
apiVersion: ctlab/v1
name: export
profile: { cilium: "1.18.6", kernel: "6.6" }
services: [{ name: red/api, port: 80, backends: 2 }]
workloads: [{ name: fine, from: { workload: red/web }, to: red/api, arrivals: { poisson: 1/s } }]
preload: [{ map: ct4_global, entries: 6000 }]
helm: { set: { bpf.ctTcpMax: 8192, hubble.metrics.enabled: [drop, flow] } }
duration: 8m
`;

describe("ctlab export", () => {
  it("shows examples, and refuses a release that nobody knows", async () => {
    expect((await ctlabHere(["export", "--help"])).stdout).toContain("Examples:");
    const unknown = await ctlabHere(["export", "grafana", "--cilium", "3.1"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("known are 1.14 to 1.19");
    expect((await ctlabHere(["export", "prometheus-rules", "-o", join(folder.path, "no", "rules.yaml")])).code).toBe(2);
  });

  it("writes rules that fire in a run, and a dashboard of series that the run has", async () => {
    const rules = join(folder.path, "rules.yaml");
    expect((await ctlabHere(["export", "prometheus-rules", "--cilium", "1.18", "-o", rules])).code).toBe(0);
    writeFileSync(join(folder.path, "scenario.yaml"), SCENARIO);
    const out = join(folder.path, "run");
    const { code, stderr } = await ctlab(["run", join(folder.path, "scenario.yaml"), "--set", `observe.alerts=${rules}`, "--out", out, "--quiet"]);
    expect(code).toBe(0);
    expect(stderr).not.toContain("can never fire");
    const { alerts } = (JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as ExperimentResult).variants[0]!;
    if (HAS_PROMETHEUS) {
      const fired = alerts!.rules.filter(({ instances }) => instances.some(({ spans }) => spans.some(({ state }) => state === "firing")));
      expect(fired.map(({ alert }) => alert)).toEqual(["CiliumConntrackMapFillingUp"]);
    }
    const names = new Set([...readExposition(readFileSync(join(out, "metrics.om"), "utf8")).keys()].map((series) => series.replace(/\{.*/, "")));
    const dashboard = (await ctlabHere(["export", "grafana", "--cilium", "1.18"])).stdout;
    const truth = [...dashboard.matchAll(/ctlab_\w+/g)].map(([name]) => name);
    expect(truth.length).toBeGreaterThan(8);
    for (const name of truth) expect(names).toContain(name);
  });

  it.skipIf(!HAS_PROMETHEUS)("writes plain rules that promtool takes (Debian: prometheus)", async () => {
    for (const release of ["1.14", "1.17", "1.19"]) {
      const rules = join(folder.path, `plain-${release}.yaml`);
      await ctlabHere(["export", "prometheus-rules", "--plain", "--cilium", release, "-o", rules]);
      expect(promtool(["check", "rules", rules])).toMatch(/SUCCESS: \d+ rules found/);
    }
  });
});
