import { describe, expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const POLICY = "policies: [{ endpoints: shop/web, egress: deny, allow: [{ direction: egress, to: shop/dns, port: 53, protocol: UDP }] }]";

/** A pod that calls a service which its policy does not name, for three seconds. */
function established(policies: string, mode: string): number {
  const { simulation, recorder } = nodeWorld(
    `services: [{ name: shop/cart, port: 80, backends: 1 }, { name: shop/dns, port: 53, protocol: UDP, backends: 1 }]
${policies}
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 5/s } }]
`,
    { policyEnforcementMode: mode },
  );
  simulation.run(seconds(3));
  return recorder.connectionsEstablished;
}

describe("policyEnforcementMode", () => {
  it("default: what a policy selects is held to it, and nothing else", () => {
    expect(established("", "default")).toBeGreaterThan(10);
    expect(established(POLICY, "default")).toBe(0);
  });

  it("never: policies do nothing", () => expect(established(POLICY, "never")).toBeGreaterThan(10));

  it("always: what no policy selects may do nothing", () => expect(established("", "always")).toBe(0));
});

it("a pod under ingress deny is still reached from its own node", () => {
  const { simulation, recorder } = nodeWorld(
    `services: [{ name: shop/cart, port: 80, localBackends: 1 }]
policies: [{ endpoints: shop/cart, ingress: deny }]
workloads:
  - { name: node, from: { host: true }, to: pods shop/cart, arrivals: { constant: 5/s } }
`,
    {},
  );
  simulation.run(seconds(3));
  expect(recorder.connectionsEstablished).toBeGreaterThan(10);
  expect(recorder.drops.kinds()).toEqual([]);
});

it("a deny rule wins over what allows, and leaves other peers alone", () => {
  const run = (rules: string): readonly (readonly [code: number, established: boolean])[] => {
    const { simulation, recorder } = nodeWorld(
      `services: [{ name: shop/cart, port: 80, backends: 1 }, { name: shop/stock, port: 80, backends: 1 }]
policies: [{ endpoints: shop/web, ${rules} }]
workloads:
  - { name: a, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 5/s } }
  - { name: b, from: { workload: shop/web }, to: shop/stock, arrivals: { constant: 5/s } }
`,
      {},
    );
    simulation.run(seconds(3));
    return recorder.drops.kinds().map(({ code }) => [code, recorder.connectionsEstablished > 10] as const);
  };
  expect(run("deny: [{ to: shop/cart, port: 80 }]")).toEqual([[181, true]]);
  expect(run("egress: deny, allow: [{ to: shop/cart }, { to: shop/stock }], deny: [{ to: shop/cart }]")).toEqual([[181, true]]);
});

it("with per-endpoint routes and the kernel's routing a packet from another node keeps its pod's identity", () => {
  const { simulation, recorder } = nodeWorld(
    `services: [{ name: shop/cart, port: 80, localBackends: 1 }]
policies: [{ endpoints: shop/cart, ingress: deny, allow: [{ from: shop/web, port: 80 }] }]
workloads: [{ name: w, from: { remote: shop/web }, to: pods shop/cart, arrivals: { constant: 5/s, first: 0s, every: 1h, for: 1s } }]
`,
    { "bpf.hostLegacyRouting": "true", "endpointRoutes.enabled": "true" },
  );
  simulation.run(seconds(2));
  expect(recorder.drops.kinds()).toEqual([]);
  expect(recorder.counts.connectionsEstablished).toBe(recorder.counts.connectionsOpened);
});
