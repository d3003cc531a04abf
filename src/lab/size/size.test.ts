/** Sizing: goals, sizes worth writing, the closed form, and all of it on a small load. */
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fc from "fast-check";
import { InputError } from "../../scenario/diagnostics.js";
import { loadScenario } from "../../scenario/load.js";
import { closedForms } from "./closed-form.js";
import { configuredNode } from "./configured.js";
import { allowed, parseGoals } from "./goals.js";
import { niceSize, SIZE_MAX, SIZE_MIN } from "./sized-maps.js";

const SCENARIO = `apiVersion: ctlab/v1
name: sized
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi, rtt: 1ms }
helm:
  set: { kubeProxyReplacement: true, conntrackGCInterval: 10s, routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, bpf.masquerade: true }
services:
  - { name: shop/stock, port: 80, backends: 3 }
  - { name: kube-system/kube-dns, port: 53, protocol: UDP, backends: 2 }
workloads:
  - name: short
    from: { workload: shop/api, pods: 4 }
    to: shop/stock
    arrivals: { poisson: 100/s }
    connection: { hold: 4s, requests: 0 }
  - name: world
    from: { workload: shop/api, pods: 4 }
    to: world 203.0.113.10:443
    arrivals: { constant: 20/s }
    connection: { requests: 3, thinkTime: 1s, close: never }
  - { name: names, from: { workload: shop/api, pods: 4 }, to: kube-system/kube-dns, arrivals: { poisson: 10/s }, query: {} }
duration: 40s
observe: { flows: none }
`;

const folder = mkdtempSync(join(tmpdir(), "ctlab-size-"));
const path = join(folder, "sized.yaml");
beforeAll(() => writeFileSync(path, SCENARIO));
afterAll(() => rmSync(folder, { recursive: true }));

describe("sizes worth writing", () => {
  it.each([
    [0, 1024],
    [1024, 1024],
    [1025, 1280],
    [100_000, 114_688],
    [524_288, 524_288],
    [524_289, 655_360],
    [1e9, SIZE_MAX],
  ])("%i → %i", (entries, size) => expect(niceSize(entries)).toBe(size));

  it("are enough, and at most a quarter more", () => {
    fc.assert(
      fc.property(fc.integer({ min: SIZE_MIN, max: SIZE_MAX }), (entries) => {
        const size = niceSize(entries);
        expect(size).toBeGreaterThanOrEqual(entries);
        expect(size).toBeLessThanOrEqual(entries * 1.25);
      }),
    );
  });
});

describe("goals", () => {
  it("are rates per connection or figures of expect: lines", () => {
    const goals = parseGoals(["live_evictions < 2e-6 per connection", "syn_latency_p99 < 10ms", "inserts_refused <= .5 per connection"], {});
    expect(goals).toMatchObject([
      { kind: "rate", harm: "live_evictions", limit: 2e-6 },
      { kind: "figure", expectation: { metric: "syn_latency_p99", value: 10_000_000 } },
      { kind: "rate", harm: "inserts_refused", limit: 0.5 },
    ]);
    expect(allowed(goals, "live_evictions", 1e6)).toBe(2);
    expect(allowed([], "live_evictions", 1e6)).toBe(1);
  });

  it("that can't be read are told of all at once", () => {
    const texts = ["live_eviction < 1e-6 per connection", "syn_latncy_p99 < 10ms", "inserts_refused < many per connection", "syn_latency_p99 < 10"];
    try {
      parseGoals(texts, {});
      expect.unreachable();
    } catch (error) {
      const { diagnostics } = error as InputError;
      expect(diagnostics).toHaveLength(4);
      expect(diagnostics.map(({ nearest }) => nearest)).toEqual(["live_evictions", "syn_latency_p99", null, null]);
    }
  });
});

describe("the closed form", () => {
  const forms = (): ReturnType<typeof closedForms> => {
    const scenario = loadScenario(path).base;
    return closedForms(scenario, configuredNode(scenario).maps);
  };
  const line = (map: string, workload: string) => forms().find((form) => form.map === map)?.lines.find((each) => each.workload === workload);

  it("is rate × entries × (connection + lifetime + GC interval)", () => {
    // 4 s held and two round trips, 10 s of closing, 10 s until GC comes.
    expect(line("ct4_global", "short")).toMatchObject({ perSecond: 100, entriesEach: 1, connectionNs: 4.002e9, lifetimeNs: 10e9, spanNs: 24.002e9, entries: 2400.2 });
  });

  it("is cut to the run where entries stay longer", () => {
    // Never closed: 8,000 s, far longer than the run's 40 s.
    expect(line("ct4_global", "world")).toMatchObject({ lifetimeNs: 8000e9, spanNs: 40e9, entries: 800 });
  });

  it("counts both entries of a masqueraded connection, and the ports that a lookup of a name opens", () => {
    expect(line("snat_v4_external", "world")).toMatchObject({ entriesEach: 2 });
    expect(line("ct_any4_global", "names")!.entriesEach).toBeGreaterThanOrEqual(1);
    expect(line("snat_v4_external", "short")).toBeUndefined();
  });

  it("lets connections share the entries for ICMP errors", () => {
    const { atMost, entriesEach } = line("ct_any4_global", "short")!;
    expect(atMost).toBe(entriesEach * 4 * 3);
  });
});
