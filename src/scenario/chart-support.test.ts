/** Every value of the charts 1.14 to 1.19 is modelled, decides nothing, or is refused where it is written. */
import { describe, expect, it } from "vitest";
import { load, mistakes } from "../../test/scenario/fixtures.js";
import { CHART_SUPPORT, refusedFlag, supportOf, type ChartSupport } from "./chart-support.js";
import { AGENT_FLAGS } from "./helm/agent-flags-table.js";
import { lookUp, type ChartRelease } from "./helm/chart-keys.js";
import { isModelled } from "./helm/chart-rules.js";

const MINORS = [14, 15, 16, 17, 18, 19];
/** Newest patches: they have all keys of their minor. */
const NEWEST_PATCH = 99;

/** Paths of all keys of a chart that hold values. */
function* keysOf(release: ChartRelease, path: readonly string[] = []): Generator<readonly string[]> {
  const unknown = lookUp([...path, "?"], release);
  for (const name of unknown.status === "unknown" ? unknown.siblings : []) {
    const below = lookUp([...path, name], release);
    if (below.status === "known" && below.container && !below.single) yield* keysOf(release, [...path, name]);
    else yield [...path, name];
  }
}

const REFUSED = CHART_SUPPORT.filter(({ support }) => support === "refused");

/** A value with which the feature is on. */
function on({ off }: ChartSupport): string {
  if (off.includes("true")) return "false";
  if (off.includes("false")) return "true";
  return off.includes("none") ? "icmp" : off.includes("ipv4") ? "ipv6" : off.includes("disabled") ? "envoy" : "7";
}

/** A scenario whose values hold one key, as `helm.set`. */
function scenario(minor: number, set: string): string {
  return `apiVersion: ctlab/v1\nname: one\nprofile: { cilium: "1.${minor}", kernel: 6.12 }\nhelm: { set: { ${set} } }\nduration: 1s\n`;
}

describe("each value of the chart", () => {
  it.each(MINORS)("1.%i belongs to a line", (minor) => {
    const keys = [...keysOf({ minor, patch: NEWEST_PATCH })];
    expect(keys.length).toBeGreaterThan(500);
    expect(keys.filter((path) => supportOf(path) === undefined).map((path) => path.join("."))).toEqual([]);
  });

  it("that a line calls modelled is one that the settings are made of", () => {
    const keys = MINORS.flatMap((minor) => [...keysOf({ minor, patch: NEWEST_PATCH })]);
    const claimed = keys.filter((path) => supportOf(path)!.support === "modelled").map((path) => path.join("."));
    expect(claimed.filter((key) => !isModelled(key))).toEqual([]);
  });

  it("has one line", () => {
    const keys = CHART_SUPPORT.flatMap((line) => line.keys);
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });

  it("of a line is a key of some chart", () => {
    const known = (key: string): boolean => MINORS.some((minor) => lookUp(key.split("."), { minor, patch: NEWEST_PATCH }).status === "known");
    expect(CHART_SUPPORT.flatMap((line) => line.keys).filter((key) => !known(key))).toEqual([]);
  });
});

describe("a value that is refused", () => {
  const cases = REFUSED.flatMap((line) => line.keys.map((key) => ({ key, line })));

  it.each(cases)("$key: where, what and how to go on", ({ key, line }) => {
    // A bare minor means its newest patch.
    const minor = MINORS.find((each) => lookUp(key.split("."), { minor: each, patch: NEWEST_PATCH }).status === "known")!;
    expect(mistakes(scenario(minor, `${key}: ${on(line)}`))).toEqual([
      expect.objectContaining({
        severity: "error",
        line: 4,
        column: 18 + key.length,
        message: `${key} can't be simulated: ${line.why}`,
        expected: line.instead,
      }),
    ]);
    for (const value of [...line.off.map((word) => `"${word}"`), "null"]) {
      expect(load(scenario(minor, `${key}: ${value}`)).base.name).toBe("one");
    }
  });
});

describe("a flag that is refused", () => {
  const cases = REFUSED.flatMap((line) => line.flags.map((flag) => ({ flag, line })));

  it.each(cases)("$flag, by extraConfig and by extraArgs", ({ flag, line }) => {
    const [byConfig] = mistakes(scenario(17, `extraConfig: { ${flag}: "${on(line)}" }`));
    expect(byConfig).toMatchObject({ line: 4, message: `extraConfig.${flag} can't be simulated: ${line.why}`, expected: line.instead });
    const [byArgument] = mistakes(scenario(17, `extraArgs: ["--${flag}=${on(line)}"]`));
    expect(byArgument).toMatchObject({ line: 4, message: `--${flag} can't be simulated: ${line.why}` });
    expect(load(scenario(17, `extraConfig: { ${flag}: "${line.off[0]}" }`)).base.name).toBe("one");
  });

  it("is one of the agent's", () => {
    const flags = REFUSED.flatMap((line) => line.flags);
    expect(flags.filter((flag) => !AGENT_FLAGS.has(flag))).toEqual([]);
    expect(flags.every((flag) => refusedFlag(flag) !== undefined)).toBe(true);
  });
});
