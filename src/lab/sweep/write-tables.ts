/** The table of a sweep in the forms that people and programs read. */
import { join } from "node:path";
import type { SweepTable } from "../../observe/sweep-result.js";
import { sweepHtml } from "../../report/html/sweep-page.js";
import { layOut } from "../../report/json.js";
import { sweepCsv, sweepMarkdown } from "../../report/sweep-table.js";
import { writeWhole } from "../../report/whole-file.js";

/** Throws `OutputError`. */
export async function writeTables(dir: string, table: SweepTable): Promise<void> {
  const { sweepParquet } = await import("../../report/sweep-parquet.js");
  writeWhole(join(dir, "table.json"), layOut(table));
  writeWhole(join(dir, "table.csv"), sweepCsv(table));
  writeWhole(join(dir, "table.md"), sweepMarkdown(table));
  writeWhole(join(dir, "table.parquet"), sweepParquet(table));
  writeWhole(join(dir, "report.html"), sweepHtml(table));
}
