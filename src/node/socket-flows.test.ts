/** Flows of socket load balancing in whole runs: where they are asked for, of pods alone, before and after the translation. */
import { describe, expect, it } from "vitest";
import { seconds } from "../core/units.js";
import { nodeWorld } from "../../test/support/node-world.js";

const SCENE = `services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads:
  - { name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms } }
  - { name: h, from: { host: true }, to: shop/cart, arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms } }
`;

interface Shown {
  readonly Type: string;
  readonly [field: string]: unknown;
}

function flows(observe: string, helm: Readonly<Record<string, string>> = {}): { readonly all: readonly Shown[]; readonly seen: number } {
  let text = "";
  const world = nodeWorld(SCENE, helm, undefined, { observe, take: (more) => void (text += more) });
  world.simulation.run(seconds(4));
  world.node.flows.finish();
  return { all: text.split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { flow: Shown }).flow), seen: world.node.flows.seen() };
}

const ofSockets = ({ all }: ReturnType<typeof flows>): readonly Shown[] => all.filter(({ Type }) => Type === "SOCK");

describe("socket translations", () => {
  it("show the service before, the backend after, without ports of the client, replies or directions", () => {
    const [before, after, ...more] = ofSockets(flows("{ flows: all, sockets: true }"));
    expect(more, "processes of the node are no pods").toEqual([]);
    expect(before).toMatchObject({
      verdict: "TRACED",
      IP: { source: "10.244.0.10", destination: "10.96.0.10", ipVersion: "IPv4" },
      l4: { TCP: { destination_port: 80 } },
      source: { ID: 1, pod_name: "web-0" },
      destination: { identity: 2, labels: ["reserved:world"] },
      event_type: { type: 7, sub_type: 1 },
      destination_service: { name: "cart", namespace: "shop" },
      sock_xlate_point: "SOCK_XLATE_POINT_PRE_DIRECTION_FWD",
      Summary: "TCP",
    });
    expect(after).toMatchObject({ verdict: "TRANSLATED", destination: { pod_name: "cart-0" }, sock_xlate_point: "SOCK_XLATE_POINT_POST_DIRECTION_FWD" });
    expect(after!["socket_cookie"]).toBe(before!["socket_cookie"]);
    for (const key of ["is_reply", "traffic_direction", "trace_observation_point"]) expect(before).not.toHaveProperty(key);
  });

  it("pass Hubble's buffers like other events", () => {
    expect(ofSockets(flows("{ flows: all, sockets: true, hubble: {} }")).map(({ verdict }) => verdict)).toEqual(["TRACED", "TRANSLATED"]);
  });

  it("are no flows unless asked for, nor where sockets are not translated; drops alone leave them out", () => {
    const without = flows("{ flows: all }");
    expect(ofSockets(without)).toEqual([]);
    expect(flows("{ flows: all, sockets: true }").seen).toBe(without.seen + 2);
    expect(ofSockets(flows("{ flows: all, sockets: true }", { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" }))).toEqual([]);
    expect(flows("{ flows: dropped, sockets: true }").all).toEqual([]);
  });
});
