import { describe, expect, it } from "vitest";
import type { RunFigure } from "../../observe/run-figures.js";
import { SWEEP_FORMAT, SWEEP_POINT_FORMAT, type SweepPlan, type SweepPoint, type SweptRun } from "../../observe/sweep-result.js";
import { sweepCsv, sweepText } from "../../report/sweep-table.js";
import { tabulate } from "./tabulate.js";

const PLAN: SweepPlan = {
  format: SWEEP_FORMAT,
  schemaVersion: 1,
  ctlab: "1",
  scenario: "plan",
  seed: "1",
  runs: [0, 1],
  variants: [null],
  axes: [{ paths: ["cluster.pods"], values: [["40"], ["80"]] }],
  points: 2,
  hash: "ab",
};

function figure(name: string, unit: RunFigure["unit"], value: number | null, trials: number | null = null): RunFigure {
  return { name, label: name, unit, decides: true, value, trials };
}

function point(number: number, runs: readonly (readonly RunFigure[])[], fingerprints: readonly string[], outcomes: readonly SweptRun["outcome"][]): SweepPoint {
  return {
    format: SWEEP_POINT_FORMAT,
    sweep: "ab",
    point: number,
    variant: null,
    settings: { "cluster.pods": String(40 * (number + 1)) },
    runs: runs.map((figures, run) => ({ run, fingerprint: fingerprints[run]!, figures, outcome: outcomes[run]! })),
  };
}

const FIRST = point(
  0,
  [
    [figure("syn_latency_p99", "ns", 1e6), figure("failed_share", "share", 0, 1000), figure("evictions_live", "count", 0), figure("fill_max", "ratio", 0.4)],
    [figure("syn_latency_p99", "ns", 3e6), figure("failed_share", "share", 0, 500), figure("evictions_live", "count", 0), figure("fill_max", "ratio", 0.4)],
  ],
  ["a", "b"],
  ["met", "missed"],
);

describe("tabulate", () => {
  it("gives means with bounds, and what nothing seen allows", () => {
    const [row] = tabulate(PLAN, [FIRST]).rows;
    expect(row).toMatchObject({ runs: 2, holds: 1, fingerprints: ["a", "b"] });
    // 2 ± 12.706 · (√2) / √2 ms, and no time is below zero.
    expect(row!.figures[0]).toMatchObject({ mean: 2e6, low: 0, high: expect.closeTo(14.706e6, -3) });
    expect(row!.figures[1]).toMatchObject({ mean: 0, low: 0, high: 3 / 1500 });
    expect(row!.figures[2]).toMatchObject({ mean: 0, low: 0, high: 1.5 });
    expect(row!.figures[3]).toMatchObject({ mean: 0.4, low: 0.4, high: 0.4 });
  });

  it("leaves out what a run could not state, and says what is missing", () => {
    const poor = point(1, [[figure("syn_latency_p99", "ns", null)], [figure("syn_latency_p99", "ns", 1)]], ["c", "d"], ["none", "none"]);
    const table = tabulate(PLAN, [poor, FIRST]);
    expect(table.partial).toBe(false);
    expect(table.rows.map(({ point: number, holds }) => [number, holds])).toEqual([[0, 1], [1, null]]);
    expect(table.rows[1]!.figures[0]).toMatchObject({ mean: null, low: null, high: null });
    expect(tabulate(PLAN, [poor]).partial).toBe(true);
  });
});

describe("the table for people", () => {
  it("never says 0 where nothing was seen", () => {
    const text = sweepText(tabulate(PLAN, [FIRST]), false);
    expect(text).toMatch(/\n +40 +1 of 2 +2 ms +< 0\.2 % +< 1\.5 +0\.400 +–\n/);
    expect(text).toContain("1 of 2 points are finished.");
  });

  it("says that a setting changes nothing", () => {
    const same = { ...FIRST, point: 1, settings: { "cluster.pods": "80" } };
    expect(sweepText(tabulate(PLAN, [FIRST, same]), false)).toContain("cluster.pods changes nothing: the runs are the");
    const other = { ...same, runs: same.runs.map((run) => ({ ...run, fingerprint: "z" })) };
    expect(sweepText(tabulate(PLAN, [FIRST, other]), false)).not.toContain("changes nothing");
  });
});

describe("CSV", () => {
  it("has every column of every row, empty cells for what is not known, quotes where they are needed", () => {
    const odd = { ...FIRST, point: 1, settings: { "cluster.pods": '[1, "2"]' } };
    const [head, first, second] = sweepCsv(tabulate(PLAN, [FIRST, odd])).trimEnd().split("\n");
    expect(head).toMatch(/^point,cluster\.pods,runs,holds,syn_latency_p99,syn_latency_p99_low,syn_latency_p99_high,failed_share,/);
    expect(first).toMatch(/^0,40,2,1,2000000,0,1470\d+/);
    expect(second).toMatch(/^1,"\[1, ""2""\]",2,1,/);
  });
});
