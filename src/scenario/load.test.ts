import { readFileSync, readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { changed, load, VALID, VALUES, VALUES_PATH } from "../../test/scenario/fixtures.js";
import { loadScenario } from "./load.js";

const MINIMAL = `apiVersion: ctlab/v1
name: minimal
profile: { cilium: "1.19", kernel: "6.12" }
duration: 1m
`;

/** Line of the fixture in which a text first stands. */
function lineWith(text: string): number {
  return VALID.split("\n").findIndex((line) => line.includes(text)) + 1;
}

describe("a scenario", () => {
  const file = load(VALID);
  const { base } = file;

  it("has its units parsed and its references followed", () => {
    expect(base.cluster).toEqual({
      nodes: 3,
      pods: 40,
      cpus: 4,
      memoryBytes: 16 * 1024 ** 3,
      podCidr: "10.0.0.0/16",
      rttNs: 100_000,
      linkBitsPerSecond: 25e9,
    });
    expect(base.profile).toEqual({ cilium: "1.17.6", kernel: "5.10.240" });
    expect(base.services[1]).toEqual({
      name: "shop/dns",
      port: 53,
      protocol: "UDP",
      type: "ClusterIP",
      backends: 2,
      localBackends: 0,
      clusterIp: null,
      nodePort: null,
      affinityNs: null,
    });
    expect(base.policies).toEqual([
      {
        endpoints: "shop/web",
        ingress: "allow",
        egress: "deny",
        allow: [{ direction: "egress", peer: "shop/cart", port: 80, protocol: "TCP", l7: null, rules: [] }],
        deny: [],
      },
    ]);
    expect(base.preload[0]).toEqual({
      map: "ct4_global",
      entries: 1000,
      kind: "established",
      expires: { fromNs: 60e9, toNs: 120e9 },
      about: "idle",
    });
    expect(base.workloads[0]).toMatchObject({
      kind: "pool",
      from: { kind: "pod", workload: "shop/web", pods: 2 },
      to: { kind: "service", service: 0 },
      connections: 10,
      request: { every: { kind: "constant", valueNs: 5e9 } },
    });
    expect(base.workloads[1]).toMatchObject({
      kind: "arrivals",
      arrivals: { kind: "poisson", perSecond: 100 },
      bursts: { firstNs: 60e9, everyNs: 120e9, lengthNs: 10e9 },
      connection: {
        requests: 2,
        thinkTime: { kind: "uniform", lowNs: 1e6, highNs: 3e6 },
        hold: { kind: "exponential", meanNs: 2e8 },
        close: "server",
        leak: 0.05,
      },
    });
    expect(base.client).toEqual({ synRtoNs: 5e8, linearTimeouts: null, synRetries: null, hz: 250, portSearch: "random" });
    expect(base.observe.hooks[0]!.observed).toEqual({
      source: "a node",
      buckets: [
        [0, 10],
        [1000, 3],
      ],
    });
    expect([base.durationNs, base.warmupNs, base.seed]).toEqual([300e9, 10e9, "7"]);
    expect(base.expect[0]).toMatchObject({
      metric: "syn_latency_p99",
      labels: { window: "inside" },
      comparison: "<",
      value: 1e7,
      line: lineWith("syn_latency_p99"),
    });
  });

  it("takes Helm's files, then single values", () => {
    expect(base.helm.settings).toMatchObject({ ctTcpMax: 65536, ctAnyMax: 32768, enableBpfMasquerade: true, routingMode: "native" });
    expect(base.helm.origins.ctAnyMax).toBe("dir/values.yaml:5 bpf.ctAnyMax");
    expect(base.helm.origins.ctTcpMax).toBe("dir/scenario.yaml:8 bpf.ctTcpMax");
    expect(base.helm.origins.natMax).toBeUndefined();
    expect(base.helm.ignored).toBe(1);
  });

  it("knows where each value came from", () => {
    expect(base.origins).toMatchObject({
      "cluster.nodes": "dir/scenario.yaml:5",
      "workloads[1].arrivals.poisson": `dir/scenario.yaml:${lineWith("poisson")}`,
      "observe.flowsMax": "default",
      "services[0].protocol": "default",
    });
    expect(Object.keys(base.origins).filter((path) => /Ns$/.test(path))).toEqual([]);
  });

  it("names what departs from the real system", () => {
    expect(base.assumptions.join("\n")).toMatch(/makes ct4_global a map of type hash with 4096 entries/);
    expect(base.assumptions.join("\n")).toMatch(/initial RTO/);
  });

  it("merges variants over the base", () => {
    expect(file.variants.map(({ variant }) => variant)).toEqual(["bigger"]);
    const [bigger] = file.variants;
    expect(bigger!.helm.settings.ctTcpMax).toBe(131_072);
    expect(bigger!.helm.settings.ctAnyMax).toBe(32_768);
    expect(bigger!.maps).toEqual({});
    expect(bigger!.variantAbout).toBe("Twice the size.");
    expect(bigger!.about).toBe(base.about);
  });

  it("lets a variant take a Helm value back, also one of the files", () => {
    const [variant] = load(`${VALID}  back: { helm: { set: { bpf.ctTcpMax: null, bpf.ctAnyMax: null } } }\n`).variants.slice(-1);
    expect(variant!.helm.settings).toMatchObject({ ctTcpMax: null, ctAnyMax: null });
  });

  it("takes a variant without changes for the base under a name", () => {
    const [named] = load(`${MINIMAL}variants: { plain: }`).variants;
    expect(named).toEqual({ ...load(MINIMAL).base, variant: "plain" });
  });

  it("runs the base when there are no variants", () => {
    const { base: only, variants } = load(MINIMAL);
    expect(variants).toEqual([only]);
    expect(only.variant).toBeNull();
  });
});

describe("defaults", () => {
  it("fill everything but the profile and the duration", () => {
    const { base } = load(MINIMAL);
    expect(base).toMatchObject({ cluster: { nodes: 2, cpus: 8 }, observe: { flows: "dropped", flowsMax: 20_000 }, warmupNs: 0, seed: "1" });
    expect(base.helm.settings.ctTcpMax).toBeNull();
  });
});

describe("a kernel", () => {
  it("of a vendor is taken for the release of its number, and that is said", () => {
    const of = (kernel: string): string => load(MINIMAL.replace(/kernel: [^ }]+/, `kernel: ${kernel}`)).base.assumptions.join("\n");
    expect(of("6.8.0-45-generic")).toMatch(/Kernel 6\.8\.0-45-generic is a vendor's: .* taken as Linux 6\.8\.0/);
    expect(of('"6.8.1"')).not.toMatch(/vendor/);
  });
});

describe("--set", () => {
  it("reaches the base and every variant, by index or name, over everything else", () => {
    const { base, variants } = load(VALID, {
      set: [
        "workloads.burst.arrivals.poisson=7/s",
        "workloads[0].connections=3",
        "helm.set.bpf.ctTcpMax=1024",
        "profile.kernel=6.10",
        "cluster.nodes=4",
      ],
    });
    for (const scenario of [base, ...variants]) {
      expect(scenario.workloads[1]).toMatchObject({ arrivals: { perSecond: 7 } });
      expect(scenario.workloads[0]).toMatchObject({ connections: 3 });
      expect(scenario.helm.settings.ctTcpMax).toBe(1024);
      expect(scenario.profile.kernel).toBe("6.10.0");
      expect(scenario.origins["cluster.nodes"]).toBe("--set");
    }
  });

  it("reaches one variant when it names it", () => {
    const { base, variants } = load(VALID, { set: ["variants.bigger.duration=9m"] });
    expect([base.durationNs, variants[0]!.durationNs]).toEqual([300e9, 540e9]);
  });

  it("takes lists and mappings", () => {
    expect(load(VALID, { set: ["expect=[gc_runs < 5]"] }).base.expect[0]!.metric).toBe("gc_runs");
    expect(load(VALID, { set: ["client={ hz: 1000 }"] }).base.client).toMatchObject({ hz: 1000, synRtoNs: null });
  });
});

describe("values files of the command line", () => {
  it("win over those of the scenario, and lose against single values", () => {
    const files = { [VALUES_PATH]: VALUES, "more.yaml": "bpf: { ctAnyMax: 4096, ctTcpMax: 4096 }" };
    const { settings } = load(VALID, { helmFiles: ["more.yaml"] }, files).base.helm;
    expect([settings.ctAnyMax, settings.ctTcpMax]).toEqual([4096, 65_536]);
  });
});

describe("the hash", () => {
  it("depends on what a run depends on, and on nothing else", () => {
    const { hash } = load(VALID);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(load(`# a comment\n${VALID}`).hash).toBe(hash);
    expect(load(changed("pods: 40, cpus: 4", "cpus: 4, pods: 40")).hash).toBe(hash);
    expect(load(changed("seed: 7", "seed: 8")).hash).not.toBe(hash);
    expect(load(VALID, {}, { [VALUES_PATH]: VALUES.replace("32768", "32769") }).hash).not.toBe(hash);
  });
});

describe("the scenarios of the project", () => {
  const names = readdirSync("scenarios").filter((name) => name.endsWith(".yaml"));
  it.each(names)("%s loads without a warning and names its schema", (name) => {
    expect(loadScenario(`scenarios/${name}`).warnings).toEqual([]);
    expect(readFileSync(`scenarios/${name}`, "utf8")).toMatch(/^# yaml-language-server: \$schema=schema\/ctlab-v1\.json$/m);
  });

  it("the incident has the map sizes of its Helm file, and the fix in its last variant", () => {
    const { variants } = loadScenario("scenarios/ct-exhaustion.yaml");
    const sizes = variants.map(({ helm: { settings } }) => [settings.ctTcpMax, settings.ctAnyMax, settings.natMax]);
    expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).map(() => [524_288, 524_288, 524_288]));
    expect(sizes.at(-1)).toEqual([2_097_152, 2_097_152, 2_097_152]);
    expect(variants[0]!.helm.settings).toMatchObject({
      kubeProxyReplacement: true,
      routingMode: "native",
      enableBpfMasquerade: true,
      socketLb: true,
      lbAcceleration: "native",
      lbMode: "dsr",
      lbAlgorithm: "maglev",
      hubbleMetrics: ["dns", "drop", "tcp", "flow", "icmp", "http"],
    });
  });
});

describe("speed", () => {
  it("a normal file loads in less than 100 ms once the code is warm", () => {
    // The best of several: the others measure what else the machine is doing.
    const times = Array.from({ length: 15 }, () => {
      const start = performance.now();
      loadScenario("scenarios/ct-exhaustion.yaml");
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

it("says that netfilter's masquerading is left out where pods call the world", () => {
  const calls = `${MINIMAL}workloads: [{ name: w, from: { workload: shop/web }, to: "world 203.0.113.10:443", arrivals: { poisson: 1/s } }]\n`;
  expect(load(calls).base.assumptions.join("\n")).toMatch(/masquerading by netfilter/);
  expect(load(`${calls}helm: { set: { bpf.masquerade: true } }\n`).base.assumptions.join("\n")).not.toMatch(/netfilter/);
});
