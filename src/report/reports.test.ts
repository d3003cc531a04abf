/** Text reports over the fixture: what stands in them, in which order, and that they depend on nothing else. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { experimentFixture } from "../../test/fixtures/experiment-result.js";
import type { ExperimentResult } from "../observe/result.js";
import { RunFolder } from "./run-folder.js";
import { seriesCsv } from "./series-csv.js";
import { orderResult, summaryJson } from "./summary-json.js";
import { summaryMarkdown } from "./summary-md.js";
import { terminalReport, wantsColor } from "./terminal.js";
import { widthOf } from "./text-layout.js";
import { variantFile, writeReports } from "./write-run.js";

const result = experimentFixture();

/** The same data in objects whose keys were added in the opposite order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  ) as T;
}

describe("summary.json", () => {
  it("is the result, in the declared order, whatever order it was built in", () => {
    const text = summaryJson(result);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(result)));
    expect(summaryJson(reversed(result))).toBe(text);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      "schemaVersion",
      "ctlab",
      "scenario",
      "seed",
      "run",
      "command",
      "partial",
      "fingerprint",
      "verdict",
      "variants",
    ]);
  });

  it("loses no field", () => {
    expect(orderResult(result)).toEqual(result);
  });

  it("refuses a number that JSON can't hold", () => {
    expect(() => summaryJson({ ...result, run: Number.NaN })).toThrow(/NaN/);
  });
});

describe("summary.md", () => {
  const text = summaryMarkdown(result);

  it("starts with the verdict and shows every variant", () => {
    expect(text.split("\n").slice(0, 3)).toEqual(["# ct-exhaustion", "", `**${result.verdict.headline}**`]);
    for (const { name } of result.variants) expect(text).toContain(`\n## ${name}\n`);
  });

  it("states drops by Cilium's text and number, and what was not seen with its bound", () => {
    expect(text).toContain("CT: Map insertion failed (155, E2BIG)");
    expect(text).toContain("Policy denied (133)");
    expect(text).toContain("Dropped: none in 4,401,220 (below 6.8e-7) packets.");
  });

  it("has tables whose rows have as many cells as their header", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    expect(rows.length).toBeGreaterThan(100);
    const cells = (line: string): number => line.replace(/\\\|/g, "").split("|").length;
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      if (line.startsWith("|") && lines[index - 1]?.startsWith("|")) expect(cells(line), line).toBe(cells(lines[index - 1]!));
    });
  });

  it("says so when a quantile rests on too few samples, and when the run was cut short", () => {
    const [first] = result.variants;
    const few = { ...first!.synLatency["all"]!, count: 40, p99Ns: null, p999Ns: null };
    const short: ExperimentResult = {
      ...result,
      partial: true,
      variants: [{ ...first!, reachedNs: 600e9, synLatency: { all: few } }],
    };
    const cut = summaryMarkdown(short);
    expect(cut).toContain("n too small");
    expect(cut).toContain("**Partial**");
    expect(cut).toContain("10m of 40m (interrupted)");
    expect(cut).not.toContain("## Side by side");
  });
});

describe("terminal", () => {
  const options = { color: false, wallNs: 41e9, reportPath: "reports/ct-exhaustion/report.html" };

  it("fits 80 columns, in colour and without, also with long names and large figures", () => {
    const hard: ExperimentResult = {
      ...result,
      variants: result.variants.map((variant) => ({
        ...variant,
        name: `${variant.name}-with-a-rather-long-name`,
        drops: variant.drops.map((drop) => ({ ...drop, count: 98_765_432 })),
        expectations: variant.expectations.map((expectation) => ({ ...expectation, outcome: "inconclusive" as const })),
      })),
    };
    for (const [shown, color] of [
      [result, false],
      [result, true],
      [hard, false],
      [hard, true],
    ] as const) {
      for (const line of terminalReport(shown, { ...options, color }).split("\n"))
        expect(widthOf(line), line).toBeLessThanOrEqual(80);
    }
  });

  it("has escape codes only when asked for", () => {
    expect(terminalReport(result, options)).not.toContain("\u001b");
    expect(terminalReport(result, { ...options, color: true })).toContain("\u001b[");
  });

  it("wants colour only on a terminal without NO_COLOR", () => {
    expect(wantsColor(true, {})).toBe(true);
    expect(wantsColor(true, { NO_COLOR: "" })).toBe(true);
    expect(wantsColor(true, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColor(false, {})).toBe(false);
  });

  it("gives the verdict first, names what was missed, and the wall time only when told", () => {
    const text = terminalReport(result, options);
    expect(text.indexOf("can't be right")).toBeLessThan(text.indexOf("variant  "));
    expect(text).toContain("missed: syn_latency_slow_median");
    expect(text).toMatch(/simulated in 41 s/);
    expect(terminalReport(result, { color: false })).not.toContain("41 s (");
  });
});

describe("series.csv", () => {
  it("has one row per sample, exact times and units in the header", () => {
    const text = seriesCsv({
      stepNs: 5e8,
      timeNs: [0, 5e8, 1e9 + 1],
      columns: [
        { name: "a,b", unit: "entries", values: [1, Number.NaN, 0.25] },
        { name: "c", unit: "", values: [1, 2, 3] },
      ],
    });
    expect(text).toBe('time_s,"a,b [entries]",c\n0,1,1\n0.5,,2\n1.000000001,0.25,3\n');
  });
});

describe("a run folder", () => {
  /** Name → content of every file of a run written somewhere. */
  function contents(shown: ExperimentResult): Record<string, string> {
    const base = mkdtempSync(join(tmpdir(), "ctlab-reports-"));
    try {
      const folder = RunFolder.create(join(base, "run"));
      folder.write(variantFile(shown.variants[0]!.name, shown.variants.length, "flows.jsonl"), "");
      writeReports(folder, shown);
      folder.commit();
      const names = readdirSync(join(base, "run"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      return Object.fromEntries(
        names.map((entry) => {
          const path = join(entry.parentPath, entry.name);
          return [relative(join(base, "run"), path), readFileSync(path, "utf8")];
        }),
      );
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  }

  it("has the same bytes wherever it is written", () => {
    expect(contents(result)).toEqual(contents(experimentFixture()));
  });

  it("has a folder per variant when there are several", () => {
    const files = (JSON.parse(contents(result)["manifest.json"]!) as { files: { name: string }[] }).files.map(({ name }) => name);
    expect(files).toContain("as-told/flows.jsonl");
    expect(files).toContain("fixed/series.csv");
    const one = JSON.parse(contents(experimentFixture({ variants: 1 }))["manifest.json"]!) as { files: { name: string }[] };
    expect(one.files.map(({ name }) => name)).toContain("series.csv");
  });

  it("keeps odd variant names inside the folder", () => {
    expect(variantFile("../up", 2, "x")).toBe("--up/x");
    expect(variantFile("as told/é", 2, "x")).toBe("as-told--/x");
    expect(variantFile(null, 1, "x")).toBe("x");
  });
});
