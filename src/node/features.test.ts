/** What settings switch on, in whole runs: tunnels, encryption, audit mode, the host firewall, rate limits, the egress gateway. */
import { describe, expect, it } from "vitest";
import { seconds } from "../core/units.js";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";

const SOCKET_LB_OFF = { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" };
const ONE = "arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms }, connection: { hold: 1h }";

/** One connection of a workload, from the SYN to the answer. */
function one(workload: string, services: string, helm: Readonly<Record<string, string>>): NodeWorld {
  const world = nodeWorld(`services: [{ name: shop/cart, port: 80, ${services} }]\nworkloads:\n  - { name: w, ${workload}, ${ONE} }\n`, helm);
  world.simulation.run(seconds(5));
  expect(world.recorder.drops.kinds()).toEqual([]);
  expect(world.recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsEstablished: 1, strayResets: 0 });
  expect(world.recorder.requestLatency.all().count, "the answer came back").toBe(1);
  return world;
}

function entries({ node: { maps } }: NodeWorld): Readonly<Record<string, number>> {
  return { ct4: maps.ct4Global.map.count, any4: maps.ctAny4Global.map.count, nat: maps.snatV4External.map.count };
}

const WORLD = "from: { world: 198.51.100.0/24 }, to: shop/cart";

describe.each(["vxlan", "geneve"])("a tunnel (%s)", (tunnelProtocol) => {
  const tunnel = { routingMode: "tunnel", tunnelProtocol };
  it.each([
    ["pod → pod, other node: source", "from: { workload: shop/web }, to: pods shop/cart", "backends: 1", {}, { ct4: 1, any4: 1, nat: 0 }],
    ["pod → pod, other node: destination", "from: { remote: shop/web }, to: pods shop/cart", "localBackends: 1", {}, { ct4: 1, any4: 1, nat: 0 }],
    ["pod → ClusterIP, per-packet LB", "from: { workload: shop/web }, to: shop/cart", "backends: 1", SOCKET_LB_OFF, { ct4: 2, any4: 1, nat: 0 }],
    ["process of the node → pod", "from: { host: true }, to: pods shop/cart", "backends: 1", {}, { ct4: 1, any4: 0, nat: 2 }],
    ["world → NodePort, remote backend", WORLD, "type: NodePort, backends: 1", {}, { ct4: 2, any4: 0, nat: 2 }],
    ["world → NodePort, backend's node", `${WORLD}, entry: elsewhere`, "type: NodePort, localBackends: 1", {}, { ct4: 1, any4: 1, nat: 0 }],
    ["world → NodePort, local backend", WORLD, "type: NodePort, localBackends: 1", {}, { ct4: 3, any4: 1, nat: 0 }],
  ] as const)("%s", (_name, workload, services, helm, expected) => {
    expect(entries(one(workload, services, { ...tunnel, ...helm }))).toEqual(expected);
  });
});

/** Packets through the node, time on its CPUs and the slowest answer of a flow with a large answer. */
function cost(helm: Readonly<Record<string, string>>): { readonly packets: number; readonly cpuNs: number; readonly answerNs: number } {
  const { node, recorder } = ((): NodeWorld => {
    const shape = "connection: { responseBytes: 200000 }";
    const world = nodeWorld(
      `services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 1/s }, ${shape} }]
`,
      helm,
    );
    world.simulation.run(seconds(5));
    return world;
  })();
  return { packets: recorder.packets, cpuNs: node.node.cpus.usedNs, answerNs: recorder.requestLatency.summaries()["all"]!.maxNs! };
}

describe("what wraps packets", () => {
  const plain = cost({});

  it.each([
    ["a tunnel", { routingMode: "tunnel" }],
    ["WireGuard", { "encryption.enabled": "true", "encryption.type": "wireguard" }],
    ["IPsec", { "encryption.enabled": "true", "encryption.type": "ipsec" }],
  ])("%s: shorter segments, more time on CPUs and on the wire", (_name, helm) => {
    const wrapped = cost(helm);
    expect(wrapped.packets).toBeGreaterThan(plain.packets * 1.02);
    expect(wrapped.packets).toBeLessThan(plain.packets * 1.1);
    expect(wrapped.cpuNs).toBeGreaterThan(plain.cpuNs * 1.5);
    expect(wrapped.answerNs).toBeGreaterThan(plain.answerNs);
  });

  it("encryption leaves entries as they are, and the world's traffic alone", () => {
    const helm = { "encryption.enabled": "true", "encryption.type": "wireguard" };
    expect(entries(one("from: { workload: shop/web }, to: pods shop/cart", "backends: 1", helm))).toEqual({ ct4: 1, any4: 1, nat: 0 });
    expect(entries(one("from: { remote: shop/web }, to: pods shop/cart", "localBackends: 1", helm))).toEqual({ ct4: 1, any4: 1, nat: 0 });
    expect(entries(one(WORLD, "type: NodePort, localBackends: 1", helm))).toEqual({ ct4: 3, any4: 1, nat: 0 });
  });
});
