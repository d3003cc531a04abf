/** `ctlab observe` and the verifiers of Hubble's client through the built command line. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ctlab, ctlabHere, ROOT, scratch, type Finished } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);
const VECTORS = join(ROOT, "test/vectors/hubble");
const at = (name: string): string => join(folder.path, name);
const vector = (name: string): string => gunzipSync(readFileSync(join(VECTORS, `${name}.gz`))).toString("utf8");
const observe = (...args: string[]): Promise<Finished> => ctlabHere(["observe", ...args], { cwd: folder.path });

const CORPUS = vector("filter-corpus.ndjson");
const LINES = CORPUS.trim().split("\n");

interface FilterCase {
  readonly id: string;
  readonly args: readonly string[];
  readonly match: readonly string[];
  readonly raw_filters_yaml: string;
}

beforeAll(() => writeFileSync(at("corpus.jsonl"), CORPUS));

describe("ctlab observe FILE", () => {
  const cases = (JSON.parse(vector("filters.json")) as { readonly vectors: readonly FilterCase[] }).vectors;

  it.each(cases.filter((_, index) => index % 45 === 4).map((each) => [each.args.join(" "), each] as const))("%s", async (_title, each) => {
    const args = each.args.slice(1);
    const { code, stdout, stderr } = await observe(...args, "-o", "json", "corpus.jsonl");
    const lines = stdout.split("\n").slice(0, -1);
    expect([code, stderr]).toEqual([0, ""]);
    expect(lines.map((line) => (JSON.parse(line) as { readonly flow: { readonly uuid: string } }).flow.uuid)).toEqual(each.match);
    expect((await observe(...args, "--print-raw-filters", "corpus.jsonl")).stdout).toBe(each.raw_filters_yaml);
  });

  it("reads gzip, stdin and bare flows alike", async () => {
    writeFileSync(at("corpus.jsonl.gz"), gzipSync(CORPUS));
    const plain = await observe("corpus.jsonl", "--type", "drop");
    expect(plain.stdout.split("\n")).toHaveLength(21);
    expect(await observe("corpus.jsonl.gz", "--type", "drop")).toEqual(plain);
    expect(await ctlab(["observe", "-", "--type", "drop"], { input: CORPUS })).toEqual(plain);
    const bare = await ctlabHere(["observe", "corpus.jsonl", "--all", "-o", "json"], { cwd: folder.path, env: { HUBBLE_COMPAT: "legacy-json-output" } });
    expect(await ctlab(["observe", "--type", "drop", "-"], { input: bare.stdout })).toEqual(plain);
  });

  it("says what it skipped, and goes on", async () => {
    const bad = ["nonsense", '{"flow":{"verdict":"PERHAPS"}}', "", '{"flow":', "[]", '{"flow":{"colour":"red"}}'];
    const long = `{"flow":{"uuid":"long","Summary":"${"x".repeat(10 * 1024 * 1024)}"}}`;
    writeFileSync(at("bad.jsonl"), [...bad, long, LINES[0]!].join("\n"));
    const { code, stdout, stderr } = await observe("bad.jsonl", "--all", "-o", "json", "--not", "--uuid", "long");
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, -1)).toEqual(['{"flow":{}}', expect.stringContaining('"uuid":"flow-001"')]);
    expect(stderr.split("\n").slice(0, -1)).toEqual([
      expect.stringMatching(/^ctlab: bad\.jsonl:1: skipped, .*is not valid JSON/),
      'ctlab: bad.jsonl:2: skipped, field verdict: unknown name "PERHAPS"',
      expect.stringMatching(/^ctlab: bad\.jsonl:3: skipped/),
      expect.stringMatching(/^ctlab: bad\.jsonl:4: skipped/),
      "ctlab: bad.jsonl:5: skipped, is not a JSON object",
      'ctlab: bad.jsonl:6: passed over unknown field "colour", here and in other lines',
    ]);
    expect((await observe("bad.jsonl", "--all", "-s")).stderr).toBe("");
  });

  it("ends with 2 when nothing can be read, and names what is wrong", async () => {
    writeFileSync(at("nothing.jsonl"), "x\n".repeat(9));
    writeFileSync(at("cut.gz"), gzipSync(CORPUS).subarray(0, 500));
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await observe(...args);
      expect([args, code, stdout]).toEqual([args, 2, ""]);
      return stderr;
    };
    expect(await said("nothing.jsonl")).toContain("ctlab: nothing.jsonl: 9 of 9 lines skipped\n");
    expect(await said("cut.gz")).toMatch(/^ctlab: cut\.gz can't be read: /);
    expect(await said("missing.jsonl")).toBe("ctlab: missing.jsonl: no such file or run folder\n");
    expect(await said()).toBe("ctlab: observe needs a run folder, a file, or - for stdin\n");
    expect(await said("corpus.jsonl", "--verdikt", "DROPPED")).toBe("ctlab: unknown flag: --verdikt. Did you mean --verdict?\n");
    expect(await said("corpus.jsonl", "--ip", "10.0.0.300")).toBe('ctlab: invalid IP address in filter: "10.0.0.300"\n');
    expect(await said("corpus.jsonl", "--variant", "x")).toBe("ctlab: --variant is for run folders; corpus.jsonl is a file\n");
  });

  it("names what a mistyped value may have meant, after the client's own words", async () => {
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await observe("corpus.jsonl", ...args);
      expect([args, code, stdout]).toEqual([args, 2, ""]);
      return stderr;
    };
    expect(await said("--verdict", "DROPED")).toBe(
      'ctlab: invalid argument "DROPED" for "--verdict" flag: invalid --verdict value: DROPED. Did you mean DROPPED?\n',
    );
    expect(await said("-t", "trace:to-netwrk")).toMatch(/ parsing "to-netwrk": invalid syntax\. Did you mean to-network\?\n$/);
    expect(await said("--not", "--protocol", "tpc")).toBe('ctlab: invalid protocol filter: unknown protocol: "tpc". Did you mean tcp?\n');
    expect(await said("-o", "xml")).toBe("ctlab: invalid output format: xml. Expected one of compact, dict, table, json, jsonpb\n");
    expect(await said("--color", "allways")).toBe(
      'ctlab: invalid argument "allways" for "--color" flag: not a known name. Did you mean always?\n',
    );
  });

  it("follows a file until it is interrupted", async () => {
    writeFileSync(at("growing.jsonl"), `${LINES[0]!}\n${LINES[1]!.slice(0, 50)}`);
    const finished = await ctlab(["observe", "growing.jsonl", "-f", "-o", "json"], {
      cwd: folder.path,
      onStart: (child) => {
        let seen = "";
        child.stdout!.on("data", (chunk: Buffer) => {
          const before = seen;
          seen += chunk.toString();
          if (before === "") appendFileSync(at("growing.jsonl"), `${LINES[1]!.slice(50)}\n`);
          if (seen.includes('"flow-002"')) child.kill("SIGINT");
        });
      },
    });
    expect(finished).toEqual({ code: 0, stdout: `${LINES[0]!}\n${LINES[1]!}\n`, stderr: "" });
  });

  it("has help with every flag", async () => {
    const { code, stdout } = await observe("--help");
    expect(code).toBe(0);
    for (const flag of ["--not", "--from-pod", "-t, --type", "--time-format", "--variant", "-o, --output <format>"]) expect(stdout).toContain(flag);
    expect(stdout).toContain("Examples:");
  });
});

/** A run folder whose variants have ten flows each. */
function run(name: string, ...variants: string[]): void {
  for (const variant of variants) mkdirSync(join(at(name), variant), { recursive: true });
  writeFileSync(join(at(name), "manifest.json"), "{}");
  for (const [index, variant] of variants.entries()) writeFileSync(join(at(name), variant, "flows.jsonl"), `${LINES.slice(index * 10, index * 10 + 10).join("\n")}\n`);
}

describe("ctlab observe RUN", () => {
  it("takes the flows of a run, or of one of its variants", async () => {
    run("one", ".");
    run("two", "first", "second");
    writeFileSync(at("ten.jsonl"), LINES.slice(0, 10).join("\n"));
    expect(await observe("one", "-o", "dict")).toEqual(await observe("ten.jsonl", "-o", "dict"));
    expect((await observe("two", "--variant", "second", "--all", "-o", "json")).stdout).toContain(JSON.parse(LINES[10]!).flow.uuid as string);
    expect((await observe("two")).stderr).toBe("ctlab: two has several variants; choose one with --variant: first, second\n");
    expect((await observe("two", "--variant=third")).stderr).toBe("ctlab: two has no variant third; choose one with --variant: first, second\n");
    expect((await observe(".")).stderr).toBe("ctlab: . is no run folder: it has no manifest.json\n");
  });

  it("counts durations back from the last flow", async () => {
    run("one", ".");
    const last = JSON.parse(LINES[9]!) as { readonly time: string };
    const { stdout } = await observe("one", "--since", "0s", "-o", "json");
    expect((JSON.parse(stdout.trim().split("\n").at(-1)!) as { readonly time: string }).time).toBe(last.time);
    expect((await observe("one", "--until", "24h")).stdout).toBe("");
  });
});

describe("ctlab observe agent-events", () => {
  const event = (second: string, id: number): string =>
    JSON.stringify({ agent_event: { type: "ENDPOINT_DELETED", endpoint_update: { id: String(id) } }, node_name: "kind/n1", time: `2025-07-29T03:24:${second}Z` });

  it("prints those of a run or a file, and of none that there are none", async () => {
    run("spoken", "first", "second");
    writeFileSync(join(at("spoken"), "first", "agent-events.jsonl"), `${event("05", 1)}\n${event("06", 2)}\n`);
    const printed = "Jul 29 03:24:05.000: ENDPOINT_DELETED (id: 1)\nJul 29 03:24:06.000: ENDPOINT_DELETED (id: 2)\n";
    expect(await observe("agent-events", "spoken", "--variant", "first")).toEqual({ code: 0, stdout: printed, stderr: "" });
    const [first, second] = printed.split(/(?<=\n)/);
    expect((await observe("agent-events", "spoken", "--variant", "first", "--first", "1")).stdout).toBe(first);
    expect((await observe("agent-events", "spoken/first/agent-events.jsonl", "--since", "2025-07-29T03:24:06Z")).stdout).toBe(second);
    const silent = await observe("agent-events", "spoken", "--variant=second");
    expect([silent.code, silent.stdout, silent.stderr]).toEqual([0, "", expect.stringContaining("the agent said nothing")]);
  });

  it("refuses what it has not", async () => {
    const refused = async (...args: string[]): Promise<unknown> => {
      const { code, stderr } = await observe(...args);
      return [code, stderr];
    };
    expect(await refused("debug-events", "corpus.jsonl")).toEqual([2, "ctlab: there are no debug-events to show: the programs of a simulated node write none\n"]);
    expect(await refused("agent-events", "corpus.jsonl", "--pod", "a")).toEqual([2, "ctlab: unknown flag: --pod; agent-events takes no filters\n"]);
  });
});

describe("ctlab observe --slow-syn", () => {
  const packet = (second: string, flags: object, reply: boolean, more: object = {}): string => {
    const [client, server] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 80 }];
    const [from, to] = reply ? [server, client] : [client, server];
    const l4 = { TCP: { source_port: from.port, destination_port: to.port, flags } };
    const flow = { time: `2025-07-29T03:24:${second}Z`, verdict: "FORWARDED", IP: { source: from.address, destination: to.address }, l4, event_type: { type: 4 }, ...more };
    return JSON.stringify({ flow, time: flow.time });
  };
  const lines = [
    packet("11.000", { SYN: true }, false, { verdict: "DROPPED", event_type: { type: 1, sub_type: 155 } }),
    packet("11.512", { SYN: true }, false),
    packet("11.513", { SYN: true, ACK: true }, true),
    packet("12.000", { ACK: true }, false),
  ];

  it("tells the slowest and their spread over time", async () => {
    writeFileSync(at("syns.jsonl"), lines.join("\n"));
    const { code, stdout } = await observe("syns.jsonl", "--slow-syn", "100ms");
    expect(code).toBe(0);
    expect(stdout).toBe(
      "1 of 1 connections (100 %) waited 100 ms or longer for their SYN-ACK.\n" +
        "Waits that ended: p50 513 ms, p99 513 ms.\n\n" +
        "each 1 s from         connections  slow  longest\n" +
        "2025-07-29T03:24:11Z            1     1   513 ms\n\n" +
        "slowest, first SYN      wait  SYNs  connection                    dropped\n" +
        "2025-07-29T03:24:11Z  513 ms     2  10.0.0.1:4000 -> 10.0.0.2:80  CT: Map insertion failed\n",
    );
    const json = JSON.parse((await observe("syns.jsonl", "--slow-syn=100ms", "-o", "json", "--to-port", "80")).stdout) as object;
    expect(json).toMatchObject({ schemaVersion: 1, connections: 1, p50Ns: 513_000_000, slow: [{ waitNs: 513_000_000, answered: true, syns: 2 }] });
    expect((await observe("syns.jsonl", "--slow-syn=100ms", "--to-port", "443")).stdout).toBe("No SYN among these flows.\n");
    expect((await observe("syns.jsonl", "--slow-syn=100ms", "--last", "3")).stderr).toBe("ctlab: --slow-syn looks at all flows: leave out --last\n");
  });
});

describe("ctlab verify", () => {
  it.each(["flow-lines", "flow-streams", "filters", "status", "lists", "grpc-streams"])("%s", async (kind) => {
    const { code, stdout } = await ctlabHere(["verify", kind, join(VECTORS, `${kind}.json.gz`)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+ passed, 0 failed$/m);
  });
});
