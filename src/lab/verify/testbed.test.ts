import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { VectorFileError, type CaseOutcome, type VectorFile } from "./case.js";
import { verifyTestbed } from "./testbed.js";
import { validationText } from "./validation.js";
import { readVectorFile } from "./vector-file.js";

type Tree = Record<string, unknown>;

function recorded(name: string): VectorFile {
  return readVectorFile(fileURLToPath(new URL(`../../../test/vectors/testbed/${name}.json.gz`, import.meta.url)));
}

/** The same file with one value replaced or added at a dotted path; `detail.` begins a path in the details. */
function tampered(name: string, path: string, change: unknown): VectorFile {
  const file = recorded(name);
  if (!path.startsWith("detail.")) return { ...file, text: edited(file.text, path, change) };
  const sibling = (other: string): VectorFile => {
    const detail = file.sibling(other);
    return { ...detail, text: edited(detail.text, path.slice("detail.".length), change) };
  };
  return { ...file, sibling };
}

function edited(text: string, path: string, change: unknown): string {
  const root = JSON.parse(text) as Tree;
  const steps = path.split(".");
  const last = steps.pop()!;
  let at = root;
  for (const step of steps) at = at[step] as Tree;
  const value = typeof change === "function" ? (change as (before: unknown) => unknown)(at[last]) : change;
  if (JSON.stringify(at[last]) === JSON.stringify(value)) throw new Error(`${path} is ${JSON.stringify(value)} already`);
  at[last] = value;
  return JSON.stringify(root);
}

/** Of a file of probes, the one that a path leads to. */
function only(file: VectorFile, path: string): VectorFile {
  const [section, name] = path.split(".");
  const root = JSON.parse(file.text) as Record<string, Tree>;
  for (const each of ["syn", "data"]) {
    root[each] = Object.fromEntries(Object.entries(root[each]!).filter(([key]) => each === section && key === name));
  }
  return { ...file, text: JSON.stringify(root) };
}

function outcomes(file: VectorFile): CaseOutcome[] {
  return [...(verifyTestbed(file) as Iterable<CaseOutcome>)];
}

function failures(file: VectorFile): CaseOutcome[] {
  return outcomes(file).filter((outcome) => outcome.difference !== undefined);
}

describe("verify testbed", () => {
  it.each([
    "03_hash_over_gc10",
    "10_hash_over_idle_recreate",
    "12_hash_over_syn_exponential",
    "13_hash_over_local_egress_drop",
    "04b_lru_thrash_recreate",
    "05b_lru_thrash_drop",
  ])("predicts %s within the bounds", (name) => {
    const all = outcomes(recorded(name));
    expect(all).toEqual([{ id: name, compared: expect.any(Number) as number, row: expect.any(Array) as string[] }]);
    expect(all[0]!.compared).toBeGreaterThan(4000);
  });

  it("keeps the probes' schedules", () => {
    const all = outcomes(recorded("probes"));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(12 + 3);
  });

  it("says that nf_conntrack is not covered, as a failure", () => {
    expect(failures(recorded("14_nf_conntrack_over"))[0]!.difference!.actual).toMatch(/^not covered/);
  });

  const shifted = (by: number) => (before: unknown) => (before as number[]).map((value) => value + by);
  it.each<[string, string, unknown]>([
    ["03_hash_over_gc10", "series.occ", shifted(13)],
    ["03_hash_over_gc10", "totals.syn_drop_fraction", 0.7],
    ["03_hash_over_gc10", "totals.outcomes.closed", 7000],
    ["03_hash_over_gc10", "totals.surprise", 1],
    ["03_hash_over_gc10", "totals.gc_runs", 9],
    ["03_hash_over_gc10", "params.max_entries", 1100],
    ["03_hash_over_gc10", "params.hook", "switch"],
    ["03_hash_over_gc10", "params.client_sysctl", { "net.ipv4.tcp_sack": 0 }],
    ["03_hash_over_gc10", "params.tracker", "ipvs"],
    ["03_hash_over_gc10", "hz", 1000],
    ["03_hash_over_gc10", "syn_latency_us.established.p50", 1_000_000],
    ["03_hash_over_gc10", "syn_latency_us.by_syn_retrans.3.n", 8],
    ["03_hash_over_gc10", "syn_attempt_offset_us.2.n", 8],
    ["03_hash_over_gc10", "surprise", {}],
    ["03_hash_over_gc10", "detail.connections.hold_ms", (before: unknown) => (before as number[]).map((ms) => ms * 0.9)],
    ["03_hash_over_gc10", "detail.connections.leak", "none"],
    ["03_hash_over_gc10", "detail.name", "04"],
    ["13_hash_over_local_egress_drop", "params.hook", "server"],
    ["12_hash_over_syn_exponential", "params.client_sysctl", {}],
  ])("%s with another %s fails", (name, path, change) => {
    expect(failures(tampered(name, path, change)).length).toBe(1);
  });

  it.each<[string, unknown]>([
    ["syn.p1_syn_default.syn_offset_us.9.p50", 36_000_000],
    ["syn.p1_syn_default.gave_up.errno", [113]],
    ["syn.p2_syn_linear0.gave_up.after_us.p50", 128_000_000],
    ["syn.p8_syn_local_drop.connections", 39],
    ["syn.p11_syn_retries2.params.hook", "client"],
    ["data.p21_data_drop_local.outcomes", { censored: 23 }],
    ["data.p20_data_drop_remote.transmission_offset_us.4.tcp_flags", [16]],
    ["data.p22_data_drop_route_rto_min_50ms.params.route", null],
    ["surprise", {}],
  ])("probes with another %s fail", (path, change) => {
    expect(failures(only(tampered("probes", path, change), path)).length).toBe(1);
  });

  it("makes a table of recorded and simulated figures", () => {
    const files = [recorded("10_hash_over_idle_recreate"), recorded("14_nf_conntrack_over")];
    const rows = files.flatMap((file) => [...(verifyTestbed(file) as Iterable<CaseOutcome>)]).map(({ row }) => row!);
    const table = validationText(rows)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    expect(table[0]).toMatch(/^\| experiment \|/);
    expect(table[2]).toMatch(/^\| 10_hash_over_idle_recreate \| 0\.\d\d % \| 0\.9104 \/ 0\.91\d\d \|.*\| holds \|$/);
    expect(table[3]).toMatch(/^\| 14_nf_conntrack_over \|.*\| not covered \|$/);
    expect(new Set(table.slice(0, 4).map((line) => line.split("|").length)).size).toBe(1);
  });

  it("refuses what is no recording, with line and reason", () => {
    const file = recorded("03_hash_over_gc10");
    expect(() => outcomes({ ...file, text: file.text.slice(0, 5000) })).toThrow(VectorFileError);
    expect(() => outcomes({ ...file, text: '{"schema":"ctlab-maps/1"}' })).toThrow(/neither a testbed experiment nor probes/);
    const cut = { ...file, sibling: (name: string) => ({ ...file.sibling(name), text: "{" }) };
    expect(() => outcomes(cut)).toThrow(VectorFileError);
  });
});
