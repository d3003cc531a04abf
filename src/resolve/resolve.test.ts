import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultSettings } from "../cilium/agent/settings.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import { diffResolutions } from "./diff.js";
import { pinnedSettings, resolveConfiguration } from "./resolve.js";
import type { LintCode, LintWarning, Resolution } from "./resolve.js";

const GIB = 2 ** 30;

interface Options {
  readonly cilium?: string;
  readonly kernel?: string;
  readonly cpus?: number;
  readonly gib?: number;
  readonly count?: number;
  readonly endpoints?: number;
  readonly alerts?: readonly string[];
  readonly backends?: number;
}

function resolve(settings: Partial<CiliumSettings> = {}, options: Options = {}): Resolution {
  const profile = ciliumProfile(options.cilium ?? "1.19.6");
  return resolveConfiguration({
    settings: { ...defaultSettings(profile), ...settings },
    profile,
    kernel: kernelProfile(options.kernel ?? "6.18"),
    shapes: [
      {
        name: "node",
        possibleCpus: options.cpus ?? 16,
        totalMemoryBytes: (options.gib ?? 64) * GIB,
        count: options.count ?? 1,
        endpoints: options.endpoints ?? 0,
      },
    ],
    alerts: (options.alerts ?? []).map((expression, i) => ({ name: `alert ${i}`, expression })),
    backendsPerService: options.backends ?? null,
  });
}

const mapOf = (resolution: Resolution, label: string) => resolution.nodes[0]!.maps.find((map) => map.label === label);
const replacing: Partial<CiliumSettings> = { kubeProxyReplacement: true };
const native = { routingMode: "native", ipv4NativeRoutingCidr: "10.0.0.0/8" } as const;

describe("resolveConfiguration", () => {
  it("gives every map its entries, origin, sizes and kernel memory", () => {
    const resolution = resolve({ ...replacing, natMax: 262_144 }, { count: 78 });
    expect(mapOf(resolution, "ct4_global")).toMatchObject({
      pinnedName: "cilium_ct4_global",
      kind: "LRU hash",
      entries: 602_802,
      origin: { kind: "share of memory", setting: "ctTcpMax" },
      keyBytes: 14,
      valueBytes: 56,
      copies: 1,
    });
    expect(mapOf(resolution, "snat_v4_external")).toMatchObject({ entries: 262_144, origin: { kind: "set", setting: "natMax" } });
    expect(mapOf(resolution, "nodeport_neigh4")).toMatchObject({ entries: 262_144, origin: { kind: "follows NAT" } });
    expect(mapOf(resolution, "lb4_services_v2")).toMatchObject({ entries: 65_536, origin: { kind: "common setting" } });
    expect(mapOf(resolution, "ipcache_v2")).toMatchObject({ entries: 512_000, origin: { kind: "fixed" } });
    const ct = mapOf(resolution, "ct4_global")!;
    expect(ct.memory.created).toBe(832 + 32 * 16 + 16 * 1_048_576 + (48 + 16 + 56) * 602_802);
    expect(ct.memory.full).toBe(ct.memory.created);
    const node = resolution.nodes[0]!;
    expect(node.memory.created).toBe(node.maps.reduce((sum, map) => sum + map.memory.created * map.copies, 0));
    expect(resolution.fleet).toEqual({
      nodes: 78,
      memory: { created: node.memory.created * 78, full: node.memory.full * 78 },
    });
  });

  it("creates the maps that the features need, and no others", () => {
    const labels = (settings: Partial<CiliumSettings>, cilium = "1.19.6") => {
      const node = resolve(settings, { cilium, endpoints: 30 }).nodes[0]!;
      return new Set(node.maps.map(({ label }) => label));
    };
    const plain = labels({});
    for (const absent of ["snat_v4_external", "nodeport_neigh4", "lb4_reverse_sk", "lb4_maglev", "ct6_global", "ipmasq_v4"]) {
      expect(plain.has(absent), absent).toBe(false);
    }
    expect(labels({ enableBpfMasquerade: true }).has("snat_v4_external")).toBe(true);
    const full = labels({ ...replacing, enableIpv6: true, lbAlgorithm: "maglev" });
    for (const there of ["snat_v6_external", "nodeport_neigh4", "lb4_reverse_sk", "lb6_maglev", "ct_any6_global"]) {
      expect(full.has(there), there).toBe(true);
    }
    expect(plain.has("policystats")).toBe(true);
    expect(labels({}, "1.17.5").has("policystats")).toBe(false);
    expect(labels({}, "1.17.5").has("policy_v2_*")).toBe(true);
    expect(labels({}, "1.16.4").has("policy_*")).toBe(true);
    expect(labels({}, "1.16.4").has("ipcache")).toBe(true);
  });

  it("counts a policy map for each endpoint", () => {
    const map = mapOf(resolve({}, { endpoints: 110 }), "policy_v2_*")!;
    expect(map.copies).toBe(110);
    expect(map.memory.created).toBe(0);
    expect(map.memory.full).toBeGreaterThan(0);
  });

  it("gives the memory of a Maglev table, which comes on top for each service", () => {
    expect(resolve({ ...replacing, lbAlgorithm: "maglev" }).nodes[0]!.maglevBytesPerService).toBeGreaterThanOrEqual(4 * 16381);
    expect(resolve(replacing).nodes[0]!.maglevBytesPerService).toBeNull();
  });

  it("says how collection will behave", () => {
    const gc = resolve({}, { cilium: "1.17.5", kernel: "5.15" }).nodes[0]!.gc;
    expect(gc).toMatchObject({
      form: "older",
      iteration: "per-key",
      fixedInterval: 0,
      maxInterval: 43_200e9,
      firstIdleInterval: 450e9,
      refusesNestedInserts: true,
      deletesRefreshed: false,
      intervalMetric: false,
    });
    expect(gc.walks[0]).toMatchObject({ map: "ct4_global", shortensAbove: 150_700, lengthensBelow: 30_141 });
    const fixed = resolve({ conntrackGcInterval: 60e9 as never }).nodes[0]!.gc;
    expect(fixed).toMatchObject({ form: "newer", iteration: "batch", fixedInterval: 60e9, intervalMetric: false });
  });

  it("carries assumptions and the agent's refusal", () => {
    expect(resolve({}, { cilium: "1.18.12" }).assumptions.join()).toContain("GC interval loop");
    expect(resolve({ natMax: 16_000_000 }).nodes[0]!.refusal).toContain("must not exceed maximum CT table size");
    expect(resolve().nodes[0]!.refusal).toBeNull();
  });

  it("is idempotent: pinning the sizes that were worked out gives them again", () => {
    const size = fc.option(fc.integer({ min: 1024, max: 4_000_000 }), { nil: null });
    fc.assert(
      fc.property(
        fc.record({ ctTcpMax: size, ctAnyMax: size, sockRevMax: size, mapDynamicSizeRatio: fc.double({ min: 0, max: 0.2, noNaN: true }) }),
        fc.boolean(),
        fc.integer({ min: 1, max: 128 }),
        fc.integer({ min: 1, max: 1024 }),
        (sizes, distributedLru, cpus, gib) => {
          const settings = { ...replacing, ...sizes, distributedLru };
          const once = resolve(settings, { cpus, gib });
          fc.pre(once.nodes[0]!.refusal === null);
          const again = resolve(pinnedSettings(once, once.nodes[0]!), { cpus, gib });
          expect(again.nodes[0]!.refusal).toBeNull();
          const entries = (resolution: Resolution) => resolution.nodes[0]!.maps.map(({ label, entries: n }) => [label, n]);
          expect(entries(again)).toEqual(entries(once));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("lint", () => {
  const codes = (warnings: readonly LintWarning[]): LintCode[] => warnings.map(({ code }) => code);
  const lint = (settings: Partial<CiliumSettings>, options: Options = {}): readonly LintWarning[] =>
    resolve(settings, options).nodes[0]!.warnings;

  it.each<[LintCode, Partial<CiliumSettings>, Options]>([
    ["agent-refuses", { ctTcpMax: 10 }, {}],
    ["agent-refuses", { nodeMapMax: 1000 }, {}],
    ["agent-refuses", { lbMapMax: 0 }, {}],
    ["value-out-of-range", { policyMapMax: 100_000 }, {}],
    ["option-unknown-to-release", { distributedLru: true }, { cilium: "1.17.1" }],
    ["option-unknown-to-release", { conntrackGcMaxInterval: 1e9 as never }, { cilium: "1.14.2" }],
    ["option-unknown-to-release", { ctAccounting: true }, { cilium: "1.16.4" }],
    ["nat-above-conntrack", { ...replacing, ctTcpMax: 4096, ctAnyMax: 2048, natMax: 6000 }, {}],
    ["nat-capped-by-conntrack", { ...replacing, ctTcpMax: 4096, ctAnyMax: 2048 }, {}],
    ["size-not-divisible-by-cpus", { distributedLru: true, ctTcpMax: 100_001 }, {}],
    ["recreated-at-every-start", { distributedLru: true }, { cpus: 12 }],
    ["distributed-lru-without-dynamic-sizing", { distributedLru: true, mapDynamicSizeRatio: 0 }, {}],
    ["distributed-lru-uneven-load", { distributedLru: true }, {}],
    ["ratio-without-effect", {}, { gib: 8 }],
    ["recreation-on-resize", {}, {}],
    ["maps-take-memory", { ...replacing, mapDynamicSizeRatio: 0.08 }, {}],
    ["free-lists-park-entries", { ctTcpMax: 10_000 }, { cpus: 64, kernel: "5.15" }],
    ["gc-interval-hides-metric", { conntrackGcInterval: 60e9 as never }, {}],
    ["gc-takes-cpu", { conntrackGcInterval: 1e9 as never, ctTcpMax: 4_000_000 }, { cilium: "1.17.1" }],
    ["gc-family-starvation", { enableIpv6: true }, { cilium: "1.17.1" }],
    ["gc-refuses-inserts", {}, { kernel: "6.8" }],
    ["gc-deletes-refreshed", {}, { cilium: "1.18.0" }],
    ["long-tcp-lifetime", {}, { cilium: "1.14.5" }],
    ["port-range-invalid", { nodePortRange: { first: 32_767, last: 30_000 } }, {}],
    ["port-ranges-overlap", { ...replacing, nodePortRange: { first: 30_000, last: 33_000 } }, {}],
    ["agent-refuses", { ...replacing, nodePortRange: { first: 30_000, last: 33_000 }, autoProtectNodePortRange: false }, {}],
    ["agent-refuses", { ...replacing, nodePortRange: { first: 61_000, last: 62_000 } }, {}],
    ["port-ranges-overlap", { ...replacing, tunnelPort: 45_000 }, {}],
    ["port-ranges-overlap", { ...replacing, enableWireguard: true }, {}],
    ["few-snat-ports", { ...replacing, nodePortRange: { first: 30_000, last: 60_000 } }, {}],
    ["maglev-table-invalid", { lbAlgorithm: "maglev", maglevTableSize: 16_384 }, {}],
    ["maglev-table-invalid", { lbAlgorithm: "maglev", maglevHashSeed: "short" }, {}],
    ["maglev-table-small", { ...replacing, lbAlgorithm: "maglev", maglevTableSize: 1021 }, { backends: 200 }],
    ["maglev-without-effect", { lbAlgorithm: "maglev" }, {}],
    ["alert-never-matches", {}, { alerts: ['cilium_bpf_map_pressure{map_name=~"cilium_ct.*"} > 0.8'] }],
    ["features-exclude-each-other", { ...replacing, lbMode: "dsr" }, {}],
    ["features-exclude-each-other", { ...replacing, ...native, lbMode: "hybrid", dsrDispatch: "geneve" }, {}],
    ["features-exclude-each-other", { ...replacing, ...native, lbMode: "dsr", dsrDispatch: "ipip" }, { cilium: "1.18.0" }],
    ["features-exclude-each-other", { ...replacing, lbMode: "hybrid", lbModeAnnotation: true }, {}],
    ["features-exclude-each-other", { enableBpfMasquerade: true }, {}],
    ["features-exclude-each-other", { enableNodePort: true, enableBpfMasquerade: true }, { cilium: "1.15.5" }],
    ["features-exclude-each-other", { enableIpMasqAgent: true }, {}],
    ["features-exclude-each-other", { ...replacing, enableEgressGateway: true }, {}],
    ["features-exclude-each-other", { routingMode: "native" }, {}],
    ["features-exclude-each-other", { autoDirectNodeRoutes: true }, {}],
    ["features-exclude-each-other", { ...replacing, enableBpfMasquerade: true, installNoConntrackIptablesRules: true }, {}],
    ["features-exclude-each-other", { ...native, installNoConntrackIptablesRules: true }, {}],
    ["features-exclude-each-other", { ...replacing, ...native, installNoConntrackIptablesRules: true }, {}],
    ["features-exclude-each-other", { enableWireguard: true, enableIpsec: true }, {}],
    ["features-exclude-each-other", { datapathMode: "netkit" }, { kernel: "6.6" }],
    ["setting-without-effect", { socketLbHostNamespaceOnly: true }, {}],
    ["setting-without-effect", { enableHubble: true, hubbleEventBufferCapacity: 4096 }, {}],
    ["setting-without-effect", { lbAcceleration: "native" }, {}],
    ["setting-without-effect", { lbMode: "dsr" }, {}],
    ["setting-without-effect", { enableBpfMasquerade: true, enableIpv4Masquerade: false }, {}],
    ["setting-without-effect", { ...replacing, ...native }, {}],
  ])("says %s for %j (%j)", (code, settings, options) => {
    expect(codes(lint(settings, options))).toContain(code);
    expect(lint(settings, options).every(({ title, why }) => title.length > 0 && why.length > 0)).toBe(true);
  });

  it("has nothing but notes for a plain installation on a large node with a new kernel", () => {
    const found = lint({ ...replacing, ...native, enableBpfMasquerade: true });
    expect(found.filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(codes(found)).toEqual(["recreation-on-resize", "gc-deletes-refreshed"]);
  });

  it("says with which words the agent gives up, and only then", () => {
    const says = (settings: Partial<CiliumSettings>, options: Options = {}): string | null => resolve(settings, options).nodes[0]!.refusal;
    expect(says({ ...replacing, lbMode: "dsr" })).toBe('Node Port "dsr" mode cannot be used with vxlan tunneling');
    expect(says({ routingMode: "native", ipam: "kubernetes" })).toMatch(/^native routing cidr must be configured .* --ipam=kubernetes$/);
    expect(says({ ...replacing, nodePortRange: { first: 61_000, last: 62_000 } })).toBe(
      "NodePort port range (61000-62000) is not allowed to be after ephemeral port range (32768-60999)",
    );
    // The agent's checks of DSR and of port ranges come after it is known that there is NodePort.
    expect(says({ lbMode: "dsr" })).toBeNull();
    expect(says({ nodePortRange: { first: 61_000, last: 62_000 } })).toBeNull();
    expect(says({ routingMode: "native", ipam: "eni" })).toBeNull();
    expect(says({ routingMode: "native", enableIpv4Masquerade: false })).toBeNull();
    expect(says({ enableNodePort: true, enableBpfMasquerade: true }, { cilium: "1.16.4" })).toBeNull();
    expect(says({ lbAcceleration: "native" })).toBeNull();
    expect(says({ enableHubble: true, hubbleEventBufferCapacity: 4096 })).toBeNull();
  });

  it("takes policy maps back into their bounds, as the agent does", () => {
    const entries = (policyMapMax: number): number | undefined =>
      resolve({ policyMapMax }).nodes[0]!.maps.find(({ label }) => label.startsWith("policy_v2"))?.entries;
    expect([entries(100_000), entries(10), entries(20_000)]).toEqual([65_536, 256, 20_000]);
    expect(resolve({ policyMapMax: 100_000 }).nodes[0]!.refusal).toBeNull();
  });

  it("counts the backends for which Maglev's table has no slot", () => {
    const small = lint({ ...replacing, lbAlgorithm: "maglev", maglevTableSize: 251 }, { backends: 400 }).find(({ code }) => code === "maglev-table-small");
    expect(small!.why).toContain("149 of them get no connection at all");
  });

  it("orders errors before warnings before notes", () => {
    const order = { error: 0, warning: 1, note: 2 };
    const ranks = lint({ ctTcpMax: 10, lbAlgorithm: "maglev" }).map(({ severity }) => order[severity]);
    expect(ranks).toEqual([...ranks].sort());
  });

  it("checks alerts against the labels and metrics of the release", () => {
    const alerts = (...expressions: string[]) =>
      lint(replacing, { alerts: expressions, cilium: "1.17.5" }).filter(({ code }) => code === "alert-never-matches");
    expect(
      alerts(
        'max by (map_name) (cilium_bpf_map_pressure{map_name=~"ct.*|snat_v4_external"}) > 0.8',
        'cilium_bpf_map_pressure{map_name="cilium_policy_v2_*"} > 0.9',
        'rate(cilium_drop_count_total{reason="CT: Map insertion failed"}[5m]) > 0',
        'rate(cilium_drop_count_total{reason!="Policy denied"}[5m]) > 0',
        "up == 0",
      ),
    ).toEqual([]);
    expect(alerts('cilium_bpf_map_pressure{map_name=~"ct4_globl"} > 0.8')[0]!.why).toContain('there is "ct4_global"');
    expect(alerts('cilium_bpf_map_pressure{map_name="cilium_ct4_global"} > 0.8')[0]!.why).toContain('without "cilium_"');
    expect(alerts("cilium_datapath_conntrack_gc_interval_seconds > 3600")[0]!.why).toContain("has no metric");
    expect(alerts('cilium_drop_count_total{reason=~"("}')[0]!.why).toContain("not a regular expression");
    expect(alerts("cilium_bpf_map_presure > 0.9")[0]!.why).toBe("there is no metric cilium_bpf_map_presure; there is cilium_bpf_map_pressure");
    expect(alerts("cilium_policy_max_revision > 0", "cilium_kvstore_operations_total > 0")).toEqual([]);
    // Prometheus has RE2.
    expect(alerts('cilium_drop_count_total{reason=~"(?i)policy DENIED|ct: .*"} > 0')).toEqual([]);
    expect(alerts('cilium_drop_count_total{reason=~"(?i)polizy.*"} > 0')).toHaveLength(1);
    expect(alerts('cilium_drop_count_total{reason=~"[[:alpha:]]+ (?i:DENIED)"} > 0')).toEqual([]);
    expect(codes(lint({ metrics: ["-cilium_bpf_map_pressure"] }, { alerts: ["cilium_bpf_map_pressure > 0.8"] }))).toContain(
      "alert-never-matches",
    );
  });
});

describe("diffResolutions", () => {
  it("says which maps are replaced and what their connections feel", () => {
    const diff = diffResolutions(resolve(replacing), resolve({ ...replacing, ctTcpMax: 1_000_000 }));
    expect(diff.settings).toEqual([{ setting: "bpf.ctTcpMax", before: "null", after: "1000000" }]);
    expect(diff.facts).toEqual([]);
    const node = diff.nodes[0]!;
    const replaced = node.maps.filter(({ recreatedFor }) => recreatedFor.length > 0);
    expect(replaced.map(({ label }) => label)).toEqual(["ct4_global"]);
    expect(replaced[0]!.recreatedFor).toEqual([{ property: "max entries", pinned: 602_802, wanted: 1_000_000 }]);
    expect(replaced[0]!.peakBytes).toBe(replaced[0]!.before!.memory.created + replaced[0]!.after!.memory.created);
    expect(node.connections).toMatchObject([{ map: "ct4_global", severity: "breaks" }]);
    expect(node.memoryBytes).toBeGreaterThan(0);
  });

  it("compares releases", () => {
    const diff = diffResolutions(resolve({}, { cilium: "1.17.5" }), resolve({}, { cilium: "1.18.0" }));
    expect(diff.cilium).toEqual(["1.17.5", "1.18.0"]);
    expect(diff.facts).toContainEqual({ setting: "nat.tries", before: "128", after: "32" });
    expect(diff.behaviour.map(({ setting }) => setting)).toContain("GC walk");
    const changes = new Map(diff.nodes[0]!.maps.map((map) => [map.label, map]));
    expect(changes.get("policystats")!.before).toBeNull();
    expect(changes.get("policy_v2_*")!.recreatedFor.map(({ property }) => property)).toEqual(["value size"]);
    expect(diff.nodes[0]!.newWarnings.map(({ code }) => code)).toContain("gc-deletes-refreshed");
  });

  it("replaces Maglev's maps when their tables get another size", () => {
    const maglev = { ...replacing, lbAlgorithm: "maglev" } as const;
    const node = diffResolutions(resolve(maglev), resolve({ ...maglev, maglevTableSize: 65_521 })).nodes[0]!;
    const replaced = node.maps.filter(({ recreatedFor }) => recreatedFor.length > 0);
    expect(replaced.map(({ label, recreatedFor }) => [label, recreatedFor])).toEqual([
      ["lb4_maglev", [{ property: "slots of a table", pinned: 16_381, wanted: 65_521 }]],
    ]);
    expect(node.connections).toMatchObject([{ map: "lb4_maglev", severity: "may break" }]);
    // The setting alone does nothing.
    expect(diffResolutions(resolve(replacing), resolve({ ...replacing, maglevTableSize: 65_521 })).nodes[0]!.connections).toEqual([]);
  });

  it("tells fragments and counters from what the agent writes again", () => {
    const lru = { ...replacing, distributedLru: true };
    const { connections } = diffResolutions(resolve(replacing, { cilium: "1.18.0" }), resolve(lru, { cilium: "1.18.0" })).nodes[0]!;
    const effects = new Map(connections.map(({ map, severity, effect }) => [map, `${severity}: ${effect}`]));
    expect(effects.get("ipv4_frag_datagrams")).toMatch(/^may break: fragments/);
    expect(effects.get("policystats")).toMatch(/^unnoticed: counters/);
  });

  it("counts the connections of maps that are used no longer", () => {
    const diff = diffResolutions(resolve({ ...replacing, enableIpv6: true }), resolve({}));
    const lost = diff.nodes[0]!.connections.map(({ map, severity }) => `${severity} ${map}`);
    for (const expected of ["breaks ct6_global", "may break ct_any6_global", "breaks snat_v4_external", "may break lb4_reverse_sk"]) {
      expect(lost).toContain(expected);
    }
    expect(lost.join()).not.toMatch(/neigh|services|ct4_global/);
  });

  it("finds nothing between equals", () => {
    const diff = diffResolutions(resolve(), resolve());
    expect([...diff.settings, ...diff.facts, ...diff.behaviour, ...diff.nodes[0]!.connections]).toEqual([]);
    expect(diff.nodes[0]!.memoryBytes).toBe(0);
  });
});
