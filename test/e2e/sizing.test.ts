/** The shipped sizing table is what the shipped scenario gives: its first row, under every mix, with all seeds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ctlab, ROOT, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);

interface SizingTable {
  readonly ROWS: readonly (readonly string[])[];
  readonly gridOf: (rows: readonly (readonly string[])[]) => string;
}

/** Rows for 500 pods; columns are as wide as their longest cell, which may be in another row. */
function firstRows(markdown: string): readonly (readonly string[])[] {
  const rows = markdown.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  return rows.filter((cells) => cells[2] === "500");
}

it("the first row of scenarios/sizing/README.md", async () => {
  const script = join(ROOT, "scripts/sizing-table.mjs");
  const { ROWS, gridOf } = (await import(script)) as SizingTable;
  const args = ["sweep", "scenarios/sizing/rule-of-thumb.yaml", "--grid", gridOf(ROWS.slice(0, 1)), "--out", join(folder.path, "table"), "--markdown"];
  const { code, stdout } = await ctlab(args);
  expect(code).toBe(0);
  expect(firstRows(stdout)).toHaveLength(3);
  expect(firstRows(stdout)).toEqual(firstRows(readFileSync(join(ROOT, "scenarios/sizing/README.md"), "utf8")));
});
