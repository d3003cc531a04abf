/** ICMP, SCTP and fragments in whole runs: which entries they make, what gets lost, and what their senders hear. */
import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const ONCE = "arrivals: { constant: 1/s, first: 1s, every: 1000s, for: 1500ms }";

/** One exchange of a workload. */
function one(ends: string, query: string, sections: string, helm: Readonly<Record<string, string>> = {}): NodeWorld {
  const world = nodeWorld(`${sections}\nworkloads:\n  - { name: w, ${ends}, ${ONCE}, query: ${query} }\n`, helm);
  world.simulation.run(seconds(30));
  return world;
}

function entries({ node: { maps } }: NodeWorld): Readonly<Record<string, number>> {
  return { ct4: maps.ct4Global.map.count, any4: maps.ctAny4Global.map.count, nat: maps.snatV4External.map.count };
}

function drops({ recorder }: NodeWorld): readonly number[] {
  return recorder.drops.kinds().map(({ code }) => code);
}

const CART = (more: string): string => `services: [{ name: shop/cart, port: 80, ${more} }]`;

describe("ping", () => {
  it.each<[string, string, string, Readonly<Record<string, number>>]>([
    // Entries of the echo by its identifier, and the RELATED ones of the pair of addresses.
    ["pod → pod, same node", "from: { workload: shop/web }, to: pods shop/cart", "localBackends: 1", { ct4: 0, any4: 4, nat: 0 }],
    ["pod → pod, other node: source", "from: { workload: shop/web }, to: pods shop/cart", "backends: 1", { ct4: 0, any4: 2, nat: 0 }],
    ["pod → pod, other node: destination", "from: { remote: shop/web }, to: pods shop/cart", "localBackends: 1", { ct4: 0, any4: 2, nat: 0 }],
    ["pod → world, BPF masquerade by identifier", "from: { workload: shop/web }, to: world 203.0.113.10", "backends: 1", { ct4: 0, any4: 2, nat: 2 }],
  ])("%s", (_name, ends, backends, expected) => {
    const world = one(ends, "{ protocol: ICMP, requestBytes: 56 }", CART(backends));
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesRetried: 0, queriesFailed: 0 });
    expect(drops(world)).toEqual([]);
    expect(entries(world)).toEqual(expected);
  });

  it.each(["IPv4", "IPv6"])("of %s is denied by default and allowed by a rule for echoes", (family) => {
    const policy = (allow: string): string => `policies: [{ endpoints: shop/web, egress: deny, allow: [${allow}] }]`;
    const ends = `from: { workload: shop/web }, to: pods shop/cart, family: ${family}`;
    const query = "{ protocol: ICMP, timeout: 1s, attempts: 1 }";
    const run = (allow: string): NodeWorld => one(ends, query, `${CART("backends: 1")}\n${policy(allow)}`, { "ipv6.enabled": "true" });
    expect(drops(run("{ to: shop/cart, port: 80 }"))).toEqual([133]);
    expect(run("{ to: shop/cart, protocol: ICMP }").recorder.counts).toMatchObject({ queriesAnswered: 1 });
  });
});

describe("SCTP", () => {
  const SCTP = { "sctp.enabled": "true" };
  const QUERY = "{ protocol: SCTP }";
  const service = (more: string): string => CART(`protocol: SCTP, ${more}`);

  it("reaches a service by per-packet load balancing, whatever sockets do", () => {
    const world = one("from: { workload: shop/web }, to: shop/cart", QUERY, service("backends: 2"), SCTP);
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesFailed: 0 });
    // SERVICE, OUT and RELATED; of TCP's map nothing.
    expect(entries(world)).toEqual({ ct4: 0, any4: 3, nat: 0 });
    // INIT, COOKIE ECHO with DATA, SACK, SHUTDOWN, SHUTDOWN COMPLETE; INIT ACK, COOKIE ACK, DATA, SHUTDOWN ACK.
    expect(world.recorder.packets).toBe(9);
  });

  it("is no protocol for a datapath without it", () => {
    const world = one("from: { workload: shop/web }, to: world 203.0.113.10:99", QUERY, CART("backends: 1"));
    expect(drops(world)).toEqual([137]);
  });

  it("sends INIT again after 3 s and 6 s", () => {
    const lost = "timeline: [{ at: 0s, link: { loss: 100%, for: 8s } }]";
    const world = one("from: { workload: shop/web }, to: pods shop/cart", QUERY, `${service("backends: 1")}\n${lost}`, SCTP);
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesFailed: 0 });
    const latency = world.recorder.requestLatency.summaries()["all"]!.maxNs!;
    expect(latency).toBeGreaterThan(seconds(9));
    expect(latency).toBeLessThan(seconds(9.1));
  });

  it("needs its port on the way to the world: what another pod has taken gets another port, and is dropped (154)", () => {
    const two = [1, 2].map((n) => `  - { name: w${n}, from: { workload: shop/web${n}, pods: 60 }, to: world 203.0.113.10:99, arrivals: { constant: 500/s }, query: ${QUERY} }\n`);
    const world = nodeWorld(`workloads:\n${two.join("")}`, SCTP);
    world.simulation.run(seconds(4));
    expect(drops(world)).toEqual([154]);
    expect(world.recorder.counts.queriesAnswered).toBeGreaterThan(2000);
  });
});

describe("datagrams in fragments", () => {
  const QUERY = "{ requestBytes: 4000, responseBytes: 3000, timeout: 2s, attempts: 1 }";
  const DNS = "services: [{ name: kube-system/dns, port: 53, protocol: UDP, BACKENDS }]";
  const TO = "from: { workload: shop/web }, to: kube-system/dns";

  it.each([
    ["to another node", "backends: 1", {}],
    ["to a pod of the node", "localBackends: 1", {}],
    ["through a tunnel", "backends: 1", { routingMode: "tunnel" }],
    ["with per-packet load balancing", "backends: 1", { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" }],
  ] as const)("%s pass, known by their identification", (_name, backends, helm) => {
    const world = one(TO, QUERY, DNS.replace("BACKENDS", backends), helm);
    expect(drops(world)).toEqual([]);
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1, queriesFailed: 0 });
    // Three fragments with 1480 bytes each at most, and three for the answer.
    expect(world.recorder.packets).toBe(6);
    expect(world.node.maps.family(1).fragments.map.count).toBeGreaterThanOrEqual(1);
  });

  it("are translated towards the world like their first one", () => {
    const world = one("from: { workload: shop/web }, to: world 203.0.113.10:53", QUERY, DNS.replace("BACKENDS", "backends: 1"));
    expect(drops(world)).toEqual([]);
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 1 });
    expect(entries(world)["nat"]).toBe(2);
  });

  it("are dropped without the first one (175), and with tracking off altogether (157)", () => {
    const far = "from: { remote: shop/web }, to: pods kube-system/dns";
    const sections = `${DNS.replace("BACKENDS", "localBackends: 1")}\ntimeline: [{ at: 0s, link: { loss: 40%, for: 1h } }]`;
    const lossy = nodeWorld(`${sections}\nworkloads:\n  - { name: w, ${far}, arrivals: { constant: 50/s }, query: ${QUERY} }\n`);
    lossy.simulation.run(seconds(10));
    expect(drops(lossy)).toEqual([175]);
    const off = one(TO, QUERY, DNS.replace("BACKENDS", "backends: 1"), { fragmentTracking: "false" });
    expect(drops(off)).toEqual([157]);
    expect(off.recorder.counts).toMatchObject({ queriesFailed: 1 });
  });
});

describe("a pod whose process has crashed", () => {
  const crashed = (protocol: string, backends: string): string => `services: [{ name: shop/cart, port: 80, protocol: ${protocol}, ${backends} }]
timeline: [{ at: 500ms, backends: { service: shop/cart, remove: 1, how: crashes, lag: 1h } }]`;
  const ENDS = "from: { workload: shop/web }, to: shop/cart";
  const QUERY = "{ timeout: 5s, attempts: 1 }";

  it("says so to the sender of a datagram by ICMP, by way of its RELATED entry", () => {
    const world = one(ENDS, QUERY, crashed("UDP", "backends: 1"));
    expect(world.recorder.counts).toMatchObject({ queriesAnswered: 0, queriesFailed: 1 });
    expect(drops(world)).toEqual([]);
    // The datagram and the error; both have entries of the pod's already.
    expect(world.recorder.packets).toBe(2);
    expect(entries(world)).toEqual({ ct4: 0, any4: 2, nat: 0 });
    const early = nodeWorld(`${crashed("UDP", "backends: 1")}\nworkloads:\n  - { name: w, ${ENDS}, ${ONCE}, query: ${QUERY} }\n`);
    early.simulation.run(seconds(2.01));
    expect(early.recorder.counts.queriesFailed, "at once, not after the time-out").toBe(1);
  });

  it("tells a sender behind per-packet load balancing nothing: the error is about another address than it asked", () => {
    const world = nodeWorld(
      `${crashed("UDP", "backends: 1")}\nworkloads:\n  - { name: w, ${ENDS}, ${ONCE}, query: ${QUERY} }\n`,
      { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" },
    );
    world.simulation.run(seconds(6));
    expect(world.recorder.counts.queriesFailed).toBe(0);
    world.simulation.run(seconds(7.1));
    expect(world.recorder.counts.queriesFailed).toBe(1);
  });

  it("sends six errors at once to one peer, and then one a second", () => {
    const world = nodeWorld(`${crashed("UDP", "backends: 1")}\nworkloads:\n  - { name: w, ${ENDS}, arrivals: { constant: 100/s, first: 1s, every: 1h, for: 1h }, query: ${QUERY} }\n`);
    world.simulation.run(seconds(4.005));
    // Of 300 in 3 s: 6, and one for each whole second since the first at 1.01 s.
    expect(world.recorder.counts.queriesFailed).toBe(8);
  });

  it("refuses connections of TCP", () => {
    const text = `${crashed("TCP", "backends: 1")}\nworkloads:\n  - { name: w, ${ENDS}, ${ONCE} }\n`;
    const world = nodeWorld(text);
    world.simulation.run(seconds(2.1));
    expect(world.recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsFailed: 1 });
  });
});
