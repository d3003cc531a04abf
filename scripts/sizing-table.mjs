// Writes the sizing table into scenarios/sizing/README.md: the published rule of thumb, four sizes under three mixes of traffic, five runs each.
//
//     npm run build && node scripts/sizing-table.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What the rows set, row by row: the pods of the rule and its size, the load, and what the table holds after five minutes of it. */
export const PATHS = ["cluster.pods", "bpf.ctTcpMax", "bpf.ctAnyMax", "workloads.load.arrivals.poisson", "preload.0.entries"];
export const ROWS = [
  ["500", "256Ki", "256Ki", "500/s", "150000"],
  ["2000", "512Ki", "512Ki", "2000/s", "520000"],
  ["5000", "1Mi", "1Mi", "5000/s", "1040000"],
  ["10000", "2Mi", "2Mi", "10000/s", "2080000"],
];
const BEGIN = "<!-- table: begin -->\n";
const END = "<!-- table: end -->";

/** A grid of these rows, for `--grid`. */
export const gridOf = (rows) => `${PATHS.join("&")}=${rows.map((row) => row.join("&")).join(",")}`;

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = join(root, "scenarios/sizing/README.md");

/** The table of a sweep's table.md, without its heading and legend. */
export function tableOf(markdown) {
  return markdown.split("\n").filter((line) => line.startsWith("|"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = mkdtempSync(join(tmpdir(), "ctlab-sizing-"));
  try {
    const startedAt = performance.now();
    const args = ["dist/main.js", "sweep", "scenarios/sizing/rule-of-thumb.yaml", "--grid", gridOf(ROWS), "--out", out, "--quiet"];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
    const markdown = readFileSync(join(out, "table.md"), "utf8");
    const text = readFileSync(readme, "utf8");
    const [before, after] = [text.slice(0, text.indexOf(BEGIN) + BEGIN.length), text.slice(text.indexOf(END))];
    writeFileSync(readme, `${before}${tableOf(markdown).join("\n")}\n${after}`);
    console.log(`${tableOf(markdown).length - 2} rows in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
