/** `ctlab explain` through the built command line: stories of single connections, from a run folder alone. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordedConnection } from "../../src/lab/recorded-files.js";
import type { TraceRecord } from "../../src/lab/trace/result.js";
import { ctlab, ctlabHere, ROOT, scratch, tree, type Finished } from "./cli.js";

/** A conntrack map that refuses when it is full (as engineers believe), a NAT map that evicts, and a pod that may not speak. */
const SCENARIO = `apiVersion: ctlab/v1
name: explained
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 4, memory: 16Gi }
helm:
  set:
    bpf.masquerade: true
    bpf.natMax: 1024
    bpf.ctTcpMax: 65536
    bpf.ctAnyMax: 65536
    routingMode: native
    ipv4NativeRoutingCIDR: 10.244.0.0/16
    kubeProxyReplacement: true
services:
  - { name: shop/stock, port: 80, backends: 3 }
policies:
  - { endpoints: shop/spy, egress: deny }
workloads:
  - name: requests
    from: { workload: shop/api, pods: 4 }
    to: world 203.0.113.10:443
    arrivals: { poisson: 900/s }
    connection: { requests: 3, thinkTime: { exponential: 50ms } }
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 20/s } }
  - { name: spies, from: { workload: shop/spy, pods: 1 }, to: shop/stock, arrivals: { poisson: 2/s }, connection: { connectTimeout: 1500ms } }
duration: 2500ms
observe: { flows: dropped }
variants:
  small-nat: {}
  full-hash: { maps: { ct4_global: { type: hash, maxEntries: 600 } }, helm: { set: { bpf.natMax: 65536 } } }
`;

interface Document {
  readonly noted?: readonly (RecordedConnection & { readonly variant: string })[];
  readonly explanations: readonly {
    readonly variant: string;
    readonly connection: { readonly tuple: string } | null;
    readonly noted: RecordedConnection | null;
    readonly cause: { readonly mechanism: string | null; readonly title: string; readonly evidence: readonly string[] };
    readonly beats: readonly { readonly timeNs: number; readonly text: string }[];
    readonly records: readonly TraceRecord[];
  }[];
  readonly differing: readonly string[];
}

const folder = scratch();
afterAll(folder.remove);
const dir = join(folder.path, "run");

function explain(...args: readonly string[]): Promise<Finished> {
  return ctlab(["explain", dir, ...args], { cwd: folder.path });
}

async function documentOf(...args: readonly string[]): Promise<Document> {
  const { code, stdout, stderr } = await explain(...args, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Document;
}

/** One connection for each reason to drop. */
let dropped: Document;
beforeAll(async () => {
  const file = join(folder.path, "scenario.yaml");
  writeFileSync(file, SCENARIO);
  const { code, stderr } = await ctlab(["run", file, "--seed", "3", "--quiet", "--out", dir]);
  expect([code, stderr]).toEqual([0, ""]);
  // The folder is enough.
  rmSync(file);
  dropped = await documentOf("--dropped");
});

describe("ctlab explain", () => {
  it("lists what the run noted, worst first, and changes nothing in the folder", async () => {
    const before = tree(dir);
    const { noted } = await documentOf();
    const kinds = new Set(noted!.map(({ kind }) => kind));
    for (const kind of ["failed", "broken", "dropped"]) expect(kinds).toContain(kind);
    const { stdout } = await explain();
    expect(stdout).toMatch(/^variant small-nat\nconnection +address +at +what happened\n/);
    expect(stdout).toContain("lost a packet: CT: Map insertion failed (155, E2BIG)");
    expect(tree(dir)).toEqual(before);
  });

  it("tells of a full map: the SYN, what it met, the drop with reason and number, the client's timer, how long it took", async () => {
    const full = dropped.explanations.filter(({ variant, cause }) => variant === "full-hash" && cause.title.startsWith("ct4_global is a plain hash map and was full"));
    expect(full.length).toBeGreaterThan(0);
    const { cause, beats, records } = full[0]!;
    expect(cause.mechanism).toBeNull();
    expect(cause.evidence[0]).toBe("ct4_global 100 % full (600 of 600) at that moment.");
    const texts = beats.map(({ text }) => text);
    expect(texts[1]).toMatch(
      /^The client's SYN is dropped at cil_from_container: ct4_global refuses its entry with E2BIG: "CT: Map insertion failed" \(155, E2BIG\)\./,
    );
    expect(texts[1]).toMatch(/ct4_global 100 % full \(600 of 600\).*; GC (idle|has|begins)/);
    expect(texts[2]).toMatch(/^The client's kernel has waited 1(\.0\d)? s for an answer \(timer of 1 s, .* late by the timer wheel's step\) and sends again, for the first time\./);
    const drops = records.filter(({ packet }) => packet?.drop?.code === 155);
    expect(drops.every(({ packet }) => packet!.fills.some(({ map, entries }) => map === "ct4_global" && entries === 600))).toBe(true);
  });

  it("tells of a NAT pair that lost a half, and which packet then found nobody", async () => {
    const { explanations, differing } = await documentOf("--variant", "small-nat", "--worst", "60");
    expect(differing).toEqual([]);
    expect(explanations).toHaveLength(60);
    const broken = explanations.filter(({ noted }) => noted!.kind === "broken");
    expect(broken.length).toBeGreaterThan(0);
    for (const { cause } of broken) expect([cause.mechanism, cause.title]).toEqual(["M7", "snat_v4_external evicted a half of the connection's NAT pair"]);
    const texts = broken[0]!.beats.map(({ text }) => text);
    const evicted = texts.findIndex((text) => text.startsWith("The connection's entry snat_v4_external TCP IN 203.0.113.10:443"));
    const reset = texts.findIndex((text) => text.includes("which does not know the connection, answers with RST"));
    const failed = texts.findIndex((text) => text.includes("socket fails: ECONNRESET"));
    expect([evicted, reset, failed].every((at) => at > 0)).toBe(true);
    expect([evicted, reset, failed]).toEqual([evicted, reset, failed].sort((a, b) => a - b));
    const denied = explanations.filter(({ cause }) => cause.title.startsWith("policy denies this connection"));
    expect(denied.length).toBeGreaterThan(0);
    for (const { beats } of explanations) {
      const times = beats.map(({ timeNs }) => timeNs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
  });

  it("finds one by its addresses or by its number, the same either way", async () => {
    const { noted } = await documentOf("--variant", "small-nat");
    const one = noted!.find(({ kind }) => kind === "broken")!;
    const byNumber = await documentOf("--variant", "small-nat", "--conn", `${one.workload}:${one.nth}`);
    const byAddress = await documentOf("--variant", "small-nat", "--conn", one.tuple.replace("->", ">"));
    expect(byAddress.explanations).toEqual(byNumber.explanations);
    expect(byNumber.explanations[0]!.noted).toEqual((({ variant: _variant, ...rest }) => rest)(one));
    const { stdout } = await explain("--variant", "small-nat", "--conn", one.tuple);
    expect(stdout).toContain(`${one.workload}:${one.nth}, variant small-nat: TCP ${one.tuple.replace("->", " > ")}, pod shop/api-`);
    expect(stdout).toMatch(/\nWhy: M7, /);
  });

  it("explains one connection for each reason to drop", async () => {
    const reasons = dropped.explanations.map(({ variant, noted }) => `${variant} ${noted!.drop!.code} ${noted!.drop!.errno}`);
    expect(reasons).toContain("full-hash 155 E2BIG");
    expect(reasons).toContain("small-nat 133 null");
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it.each([
    [["--conn", "spyes:1"], 'there is no workload "spyes"', 'did you mean "spies"?'],
    [["--conn", "10.1.2.3>10.96.0.10:80"], "is no connection", "ADDRESS:PORT"],
    [["--conn", "10.1.2.3:5>10.96.0.10:80"], "none of its variants noted this connection", "--variant with one of small-nat, full-hash"],
    [["--worst", "0"], "1 or more", "--worst"],
    [["--variant", "small"], 'there is no variant "small"', "small-nat, full-hash"],
    [["--conn", "spies:1", "--worst", "2"], "cannot be used with", "--conn"],
  ])("refuses %j: exit 2", async (args, message, hint) => {
    const { code, stdout, stderr } = await ctlabHere(["explain", dir, ...args], { cwd: folder.path });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  it("says so, with exit 2, when no such connection was opened", async () => {
    const { code, stdout } = await explain("--variant", "small-nat", "--conn", "10.1.2.3:5>10.96.0.10:80");
    expect(code).toBe(2);
    expect(stdout).toMatch(/no connection 10\.1\.2\.3:5->10\.96\.0\.10:80 was opened; the first of this run is \d/);
  });

  it("refuses folders that hold no run, a damaged one, or another scenario than was run", async () => {
    const nothing = await ctlabHere(["explain", folder.path]);
    expect(nothing.code).toBe(2);
    expect(nothing.stderr).toContain("manifest.json");
    expect(nothing.stderr).toContain("explain needs the folder that ctlab run left behind");
    const copy = join(folder.path, "copy");
    const spoiled = async (file: string, change: (text: string) => string): Promise<Finished> => {
      rmSync(copy, { recursive: true, force: true });
      cpSync(dir, copy, { recursive: true });
      const path = join(copy, file);
      writeFileSync(path, change(readFileSync(path, "utf8")));
      return ctlab(["explain", copy, "--variant", "small-nat", "--worst", "1"]);
    };
    const damaged = await spoiled("small-nat/connections.json", (text) => text.slice(0, 50));
    expect([damaged.code, damaged.stdout]).toEqual([2, ""]);
    expect(damaged.stderr).toMatch(/connections\.json.*damaged/);
    const changed = await spoiled("scenario.json", (text) => text.replace('"maxEntries":600', '"maxEntries":601'));
    expect(changed.code).toBe(2);
    expect(changed.stderr).toContain("is not the scenario of this run, or was changed since");
    expect(changed.stderr).toContain("make the run again: ctlab run");
    const other = await spoiled("manifest.json", (text) => text.replaceAll(/"fingerprint": "[0-9a-f]+"/g, '"fingerprint": "00"'));
    expect([other.code, other.stdout]).toEqual([3, ""]);
    expect(other.stderr).toMatch(/variant small-nat can't be repeated: fingerprint [0-9a-f]+ instead of 00 \(both by ctlab /);
  });

  it("prints what the README shows", async () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const [, command, block] = /<!-- example:explain -->\n`npx ctlab (.*?)`[\s\S]*?```\n([\s\S]*?)```/.exec(readme)!;
    const [, scenario, flags] = /^explain reports\/(\S+) (.*)$/.exec(command!)!;
    const out = join(folder.path, "readme");
    await ctlab(["run", `scenarios/${scenario}.yaml`, "--quiet", "--out", out]);
    const { stdout } = await ctlab(["explain", out, ...flags!.split(" ")]);
    const shown = block!.split("\n").filter((line) => line !== "" && line !== "[…]");
    expect(shown.length).toBeGreaterThan(10);
    for (const line of shown) expect(stdout).toContain(line);
    // The same run's flows.
    const [, observed, flows] = /<!-- example:observe -->\n`npx ctlab observe reports\/gc-busy-inserts (.*?)`[\s\S]*?```\n([\s\S]*?)```/.exec(readme)!;
    expect(await ctlabHere(["observe", out, ...observed!.split(" ")])).toEqual({ code: 0, stdout: flows, stderr: "" });
  });
});
