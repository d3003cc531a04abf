/** What the agent says while a timeline goes on, as a reader of Hubble's exporter takes it. */
import { expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const SCENE = `services: [{ name: shop/cart, port: 80, backends: 1, localBackends: 1 }]
timeline:
  - { at: 1s, policy: { endpoints: shop/web, egress: deny, allow: [{ to: shop/cart, port: 80 }] } }
  - { at: 2s, backends: { service: shop/cart, add: 1, remove: 1, lag: 500ms } }
  - { at: 3s, pods: { workload: shop/web } }
  - { at: 4s, agent: { down: 1s } }
workloads: [{ name: w, from: { workload: shop/web }, to: shop/cart, arrivals: { constant: 1/s } }]
`;

interface Line {
  readonly agent_event: {
    readonly type: string;
    readonly policy_update?: { readonly revision: string };
    readonly service_upsert?: { readonly backend_addresses: readonly { readonly ip: string }[] };
  };
  readonly time: string;
}

function lines(release: string, observe = "{ flows: dropped }"): readonly Line[] {
  let text = "";
  const world = nodeWorld(SCENE, {}, `{ cilium: "${release}", kernel: "6.6" }`, { observe, take: () => {}, event: (line) => void (text += line) });
  world.simulation.run(seconds(6));
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
}

const typesAt = (all: readonly Line[], second: string): readonly string[] =>
  all.filter(({ time }) => time === `2025-01-01T00:00:${second}Z`).map(({ agent_event: { type } }) => type);

it("a policy, backends as the agent learns of them, a pod in the place of another, and a new agent that learns all again", () => {
  const all = lines("1.17.6");
  expect(typesAt(all, "01")).toEqual(["POLICY_UPDATED", "ENDPOINT_REGENERATE_SUCCESS"]);
  expect(typesAt(all, "02.500")).toEqual(["IPCACHE_UPSERTED", "SERVICE_UPSERTED", "IPCACHE_DELETED", "SERVICE_UPSERTED"]);
  expect(typesAt(all, "03")).toEqual(["ENDPOINT_DELETED", "IPCACHE_DELETED", "ENDPOINT_CREATED", "IPCACHE_UPSERTED", "ENDPOINT_REGENERATE_SUCCESS"]);
  expect(typesAt(all, "05")).toEqual(["AGENT_STARTED", "POLICY_UPDATED", "SERVICE_UPSERTED", "ENDPOINT_REGENERATE_SUCCESS", "ENDPOINT_REGENERATE_SUCCESS"]);
  const revisions = all.flatMap(({ agent_event: { policy_update } }) => policy_update?.revision ?? []);
  expect(revisions, "a new agent counts anew").toEqual(["2", "2"]);
  expect(all.flatMap(({ agent_event: { service_upsert } }) => service_upsert?.backend_addresses.length ?? [])).toEqual([3, 2, 2]);
});

it("from 1.18 on nobody is told of services", () => {
  const types = lines("1.18.2").map(({ agent_event: { type } }) => type);
  expect(types).toContain("IPCACHE_UPSERTED");
  expect(types).not.toContain("SERVICE_UPSERTED");
});

it("nothing is said where no flows are wanted", () => {
  expect(lines("1.17.6", "{ flows: none }")).toEqual([]);
});
