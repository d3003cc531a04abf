/** The library of incidents: every file loads, says what it expects of each variant, and the quick ones keep their word. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DROP_REASONS } from "../../src/cilium/datapath/drop-reasons.js";
import type { CheckResult } from "../../src/observe/check-result.js";
import { loadScenario } from "../../src/scenario/load.js";
import { ctlab } from "./cli.js";

const NAMES = readdirSync("scenarios").filter((name) => name.endsWith(".yaml")).map((name) => name.replace(".yaml", ""));
/** About a second each. */
const QUICK = ["nat-orphans", "map-resize", "node-local-dns-restart", "dns-backend-lag", "sticky-service"];
const MINUTE = 60_000;
const dropReasons = DROP_REASONS.flatMap(({ text }) => (text === undefined ? [] : [text]));

describe("the library", () => {
  it.each(NAMES)("%s loads, with a question and expectations", (name) => {
    const path = join("scenarios", `${name}.yaml`);
    const { base, variants, warnings } = loadScenario(path, { dropReasons });
    expect(base.name).toBe(name);
    expect(warnings).toEqual([]);
    expect(readFileSync(path, "utf8")).toMatch(/^# Question: /m);
    expect(variants.length).toBeGreaterThan(1);
    expect(variants.some(({ expect: lines }) => lines.length > 0)).toBe(true);
  });

  it("is listed in its README, each with a picture", () => {
    const readme = readFileSync("scenarios/README.md", "utf8");
    for (const name of NAMES) {
      expect(readme).toContain(`| \`${name}\` |`);
      expect(readme).toContain(`![${name}](pictures/${name}.svg)`);
      const { variants } = loadScenario(join("scenarios", `${name}.yaml`), { dropReasons });
      const picture = readFileSync(`scenarios/pictures/${name}.svg`, "utf8");
      for (const { variant } of variants) expect(picture).toContain(`>${variant}</text>`);
    }
  });

  it.each(["1", "20"])(
    "meets its expectations, the quick ones with seed %s",
    async (seed) => {
      // All in one process, whose code is warm after the first of them.
      const { code, stdout } = await ctlab(["check", ...QUICK.map((name) => `scenarios/${name}.yaml`), "--seed", seed, "--jobs", "1", "--json"]);
      const { variants } = JSON.parse(stdout) as CheckResult;
      const missed = variants.flatMap(({ expectations }) => expectations.filter(({ outcome }) => outcome !== "met"));
      expect(missed).toEqual([]);
      expect(new Set(variants.map(({ scenario }) => scenario))).toEqual(new Set(QUICK));
      expect(variants.every(({ expectations, seed: used }) => expectations.length > 0 && used === seed)).toBe(true);
      expect(code).toBe(0);
    },
    MINUTE,
  );
});
