/**
 * Runs the property tests in many rounds, each with a seed of its own: `npm run soak -- [rounds] [first seed]`.
 * Keeps going after a failure, prints it with the seed that repeats it, and ends with 1 if any round failed.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const rounds = Number(process.argv[2] ?? 10);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1e9);
const files = ["src", "test"]
  .flatMap((root) => readdirSync(root, { recursive: true }).map((name) => join(root, name)))
  .filter((path) => path.endsWith(".test.ts") && readFileSync(path, "utf8").includes('from "fast-check"'));

let failed = 0;
for (let round = 0; round < rounds; round++) {
  const seed = String(firstSeed + round);
  const { status, stdout, signal } = spawnSync("npx", ["vitest", "run", "--reporter=dot", ...files], {
    env: { ...process.env, CTLAB_PROPERTY_SEED: seed },
    encoding: "utf8",
  });
  if (signal !== null) process.exit(130);
  console.log(`round ${round + 1} of ${rounds}, seed ${seed}: ${status === 0 ? "passed" : "FAILED"}`);
  if (status === 0) continue;
  failed++;
  console.log(stdout.slice(stdout.indexOf("FAIL")), `\nrepeat: CTLAB_PROPERTY_SEED=${seed} npx vitest run`);
}
process.exit(failed === 0 ? 0 : 1);
