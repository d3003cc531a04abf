import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.js";

/** The property tests' seed: CTLAB_PROPERTY_SEED if given ("random": another one each time), else the commit's first 31 bits. */
function propertySeed(): string {
  const given = process.env["CTLAB_PROPERTY_SEED"];
  if (given !== undefined && given !== "") return given;
  try {
    const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return String(Number.parseInt(commit.slice(0, 8), 16) >>> 1);
  } catch {
    // Not a git checkout: a fixed seed.
    return "1";
  }
}

/** What they measure depends on what V8 has compiled before. */
const ALONE = ["src/traffic/tcp-allocation.test.ts", "src/core/{event-queue,simulation,log-linear}.test.ts"];

export default defineConfig({
  test: {
    projects: [
      // Units keep no state: they share what is loaded, which takes a third of their time.
      { extends: true, test: { name: "units", include: ["src/**/*.test.ts"], exclude: ALONE, isolate: false } },
      // Nor do tests of the command line.
      { extends: true, test: { name: "commands", include: ["test/e2e/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "whole", include: ["test/**/*.test.ts", "examples/**/*.test.ts", ...ALONE], exclude: ["test/e2e/**"] } },
    ],
    // What is built is tested as it is.
    server: { deps: { external: [/[\\/]dist[\\/]/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The longest file simulates on threads of its own, and the others are many: one worker for each core, not one less.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    setupFiles: ["test/support/property-seed.ts"],
    env: { CTLAB_PROPERTY_SEED: propertySeed() },
    // The JSON report is what .ci/run counts from.
    reporters: ["default", ["json", { outputFile: "reports/test-results.json" }]],
  },
});
