/** `ctlab diagnose` through the built command line, on what an operator has of a node whose conntrack map was made anew. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DiagnosisResult } from "../../src/observe/diagnosis-result.js";
import { ctlab, ctlabHere, ROOT, scratch, type Finished } from "./cli.js";

/** Written by scripts/diagnose-trial.mjs from the scenario map-resize. */
const FIXTURES = join(ROOT, "test/fixtures/diagnose");
const FILES = readdirSync(FIXTURES).filter((name) => name.startsWith("map-resize."));
const NODE = ["--kernel", "6.6", "--node", "4cpu,16Gi"];
const WIDTH = 80;

const folder = scratch();
afterAll(folder.remove);
const file = (name: string): string => join(FIXTURES, FILES.find((each) => each.includes(name))!);

async function diagnosed(...args: readonly string[]): Promise<DiagnosisResult> {
  const { code, stdout, stderr } = await ctlabHere(["diagnose", ...args, "--json"], { cwd: folder.path });
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as DiagnosisResult;
}

function refused({ code, stdout }: Finished): void {
  expect([code, stdout]).toEqual([2, ""]);
}

beforeAll(() => {
  for (const name of FILES) writeFileSync(join(folder.path, name.replace("map-resize.", "")), readFileSync(join(FIXTURES, name)));
  writeFileSync(join(folder.path, "values.yaml"), "bpf: { ctTcpMax: 131072, ctAnyMax: 65536, natMax: 65536 }\nconntrackGCInterval: 30s\n");
  writeFileSync(join(folder.path, "notes.txt"), "called the platform team at ten\n");
});

describe("ctlab diagnose", () => {
  it("finds each file's kind by its content, compressed or not, and names the mechanism", async () => {
    const { files, passedOver, verdict, ranking, node } = await diagnosed(".", ...NODE);
    expect(files.map(({ path, kind, content }) => [path, kind, content])).toEqual([
      ["values.yaml", "Helm values", "sizes of 2 maps"],
      ["ct-global.txt.gz", "cilium bpf ct list global", "1,970 entries"],
      ["drops.jsonl.gz", "Hubble flows (JSON lines)", "524 flows"],
      ["metrics.om.gz", "cilium metrics list or a scrape of Prometheus metrics", "58 series, 11 scrapes"],
      ["status.txt.gz", "cilium status --verbose", "Cilium 1.17.6, sizes of 21 maps"],
    ]);
    expect(passedOver).toEqual([{ path: "notes.txt", reason: expect.stringContaining("is none of these kinds") as string }]);
    expect(node).toEqual({ cilium: "1.17.6", kernel: "6.6.120", cpus: 4, unsaid: [] });
    expect([ranking[0]!.id, verdict.certainty, verdict.notTheMap]).toEqual(["M11", "clear", false]);
    expect(ranking[0]!.for[0]).toEqual({ question: "restart", saw: "ct4_global from 65,536 to 131,072 entries", decibans: expect.any(Number) as number });
    expect(ranking).toHaveLength(17);
    expect(ranking.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it("says it in words that fit a terminal", async () => {
    const { code, stdout } = await ctlabHere(["diagnose", file("ct-global"), file("drops"), "--cilium", "1.17", ...NODE]);
    expect(code).toBe(0);
    for (const line of stdout.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(WIDTH + (line.includes("/") ? FIXTURES.length : 0));
    for (const part of ["share", "For M11", "Missing", "Measure next", "helps", "no effect", "no probabilities"]) expect(stdout).toContain(part);
    expect(stdout).toContain("1,970 entries");
  });

  it("takes any part, says what is missing, and which measurement would tell", async () => {
    const { verdict, measurement, ranking, node } = await diagnosed(file("status"));
    expect([verdict.certainty, node.unsaid.length]).toEqual(["too little", 1]);
    expect(verdict.headline).toMatch(/^Too little was read/);
    expect(measurement!.between).toEqual([ranking[0]!.id, ranking[1]!.id]);
    expect(measurement!.measure).toMatch(/kubectl|hubble|curl/);
    expect(ranking[0]!.missing.length).toBeGreaterThan(0);
  });

  it("takes two scrapes, values, and stdin", async () => {
    const scrape = (failed: number, runs: number): string =>
      `cilium_drop_count_total{reason="CT: Map insertion failed",direction="INGRESS"} ${failed}\n` +
      `cilium_forward_count_total{direction="INGRESS"} ${failed * 5000}\n` +
      `cilium_bpf_map_pressure{map_name="ct4_global"} 0.31\n` +
      `cilium_datapath_conntrack_gc_runs_total{family="ipv4",protocol="TCP",status="completed"} ${runs}\n`;
    writeFileSync(join(folder.path, "a.prom"), scrape(10, 4));
    const second = scrape(35, 5);
    const args = ["diagnose", "a.prom", "-", "-f", "values.yaml", "--cilium", "1.17.6", ...NODE];
    const { code, stdout } = await ctlab(args, { cwd: folder.path, input: second });
    expect(code).toBe(0);
    expect(stdout).toContain('"CT: Map insertion failed" 25 times');
    expect(stdout).toMatch(/^M3,|Most likely M3,/m);
  });

  it("takes a kernel that can't do it into account", async () => {
    const shareOfM3 = async (kernel: string): Promise<number> =>
      (await diagnosed("a.prom", "--kernel", kernel)).ranking.find(({ id }) => id === "M3")!.share;
    expect(await shareOfM3("6.6")).toBeGreaterThan(0.5);
    expect(await shareOfM3("6.18")).toBeLessThan(0.1);
  });

  it("names every file that it can't read, and does not guess", async () => {
    writeFileSync(join(folder.path, "noise.txt"), "hello\n");
    const wrong = await ctlabHere(["diagnose", "missing.txt", "noise.txt", "a.prom"], { cwd: folder.path });
    refused(wrong);
    expect(wrong.stderr.split("\n")).toEqual([
      "ctlab: missing.txt: no such file",
      expect.stringMatching(/^ctlab: noise\.txt: is none of these kinds: /),
      "",
    ]);
    mkdirSync(join(folder.path, "noise"));
    writeFileSync(join(folder.path, "noise/noise.txt"), "hello\n");
    const useless = await ctlabHere(["diagnose", "noise"], { cwd: folder.path });
    refused(useless);
    expect(useless.stderr).toMatch(/^ctlab: noise: nothing in this folder can be diagnosed from\n {2}noise\/noise\.txt: is none of these kinds: /);
    mkdirSync(join(folder.path, "bare"));
    const several = await ctlabHere(["diagnose", "noise", "bare", "noise", "."], { cwd: folder.path });
    refused(several);
    expect(several.stderr.match(/^ {2}.*?(?=: is none|\*)/gm)).toEqual(["  noise/noise.txt", "  expected files named ", "  noise/noise.txt"]);
    const swapped = await ctlabHere(["diagnose", "--nat", file("ct-global")], { cwd: folder.path });
    refused(swapped);
    expect(swapped.stderr).toContain("looks like cilium bpf ct list global");
  });

  it("names the file beside a mistyped one", async () => {
    const { code, stderr } = await ctlabHere(["diagnose", "statsu.txt.gz", "--ct", "./ct-globl.txt.gz"], { cwd: folder.path });
    expect([code, stderr.split("\n")]).toEqual([
      2,
      ["ctlab: statsu.txt.gz: no such file", '   did you mean "status.txt.gz"?', "ctlab: ./ct-globl.txt.gz: no such file", '   did you mean "./ct-global.txt.gz"?', ""],
    ]);
  });

  it("tells of lines that it passed over", async () => {
    writeFileSync(join(folder.path, "torn.txt"), 'a torn line\ncilium_bpf_map_pressure{map_name="ct4_global"} 0.31\ncilium_forward_count_total{direction="EGRESS"} 5\n');
    const { files } = await diagnosed("--metrics", "torn.txt");
    expect(files).toMatchObject([{ content: "2 series", skipped: { count: 1, first: [{ line: 1 }] } }]);
    const { stdout } = await ctlabHere(["diagnose", "--metrics", "torn.txt"], { cwd: folder.path });
    expect(stdout.replace(/\s+/g, " ")).toContain("1 line skipped (line 1: has no value)");
  });

  it("prints what the README shows", async () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const [, command, block] = /<!-- example:diagnose -->\n`npx ctlab (.*?)`[\s\S]*?```\n([\s\S]*?)```/.exec(readme)!;
    const { stdout } = await ctlabHere(command!.split(" "), { cwd: ROOT });
    expect(block!.length).toBeGreaterThan(500);
    expect(stdout).toContain(block);
  });

  it("wants something, and releases that there are", async () => {
    refused(await ctlabHere(["diagnose"], { cwd: folder.path }));
    const unknown = await ctlabHere(["diagnose", "a.prom", "--kernel", "9.9"], { cwd: folder.path });
    refused(unknown);
    expect(unknown.stderr).toContain("nearest is 6.18");
  });
});
