/**
 * `ctlab observe` over a file of 200,000 flows, from the command line to its last byte; beside the real client when `hubble` is on
 * the PATH, in turns. The flows are those of the recorded corpus, over and over.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { median } from "./core-tables.mjs";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const CORPUS = new URL("../test/vectors/hubble/filter-corpus.ndjson.gz", import.meta.url);
const FLOWS = 200_000;
const OUTPUT_MAX = 2 ** 30;

const CASES = [
  ["few pass", ["--verdict", "DROPPED", "--to-port", "53"]],
  ["labels and addresses", ["--label", "app in (a,b)", "--not", "--to-ip", "10.244.2.0/24"]],
  ["most pass, as JSON", ["--verdict", "FORWARDED", "-o", "jsonpb"]],
];

export function run({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "ctlab-bench-"));
  const path = join(folder, "flows.jsonl");
  const lines = gunzipSync(readFileSync(CORPUS)).toString("utf8").trimEnd().split("\n");
  writeFileSync(path, Array.from({ length: FLOWS }, (_, i) => `${lines[i % lines.length]}\n`).join(""));
  const hasHubble = spawnSync("hubble", ["version"]).status === 0;
  const rows = CASES.map(([name, filters]) => {
    const ours = [];
    const theirs = [];
    for (let turn = 0; turn < (quick ? 1 : 5); turn++) {
      ours.push(secondsOf(process.execPath, [MAIN, "observe", path, "--all", ...filters]));
      if (hasHubble) theirs.push(secondsOf("hubble", ["observe", "--input-file", path, "--all", ...filters]));
    }
    const own = median(ours);
    const theirsCells = hasHubble ? [median(theirs).toFixed(2), (own / median(theirs)).toFixed(2)] : ["–", "–"];
    return [name, own.toFixed(2), Math.round(FLOWS / own), ...theirsCells];
  });
  rmSync(folder, { recursive: true });
  return [{ title: "ctlab observe, 200,000 flows", columns: ["filters", "ctlab s", "flows/s", "hubble s", "ratio"], rows }];
}

function secondsOf(command, args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"], maxBuffer: OUTPUT_MAX });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return (performance.now() - start) / 1000;
}
