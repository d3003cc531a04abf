/** Flows of socket load balancing in whole runs: as the release and its settings trace them, of pods alone, before and after the translation. */
import { describe, expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const SCENE = `services: [{ name: shop/cart, port: 80, backends: 1 }]
workloads:
  - { name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms } }
  - { name: h, from: { host: true }, to: shop/cart, arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms } }
`;

interface Shown {
  readonly Type: string;
  readonly [field: string]: unknown;
}

type Helm = Readonly<Record<string, string>>;

interface Seen {
  readonly all: readonly Shown[];
  readonly seen: number;
}

function flowsOf(scene: string, observe: string, helm: Helm = {}, cilium = "1.17.6", until = 4): Seen {
  let text = "";
  const world = nodeWorld(scene, helm, `{ cilium: "${cilium}", kernel: "6.6" }`, { observe, take: (more) => void (text += more) });
  world.simulation.run(seconds(until));
  world.node.flows.finish();
  return { all: text.split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { flow: Shown }).flow), seen: world.node.flows.seen() };
}

const flows = (observe: string, helm: Helm = {}, cilium?: string): Seen => flowsOf(SCENE, observe, helm, cilium);

const ofSockets = ({ all }: Seen): readonly Shown[] => all.filter(({ Type }) => Type === "SOCK");

const UNTRACED = { "socketLB.tracing": "false" };

describe("socket translations", () => {
  it("show the service before, the backend after, without ports of the client, replies or directions", () => {
    const [before, after, ...more] = ofSockets(flows("{ flows: all }"));
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

  it("tell the container by its cgroup, another for each pod", () => {
    const scene = SCENE.replace("shop/web }", "shop/web, pods: 2 }").replace("constant: 1/s", "constant: 20/s");
    const pods = new Map<unknown, Set<unknown>>();
    for (const { source, cgroup_id: id } of ofSockets(flowsOf(scene, "{ flows: all }"))) {
      const { pod_name: pod } = source as { pod_name: string };
      pods.set(pod, (pods.get(pod) ?? new Set()).add(id));
    }
    expect([...pods.keys()].sort()).toEqual(["web-0", "web-1"]);
    const ids = [...pods.values()].map((each) => [...each]);
    expect(ids.map(({ length }) => length)).toEqual([1, 1]);
    expect(ids[0]![0]).toMatch(/^\d{4,5}$/);
    expect(ids[0]![0]).not.toBe(ids[1]![0]);
  });

  it("pass Hubble's buffers like other events", () => {
    expect(ofSockets(flows("{ flows: all, hubble: {} }")).map(({ verdict }) => verdict)).toEqual(["TRACED", "TRANSLATED"]);
  });

  it("are traced unless socketLB.tracing is off or sockets are not translated; drops alone leave them out", () => {
    const without = flows("{ flows: all }", UNTRACED);
    expect(ofSockets(without)).toEqual([]);
    expect(flows("{ flows: all }").seen).toBe(without.seen + 2);
    expect(ofSockets(flows("{ flows: all }", { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" }))).toEqual([]);
    expect(flows("{ flows: dropped }").all).toEqual([]);
  });

  it("are traced by charts too that have no value for it", () => {
    expect(ofSockets(flows("{ flows: all }", {}, "1.14.5"))).toHaveLength(2);
    expect(ofSockets(flows("{ flows: all }", { "extraConfig.trace-sock": '"false"' }, "1.14.5"))).toEqual([]);
  });

  it("come once in the interval from 1.19 on, before the translation, whoever connects, and each time without aggregation", () => {
    const pods = SCENE.split("\n").slice(0, 3).join("\n").replace("constant: 1/s, first: 1s, every: 20s, for: 1500ms", "constant: 2/s");
    const traced = (scene: string, helm: Helm): readonly string[] =>
      ofSockets(flowsOf(scene, "{ flows: all }", helm, "1.19.6", 10)).map(
        ({ time, sock_xlate_point: point }) => `${String(time).slice(17, 19)} s ${String(point).slice("SOCK_XLATE_POINT_".length)}`,
      );
    // A connection each half second. The bucket is made full at the first one; then the first past each three seconds has a token.
    expect(traced(pods, { "bpf.monitorInterval": "3s" })).toEqual([0, 4, 7, 10].map((at) => `${String(at).padStart(2, "0")} s PRE_DIRECTION_FWD`));
    expect(traced(pods, { "bpf.monitorAggregation": "none" })).toHaveLength(2 * 20);
    expect(traced(SCENE.replace("first: 1s, every", "first: 2s, every"), {}), "a process of the node has taken the token").toEqual([]);
  });
});
