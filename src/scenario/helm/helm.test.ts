/** What Helm files of charts 1.14 to 1.19 give: settings, ignored keys, old names, mistakes. */
import { describe, expect, it } from "vitest";
import type { CiliumSettings } from "../../cilium/agent/settings.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { Diagnostics, type Diagnostic } from "../diagnostics.js";
import { SourceText } from "../source.js";
import type { HelmInput } from "../types.js";
import { parseYaml } from "../yaml.js";
import { nestDottedKeys, readHelm } from "./read-helm.js";
import { readValuesFile } from "./values-file.js";

interface Outcome {
  readonly input: HelmInput;
  readonly settings: CiliumSettings;
  readonly problems: readonly Diagnostic[];
}

function helm(cilium: string, texts: string | readonly string[], set?: string): Outcome {
  const found = new Diagnostics();
  const files = [texts].flat().flatMap((text, index) => {
    const path = `values-${index}.yaml`;
    const content = readValuesFile(new SourceText(path, text), found);
    return content === undefined ? [] : [{ path, content }];
  });
  const single = set === undefined ? undefined : parseYaml(new SourceText("set", set), found)?.[0];
  const nested = single?.kind === "map" ? nestDottedKeys(single, found) : undefined;
  const { input } = readHelm({ profile: ciliumProfile(cilium), files, set: nested }, found);
  return { input, settings: input.settings, problems: found.sorted() };
}

function settings(cilium: string, texts: string | readonly string[], set?: string): CiliumSettings {
  const outcome = helm(cilium, texts, set);
  expect(outcome.problems.map(({ message }) => message)).toEqual([]);
  return outcome.settings;
}

function problem(cilium: string, text: string): Diagnostic {
  const { problems } = helm(cilium, text);
  expect(problems).toHaveLength(1);
  return problems[0]!;
}

/** The kind of file that people have: old words, old lists as text, keys that decide nothing here. */
const REAL_FILES: readonly (readonly [release: string, lines: readonly string[]])[] = [
  [
    "1.14.5",
    [
      'devices: "eth+ eno1+"',
      "cni: { chainingMode: generic-veth, customConf: true }",
      'tunnel: "disabled"',
      'kubeProxyReplacement: "disabled"',
    ],
  ],
  [
    "1.17.6",
    [
      "---",
      "bpf: { datapathMode: netkit, preallocateMaps: true }",
      "bpfClockProbe: true",
      "devices: enp+",
      "bgpControlPlane: { enabled: true }",
    ],
  ],
  ["1.15.5", ["cilium:", '  kubeProxyReplacement: "strict"', '  k8sServiceHost: "127.0.0.1"']],
  [
    "1.16.4",
    ["l2announcements: { enabled: true, leaseDuration: 150s }", "k8sClientRateLimit: { qps: 30 }", "clustermesh: { useAPIServer: true }"],
  ],
];

const RELEASES = ["1.14.5", "1.15.5", "1.16.4", "1.17.6", "1.18.0", "1.19.3"];

describe("values that matter", () => {
  it.each(RELEASES)("are read by %s", (release) => {
    const text = `
kubeProxyReplacement: "true"
routingMode: native
ipv4NativeRoutingCIDR: 10.0.0.0/8
bpf: { ctTcpMax: 524288, ctAnyMax: "262144", natMax: 524287, neighMax: ~, policyMapMax: 65536, lbMapMax: 131072, masquerade: true,
  monitorAggregation: maximum, monitorInterval: 10s, monitorFlags: "syn,fin", preallocateMaps: true, hostLegacyRouting: false }
conntrackGCInterval: 2m30s
conntrackGCMaxInterval: 30m
socketLB: { hostNamespaceOnly: true }
loadBalancer: { mode: hybrid, algorithm: maglev, acceleration: best-effort, dsrDispatch: geneve, serviceTopology: true }
maglev: { tableSize: 65521, hashSeed: JLfvgnHc2kaSUFaI }
nodePort: { range: "30000,31000" }
hubble: { eventBufferCapacity: 8191, eventQueueSize: 16384, metrics: { enabled: [drop, "flow:sourceContext=pod"], port: 9966 } }
prometheus: { enabled: true, port: 9963, metrics: [+cilium_bpf_map_pressure] }
policyEnforcementMode: Always
l7Proxy: false
egressGateway: { enabled: true, maxPolicyEntries: 32768 }
encryption: { enabled: true, type: wireguard }
`;
    expect(settings(release, text)).toMatchObject({
      kubeProxyReplacement: true,
      routingMode: "native",
      ipv4NativeRoutingCidr: "10.0.0.0/8",
      ctTcpMax: 524_288,
      ctAnyMax: 262_144,
      natMax: 524_287,
      neighMax: null,
      policyMapMax: 65_536,
      lbMapMax: 131_072,
      enableBpfMasquerade: true,
      monitorAggregation: "maximum",
      monitorAggregationInterval: 10e9,
      monitorAggregationFlags: 3,
      preallocateMaps: true,
      conntrackGcInterval: 150e9,
      conntrackGcMaxInterval: 1800e9,
      socketLbHostNamespaceOnly: true,
      lbMode: "hybrid",
      lbAlgorithm: "maglev",
      lbAcceleration: "best-effort",
      dsrDispatch: "geneve",
      maglevTableSize: 65_521,
      nodePortRange: { first: 30_000, last: 31_000 },
      hubbleEventBufferCapacity: 8191,
      hubbleEventQueueSize: 16_384,
      hubbleMetrics: ["drop", "flow:sourceContext=pod"],
      hubbleMetricsPort: 9966,
      prometheusPort: 9963,
      metrics: ["+cilium_bpf_map_pressure"],
      policyEnforcement: "always",
      enableL7Proxy: false,
      enableEgressGateway: true,
      egressGatewayPolicyMapMax: 32_768,
      enableWireguard: true,
      enableIpsec: false,
    });
  });

  it("later files win over earlier ones, and single values over files, dotted or nested", () => {
    const files = ["bpf: { ctTcpMax: 1024, ctAnyMax: 1024, natMax: 1024 }", "bpf: { ctAnyMax: 2048, natMax: 2048 }"];
    expect(settings("1.17", files, "bpf.natMax: 4096\nbpf: { policyMapMax: 512 }")).toMatchObject({
      ctTcpMax: 1024,
      ctAnyMax: 2048,
      natMax: 4096,
      policyMapMax: 512,
    });
  });

  it("null gives a default back", () => {
    expect(settings("1.17", ["bpf: { ctTcpMax: 1024, policyMapMax: 512 }", "bpf: { ctTcpMax: ~, policyMapMax: null }"])).toMatchObject({
      ctTcpMax: null,
      policyMapMax: 16_384,
    });
  });

  it("say where they stand", () => {
    const { origins } = helm("1.17", ["bpf:\n  ctTcpMax: 1024", "# second\nroutingMode: native"]).input;
    expect(origins).toEqual({ ctTcpMax: "values-0.yaml:2 bpf.ctTcpMax", routingMode: "values-1.yaml:2 routingMode" });
  });

  it("an empty file changes nothing", () => {
    expect(helm("1.17", "").input).toEqual(
      helm("1.17", []).input.files.length === 0 ? { ...helm("1.17", []).input, files: ["values-0.yaml"] } : null,
    );
  });
});

describe("what the chart leaves out", () => {
  it("0 is no size", () => {
    expect(settings("1.17", "bpf: { ctTcpMax: 0, natMax: 0 }")).toMatchObject({ ctTcpMax: null, natMax: null });
  });

  it("a ratio of 0 becomes the default, with a remark", () => {
    const { settings: read, problems } = helm("1.17", "bpf: { mapDynamicSizeRatio: 0 }");
    expect(read.mapDynamicSizeRatio).toBe(0.0025);
    expect(problems[0]).toMatchObject({ severity: "warning", expected: expect.stringContaining("extraConfig") as string });
    expect(settings("1.17", 'extraConfig: { bpf-map-dynamic-size-ratio: "0" }').mapDynamicSizeRatio).toBe(0);
  });

  it("Hubble's keys while Hubble is off", () => {
    expect(settings("1.17", "hubble: { enabled: false, eventQueueSize: 5 }")).toMatchObject({
      enableHubble: false,
      hubbleEventQueueSize: null,
    });
  });

  it("switches of single features while kube-proxy is replaced", () => {
    const parts = "nodePort: { enabled: true }\nhostPort: { enabled: true }\nexternalIPs: { enabled: true }\n";
    expect(settings("1.14.5", `kubeProxyReplacement: "false"\n${parts}`)).toMatchObject({
      enableNodePort: true,
      enableHostPort: true,
      enableExternalIps: true,
    });
    expect(settings("1.14.5", `kubeProxyReplacement: "true"\n${parts}`)).toMatchObject({
      kubeProxyReplacement: true,
      enableNodePort: false,
    });
  });
});

describe("releases differ", () => {
  it("kubeProxyReplacement: strict works up to 1.15 and is refused from 1.16 on", () => {
    for (const release of ["1.14.5", "1.15.5"]) {
      const { settings: read, problems } = helm(release, "kubeProxyReplacement: strict");
      expect(read.kubeProxyReplacement).toBe(true);
      expect(problems[0]).toMatchObject({ severity: "warning", message: expect.stringContaining("deprecated") as string });
    }
    expect(helm("1.14.5", "kubeProxyReplacement: partial\nnodePort: { enabled: true }").settings).toMatchObject({
      kubeProxyReplacement: false,
      enableNodePort: true,
    });
    expect(problem("1.16.0", "kubeProxyReplacement: strict")).toMatchObject({ severity: "error", expected: "one of true, false" });
    expect(problem("1.16.0", "kubeProxyReplacement: ture")).toMatchObject({ severity: "error", nearest: "true" });
  });

  it("tunnel works in 1.14, and is refused from 1.16 on", () => {
    expect(settings("1.14.5", "tunnel: disabled").routingMode).toBe("native");
    expect(settings("1.14.5", "tunnel: geneve")).toMatchObject({ routingMode: "tunnel", tunnelProtocol: "geneve" });
    expect(helm("1.15.5", "tunnel: disabled").settings.routingMode).toBe("tunnel");
    expect(helm("1.15.5", "tunnel: disabled").problems[0]!.severity).toBe("warning");
    expect(problem("1.16.4", "tunnel: disabled")).toMatchObject({
      severity: "error",
      expected: expect.stringContaining("routingMode") as string,
    });
  });

  it("bpf.distributedLRU came with 1.17.2", () => {
    expect(problem("1.17.1", "bpf: { distributedLRU: { enabled: true } }")).toMatchObject({
      severity: "warning",
      message: expect.stringContaining("charts have it from 1.17.2 on") as string,
    });
    expect(settings("1.17.2", "bpf: { distributedLRU: { enabled: true } }").distributedLru).toBe(true);
  });

  it("large numbers need quotes before 1.16.8, 1.17.2 and 1.18", () => {
    for (const release of ["1.14.5", "1.15.5", "1.16.7", "1.17.1"]) {
      const { settings: read, problems } = helm(release, "bpf: { ctTcpMax: 2097152 }");
      expect(read.ctTcpMax).toBe(2_097_152);
      expect(problems[0]).toMatchObject({ severity: "warning", message: expect.stringContaining("2.097152e+06") as string });
      expect(helm(release, 'bpf: { ctTcpMax: "2097152" }').problems).toEqual([]);
      expect(helm(release, "bpf: { ctTcpMax: 999999 }").problems).toEqual([]);
      expect(helm(release, "", "bpf.ctTcpMax: 2097152").problems).toEqual([]);
    }
    for (const release of ["1.16.8", "1.17.2", "1.18.0", "1.19.0"])
      expect(helm(release, "bpf: { ctTcpMax: 2097152 }").problems).toEqual([]);
  });

  it("upgradeCompatibility brings early defaults back", () => {
    expect(settings("1.14.5", 'upgradeCompatibility: "1.7"')).toMatchObject({ ctTcpMax: 524_288, ctAnyMax: 262_144 });
    expect(settings("1.14.5", 'upgradeCompatibility: "1.9"')).toMatchObject({ ctTcpMax: null, enableBpfMasquerade: true });
    expect(settings("1.14.5", 'upgradeCompatibility: "1.10"').enableBpfMasquerade).toBe(false);
  });

  it("GKE, AKS and ENI decide the routing", () => {
    expect(settings("1.17.6", "gke: { enabled: true }")).toMatchObject({ routingMode: "native", enableEndpointRoutes: true });
    expect(settings("1.17.6", "aksbyocni: { enabled: true }").routingMode).toBe("tunnel");
  });
});

describe("keys that decide nothing here", () => {
  const text = `
cluster: { name: prod, id: 7 }
operator: { replicas: 2, resources: { limits: { memory: 1Gi } } }
podAnnotations: { anything.example/x: y }
affinity: { nodeAffinity: { whatever: [1] } }
hubble: { relay: { enabled: true, image: { tag: v1 } }, ui: { enabled: true } }
tolerations: [{ operator: Exists }]
global: { registry: example }
`;
  it.each(RELEASES)("are accepted and counted by %s", (release) => {
    const { input, problems } = helm(release, text);
    expect(problems).toEqual([]);
    expect(input.ignored).toBe(10);
    expect(input.origins).toEqual({});
  });
});

describe("mistyped keys", () => {
  it.each([
    ["bpf: { ctTcpMaks: 1 }", "bpf.ctTcpMax"],
    ["bpf: { cttcpmax: 1 }", "bpf.ctTcpMax"],
    ["bpff: { ctTcpMax: 1 }", "bpf"],
    ["kubeproxyreplacement: true", "kubeProxyReplacement"],
    ["loadBalancer: { algoritm: maglev }", "loadBalancer.algorithm"],
    ["hubble: { metrics: { enbled: [drop] } }", "hubble.metrics.enabled"],
    ["bpf.ctTcpMax: 1", "bpf: ctTcpMax"],
  ])("%s", (text, nearest) => {
    for (const release of RELEASES) expect(problem(release, text)).toMatchObject({ severity: "error", nearest });
  });

  it("that would have changed nothing are remarked on", () => {
    expect(problem("1.17", "cgroup: { automount: { enabled: false } }")).toMatchObject({
      severity: "warning",
      nearest: "cgroup.autoMount",
    });
    expect(problem("1.17", "rolloutCiliumPods: true")).toMatchObject({ severity: "warning", nearest: "rollOutCiliumPods" });
  });

  it("a key that nothing resembles is a remark", () => {
    expect(problem("1.17", "companyInternalThing: 5")).toMatchObject({ severity: "warning", nearest: null, line: 1, column: 1 });
  });

  it("names of other releases are remarked on with their successor", () => {
    expect(problem("1.17", "nativeRoutingCIDR: 10.0.0.0/8")).toMatchObject({
      severity: "warning",
      expected: "ipv4NativeRoutingCIDR instead",
    });
    expect(problem("1.17", "nodePort: { mode: dsr }")).toMatchObject({ severity: "warning", expected: "loadBalancer.mode instead" });
    expect(problem("1.17", "hostServices: { enabled: true }")).toMatchObject({ severity: "warning", expected: "socketLB instead" });
    expect(problem("1.16.4", "remoteNodeIdentity: true").severity).toBe("error");
  });
});

describe("wrong values", () => {
  it.each([
    ["bpf: { ctTcpMax: lots }", '1:18 bpf.ctTcpMax can\'t be "lots"', /a whole number/, null],
    ["bpf: { ctTcpMax: -5 }", '1:18 bpf.ctTcpMax can\'t be "-5"', /a whole number/, null],
    ["bpf: { ctTcpMax: [1] }", "1:18 bpf.ctTcpMax can't be a list", /a single value/, null],
    ["bpf: 5", "1:6 bpf is a group of keys; it can't be the number 5", /keys below bpf/, null],
    ["loadBalancer: { mode: drs }", '1:23 loadBalancer.mode can\'t be "drs"', /one of snat, dsr, hybrid/, "dsr"],
    ["conntrackGCInterval: 5 minutes", '1:22 conntrackGCInterval can\'t be "5 minutes"', /a duration/, null],
    ["maglev: { tableSize: 16384 }", '1:22 maglev.tableSize can\'t be "16384"', /16381/, "16381"],
    ["maglev: { hashSeed: short }", '1:21 maglev.hashSeed can\'t be "short"', /12 bytes/, null],
    ["hubble: { eventBufferCapacity: 4096 }", '1:32 hubble.eventBufferCapacity can\'t be "4096"', /power of two/, null],
    ['nodePort: { range: "31000,30000" }', '1:20 nodePort.range can\'t be "31000,30000"', /the smaller first/, null],
    ["bpf: { masquerade: perhaps }", '1:20 bpf.masquerade can\'t be "perhaps"', /true or false/, null],
    ["bpf: { monitorFlags: 'syn,foo' }", '1:22 bpf.monitorFlags can\'t be "syn,foo"', /some of fin, syn/, null],
  ])("%s", (text, where, expected, nearest) => {
    const found = problem("1.17", text);
    expect(`${found.line}:${found.column} ${found.message}`).toBe(where);
    expect(found.expected).toMatch(expected);
    expect(found.nearest).toBe(nearest);
  });
});

describe("extraConfig and extraArgs", () => {
  it("win over values, arguments over everything", () => {
    const text = `
bpf: { ctTcpMax: 1024, ctAnyMax: 1024, natMax: 1024 }
extraConfig: { bpf-ct-global-any-max: "2048", bpf-nat-global-max: "2048", bpf-ct-timeout-regular-tcp: 1h0m0s }
extraArgs: ["--bpf-nat-global-max=4096", --bpf-sock-rev-map-max, "8192", --bpf-lb-external-clusterip]
`;
    const { settings: read, input } = helm("1.17", text);
    expect(read).toMatchObject({
      ctTcpMax: 1024,
      ctAnyMax: 2048,
      natMax: 4096,
      sockRevMax: 8192,
      lbExternalClusterIp: true,
      ctTimeoutRegularTcp: 3600,
    });
    expect(input.origins.natMax).toBe("values-0.yaml:4 --bpf-nat-global-max");
    expect(input.origins.ctAnyMax).toBe("values-0.yaml:3 extraConfig.bpf-ct-global-any-max");
  });

  it("a value that is no text is remarked on: Kubernetes would refuse the ConfigMap", () => {
    expect(problem("1.18", "extraConfig: { bpf-policy-map-max: 65536 }")).toMatchObject({
      severity: "warning",
      message: expect.stringContaining("is the number 65536: the chart writes it without quotes") as string,
      expected: 'quotes, "65536"',
    });
    expect(helm("1.18", "extraConfig: { bpf-policy-map-max: 65536 }").settings.policyMapMax).toBe(65_536);
    expect(problem("1.18", "extraConfig: { enable-tcx: false }")).toMatchObject({ expected: 'quotes, "false"' });
  });

  it("a near miss of a flag is remarked on, unknown ones are counted", () => {
    const found = problem("1.17", 'extraConfig: { bpf-ct-global-tpc-max: "1" }');
    expect(found).toMatchObject({ severity: "warning", nearest: "bpf-ct-global-tcp-max" });
    expect(helm("1.17", 'extraConfig: { company-flag: "1", cluster-id: "2" }')).toMatchObject({ problems: [], input: { ignored: 2 } });
  });
});

describe("a ConfigMap", () => {
  const configMap = (data: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: cilium-config, namespace: kube-system }\ndata:\n${data}`;

  it("is read as the agent reads it", () => {
    const text = configMap(
      '  bpf-ct-global-tcp-max: "1024"\n  kube-proxy-replacement: "true"\n  enable-ipv6: "false"\n  cluster-id: "7"\n  hubble-metrics: dns drop\n',
    );
    expect(settings("1.17", text)).toMatchObject({ ctTcpMax: 1024, kubeProxyReplacement: true, hubbleMetrics: ["dns", "drop"] });
    expect(helm("1.17", text).input).toMatchObject({ ignored: 1, origins: { ctTcpMax: "values-0.yaml:5 bpf-ct-global-tcp-max" } });
  });

  it("with names that were renamed since", () => {
    const text = configMap(
      '  ct-global-max-entries-tcp: "1024"\n  node-port-mode: dsr\n  masquerade: "false"\n  native-routing-cidr: 10.0.0.0/8\n',
    );
    expect(settings("1.14", text)).toMatchObject({
      ctTcpMax: 1024,
      lbMode: "dsr",
      enableIpv4Masquerade: false,
      ipv4NativeRoutingCidr: "10.0.0.0/8",
    });
    expect(helm("1.14", configMap("  tunnel: disabled\n")).settings.routingMode).toBe("native");
  });

  it("is found in a list and in the output of helm template", () => {
    const other = "kind: ConfigMap\nmetadata: { name: other }\ndata: { a: b }\n";
    const item = (name: string): string => `- { kind: ConfigMap, metadata: { name: ${name} }, data: { bpf-nat-global-max: "2048" } }\n`;
    const list = `kind: List\nitems:\n${item("other")}${item("cilium-config")}`;
    expect(settings("1.17", list).natMax).toBe(2048);
    expect(settings("1.17", `${other}---\n${configMap('  bpf-nat-global-max: "2048"\n')}`).natMax).toBe(2048);
    expect(problem("1.17", `${other}---\n${other}`)).toMatchObject({
      severity: "error",
      message: expect.stringContaining("named cilium-config") as string,
    });
  });

  it("refuses what the agent refuses", () => {
    expect(problem("1.17", configMap("  bpf-nat-global-max: 2.097152e+06\n"))).toMatchObject({ severity: "error", line: 5 });
    expect(problem("1.17", configMap("  bpf-nat-global-max: [1]\n")).message).toMatch(/can't be a list/);
  });
});

describe("wrapped values", () => {
  it("of a HelmRelease and of an umbrella chart are found", () => {
    expect(settings("1.17", "kind: HelmRelease\nspec: { values: { bpf: { natMax: 2048 } } }").natMax).toBe(2048);
    expect(settings("1.17", "cilium: { bpf: { natMax: 2048 } }\nother: { x: 1 }").natMax).toBe(2048);
  });

  it("of a HelmRelease are found beside other objects", () => {
    const repository = "kind: HelmRepository\nmetadata: { name: cilium }\n";
    const release = (name: string, natMax: number): string =>
      `kind: HelmRelease\nmetadata: { name: ${name} }\nspec: { values: { bpf: { natMax: ${natMax} } } }\n`;
    expect(settings("1.17", [repository, release("other", 1024), release("cilium", 2048)].join("---\n")).natMax).toBe(2048);
  });

  it.each([
    ["kind: HelmRelease\nspec: { valuesFrom: [] }", /the values of a HelmRelease can't be nothing/],
    ["kind: HelmChartConfig\napiVersion: helm.cattle.io/v1\nspec: { valuesContent: x }", /an object of kind HelmChartConfig, not values/],
  ])("that are no values are refused: %j", (text, message) => {
    expect(problem("1.17", text).message).toMatch(message);
  });
});

describe("files as people have them", () => {
  it.each(REAL_FILES)("%s: %j", (release, lines) => {
    expect(helm(release, lines.join("\n")).problems.filter(({ severity }) => severity === "error")).toEqual([]);
  });
});

describe("files that are no values", () => {
  it.each([
    ["- a\n- b", /Helm values can't be a list/],
    ["just text", /Helm values can't be the text/],
    ["a: 1\n---\nb: 2\n", /a second document/],
    ["a: [", /this is no YAML/],
  ])("%j", (text, message) => {
    expect(
      helm("1.17", text)
        .problems.map((each) => each.message)
        .join("\n"),
    ).toMatch(message);
  });

  it("single values that are given twice", () => {
    expect(helm("1.17", "", "bpf.natMax: 1024\nbpf: { natMax: 2048 }").problems[0]!.message).toBe('"natMax" is already set, in line 1');
  });
});
