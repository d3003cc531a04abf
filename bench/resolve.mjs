/**
 * `ctlab resolve` from the command line to its last byte, processes one after the other on one CPU, in turns: beside a Node
 * that does nothing, without a file, and with a values file as long as the chart's own (every key, two thirds comments).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./core-tables.mjs";
import { chartRoot } from "../dist/scenario/helm/chart-keys.js";
import { isModelled } from "../dist/scenario/helm/chart-rules.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const NODE = ["resolve", "--node", "16cpu,64Gi", "--cilium", "1.19"];
const MINOR = 19;
const GOAL_MS = 200;

export function run({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "ctlab-bench-"));
  const values = join(folder, "values.yaml");
  writeFileSync(values, wholeChart());
  const cases = [
    ["node -e 0", ["-e", "0"]],
    ["no file", [MAIN, ...NODE]],
    ["every key of the chart", [MAIN, ...NODE, "-f", values]],
    ["the same, --json", [MAIN, ...NODE, "-f", values, "--json"]],
    ["the same, --diff --cilium 1.18", [MAIN, ...NODE, "-f", values, "--diff", "--cilium", "1.18"]],
    ["the same, --diff with another such file", [MAIN, ...NODE, "-f", values, "--diff", copyOf(values)]],
  ];
  const times = cases.map(() => []);
  for (let turn = 0; turn < (quick ? 3 : 15); turn++) for (const [at, [, args]] of cases.entries()) times[at].push(timeOf(args));
  rmSync(folder, { recursive: true });
  const rows = cases.map(([name], at) => {
    const least = Math.min(...times[at]);
    return [name, median(times[at]).toFixed(0), least.toFixed(0)];
  });
  return [{ title: "ctlab resolve, wall time", notes: [`goal: ${GOAL_MS} ms for any file`], columns: ["case", "median ms", "least ms"], rows }];
}

function timeOf(args) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** All keys of the chart that decide nothing in the model, under comments as long as the chart's. */
function wholeChart() {
  const lines = [];
  const write = (keys, path, indent) => {
    for (const [name, key] of keys) {
      const full = path === "" ? name : `${path}.${name}`;
      if (key.first > MINOR || key.last < MINOR || (isModelled(full) && key.keys.size === 0)) continue;
      lines.push(`${indent}# -- What ${full} is for, in a line or two as the chart's authors tell it to those who`, `${indent}# come to look for it, and what it is when nobody says.`);
      if (key.keys.size === 0) lines.push(`${indent}${name}: "value"`);
      else {
        lines.push(`${indent}${name}:`);
        write(key.keys, full, `${indent}  `);
      }
    }
  };
  write(chartRoot().keys, "", "");
  return `${lines.join("\n")}\n`;
}

function copyOf(path) {
  const copy = path.replace(/\.yaml$/, "-2.yaml");
  writeFileSync(copy, `# another\n${wholeChart()}`);
  return copy;
}
