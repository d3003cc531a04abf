/** The example of a user's own property test, as the package's README shows it: on the built package. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

it("examples/lru-property.mjs runs, and its second property fails on a short history", () => {
  const output = execFileSync(process.execPath, ["examples/lru-property.mjs"], { cwd: ROOT, encoding: "utf8" });
  const [first, second, map, ...operations] = output.trimEnd().split("\n");
  expect(first).toBe("inserts are kept: holds");
  expect(second).toBe("evicts only when full: does not hold");
  expect(map).toMatch(/^type 9, \d+ entries/);
  expect(operations.length).toBeGreaterThan(0);
  expect(operations.length).toBeLessThan(8);
});
