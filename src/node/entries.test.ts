/** How many map entries each kind of connection takes: the table that sizes rest on, row by row. */
import { describe, expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const ONE = `arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms }`;
const SOCKET_LB_OFF = { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" };

interface Row {
  readonly ct4: number;
  readonly any4: number;
  readonly nat: number;
  readonly helm?: Readonly<Record<string, string>>;
  readonly services?: string;
  readonly workload: string;
}

const service = (fields: string): string => `services: [{ name: shop/cart, port: 80, ${fields} }]`;
const pod = "from: { workload: shop/web }, to: shop/cart";
const world = "from: { world: 198.51.100.0/24 }, to: shop/cart";

/** One connection, SYN to data; `any4` counts the RELATED entries. */
const ROWS: Readonly<Record<string, Row>> = {
  "pod → pod, same node": { ct4: 2, any4: 2, nat: 0, services: service("localBackends: 1"), workload: "from: { workload: shop/web }, to: pods shop/cart" },
  "pod → pod, other node: source": { ct4: 1, any4: 1, nat: 0, services: service("backends: 1"), workload: "from: { workload: shop/web }, to: pods shop/cart" },
  "pod → pod, other node: destination": { ct4: 1, any4: 1, nat: 0, services: service("localBackends: 1"), workload: "from: { remote: shop/web }, to: pods shop/cart" },
  "pod → ClusterIP, socket LB, other node": { ct4: 1, any4: 1, nat: 0, services: service("backends: 1"), workload: pod },
  "pod → ClusterIP, per-packet LB, same node": { ct4: 3, any4: 2, nat: 0, helm: SOCKET_LB_OFF, services: service("localBackends: 1"), workload: pod },
  "pod → ClusterIP, per-packet LB, other node": { ct4: 2, any4: 1, nat: 0, helm: SOCKET_LB_OFF, services: service("backends: 1"), workload: pod },
  "pod → itself by ClusterIP": { ct4: 3, any4: 2, nat: 0, helm: SOCKET_LB_OFF, services: service("localBackends: 1"), workload: "from: { workload: shop/cart }, to: shop/cart" },
  "pod → world, masqueraded": { ct4: 1, any4: 1, nat: 2, workload: 'from: { workload: shop/web }, to: "world 203.0.113.10:443"' },
  "process of the node → world": { ct4: 1, any4: 0, nat: 2, workload: 'from: { host: true }, to: "world 203.0.113.10:443"' },
  "world → NodePort, SNAT, remote backend": { ct4: 2, any4: 0, nat: 2, services: service("type: NodePort, backends: 1"), workload: world },
  "world → load balancer, SNAT, remote backend": { ct4: 2, any4: 0, nat: 2, services: service("type: LoadBalancer, backends: 1"), workload: world },
  "world → NodePort, SNAT, backend's node": { ct4: 1, any4: 1, nat: 0, services: service("type: NodePort, localBackends: 1"), workload: `${world}, entry: elsewhere` },
  "world → NodePort, local backend": { ct4: 3, any4: 1, nat: 0, services: service("type: NodePort, localBackends: 1"), workload: world },
  "world → NodePort, DSR, remote backend": { ct4: 1, any4: 0, nat: 0, helm: { "loadBalancer.mode": "dsr" }, services: service("type: NodePort, backends: 1"), workload: world },
  "world → NodePort, DSR, backend's node": { ct4: 2, any4: 1, nat: 1, helm: { "loadBalancer.mode": "dsr" }, services: service("type: NodePort, localBackends: 1"), workload: `${world}, entry: elsewhere` },
};

describe("entries per TCP connection", () => {
  for (const [name, { ct4, any4, nat, helm, services, workload }] of Object.entries(ROWS)) {
    const acceleration = name.startsWith("world") ? ["disabled", "native"] : ["disabled"];
    it.each(acceleration)(`${name} (XDP %s)`, (mode) => {
      const sections = `${services ?? ""}\nworkloads:\n  - { name: w, ${workload}, ${ONE}, connection: { hold: 1h } }\n`;
      const { node, simulation, recorder } = nodeWorld(sections, { ...helm, "loadBalancer.acceleration": mode });
      simulation.run(seconds(5));
      expect(recorder.drops.kinds()).toEqual([]);
      expect(recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsEstablished: 1, strayResets: 0 });
      expect(recorder.requestLatency.all().count, "the answer came back").toBe(1);
      const { maps } = node;
      expect({ ct4: maps.ct4Global.map.count, any4: maps.ctAny4Global.map.count, nat: maps.snatV4External.map.count }).toEqual({ ct4, any4, nat });
    });
  }
});

describe("entries per UDP exchange", () => {
  it.each([
    ["pod → ClusterIP, per-packet LB, other node", SOCKET_LB_OFF, "from: { workload: shop/web }, to: shop/dns", 3, 0],
    ["pod → world, masqueraded", {}, 'from: { workload: shop/web }, to: "world 203.0.113.10:53"', 2, 2],
  ])("%s", (_name, helm, workload, any4, nat) => {
    const services = "services: [{ name: shop/dns, port: 53, protocol: UDP, backends: 1 }]";
    const { node, simulation, recorder } = nodeWorld(`${services}\nworkloads:\n  - { name: w, ${workload}, ${ONE}, query: {} }\n`, helm);
    simulation.run(seconds(5));
    expect(recorder.counts).toMatchObject({ queriesStarted: 1, querySockets: 1, queriesAnswered: 1, queriesRetried: 0 });
    expect({ any4: node.maps.ctAny4Global.map.count, nat: node.maps.snatV4External.map.count }).toEqual({ any4, nat });
  });
});
