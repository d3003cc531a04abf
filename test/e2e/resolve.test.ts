/** `ctlab resolve` as a user runs it: what it prints, what it refuses, and that its answers hold together. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { MapDocument, NodeDocument, ResolveDiffDocument, ResolveDocument } from "../../src/report/resolve-document.js";
import { ctlab, ctlabHere, ROOT, scratch, type CliOptions } from "./cli.js";

const HELM = join("test", "fixtures", "helm");
const GIB = 2 ** 30;
const folder = scratch();
afterAll(folder.remove);

const file = (name: string): string => join(HELM, name);

async function json<Document = ResolveDocument>(args: readonly string[], options?: CliOptions): Promise<Document> {
  const command = ["resolve", ...args, "--json"];
  const { stdout, stderr, code } = options?.input === undefined ? await ctlabHere(command) : await ctlab(command, options);
  expect(code, stderr).not.toBe(2);
  return JSON.parse(stdout) as Document;
}

/** Line of a fixture on which a text first stands. */
function lineWith(name: string, text: string): number {
  return readFileSync(join(ROOT, HELM, name), "utf8").split("\n").findIndex((line) => line.includes(text)) + 1;
}

/** Prose without its line ends. */
function unwrapped(text: string): string {
  return text.replace(/\s+/g, " ");
}

function mapOf({ maps }: NodeDocument, name: string): MapDocument {
  const map = maps.find((each) => each.map === name);
  expect(map, `${name} among ${maps.map((each) => each.map).join(", ")}`).toBeDefined();
  return map!;
}

function sizes(node: NodeDocument): Record<string, number> {
  const names = { tcp: "ct4_global", any: "ct_any4_global", nat: "snat_v4_external", neigh: "nodeport_neigh4", sockRev: "lb4_reverse_sk" };
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, mapOf(node, name).entries]));
}

/** Dynamic sizing written out anew: bytes of all five maps at their defaults, and a default's share. */
function share(memoryBytes: number, ratio: number, preset: number, sockRevBytes: number): number {
  const divisor = (524_288 + 262_144) * 94 + 524_288 * 94 + 524_288 * 24 + 262_144 * sockRevBytes;
  return Number((BigInt(preset) * BigInt(Math.trunc(memoryBytes * ratio))) / BigInt(divisor));
}
/** Key and value of a production agent's socket reverse NAT entry, and of Cilium's own tests. */
const SOCK_REV = 52;
const SOCK_REV_OF_TESTS = 48;

describe("sizes", () => {
  const full = ["--cilium", "1.19", "--set", "kubeProxyReplacement=true"];

  it("follow the formula at every row of Cilium's table of memory sizes", async () => {
    // Rows of Cilium's own test, whose socket reverse NAT element is 48 bytes: they pin the formula above.
    const published = [
      [16, 151_765, 75_882],
      [30, 284_560, 142_280],
      [240, 2_276_484, 1_138_242],
      [360, 3_414_726, 1_707_363],
    ] as const;
    for (const [gib, tcp, any] of published) {
      expect(share(gib * GIB, 0.0025, 524_288, SOCK_REV_OF_TESTS)).toBe(tcp);
      expect(share(gib * GIB, 0.0025, 262_144, SOCK_REV_OF_TESTS)).toBe(any);
    }
    const { nodes } = await json([...full, ...[1, 13, 16, 30, 240, 360].flatMap((gib) => ["--node", `8cpu,${gib}Gi`])]);
    const floors = { tcp: 131_072, any: 65_536, nat: 131_072, neigh: 131_072, sockRev: 65_536 };
    for (const node of nodes.slice(0, 2)) {
      expect(sizes(node)).toEqual(floors);
      expect(mapOf(node, "ct4_global").origin).toMatchObject({ kind: "floor", setting: "bpf.mapDynamicSizeRatio", given: null });
    }
    for (const node of nodes.slice(2)) {
      const tcp = share(node.totalMemoryBytes, 0.0025, 524_288, SOCK_REV);
      const any = share(node.totalMemoryBytes, 0.0025, 262_144, SOCK_REV);
      expect(sizes(node)).toEqual({ tcp, any, nat: tcp, neigh: tcp, sockRev: any });
      expect(mapOf(node, "ct4_global").origin).toMatchObject({ kind: "share of memory", computed: tcp });
    }
  });

  it("agree with a real agent's log, to the entry", async () => {
    const { nodes } = await json([...full, "--node", "64cpu,404311371776B"]);
    expect(sizes(nodes[0]!)).toEqual({ tcp: 3_546_590, any: 1_773_295, nat: 3_546_590, neigh: 3_546_590, sockRev: 1_773_295 });
  });

  it("meet their ceiling, explicit values and the NAT rule", async () => {
    const top = (await json([...full, "--node", "8cpu,16Gi", "--set", "bpf.mapDynamicSizeRatio=0.98"])).nodes[0]!;
    expect(Object.values(sizes(top))).toEqual(Array(5).fill(16_777_216));
    expect(mapOf(top, "ct_any4_global").origin.kind).toBe("ceiling");
    const set = (await json([...full, "--node", "8cpu,128Gi", "--set", "bpf.ctTcpMax=524288,bpf.ctAnyMax=262144"])).nodes[0]!;
    const sockRev = share(128 * GIB, 0.0025, 262_144, SOCK_REV);
    expect(share(128 * GIB, 0.0025, 262_144, SOCK_REV_OF_TESTS)).toBe(607_062);
    expect(sizes(set)).toEqual({ tcp: 524_288, any: 262_144, nat: 524_288, neigh: 524_288, sockRev });
    expect(mapOf(set, "ct4_global").origin).toMatchObject({ kind: "given", given: { file: "--set", line: null, name: "bpf.ctTcpMax" } });
    expect(mapOf(set, "snat_v4_external").origin).toMatchObject({ kind: "two thirds of conntrack" });
    expect(mapOf(set, "nodeport_neigh4").origin.kind).toBe("follows NAT");
  });

  it("are rounded up to CPUs with distributed LRU", async () => {
    const cpus = [1, 2, 6, 12, 16];
    const tcp = share(3 * GIB, 0.051, 524_288, SOCK_REV);
    expect(share(3 * GIB, 0.051, 524_288, SOCK_REV_OF_TESTS)).toBe(580_503);
    const { nodes } = await json([
      ...full,
      ...cpus.flatMap((count) => ["--node", `${count}cpu,3Gi`]),
      "--set",
      "bpf.mapDynamicSizeRatio=0.051,bpf.distributedLRU.enabled=true",
    ]);
    expect(nodes.map((node) => sizes(node)["tcp"])).toEqual(cpus.map((count) => Math.ceil(tcp / count) * count));
    expect(mapOf(nodes[3]!, "ct4_global").origin).toMatchObject({ kind: "share of memory", computed: tcp, roundedToCpus: 12 });
  });

  it("have the defaults, keys and values of the reference", async () => {
    const args = ["--node", "8cpu,64Gi", "--set", "bpf.masquerade=true,ipMasqAgent.enabled=true,egressGateway.enabled=true,loadBalancer.algorithm=maglev"];
    const { nodes } = await json([...full, ...args, "--set", 'extraConfig.bpf-map-dynamic-size-ratio="0"'.replaceAll('"', "")]);
    const table = nodes[0]!.maps.map(({ map, entries, keyBytes, valueBytes, kind }) => `${map} ${entries} ${keyBytes}+${valueBytes} ${kind}`);
    for (const row of [
      "ct4_global 524288 14+56 LRU hash",
      "ct_any4_global 262144 14+56 LRU hash",
      "snat_v4_external 524288 14+40 LRU hash",
      "nodeport_neigh4 524288 4+8 LRU hash",
      "lb4_reverse_sk 262144 16+8 LRU hash",
      "policy_v2_* 16384 12+8 LPM trie",
      "policystats 65536 12+16 per-CPU LRU hash",
      "lb4_services_v2 65536 12+12 hash",
      "lb4_affinity 65536 16+16 LRU hash",
      "lb4_source_range 65536 12+1 LPM trie",
      "lb4_maglev 65536 2+4 hash of maps",
      "ipv4_frag_datagrams 8192 12+4 LRU hash",
      "auth_map 524288 12+8 hash",
      "node_map 16384 20+4 hash",
      "ipcache_v2 512000 24+12 LPM trie",
      "lxc 65535 20+48 hash",
      "ipmasq_v4 16384 8+1 LPM trie",
      "egress_gw_policy_v4 16384 12+8 LPM trie",
      "metrics 1024 8+16 per-CPU hash",
    ]) {
      expect(table).toContain(row);
    }
    expect(mapOf(nodes[0]!, "ct4_global").origin.kind).toBe("static default");
  });
});

describe("Helm files as people have them", () => {
  const node = ["--node", "16cpu,64Gi"];
  const given = (document: ResolveDocument): Record<string, string> =>
    Object.fromEntries(
      document.values.given.map(({ setting, value, given: { file: path, line, name } }) => [
        setting,
        `${JSON.stringify(value)} ${path.slice(HELM.length + 1)}:${line} ${name}`,
      ]),
    );

  it("of 1.14, with the words of that time", async () => {
    const document = await json(["-f", file("values-1.14.yaml"), ...node, "--cilium", "1.14.5", "--kernel", "5.15"]);
    expect(given(document)).toMatchObject({
      "bpf.ctTcpMax": "524288 values-1.14.yaml:11 bpf.ctTcpMax",
      "bpf.ctAnyMax": "262144 values-1.14.yaml:12 bpf.ctAnyMax",
      kubeProxyReplacement: "true values-1.14.yaml:2 kubeProxyReplacement",
      routingMode: '"native" values-1.14.yaml:5 tunnel',
      "hubble.enabled": "true values-1.14.yaml:20 hubble.enabled",
    });
    expect(document.remarks.map(({ line, message }) => `${line} ${message}`)).toEqual([
      "2 kubeProxyReplacement: strict is deprecated; it works as true",
      expect.stringContaining("13 chart 1.14.5 does not read bpf.clockProbe"),
    ]);
    expect(document.values.ignored).toBeGreaterThan(5);
  });

  it("of 1.15 to 1.19, in other shapes", async () => {
    const umbrella = await json(["-f", file("values-1.15.yaml"), ...node, "--cilium", "1.15.5"]);
    expect(given(umbrella)).toEqual({
      kubeProxyReplacement: "true values-1.15.yaml:2 kubeProxyReplacement",
      "ipam.mode": `"kubernetes" values-1.15.yaml:${lineWith("values-1.15.yaml", "mode: kubernetes")} ipam.mode`,
      "bpf.policyMapMax": `32768 values-1.15.yaml:${lineWith("values-1.15.yaml", "policyMapMax")} bpf.policyMapMax`,
      "bpf.lbMapMax": `131072 values-1.15.yaml:${lineWith("values-1.15.yaml", "lbMapMax")} bpf.lbMapMax`,
    });
    expect(mapOf(umbrella.nodes[0]!, "lb4_backends_v3")).toMatchObject({ entries: 131_072, origin: { kind: "given", setting: "bpf.lbMapMax" } });

    const gitops = await json(["-f", file("values-1.16.yaml"), ...node, "--cilium", "1.16.4"]);
    expect(gitops.nodes[0]!.maglevBytesPerService).toBeGreaterThanOrEqual(4 * 65_521);
    expect(mapOf(gitops.nodes[0]!, "ct4_global").origin).toMatchObject({ kind: "share of memory", given: { line: lineWith("values-1.16.yaml", "mapDynamicSizeRatio") } });
    expect(gitops.remarks).toMatchObject([{ line: lineWith("values-1.16.yaml", "rolloutCiliumPods"), nearest: "rollOutCiliumPods" }]);

    const fast = await json(["-f", file("values-1.17.yaml"), ...node, "--cilium", "1.17.6", "--kernel", "6.12"]);
    expect(mapOf(fast.nodes[0]!, "ct4_global").kind).toBe("LRU hash, a list for each CPU");
    expect(fast.nodes[0]!.sizing?.ratio).toBe(0.08);
    expect(fast.remarks).toEqual([]);

    const flux = await json(["-f", file("release-1.18.yaml"), ...node, "--cilium", "1.18.2"]);
    expect(mapOf(flux.nodes[0]!, "ct4_global").entries).toBe(1_048_576);
    expect(mapOf(flux.nodes[0]!, "policystats").entries).toBe(131_072);
    expect(flux.nodes[0]!.gc).toMatchObject({ adaptive: true, maxIntervalNs: 1800e9, given: { line: lineWith("release-1.18.yaml", "conntrackGCMaxInterval"), name: "conntrackGCMaxInterval" } });

    const dual = await json(["-f", file("values-1.19.yaml"), ...node, "--cilium", "1.19"]);
    expect(mapOf(dual.nodes[0]!, "ct6_global").entries).toBe(mapOf(dual.nodes[0]!, "ct4_global").entries);
    expect(mapOf(dual.nodes[0]!, "lb4_affinity")).toMatchObject({ entries: 131_072, origin: { given: { line: lineWith("values-1.19.yaml", "affinity-map-max") } } });
    expect(mapOf(dual.nodes[0]!, "lb6_reverse_sk").entries).toBe(300_000);
    expect(mapOf(dual.nodes[0]!, "ipv4_frag_datagrams")).toMatchObject({ entries: 16_384, origin: { given: { name: "--bpf-fragments-map-max" } } });
    expect(mapOf(dual.nodes[0]!, "lb4_source_range").entries).toBe(1024);
    expect(dual.nodes[0]!.gc).toMatchObject({ adaptive: false, maxIntervalNs: 120e9, intervalMetric: false });
  });

  it("several at once, single values over them, and a ConfigMap from stdin", async () => {
    const over = ["-f", file("values-1.16.yaml"), "-f", file("overlay.yaml"), "--set", "bpf.natMax=null", "--set", "hubble.enabled=false"];
    const document = await json([...over, ...node, "--cilium", "1.16.4"]);
    expect(given(document)).toMatchObject({ "bpf.mapDynamicSizeRatio": "0.01 overlay.yaml:3 bpf.mapDynamicSizeRatio" });
    expect(mapOf(document.nodes[0]!, "snat_v4_external").origin.kind).toBe("share of memory");

    const input = readFileSync(join(ROOT, HELM, "cilium-config.yaml"), "utf8");
    const config = await json(["-f", "-", ...node, "--cilium", "1.18"], { input });
    expect(config.values.files).toEqual(["-"]);
    expect(mapOf(config.nodes[0]!, "ct4_global")).toMatchObject({
      entries: 1_000_000,
      origin: { kind: "given", given: { file: "<stdin>", line: 6, name: "bpf-ct-global-tcp-max" } },
    });
  });
});

describe("the text", () => {
  it("answers first, then lists every map with its origin, GC, warnings and what it rests on", async () => {
    const args = ["-f", file("values-1.14.yaml"), "--node", "16cpu,64Gi:58", "--node", "96cpu,360Gi,200pods:20", "--cilium", "1.14.5"];
    const { stdout, stderr, code } = await ctlabHere(["resolve", ...args, "--alerts", file("rules.yaml"), "--kernel", "5.15"]);
    expect(code).toBe(0);
    expect(stderr).toContain(`${file("values-1.14.yaml")}:2:23: warning: kubeProxyReplacement: strict is deprecated`);
    expect(stdout).toMatch(/^Cilium 1\.14\.5 · kernel 5\.15\.\d+ · 16cpu,64Gi × 58 · 96cpu,360Gi,200pods × 20 ·\n/);
    expect(stdout).toContain("The agent starts. Its maps take");
    expect(stdout).toMatch(/^all +78 +[\d.]+ GiB$/m);
    expect(stdout).toMatch(/^ct4_global +524,288 +14\+56 +68\.0 MiB +68\.0 MiB +…\S*values-1\.14\.yaml:11 bpf\.ctTcpMax$/m);
    expect(stdout).toMatch(/^snat_v4_external +602,802 .* 0\.0025 of memory$/m);
    expect(stdout).toMatch(/^snat_v4_external +524,288 .* 2\/3 of conntrack, not 3,390,763$/m);
    expect(stdout).toMatch(/^nodeport_neigh4 .* follows NAT$/m);
    expect(stdout).toMatch(/^policy_\* ×110 +16,384 +12\+24 .* default of bpf\.policyMapMax$/m);
    expect(stdout).toMatch(/^policy_\* ×200 /m);
    expect(unwrapped(stdout)).toContain("Entries are read one by one, two system calls each");
    expect(unwrapped(stdout)).toMatch(/warning: alert ConntrackNearlyFull \(\S+rules\.yaml:13\) can never fire/);
    expect(stdout).not.toContain("MapNearlyFull");
    expect(stdout).toContain("note: inserts can fail while GC walks (M3)");
    expect(stdout).toContain("Rests on");
    expect(stdout).not.toContain("\u001b");
    expect(stdout.split("\n").filter((line) => [...line].length > 100)).toEqual([]);
    expect(stdout).not.toMatch(/[ \t]$/m);
  });

  it("stays within its width with long paths, names and numbers", async () => {
    const long = join(folder.path, `${"very-long-name-of-a-values-file-".repeat(4)}.yaml`);
    writeFileSync(long, "kubeProxyReplacement: true\nbpf: { ctTcpMax: 16777216, distributedLRU: { enabled: true } }\n");
    const args = ["-f", long, "--node", "  448 vcpu ,  24576GiB,  100000pods:1000000", "--node", "7cpu,4Gi", "--cilium", "1.17.3"];
    for (const extra of [[], ["--diff-set", "bpf.ctTcpMax=1048577,ipv6.enabled=true"]]) {
      const { stdout, code } = await ctlabHere(["resolve", ...args, ...extra]);
      expect(code).toBe(0);
      expect(stdout.split("\n").filter((line) => [...line].length > 100)).toEqual([]);
    }
  });

  it("--help shows examples and exit codes within the width", async () => {
    const { stdout, code } = await ctlabHere(["resolve", "--help"]);
    expect(code).toBe(0);
    for (const word of ["Examples:", "--diff --cilium 1.18", "--pin > pinned.yaml", "Exit code:", "-f -"]) expect(stdout).toContain(word);
    expect(stdout.split("\n").filter((line) => line.length > 110)).toEqual([]);
    const overview = await ctlabHere(["--help"]);
    expect(overview.stdout).toMatch(/resolve \[options\]/);
  });
});

describe("an agent that does not start", () => {
  it("is said in its own words, with exit code 3", async () => {
    const args = ["resolve", "--node", "8cpu,32Gi", "--cilium", "1.19", "--set", "bpf.natMax=16000000"];
    const { stdout, code } = await ctlabHere(args);
    expect(code).toBe(3);
    expect(unwrapped(stdout)).toContain(
      "The agent does not start. It says: specified NAT tables size 16000000 must not exceed maximum CT table size 452101.",
    );
    const pin = await ctlabHere([...args, "--pin"]);
    expect(pin).toMatchObject({ code: 3, stdout: "" });
    expect(pin.stderr).toContain("nothing to pin");
  });

  it("is told from features that exclude each other", async () => {
    const { stdout, code } = await ctlabHere(["resolve", "--node", "8cpu,32Gi", "--cilium", "1.19", "--set", "bpf.masquerade=true"]);
    expect(code).toBe(3);
    expect(unwrapped(stdout)).toContain("The agent does not start. It says: unable to initialize BPF masquerade support: BPF masquerade requires NodePort");
  });

  it("is not told from what starts without a part of it", async () => {
    const { stdout, code } = await ctlabHere(["resolve", "--node", "8cpu,32Gi", "--cilium", "1.19", "--set", "bpf.datapathMode=netkit,bpf.hostLegacyRouting=true"]);
    expect(code).toBe(3);
    expect(unwrapped(stdout)).toContain("The agent starts. But netkit needs BPF host routing.");
  });
});

describe("comparison", () => {
  const node = ["--node", "16cpu,64Gi:78"];

  it("of two files says what live connections feel", async () => {
    const values = file("values-1.16.yaml");
    const args = ["-f", values, ...node, "--cilium", "1.16.4", "--diff", values, "--diff", file("overlay.yaml"), "--diff-set", "nodePort.enabled=false"];
    const { stdout, code } = await ctlabHere(["resolve", ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain("Live connections break: ct4_global and snat_v4_external lose their entries");
    expect(stdout).toMatch(/^ct4_global +1,205,604 +2,411,209 +\+[\d.]+ MiB +replaced: max entries 1,205,604 → 2,411,209$/m);
    expect(stdout).toMatch(/^snat_v4_external +1,205,604 +300,000 +−[\d.]+ MiB +replaced: max entries /m);
    expect(stdout).toMatch(/^bpf\.mapDynamicSizeRatio +0\.005 +0\.01 +values-1\.16\.yaml:13 → overlay\.yaml:3$/m);
    expect(stdout).toMatch(/78 nodes: [+−][\d.]+ GiB\./);
    const diff = await json<ResolveDiffDocument>(args);
    expect(diff).toMatchObject({ schemaVersion: 1, kind: "diff", before: { kind: "resolution" }, after: { kind: "resolution" } });
    expect(diff.settings.map(({ name }) => name)).toEqual(["bpf.natMax", "bpf.mapDynamicSizeRatio"]);
    const lost = diff.nodes[0]!.connections.filter(({ severity }) => severity === "breaks").map(({ map }) => map);
    expect(lost).toEqual(["ct4_global", "snat_v4_external"]);
  });

  it("counts connections of maps that are used no longer", async () => {
    const args = [...node, "--cilium", "1.19", "--set", "kubeProxyReplacement=true", "--diff-set", "kubeProxyReplacement=false"];
    const diff = await json<ResolveDiffDocument>(args);
    expect(diff.nodes[0]!.maps.find(({ map }) => map === "snat_v4_external")?.fate).toBe("no longer used");
    expect(diff.nodes[0]!.connections).toContainEqual(expect.objectContaining({ map: "snat_v4_external", severity: "breaks" }));
  });

  it("of two releases, and of a file with itself", async () => {
    const args = ["-f", file("release-1.18.yaml"), ...node];
    const upgrade = await json<ResolveDiffDocument>([...args, "--cilium", "1.17.6", "--diff", "--cilium", "1.18.2"]);
    expect([upgrade.before.cilium, upgrade.after.cilium]).toEqual(["1.17.6", "1.18.2"]);
    expect(upgrade.facts).toContainEqual(expect.objectContaining({ name: "nat.tries", before: "128", after: "32" }));
    expect(upgrade.behaviour.map(({ name }) => name)).toContain("GC walk");
    expect(upgrade.nodes[0]!.maps.find(({ map }) => map === "policy_v2_*")).toMatchObject({ fate: "replaced", causes: [{ property: "value size" }] });
    const same = await ctlabHere(["resolve", ...args, "--cilium", "1.18", "--diff", file("release-1.18.yaml")]);
    expect(same.stdout).toContain("No live connection is touched: no map is replaced. No setting changes.");
  });

  it("takes its exit code from what comes", async () => {
    const bad = await ctlabHere(["resolve", ...node, "--cilium", "1.19", "--diff-set", "bpf.ctTcpMax=10"]);
    expect(bad.code).toBe(3);
    expect(unwrapped(bad.stdout)).toContain("The agent does not start with what comes: specified CT tables values 10/");
    const good = await ctlabHere(["resolve", ...node, "--cilium", "1.19", "--set", "bpf.ctTcpMax=10", "--diff-set", "bpf.ctTcpMax=null"]);
    expect(good.code).toBe(0);
  });
});

describe("answers hold together", () => {
  it("a larger ctTcpMax never lowers another capacity", async () => {
    const nodes = ["4cpu,8Gi", "12cpu,64Gi", "16cpu,512Gi"].flatMap((shape) => ["--node", shape]);
    for (const other of ["bpf.ctAnyMax=50000", "bpf.natMax=524288", "extraConfig.bpf-map-dynamic-size-ratio=0"]) {
      let before: ResolveDocument | undefined;
      for (const ctTcpMax of [300_000, 524_288, 4_000_000, 16_777_216]) {
        const set = ["--set", `kubeProxyReplacement=true,ipv6.enabled=true,${other},bpf.ctTcpMax=${ctTcpMax}`];
        const now = await json([...nodes, "--cilium", "1.19", ...set]);
        for (const [index, node] of (before?.nodes ?? []).entries()) {
          for (const map of node.maps) {
            expect(mapOf(now.nodes[index]!, map.map).entries, `${map.map}, ${other}, ${ctTcpMax}`).toBeGreaterThanOrEqual(map.entries);
          }
        }
        before = now;
      }
    }
  });

  it.each([
    ["1.14.5", "values-1.14.yaml", "16cpu,64Gi"],
    ["1.16.4", "values-1.16.yaml", "16cpu,1Ti"],
    ["1.17.6", "values-1.17.yaml", "12cpu,256Gi"],
    ["1.19.6", "values-1.19.yaml", "6cpu,6Gi"],
  ])("pinned values give the same sizes again, also on another node: %s %s", async (cilium, name, shape) => {
    const args = ["-f", file(name), "--cilium", cilium, "--kernel", "6.12"];
    const pinned = await ctlabHere(["resolve", ...args, "--node", shape, "--pin"]);
    expect(pinned.code).toBe(0);
    const path = join(folder.path, `pinned-${cilium}.yaml`);
    writeFileSync(path, pinned.stdout);
    const once = await json([...args, "--node", shape]);
    const again = await json([...args, "-f", path, "--node", shape, "--node", shape.replace(/,.*/, ",48Gi")]);
    expect(sizes(again.nodes[0]!)).toEqual(sizes(once.nodes[0]!));
    expect(again.nodes[0]!.maps.map(({ map, entries }) => [map, entries])).toEqual(once.nodes[0]!.maps.map(({ map, entries }) => [map, entries]));
    expect(sizes(again.nodes[1]!)).toEqual(sizes(once.nodes[0]!));
    expect(again.remarks.filter(({ file: at }) => at === path)).toEqual([]);
    const twice = await ctlabHere(["resolve", ...args, "-f", path, "--node", shape, "--pin"]);
    expect(twice.stdout).toBe(pinned.stdout);
  });

  it("says the same twice, to the byte", async () => {
    const args = ["resolve", "-f", file("values-1.16.yaml"), "--node", "16cpu,64Gi:3", "--cilium", "1.16.4", "--backends", "900", "--json"];
    const [first, second] = [await ctlab(args), await ctlabHere(args)];
    expect(second.stdout).toBe(first.stdout);
    expect(JSON.parse(first.stdout)).toMatchObject({ schemaVersion: 1, kind: "resolution" });
  });
});

describe("bad input", () => {
  it("is reported all at once, with places and nearest names, and nothing on stdout", async () => {
    const { stdout, stderr, code } = await ctlabHere([
      ...["resolve", "-f", file("mistakes.yaml"), "-f", file("overlayy.yaml"), "--set", "bpf.ctTcpMx=5", "--set", "novalue"],
      ...["--node", "16cup,64Gi", "--node", "16cpu", "--cilium", "1.20", "--kernel", "4.19", "--alerts", file("overlay.yaml")],
    ]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    const errors = stderr.split("\n").filter((line) => line.includes(": error: "));
    expect(errors.map((line) => line.replace(HELM, "").replace(/^\//, ""))).toEqual([
      '--cilium:1:1: error: no profile for Cilium "1.20"; known are 1.14 to 1.19, nearest is 1.19.6',
      '--kernel:1:1: error: no profile for Linux "4.19"; known are 5.10 to 6.18, nearest is 5.10',
      '--node:1:1: error: "cup" is no unit of CPUs, memory or pods',
      "--node:1:1: error: the node's memory is missing",
      "mistakes.yaml:2:3: error: chart 1.19.6 knows no key bpf.ctTcpMaks, so it has no effect",
      'mistakes.yaml:3:11: error: bpf.natMax can\'t be "plenty"',
      'mistakes.yaml:5:14: error: loadBalancer.algorithm can\'t be "magelv"',
      "overlayy.yaml:1:1: error: the values file can't be opened: no such file",
      '--set:1:1: error: "novalue" has no value',
      "--set:1:5: error: chart 1.19.6 knows no key bpf.ctTcpMx, so it has no effect",
      "overlay.yaml:1:1: error: no rules stand here",
    ]);
    for (const name of ["16cpu", "bpf.ctTcpMax", "maglev", file("overlay.yaml")]) expect(stderr).toContain(`did you mean "${name}"?`);
    expect(stderr).toContain("11 errors");
    expect(stderr).toContain("   2 |   ctTcpMaks: 1048576\n     |   ^~~~~~~~~");
  });

  it.each<[string, readonly string[], RegExp]>([
    ["nothing said", [], /no release is given[^]*no node is given[^]*2 errors/],
    ["a second release without --diff", ["--node", "1cpu,4Gi", "--cilium", "1.18", "--cilium", "1.19"], /one, or two with --diff/],
    ["three releases", ["--node", "1cpu,4Gi", "--diff", "--cilium", "1.17", "--cilium", "1.18", "--cilium", "1.19"], /more than two releases/],
    ["nothing to compare with", ["--node", "1cpu,4Gi", "--cilium", "1.18", "--diff"], /there is nothing to compare with/],
    ["--pin for several nodes", ["--node", "1cpu,4Gi", "--node", "2cpu,4Gi", "--cilium", "1.18", "--pin"], /several node shapes/],
    ["stdin twice", ["--node", "1cpu,4Gi", "--cilium", "1.18", "-f", "-", "--alerts", "-"], /can't be standard input, which holds values/],
    ["a folder", ["--node", "1cpu,4Gi", "--cilium", "1.18", "-f", "test"], /the values file is a directory/],
    ["an unknown option", ["--nodes", "1cpu,4Gi"], /unknown option '--nodes'[^]*Did you mean --node\?/],
    ["no backends", ["--backends", "0"], /1 or more/],
    ["a word of a later release", ["--node", "1cpu,4Gi", "--cilium", "1.16", "-f", file("values-1.14.yaml")], /refuse kubeProxyReplacement: strict[^]*refuses "tunnel"/],
  ])("%s: exit code 2", async (_name, args, message) => {
    const { stdout, stderr, code } = await (args.includes("-") ? ctlab : ctlabHere)(["resolve", ...args]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
  });
});

describe("start-up", () => {
  /** Packages and Node modules that a module of src/ loads at once, with everything that it imports. */
  function loadedBy(entries: readonly string[]): ReadonlySet<string> {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const text = readFileSync(path, "utf8").replace(/import type [^;]+;/g, "").replace(/export type [^;]+;/g, "");
      for (const [, target] of text.matchAll(/^(?:import|export)\s(?:[^;="]*?from\s)?\s*"([^"]+)";/gm)) {
        if (target!.startsWith(".")) visit(join(dirname(path), target!.replace(/\.js$/, ".ts")));
        else packages.add(target!);
      }
    };
    for (const entry of entries) visit(join(ROOT, "src", entry));
    return packages;
  }

  it("loads nothing that other commands need", () => {
    expect([...loadedBy(["main.ts"])]).toEqual([]);
    expect([...loadedBy(["cli/program.ts"])].filter((name) => !name.startsWith("node:"))).toEqual(["commander"]);
    const needed = loadedBy(["cli/resolve.ts", "resolve/resolve-files.ts", "report/resolve-text.ts", "report/resolve-diff-text.ts"]);
    expect([...needed].filter((name) => !name.startsWith("node:")).sort()).toEqual(["commander", "picocolors", "yaml"]);
  });
});
