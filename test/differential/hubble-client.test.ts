/**
 * The real `hubble` client over the same lines and command lines as ctlab's, where somebody has it on the PATH. The output is that
 * of 0.12.3: others differ in what they know.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { parseObserve } from "../../src/hubble/command-line.js";
import { FlowSchema } from "../../src/hubble/proto/flow_pb.js";
import { GetFlowsResponseSchema } from "../../src/hubble/proto/observer_pb.js";
import { rawFiltersYaml } from "../../src/hubble/raw-filters.js";
import { FlowSelection } from "../../src/hubble/selection.js";
import { printAll, readLines, variantOptions } from "../../src/lab/verify/hubble-output.js";
import { messageJson } from "../support/messages.js";

const MESSAGES = 300;
const COMMAND_LINES = 40;
const OUTPUT_MAX = 1e8;
const HAS_HUBBLE = spawnSync("hubble", ["version"]).status === 0;

const folder = mkdtempSync(join(tmpdir(), "ctlab-hubble-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hubble(args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync("hubble", args, { maxBuffer: OUTPUT_MAX, env: { ...process.env, HOME: folder } });
  return { status, stdout: stdout.toString("utf8") };
}

function fileOf(lines: readonly string[]): string {
  const path = join(folder, "flows.jsonl");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** Values that exporters don't write; some of them the client takes all the same. */
const ODD: readonly unknown[] = [
  null, 0, -1, 1.5, 1e3, 4_294_967_296, "1", "-1", "1e2", " 1", "1.0", "", true, "true", [], {}, [null], "PERHAPS", "18446744073709551615", "18446744073709551616",
  "2025-07-29T03:24:11+02:00", "2025-07-29T03:24:11,5Z", "2025-07-29t03:24:11Z", "2025-02-30T00:00:00Z", "2025-07-29T24:00:00Z", "2025-07-29T3:24:11Z", "\ud800",
];

const flow = messageJson(FlowSchema).map((json) => ({ flow: json, node_name: "n", time: "2025-07-29T03:24:11Z" }));
/** A flow in which one value is another. */
const oddFlow = fc.tuple(flow, fc.nat(), fc.constantFrom(...ODD)).map(([message, nth, value]) => {
  const places = placesIn(message);
  const [holder, key] = places[nth % places.length]!;
  holder[key] = value;
  return message;
});

function placesIn(value: object): (readonly [Record<string, unknown>, string])[] {
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => {
    const inner = holder[key];
    return [[holder, key] as const, ...(typeof inner === "object" && inner !== null ? placesIn(inner) : [])];
  });
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  verdict: ["FORWARDED", "DROPPED", "dropped"],
  type: ["trace", "drop", "l7", "trace:to-stack", "1:133", "trace-sock", "agent:policy-updated", "drop:x", "4:to-stack"],
  protocol: ["tcp", "UDP", "icmp", "dns", "http", "gre"],
  "tcp-flags": ["syn", "syn,ack", "ns", "fin,"],
  "http-status": ["200", "5+", "6+"],
  "http-path": ["^/v1", "(?i)/V1", "["],
  fqdn: ["example.com", "*.example.com", "EXAMPLE.COM.", ".."],
  ip: ["10.244.1.7", "10.0.0.0/8", "fd00::/16", "::/0", "1.1.1"],
  pod: ["kube-system/a", "default/", "lonely", "/"],
  label: ["app=a", "k8s:app", "!app", "app in (a,b)", "app notin (b)", "reserved:host", "app==a,k8s:app!=b", "", "app in"],
  service: ["kube-system/kube-dns", "default/", "kube-dns"],
  port: ["53", "80", "0", "65536"],
  workload: ["wl", "Deployment/", "StatefulSet/wl2"],
  identity: ["world", "4711", "0", "0x1267", "1_000", "nobody"],
  "node-name": ["node-1", "kind/", "*/node-*", "a/b/c"],
  "traffic-direction": ["ingress", "EGRESS"],
  "ip-version": ["none", "v4"],
};
const DIRECTED = ["fqdn", "ip", "pod", "label", "service", "port", "workload", "identity"];
const flag = fc
  .constantFrom(...Object.keys(FLAGS))
  .chain((name) => fc.tuple(DIRECTED.includes(name) ? fc.constantFrom("", "from-", "to-") : fc.constant(""), fc.constant(name), fc.constantFrom(...FLAGS[name]!), fc.nat(4)))
  .map(([direction, name, value, not]) => [...(not === 0 ? ["--not"] : []), `--${direction}${name}`, value]);
const commandLine = fc.tuple(fc.constantFrom(["--all"], ["--last", "5"], ["--first", "7"], []), fc.array(flag, { maxLength: 3 })).map(([count, flags]) => [...count, ...flags.flat()]);

describe.skipIf(!HAS_HUBBLE)("the hubble client (github.com/cilium/hubble, 0.12.3)", () => {
  it.each([
    ["compact", []],
    ["dict", ["-o", "dict"]],
    ["table_node", ["-o", "table", "--print-node-name"]],
    ["jsonpb", ["-o", "jsonpb"]],
    ["compact_numeric_rfc1123z", ["--numeric", "--time-format", "RFC1123Z"]],
    ["compact_color", ["--color", "always"]],
  ])("prints arbitrary responses as %s", (variant, args) => {
    const responses = fc.oneof({ weight: 4, arbitrary: flow }, { weight: 1, arbitrary: messageJson(GetFlowsResponseSchema) });
    const lines = fc.sample(responses, MESSAGES).map((response) => JSON.stringify(response));
    const { stdout } = hubble(["observe", "--input-file", fileOf(lines), "--all", ...args]);
    expect(printAll(readLines(lines), variantOptions(variant)!).stdout).toBe(stdout);
  });

  it("takes and leaves the same lines", () => {
    const lines = fc.sample(oddFlow, MESSAGES).map((response) => JSON.stringify(response));
    const { stdout } = hubble(["observe", "--input-file", fileOf(lines), "--all", "-o", "jsonpb"]);
    expect(printAll(readLines(lines), variantOptions("jsonpb")!).stdout).toBe(stdout);
  });

  it("understands the same command lines", () => {
    const corpus = gunzipSync(readFileSync(new URL("../vectors/hubble/filter-corpus.ndjson.gz", import.meta.url))).toString("utf8").trim().split("\n");
    const path = fileOf(corpus);
    const responses = readLines(corpus);
    for (const args of fc.sample(commandLine, COMMAND_LINES)) {
      const real = hubble(["observe", ...args, "--input-file", path, "-o", "jsonpb"]);
      const yaml = hubble(["observe", ...args, "--print-raw-filters"]).stdout;
      let ours: { readonly status: number; readonly stdout: string; readonly yaml: string };
      let understood = "";
      try {
        const { request } = parseObserve(args, { release: "0.12.3", now: { seconds: 0n, nanos: 0 }, legacyJson: false });
        understood = rawFiltersYaml(request.whitelist, request.blacklist);
        const selection = new FlowSelection(request);
        const selected = responses.filter((response) => selection.take(response) !== undefined);
        ours = { status: 0, stdout: printAll([...selected, ...selection.drain()], variantOptions("jsonpb")!).stdout, yaml: understood };
      } catch {
        ours = { status: 1, stdout: "", yaml: understood };
      }
      expect({ args, ...ours }).toEqual({ args, ...real, yaml });
    }
  });
});
