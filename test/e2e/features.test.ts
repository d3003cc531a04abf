/** Optional features through the built command line: what each of them changes in a run's figures. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExperimentResult, VariantResult } from "../../src/observe/result.js";
import { ctlab, scratch } from "./cli.js";

const SCENARIO = `apiVersion: ctlab/v1
name: features
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 4, memory: 16Gi }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true, routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16 } }
services:
  - { name: shop/stock, port: 80, backends: 2 }
workloads:
  - name: uploads
    from: { workload: shop/api, pods: 2 }
    to: shop/stock
    arrivals: { constant: 10/s }
    connection: { requestBytes: 20000 }
  - name: calls
    from: { workload: shop/api, pods: 2 }
    to: world 203.0.113.10:443
    arrivals: { constant: 5/s }
duration: 3s
variants:
  plain:
  tunnel: { helm: { set: { routingMode: tunnel } } }
  wireguard: { helm: { set: { encryption.enabled: true, encryption.type: wireguard } } }
  limited: { helm: { set: { bandwidthManager.enabled: true } }, bandwidth: [{ pods: shop/api, egress: 4M }] }
  gateway: { helm: { set: { egressGateway.enabled: true } }, egressGateways: [{ pods: shop/api, to: 203.0.113.0/24, gateway: elsewhere }] }
  denied: { policies: [{ endpoints: shop/api, egress: deny, allow: [{ to: shop/stock, port: 80 }] }] }
  audited:
    helm: { set: { policyAuditMode: true } }
    policies: [{ endpoints: shop/api, egress: deny, allow: [{ to: shop/stock, port: 80 }] }]
  ipv6:
    helm: { set: { ipv6.enabled: true } }
    workloads:
      - { name: uploads, from: { workload: shop/api, pods: 2 }, to: shop/stock, family: IPv6, arrivals: { constant: 10/s } }
      - { name: calls, from: { workload: shop/api, pods: 2 }, to: "world 203.0.113.10:443", family: IPv6, arrivals: { constant: 5/s } }
`;

const folder = scratch();
afterAll(folder.remove);
let variants: ReadonlyMap<string | null, VariantResult>;

beforeAll(async () => {
  const file = join(folder.path, "features.yaml");
  writeFileSync(file, SCENARIO);
  const out = join(folder.path, "out");
  const { code, stderr } = await ctlab(["run", file, "--out", out]);
  expect([code, stderr]).toEqual([0, ""]);
  const result = JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as ExperimentResult;
  variants = new Map(result.variants.map((variant) => [variant.name, variant]));
});

const of = (name: string): VariantResult => variants.get(name)!;
const slowest = (name: string): number => of(name).requestLatency["all"]!.maxNs!;
const most = (name: string, map: string): number => of(name).maps.find((each) => each.name === map)?.entriesMax ?? 0;
const rests = (name: string): string => of(name).verdict.assumptions.join("\n");

describe("ctlab run with", () => {
  it("a tunnel or encryption: more packets, slower answers, the same entries", () => {
    for (const name of ["tunnel", "wireguard"]) {
      expect(of(name).counts.packets).toBeGreaterThan(of("plain").counts.packets);
      expect(slowest(name)).toBeGreaterThan(slowest("plain"));
      expect(most(name, "ct4_global")).toBe(most("plain", "ct4_global"));
      expect(of(name).drops).toEqual([]);
    }
    expect(rests("wireguard")).toMatch(/encryption \(wireguard\)/);
  });

  it("a rate limit: 20 kB at 4 Mbit/s take 40 ms", () => {
    expect(slowest("limited") - slowest("plain")).toBeGreaterThan(30e6);
    expect(rests("limited")).toMatch(/bandwidth manager/);
  });

  it("a gateway elsewhere: nothing is translated here", () => {
    expect(most("plain", "snat_v4_external")).toBeGreaterThan(0);
    expect(most("gateway", "snat_v4_external")).toBe(0);
    expect(of("gateway").counts.connectionsFailed).toBe(0);
  });

  it("audit mode: what was denied passes, and is counted", () => {
    expect(of("denied").drops.map(({ code }) => code)).toEqual([133]);
    expect([of("audited").drops.length, of("denied").counts.packetsAudited]).toEqual([0, 0]);
    expect(of("audited").counts.packetsAudited).toBeGreaterThan(20);
  });

  it("IPv6: maps of its own", () => {
    expect(most("ipv6", "ct6_global")).toBe(most("plain", "ct4_global"));
    expect([most("ipv6", "ct4_global"), most("ipv6", "snat_v6_external")]).toEqual([0, most("plain", "snat_v4_external")]);
  });
});
