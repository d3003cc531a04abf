/** The main job through the built command line: the incident's signature, its verdict, and that it repeats to the byte. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ExperimentResult, VariantResult } from "../../src/observe/result.js";
import { ctlab, ROOT, scratch, tree } from "./cli.js";

const SCENARIO = "scenarios/ct-exhaustion.yaml";
const MINUTES = 60_000;
const folder = scratch();
afterAll(folder.remove);

function summary(dir: string): ExperimentResult {
  return JSON.parse(readFileSync(join(dir, "summary.json"), "utf8")) as ExperimentResult;
}

function variant(result: ExperimentResult, name: string): VariantResult {
  return result.variants.find((each) => each.name === name)!;
}

function inserted(result: VariantResult): number {
  return result.maps.find(({ name }) => name === "ct4_global")!.insertsRefused;
}

/** Lines of the README's example, without the marks of what it leaves out. */
function readmeExample(): readonly string[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const block = /<!-- example:incident -->\n```\n([\s\S]*?)```/.exec(readme)![1]!;
  return block.split("\n").filter((line) => line !== "" && line !== "[…]");
}

describe("the incident", () => {
  const out = join(folder.path, "run");
  let result: ExperimentResult;

  it(
    "meets every expectation of the scenario and says so with exit code 0",
    async () => {
      const { code, stdout, stderr } = await ctlab(["run", SCENARIO, "--out", out]);
      expect(stderr).toBe("");
      result = summary(out);
      const missed = result.variants.flatMap(({ name, expectations }) =>
        expectations.filter(({ outcome }) => outcome !== "met").map(({ text, actual }) => `${name}: ${text}, got ${actual}`),
      );
      expect(missed).toEqual([]);
      expect(code).toBe(0);
      expect(stdout).toContain("ct4_global refuses new entries when it is full");
      expect(stdout.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
      for (const line of readmeExample()) expect(stdout).toContain(line);
    },
    4 * MINUTES,
  );

  it("as told: a slow mode one initial RTO after the SYN, and untouched established connections", () => {
    for (const [name, low, high] of [["as-told", 500e6, 533e6], ["as-told-rto-1s", 1000e6, 1033e6]] as const) {
      const told = variant(result, name);
      const slow = told.synLatency["all"]!.buckets.filter(([from]) => from > 100e6);
      const first = slow.filter(([from]) => from < low * 1.2);
      expect(Math.min(...first.map(([from]) => from))).toBeGreaterThanOrEqual(low - 1e6);
      expect(Math.max(...first.map(([, to]) => to))).toBeLessThanOrEqual(high + 1e6);
      expect(first.reduce((sum, [, , count]) => sum + count, 0)).toBeGreaterThan(slow.reduce((sum, [, , count]) => sum + count, 0) / 2);
      expect(told.drops.map(({ code, errno }) => `${code} ${errno}`)).toEqual(["155 E2BIG"]);
      expect(inserted(told)).toBe(told.drops[0]!.count);
      expect(told.gcRuns.filter(({ cause }) => cause === "signal").length).toBeGreaterThan(10);
    }
  });

  it("as LRU: nothing is refused and nobody waits, live entries are evicted, and the verdict draws the conclusion", () => {
    for (const name of ["as-lru", "as-lru-default-deny"]) {
      const lru = variant(result, name);
      expect(inserted(lru)).toBe(0);
      expect(lru.maps.find((map) => map.name === "ct4_global")!.evictionsLive).toBeGreaterThan(0);
      expect(lru.synLatency["all"]!.p99Ns).toBeLessThan(10e6);
    }
    const account = result.verdict.findings.find(({ label }) => label === "Can the account be right?")!;
    expect(account.text).toContain("can't be right there");
  });

  it("fixed: the verdict names the setting and its price", () => {
    const remedy = result.verdict.findings.find(({ label }) => label === "What ends it")!;
    expect(remedy.text).toContain("bpf.ctTcpMax 524288 → 2097152");
    expect(remedy.text).toContain("204.0 MiB more");
    expect(remedy.text).toContain("over 78 nodes");
  });

  it("leaves the files that the design lists", () => {
    const files = [...tree(out).keys()];
    for (const name of ["summary.json", "summary.md", "report.html", "manifest.json"]) expect(files).toContain(name);
    for (const name of ["flows.jsonl", "latency.hlog", "series.csv"]) expect(files).toContain(`as-told/${name}`);
  });

  it(
    "comes to the same conclusion with another seed, one burst long",
    async () => {
      const other = join(folder.path, "seed");
      const { code } = await ctlab(["run", SCENARIO, "--variant", "as-told", "--set", "duration=8m", "--seed", "another", "--out", other, "--quiet"]);
      const [told] = summary(other).variants;
      expect(told!.expectations.length).toBe(8);
      // When bursts come is the scenario's, whatever the seed; between two of them lies more than this run.
      expect(told!.expectations.flatMap(({ text, outcome }) => (outcome === "met" ? [] : [`${text}: ${outcome}`]))).toEqual([
        "burst_spacing in 10m..15m: inconclusive",
      ]);
      expect(code).toBe(4);
      expect(told!.fingerprint).not.toBe(variant(result, "as-told").fingerprint);
    },
    2 * MINUTES,
  );
});

describe("a run repeats to the byte", () => {
  /** The burst at once, on a map that it fills. */
  const SHORT = ["preload=[]", "maps.ct4_global.maxEntries=8192", "workloads.2.arrivals.first=1s", "duration=12s"].flatMap((each) => ["--set", each]);

  it(
    "whatever the number of workers and wherever it is written",
    async () => {
      const run = async (name: string, jobs: string): Promise<ReadonlyMap<string, string>> => {
        const out = join(folder.path, name);
        await ctlab(["run", SCENARIO, ...SHORT, "--variant", "as-told", "--variant", "as-lru", "--jobs", jobs, "--out", out]);
        return tree(out);
      };
      const one = await run("one", "1");
      const several = await run("several", "3");
      expect([...several.keys()]).toEqual([...one.keys()]);
      for (const [name, bytes] of one) expect(several.get(name) === bytes, `${name} differs`).toBe(true);
      const { variants } = summary(join(folder.path, "one"));
      const maps = variants.map(({ maps }) => maps.find(({ name }) => name === "ct4_global")!);
      expect([maps[0]!.insertsRefused, maps[1]!.evictionsLive].every((count) => count > 100)).toBe(true);
    },
    2 * MINUTES,
  );
});

describe("an interrupted run", () => {
  it(
    "writes what is finished, marks it partial and exits with 130",
    async () => {
      const out = join(folder.path, "partial");
      const { code } = await ctlab(["run", SCENARIO, "--variant", "fixed", "--out", out, "--quiet"], {
        onStart: (child) => setTimeout(() => child.kill("SIGINT"), 2500),
      });
      expect(code).toBe(130);
      const result = summary(out);
      expect(result.partial).toBe(true);
      expect(result.variants[0]!.reachedNs).toBeLessThan(result.variants[0]!.durationNs);
    },
    MINUTES,
  );
});
