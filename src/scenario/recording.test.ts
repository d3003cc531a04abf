import { describe, expect, it } from "vitest";
import { changed, load, mistakes, VALUES, VALUES_PATH } from "../../test/scenario/fixtures.js";

describe("recorded arrivals", () => {
  const recorded = changed("{ poisson: 100/s, first: 1m, every: 2m, for: 10s }", "{ recorded: traces/burst.txt, repeat: 1m }");
  const text = recorded.replace('window="inside"', 'window="all"');
  const files = (content: string): Record<string, string> => ({ [VALUES_PATH]: VALUES, "dir/traces/burst.txt": content });

  it("are read from a file beside the scenario: seconds or durations, with comments", () => {
    const { base } = load(text, {}, files("# from a capture\n0.5\n0.500000001\n\n1500ms\r\n2\n"));
    const workload = base.workloads[1]!;
    expect(workload.kind !== "pool" && workload.arrivals).toEqual({ kind: "recorded", atNs: [5e8, 500_000_001, 15e8, 2e9], repeatNs: 60e9 });
  });

  it("are part of what the run's hash covers", () => {
    const [one, other] = ["1\n2\n", "1\n3\n"].map((content) => load(text, {}, files(content)).hash);
    expect(one).not.toBe(other);
  });

  it.each([
    ["1\n2\nthree\n", "dir/traces/burst.txt", 3, /"three" is no moment/],
    ["1\n3\n 2\n", "dir/traces/burst.txt", 3, /comes after a later one/],
    ["# nothing\n", "dir/scenario.yaml", 29, /holds no moment/],
  ])("%j is refused with its place", (content, file, line, message) => {
    const [mistake] = mistakes(text, {}, files(content));
    expect([mistake!.file, mistake!.line]).toEqual([file, line]);
    expect(mistake!.message).toMatch(message);
  });

  it("a file that is not there is a mistake of the line that names it", () => {
    const [mistake] = mistakes(text);
    expect(mistake!.line).toBe(29);
    expect(mistake!.message).toMatch(/^the recording dir\/traces\/burst\.txt /);
  });
});
