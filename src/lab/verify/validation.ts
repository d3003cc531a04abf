/** The validation report: all experiments of the testbed in one table, recorded and simulated figures side by side. */
import { VERSION } from "../../core/version.js";
import { writeWhole } from "../../report/whole-file.js";
import { TESTBED_HEADINGS } from "./testbed/table.js";

/** The report as Markdown. `rows`: one line for each experiment, cells as in `TESTBED_HEADINGS`. */
export function validationText(rows: readonly (readonly string[])[]): string {
  const rule = TESTBED_HEADINGS.map((_, index) => (index === 0 ? "---" : "---:"));
  const table = [TESTBED_HEADINGS, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [
    `# Experiments on a real kernel, predicted by ctlab ${VERSION}`,
    "",
    "Two numbers: recorded / simulated. Entries: root mean square error of the map's occupancy off the GC edges, as a share",
    "of its size. Latency: Kolmogorov-Smirnov distance of SYN latencies at 10 ms. By retransmissions: largest difference",
    "of the shares of connections that needed none, one, two … SYN retransmissions.",
    "",
    ...table,
    "",
  ].join("\n");
}

/** Writes the report, whole or not at all. Throws `OutputError`. */
export function writeValidation(path: string, rows: readonly (readonly string[])[]): void {
  writeWhole(path, validationText(rows));
}
