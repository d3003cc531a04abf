/** `ctlab sweep` and `ctlab merge` through the built command line: tables, shards, going on after a stop, what is refused. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SweepTable } from "../../src/observe/sweep-result.js";
import { ctlab, ctlabHere, scratch, tree, type CliOptions, type Finished } from "./cli.js";

const SCENARIO = `apiVersion: ctlab/v1
name: plan
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 2, memory: 16Gi }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true, bpf.ctTcpMax: 65536, bpf.ctAnyMax: 4096, bpf.natMax: 4096 } }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - { name: stock, from: { workload: shop/api, pods: 4 }, to: shop/stock, arrivals: { poisson: 200/s } }
duration: 2s
expect: [ 'map_pressure_max{map="ct4_global"} < 0.2' ]
`;
const GRID = ["--grid", "bpf.ctTcpMax=1Ki,8Ki", "--grid", "cluster.rtt=1ms,40ms", "--runs", "2"];

const folder = scratch();
const at = (name: string): string => join(folder.path, name);
afterAll(folder.remove);

function sweep(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  return ctlab(["sweep", "plan.yaml", ...args], { cwd: folder.path, ...options });
}

/** A sweep that has nothing to simulate. */
function sweepHere(args: readonly string[]): Promise<Finished> {
  return ctlabHere(["sweep", "plan.yaml", ...args], { cwd: folder.path });
}

let whole: Finished;
beforeAll(async () => {
  writeFileSync(at("plan.yaml"), SCENARIO);
  whole = await sweep([...GRID, "--out", "whole"]);
});

describe("a table", () => {
  it("has one row for each combination, and says what was done", () => {
    expect(whole.code).toBe(0);
    expect(whole.stderr).toBe("4 points, 8 runs\nWritten: whole/report.html, whole/table.{json,csv,md,parquet}\n");
    expect(whole.stdout).toMatch(/^ctTcpMax +rtt +holds +SYN p99 +failed +live evictions +fill +memory\n +1024 +1ms +0 of 2/);
    expect(whole.stdout).toMatch(/\n +8192 +40ms +2 of 2 +40 ms +< /);
    for (const line of whole.stdout.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
    expect([...tree(at("whole")).keys()]).toEqual([
      ...[0, 1, 2, 3].map((point) => `points/00000${point}.json`),
      "report.html",
      "sweep.json",
      "table.csv",
      "table.json",
      "table.md",
      "table.parquet",
    ]);
  });

  it("says the same in CSV, JSON and Parquet", async () => {
    const table = JSON.parse(readFileSync(at("whole/table.json"), "utf8")) as SweepTable;
    expect(table).toMatchObject({ schemaVersion: 1, partial: false, confidence: 0.95 });
    const csv = readFileSync(at("whole/table.csv"), "utf8").trimEnd().split("\n").map((line) => line.split(","));
    const bytes = readFileSync(at("whole/table.parquet"));
    const rows = await parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer });
    expect(rows).toHaveLength(4);
    rows.forEach((row, i) => {
      expect(Object.keys(row)).toEqual(csv[0]);
      expect(Object.values(row).map((value) => (value === null || value === undefined ? "" : String(value)))).toEqual(csv[i + 1]);
      expect(row).toMatchObject({ point: i, runs: 2, syn_latency_p50: table.rows[i]!.figures[0]!.mean });
    });
    expect(rows[1]).toMatchObject({ "bpf.ctTcpMax": 1024, "cluster.rtt": "40ms" });
    for (const [option, file] of [["--csv", "table.csv"], ["--json", "table.json"], ["--markdown", "table.md"]] as const) {
      const { code, stdout, stderr } = await sweepHere([...GRID, "--out", "whole", option]);
      // Nothing is left to compute.
      expect([code, stderr.split("\n")[0]]).toEqual([0, "4 points, 8 runs, 0 still to do"]);
      expect(stdout).toBe(readFileSync(at(`whole/${file}`), "utf8"));
    }
  });
});

describe("shards", () => {
  beforeAll(async () => {
    for (const shard of ["1/3", "2/3", "3/3"]) {
      const { code, stderr } = await sweep([...GRID, "--shard", shard, "--jobs", "1", "--out", `shards/${shard[0]!}`]);
      expect([code, stderr]).toEqual([0, expect.stringContaining(`Shard ${shard} is finished`)]);
      expect(existsSync(at(`shards/${shard[0]!}/table.csv`))).toBe(false);
    }
  });

  it("merge into the same bytes as one process, in any order", async () => {
    const { code, stdout } = await ctlabHere(["merge", "shards/3", "shards/1", "shards/2", "--out", "merged"], { cwd: folder.path });
    expect([code, stdout]).toEqual([0, whole.stdout]);
    expect(tree(at("merged"))).toEqual(tree(at("whole")));
  });

  it("that are missing or belong to another sweep are refused, and nothing is written", async () => {
    const missing = await ctlabHere(["merge", "shards/1", "shards/3", "--out", "bad"], { cwd: folder.path });
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("1 of 4 points are in none of the folders (1)")]);
    cpSync(at("shards/2"), at("other"), { recursive: true });
    writeFileSync(at("other/sweep.json"), readFileSync(at("other/sweep.json"), "utf8").replace('"seed": "1"', '"seed": "2"'));
    const other = await ctlabHere(["merge", "shards/1", "other", "--out", "bad"], { cwd: folder.path });
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("other: holds another sweep: its seed is different")]);
    const none = await ctlabHere(["merge", "absent", "--out", "bad"], { cwd: folder.path });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("absent: is no sweep's folder")]);
    expect(existsSync(at("bad"))).toBe(false);
  });
});

describe("a stop", () => {
  it("keeps what is finished; the same command goes on and gives the same bytes", async () => {
    const long = ["--grid", "bpf.ctTcpMax=1Ki,8Ki", "--grid", "cluster.rtt=1ms,2ms,3ms,4ms,5ms,40ms", "--runs", "1", "--jobs", "1", "--out", "stopped"];
    const begun = (child: { kill: (signal: NodeJS.Signals) => boolean }): void => {
      const timer = setInterval(() => {
        if (!existsSync(at("stopped/points/000001.json"))) return;
        clearInterval(timer);
        child.kill("SIGINT");
      }, 20);
    };
    const stopped = await sweep(long, { onStart: begun });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/Interrupted: \d+ points are missing\. The finished ones are in stopped; the same command goes on from there\./);
    const kept = [...tree(at("stopped"))].filter(([name]) => name.startsWith("points/"));
    expect(kept.length).toBeGreaterThanOrEqual(2);
    expect(kept.length).toBeLessThan(12);
    expect(existsSync(at("stopped/table.csv"))).toBe(false);
    const on = await sweep(long);
    expect([on.code, on.stderr]).toEqual([0, expect.stringContaining(`12 points, 12 runs, ${12 - kept.length} still to do`)]);
    const after = tree(at("stopped"));
    for (const [name, bytes] of kept) expect(after.get(name)).toBe(bytes);
    // From the beginning in one go, two at a time.
    await sweep([...long.slice(0, -3), "2", "--out", "straight"]);
    expect(after).toEqual(tree(at("straight")));
  });
});

describe("what is refused", () => {
  it.each([
    [["--grid", "bpf.ctTcpMaxx=1,2"], "--grid:1:", 'did you mean "bpf.ctTcpMax"?'],
    [["--grid", "clustr.pods=1,2"], "--grid:1:1: error", 'did you mean "cluster"?'],
    [["--grid", "cluster.podds=1,2"], "--grid:1:", 'did you mean "pods"?'],
    [["--grid", "cluster.pods=1,many"], "--grid:1:", "many"],
    [["--grid", "cluster.pods=1,2", "--variant", "x"], "plan.yaml", 'there is no variant "x"'],
    [["--grid", "cluster.pods=1,2", "--set", "durtion=1s"], "--set:1:1", 'did you mean "duration"?'],
    [["--grid", "cluster.pods=1,2", "--shard", "3/2"], "--shard", "3/16"],
    [[], "--grid", "not specified"],
  ])("%j", async (args, where, what) => {
    const { code, stdout, stderr } = await sweepHere([...args, "--out", "refused"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(where);
    expect(stderr).not.toContain("points");
    expect(stderr).toContain(what);
    expect(existsSync(at("refused"))).toBe(false);
  });

  it("a folder that holds something else, another sweep, or one of another version", async () => {
    const before = tree(at("whole"));
    const other = await sweepHere(["--grid", "bpf.ctTcpMax=1Ki,8Ki", "--out", "whole"]);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("whole: holds another sweep: its runs are different; it is left as it is")]);
    const changed = await sweepHere([...GRID, "--set", "duration=3s", "--out", "whole"]);
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringContaining("what the scenario says has changed")]);
    expect(tree(at("whole"))).toEqual(before);

    cpSync(at("whole"), at("older"), { recursive: true });
    const plan = readFileSync(at("older/sweep.json"), "utf8");
    writeFileSync(at("older/sweep.json"), plan.replace(/"ctlab": "[^"]+"/, '"ctlab": "0.0.1"'));
    const older = await sweepHere([...GRID, "--out", "older"]);
    expect([older.code, older.stderr]).toEqual([2, expect.stringContaining("older: holds a sweep of ctlab 0.0.1, and this is")]);

    const foreign = await sweepHere([...GRID, "--out", "."]);
    expect([foreign.code, foreign.stderr]).toEqual([2, expect.stringContaining(".: is not empty and not a sweep of ctlab")]);
  });

  it("a damaged point is named, not overwritten; without it the sweep goes on", async () => {
    cpSync(at("whole"), at("damaged"), { recursive: true });
    writeFileSync(at("damaged/points/000002.json"), "{");
    const { code, stderr } = await sweepHere([...GRID, "--out", "damaged"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("000002.json: is not a point of this sweep, or damaged")]);
    expect(readFileSync(at("damaged/points/000002.json"), "utf8")).toBe("{");
    rmSync(at("damaged/points/000002.json"));
    expect((await sweep([...GRID, "--out", "damaged"])).code).toBe(0);
    expect(tree(at("damaged"))).toEqual(tree(at("whole")));
  });

  it("a grid that explodes: a count and an estimate first", async () => {
    const values = Array.from({ length: 50 }, (_, i) => `${i + 1}ms`).join(",");
    const args = ["--grid", `cluster.rtt=${values}`, "--grid", `cluster.pods=${values.replaceAll("ms", "00")}`, "--set", "duration=30m", "--runs", "9"];
    const { code, stdout, stderr } = await sweepHere([...args, "--out", "huge"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/2500 points with 9 runs each, 22500 runs to do, take about \d+h/);
    expect(stderr).toContain("--yes");
    expect(existsSync(at("huge"))).toBe(false);
    const absurd = await sweepHere([...args, "--grid", `client.finTimeout=${values}`, "--out", "huge"]);
    expect([absurd.code, absurd.stderr]).toEqual([2, expect.stringContaining("this makes 125000 points")]);
  });
});
