/** Puts the shards of a sweep together: the same files, byte for byte, as if one process had done all of it. */
import type { SweepPlan, SweepPoint, SweepTable } from "../../observe/sweep-result.js";
import { layOut } from "../../report/json.js";
import { OutputError } from "../../report/output-error.js";
import { didYouMean } from "../../scenario/nearest-path.js";
import { differenceOf, finishedPoints, openSweep, readPlan, readPoint, writePoint } from "./sweep-folder.js";
import { tabulate } from "./tabulate.js";
import { writeTables } from "./write-tables.js";

/** Missing points named in the message. */
const NAMED = 5;

/** Writes into `out`, which is new, empty or a part of the same sweep. Throws an `OutputError`, and nothing is written. */
export async function mergeSweeps(dirs: readonly string[], out: string): Promise<SweepTable> {
  const plan = commonPlan(dirs);
  const there = readPlan(out);
  if (there !== null && layOut(there) !== layOut(plan)) throw new OutputError(out, `${differenceOf(there, plan)}; it is left as it is`, "input");
  const points = new Map<number, SweepPoint>();
  for (const dir of there === null ? dirs : [out, ...dirs]) {
    for (const number of finishedPoints(dir)) {
      const point = readPoint(dir, plan, number);
      const known = points.get(number);
      if (known !== undefined && layOut(known) !== layOut(point)) throw new OutputError(dir, `has another result for point ${number} than a folder before it`, "input");
      points.set(number, point);
    }
  }
  const missing = Array.from({ length: plan.points }, (_, i) => i).filter((number) => !points.has(number));
  if (missing.length > 0) {
    const named = `${missing.slice(0, NAMED).join(", ")}${missing.length > NAMED ? " …" : ""}`;
    throw new OutputError(dirs.join(", "), `${missing.length} of ${plan.points} points are in none of the folders (${named}); nothing is written`, "input");
  }
  openSweep(out, plan);
  for (const point of points.values()) writePoint(out, point);
  const table = tabulate(plan, [...points.values()]);
  await writeTables(out, table);
  return table;
}

function commonPlan(dirs: readonly string[]): SweepPlan {
  let plan: SweepPlan | null = null;
  for (const dir of dirs) {
    const own = readPlan(dir);
    if (own === null) throw new OutputError(dir, `is no sweep's folder${didYouMean(dir, "folder")}`, "input");
    if (plan !== null && layOut(own) !== layOut(plan)) throw new OutputError(dir, `${differenceOf(own, plan)} from the one in ${dirs[0]!}`, "input");
    plan ??= own;
  }
  return plan!;
}
