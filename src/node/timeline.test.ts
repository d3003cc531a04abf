import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { IPV4_WORDS } from "../cilium/maps/address.js";
import { seconds } from "../core/units.js";

const SOCKET_LB_OFF = { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" };
const POOL = "connections: 40, request: { every: 200ms }";
const STEADY = "arrivals: { constant: 20/s }";

function world(timeline: string, work: string, helm: Readonly<Record<string, string>> = {}, backends = 2): NodeWorld {
  return nodeWorld(
    `services: [{ name: shop/cart, port: 80, backends: ${backends} }]
workloads:
  - { name: w, from: { workload: shop/web, pods: 4 }, to: shop/cart, ${work} }
timeline:
  - ${timeline}
`,
    helm,
  );
}

describe("backends", () => {
  it("that stop reset their connections, and new ones go elsewhere once the agent knows", () => {
    const { simulation, recorder, node } = world("{ at: 3s, backends: { service: shop/cart, remove: 1, lag: 2s } }", STEADY);
    simulation.run(seconds(3));
    expect(recorder.counts.connectionsFailed).toBe(0);
    simulation.run(seconds(5));
    // For two seconds half of the connections go to an address that nobody has: their SYNs get no answer.
    const pending = recorder.connectionsOpened - recorder.connectionsEstablished;
    expect(pending).toBeGreaterThan(8);
    expect(pending).toBeLessThan(32);
    const { backends } = node.maps.family(IPV4_WORDS);
    expect(backends.map.count).toBe(1);
    simulation.run(seconds(9));
    expect(recorder.connectionsOpened - recorder.connectionsEstablished).toBe(pending);
  });

  it("that are terminating keep their connections and get no new ones", () => {
    const { simulation, recorder, node } = world("{ at: 3s, backends: { service: shop/cart, remove: 1, grace: 4s } }", POOL);
    simulation.run(seconds(6));
    expect(recorder.counts).toMatchObject({ connectionsEstablished: 40, connectionsBroken: 0 });
    expect(node.maps.family(IPV4_WORDS).backends.map.count).toBe(2);
    simulation.run(seconds(9));
    expect(recorder.counts.connectionsBroken).toBeGreaterThan(10);
    expect(recorder.counts.connectionsBroken).toBeLessThan(30);
    expect(node.maps.family(IPV4_WORDS).backends.map.count).toBe(1);
  });

  it("that are forgotten while they live lose their connections to another, which resets them (per-packet LB)", () => {
    const event = "{ at: 3s, backends: { service: shop/cart, remove: 1, add: 1, how: vanishes } }";
    const { simulation, recorder } = world(event, POOL, SOCKET_LB_OFF);
    simulation.run(seconds(9));
    expect(recorder.counts.strayResets).toBeGreaterThan(10);
    expect(recorder.counts.connectionsBroken).toBe(recorder.counts.strayResets);
  });

  it("that come get new connections", () => {
    const { simulation, recorder, node } = world("{ at: 1s, every: 1s, times: 3, backends: { service: shop/cart, add: 1 } }", STEADY, {}, 0);
    simulation.run(seconds(9));
    expect(node.maps.family(IPV4_WORDS).backends.map.count).toBe(3);
    expect(recorder.counts.connectionsFailed).toBeGreaterThan(15);
    expect(recorder.counts.connectionsFailed).toBeLessThan(25);
  });
});

describe("the agent", () => {
  it("collects nothing while it is down, and begins with a pass when it is back", () => {
    const { simulation, node } = world("{ at: 2s, agent: { down: 3s } }", STEADY);
    simulation.run(seconds(4.9));
    expect(node.collector.runs.map(({ cause }) => cause)).toEqual(["start"]);
    simulation.run(seconds(6));
    expect(node.collector.runs.map(({ cause }) => cause)).toEqual(["start", "start"]);
    expect(node.collector.runs[1]!.startNs).toBe(seconds(5));
  });

  it("makes a map anew whose size has changed: all entries are lost, and connections go on", () => {
    const { simulation, recorder, node } = world("{ at: 4s, agent: { down: 1s, resize: { ct4_global: 4096 } } }", POOL);
    simulation.run(seconds(4.9));
    expect(node.maps.ct4Global.map.count).toBe(40);
    simulation.run(seconds(5));
    expect(node.maps.ct4Global.map).toMatchObject({ count: 0, maxEntries: 4096 });
    simulation.run(seconds(9));
    expect(node.maps.ct4Global.map.count).toBe(40);
    expect(recorder.counts.connectionsBroken).toBe(0);
    expect(node.watch.results().find(({ name }) => name === "ct4_global")).toMatchObject({ maxEntries: 4096, entriesMax: 0 });
  });
});

describe("policy, link, CPU, clients", () => {
  it("a new policy stops established connections too", () => {
    const { simulation, recorder } = world("{ at: 3s, policy: { endpoints: shop/web, egress: deny } }", POOL);
    simulation.run(seconds(3));
    expect(recorder.drops.total).toBe(0);
    simulation.run(seconds(6));
    expect(recorder.drops.kinds().map(({ code }) => code)).toEqual([133]);
  });

  it("a bad link loses and delays packets while it lasts", () => {
    const { simulation, recorder } = world("{ at: 2s, link: { loss: 20%, delay: 20ms, for: 2s } }", STEADY);
    simulation.run(seconds(2));
    expect(recorder.synRetransmitted).toBe(0);
    expect(recorder.synLatency.all().max).toBeLessThan(1e6);
    simulation.run(seconds(4));
    expect(recorder.synRetransmitted).toBeGreaterThan(0);
    expect(recorder.synLatency.all().quantile(0.9)).toBeGreaterThan(40e6);
    const sent = recorder.synRetransmitted;
    simulation.run(seconds(6));
    // What was lost last is still sent again, with growing pauses.
    const after = recorder.synRetransmitted - sent;
    simulation.run(seconds(10));
    expect(recorder.synRetransmitted - sent - after).toBeLessThan(after);
  });

  it("stolen CPU time makes packets' work longer while it lasts", () => {
    const { simulation, recorder } = world("{ at: 2s, cpu: { share: 90%, for: 2s } }", STEADY);
    simulation.run(seconds(2));
    const total = (): number => recorder.hooks.from_container.mean * recorder.hooks.from_container.count;
    const first = total();
    simulation.run(seconds(4));
    expect(total() - first).toBeGreaterThan(4 * first);
  });

  it("replaced clients lose their connections and their entries", () => {
    const { simulation, recorder, node } = world("{ at: 3s, pods: { workload: shop/web, replace: 4 } }", `${STEADY}, connection: { hold: 1h }`);
    simulation.run(seconds(2.99));
    const before = node.maps.ct4Global.map.count;
    expect(before).toBeGreaterThan(50);
    simulation.run(seconds(4));
    expect(node.maps.ct4Global.map.count).toBeLessThan(before / 2);
    expect(recorder.counts.connectionsFailed).toBe(0);
  });
});

describe("the collector's clock", () => {
  const run = (gc: string): NodeWorld => {
    const made = nodeWorld(
      `services: [{ name: shop/cart, port: 80, backends: 1 }]
timeline: [${gc}]
workloads:
  - { name: idle, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 20/s, first: 0s, every: 1h, for: 5s }, connection: { hold: 1h } }
`,
      { conntrackGCInterval: "30s" },
    );
    made.simulation.run(seconds(70));
    return made;
  };
  const entries = ({ node: { maps } }: NodeWorld): readonly number[] => [maps.ct4Global.map.count, maps.ctAny4Global.map.count];

  it("that runs ahead deletes live entries, one that stays behind keeps expired ones", () => {
    // 99 idle connections; their RELATED entry lives for a minute.
    const [open, related] = entries(run("")) as [number, number];
    expect([open, related]).toEqual([99, 1]);
    expect(entries(run("{ at: 5s, gc: { ahead: 3h, for: 30s } }"))).toEqual([0, 0]);
    const behind = run("{ at: 5s, gc: { behind: 3h, for: 1h } }");
    expect(entries(behind)).toEqual([99, 1]);
    const right = run("");
    for (const world of [right, behind]) world.simulation.run(seconds(130));
    expect(entries(right)).toEqual([99, 0]);
    expect(entries(behind)).toEqual([99, 1]);
  });

  it("is right again afterwards", () => {
    expect(entries(run("{ at: 5s, gc: { ahead: 3h, for: 5s } }"))[0], "no pass came in between").toBe(99);
  });
});

it("a new pod resets what is still said to the old one at its address", () => {
  const text = (event: string): string => `services: [{ name: shop/cart, port: 80, backends: 1 }]
timeline: [${event}]
workloads:
  - name: w
    from: { workload: shop/web }
    to: shop/cart
    arrivals: { constant: 1/s, first: 1s, every: 1h, for: 1500ms }
    connection: { serverTime: 2s, hold: 1h }
`;
  const left = nodeWorld(text(""));
  left.simulation.run(seconds(4.5));
  expect(left.node.node.peers.open).toBe(1);
  const replaced = nodeWorld(text("{ at: 3s, pods: { workload: shop/web } }"));
  replaced.simulation.run(seconds(3.9));
  expect(replaced.node.node.peers.open, "the server works on, and knows of nothing").toBe(1);
  replaced.simulation.run(seconds(4.5));
  expect(replaced.node.node.peers.open, "its answer has met the new pod").toBe(0);
});

describe("floods", () => {
  const flood = (more: string): NodeWorld =>
    nodeWorld(`services: [{ name: shop/cart, port: 80, type: NodePort, localBackends: 1 }]
workloads:
  - { name: w, from: { world: 203.0.113.0/24, clients: 9 }, to: shop/cart, ${STEADY} }
  - { name: f, from: { world: 198.51.100.0/24, clients: 256 }, to: shop/cart, arrivals: { poisson: 2000/s, every: 100s, first: 1s, for: 2s }, flood: syn }
${more}`);

  it("fill conntrack with half-open entries, and cookies keep the listener going", () => {
    const { simulation, recorder, node } = flood("");
    simulation.run(seconds(5));
    expect(recorder.synsSpoofed).toBeGreaterThan(3500);
    // SERVICE, OUT(node_port) and IN for each.
    expect(node.maps.ct4Global.map.count).toBeGreaterThan(3 * 3500);
    expect(recorder.connectionsOpened - recorder.connectionsEstablished).toBeLessThan(2);
  });

  it("end at a prefilter without a trace in conntrack", () => {
    const { simulation, recorder, node } = flood("prefilter: [198.51.100.0/24]\n");
    simulation.run(seconds(5));
    expect(recorder.packetsPrefiltered).toBe(recorder.synsSpoofed);
    expect(node.maps.ct4Global.map.count).toBeLessThan(400);
  });
});

describe("closed loops and retries", () => {
  it("keep the same number of clients busy", () => {
    const { simulation, recorder } = nodeWorld(`services: [{ name: shop/cart, port: 80, backends: 2 }]
workloads:
  - { name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { loop: { clients: 10, think: 100ms } }, connection: { serverTime: 0 } }
`);
    simulation.run(seconds(9));
    // Each client: 100 ms of thinking and a few round trips, for the eight seconds after the start.
    expect(recorder.connectionsOpened).toBeGreaterThan(10 * 70);
    expect(recorder.connectionsOpened).toBeLessThan(10 * 90);
  });

  it("an application that gives up after a second tries again", () => {
    const { simulation, recorder } = nodeWorld(`services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads:
  - name: w
    from: { workload: shop/web }
    to: shop/cart
    arrivals: { constant: 1/s, first: 1s, every: 1h, for: 1500ms }
    connection: { connectTimeout: 1s, retries: 2, retryAfter: 500ms }
timeline: [{ at: 500ms, backends: { service: shop/cart, remove: 1, lag: 1h, how: vanishes } }]
`);
    simulation.run(seconds(9));
    expect(recorder.counts).toMatchObject({ connectionsOpened: 3, connectionsFailed: 3, synSent: 3 });
  });
});
