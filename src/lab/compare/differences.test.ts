import { describe, expect, it } from "vitest";
import { loadScenarioText } from "../../scenario/load.js";
import { SourceText } from "../../scenario/source.js";
import type { Scenario } from "../../scenario/types.js";
import { differences } from "./differences.js";

const TEXT = `apiVersion: ctlab/v1
name: plan
about: A plan.
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true } }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 200/s } }
duration: 2s
`;

function scenario(...set: readonly string[]): Scenario {
  const absent = { ok: false as const, message: "is absent", expected: "none" };
  return loadScenarioText(new SourceText("plan.yaml", TEXT), () => absent as never, { set }).base;
}

describe("differences", () => {
  it("are none between equal scenarios, wherever their values came from and whatever they say about themselves", () => {
    expect(differences(scenario(), scenario("duration=2000ms", "about=Another text.", "seed=7"))).toEqual([]);
  });

  it("name Helm values, list items by name, and times in units", () => {
    const changed = scenario("helm.set.bpf.ctTcpMax=1024", "workloads.stock.arrivals.poisson=300/s", "cluster.rtt=3ms", "duration=90s");
    expect(differences(scenario(), changed)).toEqual([
      { setting: "cluster.rtt", first: expect.stringMatching(/ [µm]s$/) as string, second: "3 ms" },
      { setting: "duration", first: "2 s", second: "90 s" },
      { setting: "helm bpf.ctTcpMax", first: "not set", second: "1024" },
      { setting: "workloads.stock.arrivals.perSecond", first: "200", second: "300" },
    ]);
  });

  it("say when one side has no such setting", () => {
    const added = scenario('services=[{ name: shop/stock, port: 80, backends: 3 }, { name: shop/cart, port: 81, backends: 1 }]');
    const found = differences(scenario(), added);
    expect(found.length).toBeGreaterThan(3);
    expect(found.every(({ setting, first }) => setting.startsWith("services.shop/cart.") && first === null)).toBe(true);
  });
});
