import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

function world(workload: string, service = "backends: 2"): NodeWorld {
  return nodeWorld(
    `services: [{ name: shop/cart, port: 80, ${service} }]
workloads:
  - { name: w, ${workload} }
timeline:
  - { at: 3s, node: { down: 2s } }
`,
    {},
  );
}

const LOCAL = "from: { workload: shop/web, pods: 4 }, to: shop/cart";
const REMOTE = "from: { remote: shop/web, pods: 4 }, to: pods shop/cart";

describe("a node that restarts", () => {
  it("opens nothing while it is down, comes back with empty maps, and goes on", () => {
    const { simulation, recorder, node } = world(`${LOCAL}, arrivals: { constant: 20/s }, connection: { hold: 1s }`);
    simulation.run(seconds(3));
    expect(node.maps.ct4Global.map.count).toBeGreaterThan(50);
    const opened = recorder.connectionsOpened;
    simulation.run(seconds(4.99));
    expect(recorder.connectionsOpened).toBe(opened);
    simulation.run(seconds(5.02));
    expect(node.maps.ct4Global.map.count).toBeLessThan(5);
    simulation.run(seconds(9));
    expect(recorder.connectionsOpened - opened).toBeGreaterThanOrEqual(79);
    expect(recorder.connectionsOpened - opened).toBeLessThanOrEqual(81);
    expect(recorder.counts).toMatchObject({ connectionsFailed: 0, connectionsBroken: 0 });
    // One may have begun at the last moment.
    expect(recorder.connectionsOpened - recorder.connectionsEstablished).toBeLessThanOrEqual(1);
    expect(node.collector.runs.map(({ startNs }) => startNs)).toEqual([0, seconds(5)]);
  });

  it("opens its pools anew", () => {
    const { simulation, recorder } = world(`${LOCAL}, connections: 40, request: { every: 200ms }`);
    simulation.run(seconds(9));
    expect(recorder.counts).toMatchObject({ connectionsOpened: 80, connectionsEstablished: 80, connectionsFailed: 0 });
  });

  it("answers with resets what others still send on connections that it has forgotten", () => {
    const { simulation, recorder } = world(`${REMOTE}, connections: 40, request: { every: 200ms }`, "localBackends: 2");
    simulation.run(seconds(4.99));
    expect(recorder.counts).toMatchObject({ connectionsEstablished: 40, connectionsBroken: 0 });
    simulation.run(seconds(12));
    expect(recorder.counts.connectionsBroken).toBe(40);
    expect(recorder.counts.connectionsEstablished).toBe(80);
  });

  it("loses SYNs while it is down; they come again", () => {
    const { simulation, recorder } = world(`${REMOTE}, arrivals: { constant: 20/s }`, "localBackends: 2");
    simulation.run(seconds(9));
    expect(recorder.counts.connectionsFailed).toBe(0);
    expect(recorder.counts.synRetransmitted).toBeGreaterThan(40);
    const slow = recorder.synLatency.summaries()["all"]!;
    expect(slow.maxNs!).toBeGreaterThan(seconds(1));
    expect(slow.maxNs!).toBeLessThan(seconds(3.2));
  });
});
