import { describe, expect, it } from "vitest";
import { load, mistakes } from "../../test/scenario/fixtures.js";

/** Three thousand pods in ten lines. */
const TEMPLATES = `apiVersion: ctlab/v1
name: templates
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 60, pods: 3000, cpus: 16 }
services:
  - { copies: 100, name: shop/api-$n, port: 80, backends: 20 }
policies:
  - { copies: 100, endpoints: shop/web-$n, egress: deny, allow: [{ to: shop/api-$n, port: 80 }] }
workloads:
  - { copies: 100, name: calls-$n, from: { workload: shop/web-$n, pods: 2 }, to: shop/api-$n, arrivals: { poisson: 5/s } }
duration: 10s
`;

describe("templates", () => {
  it("are written out, with their number in every text", () => {
    const { base } = load(TEMPLATES);
    expect([base.services.length, base.policies.length, base.workloads.length]).toEqual([100, 100, 100]);
    expect(base.services[41]).toMatchObject({ name: "shop/api-42", backends: 20 });
    expect(base.policies[41]).toMatchObject({ endpoints: "shop/web-42", allow: [{ peer: "shop/api-42", port: 80 }] });
    expect(base.workloads[99]).toMatchObject({ name: "calls-100", from: { workload: "shop/web-100", pods: 2 }, to: { kind: "service", service: 99 } });
    expect(new Set(base.services.map(({ clusterIp }) => clusterIp))).toEqual(new Set([null]));
  });

  it("stand beside items without copies, and follow --set and variants", () => {
    const { variants } = load(`${TEMPLATES}variants:\n  few: { policies: [], workloads: [{ copies: 3, name: w-$n, from: { host: true }, to: shop/api-$n, arrivals: { constant: 1/s } }] }\n`, {
      set: ["services.0.copies=7", "policies=[]", "workloads.0.copies=3"],
    });
    expect(variants[0]!.services).toHaveLength(7);
    expect(variants[0]!.workloads.map(({ name }) => name)).toEqual(["w-1", "w-2", "w-3"]);
  });

  it.each([
    ["copies: 0", /copies can't be 0/],
    ["copies: 1001", /copies can't be 1001/],
    ["copies: many", /copies can't be many/],
    ["copies: [1]", /copies can't be a list/],
  ])("%s is no number of copies", (written, message) => {
    const text = TEMPLATES.replace("- { copies: 100, name: calls-$n", `- { ${written}, name: calls-$n`);
    expect(mistakes(text).map((each) => each.message)).toEqual([expect.stringMatching(message)]);
  });

  it("a number without copies is a mistake, shown where it stands", () => {
    const [mistake, ...others] = mistakes(TEMPLATES.replace("- { copies: 100, name: shop/api-$n", "- { name: shop/api-$n"));
    expect(others).toEqual([]);
    expect(mistake).toMatchObject({ line: 6, message: "$n stands for the number of a copy, and this has none" });
  });

  it("a mistake in a template is shown at the template", () => {
    const found = mistakes(TEMPLATES.replace("poisson: 5/s", "poisson: 5"));
    expect(new Set(found.map(({ line, column }) => `${line}:${column}`)).size).toBe(1);
    expect(found[0]!.line).toBe(10);
  });
});
