/**
 * What writing all flows of the incident costs beside simulating it: the built command in turns with `observe.flows: none` and with
 * all of them, up to a moment after the map has filled up. CPU of the whole process, wall time to the last byte on disk.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./core-tables.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUN = ["dist/main.js", "run", "scenarios/ct-exhaustion.yaml", "--variant", "as-told", "--quiet"];
const CASES = [
  ["none", ["--set", "observe.flows=none"]],
  ["all", ["--set", "observe.flows=all", "--set", "observe.flowsMax=100000000"]],
];
/** Exit codes of a run that was written: what the scenario expects of its whole duration is not looked at. */
const JUDGED = [0, 3, 4];

export function run({ quick }) {
  const duration = quick ? "380s" : "460s";
  const taken = CASES.map(() => []);
  for (let turn = 0; turn < (quick ? 1 : 5); turn++) for (const [at, [, args]] of CASES.entries()) taken[at].push(once(duration, args));
  const of = (at, figure) => median(taken[at].map((one) => one[figure]));
  const rows = CASES.map(([name], at) => [name, (of(at, "bytes") / 1e9).toFixed(2), ...["wall", "user", "system"].map((figure) => of(at, figure).toFixed(2))]);
  const cost = (figure) => of(1, figure) - of(0, figure);
  const cpu = (cost("user") + cost("system")) / (of(0, "user") + of(0, "system"));
  return [
    {
      title: `flows of the incident to ${duration}`,
      notes: [`flows cost ${cpu.toFixed(2)} of the run's CPU, ${(cost("wall") / of(0, "wall")).toFixed(2)} of its wall time (goal: below 1)`],
      columns: ["flows", "GB", "wall s", "user s", "system s"],
      rows,
    },
  ];
}

function once(duration, args) {
  const folder = mkdtempSync(join(tmpdir(), "ctlab-bench-"));
  const command = [process.execPath, ...RUN, "--set", `duration=${duration}`, ...args, "--out", join(folder, "run")];
  const env = { ...process.env, TIMEFORMAT: "%R %U %S" };
  const { status, stderr } = spawnSync("bash", ["-c", 'time "$@"', "bash", ...command], { cwd: ROOT, encoding: "utf8", env });
  if (!JUDGED.includes(status)) throw new Error(stderr);
  const [wall, user, system] = stderr.trim().split("\n").at(-1).split(" ").map(Number);
  const file = statSync(join(folder, "run", "flows.jsonl"), { throwIfNoEntry: false });
  rmSync(folder, { recursive: true });
  return { wall, user, system, bytes: file?.size ?? 0 };
}
