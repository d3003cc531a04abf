/** Fills a run folder from a result: what lies where in it. */
import type { ExperimentResult } from "../observe/result.js";
import { reportHtml } from "./html/page.js";
import { manifestJson } from "./manifest.js";
import { MANIFEST_NAME, type RunFolder } from "./run-folder.js";
import { seriesCsv } from "./series-csv.js";
import { summaryJson } from "./summary-json.js";
import { summaryMarkdown } from "./summary-md.js";

/**
 * Name of a variant's file inside the folder: at the top when the scenario has no variants or one was chosen, else in
 * a folder named after it. `variants`: how many this run has.
 */
export function variantFile(variant: string | null, variants: number, file: string): string {
  return variants > 1 && variant !== null ? `${folderName(variant)}/${file}` : file;
}

/** Characters that file systems may not take become dashes. */
function folderName(variant: string): string {
  return variant.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^\.+/, "-");
}

/**
 * Writes every report that comes from the result, the manifest last. What is written while running (`flows.jsonl`,
 * `latency.hlog`) must be complete by now. `variants`: how many the run was to have, when an interruption left fewer
 * in the result. Throws `OutputError`. The caller commits.
 */
export function writeReports(folder: RunFolder, result: ExperimentResult, variants = result.variants.length): void {
  folder.write("summary.json", summaryJson(result));
  folder.write("summary.md", summaryMarkdown(result));
  folder.write("report.html", reportHtml(result));
  for (const variant of result.variants) folder.write(variantFile(variant.name, variants, "series.csv"), seriesCsv(variant.series));
  folder.write(MANIFEST_NAME, manifestJson(result, folder.files()));
}
