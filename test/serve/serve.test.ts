/** `ctlab serve` from a run, a file and a scenario, seen by a gRPC client. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { credentials, status as code } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { runCli } from "../../src/cli/program.js";
import { fromProtoJson, protoJson } from "../../src/hubble/json.js";
import { HealthCheckResponse_ServingStatus as Serving } from "../../src/hubble/proto/health_pb.js";
import { AgentEventType, Verdict } from "../../src/hubble/proto/flow_pb.js";
import { GetFlowsResponseSchema, type GetFlowsResponse } from "../../src/hubble/proto/observer_pb.js";
import { NodeState } from "../../src/hubble/proto/relay_pb.js";
import { listenAddress } from "../../src/hubble/server/address.js";
import { printStatus } from "../../src/hubble/status.js";
import { serve, type Ready, type ServeOptions } from "../../src/lab/serve.js";
import type { PlayedLines } from "../../src/lab/serve/player.js";
import { HubbleClient } from "./client.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const ALL = (1n << 64n) - 1n;
const SCENARIO = `apiVersion: ctlab/v1
name: served
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 4, pods: 200, cpus: 4, memory: 16Gi }
helm: { set: { routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16, kubeProxyReplacement: true, k8sServiceHost: api, k8sServicePort: 6443 } }
services: [{ name: shop/cart, port: 80, backends: 2 }, { name: bank/vault, port: 443, backends: 1 }]
policies: [{ endpoints: shop/web, egress: deny, allow: [{ to: shop/cart }] }]
workloads:
  - { name: calls, from: { workload: shop/web, pods: 4 }, to: shop/cart, arrivals: { constant: 20/s } }
  - { name: denied, from: { workload: shop/web, pods: 4 }, to: bank/vault, arrivals: { constant: 2/s } }
timeline: [{ at: 4s, relay: { down: 1s } }, { at: 3s, pods: { workload: shop/web } }]
observe: { flows: all, scrape: 1s }
duration: 5s
variants:
  one: {}
  two: { helm: { set: { bpf.monitorAggregation: none } } }
`;

const folder = mkdtempSync(join(tmpdir(), "ctlab-serve-"));
const run = join(folder, "run");
const scenario = join(folder, "served.yaml");
const tlsFile = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url));

let clients: HubbleClient[] = [];
let ends: (() => Promise<void>)[] = [];

/** Serves at a free port until the test ends. */
async function serving(changes: Partial<ServeOptions>): Promise<Ready> {
  const ending = new AbortController();
  let done: Promise<void> = Promise.resolve();
  const ready = await new Promise<Ready>((resolve, reject) => {
    done = serve({
      path: run,
      variants: ["one"],
      speed: null,
      capacity: 100_000,
      listen: listenAddress("127.0.0.1:0")!,
      metrics: listenAddress("127.0.0.1:0")!,
      tls: null,
      signal: ending.signal,
      onReady: resolve,
      ...changes,
    });
    done.catch(reject);
  });
  ends.push(async () => {
    ending.abort();
    await done;
  });
  return ready;
}

function clientOf({ address }: Ready, ...rest: ConstructorParameters<typeof HubbleClient> extends [string, ...infer Rest] ? Rest : never): HubbleClient {
  const client = new HubbleClient(address, ...rest);
  clients.push(client);
  return client;
}

const flowsIn = (responses: readonly GetFlowsResponse[]) => responses.flatMap(({ responseTypes }) => (responseTypes.case === "flow" ? [responseTypes.value] : []));
const statesIn = (responses: readonly GetFlowsResponse[]) =>
  responses.flatMap(({ responseTypes }) => (responseTypes.case === "nodeStatus" ? [responseTypes.value] : []));
const linesOf = (variant: string): readonly GetFlowsResponse[] =>
  readFileSync(join(run, variant, "flows.jsonl"), "utf8").trimEnd().split("\n").map((line) => fromProtoJson(GetFlowsResponseSchema, JSON.parse(line)));
const json = (response: GetFlowsResponse): string => protoJson(GetFlowsResponseSchema, response);

beforeAll(() => {
  writeFileSync(scenario, SCENARIO);
  execFileSync(process.execPath, [MAIN, "run", scenario, "--quiet", "--out", run]);
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  const all = ends;
  ends = [];
  for (const end of all) await end();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a finished run", () => {
  it("gives every response of its file over the wire, after the names of the nodes", async () => {
    const client = clientOf(await serving({}));
    const [connected, ...responses] = await client.flows({ number: ALL });
    const recorded = linesOf("one");
    expect(statesIn([connected!])).toMatchObject([{ stateChange: NodeState.NODE_CONNECTED, nodeNames: [recorded[0]!.nodeName] }]);
    // Relay was cut off from the node before the end.
    expect(statesIn(responses)).toMatchObject([{ stateChange: NodeState.NODE_UNAVAILABLE }]);
    expect(responses.map(json)).toEqual(recorded.map(json));
    expect(flowsIn(responses).length).toBeGreaterThan(400);
  });

  it("honours number, first, since, until and filters", async () => {
    const client = clientOf(await serving({}));
    const recorded = flowsIn(linesOf("one"));
    const uuids = async (request: Parameters<HubbleClient["flows"]>[0]): Promise<string[]> => flowsIn(await client.flows(request)).map(({ uuid }) => uuid);
    const all = recorded.map(({ uuid }) => uuid);
    expect(await uuids({ number: 20n })).toEqual(all.slice(-20));
    expect(await uuids({ number: 20n, first: true })).toEqual(all.slice(0, 20));
    const dropped = recorded.filter(({ verdict }) => verdict === Verdict.DROPPED).map(({ uuid }) => uuid);
    expect(dropped.length).toBeGreaterThan(5);
    expect(await uuids({ number: ALL, whitelist: [{ verdict: [Verdict.DROPPED] }] })).toEqual(dropped);
    const others = recorded.filter(({ verdict }) => verdict !== Verdict.FORWARDED).map(({ uuid }) => uuid);
    expect(others.length, "sockets are traced and translated").toBeGreaterThan(dropped.length);
    expect(await uuids({ number: 3n, blacklist: [{ verdict: [Verdict.FORWARDED] }] })).toEqual(others.slice(-3));
    const [from, to] = [recorded[100]!.time!, recorded[200]!.time!];
    const atNs = ({ seconds, nanos }: typeof from): bigint => seconds * 1_000_000_000n + BigInt(nanos);
    const between = recorded.filter(({ time }) => atNs(time!) >= atNs(from) && atNs(time!) <= atNs(to)).map(({ uuid }) => uuid);
    expect(between.length, "two flows of a socket have one time").toBeLessThan(104);
    expect(await uuids({ since: from, until: to })).toEqual(between);
    const masked = flowsIn(await client.flows({ number: 1n, fieldMask: { paths: ["verdict", "source.pod_name"] } }))[0]!;
    expect(Object.entries(masked).filter(([, value]) => value !== undefined && value !== "" && value !== 0).map(([name]) => name)).toEqual(
      expect.arrayContaining(["verdict", "source"]),
    );
    expect(masked.uuid).toBe("");
    expect(masked.IP).toBeUndefined();
  });

  it("answers status, nodes, namespaces, health and peers", async () => {
    const ready = await serving({ variants: [] });
    const client = clientOf(ready);
    expect(ready.nodes).toEqual([expect.stringMatching(/^one\//), expect.stringMatching(/^two\//)]);
    const status = await client.status();
    const seen = BigInt(flowsIn([...linesOf("one"), ...linesOf("two")]).length);
    expect(status).toMatchObject({ seenFlows: seen, maxFlows: 200_000n, uptimeNs: 5_000_000_000n, numConnectedNodes: 2, numUnavailableNodes: 0 });
    expect((await client.nodes()).nodes).toMatchObject(ready.nodes.map((name) => ({ name, state: NodeState.NODE_CONNECTED, address: ready.address, tls: { enabled: false } })));
    expect((await client.namespaces()).namespaces.map(({ cluster, namespace }) => `${cluster}/${namespace}`)).toEqual(["default/bank", "default/shop"]);
    for (const service of ["", "hubble.server.Observer"]) expect((await client.health(service)).status).toBe(Serving.SERVING);
    await expect(client.health("nobody")).rejects.toMatchObject({ code: code.NOT_FOUND });
    const [peer] = (await once(client.peers(), "data")) as [{ name: string }];
    expect(peer.name).toBe(ready.nodes[0]);
    expect(printStatus({ status, health: "SERVING", target: ready.address }, "compact").stdout).toMatch(/^Connected Nodes: 2/m);
  });

  it("with several variants is Relay: nodes merged by time, `number` for each, flows under their node's name", async () => {
    const ready = await serving({ variants: [] });
    const responses = await clientOf(ready).flows({ number: 30n });
    const flows = flowsIn(responses);
    expect(flows).toHaveLength(60);
    expect([...new Set(flows.map(({ nodeName }) => nodeName))].sort()).toEqual(ready.nodes);
    const times = flows.map(({ time }) => time!.seconds * 1_000_000_000n + BigInt(time!.nanos));
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  });

  it("says what it can't do", async () => {
    const client = clientOf(await serving({}));
    await expect(client.flows({ first: true, follow: true })).rejects.toMatchObject({ code: code.INVALID_ARGUMENT, details: "first cannot be specified with follow" });
    await expect(client.flows({ whitelist: [{ sourceIp: ["nonsense/99"] }] })).rejects.toMatchObject({ code: code.INVALID_ARGUMENT });
    await expect(client.flows({ fieldMask: { paths: ["nothing"] } })).rejects.toMatchObject({ code: code.INVALID_ARGUMENT });
    await expect(client.agentEvents({ first: true, follow: true })).rejects.toMatchObject({ code: code.INVALID_ARGUMENT });
  });

  it("of a file that ends in the middle serves what there is, and says so; of one that begins so it says what is wrong", async () => {
    const whole = gzipSync(readFileSync(join(run, "one/flows.jsonl")));
    const path = join(folder, "cut.jsonl.gz");
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    const played: PlayedLines[] = [];
    const client = clientOf(await serving({ path, variants: [], onPlayed: (lines) => played.push(lines) }));
    expect((await client.flows({ number: 5n })).length).toBeGreaterThan(5);
    expect(played).toMatchObject([{ broken: "unexpected end of file" }]);
    writeFileSync(path, whole.subarray(0, 40));
    await expect(serving({ path, variants: [] })).rejects.toThrow(/can't be read: unexpected end of file/);
  });

  it("says what the agents did, and of debugging nothing", async () => {
    const client = clientOf(await serving({ variants: [] }));
    const events = await client.agentEvents();
    const { ENDPOINT_DELETED, IPCACHE_DELETED, ENDPOINT_CREATED, IPCACHE_UPSERTED, ENDPOINT_REGENERATE_SUCCESS } = AgentEventType;
    const types = events.filter(({ nodeName }) => nodeName === "two/node-0").map(({ agentEvent }) => agentEvent!.type);
    expect(types).toEqual([ENDPOINT_DELETED, IPCACHE_DELETED, ENDPOINT_CREATED, IPCACHE_UPSERTED, ENDPOINT_REGENERATE_SUCCESS]);
    expect(await client.agentEvents({ number: 1n })).toEqual(events.slice(-1));
    expect(await client.agentEvents({ number: 3n, first: true })).toEqual(events.slice(0, 3));
    expect(await client.debugEvents()).toEqual([]);
  });

  it("at a speed comes as its time does, to whoever follows, and the stream stays open", async () => {
    const client = clientOf(await serving({ speed: 5 }));
    const stream = client.stream({ follow: true });
    const arrivals: number[] = [];
    const started = performance.now();
    stream.on("data", () => arrivals.push(performance.now() - started));
    stream.on("error", () => {});
    await new Promise((resolve) => setTimeout(resolve, 600));
    // 3 s of 5 have passed; what came is spread over the time.
    expect(arrivals.length).toBeGreaterThan(100);
    expect(arrivals.length).toBeLessThan(linesOf("one").length);
    expect(arrivals.at(-1)! - arrivals[10]!).toBeGreaterThan(200);
    expect(stream.closed).toBe(false);
    stream.cancel();
  });

  it("has its metrics at /metrics, as the last scrape had them", async () => {
    const { metricsAddress } = await serving({});
    const page = await fetchText(`http://${metricsAddress!}/metrics`);
    expect(page).toMatch(/^# /);
    expect(page.endsWith("# EOF\n")).toBe(true);
    expect(page).toMatch(/^cilium_forward_count_total\{[^}]*\} \d+$/m);
    const whole = await fetchText(`http://${metricsAddress!}/metrics.om`);
    expect(whole).toBe(readFileSync(join(run, "one", "metrics.om"), "utf8"));
  });
});

describe("vectors of streams", () => {
  it("arrive over the wire as they were given", async () => {
    const file = gunzipSync(readFileSync(new URL("../vectors/hubble/grpc-streams.json.gz", import.meta.url)));
    const { vectors } = JSON.parse(file.toString()) as { vectors: readonly { readonly id: string; readonly responses: readonly never[] }[] };
    expect(vectors.length).toBeGreaterThan(2);
    for (const { id, responses } of vectors) {
      const path = join(folder, `${id}.jsonl`);
      const given = responses.map((each) => fromProtoJson(GetFlowsResponseSchema, each));
      writeFileSync(path, given.map((each) => `${json(each)}\n`).join(""));
      const client = clientOf(await serving({ path, variants: [] }));
      const [, ...received] = await client.flows({ number: ALL });
      expect(received.map(json), id).toEqual(given.map(json));
    }
  });
});

describe("a scenario", () => {
  it("is simulated while it is served: the same flows as those of a run", async () => {
    const client = clientOf(await serving({ path: scenario }));
    const stream = client.stream({ follow: true, number: ALL });
    const received: GetFlowsResponse[] = [];
    stream.on("data", (response: GetFlowsResponse) => received.push(response));
    stream.on("error", () => {});
    const recorded = linesOf("one");
    const deadline = performance.now() + 20_000;
    while (received.length < recorded.length + 1 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    stream.cancel();
    expect(received.slice(1).map(json)).toEqual(recorded.map(json));
  });
});

describe("TLS", () => {
  const files = { certificate: tlsFile("server.crt"), key: tlsFile("server.key") };
  const authority = readFileSync(tlsFile("ca.crt"));

  it("serves with the given certificate; plain text gets nowhere", async () => {
    const ready = await serving({ tls: { ...files, clientCa: null } });
    const client = clientOf(ready, credentials.createSsl(authority));
    expect((await client.health("hubble.server.Observer")).status).toBe(Serving.SERVING);
    expect((await client.nodes()).nodes[0]!.tls!.enabled).toBe(true);
    await expect(clientOf(ready).status()).rejects.toMatchObject({ code: code.UNAVAILABLE });
  });

  it("asks clients for theirs when an authority is given", async () => {
    const ready = await serving({ tls: { ...files, clientCa: tlsFile("ca.crt") } });
    const own = credentials.createSsl(authority, readFileSync(tlsFile("client.key")), readFileSync(tlsFile("client.crt")));
    expect((await clientOf(ready, own).health("")).status).toBe(Serving.SERVING);
    await expect(clientOf(ready, credentials.createSsl(authority)).status()).rejects.toMatchObject({ code: code.UNAVAILABLE });
  });
});

describe("on the command line", () => {
  /** Starts the program, and interrupts it once it serves. */
  async function interrupted(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> {
    const child = spawn(process.execPath, [MAIN, "serve", ...args]);
    let stderr = "";
    child.stderr.on("data", (more: Buffer) => {
      stderr += more.toString();
      if (stderr.includes("responses are there")) child.kill("SIGINT");
    });
    const [exit] = (await once(child, "close")) as [number | null];
    return { code: exit, stderr };
  }

  async function refused(...args: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }> {
    let stderr = "";
    const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      stderr += String(text);
      return true;
    });
    try {
      return { code: await runCli(["serve", ...args]), stderr };
    } finally {
      write.mockRestore();
    }
  }

  it("serves until Ctrl-C, beyond loopback when it may", async () => {
    const { code: exit, stderr } = await interrupted(run, "--variant", "one", "--listen", "0.0.0.0:0", "--metrics-server", "127.0.0.1:0");
    expect(stderr).toMatch(/^Serving \S+ at 0\.0\.0\.0:\d+\. Ctrl-C ends it\.\nMetrics at http:\S+\/metrics\nAll \d+ responses are there\.\n$/);
    expect(exit).toBe(0);
  });

  it.each([
    [["--server", "0.0.0.0:0"], "0.0.0.0:0 can be reached from other machines, and whoever does reads every flow; --listen allows it"],
    [["--metrics-server", ":9965"], ":9965 can be reached from other machines"],
    [["--server", "nonsense"], '"nonsense" is no address'],
    [["--speed", "fast"], '"fast" is no speed'],
    [["--tls-cert-file", "x"], "TLS needs both"],
    [["--tls-cert-file", "x", "--tls-key-file", "y"], "can't be read"],
    [["--variant", "three"], 'there is no variant "three"'],
  ])("refuses %j", async (args, message) => {
    const { code: exit, stderr } = await refused(run, ...args);
    expect(stderr).toContain(message);
    expect(exit).toBe(2);
  });

  it("says what is no run, and which address is taken", async () => {
    expect(await refused(join(folder, "nothing"))).toMatchObject({ code: 2, stderr: expect.stringContaining("is not there") });
    expect(await refused(folder)).toMatchObject({ code: 2, stderr: expect.stringContaining("manifest.json") });
    const { address } = await serving({});
    writeFileSync(join(folder, "empty.jsonl"), "");
    writeFileSync(join(folder, "log.jsonl"), '{"level":"info","msg":"ready"}\n'.repeat(3));
    writeFileSync(join(folder, "notes.jsonl"), "flows of Tuesday\n");
    const nothing = async (name: string): Promise<string> => {
      const { code, stderr } = await refused(join(folder, name));
      expect([name, code]).toEqual([name, 2]);
      return stderr;
    };
    expect(await nothing("empty.jsonl")).toMatch(/empty\.jsonl:1:1: error: is empty\n +expected flows as JSON lines/);
    expect(await nothing("log.jsonl")).toContain("holds no flow");
    expect(await nothing("notes.jsonl")).toContain("holds no line that can be read as a flow; the first: ");
    expect(await refused(run, "--variant", "one", "--server", address)).toMatchObject({ code: 2, stderr: expect.stringContaining("can't be listened at") });
  });
});

/** The stock client, where somebody has it. */
const hubble = spawnSync("hubble", ["version"]).status === 0;

describe.skipIf(!hubble)("the hubble client, unmodified", () => {
  const client = async (...args: readonly string[]): Promise<string> => (await promisify(execFile)("hubble", args, { maxBuffer: 1e8 })).stdout;

  it("gets every flow of the run, field by field", async () => {
    const { address } = await serving({});
    const printed = (await client("observe", "--all", "-o", "jsonpb", "--server", address)).trimEnd().split("\n");
    // Fields that it does not know are not printed.
    const known = flowsIn(linesOf("one")).map(({ uuid, time, verdict, Summary, nodeName }) => ({ uuid, time, verdict, Summary, nodeName }));
    const got = flowsIn(printed.map((line) => fromProtoJson(GetFlowsResponseSchema, JSON.parse(line))));
    expect(got.map(({ uuid, time, verdict, Summary, nodeName }) => ({ uuid, time, verdict, Summary, nodeName }))).toEqual(known);
  });

  it("finds it healthy, and lists nodes and namespaces", async () => {
    const { address, nodes } = await serving({ variants: [] });
    expect(await client("status", "--server", address)).toContain(`Healthcheck (via ${address}): Ok`);
    expect(await client("list", "nodes", "--server", address)).toContain(nodes[1]);
    expect(await client("list", "namespaces", "--server", address)).toContain("bank");
  });

  it("takes TLS", async () => {
    const { address } = await serving({ tls: { certificate: tlsFile("server.crt"), key: tlsFile("server.key"), clientCa: null } });
    const args = ["--server", `tls://${address}`, "--tls-ca-cert-files", tlsFile("ca.crt"), "--tls-server-name", "localhost"];
    expect(await client("status", ...args)).toContain("Ok");
  });
});

async function fetchText(url: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = "";
      response.on("data", (more: Buffer) => (text += more.toString()));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
