/** `ctlab run --trace` through the built command line: one connection's way, and that looking changes nothing. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConnectionTrace } from "../../src/lab/trace/result.js";
import type { ExperimentResult } from "../../src/observe/result.js";
import { ctlab, ctlabHere, ROOT, scratch, tree, type Finished } from "./cli.js";

/** Masqueraded traffic through a NAT map that evicts, a service behind socket LB, and one pod whose policy lets nothing out. */
const SCENARIO = `apiVersion: ctlab/v1
name: traced
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
    arrivals: { poisson: 400/s }
    connection: { requests: 3, thinkTime: { exponential: 50ms } }
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 20/s } }
  - { name: spies, from: { workload: shop/spy, pods: 1 }, to: shop/stock, arrivals: { poisson: 2/s }, connection: { connectTimeout: 2500ms } }
duration: 3s
observe: { flows: dropped }
variants:
  small: {}
  large: { helm: { set: { bpf.natMax: 65536 } } }
`;

const folder = scratch();
afterAll(folder.remove);
const file = join(folder.path, "traced.yaml");

function run(out: string, ...args: readonly string[]): Promise<Finished> {
  return ctlab(["run", file, "--out", join(folder.path, out), ...args]);
}

/** The connections that are looked for begin and end early. */
const BEGINNING = ["--set", "duration=500ms"];

async function traceOf(out: string, connection: string, ...more: readonly string[]): Promise<ConnectionTrace> {
  const { code, stdout, stderr } = await run(out, "--variant", "small", "--trace", connection, "--json", ...more);
  expect([code, stderr]).toEqual([0, ""]);
  return (JSON.parse(stdout) as { traces: ConnectionTrace[] }).traces[0]!;
}

const texts = (trace: ConnectionTrace, kind: string): string[] => trace.records.filter((each) => each.kind === kind).map(({ text }) => text);
const steps = (trace: ConnectionTrace, kind: string): string[] =>
  trace.records.flatMap((record) => record.steps.filter((step) => step.kind === kind).map(({ text }) => text));

/** Of requests:100, by a run of both variants on two workers. */
let of100: ConnectionTrace;
beforeAll(async () => {
  writeFileSync(file, SCENARIO);
  const { code, stdout, stderr } = await run("two", "--trace", "requests:100", "--jobs", "2", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const { traces } = JSON.parse(stdout) as { traces: readonly ConnectionTrace[] };
  expect(traces.map(({ variant }) => variant)).toEqual(["small", "large"]);
  of100 = traces[0]!;
});

describe("ctlab run --trace", () => {
  it("shows a denied connection from connect() to the end: lookups, verdict, drop with its reason, SYNs sent again", async () => {
    const trace = await traceOf("denied", "spies:1");
    expect(trace.connection).toMatchObject({ workload: "spies", nth: 1, protocol: "TCP", client: "pod shop/spy-0", server: "service shop/stock" });
    expect(texts(trace, "packet")).toEqual(["client sends SYN 52 bytes", "client sends SYN 52 bytes, retransmission 1", "client sends SYN 52 bytes, retransmission 2"]);
    expect(steps(trace, "drop")).toEqual(new Array(3).fill("133 Policy denied"));
    expect(steps(trace, "hook")).toEqual(["cil_sock4_connect", ...new Array<string>(3).fill("cil_from_container")]);
    expect(steps(trace, "backend")).toHaveLength(1);
    expect(steps(trace, "event")).toContain("policy-verdict egress denied");
    expect(texts(trace, "socket").at(-1)).toBe("both ends are gone; the client's connect() never succeeded");
    const syns = trace.records.filter(({ kind }) => kind === "packet");
    expect(syns.every(({ costNs, cpu }) => costNs! > 0 && cpu! >= 0)).toBe(true);
    // The client's first time-out is a second, give or take the kernel's ticks.
    expect((syns[1]!.timeNs - syns[0]!.timeNs) / 1e9).toBeCloseTo(1, 0);
  });

  it("shows a masqueraded connection: state changes, the NAT pair, both directions, and its entries evicted", async () => {
    const trace = of100;
    expect(new Set(steps(trace, "hook"))).toEqual(new Set(["cil_sock4_connect", "cil_from_container", "cil_to_netdev", "cil_from_netdev", "handle_policy"]));
    expect(steps(trace, "nat")).toEqual([expect.stringMatching(/^port \d+ after 0 collisions$/)]);
    const inserted = steps(trace, "update").filter((text) => text.startsWith("snat_v4_external"));
    expect(inserted).toEqual([expect.stringContaining("TCP IN 203.0.113.10:443 -> "), expect.stringMatching(/TCP OUT .* to=192\.168\.0\.10:\d+/)]);
    expect(steps(trace, "state")[1]).toMatch(/^ct4_global: expires=\d+ becomes \d+, flags=\[\] becomes \[SeenNonSyn\]/);
    expect(texts(trace, "socket")).toContainEqual(expect.stringMatching(/^client's connect\(\) succeeds after \d+ µs$/));
    expect(texts(trace, "entry").filter((text) => text.includes("evicted for another key"))).toHaveLength(2);
    const times = trace.records.map(({ timeNs }) => timeNs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("finds the same connection by its 5-tuple, as the application or as the packets name it", async () => {
    const nth = await traceOf("nth", "stock:3", ...BEGINNING);
    const { tuple } = nth.connection!;
    const { request: _asked, ...rest } = nth;
    expect(tuple).toMatch(/->10\.96\.0\.10:80$/);
    const backend = /sends it to (\S+)$/.exec(nth.records[0]!.text)![1]!;
    for (const name of [`tcp ${tuple}`, backend]) expect(await traceOf("tuple", name, ...BEGINNING)).toEqual({ request: name, ...rest });
  });

  it("changes nothing else: same fingerprint, same files; the same trace from any number of workers, for each variant", async () => {
    const plain = await run("plain", "--quiet");
    const one = await run("one", "--trace", "requests:100", "--jobs", "1");
    expect([plain, one].map(({ code }) => code)).toEqual([0, 0]);
    const without = (files: ReadonlyMap<string, string>): string[][] =>
      [...files].filter(([name]) => !name.endsWith("trace.txt") && name !== "manifest.json").map(([name, bytes]) => [name, bytes]);
    const traced = tree(join(folder.path, "one"));
    expect(without(traced)).toEqual(without(tree(join(folder.path, "plain"))));
    expect(tree(join(folder.path, "two"))).toEqual(traced);
    const { fingerprint } = JSON.parse(readFileSync(join(folder.path, "plain/summary.json"), "utf8")) as ExperimentResult;
    expect(one.stdout).toContain(`fingerprint ${fingerprint}`);
    for (const variant of ["small", "large"]) {
      const text = readFileSync(join(folder.path, "one", variant, "trace.txt"), "utf8");
      expect(text).toMatch(new RegExp(`^Trace of requests:100, variant ${variant}: connection 100 of requests, TCP `));
      expect(one.stdout).toContain(text);
    }
  });

  it("tells the story of the datapath's model page: an evicted NAT entry, a reset by the node, a broken connection", async () => {
    const page = readFileSync(join(ROOT, "src/cilium/datapath/README.md"), "utf8");
    const [, command] = /^ {4}npx ctlab (.*)$/m.exec(page)!;
    const { stdout } = await ctlab([...command!.split(" "), "--out", join(folder.path, "page")]);
    const story = [/entry snat_v4_external TCP IN .* evicted for another key/, /lookup snat_v4_external TCP IN .* miss/, /node 0, which does not know the connection, sends RST,ACK/, /client's socket fails: ECONNRESET/];
    const lines = stdout.slice(stdout.indexOf("Trace of")).split("\n");
    const places = story.map((part) => lines.findIndex((line) => part.test(line)));
    expect(places[0]).toBeGreaterThan(0);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it("says so when the connection never appeared", async () => {
    const { code, stdout } = await run("never", "--variant", "small", "--trace", "stock:99999", ...BEGINNING);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Trace of stock:99999, variant small: stock:99999 never appeared: stock opened \d+ connections in this run\.$/m);
    const tuple = await run("never", "--variant", "small", "--trace", "10.1.2.3:5->10.96.0.10:80", ...BEGINNING);
    expect(tuple.stdout).toMatch(/: no connection 10\.1\.2\.3:5->10\.96\.0\.10:80 was opened; the first of this run is \d/);
  });

  it.each([
    ["spyes:1", 'there is no workload "spyes"', 'did you mean "spies"?'],
    ["10.1.2.3->10.96.0.10:80", "is no connection", "ADDRESS:PORT->ADDRESS:PORT"],
  ])("refuses %s before anything runs", async (connection, message, hint) => {
    const { code, stdout, stderr } = await ctlabHere(["run", file, "--out", join(folder.path, "refused"), "--trace", connection]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  it("prints what the README shows", async () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const [, command, block] = /<!-- example:trace -->\n`npx ctlab (.*?)`[\s\S]*?```\n([\s\S]*?)```/.exec(readme)!;
    const { stdout } = await ctlab([...command!.split(" "), "--out", join(folder.path, "readme")]);
    const shown = block!.split("\n").filter((line) => line !== "" && line !== "[…]");
    expect(shown.length).toBeGreaterThan(10);
    for (const line of shown) expect(stdout).toContain(line);
  });
});
