/** Rules above layer 4 in whole runs: which entries the proxy's connections make, whom servers see, and what fails how. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const EGRESS = "policies: [{ endpoints: shop/web, egress: deny, allow: [{ to: PEER, port: 80, l7: http }] }]";
const INGRESS = "policies: [{ endpoints: shop/cart, ingress: deny, allow: [{ from: PEER, port: 80, l7: http }] }]";
const SOCKET_LB_OFF = { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" };

/** One connection with two requests, all of them answered. */
function one(policy: string, ends: string, services: string, helm: Readonly<Record<string, string>> = {}, profile?: string): NodeWorld {
  const shape = "arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms }, connection: { requests: 2, hold: 1h }";
  const text = `services: [{ name: shop/cart, port: 80, ${services} }]\n${policy}\nworkloads:\n  - { name: w, ${ends}, ${shape} }\n`;
  const world = nodeWorld(text, helm, profile);
  world.simulation.run(seconds(4));
  const { recorder } = world;
  expect(recorder.drops.kinds()).toEqual([]);
  expect(recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsEstablished: 1, connectionsBroken: 0, strayResets: 0 });
  expect(recorder.requestLatency.all().count, "both answers came back").toBe(2);
  return world;
}

function entries({ node: { maps } }: NodeWorld): Readonly<Record<string, number>> {
  return { ct4: maps.ct4Global.map.count, any4: maps.ctAny4Global.map.count, nat: maps.snatV4External.map.count };
}

const TO_SERVICE = "from: { workload: shop/web }, to: shop/cart";
const TO_WORLD = 'from: { workload: shop/web }, to: "world 203.0.113.10:80"';
const FROM_FAR = "from: { remote: shop/web }, to: pods shop/cart";

describe("entries of a connection that a policy sends through the proxy", () => {
  it.each<[string, string, string, string, Readonly<Record<string, string>>, Readonly<Record<string, number>>]>([
    // Under the pod's own address and port the proxy's connection has the pod's entry.
    ["egress, other node: source", EGRESS.replace("PEER", "shop/cart"), TO_SERVICE, "backends: 1", {}, { ct4: 1, any4: 1, nat: 0 }],
    ["egress, other node, per-packet LB", EGRESS.replace("PEER", "shop/cart"), TO_SERVICE, "backends: 1", SOCKET_LB_OFF, { ct4: 2, any4: 1, nat: 0 }],
    // OUT of the pod; IN of the node's connection to the server, each with its RELATED entry.
    ["egress, same node", EGRESS.replace("PEER", "shop/cart"), TO_SERVICE, "localBackends: 1", {}, { ct4: 2, any4: 2, nat: 0 }],
    ["egress, world", EGRESS.replace("PEER", "world"), TO_WORLD, "backends: 1", {}, { ct4: 1, any4: 1, nat: 2 }],
    ["ingress, other node: destination", INGRESS.replace("PEER", "shop/web"), FROM_FAR, "localBackends: 1", {}, { ct4: 1, any4: 1, nat: 0 }],
    // OUT and IN of the client; IN of the node's connection.
    ["ingress, same node", INGRESS.replace("PEER", "shop/web"), TO_SERVICE, "localBackends: 1", {}, { ct4: 3, any4: 3, nat: 0 }],
  ])("%s", (_name, policy, ends, services, helm, expected) => {
    expect(entries(one(policy, ends, services, helm))).toEqual(expected);
  });

  it("before 1.16 the proxy speaks to the world as the node: with a NAT pair and an entry of the node's", () => {
    const world = one(EGRESS.replace("PEER", "world"), TO_WORLD, "backends: 1", {}, '{ cilium: "1.15.5", kernel: "6.6" }');
    expect(entries(world)).toEqual({ ct4: 2, any4: 1, nat: 2 });
  });
});

describe("the proxy", () => {
  it("costs time for each request", () => {
    const p50 = (policy: string): number => one(policy, TO_SERVICE, "backends: 1").recorder.requestLatency.summaries()["all"]!.maxNs!;
    const more = p50(EGRESS.replace("PEER", "shop/cart")) - p50("");
    // 150 µs of work, and a handshake with the server a round trip away.
    expect(more).toBeGreaterThan(300e3);
    expect(more).toBeLessThan(700e3);
  });

  it("tries what fails again, three times with 2 s for a handshake, and then answers itself", () => {
    const text = `services: [{ name: shop/cart, port: 80, backends: 1 }]
${EGRESS.replace("PEER", "shop/cart")}
timeline: [{ at: 0s, link: { loss: 100%, for: 1h } }]
workloads: [{ name: w, ${TO_SERVICE}, arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms } }]
`;
    const { recorder, simulation } = nodeWorld(text);
    simulation.run(seconds(9.5));
    expect(recorder.requestLatency.all().count).toBe(0);
    simulation.run(seconds(10.1));
    expect(recorder.requestLatency.all().count).toBe(1);
    expect(recorder.counts).toMatchObject({ connectionsEstablished: 1, connectionsBroken: 0 });
  });

  it("uses a connection to a server of its own node for the requests of many clients", () => {
    const text = `services: [{ name: shop/cart, port: 80, localBackends: 1 }]
${EGRESS.replace("PEER", "shop/cart")}
workloads: [{ name: w, ${TO_SERVICE}, arrivals: { constant: 10/s, first: 0s, every: 1h, for: 2s } }]
`;
    const { recorder, simulation, node } = nodeWorld(text);
    simulation.run(seconds(2.2));
    // 19 OUT entries of the pod, one IN entry of the proxy's connection.
    expect(recorder.requestLatency.all().count).toBe(19);
    expect(node.maps.ct4Global.map.count).toBe(20);
    simulation.run(seconds(8));
    expect(node.node.peers.open, "idle connections are closed within 5 s").toBe(0);
  });

  it("is in the way of both policies: the server's asks for it too", () => {
    const both = `policies:
  - { endpoints: shop/web, egress: deny, allow: [{ to: shop/cart, port: 80, l7: http }] }
  - { endpoints: shop/cart, ingress: deny, allow: [{ from: shop/web, port: 80, l7: http }] }`;
    const world = one(both, TO_SERVICE, "localBackends: 1");
    // OUT of the pod; IN of the first passage's connection, whose address and port the second one keeps.
    expect(entries(world)).toEqual({ ct4: 2, any4: 2, nat: 0 });
    const once = one(both.split("\n").slice(0, 2).join("\n"), TO_SERVICE, "localBackends: 1");
    const fastest = ({ recorder }: NodeWorld): number => recorder.requestLatency.summaries()["all"]!.p50Ns!;
    expect(fastest(world) - fastest(once)).toBeGreaterThan(140e3);
  });
});

describe("questions that a policy sends through the DNS proxy", () => {
  const RULE = (peer: string): string => `policies: [{ endpoints: shop/web, egress: deny, allow: [{ to: ${peer}, port: 53, protocol: UDP, l7: dns }] }]`;
  const ASK = "arrivals: { constant: 1/s, first: 1s, every: 1000s, for: 1500ms }, query: { dns: { ndots: 1 }, serverTime: 0s }";
  const lookup = (policy: string, to: string, backends: string, more: string, helm: Readonly<Record<string, string>> = {}, profile?: string): NodeWorld => {
    const services = `services: [{ name: kube-system/dns, port: 53, protocol: UDP, ${backends} }]`;
    const world = nodeWorld(`${services}\n${policy}\n${more}\nworkloads:\n  - { name: w, from: { workload: shop/web }, to: ${to}, ${ASK} }\n`, helm, profile);
    world.simulation.run(seconds(20));
    return world;
  };
  const OLD = '{ cilium: "1.14.5", kernel: "6.6" }';

  it.each<[string, string, string, string, Readonly<Record<string, number>>, string | undefined]>([
    // OUT and RELATED of the pod serve the proxy's socket too, which has the pod's address and port.
    ["to another node", "kube-system/dns", "kube-system/dns", "backends: 1", { ct4: 0, any4: 2, nat: 0 }, undefined],
    ["to a pod of the node", "kube-system/dns", "kube-system/dns", "localBackends: 1", { ct4: 0, any4: 4, nat: 0 }, undefined],
    // Towards the world, and before 1.15 always, the proxy's socket is the node's: OUT of the node, and a NAT pair.
    ["to the world", "world", "world 203.0.113.10:53", "backends: 1", { ct4: 0, any4: 3, nat: 2 }, undefined],
    ["to another node, before the transparent mode", "kube-system/dns", "kube-system/dns", "backends: 1", { ct4: 0, any4: 3, nat: 2 }, OLD],
  ])("%s", (_name, peer, to, backends, expected, profile) => {
    const world = lookup(RULE(peer), to, backends, "", {}, profile);
    expect(world.recorder.drops.kinds()).toEqual([]);
    expect(world.recorder.counts).toMatchObject({ queriesStarted: 1, queriesAnswered: 1, queriesRetried: 0 });
    expect(entries(world)).toEqual(expected);
  });

  it.each<Readonly<Record<string, string>>>([
    { routingMode: "tunnel" },
    { "encryption.enabled": "true", "encryption.type": "wireguard" },
    { "bpf.hostLegacyRouting": "true", "endpointRoutes.enabled": "true" },
    SOCKET_LB_OFF,
  ])("are answered with %o", (helm) => {
    for (const backends of ["backends: 1", "localBackends: 1"]) {
      const world = lookup(RULE("kube-system/dns"), "kube-system/dns", backends, "", helm);
      expect(world.recorder.drops.kinds()).toEqual([]);
      expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesRetried: 0 });
    }
  });

  it("cost time of the agent, and wait for one when there is none", () => {
    const waited = (world: NodeWorld): number => world.recorder.requestLatency.summaries()["all"]!.maxNs!;
    const plain = waited(lookup("", "kube-system/dns", "backends: 1", ""));
    expect(waited(lookup(RULE("kube-system/dns"), "kube-system/dns", "backends: 1", "")) - plain).toBeGreaterThan(190e3);
    const down = "timeline: [{ at: 1500ms, agent: { down: 2s } }]";
    const world = lookup(RULE("kube-system/dns"), "kube-system/dns", "backends: 1", down);
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesRetried: 1 });
    expect(waited(world)).toBeGreaterThan(seconds(5));
    expect(waited(lookup("", "kube-system/dns", "backends: 1", down)), "nobody else needs the agent").toBe(plain);
  });
});

it("requests are answered whatever else is switched on", () => {
  const flag = (key: string): fc.Arbitrary<Readonly<Record<string, string>>> => fc.constantFrom({}, { [key]: "true" });
  const routes = [{}, { routingMode: "tunnel" }, { "encryption.enabled": "true", "encryption.type": "wireguard" }] as const;
  const helms = fc
    .tuple(fc.constantFrom<Readonly<Record<string, string>>>(...routes), fc.constantFrom<Readonly<Record<string, string>>>({}, SOCKET_LB_OFF, { "loadBalancer.acceleration": "native" }),
      flag("bpf.hostLegacyRouting"), flag("endpointRoutes.enabled"), flag("hostFirewall.enabled"), flag("policyAuditMode"))
    .map((parts): Readonly<Record<string, string>> => Object.assign({ "ipv6.enabled": "true" }, ...parts) as Record<string, string>);
  const policies = fc.constantFrom(EGRESS.replace("PEER", "shop/cart"), INGRESS.replace("PEER", "shop/web"));
  const ends = fc.constantFrom(TO_SERVICE, "from: { workload: shop/web }, to: pods shop/cart", FROM_FAR);
  fc.assert(
    fc.property(helms, policies, ends, fc.constantFrom("IPv4", "IPv6"), (helm, policy, workload, family) => {
      const { simulation, recorder } = nodeWorld(
        `services: [{ name: shop/cart, port: 80, backends: 1, localBackends: 1 }]
${policy}
workloads:
  - { name: w, ${workload}, family: ${family}, arrivals: { constant: 5/s, first: 0s, every: 1h, for: 1s } }
  - { name: there, from: { workload: shop/web }, to: pods shop/cart, arrivals: { constant: 1/s, first: 0s, every: 1h, for: 1s } }
`,
        helm,
      );
      simulation.run(seconds(2.5));
      expect(recorder.drops.kinds()).toEqual([]);
      const { connectionsOpened, connectionsEstablished, connectionsBroken, strayResets } = recorder.counts;
      expect([connectionsEstablished, connectionsBroken, strayResets]).toEqual([connectionsOpened, 0, 0]);
      expect(recorder.requestLatency.all().count).toBe(connectionsOpened);
    }),
    { numRuns: 25 },
  );
});
