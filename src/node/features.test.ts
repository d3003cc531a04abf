/** What settings switch on, in whole runs: tunnels, encryption, audit mode, the host firewall, rate limits, the egress gateway. */
import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

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

/** A workload for three seconds, with whatever else stands in the scenario. */
function during(sections: string, helm: Readonly<Record<string, string>>): NodeWorld {
  const world = nodeWorld(sections, helm);
  world.simulation.run(seconds(3));
  return world;
}

describe("policy audit mode", () => {
  const sections = `services: [{ name: shop/cart, port: 80, backends: 1 }]
policies: [{ endpoints: shop/web, egress: deny }]
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 5/s } }]
`;

  it("lets pass and counts what would be dropped without it", () => {
    const off = during(sections, {}).recorder;
    expect([off.connectionsEstablished, off.counts.packetsAudited]).toEqual([0, 0]);
    expect(off.drops.kinds().map(({ code }) => code)).toEqual([133]);
    const on = during(sections, { policyAuditMode: "true" }).recorder;
    expect(on.connectionsEstablished).toBeGreaterThan(10);
    expect(on.counts.packetsAudited).toBeGreaterThan(on.connectionsEstablished);
    expect(on.drops.kinds()).toEqual([]);
  });
});

describe("the host firewall", () => {
  const ssh = 'from: { host: true }, to: "world 203.0.113.10:22"';
  const sections = (policies: string): string => `policies: [${policies}]\nworkloads: [{ name: w, ${ssh}, arrivals: { constant: 5/s } }]\n`;
  const helm = { "hostFirewall.enabled": "true" };

  it("holds the node's own processes to the node's policy", () => {
    expect(during(sections("{ endpoints: host, egress: deny }"), helm).recorder.drops.kinds().map(({ code }) => code)).toEqual([133]);
    const allowed = during(sections("{ endpoints: host, egress: deny, allow: [{ direction: egress, to: world, port: 22 }] }"), helm);
    expect(allowed.recorder.connectionsEstablished).toBeGreaterThan(10);
    expect(during(sections(""), helm).recorder.connectionsEstablished).toBeGreaterThan(10);
  });

  it("tracks the node's own connections with one more entry, and their ICMP errors", () => {
    const one = `workloads: [{ name: w, ${ssh}, ${ONE} }]\n`;
    const count = (settings: Readonly<Record<string, string>>): Readonly<Record<string, number>> => entries(during(one, settings));
    expect(count({})).toEqual({ ct4: 1, any4: 0, nat: 2 });
    expect(count(helm)).toEqual({ ct4: 1, any4: 1, nat: 2 });
  });

  it("drops tunnelled packets of other nodes that its policy does not let in", () => {
    const tunnel = (allow: string): NodeWorld =>
      during(
        `services: [{ name: shop/cart, port: 80, localBackends: 1 }]
policies: [{ endpoints: host, ingress: deny, allow: [${allow}] }]
workloads: [{ name: w, from: { remote: shop/web }, to: pods shop/cart, arrivals: { constant: 5/s } }]
`,
        { ...helm, routingMode: "tunnel" },
      );
    expect(tunnel("").recorder.connectionsEstablished).toBe(0);
    expect(tunnel("{ direction: ingress, from: remote-node, port: 8472, protocol: UDP }").recorder.connectionsEstablished).toBeGreaterThan(10);
  });
});

describe("the bandwidth manager", () => {
  const sections = (limit: string): string => `bandwidth: [${limit}]
services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 4/s }, connection: { requestBytes: 20000 } }]
`;
  const slowest = (limit: string): number =>
    during(sections(limit), { "bandwidthManager.enabled": "true" }).recorder.requestLatency.summaries()["all"]!.maxNs!;

  it("lets an annotated pod's packets leave at its rate, and others at once", () => {
    const free = slowest("");
    // 20 kB at 4 Mbit/s take 40 ms, at 2 Mbit/s 80 ms.
    expect(slowest("{ pods: shop/web, egress: 4M }") - free).toBeGreaterThan(30e6);
    expect(slowest("{ pods: shop/web, egress: 2M }") - free).toBeGreaterThan(65e6);
    expect(slowest("{ pods: shop/web, egress: 10G }") - free).toBeLessThan(1e6);
  });

  it("drops what would leave after the horizon of two seconds", () => {
    const { recorder } = during(sections("{ pods: shop/web, egress: 50k }"), { "bandwidthManager.enabled": "true" });
    expect(recorder.drops.kinds().map(({ code }) => code)).toEqual([162]);
  });

  it("works through a tunnel too", () => {
    const helm = { "bandwidthManager.enabled": "true", routingMode: "tunnel" };
    const { recorder } = during(sections("{ pods: shop/web, egress: 2M }"), helm);
    expect(recorder.requestLatency.summaries()["all"]!.maxNs!).toBeGreaterThan(65e6);
  });
});

describe("an egress gateway", () => {
  const helm = { "egressGateway.enabled": "true" };
  const gateway = (fields: string): string => `egressGateways: [{ pods: shop/web, to: 203.0.113.0/24, ${fields} }]`;
  const work = (from: string): string => `workloads: [{ name: w, from: { ${from}: shop/web }, to: "world 203.0.113.10:443", ${ONE} }]\n`;
  const run = (rule: string, from: string): NodeWorld => {
    const world = during(`${rule}\n${work(from)}`, helm);
    expect(world.recorder.drops.kinds()).toEqual([]);
    expect(world.recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsEstablished: 1, strayResets: 0 });
    expect(world.recorder.requestLatency.all().count, "the answer came back").toBe(1);
    return world;
  };

  it("elsewhere: the pod's node tunnels to it and translates nothing", () => {
    expect(entries(run(gateway("gateway: elsewhere"), "workload"))).toEqual({ ct4: 1, any4: 1, nat: 0 });
  });

  it("here: the node translates to the gateway's address, for its own pods and for those of others", () => {
    expect(entries(run(gateway("egressIP: 192.168.0.77"), "workload"))).toEqual({ ct4: 1, any4: 1, nat: 2 });
    // Section 5 of the table: OUT with needs_ct at the gateway, and the pair.
    expect(entries(run(gateway("egressIP: 192.168.0.77"), "remote"))).toEqual({ ct4: 1, any4: 0, nat: 2 });
  });
});

describe("the ip-masq-agent", () => {
  it("leaves the agent's own list of prefixes unmasqueraded, and translates the rest", () => {
    const run = (to: string, helm: Readonly<Record<string, string>>): number =>
      entries(during(`workloads: [{ name: w, from: { workload: shop/web }, to: "world ${to}:443", ${ONE} }]\n`, helm))["nat"]!;
    const agent = { "ipMasqAgent.enabled": "true" };
    expect([run("203.0.113.10", {}), run("203.0.113.10", agent), run("8.8.8.8", agent)]).toEqual([2, 0, 2]);
  });
});

describe("IPv6", () => {
  const dual = { "ipv6.enabled": "true" };
  const v6 = (fields: string): string => `${fields}, family: IPv6`;
  const entries6 = ({ node: { maps } }: NodeWorld): Readonly<Record<string, number>> => {
    return { ct6: maps.ct6Global.map.count, any6: maps.ctAny6Global.map.count, nat6: maps.snatV6External.map.count };
  };

  it.each([
    ["pod → pod, same node", "from: { workload: shop/web }, to: pods shop/cart", "localBackends: 1", {}, { ct6: 2, any6: 2, nat6: 0 }],
    ["pod → pod, other node: source", "from: { workload: shop/web }, to: pods shop/cart", "backends: 1", {}, { ct6: 1, any6: 1, nat6: 0 }],
    ["pod → pod, other node: destination", "from: { remote: shop/web }, to: pods shop/cart", "localBackends: 1", {}, { ct6: 1, any6: 1, nat6: 0 }],
    ["pod → ClusterIP, socket LB", "from: { workload: shop/web }, to: shop/cart", "backends: 1", {}, { ct6: 1, any6: 1, nat6: 0 }],
    ["pod → ClusterIP, per-packet LB", "from: { workload: shop/web }, to: shop/cart", "backends: 1", SOCKET_LB_OFF, { ct6: 2, any6: 1, nat6: 0 }],
    ["pod → itself by ClusterIP", "from: { workload: shop/cart }, to: shop/cart", "localBackends: 1", SOCKET_LB_OFF, { ct6: 3, any6: 2, nat6: 0 }],
    ["pod → world, masqueraded", 'from: { workload: shop/web }, to: "world 203.0.113.10:443"', "backends: 1", {}, { ct6: 1, any6: 1, nat6: 2 }],
    ["process of the node → world", 'from: { host: true }, to: "world 203.0.113.10:443"', "backends: 1", {}, { ct6: 1, any6: 0, nat6: 2 }],
    ["world → NodePort, SNAT, remote backend", WORLD, "type: NodePort, backends: 1", {}, { ct6: 2, any6: 0, nat6: 2 }],
    ["world → NodePort, local backend", WORLD, "type: NodePort, localBackends: 1", {}, { ct6: 3, any6: 1, nat6: 0 }],
    ["world → NodePort, XDP", WORLD, "type: NodePort, backends: 1", { "loadBalancer.acceleration": "native" }, { ct6: 2, any6: 0, nat6: 2 }],
    ["world → NodePort, SNAT, backend's node", `${WORLD}, entry: elsewhere`, "type: NodePort, localBackends: 1", {}, { ct6: 1, any6: 1, nat6: 0 }],
    ["world → NodePort, DSR, remote backend", WORLD, "type: NodePort, backends: 1", { "loadBalancer.mode": "dsr" }, { ct6: 1, any6: 0, nat6: 0 }],
    [
      "world → NodePort, DSR, backend's node", `${WORLD}, entry: elsewhere`, "type: NodePort, localBackends: 1",
      { "loadBalancer.mode": "dsr" }, { ct6: 2, any6: 1, nat6: 1 },
    ],
    ["pod → pod through a tunnel", "from: { workload: shop/web }, to: pods shop/cart", "backends: 1", { routingMode: "tunnel" }, { ct6: 1, any6: 1, nat6: 0 }],
    ["pod from a tunnel", "from: { remote: shop/web }, to: pods shop/cart", "localBackends: 1", { routingMode: "tunnel" }, { ct6: 1, any6: 1, nat6: 0 }],
  ] as const)("%s: as many entries as IPv4, in maps of its own", (_name, workload, services, helm, expected) => {
    const world = one(v6(workload), services, { ...dual, ...helm });
    expect(entries6(world)).toEqual(expected);
    // The outside of a tunnel is IPv4, and known by its mark.
    expect(entries(world)).toEqual({ ct4: 0, any4: 0, nat: 0 });
  });

  it("a refused insert is counted for the family's own map", () => {
    const { node, recorder } = during(
      `maps: { ct6_global: { type: hash, maxEntries: 2 } }
services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, family: IPv6, arrivals: { constant: 5/s }, connection: { hold: 1h } }]
`,
      dual,
    );
    expect(recorder.drops.kinds().map(({ code }) => code)).toEqual([155]);
    const refused = new Map(node.watch.results().map(({ name, insertsRefused }) => [name, insertsRefused]));
    expect([refused.get("ct6_global")! > 5, refused.get("ct_any6_global"), refused.get("ct4_global")]).toEqual([true, 0, 0]);
  });

  it("policies that name the world mean it in both families", () => {
    const sections = (family: string): string => `policies:
  - { endpoints: shop/web, egress: deny, allow: [{ direction: egress, to: world, port: 443 }] }
workloads: [{ name: w, from: { workload: shop/web }, to: "world 203.0.113.10:443", family: ${family}, arrivals: { constant: 5/s } }]
`;
    for (const family of ["IPv4", "IPv6"]) expect(during(sections(family), dual).recorder.connectionsEstablished).toBeGreaterThan(10);
  });

  it("datagrams go to the map of other protocols", () => {
    const { node, recorder } = during(
      `services: [{ name: shop/dns, port: 53, protocol: UDP, backends: 1 }]
workloads: [{ name: w, from: { workload: shop/web }, to: shop/dns, family: IPv6, arrivals: { constant: 5/s }, query: {} }]
`,
      dual,
    );
    expect(recorder.counts.queriesAnswered).toBeGreaterThan(10);
    expect(node.maps.ctAny6Global.map.count).toBeGreaterThan(10);
  });
});

describe("the probed clock", () => {
  const workload = "workloads: [{ name: w, from: { workload: shop/web }, to: shop/dns, arrivals: { constant: 5/s, first: 0s, every: 1h, for: 1s }, query: {} }]";
  const sections = `services: [{ name: shop/dns, port: 53, protocol: UDP, backends: 1 }]\n${workload}\n`;
  /** Entries of datagrams after so many seconds, collected every 5 s. */
  const left = (at: number, helm: Readonly<Record<string, string>>): number => {
    const { simulation, node } = nodeWorld(sections, { conntrackGCInterval: "5s", ...helm });
    simulation.run(seconds(at));
    return node.maps.ctAny4Global.map.count;
  };

  it("counts every 256th jiffy, in which a minute is a minute all the same", () => {
    for (const bpfClockProbe of ["true", "false"]) {
      expect(left(55, { bpfClockProbe })).toBeGreaterThan(4);
      expect(left(70, { bpfClockProbe })).toBe(0);
    }
    const { simulation, node } = nodeWorld(sections, { bpfClockProbe: "true" });
    simulation.run(seconds(3));
    // Ten days and some seconds of 250 jiffies each.
    const ct = node.maps.ctAny4Global;
    const slots = Array.from({ length: ct.map.maxEntries }, (_, slot) => ct.lifetime(slot)).filter((lifetime) => lifetime !== 0);
    const lowest = Math.floor((864_000 * 250) / 256);
    expect(Math.min(...slots.slice(0, 5))).toBeGreaterThanOrEqual(lowest + Math.floor((60 * 250) / 256));
    expect(Math.max(...slots.slice(0, 5))).toBeLessThan(lowest + 70);
  });
});

it.each(["251", "65521"])("Maglev tables of %s slots", (tableSize) => {
  const helm = { "loadBalancer.algorithm": "maglev", "maglev.tableSize": tableSize };
  expect(entries(one(WORLD, "type: NodePort, backends: 2", helm))).toEqual({ ct4: 2, any4: 0, nat: 2 });
});
