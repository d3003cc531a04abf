/** What agents of later releases add to flows: names of policies behind verdicts, labels of the node, names of clusters; and ends of IPv6. */
import { describe, expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

interface RulesBy {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels: readonly string[];
  readonly revision: string;
  readonly kind?: string;
}

interface Shown {
  readonly verdict: string;
  readonly event_type: { readonly type: number };
  readonly source: { readonly pod_name?: string; readonly cluster_name?: string; readonly identity?: number; readonly labels?: readonly string[] };
  readonly destination: { readonly pod_name?: string };
  readonly destination_service?: { readonly name: string };
  readonly node_labels?: readonly string[];
  readonly drop_reason?: number;
  readonly egress_allowed_by?: readonly RulesBy[];
  readonly ingress_allowed_by?: readonly RulesBy[];
  readonly egress_denied_by?: readonly RulesBy[];
}

const CALL = "arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms }";
const SCENE = `services: [{ name: shop/cart, port: 80, localBackends: 1 }, { name: bank/vault, port: 443, backends: 1 }]
policies:
  - { endpoints: shop/web, egress: deny, allow: [{ to: shop/cart, port: 80 }], deny: [{ to: bank/vault }] }
  - { endpoints: shop/cart, deny: [{ direction: ingress, from: world, port: 80 }] }
timeline: [{ at: 500ms, policy: { endpoints: shop/job, egress: deny } }]
workloads:
  - { name: calls, from: { workload: shop/web }, to: shop/cart, FAMILY ${CALL} }
  - { name: denied, from: { workload: shop/web }, to: bank/vault, ${CALL} }
  - { name: nothing, from: { workload: shop/job }, to: shop/cart, ${CALL} }
`;

function flows(release: string, family = "", helm: Readonly<Record<string, string>> = {}, scene = SCENE): readonly Shown[] {
  let text = "";
  const watched = { observe: "{ flows: all }", take: (more: string) => void (text += more) };
  const world = nodeWorld(scene.replace("FAMILY", family), helm, `{ cilium: "${release}", kernel: "6.6" }`, watched);
  world.simulation.run(seconds(3));
  world.node.flows.finish();
  return text.split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { flow: Shown }).flow);
}

const verdicts = (all: readonly Shown[], pod: string): readonly Shown[] =>
  all.filter(({ event_type, source }) => event_type.type === 5 && source.pod_name === pod);
const PREFIX = "k8s:io.cilium.k8s.policy.";
const UID = /^k8s:io\.cilium\.k8s\.policy\.uid=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const WEB: RulesBy = {
  name: "web",
  namespace: "shop",
  labels: [...["derived-from=CiliumNetworkPolicy", "name=web", "namespace=shop"].map((label) => `${PREFIX}${label}`), expect.stringMatching(UID) as string],
  revision: "4",
  kind: "CiliumNetworkPolicy",
};

describe("a verdict", () => {
  it("names the policy that lets a connection pass, on both ends, and the one that stops it", () => {
    const [passes, enters, stopped] = verdicts(flows("1.17.6"), "web-0");
    expect(passes!.egress_allowed_by).toEqual([WEB]);
    // The server's policy has no word for whom it lets in: everybody.
    expect(enters!.ingress_allowed_by).toEqual([{ labels: ["reserved:io.cilium.policy.derived-from=allow-any-ingress"], revision: "4" }]);
    expect(stopped).toMatchObject({ verdict: "DROPPED", drop_reason: 181, egress_denied_by: [WEB] });
  });

  it("tells each policy by one UID", () => {
    const both = SCENE.replace("deny: [{ direction: ingress, from: world, port: 80 }] }", "ingress: deny, allow: [{ from: shop/web, port: 80 }] }");
    const uidsOf = (field: "egress_allowed_by" | "ingress_allowed_by"): readonly string[] => [
      ...new Set(flows("1.17.6", "", {}, both).flatMap((flow) => flow[field] ?? []).map(({ labels }) => labels.find((label) => UID.test(label))!)),
    ];
    const [web, ...others] = uidsOf("egress_allowed_by");
    const [cart] = uidsOf("ingress_allowed_by").filter((uid) => uid !== undefined);
    expect(others).toEqual([]);
    expect(cart).toMatch(UID);
    expect(cart).not.toBe(web);
  });

  it("names none where the values say so", () => {
    const [passes] = verdicts(flows("1.18.2", "", { "hubble.networkPolicyCorrelation.enabled": "false" }), "web-0");
    expect([passes!.verdict, passes!.egress_allowed_by]).toEqual(["FORWARDED", undefined]);
  });

  it("names none where nothing asked for it was the reason", () => {
    const [refused] = verdicts(flows("1.17.6"), "job-0");
    expect(refused).toMatchObject({ verdict: "DROPPED", drop_reason: 133 });
    expect(Object.keys(refused!).filter((key) => key.endsWith("_by"))).toEqual([]);
  });

  it.each<[string, boolean, boolean, boolean]>([
    ["1.14.5", false, false, false],
    ["1.15.5", true, false, false],
    ["1.16.5", true, true, false],
    ["1.17.6", true, true, true],
  ])(
    "as the agent of %s does",
    (release, allowed, denied, kind) => {
      const [passes, , stopped] = verdicts(flows(release), "web-0");
      expect([passes!.egress_allowed_by !== undefined, stopped!.egress_denied_by !== undefined]).toEqual([allowed, denied]);
      expect(passes!.egress_allowed_by?.[0]!.kind !== undefined).toBe(kind);
    },
  );
});

it("the node's labels and the cluster's name are there from 1.16 on", () => {
  const [old, fresh] = ["1.15.5", "1.16.5"].map((release) => flows(release)) as [readonly Shown[], readonly Shown[]];
  expect(old.some(({ node_labels, source }) => node_labels !== undefined || source.cluster_name !== undefined)).toBe(false);
  expect(fresh.every(({ node_labels }) => node_labels!.includes("kubernetes.io/hostname=node-0"))).toBe(true);
  expect(new Set(fresh.map(({ source }) => source.cluster_name))).toEqual(new Set(["default"]));
});

it("a cluster that is not the default one is part of the node's name and of labels", () => {
  const [first] = flows("1.17.6", "", { "cluster.name": "prod" });
  expect(first).toMatchObject({ node_name: "prod/node-0", source: { cluster_name: "prod" } });
  expect(first!.source.labels).toContain("k8s:io.cilium.k8s.policy.cluster=prod");
});

it("ends that speak IPv6 are known as those that speak IPv4", () => {
  const all = verdicts(flows("1.17.6", "family: IPv6,", { "ipv6.enabled": "true" }), "web-0");
  expect(all[0]).toMatchObject({ destination: { pod_name: "cart-0" }, source: { identity: 256 } });
});
